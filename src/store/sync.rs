//! Sync sessions and the bodies posted to them: `sb_sync_session`.

use super::device::NewDevice;
use super::lockout::{self, CountedFailure, LockoutCountUpdate, LockoutCounter};
use super::{Change, Error, Result, Row, Store, params};
use crate::crypto::SyncSessionId;
use crate::model::{Millis, UserId, id};

mod attempt;
mod ciphertext;
mod offer;
mod session;

pub use attempt::{PairingAttempt, PairingAttemptHistory, PairingOutcome};
pub use ciphertext::SpentCiphertext;
pub use offer::{UnfinishedPairingCounts, end, offer, session_and_unfinished};
use session::{SessionUpdate, write};
pub use session::{SyncSession, SyncSessionState, session};

/// All that decides whether a password may be looked at, read in one go.
#[derive(Clone, Debug)]
pub struct SyncSessionAndLockouts {
    pub session: Option<SyncSession>,
    /// Failures of this user from this address.
    pub here: LockoutCounter,
    /// Failures of this user from anywhere.
    pub anywhere: LockoutCounter,
}

impl SyncSessionAndLockouts {
    /// Whether a body is being looked at, or was when its node died.
    pub fn is_pending(&self, body_hash: &str) -> bool {
        self.attempt(body_hash).is_some_and(|attempt| attempt.outcome == PairingOutcome::Pending)
    }

    /// What became of a body that was posted before.
    pub fn attempt(&self, body_hash: &str) -> Option<PairingAttempt> {
        self.session.as_ref()?.attempts.find(body_hash)
    }
}

/// Names the rows of one attempt.
#[derive(Clone, Debug)]
pub struct PairingAttemptRowKeys<'a> {
    pub sid: SyncSessionId,
    pub user: &'a UserId,
    pub body_hash: &'a str,
    pub here_id: &'a [u8; 32],
    pub anywhere_id: &'a [u8; 32],
}

pub async fn snapshot(store: &Store, key: &PairingAttemptRowKeys<'_>) -> Result<SyncSessionAndLockouts> {
    let lockouts = lockout::query(key.here_id, key.anywhere_id);
    let answers = store.look_up(vec![session::query(key.sid, key.user), lockouts]).await?;
    let [session, lockouts] = answers.as_slice() else { return Err(Error::Data("two answers".into())) };
    Ok(SyncSessionAndLockouts {
        session: session.first().map(Row::read).transpose()?,
        here: lockout::parse(lockouts, key.here_id)?,
        anywhere: lockout::parse(lockouts, key.anywhere_id)?,
    })
}

/// An attempt that may be looked at: its session as it was written, and what it made of the counters.
#[derive(Clone, Debug)]
pub struct ReservedPairingAttempt {
    pub session: SyncSession,
    pub counted: CountedFailure,
}

/// Counts an attempt as failed before its password is looked at. Guarded by everything in
/// `seen`: a race means that another attempt was counted meanwhile.
pub async fn reserve(
    store: &Store,
    key: &PairingAttemptRowKeys<'_>,
    seen: &SyncSessionAndLockouts,
    counts: (i64, i64),
    now_ms: Millis,
) -> Result<ReservedPairingAttempt> {
    let known = seen.session.as_ref();
    let mut attempts = known.map(|known| known.attempts.clone()).unwrap_or_default();
    attempts.put(key.body_hash, PairingAttempt { outcome: PairingOutcome::Pending, at_ms: now_ms });
    let is_offered = known.is_some_and(|known| known.state == SyncSessionState::Offered);
    let to = SessionUpdate {
        state: if is_offered { SyncSessionState::Offered } else { SyncSessionState::Open },
        public_key: known.and_then(|known| known.public_key.as_deref()),
        // taken up again, it is among them
        failures: known.map_or(0, |known| known.failures) + i64::from(!seen.is_pending(key.body_hash)),
        attempts: &attempts,
        offered_by: known.and_then(|known| known.offered_by),
        now_ms,
    };
    let mut change = write(Change::new(), key.sid, key.user, known, &to);
    let here = LockoutCountUpdate { id: key.here_id, from: seen.here, to: counts.0 };
    let anywhere = LockoutCountUpdate { id: key.anywhere_id, from: seen.anywhere, to: counts.1 };
    change = lockout::count(change, &here, &anywhere, now_ms);
    let settled = "SELECT 1 FROM sb_sync_session WHERE id = ? AND attempts = ?";
    store.commit(change.settled_by(settled, params![key.sid, attempts.to_string()])).await?;
    let session = SyncSession {
        state: to.state,
        public_key: to.public_key.map(str::to_owned),
        failures: to.failures,
        changed_ms: now_ms,
        offered_by: to.offered_by,
        version: known.map_or(1, |known| known.version + 1),
        attempts,
    };
    Ok(ReservedPairingAttempt {
        session,
        counted: CountedFailure { before: (seen.here, seen.anywhere), to: counts, at_ms: now_ms },
    })
}

/// Records why an attempt failed; its failure was counted when it was reserved.
/// A race means that the row has changed: read and record again.
pub async fn fail(
    store: &Store,
    key: &PairingAttemptRowKeys<'_>,
    outcome: PairingOutcome,
    now_ms: Millis,
) -> Result<()> {
    let Some(known) = session(store, key.sid, key.user).await? else { return Ok(()) };
    if known.state.is_over() {
        return Ok(());
    }
    let mut attempts = known.attempts.clone();
    attempts.put(key.body_hash, PairingAttempt { outcome, at_ms: now_ms });
    let to = SessionUpdate { state: SyncSessionState::Failed, attempts: &attempts, now_ms, ..known.as_it_is() };
    store.commit(write(Change::new(), key.sid, key.user, Some(&known), &to)).await
}

/// Takes a reservation back: its password was never compared, for want of a database or of a free core.
/// A race means that the row has changed: read and try again.
pub async fn release(
    store: &Store,
    key: &PairingAttemptRowKeys<'_>,
    counted: &CountedFailure,
    now_ms: Millis,
) -> Result<()> {
    let Some(known) = session(store, key.sid, key.user).await? else { return Ok(()) };
    if known.attempts.find(key.body_hash).is_none_or(|attempt| attempt.outcome != PairingOutcome::Pending) {
        return Ok(());
    }
    let mut attempts = known.attempts.clone();
    attempts.remove(key.body_hash);
    let state = if known.state.is_over() { known.state } else { SyncSessionState::Failed };
    let failures = (known.failures - 1).max(0);
    let to = SessionUpdate { state, failures, attempts: &attempts, now_ms, ..known.as_it_is() };
    let change = write(Change::new(), key.sid, key.user, Some(&known), &to);
    store.commit(lockout::uncount(change, key.here_id, key.anywhere_id, counted)).await
}

/// Takes back the failures alone, of an attempt whose session another has spent meanwhile. `told` is what commits
/// with it.
pub async fn uncount(
    store: &Store,
    told: Change,
    key: &PairingAttemptRowKeys<'_>,
    counted: &CountedFailure,
) -> Result<()> {
    store.commit(lockout::uncount(told, key.here_id, key.anywhere_id, counted)).await
}

/// Spends the session, as it was read last, on a new device and takes back the failures of its
/// address. Exactly one caller of one session gets `Ok`; the development session spends nothing.
/// A race means that the row has changed: read, and decide again. `told` is what commits with it.
pub async fn redeem(
    store: &Store,
    told: Change,
    key: &PairingAttemptRowKeys<'_>,
    known: &SyncSession,
    device: &NewDevice<'_>,
    counted: &CountedFailure,
    now_ms: Millis,
) -> Result<()> {
    let mut attempts = known.attempts.clone();
    attempts.put(key.body_hash, PairingAttempt { outcome: PairingOutcome::Paired(device.id), at_ms: now_ms });
    let is_dev = key.sid == SyncSessionId::DEV;
    let to = SessionUpdate {
        state: if is_dev { SyncSessionState::Open } else { SyncSessionState::Redeemed },
        public_key: known.public_key.as_deref(),
        failures: if is_dev { 0 } else { known.failures },
        attempts: &attempts,
        offered_by: None,
        now_ms,
    };
    let change = device.insert(write(told, key.sid, key.user, Some(known), &to), now_ms);
    let change = lockout::forgive(change, key.here_id, key.anywhere_id, counted);
    store.commit(change.settled_by_id("sb_device", device.id)).await
}

/// One session that changed since a node last looked.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct ChangedSession {
    #[serde(deserialize_with = "id::from_row")]
    pub sid: SyncSessionId,
    pub user: UserId,
    pub state: SyncSessionState,
    pub changed_ms: Millis,
}

pub async fn changed_since(store: &Store, since_ms: Millis) -> Result<Vec<ChangedSession>> {
    let sql = "SELECT id, user_id, state, changed_ms FROM sb_sync_session WHERE changed_ms >= ? \
               ORDER BY changed_ms LIMIT 10000";
    store.all(sql, params![since_ms]).await
}

/// Removes a batch of sessions that have not changed since `before_ms`; whether there may be more.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<bool> {
    let find = "SELECT id FROM sb_sync_session WHERE changed_ms < ? ORDER BY changed_ms LIMIT ?";
    let delete = "DELETE FROM sb_sync_session WHERE changed_ms < ? AND id IN ({})";
    super::sweep::batch(store, find, delete, &[before_ms.into()]).await
}
