//! Codes that have failed at their carrier: which way they go then.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::scene::{VERIFICATIONS, texts};
use crate::events::text;
use crate::harness::{Carrier, Layout, Result, until};
use crate::messages::{FROM, TO, account, bodies, builder, number};
use crate::on_both_engines;
use crate::relay::route::{loopback, route};
use crate::relay::scene::{act, act_well, customer};

const OUT: &str = "+14155550101";

/// What failed goes by another account; but no other number gets round an opt-out that a carrier tells of.
async fn a_resend_takes_another_way_and_gets_round_nobody(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = builder(layout, &carrier).await?.start().await?;
    let (first, second) = (account(&server, json!({})).await?, loopback(&server).await?);
    number(&server, &first, FROM, json!({})).await?;
    number(&server, &second, "+15005550101", json!({})).await?;
    route(&server, 1, ".*", &first).await?;
    route(&server, 2, ".*", &second).await?;
    let client = customer(&server, "10", json!({})).await?;
    let resent = async |to: &str, code: i64| -> Result<(u16, Value)> {
        carrier.behave(json!({"to": to, "times": 1, "do": "refuse", "code": code})).await?;
        let made = act_well(&server, &client, "POST", VERIFICATIONS, Some(json!({ "to": to }))).await?;
        until("its failure", async || {
            let sql = format!("SELECT number FROM sb_verification_send WHERE address = '{to}' AND failed_ms > 0");
            Ok((!server.rows(sql).await?.is_empty()).then_some(()))
        })
        .await?;
        let path = format!("{VERIFICATIONS}/{}/resend", text(&made["id"])?);
        act(&server, &client, "POST", &path, Some(json!({}))).await
    };
    let (status, answer) = resent(TO, 30007).await?;
    ensure!(status == 200, "{status} {answer}");
    ensure!(texts(&server, TO).await?.len() == 1, "it went by the other account");
    let (status, answer) = resent(OUT, 21610).await?;
    let detail = answer["detail"].as_str().context("no detail")?;
    ensure!(status == 403 && detail.contains("opted out"), "{status} {answer}");
    ensure!(texts(&server, OUT).await?.is_empty() && bodies(&carrier, OUT).await?.is_empty());
    Ok(())
}

on_both_engines!(a_resend_takes_another_way_and_gets_round_nobody);
