//! Rule 3: the digits of a written number, without what stands between them.

use super::clean::is_mark;
use super::{NotAnAddress, plan};

/// A number as somebody wrote it.
pub(super) struct DialedNumber {
    pub(super) has_plus: bool,
    pub(super) digits: String,
    /// Which digit is the 0 of a bracketed `(0)`.
    zero: Option<usize>,
}

fn is_dash(char: char) -> bool {
    matches!(
        char,
        '-' | '\u{AD}' | '\u{2010}'
            ..='\u{2015}' | '\u{2043}' | '\u{2053}' | '\u{2212}' | '\u{30FC}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}'
    )
}

fn opens(char: char) -> bool {
    matches!(char, '(' | '[' | '\u{FF08}' | '\u{FF3B}')
}

fn closes(char: char) -> bool {
    matches!(char, ')' | ']' | '\u{FF09}' | '\u{FF3D}')
}

/// What may stand between digits.
fn is_between(char: char) -> bool {
    let is_dot_or_slash =
        matches!(char, ' ' | '.' | '/' | '\u{B7}' | '\u{2044}' | '\u{2215}' | '\u{FF0E}' | '\u{FF0F}');
    is_dot_or_slash || is_dash(char) || opens(char) || closes(char) || is_mark(char)
}

/// A letter of any script, but what some write for a dash.
pub(super) fn has_letter(text: &str) -> bool {
    text.chars().any(|char| char.is_alphabetic() && !is_between(char))
}

impl DialedNumber {
    pub(super) fn of(text: &str) -> Result<Self, NotAnAddress> {
        let mut dialed = Self { has_plus: false, digits: String::with_capacity(text.len()), zero: None };
        // how many digits stood before the last bracket that opened
        let mut open = None;
        for char in text.chars() {
            match char {
                '0'..='9' => dialed.digits.push(char),
                '+' if dialed.has_plus || !dialed.digits.is_empty() => return Err(NotAnAddress::Plus),
                '+' => dialed.has_plus = true,
                char if opens(char) => open = Some(dialed.digits.len()),
                char if closes(char) => {
                    let at = open.take();
                    let at = at.filter(|at| dialed.digits.get(*at..) == Some("0"));
                    dialed.zero = dialed.zero.or(at);
                }
                char if is_between(char) => {}
                _ => return Err(NotAnAddress::Character),
            }
        }
        if dialed.digits.is_empty() { Err(NotAnAddress::Character) } else { Ok(dialed) }
    }

    /// The digits behind a dialling-out prefix of so many digits: a bracketed `(0)` behind the country code goes,
    /// where that country's numbers do not keep it.
    pub(super) fn behind(&self, prefix: usize) -> String {
        let digits = self.digits.get(prefix..).unwrap_or_default();
        let zero = self.zero.and_then(|at| at.checked_sub(prefix));
        match zero.and_then(|at| Some((digits.get(..at)?, digits.get(at + 1..)?))) {
            Some((code, rest)) if plan::drops_zero(code, rest) => format!("{code}{rest}"),
            _ => digits.to_owned(),
        }
    }

    /// What a number with a plus says.
    pub(super) fn international(&self) -> Result<String, NotAnAddress> {
        phone(&self.behind(0))
    }
}

/// E.164 of a country code and what follows it.
pub(super) fn phone(digits: &str) -> Result<String, NotAnAddress> {
    if digits.starts_with('0') {
        return Err(NotAnAddress::Zero);
    }
    if (7..=15).contains(&digits.len()) { Ok(format!("+{digits}")) } else { Err(NotAnAddress::Length) }
}
