//! What a session may hold, whichever door it is made at.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::{ParticipantOrder, SessionOrder, Sessions};
use crate::model::address::AddressKind;
use crate::model::{DurationSetting, Millis, SessionDoor, text};
use crate::service::client::ApiConsumer;
use crate::service::event::BadWebhookUrl;
use crate::service::{Error, ErrorKind, Result};

/// People in one session at most.
pub(super) const MOST_PEOPLE: usize = 50;
/// Characters at most.
const NAME: usize = 256;
const UNIQUE_NAME: usize = 191;
const PARTICIPANT_NAME: usize = 255;
/// Bytes of JSON at most.
const METADATA: usize = 4_096;
/// UTF-16 units of a text at most.
pub const LONGEST_TEXT: usize = 1_600;

/// A text of so many characters at most, which says something.
fn words(field: &'static str, words: Option<&str>, most: usize) -> Result<()> {
    match words.map(|words| words.chars().count()) {
        Some(0) => Err(Error::invalid(field, "is empty")),
        Some(count) if count > most => Err(Error::invalid(field, format!("is longer than {most} characters"))),
        _ => Ok(()),
    }
}

fn message(field: &'static str, body: Option<&str>) -> Result<()> {
    let is_long = body.is_some_and(|body| text::units(body) > LONGEST_TEXT);
    let wrong = || Error::invalid(field, format!("must be at most {LONGEST_TEXT} UTF-16 units long"));
    if is_long { Err(wrong()) } else { words(field, body, LONGEST_TEXT) }
}

pub(super) fn name(name: Option<&str>) -> Result<()> {
    words("name", name, NAME)
}

pub(super) fn metadata(metadata: Option<&Map<String, Json>>) -> Result<()> {
    let is_long =
        metadata.is_some_and(|metadata| serde_json::to_string(metadata).is_ok_and(|text| text.len() > METADATA));
    if is_long { Err(Error::invalid("metadata", format!("is longer than {METADATA} characters"))) } else { Ok(()) }
}

/// When it is to end by itself.
pub(super) fn end(ttl: Option<DurationSetting>, ends_ms: Option<Millis>, now_ms: Millis) -> Result<()> {
    if ttl.is_some_and(|ttl| ttl.as_ms() < 1_000) {
        return Err(Error::invalid("ttl", "must be 1s at least"));
    }
    if ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
        return Err(Error::invalid("ends_at", "lies in the past"));
    }
    Ok(())
}

/// So long after what was said last it is to rest.
pub(super) fn rest(after_ms: Option<Millis>) -> Result<()> {
    let is_short = after_ms.is_some_and(|after_ms| after_ms < 1_000);
    if is_short { Err(Error::invalid("rest_after", "must be 1s at least")) } else { Ok(()) }
}

impl SessionOrder {
    /// What no session may be.
    pub(super) fn check(&self, now_ms: Millis) -> Result<()> {
        name(self.name.as_deref())?;
        words("unique_name", self.unique_name.as_deref(), UNIQUE_NAME)?;
        metadata(self.metadata.as_ref())?;
        let is_proxy = self.door == SessionDoor::TwilioProxy;
        end(self.ttl.filter(|ttl| !is_proxy || ttl.as_ms() > 0), self.ends_ms, now_ms)?;
        rest(self.settings.rest_after_ms)?;
        message("start_text", self.settings.start_text.as_deref())?;
        message("end_text", self.settings.end_text.as_deref())?;
        message("no_session_text", self.settings.no_session_text.as_deref())?;
        // there its people come one by one
        let least = usize::from(!is_proxy);
        if !(least..=MOST_PEOPLE).contains(&self.participants.len()) {
            return Err(Error::invalid("participants", format!("must be 1 to {MOST_PEOPLE}")));
        }
        let mut known = HashSet::new();
        match self.participants.iter().find(|one| !known.insert(one.address.folded())) {
            Some(twice) => {
                Err(Error::invalid("participants", format!("has {} more than once", twice.address.as_str())))
            }
            None => Ok(()),
        }
    }
}

impl Sessions {
    /// Refuses a URL that may not be called; one that may, as it will be.
    pub(super) fn check_hook(&self, url: Option<&mut String>) -> Result<()> {
        let Some(url) = url else { return Ok(()) };
        let wrong = |reason: BadWebhookUrl| Error::invalid("intercept_url", reason.to_string());
        *url = self.parts.events.check_url(url).map_err(wrong)?;
        Ok(())
    }

    /// What nobody in a session may be.
    pub(super) fn check_person(&self, one: &ParticipantOrder, consumer: &ApiConsumer) -> Result<()> {
        let address = one.address.as_str();
        let wrong = |reason: &str| Err(Error::invalid("participants", format!("{address} {reason}")));
        words("participants.name", one.name.as_deref(), PARTICIPANT_NAME)?;
        if one.address.kind() != AddressKind::Phone {
            return wrong("is no phone number");
        }
        let entries = self.parts.directory.current();
        if one.address.forms().iter().any(|form| entries.sender(form).is_some()) {
            return wrong("is a number of this server, and cannot be in a session");
        }
        if !consumer.may_send_to(address) {
            return Err(Error::new(ErrorKind::Forbidden, format!("this key may not send to {address}")));
        }
        Ok(())
    }
}
