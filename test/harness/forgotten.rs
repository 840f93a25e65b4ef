//! Jobs that nobody will ever do: what a store has promised, held against what is there to be claimed.
//!
//! A promise and its job are written by one commit. So this holds at any moment, while a server works and after it was
//! killed, and does not depend on how long anything takes.

use switchboard::model::DurationSetting;
use switchboard::store::Store;

use super::{Result, database};

/// What is found by a query of one statement, which sees the store between two commits.
pub const QUERIES: [(&str, &str); 7] = [
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
        "deliveries that are parked behind nobody",
        "SELECT event_id FROM sb_delivery d WHERE ready_ms >= 4611686018427387904 AND NOT EXISTS \
         (SELECT 1 FROM sb_delivery_turn t JOIN sb_delivery_turn f \
         ON f.target_id = t.target_id AND f.object = t.object AND f.place < t.place \
         WHERE t.event_id = d.event_id AND t.target_id = d.target_id) LIMIT 5",
    ),
];

/// What has been forgotten.
pub async fn jobs(store: &Store) -> Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for (what, sql) in QUERIES {
        if !store.query(sql, Vec::new()).await?.is_empty() {
            found.push(what);
        }
    }
    Ok(found)
}

/// Fails the test that has made a server forget. A store that its test has taken away or broken has nothing to say.
pub fn assert_none(store_url: &str) {
    let url = store_url.to_owned();
    // a thread of its own: the test's runtime may be ending
    let looked = std::thread::spawn(move || -> Result<Vec<&'static str>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            // its test may have taken it away, and then it answers nothing at all
            match database::open(&url, DurationSetting::from_millis(2_000))?.query("SELECT 1", Vec::new()).await {
                Err(error) if error.will_pass() => return Ok(Vec::new()),
                other => drop(other?),
            }
            jobs(&database::open(&url, DurationSetting::from_millis(30_000))?).await
        })
    });
    let looked = looked.join().unwrap_or_else(|broken| std::panic::resume_unwind(broken));
    let failed = looked.as_ref().err().map(|error| format!("{error:#}"));
    assert_eq!(failed, None, "nobody could look for what was forgotten");
    let found = looked.unwrap_or_default();
    assert!(found.is_empty(), "the server has forgotten {}", found.join("; "));
}
