//! Sessions as Proxy's clients order them.

use super::participant_order::{ProxyParticipantIn, different, know_numbers};
use super::seconds;
use crate::http::compat::twilio::TwilioCompatRequest;
use crate::http::compat::twilio::error::{PARAMETER, Result};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::v1::error::{CROWDED, MODE, STATUS};
use crate::model::{DurationSetting, Millis, SessionDoor, SessionMode, date, parse_time};
use crate::service::number::Pool;
use crate::service::session::{SessionChange, SessionOrder, SessionSettings};

/// People in a session of this door at most.
pub(super) const MOST_PEOPLE: usize = 2;

const NEVER: DurationSetting = DurationSetting::from_millis(0);

/// A mode by Twilio's name for it.
pub(super) fn modes(mode: SessionMode) -> &'static str {
    match mode {
        SessionMode::Message => "message-only",
        SessionMode::Voice => "voice-only",
        SessionMode::Both => "voice-and-message",
    }
}

fn mode(form: &TwilioForm) -> Result<SessionMode> {
    let Some(given) = form.one("Mode") else { return Ok(SessionMode::Both) };
    let found = SessionMode::ALL.into_iter().find(|mode| modes(*mode) == given);
    found.ok_or_else(|| MODE.because("it must be message-only, voice-only or voice-and-message"))
}

/// When a session is to end by itself.
pub(super) struct SessionEnding {
    /// After so long in which nothing is said; 0: never.
    ttl: Option<DurationSetting>,
    /// Then, whatever is said: the other does not count.
    ends_ms: Option<Millis>,
}

impl SessionEnding {
    pub(super) fn of(form: &TwilioForm) -> Result<Self> {
        let at = |text: &str| parse_time(text).ok_or_else(|| PARAMETER.because(&format!("DateExpiry {}", date::TIME)));
        Ok(Self { ttl: seconds(form, "Ttl")?, ends_ms: form.one("DateExpiry").map(at).transpose()? })
    }

    pub(super) fn is_any(&self) -> bool {
        self.ttl.is_some() || self.ends_ms.is_some()
    }

    /// What is to be changed of a session, of which this is when it ends whatever is said.
    pub(super) fn change(&self, ends_ms: Option<Millis>) -> SessionChange {
        let (ttl, ends_ms) = match (self.ttl, self.ends_ms) {
            (_, Some(at_ms)) => (Some(None), Some(Some(at_ms))),
            // a fixed end is still what counts
            (Some(_), None) if ends_ms.is_some() => (None, None),
            (Some(ttl), None) => (Some((ttl > NEVER).then_some(ttl)), None),
            (None, None) => (None, None),
        };
        SessionChange { ttl, ends_ms, ..SessionChange::default() }
    }
}

/// A session with its participants, each of which is JSON.
pub(super) async fn order(visit: &TwilioCompatRequest<'_>, service: &Pool, form: &TwilioForm) -> Result<SessionOrder> {
    let (mode, ending) = (mode(form)?, SessionEnding::of(form)?);
    if form.one("Status").is_some_and(|status| status != "open") {
        return Err(STATUS.because("it begins open, and is in-progress with the first interaction"));
    }
    let given = form.all("Participants");
    if given.len() > MOST_PEOPLE {
        return Err(CROWDED.into());
    }
    let people = given.iter().map(|text| ProxyParticipantIn::of_json(text)).collect::<Result<Vec<_>>>()?;
    know_numbers(visit, &people).await?;
    let read = |one: ProxyParticipantIn| one.read(visit, service, mode);
    let participants = people.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    different(&participants)?;
    Ok(SessionOrder {
        pool: service.id,
        participants,
        mode,
        name: None,
        unique_name: form.one("UniqueName").map(str::to_owned),
        metadata: None,
        ttl: if ending.ends_ms.is_some() { Some(NEVER) } else { ending.ttl },
        ends_ms: ending.ends_ms,
        settings: SessionSettings::default(),
        door: SessionDoor::TwilioProxy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_end_overrides_a_time_to_live() {
        let minute = DurationSetting::from_millis(60_000);
        let change = |ttl, ends_ms, before| {
            let change = SessionEnding { ttl, ends_ms }.change(before);
            (change.ttl, change.ends_ms)
        };
        assert_eq!(change(Some(minute), Some(7), None), (Some(None), Some(Some(7))));
        assert_eq!(change(Some(minute), None, None), (Some(Some(minute)), None));
        assert_eq!(change(Some(minute), None, Some(7)), (None, None));
        assert_eq!(change(Some(NEVER), None, None), (Some(None), None));
        assert_eq!(change(None, None, None), (None, None));
    }
}
