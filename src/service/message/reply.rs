//! Replies to keywords: messages that nobody ordered.

use super::Messages;
use crate::model::message::{Direction, MessageState};
use crate::model::{Channel, MessageContent, MessageId, Segments};
use crate::service::directory::SenderNumber;
use crate::service::race::settled_in_store;
use crate::store;
use crate::store::message::Message;

impl Messages {
    /// Accepts the reply to a keyword, once for each id. It passes the opt-out that it may confirm.
    pub async fn reply(
        &self,
        sender: &SenderNumber,
        id: MessageId,
        (channel, to): (Channel, &str),
        body: &str,
    ) -> store::Result<()> {
        let message = self.new_reply(sender, id, (channel, to), body);
        let is_new = settled_in_store("the lane of a reply", || async {
            if self.find(message.client, id).await?.is_some() {
                return Ok(false);
            }
            self.parts.outbox.accept(self.intake(message.clone(), true)).await?;
            Ok(true)
        })
        .await?;
        if is_new {
            self.parts.metrics.accepted();
            self.parts.events.wake();
        }
        Ok(())
    }

    fn new_reply(&self, sender: &SenderNumber, id: MessageId, (channel, to): (Channel, &str), body: &str) -> Message {
        let now_ms = self.parts.clock.now_ms();
        let segments = Segments::of(body);
        Message {
            id,
            client: sender.number.client,
            account: sender.number.account,
            direction: Direction::Out,
            from: sender.number.address.clone(),
            to: to.to_owned(),
            body: body.to_owned(),
            state: MessageState::Accepted,
            encoding: segments.encoding,
            segments: if channel == Channel::Sms { i64::from(segments.count) } else { 1 },
            content: MessageContent { is_reply: true, ..MessageContent::default() }.into(),
            error_code: None,
            error_reason: None,
            created_ms: now_ms,
            changed_ms: now_ms,
            expires_ms: Some(now_ms + self.parts.settings.valid_for.as_ms()),
            redacted_ms: None,
            channel,
            cost: None,
            refunded_ms: None,
        }
    }
}
