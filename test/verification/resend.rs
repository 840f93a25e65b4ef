//! Codes that go out again: the same, by another route where one has failed, and never beyond what limits allow.

use anyhow::ensure;
use serde_json::{Value, json};

use super::scene::{
    ANN, CODE, VERIFICATIONS, asked, checked, code_in, consistent, made, of_code, path, ready, shown, texts,
};
use crate::events::{call, text, well};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::messages::{account, number, quick};
use crate::on_both_engines;
use crate::relay::route::route;
use crate::relay::scene::{act_well, customer, everything};

/// Whose texts the loopback refuses.
const REFUSED: &str = "+15005550009";

fn resend(verification: &Value) -> Result<String> {
    Ok(format!("{}/resend", path(verification)?))
}

/// Waits until so many sends have failed.
async fn failed(server: &Server, count: usize) -> Result {
    let sql = "SELECT message_id FROM sb_verification_send WHERE failed_ms IS NOT NULL";
    until("a failed send", async || Ok((server.rows(sql).await?.len() == count).then_some(()))).await
}

async fn what_failed_by_one_account_goes_by_another(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = quick(Builder::new(layout).await?, &carrier).start().await?;
    everything(&server).await?;
    let spare = account(&server, json!({"any_sender": true})).await?;
    number(&server, &spare, "+15005550101", json!({})).await?;
    route(&server, 2_000, ".*", &spare).await?;
    let ann = customer(&server, "10", json!({})).await?;
    let order = json!({"to": REFUSED, "code": CODE});
    let one = act_well(&server, &ann, "POST", VERIFICATIONS, Some(order)).await?;
    failed(&server, 1).await?;
    ensure!(carrier.messages(Some(REFUSED)).await?.is_empty(), "the spare is not asked first");
    let seen = act_well(&server, &ann, "GET", &path(&one)?, None).await?;
    ensure!(seen["status"] == "pending" && seen["sends"] == 0, "what failed does not count: {seen}");
    carrier.behave(json!({"to": REFUSED, "times": 1, "do": "refuse", "code": 30007})).await?;
    let again = act_well(&server, &ann, "POST", &resend(&one)?, None).await?;
    ensure!(again["id"] == one["id"] && again["sends"] == 1, "{again}");
    failed(&server, 2).await?;
    let accounts = server.rows("SELECT DISTINCT account_id FROM sb_message").await?;
    ensure!(accounts.len() == 2, "both by one account: {accounts:?}");
    // where every account has failed it goes by the first again
    act_well(&server, &ann, "POST", &resend(&one)?, None).await?;
    failed(&server, 3).await?;
    ensure!(carrier.messages(Some(REFUSED)).await?.is_empty());
    consistent(&server).await
}

async fn one_is_sent_again_while_the_first_is_on_its_way(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?.set("provider.loopback_latency", "300ms")).await?;
    let first = made(&server, ANN, json!({})).await?;
    let again = well(&server, "POST", &resend(&first)?, None).await?;
    ensure!(again["id"] == first["id"] && again["sends"] == 2, "{again}");
    let told = texts(&server, ANN).await?;
    let codes: Vec<String> = told.iter().map(|text| code_in(text)).collect();
    ensure!(codes.len() == 2 && codes[0] == codes[1], "{told:?}");
    ensure!(checked(&server, &first, &codes[0]).await?["valid"] == true);
    consistent(&server).await
}

async fn a_resend_that_a_limit_refuses_changes_nothing(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?.set("verification.limits.recipient_per_hour", 1)).await?;
    let first = of_code(&server, ANN).await?;
    for (path, body) in [(resend(&first)?, None), (VERIFICATIONS.to_owned(), Some(json!({"to": ANN, "code": CODE})))] {
        let (status, problem) = call(&server, "POST", &path, body).await?;
        ensure!(status == 429, "{path}: {status} {problem}");
    }
    // another code would be another verification, and is as little sent
    ensure!(asked(&server, ANN, json!({"code": "8173640925"})).await?.0 == 429);
    ensure!(shown(&server, &first).await? == first);
    ensure!(texts(&server, ANN).await?.len() == 1);
    ensure!(checked(&server, &first, CODE).await?["valid"] == true);
    consistent(&server).await
}

async fn what_is_over_is_not_sent_again(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let opened = of_code(&server, ANN).await?;
    checked(&server, &opened, CODE).await?;
    let canceled = of_code(&server, ANN).await?;
    well(&server, "DELETE", &path(&canceled)?, None).await?;
    for (one, word) in [(&opened, "approved"), (&canceled, "canceled")] {
        let (status, problem) = call(&server, "POST", &resend(one)?, None).await?;
        ensure!(status == 409 && text(&problem["detail"])?.contains(word), "{status} {problem}");
        let (status, problem) = call(&server, "POST", &format!("{}/approve", path(one)?), None).await?;
        ensure!(status == 409, "{status} {problem}");
    }
    ensure!(texts(&server, ANN).await?.len() == 2);
    consistent(&server).await
}

on_both_engines!(
    what_failed_by_one_account_goes_by_another,
    one_is_sent_again_while_the_first_is_on_its_way,
    a_resend_that_a_limit_refuses_changes_nothing,
    what_is_over_is_not_sent_again,
);
