//! Rates that begin and end while messages are sent: each costs what was in force when it was accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use switchboard::model::rfc3339;

use super::books::{closed, quiet};
use super::client::{By, ask, now_ms};
use super::{client, loopback};
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::messages::schedule::in_time;
use crate::on_both_engines;

/// A price, and when it is in force: from, and until, in milliseconds from the beginning.
const PRICES: [(&str, i64, i64); 4] =
    [("0.0075", 0, 1500), ("0.0100", 1500, 2500), ("0.0200", 2500, 3500), ("0.0075", 3500, i64::MAX)];
/// How long messages are sent.
const LAST: i64 = 4200;

async fn a_rate_begins_and_ends_under_way(nodes: &[&Server]) -> Result {
    let server = nodes[0];
    loopback(server).await?;
    let client = client(server, "100").await?;
    for node in nodes {
        super::books::known(node, &client).await?;
    }
    let began = now_ms();
    let at = |after: i64| rfc3339(began + after);
    // the second begins while the first is in force, and is the newer: both end at once
    for (price, from, until) in [("0.01", 1500, 3500), ("0.02", 2500, 3500)] {
        let rate = json!({"channel": "sms", "prefix": "1", "price": price, "from": at(from), "until": at(until)});
        well(server, "POST", "/v1/rates", Some(rate)).await?;
    }
    let buy = async |node: &Server, set: Value| -> Result<(i64, String, i64)> {
        let body = crate::messages::with(json!({"from": "+15005550006", "body": "x"}), set);
        let before = now_ms() - began;
        let (status, _, told) = ask(node, By::Proxy(&client.key), "POST", "/v1/messages", Some(body)).await?;
        ensure!(status == 202, "{status} {told}");
        Ok((before, text(&told["cost"])?, now_ms() - began))
    };
    // it leaves when another price is in force, and costs this one
    let later = json!({"to": "+14155550199", "send_at": in_time(Duration::from_millis(2000))?});
    assert_eq!(buy(server, later).await?.1, "0.0075");
    let send = async |sender: usize| -> Result<Vec<(i64, String, i64)>> {
        let mut told = Vec::new();
        while now_ms() - began < LAST {
            // one of four is given back: as much as it cost
            let to = if told.len().is_multiple_of(4) { "+15005550012" } else { "+14155550100" };
            told.push(buy(nodes[sender % nodes.len()], json!({"to": to})).await?);
        }
        Ok(told)
    };
    let told = try_join_all((0..4).map(send)).await?.concat();
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    for (before, cost, after) in &told {
        let in_force = |price: &usize| PRICES[*price].1 <= *after && *before < PRICES[*price].2;
        let possible: Vec<usize> = (0..PRICES.len()).filter(in_force).collect();
        let found = possible.iter().find(|price| PRICES[**price].0 == cost);
        let found = found.with_context(|| format!("{cost} between {before} and {after}"))?;
        if possible.len() == 1 {
            *seen.entry(*found).or_default() += 1;
        }
    }
    println!("{} messages, by price {seen:?}", told.len());
    ensure!(seen.len() == PRICES.len(), "not every price was asked for: {seen:?}");
    quiet(server).await?;
    crate::harness::until("all receipts", async || {
        let open = "SELECT COUNT(*) FROM sb_message WHERE state = 'sent'";
        Ok((server.rows(open).await?.concat() == ["0"]).then_some(()))
    })
    .await?;
    let bought = closed(server, &client, "100").await?;
    ensure!(bought.len() == told.len() + 1, "{} of {}", bought.len(), told.len());
    Ok(())
}

async fn on_one_node(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("outbox.poll_every", "20ms").start().await?;
    a_rate_begins_and_ends_under_way(&[&server]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_two_nodes() -> Result {
    let one = Builder::new(Layout::MariadbShared).await?.set("outbox.poll_every", "20ms").start().await?;
    let other = one.builder().clone().start_unseeded().await?;
    a_rate_begins_and_ends_under_way(&[&one, &other]).await
}

on_both_engines!(on_one_node);
