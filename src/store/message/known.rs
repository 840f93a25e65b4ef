//! Messages that somebody else than their clients asks for: which are there already, and what goes with one.

use std::collections::HashMap;

use crate::model::{AccountId, ArcMessageContent, MessageId, Millis};
use crate::store::{Result, Row, Store, Value, params};

/// When those of these were made that are there.
pub async fn made(store: &Store, ids: &[MessageId]) -> Result<HashMap<MessageId, Millis>> {
    let keys = ids.iter().map(Value::from).collect();
    let rows = store.look_up_each("SELECT id, created_ms FROM sb_message WHERE id IN ({})", keys).await?;
    rows.iter().map(Row::read).collect()
}

/// What a message that goes out holds besides, and through which account it goes, whoever's it is; of one that was taken
/// back, nothing.
pub async fn going_with(store: &Store, id: MessageId) -> Result<Option<(AccountId, ArcMessageContent)>> {
    let sql = "SELECT account_id, extra FROM sb_message WHERE id = ? AND direction = 'outbound' \
               AND redacted_ms IS NULL AND deleted_ms IS NULL";
    store.first(sql, params![id]).await
}
