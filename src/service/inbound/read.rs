//! Reads what providers post: when it arrives, and again where it is handled by a node that did not take it in.

use std::sync::Arc;

use super::WebhookJob;
use crate::crypto::hash;
use crate::provider::{CarrierKind, DeliveryReceipt, InboundMessage, UnreadableWebhook};
use crate::store::inbound::WebhookJobContent;
use crate::store::receipt;

/// The name under which a receipt is kept, each once: its state, or the step of a call, of which several come to the
/// same state. A word that we do not know is known as such.
pub(super) fn name(said: &DeliveryReceipt) -> String {
    match (&said.call, said.state) {
        (Some(call), _) => call.status.name().to_owned(),
        (None, Some(state)) => state.name().to_owned(),
        (None, None) => receipt::unknown(&said.folded()),
    }
}

/// What a webhook says.
#[derive(Clone, Debug)]
pub(super) enum WebhookContent {
    Text(Arc<InboundMessage>),
    Receipt(Arc<DeliveryReceipt>),
}

/// The text of a job, read anew where this node has not taken it in.
pub(super) fn text_of(kind: CarrierKind, job: &WebhookJob) -> Result<Arc<InboundMessage>, UnreadableWebhook> {
    match &job.content {
        WebhookJobContent::Read(WebhookContent::Text(text)) => Ok(text.clone()),
        WebhookJobContent::Read(WebhookContent::Receipt(_)) => Err(UnreadableWebhook("text")),
        WebhookJobContent::Stored(payload) => kind.read_text(payload).map(fitted).map(Arc::new),
    }
}

/// The same of a receipt.
pub(super) fn receipt_of(kind: CarrierKind, job: &WebhookJob) -> Result<Arc<DeliveryReceipt>, UnreadableWebhook> {
    match &job.content {
        WebhookJobContent::Read(WebhookContent::Receipt(said)) => Ok(said.clone()),
        WebhookJobContent::Read(WebhookContent::Text(_)) => Err(UnreadableWebhook("receipt")),
        WebhookJobContent::Stored(payload) => kind.read_receipt(payload).map(Arc::new),
    }
}

/// Characters of an address that its column holds.
const LONGEST: usize = 255;

/// As its columns hold it.
pub(super) fn fitted(mut inbound: InboundMessage) -> InboundMessage {
    inbound.media = inbound.carrier.without_surplus(inbound.media);
    for (name, address) in [("From", &mut inbound.from), ("To", &mut inbound.to)] {
        if let Some((at, _)) = address.char_indices().nth(LONGEST) {
            // the whole is told beside it
            inbound.carrier.add(name, address);
            address.truncate(at);
        }
    }
    inbound
}

/// A key that fits its column and differs where the text does, in every collation.
pub(super) fn key(text: &str) -> String {
    let is_plain = (1..=96).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if is_plain { text.to_owned() } else { hash::sha256_hex(text.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fit_their_column() {
        assert_eq!(key("SM1:delivered"), "SM1:delivered");
        for odd in ["", "SM1 ", &"x".repeat(97), "SMé"] {
            assert_eq!(key(odd).len(), 64, "{odd}");
        }
    }

    fn key_of(kind: CarrierKind, payload: &str) -> Result<String, UnreadableWebhook> {
        kind.read_receipt(payload).map(|receipt| receipt.key())
    }

    #[test]
    fn both_levels_of_a_flowroute_receipt_are_receipts() -> Result<(), UnreadableWebhook> {
        let at = |level: u8| {
            let body = format!(r#"{{"data":{{"id":"mdr2-1","attributes":{{"level":{level},"status":"Delivered"}}}}}}"#);
            key_of(CarrierKind::Flowroute, &body)
        };
        assert_eq!((at(1)?, at(2)?), ("mdr2-1:1:delivered".to_owned(), "mdr2-1:2:delivered".to_owned()));
        Ok(())
    }

    #[test]
    fn a_receipt_that_says_more_is_no_repeat() -> Result<(), UnreadableWebhook> {
        for (form, key) in [
            ("MessageSid=SM1&MessageStatus=undelivered", "SM1:undelivered"),
            ("MessageSid=SM1&MessageStatus=Undelivered+&ErrorCode=0", "SM1:undelivered"),
            ("MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003", "SM1:undelivered:30003"),
            ("MessageSid=SM1&MessageStatus=in+orbit", "SM1:in-orbit"),
            ("CallSid=CA1&CallStatus=in-progress", "CA1:in-progress"),
            ("CallSid=CA1&CallStatus=completed&CallDuration=7", "CA1:completed:7s"),
        ] {
            assert_eq!(key_of(CarrierKind::Twilio, form)?, key, "{form}");
        }
        Ok(())
    }
}
