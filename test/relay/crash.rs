//! kill -9 under load: every text that was answered is paid for once, and what failed is given back.

use std::time::Duration;

use anyhow::{bail, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Client, balance, client, loopback, verified};
use crate::harness::{Builder, Layout, Result, Server};
use crate::messages::drained;
use crate::on_both_engines;

const SENDERS: usize = 8;
const MONEY: &str = "1000";

/// `make soak` asks for more.
fn rounds() -> usize {
    std::env::var("SWITCHBOARD_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

/// Sends one after the other until the server is gone, a third of them to who cannot be reached; the SIDs.
/// Whatever is answered must be an answer that is meant.
fn load(server: &Server, client: &Client, sender: usize) -> impl Future<Output = Result<Vec<String>>> + use<> {
    let (http, url, key) = (server.http.clone(), server.url("/relay/sms"), client.key.clone());
    async move {
        let mut accepted = Vec::new();
        for count in 0..60 {
            let to = if count % 3 == 0 { "+15005550012".to_owned() } else { format!("+1415{sender:02}{count:05}") };
            let body = json!({"To": to, "From": format!("+150055501{sender:02}"), "Body": format!("{count}")});
            let request = http.post(&url).header("x-proxy-auth", &key).body(body.to_string());
            let Ok(response) = request.send().await else { break };
            match response.status().as_u16() {
                200 => {
                    let Ok(told) = response.json::<serde_json::Value>().await else { break };
                    accepted.extend(told["sid"].as_str().map(str::to_owned));
                }
                402 | 503 => {}
                other => bail!("{other}: {}", response.text().await.unwrap_or_default()),
            }
        }
        Ok(accepted)
    }
}

async fn a_kill_leaves_the_books_in_order(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    // a dead node's leases end by themselves on a server
    let builder = builder.set("outbox.lease", "4s").set("outbox.call_timeout", "1s").set("outbox.poll_every", "20ms");
    let builder = builder.set("outbox.look_up_after", "300ms,600ms,900ms");
    let mut server = builder.start().await?;
    loopback(&server).await?;
    let client = client(&server, MONEY).await?;
    let mut accepted = Vec::new();
    for _ in 0..rounds() {
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            senders.spawn(load(&server, &client, sender));
        }
        tokio::time::sleep(Duration::from_millis(200 + rand::random::<u64>() % 600)).await;
        server.kill()?;
        for answered in senders.join_all().await {
            accepted.extend(answered?);
        }
        // as they stand at the kill, whatever is under way
        verified(&Builder::at(server.home())).await?;
        server = server.restart().await?;
    }
    drained(&server).await?;
    verified(&Builder::at(server.home())).await?;
    let debits = server.rows("SELECT message_id FROM sb_ledger WHERE kind = 'debit'").await?.concat();
    let unpaid: Vec<_> = accepted.iter().filter(|sid| !debits.contains(&sid[2..].to_owned())).collect();
    let refunds = server.rows("SELECT message_id FROM sb_ledger WHERE kind = 'refund'").await?.len();
    let left = balance(&server, &client).await?;
    println!(
        "{} kills: {} answered, {} paid for, {refunds} given back, {left} left",
        rounds(),
        accepted.len(),
        debits.len()
    );
    ensure!(unpaid.is_empty(), "answered, but not paid for: {unpaid:?}");
    ensure!(!accepted.is_empty() && debits.len() >= accepted.len(), "{} of {}", debits.len(), accepted.len());
    let micros = 1_000_000_000 - 7_500 * i64::try_from(debits.len() - refunds)?;
    let wanted = switchboard::model::Money::from_micros(micros).to_string();
    ensure!(left == wanted, "{left} left, {wanted} wanted");
    Ok(())
}

on_both_engines!(a_kill_leaves_the_books_in_order);
