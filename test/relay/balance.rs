//! What a balance is for is spent, and no more: whoever races for the last of it.

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;

use super::{Client, balance, client, loopback, post, verified};
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::{drained, send_id};
use crate::on_both_engines;

/// Requests at once, and for how many of them there is money.
const REQUESTS: usize = 1000;
const PAID: usize = 600;

/// 600 segments at the usual price.
const MONEY: &str = "4.5000";

/// A thousand texts at once, by turns through each node: how many were accepted.
async fn rush(nodes: &[&Server], client: &Client) -> Result<usize> {
    let one = async |count: usize| -> Result<bool> {
        let node = nodes[count % nodes.len()];
        // other people, so that they share no lane
        let body = json!({"To": format!("+1415{count:07}"), "From": "+15005550006", "Body": format!("{count}")});
        loop {
            let (status, told) = post(node, &client.key, "/relay/api/sms", &body).await?;
            match status {
                200 => return Ok(true),
                402 => return Ok(false),
                // two nodes may get into each other's way for long
                503 => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                _ => anyhow::bail!("{status} {told}"),
            }
        }
    };
    let answers = try_join_all((0..REQUESTS).map(one)).await?;
    Ok(answers.into_iter().filter(|accepted| *accepted).count())
}

async fn a_thousand_requests_share_what_is_there_for_six_hundred(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    loopback(&server).await?;
    let client = client(&server, MONEY).await?;
    let accepted = rush(&[&server], &client).await?;
    ensure!(accepted == PAID, "{accepted} accepted");
    ensure!(balance(&server, &client).await? == "0.0000", "{}", balance(&server, &client).await?);
    drained(&server).await?;
    verified(&Builder::at(server.home())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn so_do_a_thousand_on_two_nodes() -> Result {
    let one = Server::start(Layout::MariadbShared).await?;
    loopback(&one).await?;
    let client = client(&one, MONEY).await?;
    let other = Builder::at(one.home()).start_unseeded().await?;
    // the other has heard of the client
    let knows = async || {
        let asked = other.http.get(other.url("/v1/messages")).bearer_auth(&client.key).send().await?;
        Ok((asked.status() == 200).then_some(()))
    };
    until("the other node to know the key", knows).await?;
    let accepted = rush(&[&one, &other], &client).await?;
    ensure!(accepted == PAID, "{accepted} accepted");
    ensure!(balance(&one, &client).await? == "0.0000", "{}", balance(&one, &client).await?);
    drained(&one).await?;
    verified(&Builder::at(one.home())).await
}

async fn a_text_is_paid_for_whole_or_not_sent(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    loopback(&server).await?;
    // eight segments' worth
    let client = client(&server, "0.0600").await?;
    let text_of =
        |segments: usize| json!({"To": "+14155550100", "From": "+15005550006", "Body": "x".repeat(153 * segments)});
    let (status, _) = post(&server, &client.key, "/relay/sms", &text_of(9)).await?;
    ensure!(status == 402 && balance(&server, &client).await? == "0.0600", "{status}");
    let (status, sent) = post(&server, &client.key, "/relay/sms", &text_of(8)).await?;
    ensure!(status == 200 && sent["cost"] == "0.0600" && sent["remaining_balance"] == "0.0000", "{status} {sent}");
    verified(&Builder::at(server.home())).await
}

async fn what_comes_to_nothing_is_given_back_once(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    loopback(&server).await?;
    let client = client(&server, "1").await?;
    // refused at once, undelivered and failed by receipt
    for to in ["+15005550001", "+15005550011", "+15005550012"] {
        let body = json!({"To": to, "From": "+15005550006", "Body": "x"});
        let (status, told) = post(&server, &client.key, "/relay/sms", &body).await?;
        ensure!(status == 200, "{status} {told}");
    }
    // taken back before it is due
    let scheduled = server.http.post(server.url("/v1/messages")).bearer_auth(&client.key);
    let at = crate::messages::schedule::in_time(std::time::Duration::from_secs(3600))?;
    let scheduled =
        scheduled.body(json!({"to": "+14155550100", "from": "+15005550006", "body": "x", "send_at": at}).to_string());
    let scheduled = scheduled.send().await?;
    ensure!(scheduled.status() == 202, "{}", scheduled.text().await?);
    let id = text(&scheduled.json::<serde_json::Value>().await?["id"])?;
    ensure!(balance(&server, &client).await? != "1.0000", "the scheduled text was not charged");
    let canceled =
        server.http.delete(server.url(&format!("/v1/messages/{id}"))).bearer_auth(&client.key).send().await?;
    ensure!(canceled.status() == 200, "{}", canceled.text().await?);
    let whole = async || Ok((balance(&server, &client).await? == "1.0000").then_some(()));
    until("all to be given back", whole).await?;
    let refunds = server.rows("SELECT COUNT(*) FROM sb_ledger WHERE kind = 'refund'").await?.concat();
    ensure!(refunds == ["4"], "{refunds:?}");
    verified(&Builder::at(server.home())).await
}

/// The operator sends on its own account: nothing is charged, and nobody's balance moves.
async fn the_operator_pays_nothing(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let number = json!({"number": "+15005550100", "account_id": account, "capabilities": ["sms"]});
    well(&server, "POST", "/v1/numbers", Some(number)).await?;
    let client = client(&server, "1").await?;
    send_id(&server, json!({"to": "+14155550100", "body": "x"})).await?;
    ensure!(balance(&server, &client).await? == "1.0000");
    ensure!(server.rows("SELECT id FROM sb_ledger WHERE kind = 'debit'").await?.is_empty(), "charged");
    Ok(())
}

on_both_engines!(
    a_thousand_requests_share_what_is_there_for_six_hundred,
    a_text_is_paid_for_whole_or_not_sent,
    what_comes_to_nothing_is_given_back_once,
    the_operator_pays_nothing,
);
