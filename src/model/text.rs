//! What no stored text may hold, and how long a text is as carriers count it.

use std::borrow::Cow;
use std::fmt;

/// What stands in a text and is no character that can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFlaw {
    /// Databases, C libraries and phones end a text there.
    Nul,
    /// Half of a UTF-16 pair, which JSON can write and no encoding can carry.
    Surrogate(u16),
    NotUtf8,
}

impl fmt::Display for TextFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nul => f.write_str("NUL (U+0000)"),
            Self::Surrogate(unit) => write!(f, "half of a surrogate pair (U+{unit:04X})"),
            Self::NotUtf8 => f.write_str("no UTF-8"),
        }
    }
}

/// A text that cannot be kept as it came. `at`: which of its characters, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be text: its character {at} is {flaw}")]
pub struct NotText {
    pub at: usize,
    pub flaw: TextFlaw,
}

/// Reads what a client says, which must be a text throughout.
pub fn read(bytes: Vec<u8>) -> Result<String, NotText> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().utf8_chunks().next().map_or("", |chunk| chunk.valid());
        NotText { at: good.chars().count() + 1, flaw: TextFlaw::NotUtf8 }
    })?;
    match text.chars().position(|c| c == '\0') {
        Some(before) => Err(NotText { at: before + 1, flaw: TextFlaw::Nul }),
        None => Ok(text),
    }
}

/// What somebody out there has written, as it can be kept: U+FFFD stands for what cannot.
pub fn kept(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// What is no UTF-8 is U+FFFD. Nearly all is, which the standard library's own does not look for first.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// A text's length in UTF-16 units, by which carriers limit it: most characters are one, an emoji is two.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_told_with_its_place() {
        for (bytes, at, flaw) in [
            (&b"\0"[..], 1, TextFlaw::Nul),
            ("é\0".as_bytes(), 2, TextFlaw::Nul),
            ("😀😀\0😀".as_bytes(), 3, TextFlaw::Nul),
            (b"\xff", 1, TextFlaw::NotUtf8),
            (b"abc\xc3", 4, TextFlaw::NotUtf8),
            // a lone surrogate as some encoders write it, and a character too long for UTF-8
            (b"a\xed\xa0\x80", 2, TextFlaw::NotUtf8),
            (b"\xf8\x88\x80\x80\x80", 1, TextFlaw::NotUtf8),
        ] {
            assert_eq!(read(bytes.to_vec()), Err(NotText { at, flaw }), "{bytes:?}");
        }
        for good in ["", "a\tb\r\nc", "\u{feff}\u{202e}\u{7f}", "\u{fffd}\u{ffff}\u{10ffff}"] {
            assert_eq!(read(good.as_bytes().to_vec()).as_deref(), Ok(good));
        }
        let told = NotText { at: 2, flaw: TextFlaw::Surrogate(0xd800) }.to_string();
        assert_eq!(told, "must be text: its character 2 is half of a surrogate pair (U+D800)");
    }

    #[test]
    fn what_came_is_kept_without_nul() {
        assert_eq!(kept("a\0b".into()), "a\u{fffd}b");
        assert_eq!(kept("a\nb".into()), "a\nb");
    }

    #[test]
    fn units_are_those_of_utf_16() {
        for (text, expected) in [("", 0), ("aé€ж", 4), ("😀", 2), ("e\u{301}", 2), ("👩‍👩‍👧", 8)] {
            assert_eq!(units(text), expected, "{text}");
        }
    }
}
