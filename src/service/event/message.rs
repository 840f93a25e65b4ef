//! What listeners are told of messages, in the change that makes it so.

use super::payload::{CallEventData, EventErrorData, MessageEventData, OptOutEventData};
use super::{EventMetadata, EventSequenceSource, Events, NewEventBatch};
use crate::model::event::EventType;
use crate::model::message::{Direction, MessageState};
use crate::model::{CallEvent, CallId, CallStatus, Channel, ClientId, MessageContent, Millis, carrier, rfc3339};
use crate::provider::CallNotes;
use crate::store::call::Call;
use crate::store::event::PendingEvents;
use crate::store::message::Message;
use crate::store::opt_out::OptOutStatement;

/// Twilio's code for a message whose validity ended before it was sent.
pub const VALIDITY_ENDED: i64 = 30036;

/// Why a message failed, where it did.
#[derive(Clone, Copy, Default)]
pub struct FailureReason<'a> {
    pub code: Option<i64>,
    pub reason: Option<&'a str>,
}

impl<'a> FailureReason<'a> {
    fn out(self) -> Option<EventErrorData<'a>> {
        let has_error = self.code.is_some() || self.reason.is_some();
        has_error.then(|| EventErrorData { code: self.code, reason: self.reason.map(carrier::shown) })
    }
}

impl NewEventBatch<'_> {
    /// A message has come into a state.
    pub(in crate::service) fn message(
        &mut self,
        message: &Message,
        state: MessageState,
        why: FailureReason<'_>,
        at_ms: Millis,
    ) {
        if message.channel == Channel::Voice {
            if let Some(status) = CallStatus::of(state) {
                self.call(message, &Call { status, ..Call::default() }, why, at_ms);
            }
            return;
        }
        let is_in = message.direction == Direction::In;
        let content: &MessageContent = &message.content;
        // Twilio does not call back with the first state: that was the answer; of what people say it was none
        let is_answered = content.is_twilio && content.interaction.is_none();
        let is_news = !is_answered || !matches!(state, MessageState::Accepted | MessageState::Scheduled);
        let has_callback = !is_in && is_news && content.callback_url.is_some();
        let callback = has_callback.then_some(message.id);
        let order = EventSequenceSource::Message(message.id);
        let what = EventMetadata { client: message.client, kind: EventType::Message(state), at_ms, callback, order };
        self.add(what, || MessageEventData {
            sequence: None,
            id: message.id.to_string(),
            direction: message.direction.name(),
            channel: message.channel.name(),
            state: state.name(),
            from: &message.from,
            to: &message.to,
            body: &message.body,
            media_urls: &content.media_urls,
            media_types: is_in.then_some(content.media_types.as_slice()),
            segments: message.segments,
            metadata: content.metadata.as_ref(),
            error: why.out(),
            created_at: rfc3339(message.created_ms),
            carrier_omitted: is_in.then_some(content.carrier.omitted),
            carrier: is_in.then(|| content.carrier.shown()),
        });
    }

    /// An entry of the ledger of opt-outs has changed.
    pub(in crate::service) fn opt_out(&mut self, client: ClientId, said: &OptOutStatement) {
        // alone: its entry in the ledger gives the sequence
        self.add(EventMetadata::alone(client, EventType::OptOutChanged, said.at_ms), || OptOutEventData {
            sequence: None,
            number: &said.number,
            person: &said.person,
            channel: said.channel.name(),
            is_out: said.is_out,
            reason: said.reason,
            changed_at: rfc3339(said.at_ms),
        });
    }

    /// A call has come so far.
    pub(in crate::service) fn call(&mut self, message: &Message, call: &Call, why: FailureReason<'_>, at_ms: Millis) {
        self.call_step(message, (call, &CallNotes::default()), why, at_ms);
    }

    /// The same as its provider told it. Its own callback is told of those steps that its client wants to hear of.
    pub(in crate::service) fn call_step(
        &mut self,
        message: &Message,
        (call, notes): (&Call, &CallNotes),
        why: FailureReason<'_>,
        at_ms: Millis,
    ) {
        let content: &MessageContent = &message.content;
        let is_wanted =
            content.interaction.is_some() || call.status.event().is_some_and(|event| wanted(content).contains(&event));
        let callback = content.callback_url.as_ref().filter(|_| is_wanted).map(|_| message.id);
        let order = EventSequenceSource::Message(message.id);
        let what = EventMetadata { client: message.client, kind: EventType::Call(call.status), at_ms, callback, order };
        self.add(what, || CallEventData {
            sequence: None,
            id: CallId::from(message.id).to_string(),
            status: call.status.name(),
            from: &message.from,
            to: &message.to,
            duration: call.duration,
            notes,
            metadata: content.metadata.as_ref(),
            error: why.out(),
            created_at: rfc3339(message.created_ms),
        });
    }
}

/// What a call's client wants to hear of, in the order in which it happens; by default how it ended.
pub(in crate::service) fn wanted(content: &MessageContent) -> Vec<CallEvent> {
    let asked = content.call.iter().flat_map(|call| &call.callback_events);
    let mut events: Vec<CallEvent> = asked.filter_map(|name| CallEvent::parse(name)).collect();
    events.sort_unstable();
    events.dedup();
    if events.is_empty() { vec![CallEvent::Completed] } else { events }
}

impl Events {
    /// What is told when a message comes into a state: the rows, for a change that many share.
    pub(in crate::service) fn told(
        &self,
        message: &Message,
        state: MessageState,
        why: FailureReason<'_>,
        at_ms: Millis,
    ) -> PendingEvents {
        let mut batch = self.batch();
        batch.message(message, state, why, at_ms);
        batch.into_rows()
    }
}
