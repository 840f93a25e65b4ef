//! What a carrier says of a message that came in, besides what we read ourselves: passed on in its own words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::carrier;

/// Fields of one message at most; what is beyond is counted.
const FIELDS: usize = 64;
/// Bytes of their names and values together at most, as they are written in JSON.
const BYTES: usize = 16 * 1024;

/// Bytes of a message's media at most, counted so: more than any carrier sends, and a column has to hold them.
const MEDIA_BYTES: usize = 32 * 1024;

/// Parts of names, in lower case, under which something is proved: nobody else may have that.
const PROOFS: [&str; 6] = ["signature", "token", "secret", "password", "authorization", "sha256"];
/// What names end with that name the operator's account at the carrier, which is nobody else's business.
const ACCOUNT: [&str; 5] = ["accountsid", "account_sid", "account_id", "servicesid", "applicationsid"];

/// What comes with a message.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Media {
    pub url: String,
    /// As its carrier says; empty where it says nothing.
    pub content_type: String,
}

/// Fields by their names, and how many more there were.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct CarrierFields {
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    #[serde(default)]
    pub omitted: u32,
}

impl CarrierFields {
    /// Takes fields in the order in which they came, as far as there is room. What proves something, or names the
    /// operator's account, is left out.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut taken, mut room) = (Self::default(), BYTES);
        for (name, value) in pairs.into_iter().filter(|(name, _)| !is_private(name)) {
            taken.take(name, value, &mut room);
        }
        taken
    }

    /// Takes one more, where there is room.
    pub fn add(&mut self, name: &str, value: &str) {
        let used: usize = self.fields.iter().map(|(name, value)| written(name) + written(value)).sum();
        self.take(name, value, &mut BYTES.saturating_sub(used));
    }

    fn take(&mut self, name: &str, value: &str, room: &mut usize) {
        let size = written(name) + written(value);
        if self.fields.len() < FIELDS && size <= *room && !self.fields.contains_key(name) {
            *room -= size;
            self.fields.insert(name.to_owned(), value.to_owned());
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
    }

    /// Counts the media among what is left out that there is no room for; the rest stay.
    pub fn without_surplus(&mut self, media: Vec<Media>) -> Vec<Media> {
        let mut room = MEDIA_BYTES;
        let (kept, surplus): (Vec<_>, Vec<_>) = media.into_iter().partition(|media| {
            let size = written(&media.url) + written(&media.content_type);
            let fits = size <= room;
            room -= if fits { size } else { 0 };
            fits
        });
        self.omitted = self.omitted.saturating_add(u32::try_from(surplus.len()).unwrap_or(u32::MAX));
        kept
    }

    /// As a client may read them.
    pub fn shown(&self) -> BTreeMap<String, String> {
        self.fields.iter().map(|(name, words)| (name.clone(), carrier::shown(words).into_owned())).collect()
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn is_private(name: &str) -> bool {
    let name = name.to_lowercase();
    name == "apiversion"
        || PROOFS.iter().any(|proof| name.contains(proof))
        || ACCOUNT.iter().any(|account| name.ends_with(account))
}

/// As many bytes as a text takes in JSON, its quotes included: a column has to hold it.
fn written(text: &str) -> usize {
    let escaped = |c: char| match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    };
    2 + text.chars().map(escaped).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(count: usize) -> Vec<(String, String)> {
        (0..count).map(|n| (format!("Field{n:03}"), n.to_string())).collect()
    }

    fn of(pairs: &[(String, String)]) -> CarrierFields {
        CarrierFields::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    #[test]
    fn there_is_room_for_so_many_and_the_rest_is_counted() {
        let taken = of(&named(70));
        assert_eq!((taken.fields.len(), taken.omitted), (64, 6));
        assert!(taken.fields.contains_key("Field063") && !taken.fields.contains_key("Field064"));
        // what is too large does not keep out what comes behind it
        let large = "x".repeat(BYTES);
        let taken = CarrierFields::of([("A", "1"), ("Large", &large), ("B", "2"), ("A", "again")]);
        assert_eq!((taken.fields.len(), taken.omitted, taken.fields["A"].as_str()), (2, 2, "1"));
        assert!(CarrierFields::of([]).is_empty());
    }

    #[test]
    fn what_proves_something_or_names_the_account_is_not_passed_on() {
        for name in [
            "X-Twilio-Signature",
            "AuthToken",
            "webhook_TOKEN",
            "bodySHA256",
            "client_secret",
            "Password",
            "AccountSid",
            "ParentAccountSid",
            "MessagingServiceSid",
            "account_id",
            "ApiVersion",
        ] {
            assert!(CarrierFields::of([(name, "hush")]).is_empty(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_fits_however_it_is_escaped(pairs in prop::collection::vec(("\\PC{0,8}|[\\x00-\\x20\"\\\\]{0,8}", "[\\x00-\\x7f]{0,2000}"), 0..80)) {
            let taken = of(&pairs);
            let text = serde_json::to_string(&taken.fields).unwrap();
            prop_assert!(taken.fields.len() <= FIELDS && text.len() <= BYTES + 2 * FIELDS + 2);
            prop_assert_eq!(serde_json::from_str::<BTreeMap<String, String>>(&text).unwrap(), taken.fields);
        }
    }
}
