//! Paid calls that are taken back, or ended, while their provider says how they end: given back once, or kept.

use std::time::Duration;

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;

use super::books::{closed, moment, quiet, tally};
use super::client::{By, ask, status};
use super::{client, loopback};
use crate::events::text;
use crate::harness::{Builder, Layout, Result, until};
use crate::on_both_engines;

/// Whom the loopback provider calls, and how messages of ours stand when nobody ends such a call.
const ENDS: [(&str, &str); 6] = [
    ("+15005550001", "failed"),
    ("+15005550011", "undelivered"),
    ("+15005550012", "failed"),
    // it lasts
    ("+15005550018", "sent"),
    ("+15005550020", "undelivered"),
    ("+14155550100", "delivered"),
];

async fn calls_are_paid_for_or_given_back(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("provider.loopback_latency", "50ms").set("outbox.poll_every", "20ms");
    let server = builder.start().await?;
    loopback(&server).await?;
    let client = client(&server, "10").await?;
    let one = async |count: usize| -> Result<(String, bool, &str)> {
        let (to, end) = ENDS[count % ENDS.len()];
        // two to a lane
        let body = json!({"to": to, "from": format!("+1500558{:04}", count % 60), "twiml": "<Response/>"});
        let (placed, _, told) = ask(&server, By::Proxy(&client.key), "POST", "/v1/calls", Some(body)).await?;
        ensure!(placed == 202, "{placed} {told}");
        let id = text(&told["id"])?;
        if (count / ENDS.len()).is_multiple_of(3) {
            return Ok((id, false, end));
        }
        moment(Duration::from_millis(1500)).await;
        let path = format!("/v1/calls/{id}");
        let hang_up = async || status(&server, By::Proxy(&client.key), "DELETE", &path).await;
        let told = tokio::join!(hang_up(), hang_up());
        let told = [told.0?, told.1?];
        ensure!(told.iter().all(|status| matches!(status, 200 | 409)), "{id}: {told:?}");
        Ok((id, told.contains(&200), end))
    };
    let told = try_join_all((0..120).map(one)).await?;
    quiet(&server).await?;
    let open = "SELECT COUNT(*) FROM sb_message WHERE state = 'sent' AND to_address <> '+15005550018'";
    until("all ends", async || Ok((server.rows(open).await?.concat() == ["0"]).then_some(()))).await?;
    quiet(&server).await?;
    let bought = closed(&server, &client, "10").await?;
    let ends = tally(&bought);
    println!("{ends:?}");
    for (id, was_ended, end) in told {
        let state = bought[id.trim_start_matches("call_")].state.as_str();
        // what was ended had begun, or never did, or was ending by itself
        let is_right = state == end || (was_ended && matches!(state, "canceled" | "delivered"));
        ensure!(is_right, "{id}: {state}, wanted {end}, {was_ended}");
    }
    ensure!(bought.values().all(|one| one.cost == 15_000), "a call costs what a call costs");
    // on a busy machine all may have begun before they are ended
    let all = ["delivered", "failed", "sent", "undelivered"];
    let seen: Vec<_> = ends.keys().copied().filter(|end| *end != "canceled").collect();
    ensure!(seen == all, "{ends:?}");
    Ok(())
}

on_both_engines!(calls_are_paid_for_or_given_back);
