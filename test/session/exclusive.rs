//! Pools that give each number to one open session: what has been free for longest, to all of its people.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{SESSIONS, close, consistent, made, number_of, order, ours, tried};
use crate::events::{call, text, well};
use crate::harness::{ADMIN, Layout, Result, Server};
use crate::messages::{number, person};
use crate::on_both_engines;
use crate::relay::loopback;

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";

/// An exclusive pool of so many numbers; its id.
async fn pool(server: &Server, numbers: usize) -> Result<String> {
    let account = loopback(server).await?;
    let new = json!({"name": "ours alone", "exclusive": true});
    let pool = text(&well(server, "POST", "/v1/pools", Some(new)).await?["id"])?;
    for nth in 0..numbers {
        let id = number(server, &account, &ours(nth), json!({})).await?;
        well(server, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
    }
    Ok(pool)
}

async fn each_number_has_one_session(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 3).await?;
    let (mut sessions, mut numbers) = (Vec::new(), BTreeSet::new());
    for nth in 0..3 {
        let session = made(&server, &pool, &[&person(nth), &person(100 + nth)], json!({})).await?;
        let number = number_of(&session, &person(nth))?;
        ensure!(number == number_of(&session, &person(100 + nth))?, "one number for all: {session}");
        numbers.insert(number);
        sessions.push(session);
    }
    ensure!(numbers.len() == 3, "{numbers:?}");
    let (status, problem) = tried(&server, &pool, &[ANN, BEN]).await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(status == 409 && detail.contains("in use by another session"), "{status} {problem}");
    consistent(&server).await?;
    close(&server, &sessions[1]).await?;
    let next = made(&server, &pool, &[ANN, BEN], json!({})).await?;
    ensure!(number_of(&next, ANN)? == number_of(&sessions[1], &person(1))?, "{next}");
    // who comes later has the number of all
    let people = format!("{}/participants", super::path(&next)?);
    let added = well(&server, "POST", &people, Some(json!({"address": "+14155550103"}))).await?;
    ensure!(added["number"] == number_of(&next, ANN)?, "{added}");
    consistent(&server).await
}

async fn where_there_is_room_for_all_of_them_all_are_made(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 100).await?;
    let mut all = JoinSet::new();
    for nth in 0..100 {
        let (http, url) = (server.http.clone(), server.url(SESSIONS));
        let body = order(&pool, &[&person(nth), &person(200 + nth)], json!({})).to_string();
        all.spawn(async move {
            let request = http.post(url).bearer_auth(ADMIN).header("content-type", "application/json");
            let answer = request.body(body).send().await?;
            anyhow::Ok((answer.status().as_u16(), answer.json::<Value>().await?))
        });
    }
    for answered in all.join_all().await {
        let (status, answer) = answered?;
        ensure!(status == 201, "{status} {answer}");
    }
    ensure!(tried(&server, &pool, &[ANN, BEN]).await?.0 == 409);
    consistent(&server).await
}

/// The ids of a pool's numbers, by their addresses.
async fn ids(server: &Server, pool: &str) -> Result<BTreeMap<String, String>> {
    let shown = well(server, "GET", &format!("/v1/pools/{pool}"), None).await?;
    let numbers = shown["numbers"].as_array().context("no numbers")?;
    numbers.iter().map(|one| anyhow::Ok((text(&one["number"])?, text(&one["id"])?))).collect()
}

/// A number that is reserved is given to who names it, and to nobody else when it is let go.
async fn what_is_reserved_is_had_by_name_alone(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN, BEN], json!({})).await?;
    let number = format!("/v1/numbers/{}", ids(&server, &pool).await?[&ours(0)]);
    well(&server, "PATCH", &number, Some(json!({"reserved": true}))).await?;
    close(&server, &session).await?;
    ensure!(tried(&server, &pool, &[ANN, BEN]).await?.0 == 409, "it is drained");
    let free = "SELECT number_id FROM sb_pool_number WHERE free_ms IS NOT NULL OR session_id IS NOT NULL";
    ensure!(server.rows(free).await?.is_empty());
    let by_name = |people: [&str; 2]| {
        let people: Vec<Value> = people.iter().map(|one| json!({"address": one, "number": ours(0)})).collect();
        json!({"pool_id": pool, "participants": people})
    };
    let named = well(&server, "POST", SESSIONS, Some(by_name([ANN, BEN]))).await?;
    ensure!(number_of(&named, BEN)? == ours(0), "{named}");
    let (status, problem) = call(&server, "POST", SESSIONS, Some(by_name([&person(7), &person(8)]))).await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(status == 409 && detail.contains("in use by another session"), "{status} {problem}");
    close(&server, &named).await?;
    well(&server, "PATCH", &number, Some(json!({"reserved": false}))).await?;
    made(&server, &pool, &[ANN, BEN], json!({})).await?;
    consistent(&server).await
}

/// A session that everybody has left has its number still, and needs it to be opened again.
async fn what_is_opened_again_has_its_number_alone(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN], json!({})).await?;
    let path = super::path(&session)?;
    let ann = text(&session["participants"][0]["id"])?;
    ensure!(call(&server, "DELETE", &format!("{path}/participants/{ann}"), None).await?.0 == 204);
    ensure!(tried(&server, &pool, &[BEN]).await?.0 == 409, "it is the session's still");
    close(&server, &session).await?;
    let other = made(&server, &pool, &[BEN], json!({})).await?;
    let open = async || call(&server, "PATCH", &path, Some(json!({"state": "in_progress"}))).await;
    let (status, problem) = open().await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(status == 409 && detail.contains(&ours(0)), "{status} {problem}");
    close(&server, &other).await?;
    let (status, opened) = open().await?;
    ensure!(status == 200, "{status} {opened}");
    ensure!(tried(&server, &pool, &[BEN]).await?.0 == 409, "though nobody is in it");
    well(&server, "POST", &format!("{path}/participants"), Some(json!({"address": ANN}))).await?;
    consistent(&server).await
}

/// While nobody is in a session its number may be taken out, and go to another: then it is not given to both.
async fn what_a_session_has_lost_is_not_its_own(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN], json!({})).await?;
    let people = format!("{}/participants", super::path(&session)?);
    let add = async || call(&server, "POST", &people, Some(json!({"address": ANN}))).await;
    let ann = text(&session["participants"][0]["id"])?;
    ensure!(call(&server, "DELETE", &format!("{people}/{ann}"), None).await?.0 == 204);
    let number = format!("/v1/pools/{pool}/numbers/{}", ids(&server, &pool).await?[&ours(0)]);
    ensure!(call(&server, "DELETE", &number, None).await?.0 == 204);
    well(&server, "PUT", &number, None).await?;
    let other = made(&server, &pool, &[BEN], json!({})).await?;
    let (status, problem) = add().await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(status == 409 && detail.contains("in use by another session"), "{status} {problem}");
    consistent(&server).await?;
    close(&server, &other).await?;
    let (status, added) = add().await?;
    ensure!(status == 201 && added["number"] == ours(0), "{status} {added}");
    ensure!(tried(&server, &pool, &[BEN]).await?.0 == 409, "it is the session's again");
    consistent(&server).await
}

on_both_engines!(
    what_a_session_has_lost_is_not_its_own,
    each_number_has_one_session,
    where_there_is_room_for_all_of_them_all_are_made,
    what_is_reserved_is_had_by_name_alone,
    what_is_opened_again_has_its_number_alone,
);
