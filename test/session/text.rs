//! The texts with which sessions begin and end: accepted with their session or not at all, and told once.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{SESSIONS, close, consistent, made, number_of, order, path, pool};
use crate::events::receiver::Receiver;
use crate::events::{builder, call, endpoint, text, well};
use crate::harness::{Layout, Result, Server, until};
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::scene::{act, act_well, balance, customer};

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";
const CEM: &str = "+14155550103";
/// A telephone that takes no texts, at the loopback provider.
const LANDLINE: &str = "+15005550009";

/// What somebody was sent, by the loopback provider, and from which number: how often each.
async fn heard(server: &Server, address: &str) -> Result<BTreeMap<(String, String), usize>> {
    let query = format!("/v1/loopback/messages?to={}", address.replace('+', "%2B"));
    let listed = well(server, "GET", &query, None).await?;
    let mut heard = BTreeMap::new();
    for one in listed["data"].as_array().context("no list")? {
        *heard.entry((text(&one["from"])?, text(&one["body"])?)).or_default() += 1;
    }
    Ok(heard)
}

async fn each_is_told_from_the_number_that_they_know(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 2).await?;
    let texts = json!({"start_text": "It begins.", "end_text": "It has ended."});
    let session = made(&server, &pool, &[ANN, BEN], texts).await?;
    drained(&server).await?;
    for person in [ANN, BEN] {
        let said = (number_of(&session, person)?, "It begins.".to_owned());
        ensure!(heard(&server, person).await? == BTreeMap::from([(said, 1)]), "{person}");
    }
    close(&server, &session).await?;
    close(&server, &session).await?;
    for person in [ANN, BEN] {
        let said = (number_of(&session, person)?, "It has ended.".to_owned());
        until("the end to be told", async || Ok(heard(&server, person).await?.contains_key(&said).then_some(())))
            .await?;
    }
    drained(&server).await?;
    // the list of what was said has all of them
    let list = format!("{}/interactions", path(&session)?);
    let said = until("what is written of the end", async || {
        let listed = well(&server, "GET", &list, None).await?;
        let said: Vec<String> =
            listed["data"].as_array().into_iter().flatten().map(|one| one["body"].to_string()).collect();
        Ok((said.len() == 4).then_some(said))
    })
    .await?;
    ensure!(said[0].contains("ended") && said[3].contains("begins"), "{said:?}");
    for person in [ANN, BEN] {
        let heard = heard(&server, person).await?;
        ensure!(heard.len() == 2 && heard.values().all(|times| *times == 1), "{heard:?}");
    }
    // an end for each time that it ends
    well(&server, "PATCH", &path(&session)?, Some(json!({"state": "in_progress"}))).await?;
    close(&server, &session).await?;
    let said = (number_of(&session, ANN)?, "It has ended.".to_owned());
    until("the second end", async || Ok((heard(&server, ANN).await?.get(&said) == Some(&2)).then_some(()))).await?;
    consistent(&server).await
}

/// For whoever comes later it begins later; of whom that text is not accepted, they are not in it.
async fn who_comes_later_is_told_of_the_start_too(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN], json!({"start_text": "It begins."})).await?;
    let people = format!("{}/participants", path(&session)?);
    well(&server, "POST", &people, Some(json!({"address": BEN}))).await?;
    drained(&server).await?;
    for person in [ANN, BEN] {
        ensure!(heard(&server, person).await? == BTreeMap::from([((super::ours(0), "It begins.".to_owned()), 1)]));
    }
    let out = format!("/v1/opt-outs/{}/{CEM}", super::ours(0));
    well(&server, "PUT", &out, Some(json!({"is_out": true}))).await?;
    let (status, problem) = call(&server, "POST", &people, Some(json!({"address": CEM}))).await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(status == 403 && detail.contains(CEM), "{status} {problem}");
    ensure!(server.rows("SELECT id FROM sb_participant").await?.len() == 2);
    consistent(&server).await
}

async fn who_has_opted_out_of_the_start_is_in_no_session(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let out = format!("/v1/opt-outs/{}/{BEN}", super::ours(0));
    well(&server, "PUT", &out, Some(json!({"is_out": true}))).await?;
    let body = order(&pool, &[ANN, BEN], json!({"start_text": "It begins."}));
    let (status, problem) = call(&server, "POST", SESSIONS, Some(body)).await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(status == 403 && detail.contains(BEN) && detail.contains("opted out"), "{status} {problem}");
    for table in ["SELECT id FROM sb_session", "SELECT id FROM sb_message", "SELECT person FROM sb_sticky"] {
        ensure!(server.rows(table).await?.is_empty(), "{table}");
    }
    // without a text it is nobody's concern
    made(&server, &pool, &[ANN, BEN], json!({})).await?;
    consistent(&server).await
}

/// What a carrier refuses of what was accepted is told and written down, and leaves the session as it is.
async fn a_start_that_its_carrier_refuses_leaves_the_session(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    endpoint(&server, &receiver.url("/"), &["message.failed"]).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN, LANDLINE], json!({"start_text": "It begins."})).await?;
    let told = receiver.wait(1).await?[0].json()?;
    let list = format!("{}/interactions", path(&session)?);
    let said = until("what became of both", async || {
        let listed = well(&server, "GET", &list, None).await?;
        let said = listed["data"].as_array().cloned().unwrap_or_default();
        let is_over = |one: &Value| one["status"] == "delivered" || one["status"] == "failed";
        Ok((said.len() == 2 && said.iter().all(is_over)).then_some(said))
    })
    .await?;
    let to = |nth: usize| {
        let id = &session["participants"][nth]["id"];
        said.iter().find(|one| one["to_participant_id"] == *id).context("nothing is written of it")
    };
    let (delivered, failed) = (to(0)?, to(1)?);
    ensure!(delivered["status"] == "delivered", "{delivered}");
    ensure!(failed["status"] == "failed" && failed["error"]["code"] == 21_614, "{failed}");
    ensure!(told["type"] == "message.failed" && told["data"]["id"] == failed["outbound_message_id"], "{told}");
    let shown = well(&server, "GET", &path(&session)?, None).await?;
    ensure!(shown["closed_at"].is_null() && shown["participants"] == session["participants"], "{shown}");
    consistent(&server).await
}

async fn its_client_pays_for_all_of_its_texts_or_for_none(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = crate::relay::loopback(&server).await?;
    let rate = json!({"channel": "sms", "prefix": "1", "price": "1"});
    well(&server, "POST", "/v1/rates", Some(rate)).await?;
    let client = customer(&server, "3", json!({})).await?;
    let pool = text(&act_well(&server, &client, "POST", "/v1/pools", Some(json!({"name": "masks"}))).await?["id"])?;
    let number = json!({"number": "+12125550100", "account_id": account});
    let number = text(&act_well(&server, &client, "POST", "/v1/numbers", Some(number)).await?["id"])?;
    act_well(&server, &client, "PUT", &format!("/v1/pools/{pool}/numbers/{number}"), None).await?;
    let with_texts = |people: &[&str]| order(&pool, people, json!({"start_text": "It begins."}));
    let session = act_well(&server, &client, "POST", SESSIONS, Some(with_texts(&[ANN, BEN]))).await?;
    ensure!(balance(&server, &client).await?.starts_with('1'), "two were paid for");
    act_well(&server, &client, "PATCH", &path(&session)?, Some(json!({"state": "closed"}))).await?;
    let (status, problem) = act(&server, &client, "POST", SESSIONS, Some(with_texts(&[ANN, BEN]))).await?;
    ensure!(status == 402, "{status} {problem}");
    ensure!(balance(&server, &client).await?.starts_with('1'), "none of the two was");
    ensure!(server.rows("SELECT id FROM sb_session").await?.len() == 1);
    let alone: Value = act_well(&server, &client, "POST", SESSIONS, Some(with_texts(&[ANN]))).await?;
    ensure!(alone["state"] == "open", "{alone}");
    ensure!(balance(&server, &client).await?.starts_with('0'), "and this one is");
    drained(&server).await?;
    consistent(&server).await
}

on_both_engines!(
    each_is_told_from_the_number_that_they_know,
    who_comes_later_is_told_of_the_start_too,
    who_has_opted_out_of_the_start_is_in_no_session,
    a_start_that_its_carrier_refuses_leaves_the_session,
    its_client_pays_for_all_of_its_texts_or_for_none,
);
