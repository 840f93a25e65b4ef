//! A session's row: read, and written when it has not changed since.

use super::PairingAttemptHistory;
use crate::crypto::SyncSessionId;
use crate::model::{Millis, UserId, named};
use crate::store::{Change, Query, Result, Row, Store, Value, params};

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum SyncSessionState {
    /// A password is being checked, or none has been posted yet.
    Open,
    /// A phone has sent its public key and will send the password.
    Offered,
    /// The last password did not fit; others may follow.
    Failed,
    /// Spent: a device was paired.
    Redeemed,
    /// Another phone came for it before one was paired.
    Ended,
}

named!(SyncSessionState);

impl SyncSessionState {
    /// Whether it takes nothing any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Redeemed | Self::Ended)
    }
}

#[derive(Clone, Debug, serde::Deserialize)]
pub struct SyncSession {
    pub state: SyncSessionState,
    pub public_key: Option<String>,
    pub failures: i64,
    pub attempts: PairingAttemptHistory,
    pub changed_ms: Millis,
    /// A keyed hash of the address that took the first of two steps, until the second is done.
    pub(super) offered_by: Option<[u8; 32]>,
    /// Counts the row's changes: whoever writes guards by it.
    pub(super) version: i64,
}

impl SyncSession {
    /// Its row as it was read.
    pub(super) fn as_it_is(&self) -> SessionUpdate<'_> {
        SessionUpdate {
            state: self.state,
            public_key: self.public_key.as_deref(),
            failures: self.failures,
            attempts: &self.attempts,
            offered_by: self.offered_by,
            now_ms: self.changed_ms,
        }
    }
}

/// Finds the fields of a [`SyncSession`].
pub(super) fn query(sid: SyncSessionId, user: &UserId) -> Query {
    let sql = "SELECT state, public_key, failures, attempts, changed_ms, offered_by, version FROM sb_sync_session \
               WHERE id = ? AND user_id = ?";
    Query::new(sql, params![sid, user.as_str()])
}

pub async fn session(store: &Store, sid: SyncSessionId, user: &UserId) -> Result<Option<SyncSession>> {
    store.look_up(vec![query(sid, user)]).await?.concat().first().map(Row::read).transpose()
}

/// What a session's row becomes.
pub(super) struct SessionUpdate<'a> {
    pub(super) state: SyncSessionState,
    pub(super) public_key: Option<&'a str>,
    pub(super) failures: i64,
    pub(super) attempts: &'a PairingAttemptHistory,
    pub(super) offered_by: Option<[u8; 32]>,
    pub(super) now_ms: Millis,
}

/// Inserts a session's row, or updates the one that was read and has not changed since.
pub(super) fn write(
    change: Change,
    sid: SyncSessionId,
    user: &UserId,
    known: Option<&SyncSession>,
    to: &SessionUpdate<'_>,
) -> Change {
    let values: [Value; 6] = [
        to.state.name().into(),
        to.public_key.into(),
        to.failures.into(),
        to.attempts.to_string().into(),
        to.offered_by.into(),
        to.now_ms.into(),
    ];
    let keys = |rest: &[Value]| values.iter().chain(rest).cloned().collect();
    match known {
        None => change.one(
            "INSERT INTO sb_sync_session \
             (state, public_key, failures, attempts, offered_by, changed_ms, version, id, user_id) \
             VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
            keys(&[sid.into(), user.as_str().into()]),
        ),
        Some(known) => change.one(
            "UPDATE sb_sync_session SET state = ?, public_key = ?, failures = ?, attempts = ?, offered_by = ?, \
             changed_ms = ?, version = version + 1 WHERE id = ? AND version = ?",
            keys(&[sid.into(), known.version.into()]),
        ),
    }
}
