//! Bytes as text, whatever alphabet their sender wrote them in: nobody's words are refused for their bytes.

use std::borrow::Cow;

/// What `windows-1252` has where Latin-1 has control characters: 0x80 to 0x9F. Senders that say the one mean the
/// other (the Encoding Standard makes them one). Five places are empty there.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// How clients may write their forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FormCharset {
    #[default]
    Utf8,
    Latin,
}

impl FormCharset {
    /// The one of this name. `None`: none that is read here.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Some(Self::Utf8),
            "iso-8859-1" | "iso8859-1" | "latin1" | "latin-1" | "l1" | "windows-1252" | "cp1252" => Some(Self::Latin),
            _ => None,
        }
    }

    /// The same text in UTF-8; what was said to be that is left as it is.
    pub fn to_utf8(self, bytes: Vec<u8>) -> Vec<u8> {
        if self == Self::Utf8 || bytes.is_ascii() { bytes } else { latin(&bytes).into_bytes() }
    }
}

/// The text of a body. A mark at its beginning decides, then the `charset` of its content type where that is one of
/// the Latin ones; what is neither is UTF-8, or else Latin: every byte has a letter there.
pub fn decode<'a>(bytes: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return utf8(rest);
    }
    match bytes {
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes).into(),
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes).into(),
        _ => {}
    }
    let charset =
        content_type.and_then(|header| parameter(header, "charset")).and_then(|name| FormCharset::named(&name));
    if charset == Some(FormCharset::Latin) { latin(bytes).into() } else { utf8(bytes) }
}

/// A parameter of a header, unquoted (RFC 9110, section 5.6.6).
pub fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, behind) = value(after);
        // one that is empty, or has no value, stands before the next one's name
        let name = name.rsplit(';').next().unwrap_or(name);
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = behind.split_once(';')?.1;
    }
}

/// A parameter's value, and what stands behind it.
fn value(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let (mut value, mut characters) = (String::new(), quoted.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| latin(bytes).into(), Cow::Borrowed)
}

fn latin(bytes: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        0x80..=0x9f => WINDOWS.get(usize::from(*byte) - 0x80).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        byte => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_read_as_it_was_written() {
        let latin = Some("application/json; charset=ISO-8859-1");
        for (bytes, content_type, text) in [
            ("Ça va ✓".as_bytes(), None, "Ça va ✓"),
            ("\u{feff}Ça va ✓".as_bytes(), latin, "Ça va ✓"),
            (b"\xc7a va \x80", latin, "Ça va €"),
            (b"\xc7a va \x80", Some("text/plain;Charset = \"latin1\" ;x=y"), "Ça va €"),
            (b"\xc7a va", Some("application/json"), "Ça va"),
            (b"\xc7a va", Some("application/json; charset=utf-8"), "Ça va"),
            (b"\xc7a va", None, "Ça va"),
            // as it says, though it can be read otherwise
            (b"\xc3\x87", latin, "Ã‡"),
            (b"\xc3\x87", Some("application/json; charset=klingon"), "Ç"),
            (b"\xfe\xff\x00\xc7\x27\x13", None, "Ç✓"),
            (b"\xff\xfe\xc7\x00\x13\x27\x00", None, "Ç✓"),
            (b"", None, ""),
        ] {
            assert_eq!(decode(bytes, content_type), text, "{content_type:?}");
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_bytes_as_they_say() {
        for (name, bytes, text) in [
            ("ISO-8859-1", &b"Gr\xfc\xdfe \x80"[..], "Grüße €"),
            ("Windows-1252", b"\x93a\x94\x9f\x81", "“a”Ÿ\u{81}"),
            (" latin1 ", b"a", "a"),
            ("UTF-8", "Grüße".as_bytes(), "Grüße"),
        ] {
            let charset = FormCharset::named(name).unwrap();
            assert_eq!(charset.to_utf8(bytes.to_vec()), text.as_bytes(), "{name}");
        }
        assert_eq!(FormCharset::named("utf-16"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in any::<Vec<u8>>(), content_type in "\\PC{0,40}") {
            let _ = decode(&bytes, Some(&content_type));
        }

        #[test]
        fn text_stays_as_it_is(text in "\\PC{0,40}") {
            prop_assert_eq!(decode(text.as_bytes(), None), text.trim_start_matches('\u{feff}'));
        }
    }
}
