//! What Flowroute posts to us, in its newer (JSON:API) and its older, flat shape.

use serde_json::Value;

use super::fields::carrier;
use crate::model::message::MessageState;
use crate::model::{Address, Channel, Media, Millis, parse_time};
use crate::provider::word::{self, error_code};
use crate::provider::{DeliveryReceipt, InboundMessage, UnreadableWebhook};

/// An inbound message of either shape.
pub(super) fn parse_inbound(body: &[u8]) -> Result<InboundMessage, UnreadableWebhook> {
    let body: Value = serde_json::from_slice(body).map_err(|_| UnreadableWebhook("JSON body"))?;
    let (id, fields) = match body.get("data") {
        Some(data) => (&data["id"], &data["attributes"]),
        None => (&body["id"], &body),
    };
    let included = match &body["included"] {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let media = included.iter().filter_map(|included| {
        let attributes = included.get("attributes").unwrap_or(included);
        let url = attributes["url"].as_str()?.to_owned();
        Some(Media { url, content_type: attributes["mime_type"].as_str().unwrap_or_default().to_owned() })
    });
    let provider_id = text(id).ok_or(UnreadableWebhook("id"))?;
    // a sender may be withheld, and is empty or null then
    let from = fields.get("from").ok_or(UnreadableWebhook("from"))?;
    Ok(InboundMessage {
        provider_id,
        channel: Channel::Sms,
        from: number(&said(from)),
        to: number(&text(&fields["to"]).ok_or(UnreadableWebhook("to"))?),
        also_to: Vec::new(),
        body: said(&fields["body"]),
        media: media.collect(),
        consent: None,
        carrier: carrier(fields),
    })
}

/// A delivery receipt. A message has several: one per hop.
pub(super) fn parse_receipt(body: &[u8]) -> Result<DeliveryReceipt, UnreadableWebhook> {
    let body: Value = serde_json::from_slice(body).map_err(|_| UnreadableWebhook("JSON body"))?;
    let data = body.get("data").unwrap_or(&body);
    receipt(&data["id"], data.get("attributes").unwrap_or(data))
}

fn receipt(id: &Value, fields: &Value) -> Result<DeliveryReceipt, UnreadableWebhook> {
    let provider_id = text(id).ok_or(UnreadableWebhook("id"))?;
    let word = fields["status"].as_str().ok_or(UnreadableWebhook("status"))?;
    let state = state(word);
    let is_failure = matches!(state, Some(MessageState::Undelivered | MessageState::Failed) | None);
    let hop = fields.get("level").filter(|level| !level.is_null());
    let hop = hop.map(|level| level.as_str().map_or_else(|| level.to_string(), str::to_owned));
    // codes are given for success too
    let error_code = error_code(&fields["status_code"]).filter(|_| is_failure);
    let at_ms = fields["timestamp"].as_str().and_then(millis);
    Ok(DeliveryReceipt { hop, error_code, at_ms, ..DeliveryReceipt::new(&provider_id, state, word) })
}

/// Its words are those of the gateway before the centres; those of the centres themselves stand in the shared table.
fn state(word: &str) -> Option<MessageState> {
    word::state(word, |word| match word {
        "delivery success" => Some(MessageState::Delivered),
        "delivery failure" => Some(MessageState::Undelivered),
        // a centre has taken it, or has not
        "smsc submit" | "smsc submitted" | "submit" => Some(MessageState::Sent),
        "smsc reject" | "smsc rejected" | "reject" => Some(MessageState::Failed),
        // `message buffered`, without its first word
        "buffered" | "smsc intermediate notifications" | "smsc intermediate notification" => {
            Some(MessageState::Sending)
        }
        _ => None,
    })
}

/// A field that should be a string, and may be a number.
fn text(value: &Value) -> Option<String> {
    let text = value.as_str().map(str::to_owned).or_else(|| value.is_number().then(|| value.to_string()))?;
    Some(text).filter(|text| !text.is_empty())
}

/// What a field says, whatever it is; null says nothing.
fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A number in E.164. Flowroute, which is American, leaves the plus out, and with it sometimes the 1 behind.
fn number(text: &str) -> String {
    let (_, address) = Address::from_american_carrier(text);
    address.as_str().to_owned()
}

/// RFC 3339; where there is no zone, it is UTC.
fn millis(text: &str) -> Option<Millis> {
    parse_time(text).or_else(|| parse_time(&format!("{text}Z")))
}

#[cfg(test)]
#[path = "webhook_test.rs"]
mod tests;
