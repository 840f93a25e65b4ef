//! What a text that came in is kept as: a message.

use std::sync::Arc;

use super::WebhookJob;
use super::text::{InboundTextDisposition, ReceivedText};
use crate::model::message::{Direction, MessageState};
use crate::model::{Address, ArcMessageContent, ClientId, MessageContent, NumberId, Segments};
use crate::provider;
use crate::service::account::RateLimiter;
use crate::service::directory::SenderNumber;
use crate::service::number::InboundTextPolicy;
use crate::store::message::Message;
use crate::store::number::Number;

/// Whether it is a number or a short code, which can be texted.
pub(super) fn is_number(address: &str) -> bool {
    Address::stored(address).can_be_texted()
}

/// What is no number can be nobody's number here: a chat's page, or an agent. What comes there is the operator's.
pub(super) fn operators(job: &WebhookJob, address: &str) -> SenderNumber {
    let number = Number {
        id: NumberId::new(job.received_ms),
        client: ClientId::OPERATOR,
        account: job.account,
        address: address.to_owned(),
        capabilities: Vec::new(),
        meaning: InboundTextPolicy::Forward,
        rate: 0,
        platform: None,
        country: None,
        pool: None,
        created_ms: job.received_ms,
        is_reserved: false,
    };
    SenderNumber { number, limiter: Arc::new(RateLimiter::new(0)), refused_ms: Arc::default() }
}

fn content(inbound: &provider::InboundMessage) -> MessageContent {
    let is_typed = inbound.media.iter().any(|media| !media.content_type.is_empty());
    MessageContent {
        media_urls: inbound.media.iter().map(|media| media.url.clone()).collect(),
        media_types: inbound.media.iter().filter(|_| is_typed).map(|media| media.content_type.clone()).collect(),
        carrier: inbound.carrier.clone(),
        ..MessageContent::default()
    }
}

/// The message that a text becomes.
pub(super) fn message(text: &ReceivedText, fact: &InboundTextDisposition) -> Message {
    let ReceivedText { job, inbound, sender, route, .. } = text;
    let segments = Segments::of(&inbound.body);
    Message {
        id: job.id.message(),
        // what was said in a session is not for whoever has its number since
        client: route.as_ref().map_or(sender.number.client, |route| route.session.session.client),
        account: job.account,
        direction: Direction::In,
        from: inbound.from.clone(),
        to: inbound.to.clone(),
        body: if fact.is_erased { String::new() } else { inbound.body.clone() },
        state: MessageState::Received,
        encoding: segments.encoding,
        segments: i64::from(segments.count),
        content: if fact.is_erased { ArcMessageContent::default() } else { content(inbound).into() },
        error_code: None,
        error_reason: None,
        created_ms: job.received_ms,
        changed_ms: job.received_ms,
        expires_ms: None,
        redacted_ms: None,
        channel: inbound.channel,
        cost: None,
        refunded_ms: None,
    }
}
