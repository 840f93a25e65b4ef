//! What listeners are told of sessions, in the change that makes it so.

use super::payload::{SessionEventData, SessionParticipantEventData};
use super::{EventMetadata, EventSequenceSource, NewEventBatch};
use crate::model::event::EventType;
use crate::model::{Id as _, Millis, PoolId, SessionState, rfc3339};
use crate::store::session::{Participant, SessionWithParticipants};

fn out(one: &Participant) -> SessionParticipantEventData<'_> {
    SessionParticipantEventData {
        id: one.id.to_string(),
        address: &one.address,
        name: one.name.as_deref(),
        number: &one.number,
        joined_at: rfc3339(one.joined_ms),
    }
}

impl NewEventBatch<'_> {
    /// Something has happened to a session, which is as it is told; `who`: the one of its people whom it is about.
    pub(in crate::service) fn session(
        &mut self,
        after: &SessionWithParticipants,
        kind: EventType,
        who: Option<&Participant>,
        at_ms: Millis,
    ) {
        let session = &after.session;
        let order = EventSequenceSource::Known { object: session.id.bytes(), sequence: session.sequence };
        self.session_as((after, session.state), (kind, order), who, at_ms);
    }

    /// Something is said in a session, as it was read, in which nobody had spoken yet, or which rested.
    pub(in crate::service) fn session_begins(&mut self, before: &SessionWithParticipants, at_ms: Millis) {
        // many speak at once: its row counts what is told of it
        let (kind, order) = (EventType::SessionInProgress, EventSequenceSource::Session(before.session.id));
        self.session_as((before, SessionState::InProgress), (kind, order), None, at_ms);
    }

    fn session_as(
        &mut self,
        (after, state): (&SessionWithParticipants, SessionState),
        (kind, order): (EventType, EventSequenceSource),
        who: Option<&Participant>,
        at_ms: Millis,
    ) {
        let session = &after.session;
        let what = EventMetadata { client: session.client, kind, at_ms, callback: None, order };
        self.add(what, || SessionEventData {
            sequence: None,
            id: session.id.to_string(),
            state: state.name(),
            reason: session.reason.as_deref(),
            mode: session.mode.name(),
            name: session.name.as_deref(),
            unique_name: session.unique_name.as_deref(),
            pool_id: session.pool.map(|pool: PoolId| pool.to_string()),
            participants: after.present().map(out).collect(),
            participant: who.map(out),
            metadata: session.metadata.as_ref(),
            created_at: rfc3339(session.created_ms),
        });
    }
}
