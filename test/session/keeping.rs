//! What is kept of sessions that are over, and for how long.

use anyhow::ensure;
use serde_json::json;

use super::{close, consistent, made, path, pool};
use crate::events::{call, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::on_both_engines;

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";

async fn gone(server: &Server, sql: &'static str) -> Result {
    until(sql, async || Ok(server.rows(sql).await?.is_empty().then_some(()))).await
}

async fn what_is_over_is_removed_and_what_is_open_stays(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("retention.messages", "1s").set("retention.remove_every", "100ms");
    let server = builder.start().await?;
    let pool = pool(&server, 2).await?;
    let over = made(&server, &pool, &[ANN, BEN], json!({})).await?;
    let open = made(&server, &pool, &[ANN], json!({})).await?;
    close(&server, &over).await?;
    gone(&server, "SELECT id FROM sb_session WHERE closed_ms IS NOT NULL").await?;
    gone(&server, "SELECT person FROM sb_sticky WHERE ended_ms IS NOT NULL").await?;
    ensure!(call(&server, "GET", &path(&over)?, None).await?.0 == 404);
    let shown = well(&server, "GET", &path(&open)?, None).await?;
    ensure!(shown["participants"].as_array().is_some_and(|people| people.len() == 1), "{shown}");
    ensure!(server.rows("SELECT id FROM sb_participant").await?.len() == 1, "its people are gone with it");
    ensure!(server.rows("SELECT person FROM sb_sticky").await?.len() == 1, "it is remembered who has a number");
    consistent(&server).await
}

on_both_engines!(what_is_over_is_removed_and_what_is_open_stays);
