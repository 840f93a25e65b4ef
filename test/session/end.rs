//! Time ends sessions: their people are told once, and their numbers are free within the worker's tick.

use anyhow::ensure;
use serde_json::json;

use super::{SESSIONS, all_told, consistent, made, path, pool, tried};
use crate::events::{call, text, well};
use crate::harness::{Layout, Result, Server, until};
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::scene::tamper;

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";
const ENDED: &str = "SELECT id FROM sb_message WHERE body = 'It has ended.'";

async fn a_session_ends_when_its_time_is_over(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let set = json!({"ttl": "1h", "end_text": "It has ended.", "unique_name": "u"});
    let session = made(&server, &pool, &[ANN, BEN], set).await?;
    // the hour goes by
    tamper(&server, "UPDATE sb_session SET expires_ms = 1").await?;
    let closed = until("its end", async || {
        let shown = well(&server, "GET", &path(&session)?, None).await?;
        Ok((shown["state"] == "closed").then_some(shown))
    })
    .await?;
    ensure!(closed["reason"] == "expired" && closed["expires_at"].is_null(), "{closed}");
    until("the texts", async || Ok((server.rows(ENDED).await?.len() == 2).then_some(()))).await?;
    all_told(&server).await?;
    drained(&server).await?;
    ensure!(server.rows(ENDED).await?.len() == 2, "each is told once");
    ensure!(tried(&server, &pool, &[ANN, BEN]).await?.0 == 201, "its numbers are free");
    consistent(&server).await
}

/// Whoever needs a number does not wait for the worker, and no list has what is over.
async fn what_is_over_is_over_before_the_tick(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN], json!({"ttl": "1h", "unique_name": "u"})).await?;
    let id = text(&session["id"])?;
    tamper(&server, "UPDATE sb_session SET expires_ms = 1").await?;
    let listed = well(&server, "GET", &format!("{SESSIONS}?state=open"), None).await?;
    ensure!(!listed.to_string().contains(&id), "{listed}");
    made(&server, &pool, &[ANN], json!({"unique_name": "u"})).await?;
    let shown = well(&server, "GET", &path(&session)?, None).await?;
    ensure!(shown["state"] == "closed", "{shown}");
    consistent(&server).await
}

/// A node died between the end and its texts: another tells them, each once; where its clock was ahead, at once.
async fn what_a_crash_left_untold_is_told_once(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN, BEN], json!({"end_text": "It has ended."})).await?;
    ensure!(call(&server, "DELETE", &path(&session)?, None).await?.0 == 204);
    until("the texts", async || Ok((server.rows(ENDED).await?.len() == 2).then_some(()))).await?;
    all_told(&server).await?;
    for due in ["UPDATE sb_session SET tell_ms = 1", "UPDATE sb_session SET tell_ms = 9000000000000"] {
        // as it stands after a crash: told, and nobody knows
        tamper(&server, "DELETE FROM sb_interaction WHERE inbound_id IS NULL").await?;
        tamper(&server, due).await?;
        all_told(&server).await?;
        ensure!(server.rows(ENDED).await?.len() == 2, "nobody is told twice");
    }
    drained(&server).await?;
    consistent(&server).await
}

on_both_engines!(
    a_session_ends_when_its_time_is_over,
    what_is_over_is_over_before_the_tick,
    what_a_crash_left_untold_is_told_once,
);
