//! Which messages are there already, whoever may see them.

use std::collections::HashMap;

use crate::model::{MessageId, Millis};
use crate::store::{Result, Row, Store, Value};

/// When those of these were made that are there.
pub async fn made(store: &Store, ids: &[MessageId]) -> Result<HashMap<MessageId, Millis>> {
    let keys = ids.iter().map(Value::from).collect();
    let rows = store.look_up_each("SELECT id, created_ms FROM sb_message WHERE id IN ({})", keys).await?;
    rows.iter().map(Row::read).collect()
}
