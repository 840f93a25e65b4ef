//! Look-alikes: characters outside GSM 03.38 that a text can do without, so that it fits the 7-bit alphabet.
//!
//! What word processors and phones put in unasked: quotes, dashes, dots, blanks, and what Unicode itself says is only
//! another way to write the same (UAX 15). Letters that make another word are left alone.

use super::segment::{Segments, TextEncoding};

/// What stands for a character, where something does.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        '«' | '»' | '“'..='‟' | '″' | '‶' | 'ʺ' | 'ˮ' | '❝' | '❞' | '〝'..='〟' | '＂' => "\"",
        '‘'..='‛' | '′' | '‵' | 'ʹ' | 'ʻ'..='ʽ' | 'ˈ' | 'ˊ' | 'ˋ' | '´' | '`' | '‹' | '›' | '❛' | '❜' | '＇' => {
            "'"
        }
        '\u{2010}'..='\u{2015}' | '−' | '⁃' | '﹘' | '﹣' | '－' => "-",
        '…' => "...",
        '‥' => "..",
        // a leader, and the middle dot, which is written so where there is no key for it
        '․' | '·' => ".",
        '\t' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        '\u{85}' | '\u{2028}' | '\u{2029}' => "\n",
        // soft hyphens, joiners, marks of direction, a byte order mark: nothing is to be seen
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => "",
        '•' | '∗' | '∙' => "*",
        '⁄' | '∕' => "/",
        '×' => "x",
        '∶' => ":",
        '‼' => "!!",
        '⁇' => "??",
        '⁈' => "?!",
        '⁉' => "!?",
        '¹' => "1",
        '²' => "2",
        '³' => "3",
        '¼' => "1/4",
        '½' => "1/2",
        '¾' => "3/4",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        // the signs of ohm and angstrom are the letters
        '\u{2126}' => "Ω",
        '\u{212b}' => "Å",
        _ => return None,
    })
}

/// A letter and its mark as the one letter of the alphabet that they are.
fn composed(letter: char, mark: char) -> Option<char> {
    const LETTERS: [(char, &str, &str); 6] = [
        ('\u{300}', "aeiou", "àèìòù"),
        ('\u{301}', "eE", "éÉ"),
        ('\u{303}', "nN", "ñÑ"),
        ('\u{308}', "aouAOU", "äöüÄÖÜ"),
        ('\u{30a}', "aA", "åÅ"),
        ('\u{327}', "C", "Ç"),
    ];
    let (_, bare, whole) = LETTERS.iter().find(|(known, ..)| *known == mark)?;
    whole.chars().nth(bare.chars().position(|known| known == letter)?)
}

fn replaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if let Some(plain) = plain(c) {
            out.push_str(plain);
        } else if let Some(whole) = out.chars().last().and_then(|letter| composed(letter, c)) {
            out.pop();
            out.push(whole);
        } else {
            out.push(narrow(c));
        }
    }
    out
}

/// A full-width form as the ASCII character that it is; the alphabet has no grave accent.
fn narrow(c: char) -> char {
    match c {
        '｀' => '\'',
        '！'..='～' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// A text with its look-alikes replaced, where that brings it into the 7-bit alphabet and takes no more segments.
/// Otherwise it is better left as it was written.
pub fn encoded(text: &str) -> Option<String> {
    let before = Segments::of(text);
    if before.encoding == TextEncoding::Gsm7 {
        return None;
    }
    let replaced = replaced(text);
    let after = Segments::of(&replaced);
    (after.encoding == TextEncoding::Gsm7 && after.count <= before.count).then_some(replaced)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn look_alikes_are_replaced_where_that_helps() {
        for (text, expected) in [
            ("“Hello” — it’s me…", Some("\"Hello\" - it's me...")),
            ("«oui» ‹non› „ja“ ‚nein‘", Some("\"oui\" 'non' \"ja\" 'nein'")),
            ("1\u{a0}000\u{202f}€\u{2009}–\u{2003}½", Some("1 000 € - 1/2")),
            ("a\u{200b}b\u{ad}c\u{feff}", Some("abc")),
            ("\tone\u{2028}two", Some(" one\ntwo")),
            ("ＳＡＬＥ！ ５０％ ｀", Some("SALE! 50% '")),
            ("cafe\u{301} n\u{303} A\u{30a}", Some("café ñ Å")),
            ("ofﬁce • 3 × 4 m²", Some("office * 3 x 4 m2")),
            ("\u{2126}\u{212b}", Some("ΩÅ")),
            // it is of the alphabet already
            ("plain, too: {€} é", None),
            ("", None),
            // something is left over that nothing stands for
            ("“Hello” 😀", None),
            ("“está”", None),
            ("x\u{301}", None),
            ("Grüße aus Łódź – “hi”", None),
        ] {
            assert_eq!(encoded(text).as_deref(), expected, "{text}");
        }
        // 70 units are one segment; 210 septets would be two
        assert_eq!(encoded(&"…".repeat(70)), None);
        assert_eq!(encoded(&"…".repeat(53)), Some("...".repeat(53)));
    }

    proptest! {
        #[test]
        fn it_helps_and_is_done_once(text in "([ -~éñ€]|[“”‘’–—…«»\u{a0}\u{2009}½•Ａ-Ｚ]|e\u{301}|ж){0,200}") {
            if let Some(replaced) = encoded(&text) {
                let (before, after) = (Segments::of(&text), Segments::of(&replaced));
                prop_assert_eq!(after.encoding, TextEncoding::Gsm7);
                prop_assert!(after.count <= before.count);
                prop_assert_eq!(encoded(&replaced), None);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = encoded(&text);
        }
    }

    #[test]
    fn what_stands_for_something_is_of_the_alphabet() {
        for c in ('\0'..=char::MAX).filter(|c| plain(*c).is_some()) {
            let segments = Segments::of(plain(c).unwrap());
            assert_eq!(segments.encoding, TextEncoding::Gsm7, "{c:?}");
            assert_eq!(Segments::of(&c.to_string()).encoding, TextEncoding::Ucs2, "{c:?} is of the alphabet itself");
        }
    }
}
