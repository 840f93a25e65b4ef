//! A paid request that comes again, while the first is under way or later, is one message and one charge.

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::books::{closed, known, quiet};
use super::{Client, client, loopback};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::on_both_engines;

const ROUNDS: usize = 10;
const AT_ONCE: usize = 8;

/// Posts under a name: status, whether it is a repeat's answer, and the answer.
async fn ask(node: &Server, client: &Client, name: &str, body: &Value) -> Result<(u16, bool, Value)> {
    let request = node.http.post(node.url("/v1/messages")).bearer_auth(&client.key).header("idempotency-key", name);
    let answer = request.body(body.to_string()).send().await?;
    let (status, is_repeat) = (answer.status().as_u16(), answer.headers().contains_key("idempotent-replayed"));
    Ok((status, is_repeat, answer.json().await?))
}

/// There is money for one at a time: a repeat that asked for more would be refused.
async fn repeats_are_paid_for_once(nodes: &[&Server]) -> Result {
    let server = nodes[0];
    loopback(server).await?;
    let client = client(server, "0").await?;
    for node in nodes {
        known(node, &client).await?;
    }
    let ledger = format!("/v1/clients/{}/ledger", client.id);
    for round in 0..ROUNDS {
        well(server, "POST", &ledger, Some(json!({"set": "0.0075", "reason": "a test"}))).await?;
        let (name, to) = (format!("order {round}"), format!("+1415555{round:04}"));
        let body = json!({"to": to, "from": "+15005550006", "body": "x"});
        let (name, body, client) = (name.as_str(), &body, &client);
        let posts = (0..AT_ONCE).map(|count| async move {
            let node = nodes[count % nodes.len()];
            // who gets into another's way for too long is told to come again
            loop {
                let told = ask(node, client, name, body).await?;
                if told.0 != 503 {
                    return anyhow::Ok(told);
                }
            }
        });
        let told = try_join_all(posts).await?;
        ensure!(told.iter().all(|(status, _, one)| *status == 202 && one["id"] == told[0].2["id"]), "{told:?}");
        ensure!(told.iter().filter(|(_, is_repeat, _)| !is_repeat).count() == 1, "{told:?}");
        // nothing is left, and it is answered all the same
        let (status, is_repeat, again) = ask(server, client, name, body).await?;
        ensure!(status == 202 && is_repeat && again["id"] == told[0].2["id"], "{status} {again}");
        let other = json!({"to": to, "from": "+15005550006", "body": "another"});
        let (status, _, refused) = ask(server, client, name, &other).await?;
        ensure!(status == 409, "{status} {refused}");
    }
    quiet(server).await?;
    let bought = closed(server, &client, "0.075").await?;
    ensure!(bought.len() == ROUNDS, "{bought:?}");
    // what has failed since is not charged again by a repeat
    well(server, "POST", &ledger, Some(json!({"set": "0.0075", "reason": "a test"}))).await?;
    let body = json!({"to": "+15005550001", "from": "+15005550006", "body": "x"});
    let (status, _, first) = ask(server, &client, "in vain", &body).await?;
    ensure!(status == 202, "{status} {first}");
    crate::harness::until("its refund", async || {
        let path = format!("/v1/clients/{}", client.id);
        let (_, now) = call(server, "GET", &path, None).await?;
        Ok((now["balance"] == "0.0075").then_some(()))
    })
    .await?;
    let (status, is_repeat, again) = ask(nodes[nodes.len() - 1], &client, "in vain", &body).await?;
    ensure!(status == 202 && is_repeat && text(&again["id"])? == text(&first["id"])?, "{status} {again}");
    quiet(server).await?;
    closed(server, &client, "0.0825").await.map(drop)
}

async fn on_one_node(layout: Layout) -> Result {
    repeats_are_paid_for_once(&[&Server::start(layout).await?]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_two_nodes() -> Result {
    let one = Server::start(Layout::MariadbShared).await?;
    let other = Builder::at(one.home()).start_unseeded().await?;
    repeats_are_paid_for_once(&[&one, &other]).await
}

on_both_engines!(on_one_node);
