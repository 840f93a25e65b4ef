//! Texts with placeholders: what stands between braces is put in when a message is sent, escaped for where it stands.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::escape::EscapeContext;
use crate::model::Secret;
use crate::provider::OutgoingMessage;
use crate::provider::message::digits;

/// What an account is opened with, by the names that its description gives.
pub(super) type NamedSecrets = BTreeMap<String, Secret>;

/// What stands between braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Placeholder {
    From,
    FromDigits,
    To,
    ToDigits,
    Body,
    Id,
    StatusUrl,
    ValidForSecs,
    MediaUrls,
    /// `secret.<name>`.
    Secret(String),
}

/// All but `{secret.<name>}`.
const PLACEHOLDERS: [(&str, Placeholder); 9] = [
    ("from", Placeholder::From),
    ("from_digits", Placeholder::FromDigits),
    ("to", Placeholder::To),
    ("to_digits", Placeholder::ToDigits),
    ("body", Placeholder::Body),
    ("id", Placeholder::Id),
    ("status_url", Placeholder::StatusUrl),
    ("valid_for_secs", Placeholder::ValidForSecs),
    ("media_urls", Placeholder::MediaUrls),
];

/// What is put in for one.
pub(super) enum PlaceholderValue<'a> {
    Text(Cow<'a, str>),
    Number(u32),
    /// Only where a list can stand: in JSON, and in a form as one field each.
    List(&'a [String]),
    /// This message has none.
    Nothing,
}

/// From what placeholders are filled.
#[derive(Clone, Copy)]
pub(super) struct FillSource<'a> {
    /// None where nothing is sent.
    pub message: Option<&'a OutgoingMessage>,
    /// Whether its carrier may be told where we hear of it.
    pub hears_receipts: bool,
    pub secrets: &'a NamedSecrets,
}

impl<'a> FillSource<'a> {
    /// What only has secrets.
    pub(super) fn secrets(secrets: &'a NamedSecrets) -> Self {
        Self { message: None, hears_receipts: false, secrets }
    }

    /// What stands for a placeholder; an error, where there must be something and is not.
    pub(super) fn filling(&self, placeholder: &Placeholder) -> Result<PlaceholderValue<'a>, String> {
        let message = || self.message.ok_or_else(|| format!("{} says nothing without a message", placeholder.name()));
        Ok(match placeholder {
            Placeholder::From => PlaceholderValue::Text(message()?.from.as_str().into()),
            Placeholder::FromDigits => PlaceholderValue::Text(digits(&message()?.from).into()),
            Placeholder::To => PlaceholderValue::Text(message()?.to.as_str().into()),
            Placeholder::ToDigits => PlaceholderValue::Text(digits(&message()?.to).into()),
            Placeholder::Body => PlaceholderValue::Text(message()?.body.as_str().into()),
            Placeholder::Id => PlaceholderValue::Text(message()?.id.to_string().into()),
            Placeholder::StatusUrl => {
                let url = message()?.status_url.as_deref().filter(|_| self.hears_receipts);
                url.map_or(PlaceholderValue::Nothing, |url| PlaceholderValue::Text(url.into()))
            }
            Placeholder::ValidForSecs => {
                message()?.valid_for_secs.map_or(PlaceholderValue::Nothing, PlaceholderValue::Number)
            }
            Placeholder::MediaUrls => match message()?.media_urls.as_slice() {
                [] => PlaceholderValue::Nothing,
                urls => PlaceholderValue::List(urls),
            },
            Placeholder::Secret(name) => {
                let secret = self.secrets.get(name).ok_or_else(|| format!("no secret of the account is {name}"))?;
                PlaceholderValue::Text(secret.expose().into())
            }
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePart {
    Written(String),
    Placeholder(Placeholder),
}

/// A text with placeholders. `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<TemplatePart>);

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut written, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            written.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let behind = &rest[at + 1..];
            if let Some(after) = behind.strip_prefix(brace) {
                written.push_str(brace);
                rest = after;
                continue;
            }
            let named = behind.split_once('}').filter(|_| brace == "{");
            let (name, after) = named.ok_or("has a brace that nothing closes: write {{ or }} for a brace")?;
            if !written.is_empty() {
                parts.push(TemplatePart::Written(std::mem::take(&mut written)));
            }
            parts.push(TemplatePart::Placeholder(Placeholder::parse(name)?));
            rest = after;
        }
        written.push_str(rest);
        if !written.is_empty() || parts.is_empty() {
            parts.push(TemplatePart::Written(written));
        }
        Ok(Self(parts))
    }

    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|part| match part {
            TemplatePart::Placeholder(placeholder) => Some(placeholder),
            TemplatePart::Written(_) => None,
        })
    }

    /// The one placeholder that is all of it.
    pub(super) fn only(&self) -> Option<&Placeholder> {
        match self.0.as_slice() {
            [TemplatePart::Placeholder(placeholder)] => Some(placeholder),
            _ => None,
        }
    }

    /// The text with everything put in; or what is wrong with what should be.
    pub(super) fn fill(&self, source: &FillSource<'_>, position: EscapeContext) -> Result<String, String> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                TemplatePart::Written(text) => filled.push_str(text),
                TemplatePart::Placeholder(placeholder) => {
                    let wrong = |reason: &str| format!("{} {reason}", placeholder.name());
                    match source.filling(placeholder)? {
                        PlaceholderValue::Text(text) => filled.push_str(&position.escape(&text).map_err(wrong)?),
                        PlaceholderValue::Number(number) => filled.push_str(&number.to_string()),
                        PlaceholderValue::List(_) => return Err(wrong("is a list, which cannot stand inside a text")),
                        PlaceholderValue::Nothing => {}
                    }
                }
            }
        }
        Ok(filled)
    }

    /// Names that it wants to know of the account.
    pub(super) fn add_secrets(&self, names: &mut BTreeSet<String>) {
        names.extend(self.placeholders().filter_map(|placeholder| match placeholder {
            Placeholder::Secret(name) => Some(name.clone()),
            _ => None,
        }));
    }
}

/// A template whose reason, where it is none, says where it stands.
pub(super) fn template(field: &str, text: &str) -> Result<Template, String> {
    Template::parse(text).map_err(|reason| format!("{field} {reason}"))
}

/// The same of what others must not know: a description, which they may read, does not say it.
pub(super) fn secret(field: &str, text: &str) -> Result<Template, String> {
    let read = template(field, text)?;
    let is_secret = read.placeholders().any(|one| !one.is_of_message());
    if is_secret { Ok(read) } else { Err(format!("{field} must name a secret, such as {{secret.key}}")) }
}

impl Placeholder {
    fn parse(name: &str) -> Result<Self, String> {
        let is_name = |name: &&str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if let Some(secret) = name.strip_prefix("secret.").filter(is_name) {
            return Ok(Self::Secret(secret.to_owned()));
        }
        let known = PLACEHOLDERS.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, placeholder)| placeholder).ok_or_else(|| {
            let names = PLACEHOLDERS.map(|(name, _)| name).join(", ");
            format!("has a placeholder that is none of {names}, secret.<name>")
        })
    }

    pub(super) fn name(&self) -> &str {
        if let Self::Secret(name) = self {
            return name;
        }
        PLACEHOLDERS.iter().find(|(_, known)| known == self).map_or("", |(name, _)| *name)
    }

    /// Whether it is said of a message, not of the account.
    pub(super) fn is_of_message(&self) -> bool {
        !matches!(self, Self::Secret(_))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::provider::mock::outgoing;

    #[test]
    fn placeholders_are_filled_and_nothing_else_is_read() {
        let secrets = NamedSecrets::from([("key".to_owned(), Secret::new("{to}&".into()))]);
        let message = outgoing("+14155550100", "{from} {secret.key} {{");
        let source = FillSource { message: Some(&message), hears_receipts: true, secrets: &secrets };
        for (template, filled) in [
            ("", ""),
            ("plain", "plain"),
            ("{to}{to_digits}", "+1415555010014155550100"),
            // what is put in is not read again
            ("[{body}]", "[{from} {secret.key} {{]"),
            ("{secret.key}", "{to}&"),
            ("{{to}} }} {{", "{to} } {"),
            ("{{{to}}}", "{+14155550100}"),
            ("{status_url}{valid_for_secs}.", "."),
        ] {
            let parsed = Template::parse(template).unwrap();
            assert_eq!(parsed.fill(&source, EscapeContext::Whole).as_deref(), Ok(filled), "{template}");
        }
        for wrong in ["{", "}", "{to", "to}", "{}", "{secret.}", "{secret.A b}", "{nobody}", "{{to}", "{TO}"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
        for absent in ["{secret.other}", "[{secret.other}]"] {
            let filled = Template::parse(absent).unwrap().fill(&source, EscapeContext::Whole);
            assert!(filled.is_err_and(|reason| reason.contains("other")), "{absent}");
        }
        let unsaid = Template::parse("{to}").unwrap().fill(&FillSource::secrets(&secrets), EscapeContext::Whole);
        assert!(unsaid.is_err(), "{unsaid:?}");
        let split = Template::parse("{body}").unwrap();
        let message = outgoing("+14155550100", "a\r\nb");
        let source = FillSource { message: Some(&message), ..source };
        let refused = split.fill(&source, EscapeContext::Header);
        assert!(refused.is_err_and(|reason| reason.starts_with("body ") && !reason.contains('\r')));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{}a-z._é]{0,30}|\\PC{0,30}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            let secrets = NamedSecrets::new();
            let filled = Template::parse(&doubled).unwrap().fill(&FillSource::secrets(&secrets), EscapeContext::Whole);
            prop_assert_eq!(filled, Ok(text.clone()));
            let _ = Template::parse(&text);
        }
    }
}
