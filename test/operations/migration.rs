//! `switchboard migrate`: again, together, and where it cannot.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use anyhow::Context as _;
use mysql_async::Opts;
use switchboard::store::{Change, Store};

use super::command::{Place, Said, run};
use crate::harness::database::{execute, mariadb};
use crate::harness::{Builder, Layout, Phone, Result, USER};
use crate::on_both_engines;

/// How many migrations there are.
fn migrations() -> Result<usize> {
    let folder = crate::harness::server::root().join("src/store/migrations");
    Ok(std::fs::read_dir(folder)?.count())
}

fn applied(said: &str) -> usize {
    said.lines().filter(|line| line.starts_with("applied ")).count()
}

async fn migrating_again_changes_nothing(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    let first = run(&builder, &["migrate"]).await?;
    let password = Opts::from_url(&mariadb()?)?.pass().unwrap_or("none").to_owned();
    assert!(!first.all().contains(&password), "a password in {first:?}");
    let first = first.well()?;
    assert_eq!(applied(&first), migrations()?, "{first}");
    let store = builder.home().databases.store()?;
    for table in ["sb_meta", "sb_device", "sb_sync_session", "sb_lockout"] {
        assert!(store.has_table(table).await?, "{table}");
    }
    let second = run(&builder, &["migrate"]).await?.well()?;
    assert_eq!(applied(&second), 0, "{second}");
    assert!(second.contains("is up to date"), "{second}");
    Ok(())
}

async fn migrations_that_start_together_take_turns(layout: Layout) -> Result {
    // whoever is first does it: a few rounds, as they may happen not to meet
    for _ in 0..3 {
        let builder = Builder::new(layout).await?;
        let migrate = || run(&builder, &["migrate"]);
        let (a, b, c, d) = tokio::join!(migrate(), migrate(), migrate(), migrate());
        let said: Vec<String> =
            [a, b, c, d].into_iter().map(|said| said.and_then(Said::well)).collect::<Result<_>>()?;
        let counts: Vec<usize> = said.iter().map(|said| applied(said)).collect();
        assert_eq!(counts.iter().sum::<usize>(), migrations()?, "each migration by one of them: {counts:?}");
    }
    Ok(())
}

async fn nodes_that_start_together_agree(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    // the two nodes of a machine share its keys, as two machines would after copying them
    let node = || Builder::at(builder.home()).start_unseeded();
    let (one, two) = tokio::join!(node(), node());
    let (one, two) = (one?, two?);
    run(&builder, &["seed"]).await?.well()?;
    // a code of the one is good at the other: both have the same hash keys
    let sid = one.sid(USER).await?;
    Phone::new()?.pair(&two, USER, &sid).await?;
    Ok(())
}

async fn one_connection_is_enough_to_migrate_and_serve(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("store.connections", 1);
    run(&builder, &["migrate"]).await?.well()?;
    let server = builder.start().await?;
    assert_eq!(server.http.get(server.url("/readyz")).send().await?.status(), 200);
    Ok(())
}

/// Leaves a store as a version before 0.1.0 began it.
async fn begin_as_before(store: &Store) -> Result {
    let table = "CREATE TABLE sb_migration (version INT NOT NULL PRIMARY KEY, name VARCHAR(255), \
                 applied_on VARCHAR(255), checksum VARCHAR(255))";
    store.commit(Change::new().run(table, Vec::new())).await?;
    let first = "INSERT INTO sb_migration (version, name, applied_on, checksum) VALUES (1, 'meta', '', '1')";
    Ok(store.commit(Change::new().run(first, Vec::new())).await?)
}

async fn a_store_of_before_is_refused_and_left_as_it_was(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    let store = builder.home().databases.store()?;
    begin_as_before(&store).await?;
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    for command in [&["migrate"][..], &["seed"], &serve, &["keys", "accept"], &["ledger", "verify"]] {
        let said = run(&builder, command).await?.refusal()?;
        assert!(said.contains("before 0.1.0") && said.contains("start with an empty one"), "{command:?}: {said}");
    }
    let said = run(&builder, &["doctor"]).await?;
    assert!(said.code == Some(1) && said.all().contains("before 0.1.0"), "{said:?}");
    assert!(!store.has_table("sb_message").await? && !store.has_table("sb_meta").await?);
    let marked = store.query("SELECT name FROM sb_migration", Vec::new()).await?;
    let marked: Vec<_> = marked.iter().filter_map(|row| row.text(0).ok()).collect();
    assert_eq!(marked, ["meta"]);
    Ok(())
}

on_both_engines!(
    a_store_of_before_is_refused_and_left_as_it_was,
    migrating_again_changes_nothing,
    migrations_that_start_together_take_turns,
    nodes_that_start_together_agree,
    one_connection_is_enough_to_migrate_and_serve,
);

const MESSAGE: &str = "INSERT INTO sb_message (id, client_id, account_id, direction, from_address, to_address, body, \
    state, encoding, segments, extra, created_ms, changed_ms) VALUES (X'00000000000000000000000000000001', \
    X'00000000000000000000000000000001', X'00000000000000000000000000000009', 'outbound', '1', '2', '', \
    'sent', 'gsm7', 1, '', 0, 0)";

/// Leaves a server's store as a start does that is cut short when so many migrations are recorded, and the next has run.
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
    let (url, undoable, mut tried) = (&home.databases.store_url, undoable()?, 0);
    for (column, write, take_back) in COLUMNS {
        let Some(place) = undoable.iter().position(|(_, text, _)| text.contains(column)) else { continue };
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
        tried += 1;
    }
    assert!(tried > 0, "no column is among what can be undone");
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

#[tokio::test]
async fn a_store_that_is_away_is_named_without_its_password() -> Result {
    let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let flag = format!("store.url=mysql://user:hush@{closed}/store");
    let place = Place::new()?;
    for command in ["migrate", "seed"] {
        let said = place.run(&[command, "--set", &flag]).await?;
        assert!(!said.all().contains("hush"), "{said:?}");
        let said = said.refusal()?;
        assert!(said.contains("away") && said.contains("refused"), "{said}");
    }
    let said = place.run(&["serve", "--listen", "127.0.0.1:0", "--set", &flag]).await?;
    assert!(!said.all().contains("hush"), "{said:?}");
    let said = said.refusal()?;
    assert!(said.contains(&format!("mysql://user:***@{closed}/store")) && said.contains("away"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_as_it_was() -> Result {
    let place = Place::new()?;
    let text = "this is a letter, and not a database of any kind\n".repeat(30);
    place.write("letter.txt", &text)?;
    let said = place.run(&["migrate", "--set", "store.url=sqlite:letter.txt"]).await?.refusal()?;
    assert!(said.contains("not a database"), "{said}");
    assert_eq!(std::fs::read_to_string(place.path("letter.txt"))?, text);
    let said = place.run(&["migrate", "--set", "store.url=sqlite:/proc/none/store.db"]).await?.refusal()?;
    assert!(said.contains("/proc/none"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_development_store_of_before_is_moved_aside() -> Result {
    let (place, name) = (Place::new()?, "switchboard.db");
    let aside = place.path("switchboard.db.before-0.1.0");
    let flag = format!("store.url=sqlite:{}", place.path(name).display());
    let old = rusqlite::Connection::open(place.path(name))?;
    old.execute_batch(
        "CREATE TABLE sb_migration (version INT NOT NULL PRIMARY KEY, name VARCHAR(255)); \
         INSERT INTO sb_migration (version, name) VALUES (1, 'meta')",
    )?;
    drop(old);
    place.run(&["seed", "--set", &flag]).await?.refusal()?;
    assert!(!aside.exists());
    let said = place.run(&["seed", "--set-aside", "--set", &flag]).await?.well()?;
    assert!(said.contains("before 0.1.0") && said.contains("switchboard.db.before-0.1.0"), "{said}");
    let first = |path: std::path::PathBuf| {
        let connection = rusqlite::Connection::open(path)?;
        connection.query_row("SELECT name FROM sb_migration WHERE version = 1", [], |row| row.get::<_, String>(0))
    };
    assert_eq!((first(aside)?.as_str(), first(place.path(name))?.as_str()), ("meta", "message"));
    let again = place.run(&["seed", "--set-aside", "--set", &flag]).await?.well()?;
    assert!(!again.contains("before 0.1.0"), "{again}");
    Ok(())
}
