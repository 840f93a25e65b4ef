//! A carrier's words as clients read them: without the ids by which it knows the operator.

use std::borrow::Cow;

/// What the ids of accounts, keys, numbers and messaging services begin with at Twilio.
const PREFIXES: [&str; 4] = ["AC", "SK", "PN", "MG"];
/// The hex digits behind it.
const DIGITS: usize = 32;

/// Of each id its first two letters stay: `AC…`.
pub fn shown(words: &str) -> Cow<'_, str> {
    let (mut kept, mut rest) = (String::new(), words);
    while let Some(at) = find(rest) {
        kept.push_str(&rest[..at + 2]);
        kept.push('…');
        rest = &rest[at + 2 + DIGITS..];
    }
    if kept.is_empty() { Cow::Borrowed(words) } else { Cow::Owned(kept + rest) }
}

/// Whether it would be shown as something else.
pub fn names_operator(words: &str) -> bool {
    find(words).is_some()
}

fn find(words: &str) -> Option<usize> {
    let is_id = |id: &[u8]| {
        PREFIXES.iter().any(|prefix| id.starts_with(prefix.as_bytes())) && id[2..].iter().all(u8::is_ascii_hexdigit)
    };
    words.as_bytes().windows(2 + DIGITS).position(is_id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0123456789abcdefABCDEF0123456789";

    #[test]
    fn ids_lose_their_digits_and_nothing_else_is_touched() {
        for (words, wanted) in [
            (format!("AC{ID}"), "AC…"),
            (
                format!("/Accounts/AC{ID}/Messages/SM{ID} — SK{ID}PN{ID}MG{ID}"),
                "/Accounts/AC…/Messages/SM{} — SK…PN…MG…",
            ),
            (format!("ü{{\"sid\":\"MG{ID}\"}}✓"), "ü{\"sid\":\"MG…\"}✓"),
            (format!("AC{ID}0"), "AC…0"),
            (format!("SM{ID} MM{ID} CA{ID} ac{ID} AC{}", &ID[1..]), ""),
            (String::new(), ""),
        ] {
            let wanted = if wanted.is_empty() { words.clone() } else { wanted.replace("{}", ID) };
            assert_eq!(shown(&words), wanted, "{words}");
            assert_eq!(names_operator(&words), words != wanted);
        }
    }

    proptest! {
        #[test]
        fn none_is_left(words in prop::collection::vec("(AC|SK|PN|MG|é|AC[0-9a-f]{31}|[ASPM][CKNG][0-9a-fA-F]{32})", 0..8)) {
            let words = words.concat();
            prop_assert!(!names_operator(&shown(&words)));
        }
    }
}
