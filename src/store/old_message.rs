//! Removing messages that have been over for long, with what providers did and said of them.

use std::collections::HashSet;

use super::message::is_over;
use super::outbox::claim;
use super::sweep::RetentionCursor;
use super::{Change, Result, Row, Store, Value};
use crate::model::{Channel, LaneKey, MessageId, Millis};

/// Messages that are to be removed, batch by batch.
#[derive(Debug)]
pub struct OldMessages {
    walk: RetentionCursor,
    before_ms: Millis,
}

impl OldMessages {
    /// Those that were made before `before_ms`, and have not changed since.
    pub fn before(before_ms: Millis) -> Self {
        Self { walk: RetentionCursor::before(before_ms), before_ms }
    }

    /// Removes a batch of them; whether there may be more. `lane_of` names the lane of a channel
    /// between two addresses.
    pub async fn remove(&mut self, store: &Store, lane_of: impl Fn(Channel, &str, &str) -> LaneKey) -> Result<bool> {
        let find = "SELECT id, state, changed_ms, direction, from_address, to_address, channel FROM \
                    sb_message WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
        let passed = self.walk.go_on(store, find).await?;
        let mut over: Vec<&Row> = Vec::with_capacity(passed.rows.len());
        let mut lanes = HashSet::new();
        for row in &passed.rows {
            if !is_over(row.text(1)?) || row.int(2)? >= self.before_ms {
                continue;
            }
            over.push(row);
            if row.text(3)? == "outbound" {
                // where it was accepted, or where it stepped aside
                let channel = row.maybe_text(6)?.and_then(Channel::parse).unwrap_or_default();
                lanes.insert(lane_of(channel, row.text(4)?, row.text(5)?));
                lanes.insert(LaneKey::own(row.id(0)?));
            }
        }
        let held = held(store, lanes).await?;
        let mut keys: Vec<Value> = Vec::with_capacity(over.len());
        for row in over {
            let id: MessageId = row.id(0)?;
            if !held.contains(&id) {
                keys.push(id.into());
            }
        }
        if !keys.is_empty() {
            let change = Change::new()
                .any("DELETE FROM sb_attempt WHERE message_id IN ({})", &[], &keys)
                .any("DELETE FROM sb_receipt WHERE message_id IN ({})", &[], &keys)
                .any("DELETE FROM sb_call WHERE message_id IN ({})", &[], &keys)
                .any("DELETE FROM sb_callback WHERE message_id IN ({})", &[], &keys)
                .any("DELETE FROM sb_fresh WHERE id IN ({})", &[], &keys)
                .any("DELETE FROM sb_message WHERE id IN ({})", &[], &keys);
            store.commit(change).await?;
        }
        Ok(passed.may_be_more)
    }
}

/// The first messages of these lanes. A receipt may have ended one while its call is still in doubt: its lane
/// needs it. What is over stands nowhere else in the outbox.
async fn held(store: &Store, lanes: HashSet<LaneKey>) -> Result<HashSet<MessageId>> {
    let keys = lanes.into_iter().map(Value::from).collect();
    let rows = store.look_up_each("SELECT lane FROM sb_lane WHERE lane IN ({})", keys).await?;
    let found = rows.iter().map(|row| row.id(0)).collect::<Result<Vec<LaneKey>>>()?;
    let heads = claim::heads(store, &found).await?;
    Ok(heads.into_iter().map(|head| head.message.id).collect())
}
