//! Many codes at once: exactly as many are looked at as may be, and one opens a verification once.

use anyhow::ensure;
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::scene::{ANN, CODE, WRONG, asked, checked, consistent, of_code, path, ready, shown};
use crate::events::{call, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::on_both_engines;

/// How many are under way at once.
const AT_ONCE: usize = 200;

async fn tried(server: &Server, verification: &Value, codes: &[&str]) -> Result<Vec<Value>> {
    let path = format!("{}/check", path(verification)?);
    let all = codes.iter().map(|code| well(server, "POST", &path, Some(json!({ "code": code }))));
    futures_util::stream::iter(all).buffer_unordered(AT_ONCE).try_collect().await
}

async fn a_thousand_wrong_codes_at_once_use_up_the_tries(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let verification = of_code(&server, ANN).await?;
    let answers = tried(&server, &verification, &[WRONG; 1_000]).await?;
    let count = |status: &str| answers.iter().filter(|answer| answer["status"] == status).count();
    ensure!((count("pending"), count("max_attempts_reached")) == (5, 995), "{} said wrong", count("pending"));
    ensure!(checked(&server, &verification, CODE).await?["valid"] == false, "the right one comes too late");
    let tries = server.rows("SELECT tries FROM sb_verification").await?.concat();
    ensure!(tries == ["5"], "{tries:?}");
    consistent(&server).await
}

async fn the_right_code_opens_once(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let verification = of_code(&server, ANN).await?;
    let answers = tried(&server, &verification, &[CODE; 50]).await?;
    ensure!(answers.iter().filter(|answer| answer["valid"] == true).count() == 1);
    ensure!(answers.iter().all(|answer| answer["status"] == "approved"), "{answers:?}");
    consistent(&server).await
}

async fn one_is_pending_for_a_number_whoever_asks_at_once(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("verification.limits.recipient_per_hour", 0);
    let builder = builder.set("verification.limits.recipient_per_day", 0);
    let server = ready(builder.set("verification.max_sends", 40)).await?;
    let answers = try_join_all((0..40).map(|_| asked(&server, ANN, json!({ "code": CODE })))).await?;
    let sent: Vec<&Value> = answers.iter().filter(|(status, _)| *status == 201).map(|(_, answer)| answer).collect();
    ensure!(sent.len() == answers.len(), "{answers:?}");
    ensure!(sent.iter().all(|answer| answer["id"] == sent[0]["id"]), "{sent:?}");
    ensure!(shown(&server, sent[0]).await?["sends"] == 40);
    let rows = server.rows("SELECT COUNT(*) FROM sb_verification_send").await?.concat();
    ensure!(rows == ["40"], "{rows:?}");
    ensure!(asked(&server, ANN, json!({ "code": CODE })).await?.0 == 429, "as often as it may be");
    consistent(&server).await
}

async fn one_is_canceled_or_opened_and_never_both(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?.set("verification.limits.recipient_per_hour", 0)).await?;
    for _ in 0..15 {
        let verification = of_code(&server, ANN).await?;
        let (path, opened) = (path(&verification)?, checked(&server, &verification, CODE));
        let (opened, canceled) = tokio::join!(opened, call(&server, "DELETE", &path, None));
        let (opened, (status, _)) = (opened?, canceled?);
        let is_open = opened["valid"] == true;
        ensure!(is_open != (status == 200), "{opened} {status}");
        let wanted = if is_open { "approved" } else { "canceled" };
        ensure!(shown(&server, &verification).await?["status"] == wanted, "{opened} {status}");
    }
    consistent(&server).await
}

on_both_engines!(
    a_thousand_wrong_codes_at_once_use_up_the_tries,
    the_right_code_opens_once,
    one_is_pending_for_a_number_whoever_asks_at_once,
    one_is_canceled_or_opened_and_never_both,
);
