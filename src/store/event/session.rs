//! Events that are put in order by the sessions that they are of.

use std::collections::BTreeMap;

use super::{EventSequenceSource, INTO, NewEvent};
use crate::model::SessionId;
use crate::store::{Change, Value, params};

/// Adds those that are ordered by their sessions: the row of a session counts them, and then each gets its place.
pub(super) fn add_of_sessions(mut change: Change, events: &[NewEvent]) -> Change {
    let session = |event: &NewEvent| if let EventSequenceSource::Session(id) = event.order { Some(id) } else { None };
    let mut counted: BTreeMap<SessionId, i64> = BTreeMap::new();
    for id in events.iter().filter_map(session) {
        *counted.entry(id).or_default() += 1;
    }
    let mut by_count: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for (id, count) in &counted {
        by_count.entry(*count).or_default().push(id.into());
    }
    for (count, keys) in by_count {
        change = change.any("UPDATE sb_session SET sequence = sequence + ? WHERE id IN ({})", &[count.into()], &keys);
    }
    let mut rows = Vec::new();
    for (event, id) in events.iter().filter_map(|event| Some((event, session(event)?))) {
        let behind = counted.entry(id).or_default();
        *behind -= 1;
        rows.push([event.values(), params![*behind, id]].concat());
    }
    let numbered = "(?, ?, ?, ?, ?, ?, (SELECT sequence - ? FROM sb_session WHERE id = ?))";
    change.insert_as(INTO, numbered, rows)
}
