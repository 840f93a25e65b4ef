//! An event as Twilio's status callback: what its clients' programs read already
//! (<https://www.twilio.com/docs/messaging/guides/track-outbound-message-status>,
//! <https://www.twilio.com/docs/voice/api/call-resource#statuscallback>).

use std::borrow::Cow;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::crypto::hash;
use crate::model::message::MessageState;
use crate::model::{CallId, CallStatus, Channel, EventId, MessageContent, MessageId, parse_time};
use crate::service::event::{VALIDITY_ENDED, wanted};
use crate::store::delivery::LeasedDelivery;

/// What an event says of a message, or of a call.
#[derive(Deserialize)]
struct CallbackEventIn<'a> {
    timestamp: &'a str,
    #[serde(borrow)]
    data: CallbackEventDataIn<'a>,
}

/// Words of ours are never escaped; what others have written may be.
#[derive(Deserialize)]
struct CallbackEventDataIn<'a> {
    id: &'a str,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    state: Option<&'a str>,
    channel: Option<&'a str>,
    status: Option<&'a str>,
    duration: Option<i64>,
    answered_by: Option<String>,
    recording_url: Option<String>,
    recording_sid: Option<String>,
    recording_duration: Option<String>,
    error: Option<CallbackEventErrorIn>,
}

#[derive(Deserialize)]
struct CallbackEventErrorIn {
    code: Option<i64>,
}

/// The fields of a callback. `None`: the event is of nothing that Twilio calls back for.
pub(super) fn fields(claimed: &LeasedDelivery) -> Option<Vec<(String, String)>> {
    let event: CallbackEventIn<'_> = serde_json::from_str(&claimed.payload).ok()?;
    let mut fields = vec![("AccountSid", format!("AC{}", claimed.client.hex())), ("ApiVersion", "2010-04-01".into())];
    match &event.data {
        data if data.status.is_some() => call(&event, &claimed.content, &mut fields)?,
        data => message(data, &claimed.content, &mut fields)?,
    }
    Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// By which its receiver knows an event again: a UUID (RFC 9562, version 8), as Twilio's is one.
pub(super) fn token(event: EventId) -> String {
    let hex = hash::sha256_hex(event.hex().as_bytes());
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

type CallbackFields = Vec<(&'static str, String)>;

fn message(data: &CallbackEventDataIn<'_>, content: &MessageContent, fields: &mut CallbackFields) -> Option<()> {
    let id: MessageId = data.id.parse().ok()?;
    let state = MessageState::parse(data.state?)?;
    let (sid, word) = (content.sid(id), word(state)?);
    let channel = data.channel.and_then(Channel::parse).unwrap_or_default();
    fields.extend([
        ("MessageSid", sid.clone()),
        ("MessageStatus", word.to_owned()),
        ("SmsSid", sid),
        ("SmsStatus", word.to_owned()),
        ("To", channel.written(&data.to)),
        ("From", channel.written(&data.from)),
    ]);
    let code = data.error.as_ref().and_then(|error| error.code);
    let code = code.or((state == MessageState::Expired).then_some(VALIDITY_ENDED));
    fields.extend(code.map(|code| ("ErrorCode", code.to_string())));
    fields.extend(content.pool.as_ref().map(|pool| ("MessagingServiceSid", format!("MG{pool}"))));
    Some(())
}

fn call(event: &CallbackEventIn<'_>, content: &MessageContent, fields: &mut CallbackFields) -> Option<()> {
    let data = &event.data;
    let id: CallId = data.id.parse().ok()?;
    let status = CallStatus::parse(data.status?)?;
    let at_secs = parse_time(event.timestamp)?.div_euclid(1000);
    let timestamp = OffsetDateTime::from_unix_timestamp(at_secs).ok()?.format(&Rfc2822).ok()?;
    let place = wanted(content).iter().position(|wanted| Some(*wanted) == status.event());
    fields.extend([
        ("CallSid", format!("CA{}", id.hex())),
        ("CallStatus", status.name().to_owned()),
        ("To", data.to.clone().into_owned()),
        ("From", data.from.clone().into_owned()),
        ("Direction", "outbound-api".to_owned()),
        ("Timestamp", timestamp),
        ("SequenceNumber", place.unwrap_or_default().to_string()),
    ]);
    if status.is_final() {
        fields.push(("CallDuration", data.duration.unwrap_or_default().to_string()));
    }
    let notes = [
        ("AnsweredBy", &data.answered_by),
        ("RecordingUrl", &data.recording_url),
        ("RecordingSid", &data.recording_sid),
        ("RecordingDuration", &data.recording_duration),
    ];
    fields.extend(notes.into_iter().filter_map(|(name, said)| Some((name, said.clone()?))));
    let code = data.error.as_ref().and_then(|error| error.code);
    fields.extend(code.map(|code| ("ErrorCode", code.to_string())));
    Some(())
}

/// Twilio's word for a state of what went out.
pub(super) fn word(state: MessageState) -> Option<&'static str> {
    match state {
        MessageState::Received => None,
        MessageState::Expired => Some(MessageState::Failed.name()),
        // ours are its own
        other => Some(other.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_written_may_be_escaped() {
        let payload = r#"{"type":"call.completed","timestamp":"2026-11-30T07:00:00Z","data":{"sequence":1,"id":"call",
            "status":"completed","from":"a \"b\"","to":"+15005550100","duration":3,
            "recording_url":"https:\/\/a.example","metadata":null,"error":{"code":null,"reason":"\n"}}}"#;
        let event: CallbackEventIn<'_> = serde_json::from_str(payload).unwrap();
        assert_eq!((event.timestamp, event.data.id), ("2026-11-30T07:00:00Z", "call"));
        assert_eq!(event.data.from, "a \"b\"");
        assert!(matches!(event.data.to, Cow::Borrowed("+15005550100")));
        assert_eq!(event.data.recording_url.as_deref(), Some("https://a.example"));
        assert!(event.data.error.is_some_and(|error| error.code.is_none()) && event.data.state.is_none());
    }
}
