//! `switchboard migrate`: again, together, and where it cannot.

use std::net::TcpListener;

use mysql_async::Opts;
use switchboard::store::{Change, Store};

use super::command::{Place, Said, run};
use crate::harness::database::mariadb;
use crate::harness::{Builder, Layout, Phone, Result, USER};
use crate::on_both_engines;

/// How many migrations there are.
pub fn migrations() -> Result<usize> {
    let folder = crate::harness::server::root().join("src/store/migrations");
    Ok(std::fs::read_dir(folder)?.count())
}

pub fn applied(said: &str) -> usize {
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
