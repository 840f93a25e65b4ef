//! How many SMS a text takes: GSM 03.38 where its characters allow, UCS-2 where not.

use super::named;

/// The 7-bit default alphabet of GSM 03.38 (3GPP TS 23.038, 6.2.1), escape left out.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table (6.2.1.1): each is an escape and a character.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Units in the only segment, and in each of several: those give 6 bytes to the header that joins them.
type SegmentCapacity = (u32, u32);
/// In septets.
const GSM7: SegmentCapacity = (160, 153);
/// In UTF-16 units.
const UCS2: SegmentCapacity = (70, 67);

/// How a message's text goes over the air, by the names under which messages keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TextEncoding {
    Gsm7,
    Ucs2,
    /// A WhatsApp message's, which has no segments.
    Utf8,
    /// A call's, which has no text.
    None,
}

named!(TextEncoding, Gsm7, Ucs2, Utf8, None);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    pub encoding: TextEncoding,
    /// At least 1: an empty text is one message too.
    pub count: u32,
    /// Septets, or UTF-16 units.
    pub units: u32,
}

/// The septets of a character, where the GSM alphabet has it.
fn septets(c: char) -> Option<u32> {
    // most texts are ASCII, and this is on the way of every message
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '.' | ',' => Some(1),
        _ if BASIC.contains(c) => Some(1),
        _ if EXTENSION.contains(c) => Some(2),
        _ => None,
    }
}

impl Segments {
    pub fn of(text: &str) -> Self {
        if text.chars().all(|c| septets(c).is_some()) {
            Self::fill(TextEncoding::Gsm7, GSM7, text.chars().filter_map(septets))
        } else {
            Self::fill(TextEncoding::Ucs2, UCS2, text.chars().map(|c| if c.len_utf16() == 2 { 2 } else { 1 }))
        }
    }

    /// Fills segments in order; what takes two units is never split over two segments.
    fn fill(encoding: TextEncoding, (alone, each): SegmentCapacity, widths: impl Iterator<Item = u32>) -> Self {
        let (mut units, mut count, mut filled) = (0_u32, 1, 0);
        for width in widths {
            units = units.saturating_add(width);
            if filled + width > each {
                count += 1;
                filled = 0;
            }
            filled += width;
        }
        Self { encoding, count: if units <= alone { 1 } else { count }, units }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(text: &str) -> (TextEncoding, u32) {
        let segments = Segments::of(text);
        (segments.encoding, segments.count)
    }

    #[test]
    fn the_alphabet_is_whole() {
        // 128 places less the escape
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }

    #[test]
    fn encodings_are_read_as_they_are_written() {
        assert!(TextEncoding::ALL.into_iter().all(|encoding| TextEncoding::parse(encoding.name()) == Some(encoding)));
        assert_eq!(TextEncoding::parse("utf16"), None);
    }

    #[test]
    fn segments_end_where_the_standard_says() {
        for (length, expected) in [(0, 1), (1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (1530, 10), (1600, 11)] {
            assert_eq!(count(&"a".repeat(length)), (TextEncoding::Gsm7, expected), "{length} of a");
        }
        for (length, expected) in [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3)] {
            assert_eq!(count(&"ж".repeat(length)), (TextEncoding::Ucs2, expected), "{length} of ж");
        }
    }

    #[test]
    fn pairs_are_not_split() {
        assert_eq!(count(&"€".repeat(80)), (TextEncoding::Gsm7, 1));
        // 76 pairs to a segment of 153: the last septet stays empty
        assert_eq!(count(&"€".repeat(153)), (TextEncoding::Gsm7, 3));
        assert_eq!(count(&format!("a{}", "€".repeat(152))), (TextEncoding::Gsm7, 2));
        assert_eq!(count(&"😀".repeat(35)), (TextEncoding::Ucs2, 1));
        assert_eq!(count(&"😀".repeat(67)), (TextEncoding::Ucs2, 3));
        assert_eq!(count(&format!("ж{}", "😀".repeat(66))), (TextEncoding::Ucs2, 2));
    }

    #[test]
    fn one_character_outside_the_alphabet_turns_the_whole_text() {
        assert_eq!(Segments::of("price: 5 €"), Segments { encoding: TextEncoding::Gsm7, count: 1, units: 11 });
        assert_eq!(Segments::of("ç`"), Segments { encoding: TextEncoding::Ucs2, count: 1, units: 2 });
        assert_eq!(Segments::of("Ç").encoding, TextEncoding::Gsm7);
    }

    /// Cuts a text into segments the slow way: takes the longest piece that fits, again and again.
    fn split(text: &str, room: usize, units: impl Fn(&str) -> usize) -> Vec<String> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
            let end = ends.take_while(|end| units(&rest[..*end]) <= room).last().unwrap_or(rest.len());
            pieces.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        pieces
    }

    fn naive(text: &str) -> (TextEncoding, usize) {
        let escaped: String =
            text.chars().flat_map(|c| EXTENSION.contains(c).then_some('\u{1b}').into_iter().chain([c])).collect();
        let is_gsm = escaped.chars().all(|c| c == '\u{1b}' || BASIC.contains(c) || EXTENSION.contains(c))
            && !text.contains('\u{1b}');
        let septets = |text: &str| text.chars().map(|c| if EXTENSION.contains(c) { 2 } else { 1 }).sum();
        let utf16 = |text: &str| text.encode_utf16().count();
        let (encoding, alone, pieces) = if is_gsm {
            (TextEncoding::Gsm7, escaped.chars().count() <= 160, split(text, 153, septets))
        } else {
            (TextEncoding::Ucs2, utf16(text) <= 70, split(text, 67, utf16))
        };
        (encoding, if alone { 1 } else { pieces.len() })
    }

    proptest! {
        #[test]
        fn the_count_is_the_naive_splitters(text in "[a-z€^]{0,340}|[aж😀]{0,150}|[ -~€]{150,170}|\\PC{0,200}") {
            let (encoding, expected) = naive(&text);
            let segments = Segments::of(&text);
            prop_assert_eq!((segments.encoding, segments.count as usize), (encoding, expected));
        }
    }
}
