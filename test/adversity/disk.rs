//! A disk that is full: what cannot be stored is refused, what was accepted is there, and service resumes with room.
//!
//! A limit on the size of files stands for the disk: it takes no rights to set, and goes as it came.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::events::{call, text};
use crate::harness::{ADMIN, Carrier, Layout, Result, Server, until};
use crate::messages::{builder, copies, drained, person, ready, sms};

/// Bytes of a file at most, for this process from now on.
fn limit_files(server: &Server, bytes: &str) -> Result {
    let soft = format!("--fsize={bytes}:");
    let set = Command::new("prlimit").args(["--pid", &server.pid().to_string(), &soft]).status()?;
    ensure!(set.success(), "prlimit");
    Ok(())
}

/// Leaves room for two megabytes more.
fn fill(server: &Server) -> Result {
    let size = |name| std::fs::metadata(server.builder().path(name)).map_or(0, |found| found.len());
    let largest = size("store.db").max(size("store.db-wal"));
    limit_files(server, &(largest + 2 * 1024 * 1024).to_string())
}

/// Posts under a key of its own; the message where it was accepted.
async fn post(server: &Server, count: usize) -> Result<Option<Value>> {
    let body = sms(&person(count % 7), &format!("{count}"), json!({})).to_string();
    let request = server.http.post(server.url("/v1/messages")).bearer_auth(ADMIN);
    let response = request.header("idempotency-key", format!("m{count}")).body(body).send().await?;
    match response.status().as_u16() {
        202 => return Ok(Some(response.json().await?)),
        503 => ensure!(response.headers().contains_key("retry-after"), "503 without Retry-After"),
        other => anyhow::bail!("{other}: {}", response.text().await?),
    }
    Ok(None)
}

/// Posts until there is no room; the ids of what was accepted.
async fn until_full(server: &Server, count: &mut usize) -> Result<BTreeSet<String>> {
    let (begun, mut accepted) = (Instant::now(), BTreeSet::new());
    while let Some(message) = post(server, *count).await? {
        accepted.insert(text(&message["id"])?);
        *count += 1;
        ensure!(begun.elapsed() < Duration::from_secs(60), "the disk does not fill up");
    }
    ensure!(accepted.len() > 3, "full at once");
    Ok(accepted)
}

/// Probes are told so too, while nothing is written and when something is again.
async fn readyz(server: &Server, wanted: u16) -> Result {
    until("probes that are told", async || {
        let status = server.http.get(server.url("/readyz")).send().await?.status();
        Ok((status == wanted).then_some(()))
    })
    .await
}

async fn fills_up(is_killed: bool) -> Result {
    let carrier = Carrier::start().await?;
    // the limit kills who does not ignore its signal
    let small = builder(Layout::SqliteShared, &carrier).await?.set("log.level", "warn").before("trap '' XFSZ");
    let (mut server, _) = ready(small).await?;
    let mut count = 0;
    fill(&server)?;
    let mut accepted = until_full(&server, &mut count).await?;
    // not a page more, however little is written; and what is there can be read
    limit_files(&server, "4096")?;
    for _ in 0..5 {
        ensure!(post(&server, count).await?.is_none(), "accepted without room");
        let (status, _) = call(&server, "POST", "/v1/endpoints", Some(json!({"url": "https://example.com/"}))).await?;
        assert_eq!(status, 503);
    }
    readyz(&server, 503).await?;
    for id in &accepted {
        assert_eq!(call(&server, "GET", &format!("/v1/messages/{id}"), None).await?.0, 200);
    }
    if is_killed {
        server = server.restart().await?;
    } else {
        limit_files(&server, "unlimited")?;
    }
    let resumed = async || post(&server, count).await;
    accepted.insert(text(&until("service with room", resumed).await?["id"])?);
    readyz(&server, 200).await?;
    drained(&server).await?;
    let stored: BTreeSet<String> = server
        .rows("SELECT id FROM sb_message WHERE state IN ('sent', 'delivered')")
        .await?
        .concat()
        .into_iter()
        .map(|id| format!("msg_{id}"))
        .collect();
    let lost: Vec<_> = accepted.difference(&stored).collect();
    let copies = copies(&carrier)?;
    let twice: Vec<_> = copies.iter().filter(|(_, count)| **count > 1).collect();
    println!("{} accepted before and after a full disk, {} lost, {} twice", accepted.len(), lost.len(), twice.len());
    assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}");
    assert_eq!(copies.len(), count + 1, "each text was sent");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_until_there_is_room() -> Result {
    fills_up(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_on_a_disk_that_filled_up_survives_a_kill() -> Result {
    fills_up(true).await
}
