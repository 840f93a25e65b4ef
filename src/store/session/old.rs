//! Removing sessions that have been over for long, with their people.

use crate::model::Millis;
use crate::store::sweep::RetentionCursor;
use crate::store::{Change, Result, Store, Value};

/// Sessions that are to be removed, batch by batch.
#[derive(Debug)]
pub struct OldSessions {
    walk: RetentionCursor,
    before_ms: Millis,
}

impl OldSessions {
    /// Those that were over before `before_ms`.
    pub fn before(before_ms: Millis) -> Self {
        Self { walk: RetentionCursor::before(before_ms), before_ms }
    }

    /// Removes a batch of them; whether there may be more.
    pub async fn remove(&mut self, store: &Store) -> Result<bool> {
        let find = "SELECT id, closed_ms, tell_ms FROM sb_session WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
        let passed = self.walk.go_on(store, find).await?;
        let mut keys: Vec<Value> = Vec::new();
        for row in &passed.rows {
            let is_old = row.maybe_int(1)?.is_some_and(|closed_ms| closed_ms < self.before_ms);
            if is_old && row.maybe_int(2)?.is_none() {
                keys.push(row.key(0)?);
            }
        }
        if !keys.is_empty() {
            let change = Change::new().any("DELETE FROM sb_participant WHERE session_id IN ({})", &[], &keys).any(
                "DELETE FROM sb_session WHERE closed_ms IS NOT NULL AND id IN ({})",
                &[],
                &keys,
            );
            store.commit(change).await?;
        }
        Ok(passed.may_be_more)
    }
}
