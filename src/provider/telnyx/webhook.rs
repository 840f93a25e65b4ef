//! What Telnyx posts to us: events, of which some are a message that came in, and some a receipt.

use serde_json::Value;

use crate::model::message::MessageState;
use crate::model::{Address, CarrierFields, Channel, Media, parse_time};
use crate::provider::word::{self, error_code};
use crate::provider::{DeliveryReceipt, InboundMessage, ParsedPost, UnreadableWebhook};

/// What of a message that came in is passed on as it is.
const PASSED_ON: [&str; 6] = ["encoding", "parts", "received_at", "subject", "tags", "type"];

fn event(body: &str) -> Result<Value, UnreadableWebhook> {
    let mut body: Value = serde_json::from_str(body).map_err(|_| UnreadableWebhook("JSON body"))?;
    Ok(body.get_mut("data").map(Value::take).unwrap_or_default())
}

/// An event, by its type.
pub(super) fn parse(body: &str) -> Result<ParsedPost, UnreadableWebhook> {
    let event = event(body)?;
    match event["event_type"].as_str() {
        Some("message.received") => text(&event).map(ParsedPost::Text),
        Some("message.sent" | "message.finalized") => receipt(&event).map(ParsedPost::Receipt),
        Some(_) => Ok(ParsedPost::Nothing),
        None => Err(UnreadableWebhook("event_type")),
    }
}

/// A field of the message that an event is about, if it says anything.
fn said<'a>(value: &'a Value, what: &'static str) -> Result<&'a str, UnreadableWebhook> {
    value.as_str().filter(|text| !text.is_empty()).ok_or(UnreadableWebhook(what))
}

fn text(event: &Value) -> Result<InboundMessage, UnreadableWebhook> {
    let payload = &event["payload"];
    let media = payload["media"].as_array().into_iter().flatten().filter_map(|media| {
        let content_type = media["content_type"].as_str().unwrap_or_default().to_owned();
        Some(Media { url: media["url"].as_str()?.to_owned(), content_type })
    });
    // a sender may be withheld, and is empty then
    let from = payload["from"]["phone_number"].as_str().ok_or(UnreadableWebhook("from"))?;
    let to = said(&payload["to"][0]["phone_number"], "to")?;
    // a group text has all to whom it went, the others among them
    let phones = |name: &'static str| {
        payload[name].as_array().into_iter().flatten().filter_map(|one| one["phone_number"].as_str())
    };
    let also_to = phones("to").skip(1).chain(phones("cc")).map(|phone| Address::from_carrier(phone).1);
    let ((_, from), (_, to)) = (Address::from_carrier(from), Address::from_carrier(to));
    Ok(InboundMessage {
        provider_id: said(&payload["id"], "id")?.to_owned(),
        channel: Channel::Sms,
        from: from.as_str().to_owned(),
        to: to.as_str().to_owned(),
        also_to: also_to.map(|address| address.as_str().to_owned()).collect(),
        body: payload["text"].as_str().unwrap_or_default().to_owned(),
        media: media.collect(),
        consent: None,
        carrier: carrier(payload),
    })
}

/// Texts as they are, all else as JSON; nulls say nothing.
fn carrier(payload: &Value) -> CarrierFields {
    let written = |name: &'static str| {
        let value = payload.get(name).filter(|value| !value.is_null())?;
        Some((name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    };
    let fields: Vec<(&str, String)> = PASSED_ON.into_iter().filter_map(written).collect();
    CarrierFields::of(fields.iter().map(|(name, value)| (*name, value.as_str())))
}

fn receipt(event: &Value) -> Result<DeliveryReceipt, UnreadableWebhook> {
    let payload = &event["payload"];
    let word = said(&payload["to"][0]["status"], "status")?;
    let error_code = error_code(&payload["errors"][0]["code"]);
    let at_ms = event["occurred_at"].as_str().and_then(parse_time);
    Ok(DeliveryReceipt { error_code, at_ms, ..DeliveryReceipt::new(said(&payload["id"], "id")?, state(word), word) })
}

/// Its words for what became of a message at one recipient, where they are not the shared ones.
pub(super) fn state(word: &str) -> Option<MessageState> {
    word::state(word, |word| match word {
        "sending failed" => Some(MessageState::Failed),
        "delivery failed" => Some(MessageState::Undelivered),
        // it left, and nobody says more
        "delivery unconfirmed" => Some(MessageState::Sent),
        _ => None,
    })
}
