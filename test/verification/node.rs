//! Codes on two nodes over one store: one count of tries, one verification that is pending, one end.

use anyhow::ensure;
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::scene::{
    ANN, BEN, CODE, WRONG, asked, checked, checked_of, code_in, consistent, made, of_code, path, ready, shown, texts,
    verdict,
};
use crate::events::{call, well};
use crate::harness::{Builder, Layout, Result, Server, until};

/// How many are under way at once.
const AT_ONCE: usize = 40;

/// Two nodes over one store, of which the other lies where a day begins first.
async fn two() -> Result<[Server; 2]> {
    let builder = Builder::new(Layout::MariadbShared).await?.set("verification.max_sends", 40);
    let builder = builder.set("verification.limits.recipient_per_hour", 0);
    let builder = builder.set("verification.limits.recipient_per_day", 0);
    let one = ready(builder.clone()).await?;
    let other = builder.environment("TZ", "Pacific/Kiritimati").start_unseeded().await?;
    Ok([one, other])
}

/// Tries a code so often, at the nodes by turns: what came of each.
async fn tried(nodes: &[Server; 2], verification: &Value, code: &str, often: usize) -> Result<Vec<Value>> {
    let path = format!("{}/check", path(verification)?);
    let all = (0..often).map(|nth| well(&nodes[nth % 2], "POST", &path, Some(json!({ "code": code }))));
    futures_util::stream::iter(all).buffer_unordered(AT_ONCE).try_collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_both_nodes_use_up_the_tries_of_one() -> Result {
    let nodes = two().await?;
    let verification = of_code(&nodes[0], ANN).await?;
    let answers = tried(&nodes, &verification, WRONG, 200).await?;
    let count = |status: &str| answers.iter().filter(|answer| answer["status"] == status).count();
    ensure!((count("pending"), count("max_attempts_reached")) == (5, 195), "{} said wrong", count("pending"));
    for node in &nodes {
        let answer = checked(node, &verification, CODE).await?;
        ensure!(verdict("max_attempts_reached", false, 0)(&answer), "{answer}");
    }
    let tries = nodes[0].rows("SELECT tries FROM sb_verification").await?.concat();
    let failures = nodes[0].rows("SELECT failures FROM sb_verification_failure").await?.concat();
    ensure!(tries == ["5"] && failures == ["5"], "{tries:?} {failures:?}");
    consistent(&nodes[0]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_at_both_nodes_opens_once() -> Result {
    let nodes = two().await?;
    let verification = of_code(&nodes[1], ANN).await?;
    let answers = tried(&nodes, &verification, CODE, 40).await?;
    ensure!(answers.iter().filter(|answer| answer["valid"] == true).count() == 1, "{answers:?}");
    ensure!(answers.iter().all(|answer| answer["status"] == "approved"), "{answers:?}");
    let sequence = nodes[0].rows("SELECT sequence FROM sb_verification").await?.concat();
    ensure!(sequence == ["2"], "it was told once: {sequence:?}");
    consistent(&nodes[0]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_pending_whichever_node_is_asked() -> Result {
    let nodes = two().await?;
    let answers = try_join_all((0..20).map(|nth| asked(&nodes[nth % 2], ANN, json!({})))).await?;
    ensure!(answers.iter().all(|(status, one)| *status == 201 && one["id"] == answers[0].1["id"]), "{answers:?}");
    let one = &answers[0].1;
    for node in &nodes {
        ensure!(shown(node, one).await?["sends"] == 20);
    }
    let told = texts(&nodes[0], ANN).await?;
    let told = [told, texts(&nodes[1], ANN).await?].concat();
    ensure!(!told.is_empty() && told.iter().all(|text| code_in(text) == code_in(&told[0])), "{told:?}");
    let (status, answer) = checked_of(&nodes[1], ANN, &code_in(&told[0])).await?;
    ensure!(status == 200 && answer["valid"] == true, "{status} {answer}");
    consistent(&nodes[0]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_canceled_at_one_node_or_opened_at_the_other() -> Result {
    let nodes = two().await?;
    for _ in 0..10 {
        let verification = of_code(&nodes[0], ANN).await?;
        let path = path(&verification)?;
        let (opened, canceled) =
            tokio::join!(checked(&nodes[0], &verification, CODE), call(&nodes[1], "DELETE", &path, None));
        let (opened, (status, _)) = (opened?, canceled?);
        ensure!((opened["valid"] == true) != (status == 200), "{opened} {status}");
        let wanted = if status == 200 { "canceled" } else { "approved" };
        for node in &nodes {
            ensure!(shown(node, &verification).await?["status"] == wanted, "{opened} {status}");
        }
    }
    consistent(&nodes[0]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_in_another_time_zone_expires_at_the_same_time() -> Result {
    let nodes = two().await?;
    let short = json!({"code": CODE, "ttl": "5s"});
    let of_one = made(&nodes[0], ANN, short.clone()).await?;
    let of_other = made(&nodes[1], BEN, short).await?;
    for one in [&of_one, &of_other] {
        let times = "SELECT expires_ms - created_ms FROM sb_verification";
        ensure!(nodes[0].rows(times).await?.concat() == ["5000", "5000"], "to the second");
        for node in &nodes {
            let same = shown(node, one).await?;
            ensure!(same["expires_at"] == one["expires_at"] && same["created_at"] == one["created_at"], "{same} {one}");
        }
    }
    for one in [&of_one, &of_other] {
        for node in &nodes {
            until("its end", async || Ok((shown(node, one).await?["status"] == "expired").then_some(()))).await?;
            let answer = checked(node, one, CODE).await?;
            ensure!(verdict("expired", false, 0)(&answer), "{answer}");
        }
    }
    until("no code", async || {
        let left = nodes[0].rows("SELECT id FROM sb_verification WHERE status = 'pending'").await?;
        Ok(left.is_empty().then_some(()))
    })
    .await?;
    // neither before its time, nor long behind it
    let early = "SELECT id FROM sb_verification WHERE ended_ms < expires_ms OR ended_ms > expires_ms + 60000";
    ensure!(nodes[0].rows(early).await?.is_empty());
    let sequences = nodes[0].rows("SELECT sequence FROM sb_verification").await?.concat();
    ensure!(sequences == ["2", "2"], "each was told once: {sequences:?}");
    consistent(&nodes[1]).await
}
