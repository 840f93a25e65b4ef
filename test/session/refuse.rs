//! What is refused, in words that say what it must be, and leaves nothing behind.

use anyhow::ensure;
use serde_json::{Value, json};

use super::{SESSIONS, consistent, made, order, ours, path, pool};
use crate::events::{call, text, well};
use crate::harness::{Layout, Result, Server};
use crate::messages::with;
use crate::on_both_engines;
use crate::relay::scene::act_well;
use crate::relay::{client, loopback, post};

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";

async fn what_is_wrong_is_named_and_leaves_nothing(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 2).await?;
    let crowd: Vec<String> = (0..51).map(|nth| format!("+1415555{nth:04}")).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let number = ours(0);
    let unknown = format!("pool_{}", "0".repeat(32));
    let of = |people: &[&str], set: Value| order(&pool, people, set);
    for (body, field, words) in [
        (of(&[], json!({})), "participants", "1 to 50"),
        (of(&crowd, json!({})), "participants", "1 to 50"),
        (of(&[ANN, "+1 (415) 555-0101"], json!({})), "participants", "more than once"),
        (of(&["+525512345678", "+5215512345678"], json!({})), "participants", "more than once"),
        (of(&["hello?"], json!({})), "participants[0].address", "phone number"),
        (of(&[ANN, "+1 415"], json!({})), "participants[1].address", "7 to 15 digits"),
        (of(&[ANN, "whatsapp:+14155550102"], json!({})), "participants[1].address", "must not name a channel"),
        (of(&["40404"], json!({})), "participants", "phone number"),
        (of(&[ANN, number.as_str()], json!({})), "participants", "number of this server"),
        (order(&unknown, &[ANN], json!({})), "pool_id", "no such pool"),
        (order("x", &[ANN], json!({})), "pool_id", "no such pool"),
        (of(&[ANN], json!({"mode": "x"})), "mode", "message, voice or both"),
        (of(&[ANN], json!({"labels": "x"})), "labels", "off, name or letter"),
        (of(&[ANN], json!({"ttl": "0s"})), "ttl", "1s at least"),
        (of(&[ANN], json!({"ends_at": "2020-01-01T00:00:00Z"})), "ends_at", "past"),
        (of(&[ANN], json!({"name": ""})), "name", "empty"),
        (of(&[ANN], json!({"unique_name": "x".repeat(192)})), "unique_name", "191"),
        (of(&[ANN], json!({"metadata": {"a": "x".repeat(5_000)}})), "metadata", "4096"),
        (of(&[ANN], json!({"start_text": "x".repeat(1_601)})), "start_text", "1600"),
        (
            json!({"pool_id": pool, "participants": [{"address": ANN, "number": "+15005559999"}]}),
            "participants",
            "pool",
        ),
        (
            json!({"pool_id": pool, "participants": [{"address": ANN}, {"address": BEN, "number": "+0"}]}),
            "participants[1].number",
            "country code",
        ),
    ] {
        let (status, problem) = call(&server, "POST", SESSIONS, Some(body.clone())).await?;
        let detail = problem["detail"].as_str().unwrap_or_default();
        ensure!(status == 400 && problem["field"] == field && detail.contains(words), "{body}: {status} {problem}");
    }
    for table in ["SELECT id FROM sb_session", "SELECT id FROM sb_participant", "SELECT person FROM sb_pair"] {
        ensure!(server.rows(table).await?.is_empty(), "{table}");
    }
    consistent(&server).await
}

/// The longest that may be fits into the store, in whatever letters.
async fn what_is_as_long_as_it_may_be_is_taken(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let set = json!({
        "name": "ж".repeat(256), "unique_name": "ж".repeat(191), "metadata": {"a": "x".repeat(4_088)},
        "start_text": "x".repeat(1_600), "end_text": "x".repeat(1_600),
    });
    let mut body = order(&pool, &[ANN], set.clone());
    body["participants"][0]["name"] = json!("ж".repeat(255));
    let session = well(&server, "POST", SESSIONS, Some(body)).await?;
    let shown = well(&server, "GET", &path(&session)?, None).await?;
    ensure!(shown == with(shown.clone(), set), "{shown}");
    ensure!(shown["participants"][0]["name"] == "ж".repeat(255), "{shown}");
    consistent(&server).await
}

async fn what_another_has_is_a_conflict(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 2).await?;
    made(&server, &pool, &[ANN], json!({"unique_name": "one"})).await?;
    let named = order(&pool, &[BEN], json!({"unique_name": "one"}));
    let (status, problem) = call(&server, "POST", SESSIONS, Some(named)).await?;
    ensure!(status == 409 && problem["detail"].as_str().is_some_and(|said| said.contains("unique_name")), "{problem}");
    let explicit = json!({"pool_id": pool, "participants": [{"address": BEN, "number": ours(1)}]});
    let session = well(&server, "POST", SESSIONS, Some(explicit.clone())).await?;
    ensure!(session["participants"][0]["number"] == ours(1), "{session}");
    let (status, problem) = call(&server, "POST", SESSIONS, Some(explicit)).await?;
    ensure!(status == 409 && problem["detail"].as_str().is_some_and(|said| said.contains(&ours(1))), "{problem}");
    let empty = well(&server, "POST", "/v1/pools", Some(json!({"name": "empty"}))).await?;
    let none = order(empty["id"].as_str().unwrap_or_default(), &[ANN], json!({}));
    let (status, problem) = call(&server, "POST", SESSIONS, Some(none)).await?;
    ensure!(status == 409, "{status} {problem}");
    consistent(&server).await
}

async fn a_client_has_what_is_its_own_and_its_keys_what_they_may(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN], json!({})).await?;
    let other = client(&server, "1").await?;
    let (status, problem) = post(&server, &other.key, SESSIONS, &order(&pool, &[ANN], json!({}))).await?;
    ensure!(status == 400 && problem["field"] == "pool_id", "{status} {problem}");
    let path = format!("{SESSIONS}/{}", session["id"].as_str().unwrap_or_default());
    let asked = server.http.get(server.url(&path)).header("x-proxy-auth", &other.key).send().await?;
    ensure!(asked.status() == 404, "{}", asked.status());
    let keys = format!("/v1/clients/{}/keys", other.id);
    let blind = well(&server, "POST", &keys, Some(json!({"scopes": ["sms", "read"]}))).await?;
    let blind = blind["key"].as_str().unwrap_or_default();
    let (status, problem) = post(&server, blind, SESSIONS, &order(&pool, &[ANN], json!({}))).await?;
    ensure!(status == 403, "{status} {problem}");
    Ok(())
}

/// What a key may not text, it neither makes nor changes.
async fn a_key_stays_within_its_bounds(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let owner = client(&server, "1").await?;
    let pool = act_well(&server, &owner.id, "POST", "/v1/pools", Some(json!({"name": "masks"}))).await?;
    let pool = text(&pool["id"])?;
    let number = json!({"number": ours(0), "account_id": account});
    let number = text(&act_well(&server, &owner.id, "POST", "/v1/numbers", Some(number)).await?["id"])?;
    act_well(&server, &owner.id, "PUT", &format!("/v1/pools/{pool}/numbers/{number}"), None).await?;
    let keys = format!("/v1/clients/{}/keys", owner.id);
    let bound = well(&server, "POST", &keys, Some(json!({"destinations": r"\+237"}))).await?;
    let bound = text(&bound["key"])?;
    let body = order(&pool, &[ANN, BEN], json!({}));
    ensure!(post(&server, &bound, SESSIONS, &body).await?.0 == 403);
    let (status, session) = post(&server, &owner.key, SESSIONS, &body).await?;
    ensure!(status == 201, "{status} {session}");
    let path = server.url(&format!("{SESSIONS}/{}", text(&session["id"])?));
    let refused = server.http.delete(&path).header("x-proxy-auth", &bound).send().await?;
    ensure!(refused.status() == 403, "{}", refused.status());
    let closed = server.http.delete(&path).header("x-proxy-auth", &owner.key).send().await?;
    ensure!(closed.status() == 204, "{}", closed.status());
    consistent(&server).await
}

async fn the_same_request_makes_one_session(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 2).await?;
    let ask = async |body: Value| -> Result<(u16, bool, Value)> {
        let request = server.http.post(server.url(SESSIONS)).bearer_auth(crate::harness::ADMIN);
        let request = request.header("content-type", "application/json").header("idempotency-key", "once");
        let answer = request.body(body.to_string()).send().await?;
        let is_again = answer.headers().contains_key("idempotent-replayed");
        Ok((answer.status().as_u16(), is_again, answer.json().await?))
    };
    let (status, is_again, first) = ask(order(&pool, &[ANN, BEN], json!({"unique_name": "u"}))).await?;
    ensure!(status == 201 && !is_again, "{status} {first}");
    let (status, is_again, second) = ask(order(&pool, &[ANN, BEN], json!({"unique_name": "u"}))).await?;
    ensure!(status == 201 && is_again && first == second, "{status} {second}");
    let (status, _, problem) = ask(order(&pool, &[ANN], json!({}))).await?;
    ensure!(status == 409, "{status} {problem}");
    ensure!(server.rows("SELECT id FROM sb_session").await?.len() == 1);
    Ok(())
}

on_both_engines!(
    what_is_wrong_is_named_and_leaves_nothing,
    what_is_as_long_as_it_may_be_is_taken,
    what_another_has_is_a_conflict,
    a_client_has_what_is_its_own_and_its_keys_what_they_may,
    a_key_stays_within_its_bounds,
    the_same_request_makes_one_session,
);
