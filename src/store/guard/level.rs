//! How the guard's levels stood of late: `sb_guard_level`.

use serde::Deserialize;

use crate::model::guard::LevelPart;
use crate::model::{ClientId, Millis};
use crate::store::{Change, Result, Store, Value, params};

const INSERT: &str = "INSERT INTO sb_guard_level (client_id, name, body, until_ms)";
/// Parts in one commit.
const PARTS: usize = 1_000;

/// A part of a client's levels.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredLevels {
    pub client: ClientId,
    pub name: String,
    pub body: String,
}

/// Writes parts over those of the same names.
pub async fn write(store: &Store, client: ClientId, parts: &[LevelPart]) -> Result<()> {
    for some in parts.chunks(PARTS) {
        let rows =
            some.iter().map(|part| params![client, part.name.as_str(), part.body.as_str(), part.until_ms]).collect();
        let change = without(Change::new(), client, some.iter().map(|part| part.name.as_str()));
        // another node may write the same: then its word stands, which is as good
        store.commit_once(change.insert(INSERT, rows)).await?;
    }
    Ok(())
}

fn without<'a>(change: Change, client: ClientId, names: impl Iterator<Item = &'a str>) -> Change {
    let names: Vec<Value> = names.map(Value::from).collect();
    let sql = "DELETE FROM sb_guard_level WHERE client_id = ? AND name IN ({})";
    change.any(sql, &[client.into()], &names)
}

/// Deletes parts by their names.
pub async fn remove(store: &Store, client: ClientId, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    store.commit(without(Change::new(), client, names.iter().map(String::as_str))).await
}

/// All that have something in them.
pub async fn all(store: &Store, now_ms: Millis) -> Result<Vec<StoredLevels>> {
    let sql = "SELECT client_id, name, body FROM sb_guard_level WHERE until_ms > ?";
    store.all(sql, params![now_ms]).await
}

/// Forgets those with nothing in them.
pub async fn sweep(store: &Store, now_ms: Millis) -> Result<()> {
    store.commit(Change::new().run("DELETE FROM sb_guard_level WHERE until_ms <= ?", params![now_ms])).await
}
