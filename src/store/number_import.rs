//! Numbers that are taken in together: `sb_number_import`, and `sb_number.import_id` for as long as they are not alone.
//!
//! They are written in slices, so that nobody else waits long for the store, and are there from the last commit on:
//! all of them or none. Then their rows are freed of the import, in slices too, and it is forgotten. Where the last
//! commit never comes they are removed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::engine::at_most;
use super::lease::{Lease, SKEW_MS, TAKE};
use super::number::Number;
use super::pool::Pool;
use super::version::CachedDataset;
use super::{AuditTrail, Change, Query, Result, Store, Value, params};
use crate::model::{ClientId, Millis, NumberImportId, PoolId, named};

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum NumberImportState {
    /// Its numbers are not there yet.
    Writing,
    /// They are.
    Done,
    /// They never will be.
    Failed,
}

named!(NumberImportState, Writing, Done, Failed);

#[derive(Clone, Debug, serde::Deserialize)]
pub struct NumberImport {
    pub id: NumberImportId,
    pub client: ClientId,
    pub state: NumberImportState,
    pub total: i64,
    /// So many are written by now.
    pub written: i64,
    pub created_ms: Millis,
}

/// The fields of [`NumberImport`].
const COLUMNS: &str = "SELECT id, client_id, state, total, written, created_ms FROM sb_number_import";

/// Imports that somebody writes, or that have left something to do.
pub async fn open(store: &Store) -> Result<Vec<NumberImport>> {
    store.all(format!("{COLUMNS} ORDER BY id"), Vec::new()).await
}

/// The same of a client, newest first.
pub async fn list(store: &Store, client: ClientId) -> Result<Vec<NumberImport>> {
    store.all(format!("{COLUMNS} WHERE client_id = ? ORDER BY id DESC"), params![client]).await
}

pub async fn find(store: &Store, id: NumberImportId) -> Result<Option<NumberImport>> {
    store.first(format!("{COLUMNS} WHERE id = ?"), params![id]).await
}

/// An address that somebody has.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct TakenAddress {
    pub address: String,
    pub client: ClientId,
    /// How the import stands that it came with, where that is not over.
    pub import: Option<NumberImportState>,
}

/// So many addresses are looked up at once, and others are served for so long before the next.
const LOOK_UPS: usize = 128;
const PAUSE: Duration = Duration::from_millis(1);

/// Which of these addresses somebody has, or is about to.
pub async fn taken(store: &Store, addresses: &[&str]) -> Result<Vec<TakenAddress>> {
    let sql = "SELECT n.address, n.client_id, i.state FROM sb_number n \
               LEFT JOIN sb_number_import i ON i.id = n.import_id WHERE n.address IN ({})";
    let mut found = Vec::new();
    for (nth, some) in addresses.chunks(LOOK_UPS).enumerate() {
        if nth > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let keys = some.iter().map(|address| Value::from(*address)).collect();
        for row in store.read(vec![Query::over(sql, &[], keys)]).await?.iter().flatten() {
            found.push(row.read()?);
        }
    }
    Ok(found)
}

/// Begins an import, in the name of who holds the lease.
pub async fn begin(store: &Store, lease: Lease<'_>, import: &NumberImport) -> Result<()> {
    let columns = vec![
        ("id", import.id.into()),
        ("client_id", import.client.into()),
        ("state", import.state.name().into()),
        ("total", import.total.into()),
        ("written", import.written.into()),
        ("owner", lease.owner.into()),
        ("ready_ms", lease.until_ms.into()),
        ("set_ms", lease.now_ms.into()),
        ("created_ms", import.created_ms.into()),
    ];
    let change = Change::new().insert_row("sb_number_import", columns);
    store.commit(change.settled_by_id("sb_number_import", import.id)).await
}

/// Writes some of its numbers, behind those that are `written`; `pools` are those that they may be in.
/// [`super::Error::Conflict`]: one of them is somebody's by now. [`super::Error::Guard`]: the import is no longer ours
/// to write, or an account is no more, or a pool is another than was read.
pub async fn write_slice(
    store: &Store,
    lease: Lease<'_>,
    import: &NumberImport,
    pools: &[Pool],
    (written, numbers): (i64, &[Number]),
) -> Result<()> {
    let after = written + i64::try_from(numbers.len()).unwrap_or(i64::MAX - written);
    let accounts: BTreeSet<Value> = numbers.iter().map(|number| number.account.into()).collect();
    let used: BTreeSet<PoolId> = numbers.iter().filter_map(|number| number.pool).collect();
    let pools = pools.iter().filter(|pool| used.contains(&pool.id));
    let mut change = Change::new()
        .one(
            format!(
                "UPDATE sb_number_import SET {TAKE}, written = ? \
                 WHERE id = ? AND owner = ? AND state = 'writing' AND written = ?"
            ),
            [lease.take().to_vec(), params![after, import.id, lease.owner, written]].concat(),
        )
        // as long as they are held, nobody deletes them
        .each("UPDATE sb_account SET id = id WHERE id IN ({})", &[], &accounts.into_iter().collect::<Vec<_>>());
    change = pools.clone().fold(change, Change::with_pool_as_read).imported(import.id, numbers);
    // they are not free before they are there
    change = pools.filter(|pool| pool.settings.is_exclusive).fold(change, |change, pool| {
        let own = numbers.iter().filter(|number| number.pool == Some(pool.id));
        change.fill_pool_with(pool, &own.map(|number| number.id.into()).collect::<Vec<Value>>(), lease.now_ms)
    });
    let settled = "SELECT 1 FROM sb_number_import WHERE id = ? AND written >= ?";
    store.commit(change.settled_by(settled, params![import.id, after])).await
}

/// From here on all of them are there. [`super::Error::Guard`]: the import is no longer ours, or not all written. Its
/// entry settles whether it was done: the import itself may be forgotten by the time somebody looks.
pub async fn finish(store: &Store, lease: Lease<'_>, id: NumberImportId, entry: AuditTrail) -> Result<()> {
    let change = Change::new().one(
        "UPDATE sb_number_import SET state = 'done', owner = NULL, ready_ms = NULL, set_ms = ? \
         WHERE id = ? AND owner = ? AND state = 'writing' AND written = total",
        params![lease.now_ms, id, lease.owner],
    );
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}

/// Gives up an import that is not done.
pub async fn give_up(store: &Store, lease: Lease<'_>, id: NumberImportId) -> Result<()> {
    let sql = "UPDATE sb_number_import SET state = 'failed', owner = NULL, ready_ms = NULL, set_ms = ? \
               WHERE id = ? AND owner = ? AND state = 'writing'";
    store.commit(Change::new().run(sql, params![lease.now_ms, id, lease.owner])).await
}

/// The same of all whose writer has gone: its lease is over by any node's clock.
pub async fn give_up_orphans(store: &Store, now_ms: Millis) -> Result<()> {
    let sql = "UPDATE sb_number_import SET state = 'failed', owner = NULL, ready_ms = NULL, set_ms = ? \
               WHERE state = 'writing' AND ready_ms <= ?";
    store.commit(Change::new().run(sql, params![now_ms, now_ms - SKEW_MS])).await
}

/// Takes one that is over, to clear up after it. [`super::Error::Guard`]: somebody else does so.
pub async fn claim(store: &Store, lease: Lease<'_>, id: NumberImportId) -> Result<()> {
    let sql = format!(
        "UPDATE sb_number_import SET {TAKE} WHERE id = ? AND state <> 'writing' AND (owner IS NULL OR ready_ms <= ?)"
    );
    let values = [lease.take().to_vec(), params![id, lease.now_ms - SKEW_MS]].concat();
    store.commit(Change::new().one(sql, values)).await
}

/// Lets others clear up after it, where it is not forgotten yet.
pub async fn give_back(store: &Store, lease: Lease<'_>, id: NumberImportId) -> Result<()> {
    let sql = "UPDATE sb_number_import SET owner = NULL, ready_ms = NULL, set_ms = ? \
               WHERE id = ? AND owner = ? AND state <> 'writing'";
    store.commit(Change::new().run(sql, params![lease.now_ms, id, lease.owner])).await
}

/// What `free_slice` does in exclusive pools.
const MAY_BE_CHOSEN: &str = "UPDATE sb_pool_number SET free_ms = ? WHERE free_ms IS NULL AND session_id IS NULL \
     AND EXISTS (SELECT 1 FROM sb_number n WHERE n.id = number_id AND n.reserved = 0) AND number_id IN ({})";

/// Frees some numbers of a claimed import that is done; once there are none, it is forgotten. How many they were.
/// [`super::Error::Guard`]: somebody else has claimed it.
pub async fn free_slice(store: &Store, lease: Lease<'_>, id: NumberImportId, limit: usize) -> Result<usize> {
    let keys = slice(store, id, limit).await?;
    // their rows first: whoever has one of them just now may be reserving it
    let free = "UPDATE sb_number SET import_id = NULL WHERE import_id = ? AND id IN ({})";
    let change = held(lease, id).any(free, &[id.into()], &keys).any(MAY_BE_CHOSEN, &[lease.now_ms.into()], &keys);
    commit_slice(store, id, &keys, change).await
}

/// Removes some numbers of a claimed import that has failed; once there are none, it is forgotten. How many they were.
/// [`super::Error::Guard`]: somebody else has claimed it.
pub async fn remove_slice(store: &Store, lease: Lease<'_>, id: NumberImportId, limit: usize) -> Result<usize> {
    let keys = slice(store, id, limit).await?;
    // in the order in which a number is deleted by itself
    let change = held(lease, id)
        .any("DELETE FROM sb_number WHERE import_id = ? AND id IN ({})", &[id.into()], &keys)
        .any("DELETE FROM sb_pool_number WHERE number_id IN ({})", &[], &keys);
    commit_slice(store, id, &keys, change).await
}

/// Goes on for as long as the lease says with one that was claimed.
fn held(lease: Lease<'_>, id: NumberImportId) -> Change {
    let sql = format!("UPDATE sb_number_import SET {TAKE} WHERE id = ? AND owner = ? AND state <> 'writing'");
    Change::new().one(sql, [lease.take().to_vec(), params![id, lease.owner]].concat())
}

/// The keys of some of its numbers.
async fn slice(store: &Store, id: NumberImportId, limit: usize) -> Result<Vec<Value>> {
    let find = "SELECT id FROM sb_number WHERE import_id = ? LIMIT ?";
    let rows = store.query(find, params![id, at_most(limit)]).await?;
    rows.iter().map(|row| row.key(0)).collect()
}

/// Commits what is done to these; where there are none, the import is over.
async fn commit_slice(store: &Store, id: NumberImportId, keys: &[Value], mut change: Change) -> Result<usize> {
    if keys.is_empty() {
        // an import that is forgotten too early would hide its numbers for ever
        let forget = "DELETE FROM sb_number_import WHERE id = ? AND state <> 'writing' \
                      AND NOT EXISTS (SELECT 1 FROM sb_number WHERE import_id = ?)";
        change = change.run(forget, params![id, id]);
    }
    store.commit(change).await?;
    Ok(keys.len())
}
