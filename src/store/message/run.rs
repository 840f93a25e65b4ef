//! Writing the runs of [`super::address`], and removing those whose messages are gone.
//!
//! A run is open until all of it is written: nobody reads it before. Who writes says so with every commit; what was
//! left behind is taken from its writer, and then removed. Mostly one node writes at a time; two that begin at once
//! write the same twice, of which a look-up takes each once. The numbers of removed messages stay in their run until
//! none of its messages, nor an older one, is left.

use crate::model::{Clock, Millis};
use crate::store::engine::HIGHEST;
use crate::store::{Change, Result, Row, Store, Value, params};

/// Messages of a run. To walk so many that are not yet in one takes milliseconds.
const MESSAGES: usize = 32_768;
/// Rows that one commit writes or removes: others wait for it.
const SLICE: usize = 1024;
/// An open run that nobody has written to for so long was left behind.
const LEFT_AFTER_MS: Millis = 15_000;

/// A run is written, read or removed.
const OPEN: i64 = 0;
const DONE: i64 = 1;
const GONE: i64 = 2;

/// Moves fresh messages into a run, where there are enough of them. Whether there may be more.
pub async fn gather(store: &Store, clock: &Clock) -> Result<bool> {
    if is_taken(store, clock.now_ms()).await? {
        return Ok(false);
    }
    let enough = params![i64::try_from(MESSAGES - 1).unwrap_or(i64::MAX)];
    let last = store.query("SELECT id FROM sb_fresh ORDER BY id LIMIT 1 OFFSET ?", enough).await?;
    let Some(last) = last.first().map(|row| row.key(0)).transpose()? else { return Ok(false) };
    let sql = "SELECT id, from_address, to_address FROM sb_fresh WHERE id <= ? ORDER BY id";
    let rows = store.query(sql, vec![last.clone()]).await?;
    let ids = rows.iter().map(|row| row.key(0)).collect::<Result<Vec<_>>>()?;
    let Some(first) = ids.first() else { return Ok(false) };
    // the number of a run is never used again: whoever is late finds his own gone
    let begun_ms = clock.now_ms();
    let run = Value::from(begun_ms);
    let open = params![run.clone(), first.clone(), last, OPEN, begun_ms];
    let into = "INSERT INTO sb_run (run, first_id, last_id, is_done, touched_ms)";
    store.commit(Change::new().insert(into, vec![open])).await?;
    for some in entries(&rows)?.chunks(SLICE) {
        let rows = some.iter().map(|(number, id)| params![run.clone(), *number, *id]).collect();
        let change = touch(&run, OPEN, clock).insert("INSERT INTO sb_run_message (run, number, id)", rows);
        store.commit(change).await?;
    }
    store.commit(touch(&run, DONE, clock)).await?;
    for some in ids.chunks(SLICE) {
        store.commit(Change::new().any("DELETE FROM sb_fresh WHERE id IN ({})", &[], some)).await?;
    }
    Ok(true)
}

/// Both numbers of each message, in the order in which they are written.
fn entries(rows: &[Row]) -> Result<Vec<(&str, [u8; 16])>> {
    let mut entries = Vec::with_capacity(2 * rows.len());
    for row in rows {
        let (id, from, to) = (row.array(0)?, row.text(1)?, row.text(2)?);
        entries.push((from, id));
        if to != from {
            entries.push((to, id));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// Holds on to an open run. [`crate::store::Error::Guard`]: it was taken for left behind.
fn touch(run: &Value, is_done: i64, clock: &Clock) -> Change {
    let sql = "UPDATE sb_run SET is_done = ?, touched_ms = ? WHERE run = ? AND is_done = 0";
    Change::new().one(sql, params![is_done, clock.now_ms(), run.clone()])
}

/// Whether another writes a run. What was left behind is removed.
async fn is_taken(store: &Store, now_ms: Millis) -> Result<bool> {
    let open = store.query("SELECT run, touched_ms, is_done FROM sb_run WHERE is_done <> 1", Vec::new()).await?;
    for row in &open {
        let (run, touched_ms, state) = (row.int(0)?, row.int(1)?, row.int(2)?);
        if state == OPEN && touched_ms > now_ms - LEFT_AFTER_MS {
            return Ok(true);
        }
        remove(store, run, state, touched_ms).await?;
    }
    Ok(false)
}

/// Removes a run that is as it was read, its row last. First it is taken from whoever may still write it.
async fn remove(store: &Store, run: i64, state: i64, touched_ms: Millis) -> Result<()> {
    let run = Value::from(run);
    let sql = "UPDATE sb_run SET is_done = ? WHERE run = ? AND is_done = ? AND touched_ms = ?";
    let take = Change::new().one(sql, params![GONE, run.clone(), state, touched_ms]);
    match store.commit(take).await {
        Err(error) if error.is_race() => return Ok(()),
        other => other?,
    }
    let sql = "SELECT number, id FROM sb_run_message WHERE run = ? ORDER BY number, id LIMIT 1 OFFSET ?";
    let after = Value::from(i64::try_from(SLICE).unwrap_or(i64::MAX));
    while let Some(end) = store.query(sql, vec![run.clone(), after.clone()]).await?.first() {
        let (number, id) = (Value::from(end.text(0)?), end.key(1)?);
        let sql = "DELETE FROM sb_run_message WHERE run = ? AND (number < ? OR (number = ? AND id < ?))";
        let change = Change::new().run(sql, vec![run.clone(), number.clone(), number, id]);
        store.commit(change).await?;
    }
    let change = Change::new()
        .run("DELETE FROM sb_run_message WHERE run = ?", vec![run.clone()])
        .run("DELETE FROM sb_run WHERE run = ? AND is_done = ?", params![run, GONE]);
    store.commit(change).await
}

/// Removes the runs of which no message is left.
pub async fn sweep(store: &Store) -> Result<()> {
    let sql = "SELECT run, touched_ms FROM sb_run WHERE is_done = 1 \
               AND last_id < (SELECT COALESCE(MIN(id), ?) FROM sb_message)";
    // above all ids, where there is no message
    for row in &store.query(sql, params![HIGHEST]).await? {
        remove(store, row.int(0)?, DONE, row.int(1)?).await?;
    }
    Ok(())
}
