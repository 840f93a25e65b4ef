//! An embedded user database that is another program's: it has to be there, and stays as it is.

use anyhow::ensure;
use rusqlite::Connection;

use super::command::{Place, run};
use crate::harness::{Builder, Layout, Phone, Result, Server, USER};

/// A user database as another program keeps it, in a journal mode of its choice.
async fn foreign(journal: &str) -> Result<Builder> {
    let builder = Builder::new(Layout::SqliteSeparate).await?;
    run(&builder, &["seed"]).await?.well()?;
    let own = Connection::open(builder.path("backend.db"))?;
    let mode: String = own.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |row| row.get(0))?;
    ensure!(mode == journal, "{mode}");
    Ok(builder)
}

async fn pairs(server: &Server, user: &str) -> Result {
    Phone::new()?.pair(server, user, &server.sid(user).await?).await.map(drop)
}

/// A user that the other program adds while we read.
fn add_user(builder: &Builder, id: &str) -> Result {
    let own = Connection::open(builder.path("backend.db"))?;
    own.busy_timeout(crate::harness::LONG)?;
    own.execute("INSERT INTO users (id, password) SELECT ?1, password FROM users WHERE id = ?2", [id, USER])?;
    let info = "INSERT INTO usersInfos (id, full_phone_number, status, userId) VALUES (77, ?1, 'verified', ?1)";
    own.execute(info, [id])?;
    Ok(())
}

fn tables(own: &Connection) -> Result<String> {
    Ok(own.query_row("SELECT GROUP_CONCAT(name) FROM sqlite_master", [], |row| row.get(0))?)
}

async fn is_left_as_it_is(journal: &str) -> Result {
    let builder = foreign(journal).await?;
    let file = builder.path("backend.db");
    let names = tables(&Connection::open(&file)?)?;
    let before = std::fs::read(&file)?;
    let server = builder.clone().start_unseeded().await?;
    pairs(&server, USER).await?;
    assert!(std::fs::read(&file)? == before, "its file was written");
    add_user(&builder, "new-here")?;
    pairs(&server, "new-here").await?;
    drop(server);
    // the other program may still do what wants the file for itself alone
    let own = Connection::open(&file)?;
    let mode: String = own.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    assert_eq!(mode, journal);
    own.execute_batch("VACUUM")?;
    assert_eq!(tables(&own)?, names, "tables of ours in it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_rollback_journal_it_is_left_as_it_is() -> Result {
    is_left_as_it_is("delete").await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_write_ahead_log_it_is_left_as_it_is() -> Result {
    is_left_as_it_is("wal").await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_there_stops_the_start_and_is_not_made() -> Result {
    let place = Place::new()?;
    let elsewhere = format!("backend.url=sqlite:{}", place.path("nowhere/users.db").display());
    let said = place.run(&["serve", "--listen", "127.0.0.1:0", "--set", &elsewhere]).await?.refusal()?;
    assert!(said.contains("backend.url") && said.contains("nowhere/users.db") && said.contains("no such"), "{said}");
    // what needs the store alone does not ask for it
    place.run(&["migrate", "--set", &elsewhere]).await?.well()?;
    assert!(!place.path("nowhere").exists());
    // a sample is made where it is asked for
    place.run(&["seed", "--set", &elsewhere]).await?.well()?;
    assert!(place.path("nowhere/users.db").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_makes_a_sample() -> Result {
    let server = Builder::new(Layout::SqliteSeparate).await?.dev().start_unseeded().await?;
    pairs(&server, USER).await
}
