//! Low balances: each fall is told of, however soon it is made up for.

use anyhow::ensure;
use serde_json::json;
use switchboard::model::rfc3339;

use super::client::now_ms;
use super::scene::{act_well, balance, customer, everything, tamper, text_to};
use crate::events::well;
use crate::harness::{Layout, Result, Server, until};
use crate::on_both_engines;

const TO: &str = "+14155550100";

/// So many events of a low balance.
async fn told(server: &Server, count: usize) -> Result {
    until(&format!("{count} events of a low balance"), async || {
        let rows = server.rows("SELECT COUNT(*) FROM sb_event WHERE type = 'balance.low'").await?.concat();
        ensure!(rows[0].parse::<usize>()? <= count, "{rows:?}, not {count}");
        Ok((rows == [count.to_string()]).then_some(()))
    })
    .await
}

async fn listening(server: &Server, set: serde_json::Value) -> Result<String> {
    everything(server).await?;
    let client = customer(server, "5", set).await?;
    act_well(server, &client, "POST", "/v1/endpoints", Some(json!({"url": "https://example.com/"}))).await?;
    Ok(client)
}

async fn a_refund_arms_it_again_at_once(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = listening(&server, json!({"low_at": "5"})).await?;
    let later = json!({"send_at": rfc3339(now_ms() + 600_000)});
    for round in 1..4 {
        let id = text_to(&server, &client, TO, later.clone()).await?;
        told(&server, round).await?;
        // canceled, it is given back: the balance is where it was
        act_well(&server, &client, "DELETE", &format!("/v1/messages/{id}"), None).await?;
        assert_eq!(balance(&server, &client).await?, "5.0000");
    }
    Ok(())
}

on_both_engines!(a_refund_arms_it_again_at_once);

#[tokio::test(flavor = "multi_thread")]
async fn a_fall_that_was_made_up_for_before_it_was_told_is_told() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let client = listening(&server, json!({"low_at": "1"})).await?;
    let entries = format!("/v1/clients/{client}/ledger");
    let adjust = async |amount: &str| -> Result {
        let posting = json!({"kind": "adjustment", "amount": amount, "reason": "test"});
        well(&server, "POST", &entries, Some(posting)).await.map(drop)
    };
    tamper(
        &server,
        "CREATE TRIGGER mute BEFORE INSERT ON sb_event WHEN NEW.type = 'balance.low' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    .await?;
    adjust("-4.5").await?;
    adjust("4.5").await?;
    told(&server, 0).await?;
    tamper(&server, "DROP TRIGGER mute").await?;
    // the next charge finds what was left, though the balance is not low now
    text_to(&server, &client, TO, json!({})).await?;
    told(&server, 1).await?;
    // and it is armed: the next fall is another
    adjust("-4.5").await?;
    told(&server, 2).await
}
