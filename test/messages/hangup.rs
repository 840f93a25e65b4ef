//! A caller who hangs up while its message is being written: it is sent all the same, and at once.

use std::time::Duration;

use serde_json::json;

use super::{TO, builder, copies, ready, sms};
use crate::harness::{ADMIN, Carrier, LONG, Layout, Result, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_caller_hangs_up_does_not_wait_for_its_lease() -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(Layout::SqliteShared, &carrier).await?.set("outbox.lease", "1h")).await?;
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let path = server.builder().path("store.db");
    let holder = tokio::task::spawn_blocking(move || -> Result {
        let other = rusqlite::Connection::open(path)?;
        other.busy_timeout(Duration::from_secs(5))?;
        other.execute_batch("BEGIN IMMEDIATE")?;
        let _ = locked.send(());
        let _ = held.recv_timeout(LONG);
        Ok(other.execute_batch("ROLLBACK")?)
    });
    is_locked.await?;
    let request = server.http.post(server.url("/v1/messages")).bearer_auth(ADMIN).timeout(Duration::from_millis(500));
    let answer = request.body(sms(TO, "gone", json!({})).to_string()).send().await;
    assert!(answer.is_err_and(|error| error.is_timeout()), "the store was to be locked");
    // the server sees the end of the connection before the commit
    tokio::time::sleep(Duration::from_millis(300)).await;
    release.send(())?;
    holder.await??;
    until("the message at its carrier", async || Ok(copies(&carrier)?.contains_key("gone").then_some(()))).await?;
    assert_eq!(copies(&carrier)?["gone"], 1);
    Ok(())
}
