//! How a code is told: texts with places in braces, in the language of whoever reads or hears them.

mod autofill;
mod locale;
mod shipped;
mod voice;

use std::borrow::Cow;

use super::verification::CODE_MARK;

pub use autofill::{Autofill, NotAutofill, RETRIEVER_BYTES};
pub use locale::{Locale, language, language_tag};
pub use shipped::ShippedText;
pub use voice::VoiceWords;

/// The place of the code, which every such text has.
pub const CODE: &str = "code";
/// Of who asks for the code.
pub const NAME: &str = "name";
/// The same, as Twilio's templates call it.
const FRIENDLY_NAME: &str = "friendly_name";
/// Of the whole minutes for which the code still opens.
pub const MINUTES: &str = "minutes";

/// The places that have a meaning of ours.
pub const OWN_PLACES: [&str; 4] = [CODE, NAME, FRIENDLY_NAME, MINUTES];

/// Characters of a place's name at most.
const LONGEST_NAME: usize = 32;

/// A piece of such a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPart<'a> {
    /// As it is.
    Plain(&'a str),
    /// `{name}` or `{{name}}`: what it stands for is put in.
    Place(&'a str),
}

/// A text has a place that nothing is given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have a value for {0}")]
pub struct EmptyPlace(pub String);

/// Whether a place may be called so.
pub fn is_place_name(name: &str) -> bool {
    let is_of_names = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=LONGEST_NAME).contains(&name.len())
        && name.chars().all(is_of_names)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The place that a text begins with, and how long it is written. Braces around anything else are text.
fn place(text: &str) -> Option<(&str, usize)> {
    let (open, close) = if text.starts_with("{{") { ("{{", "}}") } else { ("{", "}") };
    let (inside, _) = text.strip_prefix(open)?.split_once(close)?;
    let name = inside.trim_matches(' ');
    is_place_name(name).then_some((name, open.len() + inside.len() + close.len()))
}

/// A text's pieces, in their order.
pub fn parts(text: &str) -> Vec<TextPart<'_>> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(open) = text[at..].find('{').map(|found| at + found) {
        let Some((name, length)) = place(&text[open..]) else {
            at = open + 1;
            continue;
        };
        if open > from {
            parts.push(TextPart::Plain(&text[from..open]));
        }
        parts.push(TextPart::Place(name));
        (from, at) = (open + length, open + length);
    }
    if from < text.len() {
        parts.push(TextPart::Plain(&text[from..]));
    }
    parts
}

/// Whether there is a place for the code.
pub fn has_code(text: &str) -> bool {
    parts(text).contains(&TextPart::Place(CODE))
}

/// What stands in the places of a text.
#[derive(Clone, Copy, Debug)]
pub struct TextValues<'a> {
    pub name: &'a str,
    /// How long the code still opens. A text says whole minutes of it, and never a time of day: nobody knows where it
    /// is read.
    pub minutes: i64,
}

/// Puts the values in, and [`CODE_MARK`] where the code will stand; `own` knows all other places. What is put in is
/// not read again.
pub fn fill<'a>(
    text: &str,
    values: TextValues<'_>,
    own: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, EmptyPlace> {
    let mut filled = String::with_capacity(text.len() + values.name.len());
    for part in parts(text) {
        let piece = match part {
            TextPart::Plain(text) => Cow::Borrowed(text),
            TextPart::Place(CODE) => CODE_MARK.to_string().into(),
            TextPart::Place(NAME | FRIENDLY_NAME) => values.name.into(),
            TextPart::Place(MINUTES) => values.minutes.to_string().into(),
            TextPart::Place(other) => own(other).ok_or_else(|| EmptyPlace(other.to_owned()))?.into(),
        };
        filled.push_str(&piece);
    }
    Ok(filled)
}

/// The minutes that a text speaks of: no more than there are, but for what is less than one.
pub fn whole_minutes(ttl_ms: i64) -> i64 {
    (ttl_ms / 60_000).max(1)
}

/// A name as it stands in a text: one line, and nothing that would be taken for the code.
pub fn clean_name(name: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    name.chars().filter(|c| *c != CODE_MARK).map(plain).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TextPart::{Place, Plain};
    use super::*;

    fn filled(text: &str) -> Result<String, EmptyPlace> {
        let values = TextValues { name: "Acme", minutes: 10 };
        fill(text, values, |place| (place == "order").then_some("{code} 7"))
    }

    #[test]
    fn places_are_found_and_other_braces_are_text() {
        for (text, wanted) in [
            ("", vec![]),
            ("no place", vec![Plain("no place")]),
            ("{code}", vec![Place("code")]),
            ("a {code} b", vec![Plain("a "), Place("code"), Plain(" b")]),
            ("{{code}}{ name }", vec![Place("code"), Place("name")]),
            ("{{{code}}}", vec![Plain("{"), Place("code"), Plain("}")]),
            ("{a {code}", vec![Plain("{a "), Place("code")]),
            ("{} {1st} {a-b} {é} {code", vec![Plain("{} {1st} {a-b} {é} {code")]),
        ] {
            assert_eq!(parts(text), wanted, "{text}");
        }
        assert!(has_code("x {{ code }}") && !has_code("{name} {Code}"));
        assert!(is_place_name("AppName_2") && !is_place_name("") && !is_place_name(&"x".repeat(33)));
    }

    #[test]
    fn values_are_put_in_once() {
        let code = CODE_MARK;
        assert_eq!(filled("{name}: {code}").as_deref(), Ok(format!("Acme: {code}").as_str()));
        assert_eq!(filled("{{friendly_name}} {minutes} {{code}}"), Ok(format!("Acme 10 {code}")));
        // what a value says of places is a value
        assert_eq!(filled("{order}/{code}"), Ok(format!("{{code}} 7/{code}")));
        assert_eq!(filled("{code} {who}"), Err(EmptyPlace("who".to_owned())));
    }

    #[test]
    fn minutes_are_whole_and_never_none() {
        for (ttl_ms, minutes) in [(1_000, 1), (45_000, 1), (60_000, 1), (119_999, 1), (600_000, 10), (86_400_000, 1440)]
        {
            assert_eq!(whole_minutes(ttl_ms), minutes, "{ttl_ms}");
        }
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(clean_name("  Ac\nme\u{7} "), "Ac me");
        assert_eq!(clean_name(&format!("{CODE_MARK}Łódź")), "Łódź");
    }

    proptest! {
        #[test]
        fn any_text_has_pieces_and_nothing_else_is_made_of_it(text in "[a{}_ ]{0,12}|\\PC{0,40}") {
            let mut rest = text.as_str();
            for part in parts(&text) {
                let (Plain(piece) | Place(piece)) = part;
                prop_assert!(matches!(part, Plain(_)) || is_place_name(piece));
                let at = rest.find(piece);
                prop_assert!(at.is_some(), "no {} in {}", piece, rest);
                rest = &rest[at.unwrap_or_default() + piece.len()..];
            }
        }
    }
}
