//! A store that has sent millions of messages. One is really sent; the others are written straight into the
//! file, as copies of the rows that it left.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement};
use switchboard::model::{Id as _, MessageId};

use crate::harness::{Builder, Carrier, LONG, Layout, Result, Server, time};
use crate::load::offer;
use crate::meter;
use crate::plan::Plan;
use crate::stage::{self, NUMBERS, RECIPIENTS, Via, messages, mix, recipient};

/// To be raised when other rows are written.
const EDITION: u32 = 3;
const FILE: &str = "store.db";
/// Names the store that lies beside it; written last.
const VALID: &str = "valid";
/// What a sent message leaves, and which column says of which one.
const LEFT: [(&str, &str); 3] = [("sb_message", "id"), ("sb_attempt", "message_id"), ("sb_fresh", "id")];
/// The first of these are copied; the last is what the server has not yet sorted, and is written sorted here.
const COPIED: usize = 2;
/// Messages of one transaction, and of one run of the index of numbers.
const BATCH: usize = 32_768;
/// They were sent within the last month, evenly.
const MONTH_MS: i64 = 30 * 24 * 3_600_000;

/// A server on such a store. It is filled once and kept under `target/`, for as long as the migrations are the same.
pub async fn filled(empty: &Server, carrier: &Carrier, plan: &Plan) -> Result<Server> {
    let kept = folder(plan.stored)?;
    let migrations = empty.rows("SELECT version, checksum FROM sb_migration ORDER BY version").await?;
    let valid = format!("edition {EDITION}, {} messages, migrations {migrations:?}\n", plan.stored);
    if fs::read_to_string(kept.join(VALID)).is_ok_and(|found| found == valid) {
        eprintln!("the store with {} messages was kept in {}", plan.stored, kept.display());
        let builder = stage::settings(Builder::new(Layout::SqliteShared).await?, Some(carrier));
        copy(&kept, builder.home().folder.path())?;
        return builder.start_unseeded().await;
    }
    let mut server = stage::start(Layout::SqliteShared, Some(carrier)).await?;
    send_one(&server).await?;
    server.signal("TERM")?;
    server.ended(LONG).await?;
    let (home, stored) = (server.home(), plan.stored);
    let file = home.folder.path().join(FILE);
    tokio::task::spawn_blocking(move || write(&file, stored)).await??;
    // what is there from another time must not pass for whole while it is replaced
    fs::create_dir_all(&kept)?;
    let _ = fs::remove_file(kept.join(VALID));
    copy(home.folder.path(), &kept)?;
    fs::write(kept.join(VALID), valid)?;
    server.restart().await
}

/// Under `target/`.
fn folder(stored: usize) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here.ancestors().nth(3).context("no target folder")?.join("bench-large").join(stored.to_string()))
}

/// The store, and the keys that it was written with; on the disk when this returns, so that nothing is
/// still being written while we measure.
fn copy(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to.join("keys"))?;
    for key in fs::read_dir(from.join("keys"))? {
        let key = key?;
        fs::copy(key.path(), to.join("keys").join(key.file_name()))?;
    }
    fs::copy(from.join(FILE), to.join(FILE))?;
    fs::File::open(to.join(FILE))?.sync_all()?;
    Ok(())
}

/// Sends some messages, and makes sure that what they leave is what we know.
async fn send_one(server: &Server) -> Result {
    let before = counts(server)?;
    offer(server, &messages("/v1/messages", Via::Loopback, Some(100.0)), Duration::from_millis(200)).await?;
    meter::drained(server).await?;
    let after = counts(server)?;
    let grown = after.into_iter().filter(|table| !before.contains(table)).map(|(name, _)| name);
    let mut grown: Vec<String> = grown.collect();
    grown.sort_by_key(|name| LEFT.iter().position(|(known, _)| known == name));
    ensure!(grown == LEFT.map(|(name, _)| name), "a sent message leaves rows in {grown:?}, not in {LEFT:?}");
    Ok(())
}

/// How many rows each table has.
fn counts(server: &Server) -> Result<Vec<(String, i64)>> {
    let connection = Connection::open(server.home().folder.path().join(FILE))?;
    let mut names = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
    let names: Vec<String> = names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let count = |name: String| {
        let count = connection.query_row(&format!("SELECT COUNT(*) FROM {name}"), [], |row| row.get(0))?;
        Ok((name, count))
    };
    names.into_iter().map(count).collect()
}

fn write(file: &Path, stored: usize) -> Result {
    let connection = Connection::open(file)?;
    // nobody else has it open, and a half-written one is thrown away
    let settings = [("journal_mode", "DELETE"), ("journal_mode", "OFF"), ("synchronous", "OFF")];
    for (name, value) in settings.into_iter().chain([("locking_mode", "EXCLUSIVE"), ("cache_size", "-2000000")]) {
        connection.pragma_update(None, name, value)?;
    }
    let (message, created_ms): (Vec<u8>, i64) = connection.query_row(
        "SELECT id, created_ms FROM sb_message WHERE state = 'sent' ORDER BY id LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut copies = LEFT[..COPIED]
        .iter()
        .map(|(table, key)| Copies::new(&connection, table, key, &message, created_ms))
        .collect::<Result<Vec<_>>>()?;
    let begun = Instant::now();
    let until_ms = i64::try_from(time::now()?.as_millis())? - 3_600_000;
    let mut sorted = Vec::with_capacity(2 * BATCH);
    for first in (0..stored).step_by(BATCH) {
        connection.execute_batch("BEGIN")?;
        for number in first..stored.min(first + BATCH) {
            let at_ms = until_ms - MONTH_MS + MONTH_MS * i64::try_from(number)? / i64::try_from(stored)?;
            let one = One { number: number as u64, id: MessageId::new(at_ms).bytes(), at_ms };
            copies.iter_mut().try_for_each(|copies| copies.write(&one))?;
            sorted.extend([(one.from(), one.id), (one.to(), one.id)]);
        }
        write_run(&connection, i64::try_from(first)? + 1, &mut sorted)?;
        connection.execute_batch("COMMIT")?;
        let done = stored.min(first + BATCH);
        let rate = done as f64 / begun.elapsed().as_secs_f64();
        eprint!("\r{done} of {stored} messages written, {rate:.0}/s ");
    }
    drop(copies);
    drop(connection);
    fs::File::open(file)?.sync_all()?;
    let size = fs::metadata(file)?.len() / 1_000_000;
    eprintln!("\nfilled in {:.0} s: {size} MB", begun.elapsed().as_secs_f64());
    Ok(())
}

/// What the server's worker writes of so many messages.
fn write_run(connection: &Connection, run: i64, entries: &mut Vec<(String, [u8; 16])>) -> Result {
    let ids = || entries.iter().map(|(_, id)| *id);
    let (first, last) = ids().min().zip(ids().max()).context("an empty run")?;
    connection.execute("INSERT INTO sb_run VALUES (?, ?, ?, 1, ?)", (run, first, last, run))?;
    let mut insert = connection.prepare("INSERT INTO sb_run_message (run, number, id) VALUES (?, ?, ?)")?;
    entries.sort_unstable();
    for (number, id) in entries.drain(..) {
        insert.execute((run, number, id))?;
    }
    Ok(())
}

/// A message to be written.
struct One {
    number: u64,
    id: [u8; 16],
    at_ms: i64,
}

impl One {
    fn from(&self) -> String {
        Via::Loopback.sender(mix(self.number) % NUMBERS)
    }

    fn to(&self) -> String {
        recipient(mix(self.number) % RECIPIENTS)
    }
}

/// What differs between messages.
enum Own {
    Id,
    From,
    To,
    ProviderId,
    /// So long after the message's time.
    Time(i64),
}

/// Writes rows into one table.
struct Copies<'a> {
    insert: Statement<'a>,
    own: Vec<(usize, Own)>,
    run: u64,
}

impl<'a> Copies<'a> {
    /// `message` has the row that is copied.
    fn new(connection: &'a Connection, table: &str, key: &str, message: &[u8], created_ms: i64) -> Result<Self> {
        let mut select = connection.prepare(&format!("SELECT * FROM {table} WHERE {key} = ?"))?;
        let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
        let values: Vec<Value> =
            select.query_row([message], |row| (0..columns.len()).map(|column| row.get(column)).collect())?;
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert =
            connection.prepare(&format!("INSERT INTO {table} ({}) VALUES ({places})", columns.join(", ")))?;
        let mut own = Vec::new();
        for (index, (column, value)) in columns.iter().zip(values).enumerate() {
            match (column.as_str(), value) {
                (name, _) if name == key => own.push((index + 1, Own::Id)),
                ("from_address", _) => own.push((index + 1, Own::From)),
                ("to_address", _) => own.push((index + 1, Own::To)),
                ("provider_id", _) => own.push((index + 1, Own::ProviderId)),
                (name, Value::Integer(at_ms)) if name.ends_with("_ms") => {
                    own.push((index + 1, Own::Time(at_ms - created_ms)));
                }
                // stays bound
                (_, value) => insert.raw_bind_parameter(index + 1, value)?,
            }
        }
        Ok(Self { insert, own, run: rand::random() })
    }

    fn write(&mut self, one: &One) -> Result {
        for (index, own) in &self.own {
            match own {
                Own::Id => self.insert.raw_bind_parameter(*index, one.id)?,
                Own::From => self.insert.raw_bind_parameter(*index, one.from())?,
                Own::To => self.insert.raw_bind_parameter(*index, one.to())?,
                Own::ProviderId => {
                    let id = format!("LB{:016x}{:016x}", self.run, one.number);
                    self.insert.raw_bind_parameter(*index, id)?;
                }
                Own::Time(after_ms) => self.insert.raw_bind_parameter(*index, one.at_ms + after_ms)?,
            }
        }
        self.insert.raw_execute()?;
        Ok(())
    }
}
