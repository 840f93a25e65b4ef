//! Removing messages that have been over for long, with what providers did and said of them.

use std::collections::HashSet;

use super::over;
use crate::model::Millis;
use crate::store::sweep::Walk;
use crate::store::{Change, Query, Result, Store, Value};

/// Messages that are to be removed, batch by batch.
#[derive(Debug)]
pub struct Old {
    walk: Walk,
    before_ms: Millis,
    /// Messages that a receipt has ended while their call is still in doubt: their lanes need them.
    held: HashSet<String>,
}

impl Old {
    /// Those that were made before `before_ms`, and have not changed since.
    pub async fn before(store: &Store, before_ms: Millis) -> Result<Self> {
        let walk = Walk::before(before_ms);
        // what is over joins no lane any more: this is asked once
        let sql = format!(
            "SELECT o.message_id FROM sb_outbox o JOIN sb_message m ON m.id = o.message_id \
             WHERE o.message_id < ? AND m.state IN ({})",
            over()
        );
        let rows = store.read(vec![Query::new(sql, vec![walk.below.as_str().into()])]).await?.concat();
        let held = rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_>>()?;
        Ok(Self { walk, before_ms, held })
    }

    /// Removes a batch of them; whether there may be more.
    pub async fn remove(&mut self, store: &Store) -> Result<bool> {
        let find = "SELECT id, state, changed_ms FROM sb_message WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
        let passed = self.walk.go_on(store, find).await?;
        let mut keys: Vec<Value> = Vec::with_capacity(passed.rows.len());
        for row in &passed.rows {
            let id = row.text(0)?;
            if super::is_over(row.text(1)?) && row.int(2)? < self.before_ms && !self.held.contains(id) {
                keys.push(id.into());
            }
        }
        if !keys.is_empty() {
            let change = Change::new()
                .any("DELETE FROM sb_attempt WHERE message_id IN ({})", &[], &keys)
                .any("DELETE FROM sb_receipt WHERE message_id IN ({})", &[], &keys)
                .any("DELETE FROM sb_message WHERE id IN ({})", &[], &keys);
            store.commit(change).await?;
        }
        Ok(passed.may_be_more)
    }
}
