//! Emptying what was said, where it lies: in the message, in the reply kept for a repeat, in what was told of it. The
//! login of its callback goes too.

use super::message::over;
use super::{AuditTrail, Change, Query, Result, Store, Value, callback, event, inbound, params};
use crate::model::{ClientId, MessageContent, MessageId, Millis};

/// Empties the body of a message that is over; `content` is what is kept of the rest. `deleted_ms`: its client sees
/// it no more from then on; its row stays for what was paid.
pub async fn redact(
    store: &Store,
    client: ClientId,
    id: MessageId,
    content: &MessageContent,
    deleted_ms: Option<Millis>,
    now_ms: Millis,
    entry: AuditTrail,
) -> Result<()> {
    let sql = format!(
        "UPDATE sb_message SET body = '', extra = ?, redacted_ms = ?, deleted_ms = ? WHERE id = ? AND client_id = ? \
         AND deleted_ms IS NULL AND {}",
        over()
    );
    let params = params![content.text(), now_ms, deleted_ms, id, client];
    let change = callback::erase(Change::new().one(sql, params), id).audited(entry);
    // a message that came in has the id of the webhook that brought it
    let copies = copies(store, id).await?;
    store.commit(run(inbound::erase(change, id), copies).erasing()).await?;
    // what was written in between; what is written from now on is erased when it is to be told
    let late = self::copies(store, id).await?;
    if late.is_empty() { Ok(()) } else { store.commit(run(Change::new(), late).erasing()).await }
}

/// A statement with its parameters.
type RedactionStatement = (&'static str, Vec<Value>);

fn run(change: Change, steps: Vec<RedactionStatement>) -> Change {
    steps.into_iter().fold(change, |change, (sql, params)| change.run(sql, params))
}

/// What empties the copies that still say something.
async fn copies(store: &Store, message: MessageId) -> Result<Vec<RedactionStatement>> {
    let copies = [
        (
            "SELECT id, reply FROM sb_idempotency WHERE message_id = ?",
            "UPDATE sb_idempotency SET reply = ? WHERE id = ?",
        ),
        ("SELECT id, payload FROM sb_event WHERE message_id = ?", event::REPLACE),
    ];
    let queries = copies.map(|(find, _)| Query::new(find, params![message]));
    let found = store.read(queries.into()).await?;
    let mut steps = Vec::new();
    for ((_, update), rows) in copies.into_iter().zip(found) {
        for row in rows {
            let (id, text) = (row.key(0)?, row.text(1)?);
            let emptied = event::emptied(text);
            if emptied != text {
                steps.push((update, params![emptied, id]));
            }
        }
    }
    Ok(steps)
}
