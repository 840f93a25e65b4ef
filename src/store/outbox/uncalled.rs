//! Lanes that a lost commit may have left saying that a provider is being called, though nobody calls.

use std::time::Duration;

use super::{CALLING, WAITING};
use crate::model::{Clock, LaneKey};
use crate::store::lease::LeaseOwner;
use crate::store::{Change, Store, params};

/// When to look: a commit may still be under way when its answer is given up.
const AFTER: [Duration; 4] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

/// A lane of this owner, and the place of the message that it was born with.
pub(super) type BornLane = (LaneKey, [u8; 32]);

/// Frees such lanes at once instead of when their lease ends. One that was never written, or is
/// another's by now, is not touched: its place, its owner or its version is not the same.
pub(super) async fn free(store: Store, clock: Clock, owner: LeaseOwner, born: Vec<BornLane>) {
    for after in AFTER {
        tokio::time::sleep(after).await;
        let now_ms = clock.now_ms();
        let change = born.iter().fold(Change::new(), |change, (lane, place)| {
            let sql = "UPDATE sb_lane SET phase = ?, owner = NULL, ready_ms = ?, set_ms = ?, tries = 0, \
                       first_ms = NULL, started_ms = NULL, version = version + 1 \
                       WHERE lane = ? AND owner = ? AND phase = ? AND version = 0 \
                       AND EXISTS (SELECT 1 FROM sb_outbox WHERE place = ?)";
            change.run(sql, params![WAITING, now_ms, now_ms, lane, &owner, CALLING, place])
        });
        if let Err(error) = store.commit(change).await {
            tracing::debug!(%error, "could not look after messages whose commit was lost");
        }
    }
}
