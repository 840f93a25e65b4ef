//! Templates by which a WhatsApp message may begin a conversation, as an account's carrier has approved them: one for each
//! language.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::template::language_tag;

/// Languages at most: their column holds so many.
const MOST: usize = 50;
/// A template's name at Twilio: `HX` and 32 hex digits (<https://www.twilio.com/docs/glossary/what-is-a-sid>).
const SID: &str = "HX";
const SID_DIGITS: usize = 32;

/// Names of templates by the language that each is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhatsappTemplates(BTreeMap<String, String>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWhatsappTemplates {
    #[error("must be named by languages, such as en or pt-BR, each once: {0:?} is not")]
    Language(String),
    #[error("must be HX and 32 hex digits in each language: that of {0} is not")]
    Sid(String),
    #[error("must be 50 at most")]
    TooMany,
}

impl WhatsappTemplates {
    /// As somebody wrote them; their languages are kept in one form.
    pub fn read(written: BTreeMap<String, String>) -> Result<Self, BadWhatsappTemplates> {
        if written.len() > MOST {
            return Err(BadWhatsappTemplates::TooMany);
        }
        let mut read = BTreeMap::new();
        for (language, sid) in written {
            let Some(tag) = language_tag(&language).filter(|tag| !read.contains_key(tag)) else {
                return Err(BadWhatsappTemplates::Language(language));
            };
            let digits = sid.strip_prefix(SID).unwrap_or_default();
            if digits.len() != SID_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(BadWhatsappTemplates::Sid(tag));
            }
            read.insert(tag, sid);
        }
        Ok(Self(read))
    }

    /// The one in a language: that of its country before that of all, and one of another country before none.
    pub fn of(&self, tag: &str) -> Option<&str> {
        let language = language_of(tag);
        let near = || self.0.iter().find(|(known, _)| language_of(known) == language).map(|(_, sid)| sid);
        self.0.get(tag).or_else(|| self.0.get(language)).or_else(near).map(String::as_str)
    }

    pub fn by_language(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// As their column holds them.
    pub fn text(&self) -> String {
        // texts always serialise
        if self.0.is_empty() { String::new() } else { serde_json::to_string(&self.0).unwrap_or_default() }
    }
}

/// A language without its country.
fn language_of(tag: &str) -> &str {
    tag.split_once('-').map_or(tag, |(language, _)| language)
}

/// From their column: nothing, or what [`WhatsappTemplates::text`] wrote.
impl<'de> Deserialize<'de> for WhatsappTemplates {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(&text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(digit: char) -> String {
        format!("HX{}", digit.to_string().repeat(SID_DIGITS))
    }

    fn read(written: &[(&str, String)]) -> Result<WhatsappTemplates, BadWhatsappTemplates> {
        WhatsappTemplates::read(written.iter().map(|(tag, sid)| ((*tag).to_owned(), sid.clone())).collect())
    }

    #[test]
    fn the_nearest_language_is_taken() {
        let (plain, brazil, mexico) = (sid('a'), sid('b'), sid('c'));
        let templates = read(&[("en", plain.clone()), ("pt_br", brazil.clone()), ("es-MX", mexico.clone())]);
        let templates = templates.unwrap();
        for (tag, wanted) in [
            ("en", Some(&plain)),
            ("en-GB", Some(&plain)),
            ("pt-BR", Some(&brazil)),
            ("pt", Some(&brazil)),
            ("pt-PT", Some(&brazil)),
            ("es", Some(&mexico)),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(templates.of(tag), wanted.map(String::as_str), "{tag}");
        }
        assert_eq!(WhatsappTemplates::default().of("en"), None);
    }

    #[test]
    fn what_is_none_is_named() {
        let language = |text: &str| Err(BadWhatsappTemplates::Language(text.to_owned()));
        assert_eq!(read(&[("english", sid('a'))]), language("english"));
        assert_eq!(read(&[("en-gb", sid('a')), ("en_GB", sid('b'))]), language("en_GB"));
        for wrong in ["", "HX", "MG00000000000000000000000000000000", &sid('g'), &format!("{}0", sid('0'))] {
            assert_eq!(read(&[("fr", wrong.to_owned())]), Err(BadWhatsappTemplates::Sid("fr".to_owned())), "{wrong}");
        }
        let many: Vec<String> = (0..=MOST).map(|n| format!("x{}{}", letter(n / 26), letter(n % 26))).collect();
        let many: Vec<(&str, String)> = many.iter().map(|tag| (tag.as_str(), sid('0'))).collect();
        assert_eq!(read(&many), Err(BadWhatsappTemplates::TooMany));
        assert!(read(&many[1..]).unwrap().text().len() <= 4096, "they fit their column");
    }

    fn letter(nth: usize) -> char {
        char::from(b'a' + u8::try_from(nth).unwrap_or_default())
    }

    #[test]
    fn a_column_gives_back_what_was_written() {
        let column = |text: &str| serde_json::from_value::<WhatsappTemplates>(text.into()).ok();
        let templates = read(&[("en", sid('0'))]).unwrap();
        assert_eq!(column(&templates.text()), Some(templates));
        assert_eq!(column(""), Some(WhatsappTemplates::default()));
        assert_eq!(WhatsappTemplates::default().text(), "");
        assert_eq!(column("[]"), None);
    }
}
