//! What was redacted is not to be read in the files of an embedded store, and its journal does not stay large.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use crate::events::well;
use crate::harness::{Carrier, Layout, Result, Server, until};
use crate::messages::{builder, drained, in_state, person, ready, send_id, sms};
use crate::operations::command::run;

const JOURNAL: u64 = 16 << 20;

/// Which of the store's files hold a text.
fn holding(server: &Server, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["store.db", "store.db-wal"] {
        let bytes = std::fs::read(server.builder().path(name)).unwrap_or_default();
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(name.to_owned());
        }
    }
    found
}

fn journal(server: &Server) -> u64 {
    std::fs::metadata(server.builder().path("store.db-wal")).map_or(0, |meta| meta.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_redacted_is_in_no_file() -> Result {
    let carrier = Carrier::start().await?;
    let (mut server, _) = ready(builder(Layout::SqliteShared, &carrier).await?).await?;
    let mut ids = Vec::new();
    for number in 0..40 {
        // some are too long for one page
        let said = format!("never to be read again {}", "and so on ".repeat(number * 4 % 150));
        ids.push(send_id(&server, sms(&person(number % 5), said.trim(), json!({}))).await?);
    }
    for id in &ids {
        in_state(&server, id, "sent").await?;
    }
    drained(&server).await?;
    ensure!(!holding(&server, "never to be read again").is_empty(), "the texts are nowhere");
    let reader = rusqlite::Connection::open(server.builder().path("store.db"))?;
    reader.execute_batch("BEGIN")?;
    reader.query_row("SELECT COUNT(*) FROM sb_message", [], |row| row.get::<_, i64>(0))?;
    for id in &ids {
        well(&server, "PATCH", &format!("/v1/messages/{id}"), Some(json!({"body": ""}))).await?;
    }
    let said = run(server.builder(), &["doctor"]).await?.out;
    ensure!(said.contains("another program has begun to read"), "{said}");
    reader.execute_batch("ROLLBACK")?;
    let gone = async || Ok(holding(&server, "never to be read again").is_empty().then_some(()));
    until("texts that are in no file", gone).await?;
    let said = run(server.builder(), &["doctor"]).await?.out;
    ensure!(!said.contains("another program has begun to read"), "{said}");
    // it grows, and shrinks again
    reader.execute_batch(
        "PRAGMA wal_autocheckpoint = 0; CREATE TABLE large (x BLOB); INSERT INTO large VALUES (zeroblob(40000000)); \
         DROP TABLE large; PRAGMA wal_checkpoint(PASSIVE)",
    )?;
    ensure!(journal(&server) > JOURNAL, "the journal has not grown: {}", journal(&server));
    let shrinks = async || {
        send_id(&server, sms(&person(1), "another", json!({}))).await?;
        Ok((journal(&server) <= JOURNAL).then_some(()))
    };
    until("a journal that is cut", shrinks).await?;
    drained(&server).await?;
    server.signal("TERM")?;
    ensure!(server.ended(Duration::from_secs(60)).await?.success());
    assert_eq!(journal(&server), 0, "after a clean stop");
    Ok(())
}
