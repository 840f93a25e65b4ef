//! What came in, as it came: `sb_inbound`. A row is a job too, until it is handled.
//!
//! [`intake`] stores a webhook once, however often its provider repeats it, and hands it to this
//! node's worker. [`claim`] finds what nobody handles, [`handled`] writes what came of texts, [`finish`] of receipts.

pub mod claim;
pub mod finish;
pub mod handled;
pub mod intake;

use tokio::time::Instant;

use super::sweep::RetentionCursor;
use super::{Change, Result, Store, Value, params};
use crate::model::{AccountId, InboundId, MessageId, Millis, named};

/// What a webhook tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum WebhookKind {
    Sms,
    Receipt,
}

named!(WebhookKind, Sms, Receipt);

/// What a job's webhook says. `R`: what its service reads it as.
#[derive(Clone, Debug)]
pub enum WebhookJobContent<R> {
    /// Read by this node, when it came.
    Read(R),
    /// As it came, out of the store.
    Stored(String),
}

/// A webhook to be handled, which this node has leased.
#[derive(Clone, Debug)]
pub struct LeasedWebhook<R> {
    pub id: InboundId,
    pub account: AccountId,
    pub kind: WebhookKind,
    pub content: WebhookJobContent<R>,
    pub received_ms: Millis,
    /// By the monotonic clock: a process that was stopped owns nothing any more.
    pub lease_ends: Instant,
}

/// Empties, in the change that redacts a message, what brought it.
pub(super) fn erase(change: Change, message: MessageId) -> Change {
    let sql = "UPDATE sb_inbound SET payload = '' WHERE id = ? AND ready_ms IS NULL";
    change.run(sql, params![message])
}

/// Forgets a batch of those that are handled, as far as the walk goes; whether there may be more.
pub async fn sweep(store: &Store, walk: &mut RetentionCursor) -> Result<bool> {
    let find = "SELECT id, ready_ms FROM sb_inbound WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
    let passed = walk.go_on(store, find).await?;
    let mut handled: Vec<Value> = Vec::with_capacity(passed.rows.len());
    for row in &passed.rows {
        if row.maybe_int(1)?.is_none() {
            handled.push(row.key(0)?);
        }
    }
    if !handled.is_empty() {
        store.commit(Change::new().any("DELETE FROM sb_inbound WHERE id IN ({})", &[], &handled)).await?;
    }
    Ok(passed.may_be_more)
}
