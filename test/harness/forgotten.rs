//! Jobs that nobody will ever do: what a store has promised, held against what is there to be claimed.
//!
//! A promise and its job are written by one commit. So this holds at any moment, while a server works and after it was
//! killed, and does not depend on how long anything takes.

use std::collections::HashSet;

use switchboard::model::{DurationSetting, EndpointId, EventId};
use switchboard::store::Store;
use switchboard::store::delivery::behind;

use super::{Result, database};

/// What is found by a query of one statement, which sees the store between two commits.
pub const QUERIES: [(&str, &str); 11] = [
    (
        "messages without a place in a lane",
        "SELECT id FROM sb_message WHERE direction = 'outbound' AND state IN ('accepted', 'queued', 'sending') \
         AND id NOT IN (SELECT message_id FROM sb_outbox) LIMIT 5",
    ),
    (
        "messages that are scheduled, and due at no time",
        "SELECT id FROM sb_message WHERE direction = 'outbound' AND state = 'scheduled' \
         AND id NOT IN (SELECT message_id FROM sb_schedule) LIMIT 5",
    ),
    // the first half of a place is its lane
    (
        "places in a lane that is not there",
        "SELECT place FROM sb_outbox WHERE SUBSTR(place, 1, LENGTH(place) / 2) NOT IN (SELECT lane FROM sb_lane) LIMIT 5",
    ),
    (
        "events that are to be posted, and due at no time",
        "SELECT event_id FROM sb_delivery WHERE state = 'pending' AND ready_ms IS NULL LIMIT 5",
    ),
    (
        "turns of deliveries that take none",
        "SELECT t.event_id FROM sb_delivery_turn t LEFT JOIN sb_delivery d \
         ON d.event_id = t.event_id AND d.target_id = t.target_id WHERE d.object IS NULL OR d.ready_ms IS NULL LIMIT 5",
    ),
    (
        "texts that are to be published, and due at no time",
        "SELECT id FROM sb_publication WHERE state = 'waiting' AND ready_ms IS NULL LIMIT 5",
    ),
    (
        "sessions that are to end, and at no time",
        "SELECT id FROM sb_session WHERE closed_ms IS NULL AND expires_ms IS NULL \
         AND (ttl_ms IS NOT NULL OR ends_ms IS NOT NULL) LIMIT 5",
    ),
    // whoever tells them writes down what came of it, under the time of the end
    (
        "people who were in a session to its end, and are never told so",
        "SELECT p.id FROM sb_session s JOIN sb_participant p ON p.session_id = s.id AND p.left_ms = s.closed_ms \
         WHERE s.tell_ms IS NULL AND s.mode <> 'voice' AND s.settings LIKE '%\"end_text\":%' \
         AND NOT EXISTS (SELECT 1 FROM sb_interaction i WHERE i.session_id = s.id AND i.to_participant = p.id \
         AND i.created_ms = s.closed_ms) LIMIT 5",
    ),
    // one that is over and nobody's waits for whoever comes by
    (
        "imports of numbers that nobody may end",
        "SELECT id FROM sb_number_import WHERE ready_ms IS NULL AND (state = 'writing' OR owner IS NOT NULL) LIMIT 5",
    ),
    (
        "numbers of an import that is not there",
        "SELECT id FROM sb_number WHERE import_id IS NOT NULL \
         AND import_id NOT IN (SELECT id FROM sb_number_import) LIMIT 5",
    ),
    (
        "texts that somebody is to be asked about, and that are not there",
        "SELECT id FROM sb_asked_text WHERE id NOT IN (SELECT id FROM sb_message) LIMIT 5",
    ),
];

/// What takes more than a query: the time of one that is parked is made of the id of the event before it.
pub const PARKED: &str = "deliveries that are parked behind nobody";

/// Whether one is parked without anybody before it at its endpoint whose end would release it.
async fn is_parked_for_ever(store: &Store) -> Result<bool> {
    // one statement, as above
    let sql = "SELECT event_id, target_id, ready_ms FROM sb_delivery WHERE ready_ms >= 4611686018427387904 \
               UNION ALL SELECT event_id, target_id, 0 FROM sb_delivery_turn";
    let rows: Vec<(EventId, EndpointId, i64)> = store.all(sql, Vec::new()).await?;
    let (turns, parked): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, _, ready_ms)| *ready_ms == 0);
    let fronts: HashSet<_> = turns.into_iter().map(|(event, endpoint, _)| (endpoint, behind(event))).collect();
    Ok(parked.into_iter().any(|(_, endpoint, ready_ms)| !fronts.contains(&(endpoint, ready_ms))))
}

/// What has been forgotten.
pub async fn jobs(store: &Store) -> Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for (what, sql) in QUERIES {
        if !store.query(sql, Vec::new()).await?.is_empty() {
            found.push(what);
        }
    }
    if is_parked_for_ever(store).await? {
        found.push(PARKED);
    }
    Ok(found)
}

/// Fails the test that has made a server forget, or that has left no store to look at.
pub fn assert_none(store_url: &str) {
    let url = store_url.to_owned();
    // a thread of its own: the test's runtime may be ending
    let looked = std::thread::spawn(move || -> Result<Vec<&'static str>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { jobs(&database::open(&url, DurationSetting::from_millis(30_000))?).await })
    });
    let looked = looked.join().unwrap_or_else(|broken| std::panic::resume_unwind(broken));
    let failed = looked.as_ref().err().map(|error| format!("{error:#}"));
    assert_eq!(failed, None, "nobody could look for what was forgotten");
    let found = looked.unwrap_or_default();
    assert!(found.is_empty(), "the server has forgotten {}", found.join("; "));
}
