//! Replies to keywords: messages that nobody ordered.

use tokio::time::Instant;

use super::{Messages, RACES};
use crate::model::message::{Direction, State};
use crate::model::{Channel, MessageContent, MessageId, Segments};
use crate::service::directory::Sender;
use crate::service::event::Why;
use crate::store;
use crate::store::message::Message;
use crate::store::outbox::intake::New;

impl Messages {
    /// Accepts the reply to a keyword, once for each id. It passes the opt-out that it may confirm.
    pub async fn reply(
        &self,
        sender: &Sender,
        id: MessageId,
        (channel, to): (Channel, &str),
        body: &str,
    ) -> Result<(), store::Error> {
        let message = self.reply_message(sender, id, (channel, to), body);
        let lane = self.parts.lanes.of_message(&message);
        for _ in 0..RACES {
            if self.find(message.client, id).await?.is_some() {
                return Ok(());
            }
            let lease_ends = Instant::now() + self.parts.settings.lease.as_duration();
            let opt_out = self.parts.lanes.opt_outs_of(&message, lane);
            let message = message.clone();
            let now_ms = self.parts.clock.now_ms();
            let told = self.parts.events.told(&message, message.state, Why::default(), now_ms);
            let (due_ms, kept, passes_opt_out) = (None, None, true);
            let (callback, entry) = (None, None);
            let new = New { message, lane, opt_out, callback, due_ms, kept, told, passes_opt_out, lease_ends, entry };
            match self.parts.outbox.accept(new).await {
                Ok(_) => {
                    self.parts.metrics.accepted();
                    self.parts.events.wake();
                    return Ok(());
                }
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error),
            }
        }
        Err(store::Error::Busy("the lane of a reply is contended".into()))
    }

    fn reply_message(&self, sender: &Sender, id: MessageId, (channel, to): (Channel, &str), body: &str) -> Message {
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
            state: State::Accepted,
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
