//! A code in a text, of which the text itself holds nothing: where it stands, how long it is, and whose it is.

use serde::{Deserialize, Serialize};

use crate::model::VerificationId;
use crate::model::verification::CODE_MARK;

/// Stands in a stored text where a code does.
const HIDDEN_CODE: &str = "••••";

/// Between two digits of a code that somebody repeats stand at most so many bytes: a blank, a dash, a mark of direction.
const GAP: usize = 4;
/// Words that are so long may have been cut, in the middle of a code.
const LONG: usize = 200;

/// The code of a text, and where it belongs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct SecretReference {
    /// Whose code it is, in hex.
    pub verification: String,
    /// At which bytes of the text [`HIDDEN_CODE`] stands for it: none where a call speaks it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<usize>,
    /// How many digits it has.
    pub length: usize,
}

impl SecretReference {
    /// The code of a text that has [`CODE_MARK`] where it goes, and the text as it is stored.
    pub fn take_out(verification: VerificationId, length: usize, text: &str) -> (Self, String) {
        let (mut stored, mut places) = (String::with_capacity(text.len()), Vec::new());
        for (nth, piece) in text.split(CODE_MARK).enumerate() {
            if nth > 0 {
                places.push(stored.len());
                stored.push_str(HIDDEN_CODE);
            }
            stored.push_str(piece);
        }
        (Self { verification: verification.hex(), places, length }, stored)
    }

    /// A stored text with the code in its places.
    pub fn put_in(&self, stored: &str, code: &str) -> String {
        let (mut whole, mut written) = (String::with_capacity(stored.len()), 0);
        for place in self.places.iter().copied() {
            // what is no longer as it was stored stays as it is
            let is_there = |_: &&str| stored.get(place..).is_some_and(|rest| rest.starts_with(HIDDEN_CODE));
            let Some(before) = stored.get(written..place).filter(is_there) else { continue };
            whole.push_str(before);
            whole.push_str(code);
            written = place + HIDDEN_CODE.len();
        }
        whole.push_str(stored.get(written..).unwrap_or_default());
        whole
    }

    pub fn verification(&self) -> Option<VerificationId> {
        VerificationId::from_hex(&self.verification).ok()
    }
}

/// Somebody's words without a code that they repeat, however its digits are parted.
pub fn hide_code(words: &str, code: &str) -> String {
    let digits: Vec<(usize, u8)> = words.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).collect();
    let code = code.as_bytes();
    if code.is_empty() {
        return words.to_owned();
    }
    let is_code = |some: &[(usize, u8)], begin: &[u8]| {
        let are_near = some.windows(2).all(|pair| {
            let between = words.as_bytes().get(pair[0].0 + 1..pair[1].0).unwrap_or_default();
            between.len() <= GAP && !between.iter().any(u8::is_ascii_alphanumeric)
        });
        are_near && some.iter().map(|(_, digit)| digit).eq(begin)
    };
    let (mut hidden, mut written, mut nth) = (String::with_capacity(words.len()), 0, 0);
    while let Some(some) = digits.get(nth..nth + code.len()) {
        if is_code(some, code) {
            hidden.push_str(words.get(written..some[0].0).unwrap_or_default());
            hidden.push_str(HIDDEN_CODE);
            written = some[code.len() - 1].0 + 1;
            nth += code.len();
        } else {
            nth += 1;
        }
    }
    let is_cut = words.len() >= LONG && words.ends_with(|last: char| last.is_ascii_digit());
    let begun = (2..code.len()).rev().filter(|_| is_cut).find_map(|length| {
        let last = digits.get(digits.len().checked_sub(length)?..)?;
        (last[0].0 >= written && is_code(last, &code[..length])).then_some(last[0].0)
    });
    hidden.push_str(words.get(written..begun.unwrap_or(words.len())).unwrap_or_default());
    hidden.push_str(if begun.is_some() { HIDDEN_CODE } else { "" });
    hidden
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parted(text: &str) -> (SecretReference, String) {
        SecretReference::take_out(VerificationId::new(1), 6, &text.replace('#', &CODE_MARK.to_string()))
    }

    proptest! {
        #[test]
        fn what_is_taken_out_is_put_in_again(pieces in prop::collection::vec("[a-zé•😀 ]{0,8}", 1..5)) {
            let (reference, stored) = parted(&pieces.join("#"));
            prop_assert_eq!(reference.places.len(), pieces.len() - 1);
            prop_assert_eq!(reference.put_in(&stored, "012345"), pieces.join("012345"));
            prop_assert!(!stored.contains(CODE_MARK));
        }
    }

    #[test]
    fn a_text_that_was_changed_takes_no_code() {
        let (reference, stored) = parted("Your code: # (#)");
        assert_eq!(stored, "Your code: •••• (••••)");
        assert_eq!(reference.put_in("", "123456"), "");
        assert_eq!(reference.put_in("Your code: none of it", "123456"), "Your code: none of it");
        assert_eq!(reference.put_in("é", "123456"), "é", "no place is between the bytes of a character");
        assert_eq!(reference.verification().map(VerificationId::hex), Some(reference.verification));
        assert_eq!(SecretReference::default().verification(), None);
    }

    #[test]
    fn who_repeats_a_code_has_not_said_it() {
        for (words, shown) in [
            ("the text '048213 is it' is spam", "the text '•••• is it' is spam"),
            ("0-4-8-2-1-3", "••••"),
            ("0 4\u{a0}8\u{200e}213, 048 213!", "••••, ••••!"),
            ("code 1048213", "code 1••••"),
            ("HTTP 503", "HTTP 503"),
            ("04821 is none, nor 0a48213", "04821 is none, nor 0a48213"),
            ("", ""),
        ] {
            assert_eq!(hide_code(words, "048213"), shown);
        }
        assert_eq!(hide_code("11111 1", "1111"), "••••1 1");
        assert_eq!(hide_code("x", ""), "x");
    }

    #[test]
    fn what_was_cut_in_a_code_is_hidden_too() {
        let long = "w".repeat(LONG);
        assert_eq!(hide_code(&format!("{long} 0482"), "048213"), format!("{long} ••••"));
        assert_eq!(hide_code(&format!("{long} 0482."), "048213"), format!("{long} 0482."));
        assert_eq!(hide_code(&format!("{long} 0"), "048213"), format!("{long} 0"));
        assert_eq!(hide_code("503 04", "048213"), "503 04");
    }
}
