//! What time does to sessions: they end, and their people are told.

use super::{COLUMNS, SessionWithParticipants, filled};
use crate::model::{Millis, SessionId};
use crate::store::{Change, Result, Store, params};

/// Open sessions whose time is over, those first that have waited longest.
pub async fn expired(store: &Store, now_ms: Millis, limit: usize) -> Result<Vec<SessionWithParticipants>> {
    due(store, format!("{COLUMNS} WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?"), now_ms, limit).await
}

/// Sessions that are over, and whose people are to be told by now.
pub async fn untold(store: &Store, now_ms: Millis, limit: usize) -> Result<Vec<SessionWithParticipants>> {
    due(store, format!("{COLUMNS} WHERE tell_ms <= ? ORDER BY tell_ms LIMIT ?"), now_ms, limit).await
}

async fn due(store: &Store, sql: String, now_ms: Millis, limit: usize) -> Result<Vec<SessionWithParticipants>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    filled(store, store.all(sql, params![now_ms, limit]).await?).await
}

/// Puts off until when the people of a session are to be told; `None`: they have been.
/// [`crate::store::Error::Guard`]: another is about to tell them, or has, or it was opened again.
pub fn defer(session: SessionId, tell_ms: Option<Millis>, until_ms: Option<Millis>) -> Change {
    let sql = "UPDATE sb_session SET tell_ms = ? WHERE id = ? AND tell_ms = ?";
    Change::new().one(sql, params![until_ms, session, tell_ms])
}
