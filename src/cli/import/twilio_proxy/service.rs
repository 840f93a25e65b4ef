//! What Twilio Proxy has, in our words.

use serde_json::{Value, json};

use crate::cli::import::target::{NumberToImport, PoolToImport, SessionToImport};
use crate::cli::output::field;
use crate::model::{Millis, parse_time, rfc3339};

/// The digits of a sid, by which what it names is known here too.
fn id(of: &Value, prefix: &str) -> Result<String, String> {
    let sid = field(of, "sid");
    let digits = sid.strip_prefix(prefix).filter(|digits| digits.len() == 32);
    let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    digits.map(str::to_lowercase).ok_or_else(|| format!("its sid is not {prefix} and 32 hex digits: {sid}"))
}

/// A whole number above 0.
fn above_zero(of: &Value, name: &str) -> Option<u64> {
    of[name].as_u64().filter(|seconds| *seconds > 0)
}

/// An optional text.
fn given<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of[name].as_str().filter(|text| !text.is_empty())
}

/// A service as a pool, without its numbers.
pub(super) fn pool(service: &Value) -> Result<PoolToImport, String> {
    let choice = match field(service, "number_selection_behavior") {
        "avoid-sticky" => "avoid_sticky",
        _ => "sticky",
    };
    let bound = match field(service, "geo_match_level") {
        "area-code" => "area_code",
        "overlay" | "extended-area-code" => "overlay",
        "radius" => "radius",
        _ => "country",
    };
    let name = given(service, "unique_name").unwrap_or_else(|| field(service, "sid"));
    Ok(PoolToImport {
        id: Some(id(service, "KS")?),
        name: name.to_owned(),
        settings: json!({
            "choice": choice,
            "bound": bound,
            "rest": "0s",
            "ttl": above_zero(service, "default_ttl").map(|seconds| format!("{seconds}s")),
            "callback_url": given(service, "callback_url"),
            "intercept_url": given(service, "intercept_callback_url"),
            "out_of_session_url": given(service, "out_of_session_callback_url"),
            "hook_format": "form",
        }),
        ..PoolToImport::default()
    })
}

pub(super) fn number(number: &Value) -> Result<NumberToImport, String> {
    let address = given(number, "phone_number").ok_or("it has no phone_number")?;
    // `sms`, or for each direction `sms_outbound`
    let can = |name: &&str| {
        let mut all = number["capabilities"].as_object().into_iter().flatten();
        all.any(|(one, can)| *can == true && one.to_lowercase().starts_with(*name))
    };
    let can: Vec<String> = ["sms", "mms", "voice"].into_iter().filter(can).map(str::to_owned).collect();
    let capabilities = if can.is_empty() { vec!["sms".to_owned()] } else { can };
    let is_reserved = number["is_reserved"] == true;
    Ok(NumberToImport { address: address.to_owned(), capabilities, is_reserved })
}

/// A number of which nothing is known but that somebody in a session has it.
pub(super) fn named(address: &str) -> NumberToImport {
    let capabilities = vec!["sms".to_owned(), "voice".to_owned()];
    NumberToImport { address: address.to_owned(), capabilities, is_reserved: true }
}

/// A session that goes on.
#[derive(Debug)]
pub(super) struct LiveProxySession<'a> {
    pub(super) sid: &'a str,
    id: String,
    session: &'a Value,
    created_ms: Millis,
    last_ms: Option<Millis>,
    ends_ms: Option<Millis>,
    ttl: Option<u64>,
}

/// A time of a session's, where it has one.
fn time(session: &Value, name: &str) -> Result<Option<Millis>, String> {
    let read = |text| parse_time(text).ok_or_else(|| format!("its {name} is no time: {text}"));
    given(session, name).map(read).transpose()
}

/// `None`: it is over.
pub(super) fn live(session: &Value, now_ms: Millis) -> Result<Option<LiveProxySession<'_>>, String> {
    let id = id(session, "KC")?;
    match field(session, "status") {
        "open" | "in-progress" => {}
        "closed" | "failed" => return Ok(None),
        other => return Err(format!("its status is none of Twilio Proxy's: {other}")),
    }
    let created_ms = time(session, "date_created")?.or(time(session, "date_started")?).unwrap_or(now_ms);
    let last_ms = time(session, "date_last_interaction")?;
    let ends_ms = time(session, "date_expiry")?;
    // a fixed end is instead of a time to live
    let ttl = above_zero(session, "ttl").filter(|_| ends_ms.is_none());
    let span_ms = ttl.map(|seconds| Millis::try_from(seconds.saturating_mul(1_000)).unwrap_or(Millis::MAX));
    let silent_ms = span_ms.map(|span_ms| last_ms.unwrap_or(created_ms).saturating_add(span_ms));
    if [ends_ms, silent_ms].into_iter().flatten().any(|ends_ms| ends_ms <= now_ms) {
        return Ok(None);
    }
    let sid = field(session, "sid");
    Ok(Some(LiveProxySession { sid, id, session, created_ms, last_ms, ends_ms, ttl }))
}

impl LiveProxySession<'_> {
    /// The session with these participants, but for those who have left it.
    pub(super) fn order(self, people: &[Value]) -> Result<SessionToImport, String> {
        let present = people.iter().filter(|one| one["date_deleted"].is_null());
        let (mut ids, mut participants, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for one in present {
            let wrong = |name: &str| format!("its participant {} has no {name}", field(one, "sid"));
            let address = given(one, "identifier").ok_or_else(|| wrong("identifier"))?;
            let number = given(one, "proxy_identifier").ok_or_else(|| wrong("proxy_identifier"))?;
            participants.push(json!({"address": address, "number": number, "name": given(one, "friendly_name")}));
            ids.push(id(one, "KP")?);
            numbers.push(number.to_owned());
        }
        let mode = match field(self.session, "mode") {
            "message-only" => "message",
            "voice-only" => "voice",
            _ => "both",
        };
        let body = json!({
            "door": "twilio_proxy",
            "created_at": rfc3339(self.created_ms),
            "last_interaction_at": self.last_ms.map(rfc3339),
            "participant_ids": ids,
            "session": {
                "participants": participants,
                "mode": mode,
                "unique_name": given(self.session, "unique_name"),
                "ttl": self.ttl.map(|seconds| format!("{seconds}s")),
                "ends_at": self.ends_ms.map(rfc3339),
            },
        });
        Ok(SessionToImport { what: format!("session {}", self.sid), id: self.id, numbers, body })
    }
}

#[cfg(test)]
#[path = "service_test.rs"]
mod tests;
