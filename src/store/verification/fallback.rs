//! Verifications whose text has failed at its carrier, and that may go on another channel: `sb_verification_fallback`. A
//! row is its own job, written in the commit that says what became of the text.

use crate::model::{Millis, VerificationId};
use crate::store::{Change, Result, Store, params};

/// Jobs that are looked at in one go.
const MANY: i64 = 64;

/// A job, due since then.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct DueFallback {
    pub verification: VerificationId,
    pub due_ms: Millis,
}

/// Those that are due, the oldest first, so many at most.
pub async fn due(store: &Store, now_ms: Millis) -> Result<Vec<DueFallback>> {
    let sql = "SELECT verification_id, due_ms FROM sb_verification_fallback WHERE due_ms <= ? ORDER BY due_ms LIMIT ?";
    store.all(sql, params![now_ms, MANY]).await
}

/// Puts a job off, for whoever has read it so; as it then is. [`crate::store::Error::Guard`]: another node was first.
pub async fn claim(store: &Store, job: DueFallback, until_ms: Millis) -> Result<DueFallback> {
    let sql = "UPDATE sb_verification_fallback SET due_ms = ? WHERE verification_id = ? AND due_ms = ?";
    store.commit(Change::new().one(sql, params![until_ms, job.verification, job.due_ms])).await?;
    Ok(DueFallback { due_ms: until_ms, ..job })
}

/// Nothing more is to be done, unless what went out for it has failed in the meantime: then it is due again.
pub async fn done(store: &Store, job: DueFallback) -> Result<()> {
    let sql = "DELETE FROM sb_verification_fallback WHERE verification_id = ? AND due_ms = ?";
    store.commit(Change::new().run(sql, params![job.verification, job.due_ms])).await
}
