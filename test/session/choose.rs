//! Which number somebody gets.

use anyhow::ensure;
use serde_json::json;

use super::{SESSIONS, close, consistent, made, number_of, ours, pool, tried};
use crate::events::well;
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;
use crate::relay::scene::tamper;

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";
const CEM: &str = "+14155550103";

async fn a_person_has_a_number_for_each_session(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 3).await?;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(made(&server, &pool, &[ANN, BEN], json!({})).await?);
    }
    let mut numbers: Vec<String> = sessions.iter().map(|one| number_of(one, ANN)).collect::<Result<_>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    ensure!(numbers.len() == 3, "{numbers:?}");
    let (status, problem) = tried(&server, &pool, &[CEM, ANN]).await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(status == 409 && detail.contains(ANN) && detail.contains("open session on each"), "{status} {problem}");
    // nothing is left of what was refused, and anybody else goes on
    ensure!(server.rows("SELECT id FROM sb_session").await?.len() == 3);
    made(&server, &pool, &[CEM], json!({})).await?;
    close(&server, &sessions[1]).await?;
    let next = made(&server, &pool, &[ANN], json!({})).await?;
    ensure!(number_of(&next, ANN)? == number_of(&sessions[1], ANN)?, "the only one that is free");
    consistent(&server).await
}

async fn who_had_a_number_gets_it_again(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 12).await?;
    let first = made(&server, &pool, &[ANN, BEN], json!({})).await?;
    let number = number_of(&first, ANN)?;
    for _ in 0..4 {
        close(&server, &made(&server, &pool, &[CEM], json!({})).await?).await?;
    }
    close(&server, &first).await?;
    for _ in 0..4 {
        let again = made(&server, &pool, &[ANN], json!({})).await?;
        ensure!(number_of(&again, ANN)? == number);
        close(&server, &again).await?;
    }
    consistent(&server).await
}

/// What somebody let go a moment ago comes behind what they let go long ago.
async fn what_was_just_let_go_rests(layout: Layout) -> Result {
    const LONG_AGO: &str = "UPDATE sb_sticky SET ended_ms = 1 WHERE ended_ms IS NOT NULL \
         AND number_id IN (SELECT id FROM sb_number WHERE address = '+12125550000')";
    let server = Server::start(layout).await?;
    let pool = pool(&server, 2).await?;
    well(&server, "PATCH", &format!("/v1/pools/{pool}"), Some(json!({"choice": "avoid_sticky"}))).await?;
    for nth in 0..2 {
        let named = json!({"pool_id": pool, "participants": [{"address": ANN, "number": ours(nth)}]});
        let session = well(&server, "POST", SESSIONS, Some(named)).await?;
        close(&server, &session).await?;
    }
    for _ in 0..8 {
        tamper(&server, LONG_AGO).await?;
        let session = made(&server, &pool, &[ANN], json!({})).await?;
        ensure!(number_of(&session, ANN)? == ours(0), "{session}");
        close(&server, &session).await?;
    }
    // an order, never a refusal
    for _ in 0..2 {
        made(&server, &pool, &[ANN], json!({})).await?;
    }
    consistent(&server).await
}

/// Who has had more numbers than are looked at first is asked about number by number.
async fn who_has_many_sessions_gets_what_is_left(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 70).await?;
    let mut last = None;
    for _ in 0..70 {
        last = Some(made(&server, &pool, &[ANN], json!({})).await?);
    }
    let pairs = server.rows("SELECT number_id FROM sb_pair").await?;
    ensure!(pairs.len() == 70);
    ensure!(tried(&server, &pool, &[ANN]).await?.0 == 409);
    if let Some(last) = last {
        close(&server, &last).await?;
    }
    ensure!(tried(&server, &pool, &[ANN]).await?.0 == 201);
    consistent(&server).await
}

on_both_engines!(
    a_person_has_a_number_for_each_session,
    who_had_a_number_gets_it_again,
    what_was_just_let_go_rests,
    who_has_many_sessions_gets_what_is_left,
);
