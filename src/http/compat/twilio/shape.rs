//! Messages as Twilio writes them.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::{VERSION, date, sid};
use crate::model::message::{Direction, MessageState};
use crate::model::{ClientId, Millis, Money, carrier};
use crate::service::event::VALIDITY_ENDED;
use crate::service::message::Message;

/// The one currency here.
pub(super) const CURRENCY: &str = "USD";

/// All that Twilio's description of a message names; null where there is none.
#[derive(Serialize)]
pub(super) struct TwilioCompatMessageOut<'a> {
    account_sid: String,
    api_version: &'static str,
    body: &'a str,
    date_created: String,
    date_sent: Option<String>,
    date_updated: String,
    direction: &'static str,
    error_code: Option<i64>,
    error_message: Option<Cow<'a, str>>,
    from: String,
    messaging_service_sid: Option<String>,
    num_media: String,
    num_segments: String,
    price: Option<String>,
    price_unit: &'static str,
    sid: String,
    status: &'static str,
    subresource_uris: Value,
    to: String,
    uri: String,
}

/// The path of a client's account, or of what lies under it.
pub(super) fn path(client: ClientId, below: &str) -> String {
    format!("/{VERSION}/Accounts/{}{below}", sid::account(client))
}

/// `taken_ms`: when a provider took it, if one has.
pub(super) fn out(message: &Message, taken_ms: Option<Millis>) -> TwilioCompatMessageOut<'_> {
    let content = &message.content;
    let sid = content.sid(message.id);
    let is_inbound = message.direction == Direction::In;
    // what providers did was read after the message was
    let is_sent = !message.state.may_become(MessageState::Sent);
    let sent_ms = if is_inbound { Some(message.created_ms) } else { taken_ms.filter(|_| is_sent) };
    let is_expired = message.state == MessageState::Expired;
    let below = |rest: &str| path(message.client, &format!("/Messages/{sid}{rest}.json"));
    TwilioCompatMessageOut {
        account_sid: sid::account(message.client),
        api_version: VERSION,
        body: &message.body,
        date_created: date::rfc2822(message.created_ms),
        date_sent: sent_ms.map(date::rfc2822),
        date_updated: date::rfc2822(message.changed_ms),
        direction: match message.direction {
            Direction::In => "inbound",
            Direction::Out if content.is_reply => "outbound-reply",
            Direction::Out => "outbound-api",
        },
        error_code: message.error_code.or(is_expired.then_some(VALIDITY_ENDED)),
        error_message: message.error_reason.as_deref().map(carrier::shown),
        from: message.channel.written(&message.from),
        messaging_service_sid: content.pool.as_deref().map(|pool| format!("MG{pool}")),
        num_media: content.media_urls.len().to_string(),
        num_segments: message.segments.to_string(),
        price: price(message),
        price_unit: CURRENCY,
        status: status(message.state, content.pool.is_some()),
        subresource_uris: json!({ "media": below("/Media") }),
        to: message.channel.written(&message.to),
        uri: below(""),
        sid,
    }
}

/// A message that waits for a sender of its service is accepted; one from a number is queued.
fn status(state: MessageState, has_service: bool) -> &'static str {
    match state {
        MessageState::Accepted if has_service => "accepted",
        MessageState::Accepted | MessageState::Queued => "queued",
        MessageState::Scheduled => "scheduled",
        MessageState::Sending => "sending",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Undelivered => "undelivered",
        MessageState::Failed | MessageState::Expired => "failed",
        MessageState::Canceled => "canceled",
        MessageState::Received => "received",
    }
}

/// What was charged, as money that went: null where nothing was, or all came back.
pub(super) fn price(message: &Message) -> Option<String> {
    message.cost.filter(|_| message.refunded_ms.is_none()).map(written)
}

/// `-0.00750`: five decimals, six where they are needed.
fn written(cost: Money) -> String {
    let micros = cost.micros().unsigned_abs();
    let (units, rest) = (micros / 1_000_000, micros % 1_000_000);
    let sign = if cost.micros() > 0 { "-" } else { "" };
    if rest % 10 == 0 { format!("{sign}{units}.{:05}", rest / 10) } else { format!("{sign}{units}.{rest:06}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_charged_is_written_as_money_that_went() {
        for (micros, text) in [(7_500, "-0.00750"), (1_000_001, "-1.000001"), (0, "0.00000"), (12_000_000, "-12.00000")]
        {
            assert_eq!(written(Money::from_micros(micros)), text);
        }
    }
}
