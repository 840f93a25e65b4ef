//! What happened and is told: `sb_event`.

mod payload;

use std::collections::BTreeMap;

pub(super) use payload::{emptied, numbered, payload};

use super::engine::{SqlConditions, below};
use super::{Change, Error, Result, Row, Store, Value, params};
use crate::model::event::EventType;
use crate::model::{ClientId, EndpointId, EventId, FromBytes as _, Id, MessageId, Millis, SessionId};

/// An event about to be written.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub id: EventId,
    pub client: ClientId,
    pub kind: EventType,
    /// The JSON that is posted and signed, to the byte.
    pub payload: String,
    /// The message that it tells of.
    pub message: Option<MessageId>,
    pub order: EventSequenceSource,
    /// Those endpoints among its targets that are told of one object's events one after the other.
    pub ordered: Vec<EndpointId>,
    pub created_ms: Millis,
}

/// What puts the events of one object in order, whichever node tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSequenceSource {
    /// It is of nothing that has several.
    Alone,
    /// The row of this message, or call, counts them in the transaction that writes them.
    Message(MessageId),
    /// The same of the row of this session.
    Session(SessionId),
    /// Its object, by its id, knows.
    Known { object: [u8; 16], sequence: i64 },
}

/// Where an event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(from = "(EventTargetKind, MessageId)")]
pub enum EventTarget {
    Endpoint(EndpointId),
    /// The URL that a message brought with it.
    Callback(MessageId),
}

impl EventTarget {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Endpoint(_) => "endpoint",
            Self::Callback(_) => "callback",
        }
    }

    /// The key column: ids are random enough not to meet.
    pub(super) fn key(self) -> Value {
        match self {
            Self::Endpoint(id) => id.into(),
            Self::Callback(id) => id.into(),
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum EventTargetKind {
    Endpoint,
    Callback,
}

/// Its kind in a column, and its key in the next.
impl From<(EventTargetKind, MessageId)> for EventTarget {
    fn from((kind, id): (EventTargetKind, MessageId)) -> Self {
        match kind {
            EventTargetKind::Endpoint => Self::Endpoint(EndpointId::from_bytes(id.bytes())),
            EventTargetKind::Callback => Self::Callback(id),
        }
    }
}

/// Events to be written with what happened, and where each goes.
#[derive(Clone, Debug, Default)]
pub struct PendingEvents {
    pub new: Vec<NewEvent>,
    pub targets: Vec<(EventId, EventTarget)>,
}

const INTO: &str = "INSERT INTO sb_event (id, client_id, type, payload, message_id, created_ms, sequence)";

impl NewEvent {
    /// The values of [`INTO`] but the last.
    fn values(&self) -> Vec<Value> {
        params![self.id, self.client, self.kind.name(), self.payload.as_str(), self.message, self.created_ms]
    }

    /// What its sequence counts the events of.
    pub(super) fn object(&self) -> Option<[u8; 16]> {
        match self.order {
            EventSequenceSource::Alone => None,
            EventSequenceSource::Message(id) => Some(id.bytes()),
            EventSequenceSource::Session(id) => Some(id.bytes()),
            EventSequenceSource::Known { object, .. } => Some(object),
        }
    }
}

/// Which message puts it in order.
fn message_of(event: &NewEvent) -> Option<MessageId> {
    if let EventSequenceSource::Message(id) = event.order { Some(id) } else { None }
}

/// Which session does.
fn session_of(event: &NewEvent) -> Option<SessionId> {
    if let EventSequenceSource::Session(id) = event.order { Some(id) } else { None }
}

/// How many of these events each message's row is to count.
pub(super) fn counted(events: &[NewEvent]) -> BTreeMap<MessageId, i64> {
    counted_by(events, message_of)
}

fn counted_by<T: Id + Ord>(events: &[NewEvent], object: fn(&NewEvent) -> Option<T>) -> BTreeMap<T, i64> {
    let mut counted = BTreeMap::new();
    for id in events.iter().filter_map(object) {
        *counted.entry(id).or_default() += 1;
    }
    counted
}

/// Adds events that the rows of a table put in order: each row counts its own, and then each of them gets its place.
fn add_counted<T: Id + Ord>(
    mut change: Change,
    events: &[NewEvent],
    table: &str,
    object: fn(&NewEvent) -> Option<T>,
) -> Change {
    let mut counted = counted_by(events, object);
    if counted.is_empty() {
        return change;
    }
    let mut by_count: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for (id, count) in &counted {
        by_count.entry(*count).or_default().push(id.into());
    }
    let count_more = format!("UPDATE {table} SET sequence = sequence + ? WHERE id IN ({{}})");
    for (count, keys) in by_count {
        change = change.any(&count_more, &[count.into()], &keys);
    }
    let mut rows = Vec::new();
    for (event, id) in events.iter().filter_map(|event| Some((event, object(event)?))) {
        // the row has counted all of them by now: how many come behind this one
        let behind = counted.entry(id).or_default();
        *behind -= 1;
        rows.push([event.values(), params![*behind, id]].concat());
    }
    let numbered = format!("(?, ?, ?, ?, ?, ?, (SELECT sequence - ? FROM {table} WHERE id = ?))");
    change.insert_as(INTO, &numbered, rows)
}

/// Adds the rows of events to a change. Who is told of them is another table's: see `delivery::add`.
pub(super) fn insert(change: Change, events: &[NewEvent]) -> Change {
    let others = events.iter().filter_map(|event| {
        let sequence = match event.order {
            EventSequenceSource::Message(_) | EventSequenceSource::Session(_) => return None,
            EventSequenceSource::Known { sequence, .. } => Some(sequence),
            EventSequenceSource::Alone => None,
        };
        Some([event.values(), params![sequence]].concat())
    });
    let change = add_counted(change, events, "sb_message", message_of).insert(INTO, others.collect());
    add_counted(change, events, "sb_session", session_of)
}

/// The same of the first events of messages that the change inserts, with their count in their row.
pub(super) fn insert_first(change: Change, events: &[NewEvent]) -> Change {
    let mut counted = BTreeMap::new();
    let others = events.iter().filter(|event| !matches!(event.order, EventSequenceSource::Session(_)));
    let rows = others.map(|event| {
        let sequence = match event.order {
            EventSequenceSource::Message(id) => {
                let count = counted.entry(id).or_insert(0_i64);
                *count += 1;
                Some(*count)
            }
            EventSequenceSource::Known { sequence, .. } => Some(sequence),
            EventSequenceSource::Session(_) | EventSequenceSource::Alone => None,
        };
        [event.values(), params![sequence]].concat()
    });
    add_counted(change.insert(INTO, rows.collect()), events, "sb_session", session_of)
}

/// Changes what is told of an event: the payload, then its id.
pub(super) const REPLACE: &str = "UPDATE sb_event SET payload = ? WHERE id = ?";

/// An event as it was told.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: EventId,
    pub kind: EventType,
    pub payload: String,
    pub created_ms: Millis,
}

const COLUMNS: &str = "SELECT e.id, e.type, e.payload, e.created_ms, m.redacted_ms, e.sequence FROM sb_event e \
     LEFT JOIN sb_message m ON m.id = e.message_id";

fn parse(row: &Row) -> Result<Event> {
    Ok(Event {
        id: row.id(0)?,
        kind: row.text(1)?.parse().map_err(|_| Error::Data("event type".into()))?,
        payload: numbered(payload(row.text(2)?, row.maybe_int(4)?), row.maybe_int(5)?),
        created_ms: row.int(3)?,
    })
}

/// A client's events, of one type or of all, newest first, starting after the event `after`.
pub async fn list(
    store: &Store,
    client: ClientId,
    kind: Option<EventType>,
    after: Option<EventId>,
    limit: usize,
) -> Result<Vec<Event>> {
    let older = SqlConditions::of("e.client_id = ? AND e.id < ?", params![client, below(after)]);
    let those = older.and_some("e.type = ?", kind.map(EventType::name));
    let (sql, params) = those.page(COLUMNS, "ORDER BY e.id DESC LIMIT ?", limit);
    store.query(sql, params).await?.iter().map(parse).collect()
}

pub async fn find(store: &Store, client: ClientId, id: EventId) -> Result<Option<Event>> {
    let sql = format!("{COLUMNS} WHERE e.id = ? AND e.client_id = ?");
    store.query(sql, params![id, client]).await?.first().map(parse).transpose()
}
