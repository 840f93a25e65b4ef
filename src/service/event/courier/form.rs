//! An event as Twilio's status callback: what its clients' programs read already
//! (<https://www.twilio.com/docs/messaging/guides/track-outbound-message-status>,
//! <https://www.twilio.com/docs/voice/api/call-resource#statuscallback>).

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::crypto::hash;
use crate::model::message::MessageState;
use crate::model::{CallId, CallStatus, Channel, EventId, MessageContent, MessageId, parse_time};
use crate::service::event::{VALIDITY_ENDED, wanted};
use crate::store::delivery::LeasedDelivery;

/// The fields of a callback. `None`: the event is of nothing that Twilio calls back for.
pub(super) fn fields(claimed: &LeasedDelivery) -> Option<Vec<(String, String)>> {
    let event: Value = serde_json::from_str(&claimed.payload).ok()?;
    let mut fields = vec![("AccountSid", format!("AC{}", claimed.client.hex())), ("ApiVersion", "2010-04-01".into())];
    match &event["data"] {
        data if data["status"].is_string() => call(&event, &claimed.content, &mut fields)?,
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

fn message(data: &Value, content: &MessageContent, fields: &mut CallbackFields) -> Option<()> {
    let id: MessageId = data["id"].as_str()?.parse().ok()?;
    let state = MessageState::parse(data["state"].as_str()?)?;
    let (sid, word) = (content.sid(id), word(state)?);
    let channel = data["channel"].as_str().and_then(Channel::parse).unwrap_or_default();
    fields.extend([
        ("MessageSid", sid.clone()),
        ("MessageStatus", word.to_owned()),
        ("SmsSid", sid),
        ("SmsStatus", word.to_owned()),
        ("To", channel.written(data["to"].as_str()?)),
        ("From", channel.written(data["from"].as_str()?)),
    ]);
    let code = data["error"]["code"].as_i64();
    let code = code.or((state == MessageState::Expired).then_some(VALIDITY_ENDED));
    fields.extend(code.map(|code| ("ErrorCode", code.to_string())));
    fields.extend(content.pool.as_ref().map(|pool| ("MessagingServiceSid", format!("MG{pool}"))));
    Some(())
}

fn call(event: &Value, content: &MessageContent, fields: &mut CallbackFields) -> Option<()> {
    let data = &event["data"];
    let said = |name: &str| data[name].as_str();
    let id: CallId = said("id")?.parse().ok()?;
    let status = CallStatus::parse(said("status")?)?;
    let at_secs = parse_time(event["timestamp"].as_str()?)?.div_euclid(1000);
    let timestamp = OffsetDateTime::from_unix_timestamp(at_secs).ok()?.format(&Rfc2822).ok()?;
    let place = wanted(content).iter().position(|wanted| Some(*wanted) == status.event());
    fields.extend([
        ("CallSid", format!("CA{}", id.hex())),
        ("CallStatus", status.name().to_owned()),
        ("To", said("to")?.to_owned()),
        ("From", said("from")?.to_owned()),
        ("Direction", "outbound-api".to_owned()),
        ("Timestamp", timestamp),
        ("SequenceNumber", place.unwrap_or_default().to_string()),
    ]);
    if status.is_final() {
        fields.push(("CallDuration", data["duration"].as_i64().unwrap_or_default().to_string()));
    }
    let notes = [
        ("AnsweredBy", "answered_by"),
        ("RecordingUrl", "recording_url"),
        ("RecordingSid", "recording_sid"),
        ("RecordingDuration", "recording_duration"),
    ];
    fields.extend(notes.into_iter().filter_map(|(name, ours)| Some((name, said(ours)?.to_owned()))));
    let code = data["error"]["code"].as_i64();
    fields.extend(code.map(|code| ("ErrorCode", code.to_string())));
    Some(())
}

/// Twilio's word for a state of what went out.
fn word(state: MessageState) -> Option<&'static str> {
    match state {
        MessageState::Received => None,
        MessageState::Expired => Some(MessageState::Failed.name()),
        // ours are its own
        other => Some(other.name()),
    }
}
