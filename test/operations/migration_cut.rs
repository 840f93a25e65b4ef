//! `switchboard migrate` where a start was cut short: a server keeps what was made last, and nobody has recorded it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use switchboard::store::Store;

use super::command::run;
use super::migration::{applied, migrations};
use crate::harness::database::execute;
use crate::harness::{Builder, Layout, Result};

const MESSAGE: &str = "INSERT INTO sb_message (id, client_id, account_id, direction, from_address, to_address, body, \
    state, encoding, segments, extra, created_ms, changed_ms) VALUES (X'00000000000000000000000000000001', \
    X'00000000000000000000000000000001', X'00000000000000000000000000000009', 'outbound', '1', '2', '', \
    'sent', 'gsm7', 1, '', 0, 0)";

/// Leaves a server's store as a start does that is cut short when so many migrations are recorded, and the next has
/// run.
async fn cut_short(builder: &Builder, recorded: usize) -> Result {
    run(builder, &["migrate"]).await?.well()?;
    let home = builder.home();
    let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
               AND table_name LIKE 'sb%' AND table_name NOT IN ('sb_message', 'sb_migration')";
    for row in home.databases.store()?.query(sql, Vec::new()).await? {
        execute(&home.databases.store_url, &format!("DROP TABLE {}", row.text(0)?)).await?;
    }
    execute(&home.databases.store_url, &format!("DELETE FROM sb_migration WHERE version > {recorded}")).await
}

#[tokio::test]
async fn a_start_that_was_cut_short_is_gone_on_with() -> Result {
    let builder = Builder::new(Layout::MariadbShared).await?;
    // the first makes a table, the second its index
    for recorded in [0, 1] {
        cut_short(&builder, recorded).await?;
        let said = run(&builder, &["migrate"]).await?.well()?;
        assert_eq!(applied(&said), migrations()? - recorded, "{said}");
    }
    cut_short(&builder, 0).await?;
    execute(&builder.home().databases.store_url, MESSAGE).await?;
    let said = run(&builder, &["migrate"]).await?.refusal()?;
    assert!(said.contains("sb_message") && said.contains("has rows"), "{said}");
    let rows = builder.home().databases.store()?.query("SELECT id FROM sb_message", Vec::new()).await?;
    assert_eq!(rows.len(), 1);
    Ok(())
}

/// What takes away what a migration makes; nothing where it only writes rows.
fn undone(sql: &str) -> Option<String> {
    let words: Vec<_> = sql.lines().filter(|line| !line.starts_with("--")).flat_map(str::split_whitespace).collect();
    match words[..] {
        ["CREATE", "TABLE", table, ..] => Some(format!("DROP TABLE {table}")),
        ["CREATE", "INDEX", name, "ON", table, ..] | ["CREATE", "UNIQUE", "INDEX", name, "ON", table, ..] => {
            Some(format!("DROP INDEX {name} ON {table}"))
        }
        ["ALTER", "TABLE", table, "ADD", "COLUMN", name, ..] => Some(format!("ALTER TABLE {table} DROP COLUMN {name}")),
        _ => None,
    }
}

/// Our migrations that can be undone, the last first: by version, with what undoes them. One that only writes rows
/// cannot, nor what came before it.
fn undoable() -> Result<Vec<(usize, String, String)>> {
    let mut texts: BTreeMap<usize, String> = BTreeMap::new();
    for entry in std::fs::read_dir(crate::harness::server::root().join("src/store/migrations"))? {
        let path = entry?.path();
        let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
        let version = name.strip_prefix('V').and_then(|rest| rest.split_once("__")).context("no version")?.0.parse()?;
        texts.insert(version, std::fs::read_to_string(path)?);
    }
    let with_undo = |(version, text): (usize, String)| {
        let undo = undone(&text)?;
        Some((version, text, undo))
    };
    Ok(texts.into_iter().rev().map_while(with_undo).collect())
}

/// A column that may hold nothing, and one that has a default; what somebody writes there, and takes back.
const COLUMNS: [(&str, &str, &str); 2] = [
    (
        "ALTER TABLE sb_number ADD COLUMN reserved ",
        "INSERT INTO sb_number (id, client_id, account_id, address, capabilities, meaning, rate, created_ms, reserved) \
         VALUES (X'01', X'01', X'01', '+1', '', 'forward', 0, 0, 1)",
        "DELETE FROM sb_number",
    ),
    (
        "ALTER TABLE sb_pool ADD COLUMN settings ",
        "INSERT INTO sb_pool (id, client_id, name, created_ms, settings) VALUES (X'01', X'01', '', 0, '{}')",
        "DELETE FROM sb_pool",
    ),
];

#[tokio::test]
async fn a_start_that_was_cut_short_at_a_column_is_gone_on_with() -> Result {
    let builder = Builder::new(Layout::MariadbShared).await?;
    run(&builder, &["migrate"]).await?.well()?;
    let home = builder.home();
    let (url, undoable) = (&home.databases.store_url, undoable()?);
    for (column, write, take_back) in COLUMNS {
        let place = undoable.iter().position(|(_, text, _)| text.contains(column));
        let place = place.with_context(|| format!("not among what can be undone: {column}"))?;
        let version = undoable[place].0;
        for (_, _, undo) in &undoable[..place] {
            execute(url, undo).await?;
        }
        execute(url, &format!("DELETE FROM sb_migration WHERE version >= {version}")).await?;
        execute(url, write).await?;
        let said = run(&builder, &["migrate"]).await?.refusal()?;
        assert!(said.contains("is not recorded") && said.contains("has rows"), "{said}");
        execute(url, take_back).await?;
        let said = run(&builder, &["migrate"]).await?.well()?;
        assert_eq!(applied(&said), place + 1, "{said}");
    }
    Ok(())
}

/// What is recorded of the first migration.
async fn first_record(store: &Store) -> Result<String> {
    let sql = "SELECT name, applied_on, checksum FROM sb_migration WHERE version = 1";
    let rows = store.query(sql, Vec::new()).await?;
    let row = rows.first().context("a first migration")?;
    Ok(format!(
        "INSERT INTO sb_migration (version, name, applied_on, checksum) VALUES (1, '{}', '{}', '{}')",
        row.text(0)?,
        row.text(1)?,
        row.text(2)?
    ))
}

/// Two nodes of a cluster share no lock: what the one has made and not yet recorded, the other leaves alone.
#[tokio::test]
async fn what_another_node_is_about_to_record_is_left() -> Result {
    let builder = Builder::new(Layout::MariadbShared).await?;
    run(&builder, &["migrate"]).await?.well()?;
    let (home, store) = (builder.home(), builder.home().databases.store()?);
    let (url, record) = (&home.databases.store_url, first_record(&store).await?);
    cut_short(&builder, 0).await?;
    let indexes = "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() \
                   AND table_name = 'sb_message' AND index_name <> 'PRIMARY'";
    for row in store.query(indexes, Vec::new()).await? {
        execute(url, &format!("DROP INDEX {} ON sb_message", row.text(0)?)).await?;
    }
    execute(url, MESSAGE).await?;
    let recorded = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        execute(url, &record).await
    };
    let (said, recorded) = tokio::join!(run(&builder, &["migrate"]), recorded);
    recorded?;
    let said = said?.well()?;
    assert_eq!(applied(&said), migrations()? - 1, "{said}");
    assert_eq!(store.query("SELECT id FROM sb_message", Vec::new()).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_there_unrecorded_is_explained() -> Result {
    let builder = Builder::new(Layout::MariadbShared).await?;
    cut_short(&builder, 0).await?;
    execute(&builder.home().databases.store_url, "CREATE TABLE sb_lane (id INT)").await?;
    let said = run(&builder, &["migrate"]).await?.refusal()?;
    assert!(said.contains("another node is migrating") && said.contains("sb_lane"), "{said}");
    Ok(())
}
