//! What stands before a text that is passed on, so that several know who speaks. It holds no digit: whatever a name is
//! made of, nobody learns a number from it.

use crate::model::{Segments, SessionLabels};

/// Characters of a name at most.
const LONGEST: usize = 32;

/// A text as the others get it. `place`: how many came into the session before its sender, who has the letter of that.
pub(super) fn labelled(labels: SessionLabels, name: Option<&str>, place: usize, body: &str) -> String {
    let lettered = || with(&letter(place), body);
    match labels {
        SessionLabels::Off => body.to_owned(),
        SessionLabels::Letter => lettered(),
        SessionLabels::Name => {
            let Some(name) = name.map(str::trim).filter(|name| is_plain(name)) else { return lettered() };
            let named = with(name, body);
            // a name in another alphabet would make the whole text dearer
            if Segments::of(&named).encoding == Segments::of(body).encoding { named } else { lettered() }
        }
    }
}

fn with(label: &str, body: &str) -> String {
    if body.is_empty() { format!("{label}:") } else { format!("{label}: {body}") }
}

fn is_plain(name: &str) -> bool {
    (1..=LONGEST).contains(&name.chars().count()) && !name.chars().any(|c| c.is_numeric() || c.is_control())
}

/// A, B … Z, AA, AB …
fn letter(place: usize) -> String {
    let (mut left, mut letters) = (place + 1, Vec::new());
    while left > 0 {
        left -= 1;
        letters.push(('A'..='Z').nth(left % 26).unwrap_or('A'));
        left /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_behind_the_last() {
        for (place, wanted) in
            [(0, "A"), (1, "B"), (25, "Z"), (26, "AA"), (49, "AX"), (51, "AZ"), (52, "BA"), (701, "ZZ")]
        {
            assert_eq!(letter(place), wanted);
        }
    }

    #[test]
    fn a_text_says_who_speaks_as_its_session_wants_it() {
        let said = |labels, name: Option<&str>, body: &str| labelled(labels, name, 1, body);
        assert_eq!(said(SessionLabels::Off, Some("Ann"), "hello"), "hello");
        assert_eq!(said(SessionLabels::Name, Some(" Ann "), "hello"), "Ann: hello");
        assert_eq!(said(SessionLabels::Letter, Some("Ann"), "hello"), "B: hello");
        assert_eq!(said(SessionLabels::Name, Some("Ann"), ""), "Ann:", "a picture alone");
        assert_eq!(said(SessionLabels::Off, Some("Ann"), ""), "");
    }

    #[test]
    fn a_name_that_tells_a_number_or_costs_more_is_a_letter() {
        let named = |name: &str, body: &str| labelled(SessionLabels::Name, Some(name), 0, body);
        for name in ["", " ", "+14155550100", "Ann 2", "Ann ٣", "Ann ½", "Ann\nBob", "Анна", "😀", &"x".repeat(33)]
        {
            assert_eq!(named(name, "hello"), "A: hello", "{name:?}");
        }
        assert_eq!(labelled(SessionLabels::Name, None, 0, "hello"), "A: hello");
        assert_eq!(named("Анна", "привет"), "Анна: привет", "it is dear already");
        assert_eq!(named("Zoë", "hello"), "A: hello", "ë is not in the alphabet");
        assert_eq!(named("René", "hello"), "René: hello");
        assert_eq!(named(&"x".repeat(32), "hello"), format!("{}: hello", "x".repeat(32)));
    }
}
