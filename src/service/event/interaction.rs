//! What listeners are told of what is said in sessions.

use super::payload::InteractionEventData;
use super::{EventMetadata, EventSequenceSource, NewEventBatch};
use crate::model::event::EventType;
use crate::model::{CallId, MessageId, rfc3339};
use crate::store::session::interaction::{InteractionFailure, InteractionKind, NewInteraction};

impl NewEventBatch<'_> {
    /// Something was said to somebody in a session, or could not be; and that copies have stopped, where it says so.
    pub(in crate::service) fn interaction(&mut self, said: &NewInteraction) {
        self.interaction_for(said, None);
    }

    /// The same. `callback`: the message that carries whom to call back of it, where there is no copy that would.
    pub(in crate::service) fn interaction_for(&mut self, said: &NewInteraction, callback: Option<MessageId>) {
        self.interaction_as(EventType::InteractionMessage, said, callback);
        if said.begins_loop {
            self.interaction_as(EventType::InteractionLoop, said, None);
        }
    }

    fn interaction_as(&mut self, kind: EventType, said: &NewInteraction, callback: Option<MessageId>) {
        let order = EventSequenceSource::Session(said.session);
        let what = EventMetadata { client: said.client, kind, at_ms: said.at_ms, callback, order };
        let is_call = said.kind == InteractionKind::Voice;
        self.add(what, || InteractionEventData {
            sequence: None,
            id: said.id.to_string(),
            session_id: said.session.to_string(),
            kind: said.kind.name(),
            from_participant_id: said.from.map(|from| from.to_string()),
            to_participant_id: said.to.map(|to| to.to_string()),
            inbound_message_id: said.inbound.map(|message| message.to_string()),
            outbound_message_id: said.copy.ok().filter(|_| !is_call).map(|message| message.to_string()),
            outbound_call_id: said.copy.ok().filter(|_| is_call).map(|call| CallId::from(call).to_string()),
            status: said.status().name(),
            reason: said.copy.err().map(InteractionFailure::name),
            created_at: rfc3339(said.at_ms),
        });
    }
}
