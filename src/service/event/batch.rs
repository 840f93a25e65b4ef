//! Collects what happens in one change, so that facts and events commit together.

use serde::Serialize;

use super::Events;
use super::payload::EventPayload;
use crate::model::event::EventType;
use crate::model::{ClientId, EventId, MessageId, Millis, rfc3339};
use crate::store::event::{EventSequenceSource, EventTarget, NewEvent, PendingEvents};
use crate::store::{Change, delivery};

/// Something that happened to something of a client's.
#[derive(Clone, Debug)]
pub struct EventMetadata {
    pub client: ClientId,
    pub kind: EventType,
    pub at_ms: Millis,
    /// The message whose own callback URL wants to hear of it too.
    pub callback: Option<MessageId>,
    pub order: EventSequenceSource,
}

impl EventMetadata {
    /// One that no callback hears of, with nothing before or after it.
    pub fn alone(client: ClientId, kind: EventType, at_ms: Millis) -> Self {
        Self { client, kind, at_ms, callback: None, order: EventSequenceSource::Alone }
    }
}

/// Events to be told, for those who listen now.
pub struct NewEventBatch<'a> {
    events: &'a Events,
    told: PendingEvents,
}

/// What is posted (Standard Webhooks, "Payload structure").
#[derive(Serialize)]
struct EventEnvelopeOut<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: T,
}

impl<'a> NewEventBatch<'a> {
    pub(super) fn new(events: &'a Events) -> Self {
        Self { events, told: PendingEvents::default() }
    }

    /// Adds what happened, where anybody listens; only then `data` is asked for.
    pub(in crate::service) fn add<T: EventPayload>(&mut self, what: EventMetadata, data: impl FnOnce() -> T) {
        let targets = self.events.targets(what.client, what.kind, what.callback);
        if !targets.is_empty() {
            self.add_for(what, data(), &targets);
        }
    }

    /// Adds what happened for these alone; the id of the event.
    pub(super) fn add_for<T: EventPayload>(
        &mut self,
        what: EventMetadata,
        data: T,
        targets: &[EventTarget],
    ) -> Option<EventId> {
        let EventMetadata { client, kind, at_ms, order, .. } = what;
        debug_assert_eq!(kind.group(), T::GROUP, "a type is told with the payload of its group");
        let out = EventEnvelopeOut { kind: kind.name(), timestamp: rfc3339(at_ms), data };
        let payload = match serde_json::to_string(&out) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%error, kind = kind.name(), "an event cannot be written as JSON: not told");
                return None;
            }
        };
        let id = EventId::new(at_ms);
        // redacted, it is to be found here too
        let message = if let EventSequenceSource::Message(id) = order { Some(id) } else { None };
        let ordered = self.events.ordered(client, targets);
        self.told.new.push(NewEvent { id, client, kind, payload, message, order, ordered, created_ms: at_ms });
        self.told.targets.extend(targets.iter().map(|target| (id, *target)));
        Some(id)
    }

    /// The rows, for a change that many share; [`Events::wake`] when it is committed.
    pub fn into_rows(self) -> PendingEvents {
        self.told
    }

    /// Says that the change is committed: what was told in it can go out.
    pub fn committed(&self) {
        if !self.told.new.is_empty() {
            self.events.wake();
        }
    }

    /// Adds the rows of all events to the change that writes what happened.
    #[must_use]
    pub fn write(&self, change: Change) -> Change {
        delivery::add(change, &self.told, self.events.parts.clock.now_ms())
    }
}
