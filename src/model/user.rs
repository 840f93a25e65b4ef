//! The id of a person in the backend user database.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::read_from_text;

/// Unreserved characters of RFC 3986 stand for themselves in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// 1 to 128 characters, without control characters, slashes or outer spaces
/// (the two engines disagree on trailing spaces).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(String);

#[derive(Debug, thiserror::Error)]
#[error("a user id is 1 to 128 characters without control characters, slashes or outer spaces")]
pub struct NotAUserId;

impl UserId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a path segment writes it.
    pub fn segment(&self) -> String {
        utf8_percent_encode(&self.0, SEGMENT).to_string()
    }

    /// Reads a path segment.
    pub fn from_segment(segment: &str) -> Result<Self, NotAUserId> {
        percent_decode_str(segment).decode_utf8().map_err(|_| NotAUserId)?.parse()
    }
}

impl FromStr for UserId {
    type Err = NotAUserId;

    fn from_str(text: &str) -> Result<Self, NotAUserId> {
        let clean = !text.is_empty()
            && text.chars().count() <= 128
            && text.trim() == text
            && !matches!(text, "." | "..")
            && !text.chars().any(|c| c.is_control() || c == '/');
        if clean { Ok(Self(text.to_owned())) } else { Err(NotAUserId) }
    }
}

read_from_text!(UserId);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_break_a_path_or_a_key_is_refused() {
        for bad in ["", " 111", "111 ", "a/b", "a\nb", ".", "..", &"x".repeat(129)] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn an_id_survives_its_path_segment(text in "\\PC{1,40}") {
            if let Ok(user) = text.parse::<UserId>() {
                prop_assert_eq!(UserId::from_segment(&user.segment()).ok(), Some(user));
            }
        }
    }
}
