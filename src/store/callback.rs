//! Callback URLs that bring a login: `sb_callback`, sealed, for as long as callbacks may go there.

use super::engine::is_one_of;
use super::sweep::RetentionCursor;
use super::{Change, Query, Result, Store, Value, params};
use crate::crypto::{Aad, MasterKey};
use crate::model::message::MessageState;
use crate::model::{MessageId, Millis};

pub(super) const INSERT: &str = "INSERT INTO sb_callback (message_id, url)";

/// Where a message's lies sealed.
pub fn place(row: &str) -> Aad<'_> {
    Aad { table: "sb_callback", row, column: "url" }
}

pub fn seal(master: &MasterKey, message: MessageId, url: &str) -> Result<Vec<u8>> {
    Ok(master.seal(place(&message.hex()), url.as_bytes())?)
}

pub(super) fn erase(change: Change, message: MessageId) -> Change {
    change.run("DELETE FROM sb_callback WHERE message_id = ?", params![message])
}

/// Those of messages that are over, and of which nothing is on its way to be told: what a replay adds later goes without.
fn unneeded(messages: &[Value]) -> Query {
    let open = MessageState::ALL.into_iter().filter(|state| !state.is_final()).map(MessageState::name);
    let open = is_one_of("m.state", open);
    let sql = format!(
        "SELECT message_id FROM sb_callback WHERE message_id IN ({{}}) AND NOT EXISTS \
         (SELECT 1 FROM sb_message m WHERE m.id = sb_callback.message_id AND {open}) AND NOT EXISTS \
         (SELECT 1 FROM sb_event e JOIN sb_delivery d ON d.event_id = e.id AND d.target_id = e.message_id \
         WHERE e.message_id = sb_callback.message_id AND d.ready_ms IS NOT NULL)"
    );
    Query::over(sql, &[], messages.to_vec())
}

/// Erases those that nobody needs any more. They are looked for before anything is locked, then erased by their keys:
/// usually there is none, or one.
pub(super) async fn erase_unneeded(store: &Store, messages: &[Value]) -> Result<()> {
    erase_found(store, vec![unneeded(messages)]).await
}

async fn erase_found(store: &Store, queries: Vec<Query>) -> Result<()> {
    let rows = store.read(queries).await?.concat();
    let keys = rows.iter().map(|row| row.key(0)).collect::<Result<Vec<_>>>()?;
    if keys.is_empty() {
        return Ok(());
    }
    let sql = "DELETE FROM sb_callback WHERE message_id IN ({})";
    store.commit(Change::new().any(sql, &[], &keys).erasing()).await
}

/// Erases a batch of those that nobody needs any more, and of those whose messages have not changed since `before_ms`
/// and wait for nothing; whether there may be more.
pub async fn sweep(store: &Store, walk: &mut RetentionCursor, before_ms: Millis) -> Result<bool> {
    let find = "SELECT message_id FROM sb_callback WHERE message_id > ? AND message_id < ? ORDER BY message_id LIMIT ?";
    let passed = walk.go_on(store, find).await?;
    let keys = passed.rows.iter().map(|row| row.key(0)).collect::<Result<Vec<_>>>()?;
    if !keys.is_empty() {
        let old = "SELECT message_id FROM sb_callback WHERE NOT EXISTS (SELECT 1 FROM sb_message m \
                   WHERE m.id = sb_callback.message_id AND (m.state = 'scheduled' OR m.changed_ms >= ?)) \
                   AND message_id IN ({})";
        let old = Query::over(old, &[before_ms.into()], keys.clone());
        erase_found(store, vec![unneeded(&keys), old]).await?;
    }
    Ok(passed.may_be_more)
}
