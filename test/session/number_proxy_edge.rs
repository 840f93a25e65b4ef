//! Who may use the older number proxy's door, where its new numbers come from, and how many may use it at once.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::SessionId;
use switchboard::store::Change;
use tokio::task::JoinSet;

use super::consistent;
use super::proxied::{ANN, BOB, DOT, Door, NONE, answered, ours};
use crate::events::{text, well};
use crate::harness::{ADMIN, Builder, Layout, Result};
use crate::messages::{drained, person};
use crate::on_both_engines;
use crate::relay::scene::customer;

async fn a_key_may_come_in_any_way_of_the_older_programs(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    let key = &door.key;
    let ask = |method: &str, path: &str| door.request(method, path, None);
    for allowed in [
        ask("GET", "/tn")?.bearer_auth(key),
        ask("GET", "/tn")?.header("x-api-key", key),
        ask("GET", "/session")?.header("x-proxy-auth", key),
        ask("GET", "/session")?.basic_auth("whoever", Some(key)),
    ] {
        let (status, answer) = answered(allowed).await?;
        ensure!(status == 200, "{status} {answer}");
    }
    let post = json!({"to": "12125550199", "from": ANN.0, "body": "x"});
    let with_key = format!("/?key={key}");
    assert_eq!(answered(door.request("POST", &with_key, Some(&post))?).await?, (200, json!("")));
    assert_eq!(answered(door.request("POST", "/", Some(&post))?.basic_auth("", Some(key))).await?.0, 200);
    let other = Door::key(&door.server, &door.client, &["sms", "read"]).await?;
    for (refused, wanted) in [
        (ask("GET", "/tn")?, 401),
        (ask("GET", &format!("/tn?key={key}"))?, 401),
        (door.request("POST", "/", Some(&post))?, 401),
        (door.request("POST", "/?key=wrong", Some(&post))?, 401),
        (ask("GET", "/tn")?.header("x-api-key", "wrong"), 401),
        (ask("GET", "/tn")?.basic_auth("whoever", Some("wrong")), 401),
        (ask("GET", "/tn")?.bearer_auth(&other), 403),
        // elsewhere these are no ways
        (ask("GET", "/v1/sessions")?.header("x-api-key", key), 401),
        (ask("GET", &format!("/v1/sessions?key={key}"))?, 401),
    ] {
        let (status, answer) = answered(refused).await?;
        ensure!(status == wanted && answer.is_object(), "{status} {answer}");
    }
    ensure!(!door.server.log()?.contains(key), "no key is logged");
    Ok(())
}

/// What one client has there is nothing to another.
async fn each_client_has_a_pool_of_its_own(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    let made = door.session().await?;
    let other = customer(&door.server, "1", json!({})).await?;
    let key = Door::key(&door.server, &other, &["sessions"]).await?;
    let ask = async |method: &str, path: &str, body: Option<Value>| {
        answered(door.request(method, path, body.as_ref())?.bearer_auth(&key)).await
    };
    assert_eq!(ask("GET", "/tn", None).await?.1["pool_size"], 0);
    assert_eq!(ask("GET", "/session", None).await?.1["total_sessions"], 0);
    assert_eq!(ask("DELETE", "/tn", Some(json!({"value": ours(0)}))).await?.0, 404);
    let id = json!({"session_id": made["session_id"]});
    assert_eq!(ask("DELETE", "/session", Some(id)).await?.0, 404);
    let (status, answer) =
        ask("POST", "/session", Some(json!({"participant_a": ANN.0, "participant_b": BOB.0}))).await?;
    ensure!(status == 400 && answer["status"] == "failed", "without a number: {status} {answer}");
    let post = json!({"to": ours(0), "from": ANN.0, "body": "x"});
    assert_eq!(ask("POST", "/", Some(post)).await?.0, 200);
    crate::inbound::play::settled(&door.server).await?;
    assert_eq!(door.server.rows("SELECT id FROM sb_message WHERE direction = 'inbound'").await?.len(), 0);
    drained(&door.server).await?;
    consistent(&door.server).await
}

/// It may text one of the two.
async fn a_key_ends_only_what_it_may_text(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    let made = door.session().await?;
    let key = json!({"scopes": ["sessions"], "destinations": ANN.1.replace('+', r"\+")});
    let key = well(&door.server, "POST", &format!("/v1/clients/{}/keys", door.client), Some(key)).await?;
    let id = json!({"session_id": made["session_id"]});
    let refused = door.request("DELETE", "/session", Some(&id))?.bearer_auth(text(&key["key"])?);
    assert_eq!(answered(refused).await?.0, 403);
    assert_eq!(door.well("GET", "/session", None).await?["total_sessions"], 1);
    door.well("DELETE", "/session", Some(id)).await?;
    drained(&door.server).await?;
    consistent(&door.server).await
}

/// On both sides of the border: the older system knew none.
async fn the_two_may_be_anywhere(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    let body = json!({"participant_a": "14165550101", "participant_b": "+447700900123"});
    let made = door.well("POST", "/session", Some(body)).await?;
    assert_eq!(made["virtual_tn"], ours(0));
    drained(&door.server).await?;
    consistent(&door.server).await
}

async fn a_development_server_is_open_and_brings_numbers_by_itself(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.dev().start().await?;
    let ask = async |method: &str, path: &str, body: Value| {
        answered(server.http.request(method.parse()?, server.url(path)).body(body.to_string())).await
    };
    assert_eq!(ask("POST", "/tn", json!({"value": ours(0)})).await?.0, 200);
    let (status, taken) = ask("POST", "/tn", json!({"value": "15005550006"})).await?;
    ensure!(status == 400 && taken["reason"] == "duplicate virtual TN", "the operator's: {status} {taken}");
    let (status, made) = ask("POST", "/session", json!({"participant_a": ANN.0, "participant_b": BOB.0})).await?;
    ensure!(status == 200 && made["virtual_tn"] == ours(0), "{status} {made}");
    let post = json!({"to": ours(0), "from": ANN.0, "body": "hello", "id": "1"});
    assert_eq!(ask("POST", "/", post).await?.0, 200);
    crate::inbound::play::settled(&server).await?;
    drained(&server).await?;
    let heard = well(&server, "GET", "/v1/loopback/messages?to=%2B14155550102", None).await?;
    ensure!(heard["data"][0]["body"] == "hello", "{heard}");
    let (status, answer) = answered(server.http.get(server.url("/tn")).bearer_auth("wrong")).await?;
    ensure!(status == 401, "a key that is brought must be one: {status} {answer}");
    consistent(&server).await
}

async fn new_numbers_are_on_the_older_system_s_own_account(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("compat.number_proxy.none_text", "");
    let builder = builder.set("provider.flowroute_base_url", "http://127.0.0.1:9");
    let builder = builder.environment("FLOWROUTE_ACCESS_KEY", "12345").environment("FLOWROUTE_SECRET_KEY", "hush");
    let server = builder.environment("ORG_NAME", "Acme").start().await?.restart().await?;
    let accounts = well(&server, "GET", "/v1/accounts", None).await?;
    let account = &accounts["data"][0];
    ensure!(accounts["data"].as_array().map(Vec::len) == Some(1), "one, however often it starts: {accounts}");
    ensure!(account["provider"] == "flowroute" && !accounts.to_string().contains("hush"), "{accounts}");
    let client = customer(&server, "100", json!({})).await?;
    let key = Door::key(&server, &client, &["sessions"]).await?;
    let ask = async |path: &str, body: Value| {
        answered(server.http.post(server.url(path)).bearer_auth(&key).body(body.to_string())).await
    };
    assert_eq!(ask("/tn", json!({"value": ours(0)})).await?.0, 200);
    let numbers = server.http.get(server.url("/v1/numbers")).bearer_auth(ADMIN).header("switchboard-client", &client);
    let (_, numbers) = answered(numbers).await?;
    let number = &numbers["data"][0];
    ensure!(number["account_id"] == account["id"] && number["number"] == format!("+{}", ours(0)), "{numbers}");
    // a text that comes twice, in the carrier's two shapes, is one
    let attributes = json!({"to": ours(0), "from": ANN.0, "body": "hello"});
    assert_eq!(ask("/", json!({"data": {"id": "mdr2-1", "attributes": attributes}})).await?.0, 200);
    let flat = json!({"id": "mdr2-1", "to": ours(0), "from": ANN.0, "body": "hello"});
    assert_eq!(ask("/", flat).await?.0, 200);
    crate::inbound::play::settled(&server).await?;
    let texts = server.rows("SELECT body FROM sb_message WHERE direction = 'inbound'").await?;
    assert_eq!(texts, [["hello"]]);
    Ok(())
}

/// Strangers are told each time, but for a program that answers whatever it is told.
async fn what_answers_by_itself_is_told_so_often_and_no_more(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    for nth in 0..35 {
        let post = json!({"to": ours(0), "from": DOT.0, "body": "I am away.", "id": format!("mdr{nth}")});
        assert_eq!(door.ask("POST", "/", Some(post)).await?.0, 200);
    }
    crate::inbound::play::settled(&door.server).await?;
    let heard = door.heard(DOT.1).await?;
    ensure!(heard.len() == 30 && heard.iter().all(|(_, body)| body == NONE), "{}: {heard:?}", heard.len());
    // others are told still
    door.text(ANN.0, &ours(0), "hello?", "mdr-ann").await?;
    assert_eq!(door.heard(ANN.1).await?.len(), 1);
    Ok(())
}

/// A session like another, with neither people nor numbers.
pub const COPY: &str = "INSERT INTO sb_session (id, client_id, pool_id, mode, state, door, settings, sequence, \
     created_ms, changed_ms) \
     SELECT ?, client_id, pool_id, mode, state, door, settings, sequence, created_ms, changed_ms FROM sb_session \
     WHERE id = ?";

/// More than are read at once.
async fn a_long_list_has_each_session_once(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    let last = SessionId::from_hex(&text(&door.session().await?["session_id"])?)?;
    let (mut change, mut wanted) = (Change::new(), BTreeSet::from([last.hex()]));
    for made_ms in 1..=600 {
        let id = SessionId::new(made_ms);
        wanted.insert(id.hex());
        change = change.run(COPY, vec![id.into(), last.into()]);
    }
    door.server.home().databases.store()?.commit(change).await?;
    let listed = door.well("GET", "/session", None).await?;
    let shown = listed["sessions"].as_array().context("no list")?;
    let ids: Vec<String> = shown.iter().map(|one| text(&one["id"])).collect::<Result<_>>()?;
    ensure!(ids.is_sorted_by(|one, next| one > next), "newest first: {ids:?}");
    ensure!(listed["total_sessions"] == wanted.len() && ids.len() == wanted.len(), "{} are listed", ids.len());
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), wanted);
    ensure!(shown.iter().all(|one| one["participant_b"] == BOB.0), "{listed}");
    drained(&door.server).await
}

/// The older load test in small: one after the other, each soon after the one before, and none fails.
async fn many_sessions_are_made_soon_after_each_other(layout: Layout) -> Result {
    const SESSIONS: usize = 60;
    let door = Door::open(layout).await?;
    door.numbers(SESSIONS).await?;
    let mut all = JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for nth in 0..SESSIONS {
        tick.tick().await;
        let body = json!({"participant_a": person(nth), "participant_b": person(1_000 + nth)});
        all.spawn(answered(door.request("POST", "/session", Some(&body))?.bearer_auth(&door.key)));
    }
    let mut numbers = BTreeSet::new();
    for made in all.join_all().await {
        let (status, made) = made?;
        ensure!(status == 200, "{status} {made}");
        numbers.insert(text(&made["virtual_tn"])?);
    }
    assert_eq!(numbers.len(), SESSIONS, "each has a number of its own");
    let listed = door.well("GET", "/session", None).await?;
    let shown: BTreeSet<String> = listed["sessions"]
        .as_array()
        .context("no list")?
        .iter()
        .map(|one| text(&one["virtual_tn"]))
        .collect::<Result<_>>()?;
    ensure!(listed["total_sessions"] == SESSIONS && shown == numbers, "{listed}");
    assert_eq!(door.well("GET", "/tn", None).await?["in_use"], SESSIONS);
    drained(&door.server).await?;
    consistent(&door.server).await
}

on_both_engines!(
    a_key_may_come_in_any_way_of_the_older_programs,
    each_client_has_a_pool_of_its_own,
    a_key_ends_only_what_it_may_text,
    the_two_may_be_anywhere,
    a_development_server_is_open_and_brings_numbers_by_itself,
    new_numbers_are_on_the_older_system_s_own_account,
    what_answers_by_itself_is_told_so_often_and_no_more,
    a_long_list_has_each_session_once,
    many_sessions_are_made_soon_after_each_other,
);
