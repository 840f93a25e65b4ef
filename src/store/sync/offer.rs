//! The first of two steps: a session's row with the phone's public key, and how many of them are unfinished.

use super::session::{self, SessionUpdate, SyncSession, SyncSessionState, write};
use crate::crypto::SyncSessionId;
use crate::model::{Millis, UserId};
use crate::store::{Change, Error, Query, Result, Row, Store, params};

/// First steps that one address has taken and not finished.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct UnfinishedPairingCounts {
    /// For this user.
    pub of_user: i64,
    /// For all users.
    pub of_all: i64,
}

/// A session, and the first steps that `address` has taken since `since_ms` and not finished.
pub async fn session_and_unfinished(
    store: &Store,
    sid: SyncSessionId,
    user: &UserId,
    address: &[u8; 32],
    since_ms: Millis,
) -> Result<(Option<SyncSession>, UnfinishedPairingCounts)> {
    let sql = "SELECT COUNT(CASE WHEN user_id = ? THEN 1 END), COUNT(*) FROM sb_sync_session \
               WHERE offered_by = ? AND changed_ms > ?";
    let count = Query::new(sql, params![user.as_str(), address, since_ms]);
    let answers = store.look_up(vec![session::query(sid, user), count]).await?;
    let [session, counts] = answers.as_slice() else { return Err(Error::Data("two answers".into())) };
    let unfinished = counts.first().ok_or_else(|| Error::Data("no count".into()))?.read()?;
    Ok((session.first().map(Row::read).transpose()?, unfinished))
}

/// Keeps the public key of a phone that will send its password next.
/// A race means that the row is no longer as it was `known`.
pub async fn offer(
    store: &Store,
    sid: SyncSessionId,
    user: &UserId,
    known: Option<&SyncSession>,
    pem: &str,
    address: &[u8; 32],
    now_ms: Millis,
) -> Result<()> {
    let failures = known.map_or(0, |known| known.failures);
    // a second step names no key: with another one the same body is another attempt
    let same = known.filter(|known| known.public_key.as_deref().is_none_or(|first| first == pem));
    let attempts = same.map(|known| known.attempts.clone()).unwrap_or_default();
    let offered_by = known.and_then(|known| known.offered_by).or(Some(*address));
    let to = SessionUpdate {
        state: SyncSessionState::Offered,
        public_key: Some(pem),
        failures,
        attempts: &attempts,
        offered_by,
        now_ms,
    };
    commit(store, sid, user, known, &to).await
}

/// Ends a session for which two phones have come.
pub async fn end(store: &Store, sid: SyncSessionId, user: &UserId, known: &SyncSession, now_ms: Millis) -> Result<()> {
    let to = SessionUpdate { state: SyncSessionState::Ended, offered_by: None, now_ms, ..known.as_it_is() };
    commit(store, sid, user, Some(known), &to).await
}

async fn commit(
    store: &Store,
    sid: SyncSessionId,
    user: &UserId,
    known: Option<&SyncSession>,
    to: &SessionUpdate<'_>,
) -> Result<()> {
    // with its key: another phone's may be of the same moment
    let settled = "SELECT 1 FROM sb_sync_session WHERE id = ? AND changed_ms = ? AND state = ? AND public_key = ?";
    let values = params![sid, to.now_ms, to.state.name(), to.public_key];
    store.commit(write(Change::new(), sid, user, known, to).settled_by(settled, values)).await
}
