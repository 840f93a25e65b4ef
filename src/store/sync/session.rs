//! A session's row: read, and written when it has not changed since.

use super::PairingAttemptHistory;
use crate::crypto::SyncSessionId;
use crate::model::{Millis, UserId, named};
use crate::store::engine::ColumnValues;
use crate::store::{Change, Query, Result, Row, Store, params};

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
    let columns: ColumnValues = vec![
        ("state", to.state.name().into()),
        ("public_key", to.public_key.into()),
        ("failures", to.failures.into()),
        ("attempts", to.attempts.to_string().into()),
        ("offered_by", to.offered_by.into()),
        ("changed_ms", to.now_ms.into()),
        ("version", known.map_or(1, |known| known.version + 1).into()),
    ];
    let fixed: ColumnValues = vec![("id", sid.into()), ("user_id", user.as_str().into())];
    match known {
        None => change.insert_row("sb_sync_session", [columns, fixed].concat()),
        Some(known) => {
            let read = vec![("version", known.version.into())];
            change.rewrite("sb_sync_session", columns, [("id", sid.into())], read)
        }
    }
}
