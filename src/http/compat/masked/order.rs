//! A conversation as users of the older system post it.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value as Json;

use super::field;
use crate::model::address::{AddressRole, Country};
use crate::model::{Address, Channel, DurationSetting, PoolId, SessionDoor, SessionMode, bom, json};
use crate::service::session::{ParticipantOrder, SessionOrder, SessionSettings};

/// The fields that mean something here; others are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MaskedSessionIn {
    addresses: Vec<String>,
    friendly_name: Option<String>,
    unique_name: Option<String>,
    attributes: Option<Json>,
    timers: Option<MaskedTimersIn>,
    #[serde(rename = "timers.closed")]
    dotted_closed: Option<String>,
    #[serde(rename = "timers.inactive")]
    dotted_inactive: Option<String>,
}

#[derive(Deserialize)]
struct MaskedTimersIn {
    closed: Option<String>,
    inactive: Option<String>,
}

/// What is wrong with a field, in words.
fn wrong(field: &str, reason: &str) -> String {
    format!("{field}: {reason}")
}

impl MaskedSessionIn {
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let bytes = bom::skip(body);
        // the library would take a list for the fields in their order
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err("the body must be a JSON object".to_owned());
        }
        json::check(bytes).map_err(|bad| wrong(&bad.path, &bad.reason.to_string()))?;
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = serde_path_to_error::deserialize(&mut json);
        let read = read.map_err(|error| wrong(&error.path().to_string(), &error.inner().to_string()))?;
        json.end().map_err(|_| "something follows the JSON object".to_owned())?;
        Ok(read)
    }

    /// Its people get numbers of this pool; `country`: where numbers are that are written without a country code.
    pub(super) fn order(self, pool: PoolId, country: Option<Country>) -> Result<SessionOrder, String> {
        let nested = self.timers.unwrap_or(MaskedTimersIn { closed: None, inactive: None });
        let ttl = timer("timers.closed", nested.closed.or(self.dotted_closed))?;
        let rest_after = timer("timers.inactive", nested.inactive.or(self.dotted_inactive))?;
        let attributes = match self.attributes {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => Some(text),
            Some(other) => Some(other.to_string()),
        };
        let metadata = attributes.map(|text| field::metadata(&text).map_err(|reason| wrong("attributes", reason)));
        Ok(SessionOrder {
            pool,
            participants: people(&self.addresses, country)?,
            mode: SessionMode::Both,
            // an empty name is none
            name: self.friendly_name.filter(|name| !name.is_empty()),
            unique_name: self.unique_name.filter(|name| !name.is_empty()),
            metadata: metadata.transpose()?,
            ttl,
            ends_ms: None,
            settings: SessionSettings {
                rest_after_ms: rest_after.map(DurationSetting::as_ms),
                ..SessionSettings::default()
            },
            door: SessionDoor::Masked,
        })
    }
}

fn timer(name: &str, text: Option<String>) -> Result<Option<DurationSetting>, String> {
    field::timer(&text.unwrap_or_default()).map_err(|reason| wrong(name, reason))
}

/// Those whom it is for, each once however often, and in whatever form, they are named.
fn people(addresses: &[String], country: Option<Country>) -> Result<Vec<ParticipantOrder>, String> {
    let (mut known, mut people) = (HashSet::new(), Vec::new());
    for text in addresses {
        let bad = |reason: &str| wrong("addresses", &format!("{text}: {reason}"));
        let read = Address::read(text, AddressRole::Recipient, country);
        let (channel, address) = read.map_err(|error| bad(&error.to_string()))?;
        if channel.is_some_and(|channel| channel != Channel::Sms) {
            return Err(bad("must not name a channel"));
        }
        if known.insert(address.folded().into_owned()) {
            people.push(ParticipantOrder { address, name: None, number: None });
        }
    }
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<SessionOrder, String> {
        MaskedSessionIn::read(body.as_bytes())?.order(PoolId::first_of(1), None)
    }

    #[test]
    fn timers_come_nested_or_dotted_and_people_once() -> Result<(), String> {
        let hour = DurationSetting::from_millis(3_600_000);
        for timers in [r#""timers": {"closed": "PT1H"}"#, r#""timers.closed": "PT1H""#] {
            let order =
                read(&format!(r#"{{"addresses": ["+14155550101", "+1 415 555 0101"], "more": [1], {timers}}}"#))?;
            assert_eq!((order.participants.len(), order.ttl, order.door), (1, Some(hour), SessionDoor::Masked));
        }
        let order = read(r#"{"addresses": [], "timers.inactive": "PT1M", "attributes": {"a": 1}, "uniqueName": ""}"#)?;
        assert_eq!((order.settings.rest_after_ms, order.unique_name), (Some(60_000), None));
        assert_eq!(order.metadata.map(|kept| kept["attributes"].clone()), Some(r#"{"a":1}"#.into()));
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, words) in [
            ("[]", "JSON object"),
            ("{}", "addresses"),
            (r#"{"addresses": "+14155550101"}"#, "addresses"),
            (r#"{"addresses": [1]}"#, "addresses"),
            (r#"{"addresses": ["hello?"]}"#, "addresses: hello?"),
            (r#"{"addresses": ["whatsapp:+14155550101"]}"#, "channel"),
            (r#"{"addresses": [], "timers": {"closed": "1h"}}"#, "timers.closed: must be an ISO 8601 duration"),
            (r#"{"addresses": [], "attributes": "{"}"#, "attributes: must be JSON"),
            (r#"{"addresses": []} x"#, "follows"),
        ] {
            let said = read(body).err().unwrap_or_default();
            assert!(said.contains(words), "{body}: {said}");
        }
    }
}
