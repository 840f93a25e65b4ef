//! Participants as Proxy's clients order them: by parameters, or as JSON where they come with their session.

use serde_json::{Map, Value};

use crate::http::compat::twilio::error::{PARAMETER, Result};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::v1::error::{
    ALREADY_IN, CAPABILITY, IDENTIFIER, NOT_IN_SERVICE, PAIR, PHONE_NUMBER_SID,
};
use crate::http::compat::twilio::{TwilioCompatRequest, sid};
use crate::model::address::{AddressKind, AddressRole, blank_as_plus};
use crate::model::{Address, Channel, SessionMode};
use crate::service::number::{Number, NumberCapability, Pool};
use crate::service::session::ParticipantOrder;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ProxyParticipantIn {
    identifier: Option<String>,
    friendly_name: Option<String>,
    proxy_identifier: Option<String>,
    proxy_identifier_sid: Option<String>,
}

/// `Identifier`, `identifier`; `FriendlyName`, `friendlyName`, `friendly_name`.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let is_it = |known: &String| known.replace('_', "").eq_ignore_ascii_case(name);
    let (_, value) = fields.iter().find(|(known, _)| is_it(known))?;
    value.as_str().filter(|text| !text.is_empty())
}

/// Knows numbers that are named, and that another node may have put in just now.
pub(super) async fn know_numbers(visit: &TwilioCompatRequest<'_>, people: &[ProxyParticipantIn]) -> Result<()> {
    let is_any_named = people.iter().any(|one| one.proxy_identifier.is_some() || one.proxy_identifier_sid.is_some());
    if is_any_named {
        visit.app.numbers.directory.refresh().await?;
    }
    Ok(())
}

/// Nobody comes twice.
pub(super) fn different(participants: &[ParticipantOrder]) -> Result<()> {
    match participants {
        [one, other] if one.address.folded() == other.address.folded() => Err(ALREADY_IN.into()),
        _ => Ok(()),
    }
}

impl ProxyParticipantIn {
    pub(super) fn of_form(form: &TwilioForm) -> Self {
        let text = |name: &str| form.one(name).map(str::to_owned);
        Self {
            identifier: text("Identifier"),
            friendly_name: text("FriendlyName"),
            proxy_identifier: text("ProxyIdentifier"),
            proxy_identifier_sid: text("ProxyIdentifierSid"),
        }
    }

    pub(super) fn of_json(text: &str) -> Result<Self> {
        let fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| PARAMETER.because("each of Participants must be a JSON object"))?;
        let text = |name: &str| field(&fields, name).map(str::to_owned);
        Ok(Self {
            identifier: text("Identifier"),
            friendly_name: text("FriendlyName"),
            proxy_identifier: text("ProxyIdentifier"),
            proxy_identifier_sid: text("ProxyIdentifierSid"),
        })
    }

    /// Somebody who is to be in a session of this service.
    pub(super) fn read(
        self,
        visit: &TwilioCompatRequest<'_>,
        service: &Pool,
        mode: SessionMode,
    ) -> Result<ParticipantOrder> {
        let identifier = self.identifier.as_deref().ok_or_else(|| PARAMETER.because("Identifier is missing"))?;
        let read = Address::read(&blank_as_plus(identifier), AddressRole::Recipient, visit.country());
        let (channel, address) = read.map_err(|error| IDENTIFIER.because(&error.to_string()))?;
        if channel.is_some_and(|channel| channel != Channel::Sms) || address.kind() != AddressKind::Phone {
            return Err(IDENTIFIER.because("it must be a phone number"));
        }
        let number = self.number(visit, service)?;
        if let Some(number) = &number {
            must_fit(number, &address, mode)?;
        }
        let number = number.map(|number| Address::stored(number.address));
        Ok(ParticipantOrder { address, name: self.friendly_name, number })
    }

    /// The number of the service that is named for them.
    fn number(&self, visit: &TwilioCompatRequest<'_>, service: &Pool) -> Result<Option<Number>> {
        let entries = visit.app.numbers.directory.current();
        let senders = entries.senders_of(service.client);
        let by_sid = match self.proxy_identifier_sid.as_deref() {
            Some(sid) => {
                let id = sid::parse_phone_number(sid).ok_or(PHONE_NUMBER_SID)?;
                // they stand there in the order of their ids
                let place = senders.binary_search_by_key(&id, |sender| sender.number.id);
                Some(place.ok().and_then(|place| senders.get(place)).ok_or(NOT_IN_SERVICE)?)
            }
            None => None,
        };
        let by_address = match self.proxy_identifier.as_deref() {
            Some(text) => {
                let read = Address::read(&blank_as_plus(text), AddressRole::Sender, visit.country());
                let (_, number) = read.map_err(|error| PARAMETER.because(&format!("ProxyIdentifier {error}")))?;
                Some(entries.sender(number.as_str()).ok_or(NOT_IN_SERVICE)?)
            }
            None => None,
        };
        let is_one = by_sid.zip(by_address).is_none_or(|(one, other)| one.number.id == other.number.id);
        if !is_one {
            return Err(PAIR.because("ProxyIdentifier and ProxyIdentifierSid are two numbers"));
        }
        let Some(sender) = by_sid.or(by_address) else { return Ok(None) };
        let is_here = sender.number.client == service.client && sender.number.pool == Some(service.id);
        if is_here { Ok(Some(sender.number.clone())) } else { Err(NOT_IN_SERVICE.into()) }
    }
}

/// Whether somebody can have a number in a session of this kind.
fn must_fit(number: &Number, person: &Address, mode: SessionMode) -> Result<()> {
    if person.as_str() == number.address {
        return Err(PAIR.because("nobody texts themself"));
    }
    let wanted = if mode.has_texts() { NumberCapability::Sms } else { NumberCapability::Voice };
    if number.capabilities.contains(&wanted) { Ok(()) } else { Err(CAPABILITY.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn participants_are_read_from_json_however_their_fields_are_written() {
        let read = |text: &str| ProxyParticipantIn::of_json(text).ok();
        let ann = ProxyParticipantIn {
            identifier: Some("+14155550100".to_owned()),
            friendly_name: Some("Ann".to_owned()),
            ..ProxyParticipantIn::default()
        };
        for text in [
            r#"{"Identifier": "+14155550100", "FriendlyName": "Ann"}"#,
            r#"{"identifier": "+14155550100", "friendlyName": "Ann", "proxyIdentifier": ""}"#,
            r#"{"identifier": "+14155550100", "friendly_name": "Ann", "more": 1}"#,
        ] {
            assert_eq!(read(text).as_ref(), Some(&ann), "{text}");
        }
        for wrong in ["", "+14155550100", "[]", "{"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
