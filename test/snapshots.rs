//! The JSON of answers, as clients read it: a snapshot each, in `snapshots/` or inline in the resource's own test,
//! without what differs from run to run.
//!
//! A snapshot that no longer fits is a change of the API. Where it is meant, `INSTA_UPDATE=always make test
//! ARGS="--test doors snapshots"` takes what is shown now, and the diff shows who reads the API what has changed.

mod schemas;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::receiver::Receiver;
use crate::events::{builder, call, delivery, endpoint, text, well};
use crate::harness::carrier::ACCOUNT;
use crate::harness::{ADMIN, Carrier, Layout, Phone, Result, Server, USER, until};
use crate::messages::{self, drained, fetch, in_state};
use crate::relay::client::{By, ask, client, key, key_text, now_ms};
use crate::relay::number_import::HELD;
use crate::relay::scene::{act_well, tamper};

const OURS: &str = "+33612345699";
const PERSON: &str = "+33612345678";

/// Random, and without a shape by which it could be told.
const RANDOM: [&str; 3] = ["auth_token", "fingerprint", "provider_id"];

/// Holds what was answered against the snapshot of this name.
fn hold(name: &str, answer: &Value) -> Result {
    let shown = serde_json::to_string_pretty(&steady("", answer))?;
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, shown));
    Ok(())
}

/// Holds what was answered against a snapshot that stands in the resource's own test; where it no longer fits, the
/// failure shows what to write there. `_schemas`: what of the description it shows, which `schemas.rs` reads in the
/// source.
pub fn hold_inline(_schemas: &[&str], answer: &Value, wanted: &Value) -> Result {
    let shown = steady("", answer);
    ensure!(shown == *wanted, "it is shown as {shown:#}");
    Ok(())
}

/// The same with words in place of times, ids and secrets.
fn steady(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), steady(name, value))).collect(),
        Value::Array(items) => items.iter().map(|item| steady(name, item)).collect(),
        Value::String(text) if RANDOM.contains(&name) => format!("(random, {})", text.len()).into(),
        Value::String(text) => steady_text(text).into(),
        other => other.clone(),
    }
}

fn steady_text(text: &str) -> String {
    let is_id = |rest: &str| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit());
    let is_time = text.len() == 24 && text.ends_with('Z') && text.get(10..11) == Some("T");
    if is_time {
        return "(time)".to_owned();
    }
    for secret in ["sbkey", "whsec_"] {
        if text.starts_with(secret) {
            return format!("{secret}… ({})", text.len());
        }
    }
    for prefix in ["AC", "LB", "SK"] {
        if text.strip_prefix(prefix).is_some_and(is_id) {
            return format!("{prefix}…");
        }
    }
    match text.split_once('_') {
        Some((prefix, rest)) if is_id(rest) => format!("{prefix}_…"),
        _ => text.to_owned(),
    }
}

/// A loopback account with one number.
async fn set_up(server: &Server) -> Result<(Value, Value)> {
    let account = json!({"provider": "loopback", "name": "local", "credentials": {}});
    let account = well(server, "POST", "/v1/accounts", Some(account)).await?;
    let number = json!({"number": OURS, "account_id": account["id"], "capabilities": ["sms", "voice"]});
    let number = well(server, "POST", "/v1/numbers", Some(number)).await?;
    Ok((account, number))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sends_and_where_to() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let (account, number) = set_up(&server).await?;
    hold("account", &account)?;
    hold("number", &number)?;
    let carried = format!("/v1/accounts/{}/numbers", text(&account["id"])?);
    hold("account_number", &well(&server, "GET", &carried, None).await?["data"][0])?;
    hold("imported_numbers", &well(&server, "POST", &carried, Some(json!({}))).await?)?;
    tamper(&server, HELD).await?;
    let imports = well(&server, "GET", "/v1/number-imports", None).await?;
    let is_held = |import: &&Value| import["state"] == "writing";
    hold("number_import", imports["data"].as_array().and_then(|all| all.iter().find(is_held)).context("not listed")?)?;
    let pool = well(&server, "POST", "/v1/pools", Some(json!({"name": "front desk"}))).await?;
    let member = format!("/v1/pools/{}/numbers/{}", text(&pool["id"])?, text(&number["id"])?);
    well(&server, "PUT", &member, None).await?;
    let route = json!({"priority": 10, "pattern": r"\+33", "account_id": account["id"], "channel": "sms"});
    hold("route", &well(&server, "POST", "/v1/routes", Some(route)).await?)?;
    let rate = json!({"channel": "sms", "prefix": "33", "price": "0.0075"});
    hold("rate", &well(&server, "POST", "/v1/rates", Some(rate)).await?)?;
    hold("lookup", &well(&server, "GET", &format!("/v1/lookup/{PERSON}"), None).await?)?;
    let opt_out = format!("/v1/opt-outs/{OURS}/{PERSON}");
    hold("opt_out", &well(&server, "PUT", &opt_out, Some(json!({"is_out": true}))).await?)?;
    hold("page", &well(&server, "GET", "/v1/pools?limit=1", None).await?)?;
    hold("problem", &call(&server, "GET", "/v1/pools?limit=0", None).await?.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_and_pays() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let ann = client(&server, "Ann", json!({"balance": "10", "email": "ann@example.com"})).await?;
    hold("client", &ann)?;
    hold("key", &key(&server, &ann, json!({"name": "shop"})).await?)?;
    let ann = text(&ann["id"])?;
    let credit = json!({"kind": "credit", "amount": "2.5"});
    hold("posted_entry", &well(&server, "POST", &format!("/v1/clients/{ann}/ledger"), Some(credit)).await?)?;
    hold("balance", &act_well(&server, &ann, "GET", "/v1/balance", None).await?)?;
    let log = well(&server, "GET", &format!("/v1/audit?object={ann}"), None).await?;
    hold("audit_entry", log["data"].as_array().and_then(|all| all.last()).context("no entry")?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_and_told() -> Result {
    let (server, receiver) = (builder(Layout::SqliteShared).await?.start().await?, Receiver::start().await?);
    set_up(&server).await?;
    let listener = json!({"url": "https://example.com/events", "description": "orders", "event_types": ["call.*"]});
    hold("endpoint", &well(&server, "POST", "/v1/endpoints", Some(listener)).await?)?;
    let (listening, _) = endpoint(&server, &receiver.url("/"), &["message.accepted"]).await?;
    hold("endpoint_test", &well(&server, "POST", &format!("/v1/endpoints/{listening}/test"), None).await?)?;
    hold("callback_secret", &well(&server, "GET", "/v1/endpoints/callback-secret", None).await?)?;
    let message = json!({"to": PERSON, "body": "Your table is ready.", "metadata": {"order": "17"}});
    let accepted = well(&server, "POST", "/v1/messages", Some(message)).await?;
    hold("message", &accepted)?;
    let id = text(&accepted["id"])?;
    in_state(&server, &id, "delivered").await?;
    drained(&server).await?;
    hold("message_with_history", &fetch(&server, &id).await?)?;
    hold("loopback_message", &well(&server, "GET", "/v1/loopback/messages", None).await?["data"][0])?;

    let events = well(&server, "GET", "/v1/events?type=message.accepted", None).await?;
    hold("event", &events["data"][0])?;
    let event = text(&events["data"][0]["id"])?;
    delivery(&server, &event, "delivered").await?;
    hold("event_with_deliveries", &well(&server, "GET", &format!("/v1/events/{event}"), None).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    set_up(&server).await?;
    let call = json!({"to": PERSON, "twiml": "<Response><Say>Hello</Say></Response>"});
    let placed = well(&server, "POST", "/v1/calls", Some(call)).await?;
    hold("call", &placed)?;
    let path = format!("/v1/calls/{}", text(&placed["id"])?);
    drained(&server).await?;
    let mut over = until("the end of the call", async || {
        let call = well(&server, "GET", &path, None).await?;
        // it is over as soon as the last receipt is in, which may overtake another
        let has_all = call["receipts"].as_array().is_some_and(|receipts| receipts.len() == 4);
        Ok((call["status"] == "completed" && has_all).then_some(call))
    })
    .await?;
    // those of one millisecond have no order
    over["receipts"].as_array_mut().context("no receipts")?.sort_by_key(|receipt| receipt["word"].to_string());
    hold("call_with_attempts", &over)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_explained_taken_and_refused() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let (account, _) = set_up(&server).await?;
    let route = json!({"priority": 10, "pattern": r"\+33", "account_id": account["id"]});
    let route = text(&well(&server, "POST", "/v1/routes", Some(route)).await?["id"])?;
    let mut explained = well(&server, "GET", "/v1/routes/explain?to=%2B33612345678", None).await?;
    explained["reason"] = text(&explained["reason"])?.replace(&route, "rte_…").into();
    hold("explanation", &explained)?;
    let card = server.http.post(server.url("/v1/rates.csv")).bearer_auth(ADMIN).header("content-type", "text/csv");
    let imported = card.body("channel,prefix,price\nsms,33,0.0075\n").send().await?;
    hold("imported_rates", &imported.json().await?)?;
    let played = json!({"from": PERSON, "to": OURS, "body": "Is it?"});
    hold("loopback_taken", &well(&server, "POST", "/v1/loopback/inbound", Some(played)).await?)?;
    let message = json!({"to": "+15005550012", "body": "Your table is ready."});
    let refused = well(&server, "POST", "/v1/messages", Some(message)).await?;
    hold("message_failed", &in_state(&server, &text(&refused["id"])?, "failed").await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_rests_and_its_tokens() -> Result {
    let carrier = Carrier::start().await?;
    let builder = messages::builder(Layout::SqliteShared, &carrier).await?.set("outbox.breaker_rest", "10m");
    let (server, account) = messages::ready(builder).await?;
    let account = format!("/v1/accounts/{account}");
    let credentials = json!({"account_sid": ACCOUNT, "auth_token": "new"});
    let change = json!({"credentials": credentials, "next_token": "newer", "check": false});
    well(&server, "PATCH", &account, Some(change)).await?;
    carrier.behave(json!({"do": "status", "status": 401})).await?;
    well(&server, "POST", "/v1/messages", Some(json!({"to": PERSON, "body": "hello"}))).await?;
    let resting = until("the account to rest", async || {
        let shown = well(&server, "GET", &account, None).await?;
        Ok((!shown["resting"].is_null()).then_some(shown))
    });
    hold("account_resting", &resting.await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_sees_that_may_not_read() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let (account, _) = set_up(&server).await?;
    let ann = client(&server, "Ann", json!({"balance": "10"})).await?;
    let blind = json!({"scopes": ["sms", "voice"], "account_id": account["id"]});
    let (ann, blind) = (text(&ann["id"])?, key_text(&server, &ann, blind).await?);
    let act = async |method: &str, path: &str, body: Option<Value>| {
        let (status, _, answer) = ask(&server, By::Proxy(&blind), method, path, body).await?;
        ensure!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        anyhow::Ok(answer)
    };
    let later = switchboard::model::rfc3339(now_ms() + 600_000);
    let message = act("POST", "/v1/messages", Some(json!({"to": PERSON, "body": "hello", "send_at": later}))).await?;
    hold("message_state", &act("DELETE", &format!("/v1/messages/{}", text(&message["id"])?), None).await?)?;
    // it lasts until it is ended
    let call = act("POST", "/v1/calls", Some(json!({"to": "+15005550018", "twiml": "<Response/>"}))).await?;
    let path = format!("/v1/calls/{}", text(&call["id"])?);
    until("a call that was answered", async || {
        let call = act_well(&server, &ann, "GET", &path, None).await?;
        Ok((call["status"] == "in-progress").then_some(()))
    })
    .await?;
    let mut ended = act("DELETE", &path, None).await?;
    // that it was hung up may be told a little later
    ensure!(["in-progress", "completed"].iter().any(|status| ended["status"] == *status), "{ended}");
    ended["status"] = "(as it stands)".into();
    hold("call_state", &ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_and_types_of_events() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    Phone::new()?.pair(&server, USER, &server.sid(USER).await?).await?;
    let devices = well(&server, "GET", &format!("/v1/users/{USER}/devices"), None).await?;
    hold("device", &devices["data"][0])?;
    let types = well(&server, "GET", "/v1/event-types", None).await?;
    let rows = types["data"].as_array().context("no list")?;
    let received = rows.iter().find(|row| row["name"] == "message.received").context("not listed")?;
    hold("event_type", received)
}

#[test]
fn what_differs_is_left_out_and_nothing_else() -> Result {
    let id = "0123456789abcdef".repeat(2);
    let shown = json!({
        "id": format!("msg_{id}"), "sid": format!("AC{id}"), "at": "2026-01-01T00:00:00.000Z", "key": "sbkeyAbC",
        "fingerprint": "0123456789abcdef", "all": [format!("call_{id}"), "opt_out.set", "in-progress", 7, null],
    });
    let wanted = json!({
        "id": "msg_…", "sid": "AC…", "at": "(time)", "key": "sbkey… (8)",
        "fingerprint": "(random, 16)",
        "all": ["call_…", "opt_out.set", "in-progress", 7, null],
    });
    ensure!(steady("", &shown) == wanted, "{}", steady("", &shown));
    Ok(())
}
