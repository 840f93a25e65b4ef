//! Verifications whose time is over: those that nobody has opened, and those that are kept no longer.

use super::pending::{PendingKey, key_of};
use super::{COLUMNS, Verification};
use crate::model::{Millis, VerificationDoor, VerificationStatus};
use crate::store::sweep::RetentionCursor;
use crate::store::{Change, Result, Row, Store, Value, params};

/// Names whose time is over that are looked at in one go.
pub const OVERDUE: usize = 256;

/// What is removed with verifications.
const OF_VERIFICATIONS: [&str; 2] = [
    "DELETE FROM sb_verification_send WHERE verification_id IN ({})",
    "DELETE FROM sb_verification_fallback WHERE verification_id IN ({})",
];

/// The older door tells of one that has expired at the first look within this time.
const KEPT_MS: Millis = 86_400_000;

/// For so long behind its end and its time one that is over may still stand under its name, and stays until then, however
/// soon what is over is to be removed: a name of what is nowhere could be given to nobody.
const NAMED_MS: Millis = KEPT_MS + 3_600_000;

/// A name whose time is over, and what it names.
#[derive(Debug)]
pub struct OverdueVerification {
    key: PendingKey,
    pub verification: Verification,
}

impl OverdueVerification {
    /// Whether it expires now, and that is to be told.
    pub fn expires(&self) -> bool {
        self.verification.status == VerificationStatus::Pending
    }

    /// Whether its name is kept for whoever looks for it next.
    fn is_kept(&self) -> bool {
        self.verification.door == VerificationDoor::Older && self.expires()
    }
}

/// Those whose time was over at `now_ms`, the oldest first, so many at most as [`OVERDUE`] says.
pub async fn overdue(store: &Store, now_ms: Millis) -> Result<Vec<OverdueVerification>> {
    let sql = format!(
        "SELECT p.pending_key, {COLUMNS} FROM sb_verification_pending p \
         JOIN sb_verification v ON v.id = p.verification_id \
         WHERE p.expires_ms <= ? ORDER BY p.expires_ms LIMIT ?"
    );
    let rows = store.query(sql, params![now_ms, i64::try_from(OVERDUE).unwrap_or(i64::MAX)]).await?;
    let read = |row: &Row| -> Result<OverdueVerification> {
        Ok(OverdueVerification { key: key_of(row, 0)?, verification: row.read_from(1)? })
    };
    rows.iter().map(read).collect()
}

/// Ends those that are pending, erases their codes, and lets the names go of all of them.
/// [`crate::store::Error::Guard`]: one is another than was read.
pub fn expire(change: Change, all: &[&OverdueVerification], now_ms: Millis) -> Change {
    let keys = |which: &dyn Fn(&OverdueVerification) -> bool| -> Vec<Value> {
        all.iter().filter(|one| which(one)).map(|one| one.key.into()).collect()
    };
    let ids: Vec<Value> = all.iter().filter(|one| one.expires()).map(|one| one.verification.id.into()).collect();
    let sql = "UPDATE sb_verification SET status = 'expired', code = NULL, sequence = sequence + 1, changed_ms = ?, \
               ended_ms = ? WHERE status = 'pending' AND expires_ms <= ? AND id IN ({})";
    let keep = "UPDATE sb_verification_pending SET expires_ms = ? WHERE expires_ms <= ? AND pending_key IN ({})";
    let delete = "DELETE FROM sb_verification_pending WHERE expires_ms <= ? AND pending_key IN ({})";
    let now = Value::from(now_ms);
    change
        .each(sql, &[now.clone(), now.clone(), now.clone()], &ids)
        .each(keep, &[(now_ms + KEPT_MS).into(), now.clone()], &keys(&OverdueVerification::is_kept))
        .each(delete, &[now], &keys(&|one| !one.is_kept()))
        .erasing()
}

/// Whether what has ended so may be found by its name for a while.
fn keeps_name(status: &str) -> bool {
    status == VerificationStatus::MaxAttemptsReached.name() || status == VerificationStatus::Expired.name()
}

/// Verifications that are to be removed, batch by batch.
#[derive(Debug)]
pub struct OldVerifications {
    walk: RetentionCursor,
    before_ms: Millis,
    /// Those whose time was over by then have no name any more.
    unnamed_ms: Millis,
}

impl OldVerifications {
    /// Those that were over before `before_ms`, and that nobody finds by a name at `now_ms`.
    pub fn before(before_ms: Millis, now_ms: Millis) -> Self {
        Self { walk: RetentionCursor::before(before_ms), before_ms, unnamed_ms: now_ms - NAMED_MS }
    }

    /// Removes a batch of them; whether there may be more.
    pub async fn remove(&mut self, store: &Store) -> Result<bool> {
        let find = "SELECT id, ended_ms, expires_ms, status FROM sb_verification \
                    WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
        let passed = self.walk.go_on(store, find).await?;
        let mut keys: Vec<Value> = Vec::new();
        for row in &passed.rows {
            let (expires_ms, may_be_named) = (row.int(2)?, keeps_name(row.text(3)?));
            let is_old = |ended_ms: Millis| {
                ended_ms < self.before_ms && (!may_be_named || ended_ms.max(expires_ms) < self.unnamed_ms)
            };
            if row.maybe_int(1)?.is_some_and(is_old) {
                keys.push(row.key(0)?);
            }
        }
        if !keys.is_empty() {
            // one that is over stays so
            let change = Change::new().any("DELETE FROM sb_verification WHERE id IN ({})", &[], &keys);
            store.commit(OF_VERIFICATIONS.into_iter().fold(change, |change, sql| change.any(sql, &[], &keys))).await?;
        }
        Ok(passed.may_be_more)
    }
}
