//! What a hook's answer means.

use serde::Deserialize;

use super::{InterceptVerdict, OutOfSessionReply, StrangerSession};
use crate::model::{DurationSetting, HookFormat, SessionMode, parse_time};
use crate::provider::webhook::WebhookResponse;

/// What changes a text.
#[derive(Deserialize)]
struct RewriteIn {
    body: String,
}

/// Twilio's names are taken, and ours.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutOfSessionIn {
    #[serde(alias = "participant_identifier")]
    participant_identifier: String,
    #[serde(default, alias = "participant_proxy_identifier")]
    participant_proxy_identifier: Option<String>,
    #[serde(default, alias = "unique_name")]
    unique_name: Option<String>,
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    ttl: Option<TimeToLiveIn>,
    #[serde(default, alias = "date_expiry", alias = "ends_at")]
    date_expiry: Option<String>,
}

/// In seconds, or as our settings have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum TimeToLiveIn {
    Seconds(u64),
    Text(String),
}

pub(super) fn verdict(format: HookFormat, answer: &WebhookResponse) -> InterceptVerdict {
    match (answer.status, format) {
        (403, _) => InterceptVerdict::Blocked,
        (200, HookFormat::Json) => match serde_json::from_slice::<RewriteIn>(&answer.body) {
            Ok(RewriteIn { body }) if !body.is_empty() => InterceptVerdict::Rewritten(body),
            _ => InterceptVerdict::Passes,
        },
        _ => InterceptVerdict::Passes,
    }
}

pub(super) fn reply(answer: &WebhookResponse) -> OutOfSessionReply {
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim_start_matches('\u{feff}').trim();
    match answer.status {
        200..=299 if text.is_empty() => OutOfSessionReply::Nothing,
        200..=299 if text.starts_with('<') => OutOfSessionReply::Twiml(text.to_owned()),
        200..=299 => session(text).map_or(OutOfSessionReply::Failed, OutOfSessionReply::Session),
        _ => OutOfSessionReply::Nothing,
    }
}

fn session(text: &str) -> Option<StrangerSession> {
    let read: OutOfSessionIn = serde_json::from_str(text).ok()?;
    let mode = match read.mode.as_deref() {
        None | Some("") => None,
        Some("message-only") => Some(SessionMode::Message),
        Some("voice-only") => Some(SessionMode::Voice),
        Some("voice-and-message") => Some(SessionMode::Both),
        Some(name) => Some(SessionMode::parse(name)?),
    };
    let ttl = match read.ttl {
        None => None,
        Some(TimeToLiveIn::Seconds(seconds)) => Some(DurationSetting::from_millis(seconds.checked_mul(1000)?)),
        Some(TimeToLiveIn::Text(text)) => match text.parse::<u64>() {
            Ok(seconds) => Some(DurationSetting::from_millis(seconds.checked_mul(1000)?)),
            Err(_) => Some(text.parse::<DurationSetting>().ok()?),
        },
    };
    let ends_ms = match read.date_expiry.as_deref() {
        None | Some("") => None,
        Some(time) => Some(parse_time(time)?),
    };
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    Some(StrangerSession {
        participant: read.participant_identifier,
        number: some(read.participant_proxy_identifier),
        unique_name: some(read.unique_name),
        mode,
        ttl,
        ends_ms,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16, body: &'static str) -> WebhookResponse {
        WebhookResponse { status, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn only_403_blocks_and_only_a_body_changes_a_text() {
        let of = |status, body| verdict(HookFormat::Json, &answer(status, body));
        assert_eq!(of(403, ""), InterceptVerdict::Blocked);
        assert_eq!(of(200, r#"{"body": "hush"}"#), InterceptVerdict::Rewritten("hush".to_owned()));
        for (status, body) in [
            (200, ""),
            (200, "{"),
            (200, "{}"),
            (200, r#"{"body": 1}"#),
            (200, r#"{"body": ""}"#),
            (204, ""),
            (302, r#"{"body": "hush"}"#),
            (404, ""),
            (500, r#"{"body": "hush"}"#),
        ] {
            assert_eq!(of(status, body), InterceptVerdict::Passes, "{status} {body}");
        }
        assert_eq!(verdict(HookFormat::Form, &answer(200, r#"{"body": "x"}"#)), InterceptVerdict::Passes);
    }

    #[test]
    fn a_stranger_is_answered_by_a_document_a_session_or_nothing() {
        assert_eq!(reply(&answer(200, " ")), OutOfSessionReply::Nothing);
        assert_eq!(reply(&answer(404, "<Response/>")), OutOfSessionReply::Nothing);
        assert_eq!(reply(&answer(200, "<Response/>")), OutOfSessionReply::Twiml("<Response/>".to_owned()));
        for bad in ["{}", "hello", r#"{"participantIdentifier": "+1", "mode": "both-ways"}"#, "[]"] {
            assert_eq!(reply(&answer(200, bad)), OutOfSessionReply::Failed, "{bad}");
        }
        let wanted = StrangerSession {
            participant: "+14155550101".to_owned(),
            number: None,
            unique_name: Some("u".to_owned()),
            mode: Some(SessionMode::Message),
            ttl: Some(DurationSetting::from_millis(60_000)),
            ends_ms: None,
        };
        for good in [
            r#"{"participantIdentifier": "+14155550101", "uniqueName": "u", "mode": "message-only", "ttl": 60}"#,
            r#"{"participant_identifier": "+14155550101", "unique_name": "u", "mode": "message", "ttl": "1m"}"#,
        ] {
            assert_eq!(reply(&answer(200, good)), OutOfSessionReply::Session(wanted.clone()), "{good}");
        }
        let endless =
            StrangerSession { unique_name: None, mode: None, ttl: Some(DurationSetting::from_millis(0)), ..wanted };
        let body = r#"{"participantIdentifier": "+14155550101", "ttl": 0}"#;
        assert_eq!(reply(&answer(200, body)), OutOfSessionReply::Session(endless));
    }
}
