//! Who wants no texts from which number of ours: `sb_opt_out`, one row for each pair.

use super::{Change, Query, Result, Store, Value};
use crate::model::message::State;
use crate::model::{ClientId, MessageId, Millis};
use crate::store::message::states_before;

/// What a person said, or a carrier for them.
#[derive(Clone, Debug)]
pub struct OptOut {
    /// The key of the pair: that of their lane.
    pub id: String,
    pub number: String,
    pub person: String,
    pub is_out: bool,
    /// `keyword` or `carrier`.
    pub reason: &'static str,
    /// When it was said: what was said later stands.
    pub at_ms: Millis,
}

/// Writes what was said, unless something later was. Whether this changed what stands; saying it
/// again at the very same time counts as the first time.
pub async fn write(store: &Store, said: &OptOut) -> Result<bool> {
    let sql = "SELECT is_out, changed_ms FROM sb_opt_out WHERE id = ?";
    let rows = store.query(sql, vec![said.id.as_str().into()]).await?;
    let is_out = Value::from(i64::from(said.is_out));
    let Some(row) = rows.first() else {
        let change = Change::new().one(
            "INSERT INTO sb_opt_out (id, number, person, is_out, reason, changed_ms) VALUES (?, ?, ?, ?, ?, ?)",
            vec![
                said.id.as_str().into(),
                said.number.as_str().into(),
                said.person.as_str().into(),
                is_out,
                said.reason.into(),
                said.at_ms.into(),
            ],
        );
        store.commit(change).await?;
        return Ok(true);
    };
    let (was_out, changed_ms) = (row.int(0)? != 0, row.int(1)?);
    if changed_ms > said.at_ms {
        return Ok(false);
    }
    if was_out == said.is_out {
        return Ok(changed_ms == said.at_ms);
    }
    let change = Change::new().one(
        "UPDATE sb_opt_out SET is_out = ?, reason = ?, changed_ms = ? WHERE id = ? AND changed_ms = ?",
        vec![is_out, said.reason.into(), said.at_ms.into(), said.id.as_str().into(), changed_ms.into()],
    );
    store.commit(change).await?;
    Ok(true)
}

/// Messages of a pair that no provider has taken, oldest first, with whose they are and what lies in `extra`.
pub async fn unsent(store: &Store, number: &str, person: &str) -> Result<Vec<(ClientId, MessageId, Option<String>)>> {
    let sql = format!(
        "SELECT client_id, id, extra FROM sb_message WHERE to_address = ? AND from_address = ? AND state IN ({}) \
         AND direction = 'outbound' ORDER BY id",
        states_before(State::Sent)
    );
    let query = Query::new(sql, vec![person.into(), number.into()]);
    let bad = |what: &str| super::Error::Data(format!("message {what}"));
    let read = |row: &super::Row| {
        let client = ClientId::from_hex(row.text(0)?).map_err(|_| bad("client"))?;
        let id = MessageId::from_hex(row.text(1)?).map_err(|_| bad("id"))?;
        Ok((client, id, row.maybe_text(2)?.map(str::to_owned)))
    };
    store.read(vec![query]).await?.concat().iter().map(read).collect()
}
