//! Emptying what was said, where it lies: in the message, in the reply kept for a repeat, in what was told of it. The
//! login of its callback goes too.

use serde_json::{Value as Json, json};

use super::over;
use crate::model::{ClientId, MessageContent, MessageId, Millis};
use crate::store::{Change, Query, Result, Store, Value, audit, callback, event, inbound, params};

/// Empties the body of a message that is over; `content` is what is kept of the rest. `deleted_ms`: its client sees
/// it no more from then on; its row stays for what was paid.
pub async fn redact(
    store: &Store,
    client: ClientId,
    id: MessageId,
    content: &MessageContent,
    deleted_ms: Option<Millis>,
    now_ms: Millis,
    entry: Option<audit::AuditEntry>,
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
type RedactionStep = (&'static str, Vec<Value>);

fn run(change: Change, steps: Vec<RedactionStep>) -> Change {
    steps.into_iter().fold(change, |change, (sql, params)| change.run(sql, params))
}

/// What empties the copies that still say something.
async fn copies(store: &Store, message: MessageId) -> Result<Vec<RedactionStep>> {
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
            let emptied = emptied(text);
            if emptied != text {
                steps.push((update, params![emptied, id]));
            }
        }
    }
    Ok(steps)
}

/// The JSON of a message, or of an event about one, without what was said.
pub(in crate::store) fn emptied(text: &str) -> String {
    // what cannot be read is not kept either
    let mut all = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
    let said = [
        ("/body", json!("")),
        ("/media_urls", json!([])),
        ("/media_types", json!([])),
        ("/carrier", json!({})),
        ("/carrier_omitted", json!(0)),
        ("/recording_url", json!(null)),
        ("/recording_sid", json!(null)),
    ];
    for (path, empty) in said {
        for prefix in ["", "/data"] {
            if let Some(said) = Json::pointer_mut(&mut all, &[prefix, path].concat()) {
                *said = empty.clone();
            }
        }
    }
    all.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_goes_and_the_rest_stays() {
        let message = json!({"id": "msg_1", "body": "secret", "media_urls": ["u"], "media_types": ["image/png"],
            "carrier": {"ProfileName": "secret"}, "carrier_omitted": 1, "metadata": {"body": "theirs"}});
        let bare = json!({"id": "msg_1", "body": "", "media_urls": [], "media_types": [],
            "carrier": {}, "carrier_omitted": 0, "metadata": {"body": "theirs"}});
        assert_eq!(emptied(&message.to_string()), bare.to_string());
        let event = |data: &Json| json!({"type": "message.sent", "data": data}).to_string();
        assert_eq!(emptied(&event(&message)), event(&bare));
        assert_eq!(emptied("no JSON: secret"), "{}");
        let call = json!({"id": "call_1", "recording_url": "https://x/RE1", "recording_sid": "RE1", "duration": 7});
        let bare = json!({"id": "call_1", "recording_url": null, "recording_sid": null, "duration": 7});
        assert_eq!(emptied(&event(&call)), event(&bare));
    }
}
