//! Rule 1: one spelling of blanks, digits and signs; the channel that a text names.

use std::borrow::Cow;

use crate::model::Channel;

/// `+` and 7 to 15 digits, the first not 0: nearly all that comes, and done in one pass.
pub(super) fn is_plain(text: &str) -> bool {
    let [b'+', b'1'..=b'9', rest @ ..] = text.as_bytes() else { return false };
    (6..=14).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit)
}

/// What a text says once it is cleaned.
pub(super) struct CleanedAddress<'a> {
    /// The channel that it names: `tel:` names none.
    pub(super) channel: Option<Channel>,
    /// What stands behind the scheme, as it came.
    pub(super) rest: &'a str,
    pub(super) text: String,
}

/// What is there and not seen: writing directions, joiners, byte order marks.
pub(super) fn is_mark(char: char) -> bool {
    matches!(char, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn trim(text: &str) -> &str {
    text.trim_matches(|char: char| char.is_whitespace() || is_mark(char))
}

/// Every kind of blank, the digits and the plus of other scripts.
fn plain(char: char) -> char {
    let digit = match char {
        '\u{FF10}'..='\u{FF19}' => u32::from(char) - 0xFF10,
        '\u{0660}'..='\u{0669}' => u32::from(char) - 0x0660,
        '\u{06F0}'..='\u{06F9}' => u32::from(char) - 0x06F0,
        '\u{FF0B}' => return '+',
        char if char.is_whitespace() => return ' ',
        char => return char,
    };
    char::from_digit(digit, 10).unwrap_or(char)
}

const SCHEMES: [(&str, Option<Channel>); 3] =
    [("tel:", None), ("sms:", Some(Channel::Sms)), ("whatsapp:", Some(Channel::Whatsapp))];

/// The channel that a text names, and what stands behind the name.
fn scheme(text: &str) -> Option<(Option<Channel>, &str)> {
    SCHEMES.into_iter().find_map(|(name, channel)| {
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then_some((channel, rest))
    })
}

impl<'a> CleanedAddress<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = trim(text);
        let (channel, rest) = scheme(text).unwrap_or((None, text));
        let rest = trim(rest);
        Self { channel, rest, text: rest.chars().map(plain).collect() }
    }
}

/// An address in a form or a query: a plus that was not encoded arrives as a blank, before digits enough for a phone.
pub fn blank_as_plus(text: &str) -> Cow<'_, str> {
    let (channel, rest) = match scheme(text) {
        Some((_, rest)) => (&text[..text.len() - rest.len()], rest),
        None => ("", text),
    };
    let Some(number) = rest.strip_prefix(' ') else { return Cow::Borrowed(text) };
    let is_number = number.starts_with(|char: char| plain(char).is_ascii_digit())
        && number.chars().filter(|char| plain(*char).is_ascii_digit()).count() >= 7;
    if is_number { Cow::Owned(format!("{channel}+{number}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_blanks_and_marks_go_and_signs_are_plain() {
        let cleaned = |text: &str| CleanedAddress::of(text).text;
        assert_eq!(cleaned(" \u{FEFF}\u{202A}+1 202\u{A0}555\u{2003}0150\u{202C}\n"), "+1 202 555 0150");
        assert_eq!(cleaned("＋１２０２５５５０１５０"), "+12025550150");
        assert_eq!(cleaned("+\u{0661}\u{0662}\u{06F3}"), "+123");
        assert_eq!(cleaned("\u{2066}whatsapp:\u{200E} Acme\u{2069}"), "Acme");
        assert_eq!(cleaned("whats app:1"), "whats app:1");
    }

    #[test]
    fn schemes_name_channels() {
        for (text, channel) in
            [("Tel:1", None), ("SMS:1", Some(Channel::Sms)), (" WhatsApp: 1", Some(Channel::Whatsapp)), ("1", None)]
        {
            let cleaned = CleanedAddress::of(text);
            assert_eq!((cleaned.channel, cleaned.rest, cleaned.text.as_str()), (channel, "1", "1"), "{text}");
        }
        assert_eq!(CleanedAddress::of("é:1").text, "é:1");
    }

    #[test]
    fn a_blank_before_a_number_was_a_plus() {
        assert_eq!(blank_as_plus(" 14155550100"), "+14155550100");
        assert_eq!(blank_as_plus(" 1 (415) 555-0100"), "+1 (415) 555-0100");
        assert_eq!(blank_as_plus("whatsapp: 14155550100"), "whatsapp:+14155550100");
        for text in ["", " ", " Acme", " 40404", "  14155550100", " +14155550100", "14155550100", "whatsapp: +1"] {
            assert_eq!(blank_as_plus(text), text);
        }
    }
}
