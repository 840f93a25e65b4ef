//! What time does to sessions: they end, and their people are told.

use super::{COLUMNS, SessionWithParticipants, filled};
use crate::model::{Millis, SessionId};
use crate::store::engine::{at_most, readable};
use crate::store::{Change, Result, Row, Store, Value, params};

/// Further ahead nobody puts off what is to be told: a clock has gone back since.
const LONGEST_MS: Millis = 300_000;

/// Open sessions whose time is over, those first that have waited longest.
pub async fn expired(store: &Store, now_ms: Millis, limit: usize) -> Result<Vec<SessionWithParticipants>> {
    due(store, "expires_ms <= ? ORDER BY expires_ms", params![now_ms], limit).await
}

/// Open sessions that are to rest by now, those first that have waited longest.
pub async fn silent(store: &Store, now_ms: Millis, limit: usize) -> Result<Vec<SessionWithParticipants>> {
    due(store, "rests_ms <= ? ORDER BY rests_ms", params![now_ms], limit).await
}

/// Sessions that are over, and whose people are to be told by now.
pub async fn untold(store: &Store, now_ms: Millis, limit: usize) -> Result<Vec<SessionWithParticipants>> {
    // the index begins with all of whom nobody is to be told: the first condition passes over them
    let due_now = "tell_ms >= 0 AND (tell_ms <= ? OR tell_ms > ?) ORDER BY tell_ms";
    due(store, due_now, params![now_ms, now_ms + LONGEST_MS], limit).await
}

async fn due(store: &Store, those: &str, mut params: Vec<Value>, limit: usize) -> Result<Vec<SessionWithParticipants>> {
    params.push(at_most(limit));
    let rows = store.query(format!("{COLUMNS} WHERE {those} LIMIT ?"), params).await?;
    filled(store, readable("a session", &rows, Row::read)).await
}

/// Puts off until when the people of a session are to be told; `None`: they have been.
/// [`crate::store::Error::Guard`]: another is about to tell them, or has, or it was opened again.
pub fn defer(session: SessionId, tell_ms: Option<Millis>, until_ms: Option<Millis>) -> Change {
    let sql = "UPDATE sb_session SET tell_ms = ? WHERE id = ? AND tell_ms = ?";
    Change::new().one(sql, params![until_ms, session, tell_ms])
}
