//! Conversations in which nobody learns a number: made, changed and ended, with every pair of a person and a number
//! theirs alone.

mod call;
mod call_carrier;
mod call_door;
mod call_hook;
mod call_twiml;
mod choose;
mod command;
mod conversation;
mod conversation_life;
mod crash;
mod crowd;
mod end;
mod exclusive;
mod hook;
mod import;
mod intercept;
mod intercept_rules;
mod keeping;
mod life;
mod listing;
mod masked;
mod masked_carrier;
mod masked_edge;
mod masked_late;
mod masked_loss;
mod masked_nodes;
mod masked_notice;
mod masked_private;
mod masked_say;
mod media;
mod number_proxy;
mod number_proxy_edge;
mod proxied;
mod proxy;
mod proxy_callback;
mod proxy_said;
mod race;
mod random;
mod refuse;
mod ride;
mod stranger;
mod stranger_order;
mod talk;
mod text;
mod thousand;
mod tour;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::{call, text, well};
use crate::harness::{Result, Server, until};
use crate::messages::{number, with};
use crate::relay::acts::Shown::{Changed, Made};
use crate::relay::acts::{Act, Scene, act, on};
use crate::relay::loopback;

const SESSIONS: &str = "/v1/sessions";

/// What is done to a client's sessions, of a pool that stays.
pub async fn acts(server: &Server, scene: &Scene) -> Result<Vec<Act>> {
    const PEOPLE: &str = "/v1/sessions/{id}/participants";
    const ONE: &str = "/v1/sessions/{id}/participants/{participant_id}";
    const SAID: &str = "/v1/sessions/{id}/messages";
    let pool = scene.post(server, "/v1/pools", json!({"name": "masks"})).await?;
    let masked = scene.post(server, "/v1/numbers", scene.new_number("+12125550105")).await?;
    scene.act(server, "PUT", &format!("/v1/pools/{pool}/numbers/{masked}"), None).await?;
    let of_one = |address: &str| order(&pool, &[address], json!({}));
    let ended = scene.post(server, SESSIONS, of_one("+14155550151")).await?;
    let made = scene.act(server, "POST", SESSIONS, Some(of_one("+14155550153"))).await?;
    let (session, participant) = (text(&made["id"])?, text(&made["participants"][0]["id"])?);
    let elsewhere = json!({"id": "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d", "door": "number_proxy",
        "created_at": "2026-01-01T09:00:00Z", "session": of_one("+14155550159")});
    let (somebody, words) = (json!({"address": "+14155550157"}), json!({"body": "Secret words"}));
    let removed = act("DELETE", ONE, &[&session, &participant], Value::Null, "session.remove_participant", Changed);
    Ok(scene.for_client([
        act("POST", SESSIONS, &[], of_one("+14155550155"), "session.create", Made),
        act("POST", "/v1/sessions/import", &[], elsewhere, "session.import", Made),
        act("PATCH", "/v1/sessions/{id}", &[&session], json!({"name": "x"}), "session.change", Changed),
        act("POST", PEOPLE, &[&session], somebody, "session.add_participant", Changed),
        on(&session, act("POST", SAID, &[&session], words, "session.message", Made)),
        on(&session, removed),
        act("DELETE", "/v1/sessions/{id}", &[&ended], Value::Null, "session.close", Changed),
    ]))
}

/// The pool's number of this place.
fn ours(nth: usize) -> String {
    format!("+1212555{nth:04}")
}

/// A pool of the operator's with so many numbers on the loopback; its id.
async fn pool(server: &Server, numbers: usize) -> Result<String> {
    let account = loopback(server).await?;
    let pool = text(&well(server, "POST", "/v1/pools", Some(json!({"name": "masks"}))).await?["id"])?;
    for nth in 0..numbers {
        let id = number(server, &account, &ours(nth), json!({"capabilities": ["sms", "voice"]})).await?;
        well(server, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
    }
    Ok(pool)
}

/// A session of these people, as it is to be posted.
fn order(pool: &str, people: &[&str], set: Value) -> Value {
    let people: Vec<Value> = people.iter().map(|address| json!({ "address": address })).collect();
    with(json!({"pool_id": pool, "participants": people}), set)
}

/// Makes a session, which must go well.
async fn made(server: &Server, pool: &str, people: &[&str], set: Value) -> Result<Value> {
    well(server, "POST", SESSIONS, Some(order(pool, people, set))).await
}

async fn tried(server: &Server, pool: &str, people: &[&str]) -> Result<(u16, Value)> {
    call(server, "POST", SESSIONS, Some(order(pool, people, json!({})))).await
}

fn path(session: &Value) -> Result<String> {
    Ok(format!("{SESSIONS}/{}", text(&session["id"])?))
}

async fn close(server: &Server, session: &Value) -> Result {
    let (status, answer) = call(server, "DELETE", &path(session)?, None).await?;
    ensure!(status == 204, "{status} {answer}");
    Ok(())
}

/// Waits until the people of all sessions that are over have been told.
async fn all_told(server: &Server) -> Result {
    until("the end to be told", async || {
        let left = server.rows("SELECT id FROM sb_session WHERE tell_ms IS NOT NULL").await?;
        Ok(left.is_empty().then_some(()))
    })
    .await
}

/// The number that somebody in a session has.
fn number_of(session: &Value, address: &str) -> Result<String> {
    let people = session["participants"].as_array().context("no participants")?;
    let one = people.iter().find(|one| one["address"] == address).with_context(|| format!("no {address}"))?;
    text(&one["number"])
}

/// What holds at any moment, each as a query that finds what does not.
const BROKEN: [(&str, &str); 8] = [
    (
        "pairs of sessions that are over",
        "SELECT p.person FROM sb_pair p JOIN sb_session s ON s.id = p.session_id WHERE s.closed_ms IS NOT NULL",
    ),
    (
        "people in sessions without their pair",
        "SELECT p.id FROM sb_participant p WHERE p.left_ms IS NULL AND NOT EXISTS \
         (SELECT 1 FROM sb_pair q WHERE q.participant_id = p.id AND q.person = p.person AND q.number_id = p.number_id)",
    ),
    (
        "pairs of nobody",
        "SELECT q.person FROM sb_pair q WHERE NOT EXISTS \
         (SELECT 1 FROM sb_participant p WHERE p.id = q.participant_id AND p.left_ms IS NULL)",
    ),
    (
        "people without a session",
        "SELECT p.id FROM sb_participant p WHERE NOT EXISTS (SELECT 1 FROM sb_session s WHERE s.id = p.session_id)",
    ),
    // people are remembered by a hash: number by number, as many as have it
    (
        "open pairs that are not remembered, or others that are",
        "SELECT number_id FROM (SELECT number_id, 1 AS one FROM sb_sticky WHERE ended_ms IS NULL UNION ALL \
         SELECT number_id, -1 FROM sb_pair WHERE number_id NOT IN (SELECT number_id FROM sb_pool_number)) AS counted \
         GROUP BY number_id HAVING SUM(one) <> 0",
    ),
    (
        "numbers of one session each that are lost",
        "SELECT n.number_id FROM sb_pool_number n WHERE n.free_ms IS NULL AND NOT EXISTS \
         (SELECT 1 FROM sb_session s WHERE s.id = n.session_id AND s.closed_ms IS NULL)",
    ),
    (
        "numbers of one session each that are free, and in use",
        "SELECT n.number_id FROM sb_pool_number n WHERE n.free_ms IS NOT NULL AND EXISTS \
         (SELECT 1 FROM sb_pair p WHERE p.number_id = n.number_id)",
    ),
    (
        "unique names of sessions that are over",
        "SELECT n.unique_name FROM sb_session_name n JOIN sb_session s ON s.id = n.session_id \
         WHERE s.closed_ms IS NOT NULL",
    ),
];

/// Nothing is half made, and no number is leaked or lost.
async fn consistent(server: &Server) -> Result {
    for (what, sql) in BROKEN {
        let found = server.rows(sql).await?;
        ensure!(found.is_empty(), "{what}: {found:?}");
    }
    Ok(())
}
