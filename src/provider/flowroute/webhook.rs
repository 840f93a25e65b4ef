//! What Flowroute posts to us, in its newer (JSON:API) and its older, flat shape.

use serde_json::Value;

use super::fields::carrier;
use crate::model::{Channel, Millis, parse_time};
use crate::provider::{Inbound, Media, Receipt, ReceiptState, Unreadable};

/// An inbound message of either shape.
pub fn parse_inbound(body: &[u8]) -> Result<Inbound, Unreadable> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unreadable("JSON body"))?;
    let (id, fields) = match body.get("data") {
        Some(data) => (&data["id"], &data["attributes"]),
        None => (&body["id"], &body),
    };
    let media = body["included"].as_array().into_iter().flatten().filter_map(|included| {
        let attributes = included.get("attributes").unwrap_or(included);
        let url = attributes["url"].as_str()?.to_owned();
        Some(Media { url, content_type: attributes["mime_type"].as_str().unwrap_or_default().to_owned() })
    });
    Ok(Inbound {
        provider_id: text(id).ok_or(Unreadable("id"))?,
        channel: Channel::Sms,
        from: number(&fields["from"]).ok_or(Unreadable("from"))?,
        to: number(&fields["to"]).ok_or(Unreadable("to"))?,
        body: fields["body"].as_str().unwrap_or_default().to_owned(),
        media: media.collect(),
        consent: None,
        carrier: carrier(fields),
    })
}

/// A delivery receipt. A message has several: one per hop.
pub fn parse_receipt(body: &[u8]) -> Result<Receipt, Unreadable> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unreadable("JSON body"))?;
    let data = body.get("data").unwrap_or(&body);
    receipt(&data["id"], data.get("attributes").unwrap_or(data))
}

fn receipt(id: &Value, fields: &Value) -> Result<Receipt, Unreadable> {
    let provider_id = text(id).ok_or(Unreadable("id"))?;
    let status = fields["status"].as_str().ok_or(Unreadable("status"))?;
    let state = state(status);
    let is_failure = matches!(state, ReceiptState::Undelivered | ReceiptState::Failed | ReceiptState::Unknown);
    Ok(Receipt {
        provider_id,
        state,
        // codes are given for success too
        error_code: integer(&fields["status_code"]).filter(|_| is_failure),
        at_ms: fields["timestamp"].as_str().and_then(millis),
        call: None,
    })
}

/// Its words are those of the SMSCs behind it, so they are read by what they contain.
fn state(status: &str) -> ReceiptState {
    let status = status.trim().to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| status.contains(word));
    if has(&["undeliver", "not delivered", "expired", "deleted"]) {
        ReceiptState::Undelivered
    } else if has(&["reject", "fail", "error", "blocked"]) {
        ReceiptState::Failed
    } else if has(&["delivered"]) {
        ReceiptState::Delivered
    } else if has(&["submit", "sent", "enroute"]) {
        ReceiptState::Sent
    } else if has(&["buffered", "intermediate", "accepted", "pending"]) {
        ReceiptState::Sending
    } else if has(&["queued", "scheduled"]) {
        ReceiptState::Queued
    } else {
        ReceiptState::Unknown
    }
}

/// A status code may be a number, a string of one, or null.
pub(super) fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A number in E.164: Flowroute leaves the plus out. Short codes have none.
fn number(value: &Value) -> Option<String> {
    let number = text(value).or_else(|| value.as_u64().map(|number| number.to_string()))?;
    let is_bare = number.len() > 8 && number.bytes().all(|b| b.is_ascii_digit());
    Some(if is_bare { format!("+{number}") } else { number })
}

/// RFC 3339; where there is no zone, it is UTC.
fn millis(text: &str) -> Option<Millis> {
    parse_time(text).or_else(|| parse_time(&format!("{text}Z")))
}

#[cfg(test)]
#[path = "webhook_test.rs"]
mod tests;
