//! kill -9 under load: what was answered with 202 leaves, once.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::{builder, copies, drained, in_state, person, ready, send_id, sms};
use crate::events::call;
use crate::harness::{ADMIN, Carrier, Layout, Result, Server};
use crate::on_both_engines;

const SENDERS: usize = 8;

/// `make soak` asks for more.
fn rounds() -> usize {
    std::env::var("SWITCHBOARD_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

/// Sends one after the other until the server is gone; what was answered with 202.
fn load(server: &Server, round: usize, sender: usize) -> impl Future<Output = Vec<String>> + use<> {
    let (http, url) = (server.http.clone(), server.url("/v1/messages"));
    async move {
        let mut accepted = Vec::new();
        // enough to be under load at the kill, and no more than can be sent afterwards
        for count in 0..60 {
            let body = format!("{round} {sender} {count}");
            let request = http.post(&url).bearer_auth(ADMIN).body(sms(&person(sender), &body, json!({})).to_string());
            match request.send().await {
                Ok(response) if response.status() == 202 => accepted.push(body),
                Ok(response) if response.status() == 503 => {}
                _ => break,
            }
        }
        accepted
    }
}

async fn a_kill_loses_and_doubles_nothing(layout: Layout) -> Result {
    let (twice, _) = kill(layout, "reconcile", rounds()).await?;
    assert!(twice.is_empty(), "twice {twice:?}");
    Ok(())
}

/// A carrier that is not asked what it has gets again what it may have: that, and nothing else.
async fn a_kill_doubles_only_what_was_in_flight(layout: Layout) -> Result {
    let (twice, in_doubt) = kill(layout, "resend", rounds().div_ceil(2)).await?;
    for body in &twice {
        assert!(in_doubt.contains(body), "{body} was sent twice, but no call of it was in doubt");
    }
    Ok(())
}

/// Kills a server under load, again and again: nothing is lost. What came twice, and what was in doubt.
async fn kill(layout: Layout, uncertain: &str, rounds: usize) -> Result<(Vec<String>, Vec<String>)> {
    let carrier = Carrier::start().await?;
    // a dead node's leases end by themselves on a server
    let short = builder(layout, &carrier).await?.set("outbox.lease", "4s").set("outbox.call_timeout", "1s");
    let (mut server, account) = ready(short).await?;
    let policy = json!({"uncertain": uncertain});
    crate::events::well(&server, "PATCH", &format!("/v1/accounts/{account}"), Some(policy)).await?;
    let mut accepted = Vec::new();
    for round in 0..rounds {
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            senders.spawn(load(&server, round, sender));
        }
        tokio::time::sleep(Duration::from_millis(200 + rand::random::<u64>() % 600)).await;
        server.kill()?;
        for answered in senders.join_all().await {
            accepted.extend(answered);
        }
        server = server.restart().await?;
        if round % 5 == 4 {
            drained(&server).await?;
        }
    }
    drained(&server).await?;
    let copies = copies(&carrier)?;
    let lost: Vec<_> = accepted.iter().filter(|body| !copies.contains_key(*body)).collect();
    let twice: Vec<_> = copies.iter().filter(|(_, count)| **count > 1).map(|(body, _)| body.clone()).collect();
    let asked = "SELECT m.body FROM sb_attempt a JOIN sb_message m ON m.id = a.message_id \
                 WHERE a.outcome IN ('uncertain', 'adopted')";
    let in_doubt: Vec<_> = server.rows(asked).await?.into_iter().map(|row| row.concat()).collect();
    println!(
        "{rounds} kills, then {uncertain}: {} accepted, {} at the carrier, {} calls in doubt, {} lost, {} twice",
        accepted.len(),
        copies.len(),
        in_doubt.len(),
        lost.len(),
        twice.len(),
    );
    assert!(lost.is_empty(), "lost {lost:?}");
    Ok((twice, in_doubt))
}

/// Nobody else serves the file: what a dead process held is free at the next start, whatever its lease.
#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_store_is_taken_over_at_once() -> Result {
    let carrier = Carrier::start().await?;
    let (mut server, account) = ready(builder(Layout::SqliteShared, &carrier).await?.set("outbox.lease", "1h")).await?;
    crate::events::well(&server, "PATCH", &format!("/v1/accounts/{account}"), Some(json!({"rate": 1}))).await?;
    let mut ids = Vec::new();
    for who in 0..5 {
        ids.push(send_id(&server, sms(&person(who), &format!("{who}"), json!({}))).await?);
    }
    server.kill()?;
    let server = server.restart().await?;
    for id in &ids {
        in_state(&server, id, "sent").await?;
    }
    assert!(copies(&carrier)?.into_values().all(|count| count == 1));
    // a process beside it finds that it is not alone, and leaves the leases of others as they are
    carrier.behave(json!({"hold_ms": 1500, "do": "accept"})).await?;
    let busy = send_id(&server, sms(&person(9), "9", json!({}))).await?;
    let beside = super::quick(crate::harness::Builder::at(server.home()), &carrier).start_unseeded().await?;
    let (status, _) = call(&beside, "GET", &format!("/v1/messages/{busy}"), None).await?;
    assert_eq!(status, 200);
    in_state(&beside, &busy, "sent").await?;
    assert_eq!(copies(&carrier)?["9"], 1);
    Ok(())
}

on_both_engines!(a_kill_loses_and_doubles_nothing, a_kill_doubles_only_what_was_in_flight);
