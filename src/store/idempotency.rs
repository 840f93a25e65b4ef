//! Replies kept for requests that come again: `sb_idempotency`.

use super::{Result, Store, sweep};
use crate::model::Millis;

/// Forgets a batch of those kept before `before_ms`; whether there may be more.
pub async fn sweep(store: &Store, before_ms: Millis) -> Result<bool> {
    let find = "SELECT id FROM sb_idempotency WHERE created_ms < ? ORDER BY created_ms LIMIT ?";
    let delete = "DELETE FROM sb_idempotency WHERE created_ms < ? AND id IN ({})";
    sweep::batch(store, find, delete, &[before_ms.into()]).await
}
