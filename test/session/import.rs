//! Sessions of older systems go on here: with their ids, their numbers and their time, and nobody is told.

mod numbers;
mod sms_proxy;
mod twilio_proxy;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::PoolId;

use super::consistent;
use super::talk::{ANN, BOB, CID, Held, Talk};
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::inbound::play::{self, settled};
use crate::messages::{drained, with};
use crate::on_both_engines;
use crate::operations::command::{Said, finish};
use crate::relay::client;
use crate::relay::scene::{act, customer};

const IMPORT: &str = "/v1/sessions/import";
const OLDER: &str = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d";

/// `switchboard import …` on a server, with these in its environment.
async fn import(server: &Server, words: &[&str], environment: &[(&str, &str)]) -> Result<Said> {
    let url = server.url("");
    let mut command = server.builder().command(&[&["import"][..], words, &["--url", &url]].concat());
    command.envs(environment.iter().copied());
    finish(command).await
}

/// What it says of itself to a script.
fn summary(said: &Said) -> Result<Value> {
    serde_json::from_str(&said.out).with_context(|| format!("{said:?}"))
}

/// What somebody texts to the number that they know comes to another from the number that this one knows.
async fn reaches(server: &Server, (from, to): (&str, &str), (other, known): (&str, &str)) -> Result {
    let body = format!("from {} to {}", &from[9..], &other[9..]);
    play::text(server, from, to, &body).await?;
    settled(server).await?;
    drained(server).await?;
    let listed = well(server, "GET", &format!("/v1/loopback/messages?limit=200&to=%2B{}", &other[1..]), None).await?;
    let heard = listed["data"].as_array().context("no data")?;
    ensure!(heard.iter().any(|one| one["from"] == known && one["body"] == body), "{body}: {listed}");
    Ok(())
}

/// How many rows a table has.
async fn count(server: &Server, table: &str) -> Result<String> {
    Ok(server.rows(format!("SELECT COUNT(*) FROM {table}")).await?.concat().concat())
}

/// A session of these people on the numbers of those places.
fn session(talk: &Talk, people: &[(&str, usize)], set: Value) -> Value {
    let person = |(who, at): &(&str, usize)| json!({"address": who, "number": talk.numbers[*at]});
    let people: Vec<Value> = people.iter().map(person).collect();
    with(json!({"pool_id": talk.pool, "participants": people}), set)
}

/// The same, as it is taken over.
fn older(id: &str, session: &Value, set: Value) -> Value {
    let older = json!({"id": id, "door": "twilio_proxy", "created_at": "2026-01-01T09:00:00Z", "session": session});
    with(older, set)
}

async fn a_session_goes_on_under_its_id(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let told = json!({"start_text": "It begins.", "ttl": "1h"});
    talk.well("PATCH", &format!("/v1/pools/{}", talk.pool), Some(told)).await?;
    let past = json!({"last_interaction_at": "2026-01-02T09:00:00Z", "participant_ids": ["a".repeat(32)]});
    let both = session(&talk, &[(ANN, 0), (BOB, 1)], json!({"unique_name": "17", "mode": "message"}));
    let body = older(OLDER, &both, past);
    let (status, made) = talk.act("POST", IMPORT, Some(body.clone())).await?;
    ensure!(status == 201 && made["id"] == format!("ses_{OLDER}"), "{status} {made}");
    ensure!(made["state"] == "in_progress" && made["unique_name"] == "17" && made["mode"] == "message", "{made}");
    for (field, begin) in [("created_at", "2026-01-01T09:00:00"), ("last_interaction_at", "2026-01-02T09:00:00")] {
        ensure!(text(&made[field])?.starts_with(begin), "{field}: {made}");
    }
    ensure!(made["ttl"].is_null() && made["expires_at"].is_null(), "the pool's time to live is none of it: {made}");
    ensure!(made["participants"][0]["id"] == format!("par_{}", "a".repeat(32)), "{made}");
    ensure!(talk.server.rows("SELECT door FROM sb_session").await? == [["twilio_proxy"]]);
    ensure!(talk.bodies(ANN).await?.is_empty() && talk.bodies(BOB).await?.is_empty(), "they know that it has begun");

    // taken over twice it is the same
    ensure!(talk.act("POST", IMPORT, Some(body.clone())).await? == (200, made.clone()));
    let held = Held(made);
    talk.say(&held, ANN, "Are you still there?").await?;
    talk.say(&held, BOB, "Yes.").await?;
    assert_eq!(
        (talk.bodies(BOB).await?, talk.bodies(ANN).await?),
        (vec!["Are you still there?".into()], vec!["Yes.".into()])
    );
    consistent(&talk.server).await?;
    talk.well("DELETE", &held.path()?, None).await?;
    let (status, over) = talk.act("POST", IMPORT, Some(body)).await?;
    ensure!(status == 200 && over["state"] == "closed", "what has ended here stays so: {status} {over}");
    ensure!(talk.server.rows("SELECT id FROM sb_session").await?.len() == 1);
    consistent(&talk.server).await?;
    talk.end().await
}

async fn what_cannot_go_on_is_refused_and_leaves_nothing(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let both = session(&talk, &[(ANN, 0), (BOB, 1)], json!({}));
    let silent = session(&talk, &[(ANN, 0), (BOB, 1)], json!({"ttl": "1h"}));
    let over = session(&talk, &[(ANN, 0), (BOB, 1)], json!({"ends_at": "2026-01-03T09:00:00Z"}));
    let three = json!({"participant_ids": ["a".repeat(32), "b".repeat(32), "c".repeat(32)]});
    for (body, field) in [
        (older("17", &both, json!({})), "id"),
        (older(&OLDER.to_uppercase(), &both, json!({})), "id"),
        (older(OLDER, &both, json!({"door": "front"})), "door"),
        (older(OLDER, &both, json!({"created_at": "yesterday"})), "created_at"),
        (older(OLDER, &both, json!({"last_interaction_at": "now"})), "last_interaction_at"),
        (older(OLDER, &both, json!({"participant_ids": ["a"]})), "participant_ids"),
        (older(OLDER, &both, three), "participant_ids"),
        (older(OLDER, &both, json!({"participant_ids": ["a".repeat(32), "a".repeat(32)]})), "participant_ids"),
        (older(OLDER, &both, json!({"written": [ANN]})), "written"),
        (older(OLDER, &both, json!({"written": [ANN, "1".repeat(65)]})), "written"),
        (older(OLDER, &silent, json!({})), "ends_at"),
        (older(OLDER, &over, json!({})), "ends_at"),
    ] {
        let (status, problem) = talk.act("POST", IMPORT, Some(body)).await?;
        ensure!(status == 400 && problem["field"] == field, "{field}: {status} {problem}");
    }
    // somebody who is in another session on that number
    talk.well("POST", "/v1/sessions", Some(session(&talk, &[(ANN, 0), (CID, 1)], json!({})))).await?;
    let (status, problem) = talk.act("POST", IMPORT, Some(older(OLDER, &both, json!({})))).await?;
    let detail = text(&problem["detail"])?;
    ensure!(status == 409 && detail.contains(ANN) && detail.contains(&talk.numbers[0]), "{status} {problem}");
    ensure!(talk.server.rows("SELECT id FROM sb_session").await?.len() == 1);
    consistent(&talk.server).await?;
    talk.end().await
}

/// Whoever has an id keeps it, whichever client's they are; and only an administrator brings any.
async fn ids_of_others_are_refused_at_once(layout: Layout) -> Result {
    const OTHER: &str = "1b9d6bcdbbfd4b2d9b5dab8dfbbd4bed";
    let talk = Talk::start(layout, 2).await?;
    let people = json!({"participant_ids": ["a".repeat(32)]});
    let body = older(OLDER, &session(&talk, &[(ANN, 0), (BOB, 1)], json!({})), people.clone());
    talk.well("POST", IMPORT, Some(body.clone())).await?;
    let other = customer(&talk.server, "1", json!({})).await?;
    let (status, problem) = act(&talk.server, &other, "POST", IMPORT, Some(body)).await?;
    ensure!(status == 409 && problem["field"] == "id", "{status} {problem}");
    let body = older(OTHER, &session(&talk, &[(CID, 0)], json!({})), people);
    let (status, problem) = talk.act("POST", IMPORT, Some(body.clone())).await?;
    ensure!(status == 409 && problem["field"] == "participant_ids", "{status} {problem}");
    let theirs = client(&talk.server, "1").await?;
    for (path, body) in [(IMPORT, body), ("/v1/pools/import", json!({"id": OTHER, "name": "theirs"}))] {
        let asked = talk.server.http.post(talk.server.url(path)).bearer_auth(&theirs.key);
        let answer = asked.header("content-type", "application/json").body(body.to_string()).send().await?;
        ensure!(answer.status() == 403, "{path}: {}", answer.status());
    }
    ensure!(talk.server.rows("SELECT id FROM sb_session").await?.len() == 1);
    ensure!(talk.server.rows("SELECT id FROM sb_pool").await?.len() == 1);
    consistent(&talk.server).await?;
    talk.end().await
}

/// No time stands in an id of an older system, and what it names is removed in time all the same.
async fn what_is_over_is_removed_whatever_its_id(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("retention.messages", "1s").set("retention.remove_every", "100ms");
    let talk = Talk::of(builder, 3).await?;
    for (at, id) in
        ["00000000000000000000000000000017", OLDER, "fedcba98765432100123456789abcdef"].into_iter().enumerate()
    {
        let body = older(id, &session(&talk, &[(ANN, at), (BOB, at)], json!({})), json!({}));
        let held = Held(talk.well("POST", IMPORT, Some(body)).await?);
        if at > 0 {
            talk.well("DELETE", &held.path()?, None).await?;
        }
    }
    until("those that are over to be gone", async || {
        Ok((talk.server.rows("SELECT id FROM sb_session").await?.len() == 1).then_some(()))
    })
    .await?;
    ensure!(talk.server.rows("SELECT id FROM sb_session WHERE closed_ms IS NULL").await?.len() == 1);
    consistent(&talk.server).await
}

async fn a_pool_keeps_its_id_and_its_settings(layout: Layout) -> Result {
    const POOLS: &str = "/v1/pools/import";
    let talk = Talk::start(layout, 0).await?;
    let settings = json!({"choice": "avoid_sticky", "bound": "area_code", "rest": "0s", "ttl": "1h"});
    let body = json!({"id": OLDER, "name": "proxies", "settings": settings});
    let (status, made) = talk.act("POST", POOLS, Some(body.clone())).await?;
    ensure!(status == 201 && made["id"] == format!("pool_{OLDER}") && made["name"] == "proxies", "{status} {made}");
    ensure!(made["choice"] == "avoid_sticky" && made["rest"] == "0s" && made["ttl"] == "1h", "{made}");
    let stored = talk.server.rows("SELECT settings FROM sb_pool WHERE name = 'proxies'").await?;
    ensure!(stored[0][0].contains("\"bound\":\"area_code\""), "{stored:?}");
    let path = format!("/v1/pools/pool_{OLDER}");
    let renamed = talk.well("PATCH", &path, Some(json!({"name": "ours"}))).await?;
    ensure!(talk.act("POST", POOLS, Some(body.clone())).await? == (200, renamed), "it stays as it is by now");
    let other = customer(&talk.server, "1", json!({})).await?;
    let (status, problem) = act(&talk.server, &other, "POST", POOLS, Some(body)).await?;
    ensure!(status == 409, "{status} {problem}");
    let new = OLDER.replace('9', "8");
    let proxy = PoolId::number_proxy(talk.client.parse()?).hex();
    let hook = |name: &str| json!({"id": new, "name": "y", "settings": {name: "http://127.0.0.1/hook"}});
    for (wrong, field) in [
        (json!({"id": "x", "name": "y"}), "id"),
        (json!({"id": new, "name": ""}), "name"),
        (json!({"id": proxy, "name": "y"}), "exclusive"),
        (hook("intercept_url"), "intercept_url"),
        (hook("out_of_session_url"), "out_of_session_url"),
        (hook("callback_url"), "callback_url"),
    ] {
        let (status, problem) = talk.act("POST", POOLS, Some(wrong)).await?;
        ensure!(status == 400 && problem["field"] == field, "{field}: {status} {problem}");
    }
    talk.end().await
}

on_both_engines!(
    a_session_goes_on_under_its_id,
    what_cannot_go_on_is_refused_and_leaves_nothing,
    ids_of_others_are_refused_at_once,
    what_is_over_is_removed_whatever_its_id,
    a_pool_keeps_its_id_and_its_settings,
);
