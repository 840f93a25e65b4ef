//! Clients: made, changed, deactivated; their secrets are shown once.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::adversity::secrecy::dump;
use crate::events::{call, text, well};
use crate::harness::{ADMIN, Builder, Layout, Result, Server};
use crate::messages::with;
use crate::on_both_engines;

/// Who asks.
#[derive(Clone, Copy)]
pub enum By<'a> {
    Nobody,
    /// An administrator who acts for a client.
    AdminFor(&'a str),
    Proxy(&'a str),
    Bearer(&'a str),
    Basic(&'a str, &'a str),
}

/// A call: status, headers and answer.
pub async fn ask(
    server: &Server,
    by: By<'_>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<(u16, HeaderMap, Value)> {
    let request = server.http.request(method.parse()?, server.url(path));
    let request = match by {
        By::Nobody => request,
        By::AdminFor(client) => request.bearer_auth(ADMIN).header("switchboard-client", client),
        By::Proxy(key) => request.header("x-proxy-auth", key),
        By::Bearer(key) => request.bearer_auth(key),
        By::Basic(user, password) => {
            request.header("authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
        }
    };
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    };
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let said = response.text().await?;
    let answer = if said.is_empty() { Value::Null } else { serde_json::from_str(&said).context(said)? };
    Ok((status, headers, answer))
}

/// Only the status of a call.
pub async fn status(server: &Server, by: By<'_>, method: &str, path: &str) -> Result<u16> {
    let body = matches!(method, "POST" | "PATCH" | "PUT").then(|| json!({}));
    Ok(ask(server, by, method, path, body).await?.0)
}

/// Makes a client, with what else is to be set.
pub async fn client(server: &Server, name: &str, set: Value) -> Result<Value> {
    well(server, "POST", "/v1/clients", Some(with(json!({"name": name}), set))).await
}

/// Gives a client a key, with what else is to be set.
pub async fn key(server: &Server, client: &Value, set: Value) -> Result<Value> {
    let path = format!("/v1/clients/{}/keys", text(&client["id"])?);
    well(server, "POST", &path, Some(set)).await
}

/// The same; the key itself.
pub async fn key_text(server: &Server, client: &Value, set: Value) -> Result<String> {
    text(&key(server, client, set).await?["key"])
}

/// A loopback account with a number of the operator; the account's id.
pub async fn loopback(server: &Server) -> Result<String> {
    let account =
        well(server, "POST", "/v1/accounts", Some(json!({"provider": "loopback", "credentials": {}}))).await?;
    let id = text(&account["id"])?;
    well(server, "POST", "/v1/numbers", Some(json!({"number": "+15005550100", "account_id": id}))).await?;
    Ok(id)
}

pub const TO: &str = "+14155550100";

async fn a_client_is_made_changed_and_listed(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let profile = json!({
        "email": "ann@example.com", "company": "Example Ltd", "phone": "+1", "address": "1 Street", "site": "https://x",
        "notes": "é", "balance": "12.5", "credit_limit": 3, "low_at": "1.000001",
    });
    let made = client(&server, "Ann", profile.clone()).await?;
    let id = text(&made["id"])?;
    for (field, value) in profile.as_object().context("profile")? {
        let wanted = match field.as_str() {
            "balance" => "12.5000".into(),
            "credit_limit" => "3.0000".into(),
            _ => value.clone(),
        };
        ensure!(made[field] == wanted, "{field}: {made}");
    }
    ensure!(made["name"] == "Ann" && made["is_active"] == true, "{made}");
    ensure!(made["sid"] == format!("AC{}", id.trim_start_matches("cli_")).as_str(), "{made}");
    ensure!(text(&made["auth_token"])?.len() == 32, "{made}");
    let entries = server.rows("SELECT kind, amount FROM sb_ledger").await?;
    assert_eq!(entries, [["credit", "12500000"]]);
    let path = format!("/v1/clients/{id}");
    let fetched = well(&server, "GET", &path, None).await?;
    ensure!(fetched["auth_token"].is_null() && fetched["balance"] == "12.5000", "{fetched}");

    let change = json!({"name": "Anna", "email": null, "low_at": null, "notes": "other", "credit_limit": "0"});
    let changed = well(&server, "PATCH", &path, Some(change)).await?;
    ensure!(changed["name"] == "Anna" && changed["email"].is_null() && changed["low_at"].is_null(), "{changed}");
    ensure!(changed["notes"] == "other" && changed["company"] == "Example Ltd", "what was not named stays: {changed}");
    ensure!(changed["credit_limit"] == "0.0000" && changed["balance"] == "12.5000", "{changed}");

    let poor = client(&server, "Bob", json!({})).await?;
    ensure!(poor["balance"] == "0.0000" && poor["credit_limit"] == "0.0000" && poor["low_at"].is_null(), "{poor}");
    assert_eq!(server.rows("SELECT COUNT(*) FROM sb_ledger").await?.concat(), ["1"], "nothing paid in, no entry");
    let first = well(&server, "GET", "/v1/clients?limit=1", None).await?;
    ensure!(first["data"][0]["name"] == "Bob" && first["data"][1].is_null(), "newest first: {first}");
    let rest = format!("/v1/clients?cursor={}", text(&first["next_cursor"])?);
    let rest = well(&server, "GET", &rest, None).await?;
    ensure!(rest["data"][0]["name"] == "Anna" && rest["data"][1].is_null(), "the operator is none: {rest}");
    ensure!(rest["next_cursor"].is_null(), "{rest}");
    Ok(())
}

async fn what_is_wrong_in_a_client_is_named(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    for (field, body) in [
        ("name", json!({})),
        ("name", json!({"name": ""})),
        ("name", json!({"name": "  "})),
        ("name", json!({"name": "x".repeat(129)})),
        ("notes", json!({"name": "x", "notes": "x".repeat(4001)})),
        ("balance", json!({"name": "x", "balance": "-1"})),
        ("balance", json!({"name": "x", "balance": "0.0000001"})),
        ("balance", json!({"name": "x", "balance": "1000000000.1"})),
        ("credit_limit", json!({"name": "x", "credit_limit": "-0.1"})),
        ("low_at", json!({"name": "x", "low_at": "much"})),
        ("is_active", json!({"name": "x", "is_active": true})),
    ] {
        let (status, problem) = call(&server, "POST", "/v1/clients", Some(body.clone())).await?;
        ensure!(status == 400 && problem["field"] == field, "{body}: {status} {problem}");
    }
    let known = text(&client(&server, "x", json!({})).await?["id"])?;
    let path = format!("/v1/clients/{known}");
    for (field, body) in [("name", json!({"name": ""})), ("balance", json!({"balance": "1"}))] {
        let (status, problem) = call(&server, "PATCH", &path, Some(body)).await?;
        ensure!(status == 400 && problem["field"] == field, "{status} {problem}");
    }
    // what it owes may not become more than its credit
    let owes =
        switchboard::store::Change::new().run("UPDATE sb_balance SET balance = -5, credit_limit = 9", Vec::new());
    server.home().databases.store()?.commit(owes).await?;
    let (status, problem) = call(&server, "PATCH", &path, Some(json!({"credit_limit": "0"}))).await?;
    ensure!(status == 409, "{status} {problem}");
    let operator = "cli_00000000000000000000000000000001";
    for id in ["cli_1", "x", "cli_0000000000000000000000000000000f", operator] {
        for (method, path) in [
            ("GET", format!("/v1/clients/{id}")),
            ("PATCH", format!("/v1/clients/{id}")),
            ("DELETE", format!("/v1/clients/{id}")),
            ("POST", format!("/v1/clients/{id}/token")),
            ("GET", format!("/v1/clients/{id}/keys")),
            ("POST", format!("/v1/clients/{id}/keys")),
        ] {
            let body = (method != "GET").then(|| json!({}));
            let (status, answer) = call(&server, method, &path, body).await?;
            ensure!(status == 404, "{method} {path}: {status} {answer}");
        }
    }
    assert_eq!(server.rows("SELECT COUNT(*) FROM sb_client WHERE is_active = 1").await?.concat(), ["2"]);
    Ok(())
}

async fn secrets_are_shown_once_and_stored_nowhere(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let made = client(&server, "Ann", json!({})).await?;
    let key = key_text(&server, &made, json!({})).await?;
    let (id, token) = (text(&made["id"])?, text(&made["auth_token"])?);
    // Twilio's own programs check this alphabet
    let random = key.strip_prefix("sbkey").context("no prefix")?;
    ensure!(random.len() == 40 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
    let rotated = well(&server, "POST", &format!("/v1/clients/{id}/token"), None).await?;
    let newer = text(&rotated["auth_token"])?;
    ensure!(newer != token, "rotated");
    let sid = text(&made["sid"])?;
    assert_eq!(status(&server, By::Basic(&sid, &newer), "GET", "/v1/messages").await?, 200);
    assert_eq!(status(&server, By::Basic(&sid, &token), "GET", "/v1/messages").await?, 401, "the old one ends");
    for path in
        [format!("/v1/clients/{id}"), "/v1/clients".into(), format!("/v1/clients/{id}/keys"), "/v1/audit".into()]
    {
        let shown = well(&server, "GET", &path, None).await?.to_string();
        ensure!(!shown.contains("auth_token") && !shown.contains(&key) && !shown.contains(&newer), "{path}: {shown}");
    }
    let (store, log) = (dump(&server, layout).await?, server.log()?);
    // hashes are kept as bytes: one without a key would lie there so
    let unkeyed = switchboard::crypto::hash::sha256_hex(key.as_bytes());
    let raw = hex::decode(&unkeyed)?;
    ensure!(!store.windows(raw.len()).any(|window| window == raw), "the store holds a hash without a key");
    for secret in [random, &token, &newer, &unkeyed] {
        let is_in = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        ensure!(!is_in(&store), "the store holds {secret}");
        ensure!(!is_in(log.as_bytes()), "the log holds {secret}");
    }
    // the search above finds what is there
    let name = b"Ann";
    ensure!(store.windows(name.len()).any(|window| window == name));
    Ok(())
}

async fn a_deactivated_client_is_refused_and_comes_back(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let made = client(&server, "Ann", json!({"balance": "1"})).await?;
    let (id, sid, token) = (text(&made["id"])?, text(&made["sid"])?, text(&made["auth_token"])?);
    let key = key_text(&server, &made, json!({"account_id": account})).await?;
    let at = switchboard::model::rfc3339(now_ms() + 600_000);
    let later = json!({"to": TO, "body": "hello", "send_at": at});
    let (_, _, message) = ask(&server, By::Proxy(&key), "POST", "/v1/messages", Some(later)).await?;
    ensure!(
        message["cost"] == "0.0075" && message["channel"] == "sms" && message["refunded_at"].is_null(),
        "{message}"
    );
    let one = format!("/v1/messages/{}", text(&message["id"])?);

    let path = format!("/v1/clients/{id}");
    assert_eq!(call(&server, "DELETE", &path, None).await?.0, 204);
    for by in [By::Proxy(&key), By::Bearer(&key), By::Basic(&sid, &key), By::Basic(&sid, &token)] {
        assert_eq!(status(&server, by, "GET", "/v1/messages").await?, 401);
    }
    ensure!(well(&server, "GET", &path, None).await?["is_active"] == false);
    let (made_status, _) = call(&server, "POST", &format!("{path}/keys"), Some(json!({}))).await?;
    assert_eq!(made_status, 409, "no keys for it");
    // an administrator still sees what is under way, and takes it back; nothing new is sent
    let new = json!({"to": TO, "body": "more"});
    assert_eq!(ask(&server, By::AdminFor(&id), "POST", "/v1/messages", Some(new)).await?.0, 403);
    let (canceled, _, message) = ask(&server, By::AdminFor(&id), "DELETE", &one, None).await?;
    ensure!(canceled == 200 && message["state"] == "canceled" && message["refunded_at"].is_string(), "{message}");
    ensure!(well(&server, "GET", &path, None).await?["balance"] == "1.0000", "given back");

    well(&server, "PATCH", &path, Some(json!({"is_active": true}))).await?;
    assert_eq!(status(&server, By::Proxy(&key), "GET", "/v1/messages").await?, 200);
    Ok(())
}

pub fn now_ms() -> i64 {
    switchboard::model::Clock::default().now_ms()
}

async fn the_demo_client_is_seeded_once(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.dev().start_unseeded().await?;
    let demo = "/v1/clients/cli_00000000000000000000000000000111";
    well(&server, "PATCH", demo, Some(json!({"notes": "changed"}))).await?;
    let server = server.restart().await?;
    let found = well(&server, "GET", demo, None).await?;
    ensure!(found["name"] == "demo" && found["balance"] == "100.0000" && found["notes"] == "changed", "{found}");
    let entries = server.rows("SELECT kind, amount FROM sb_ledger").await?;
    assert_eq!(entries, [["credit", "100000000"]]);
    for secret in [DEMO_SECRET, OLDER_SECRET] {
        serves_the_demo_client(&server, secret).await?;
    }
    assert_eq!(status(&server, By::Basic(DEMO_SKID, OLDER_SECRET), "GET", "/v1/messages").await?, 200);
    Ok(())
}

pub const DEMO_SID: &str = "AC00000000000000000000000000000111";
pub const DEMO_SECRET: &str = "de000000000000000000000000000111";
const DEMO_SKID: &str = "SK00000000000000000000000000000111";
/// What it was known by before.
pub const OLDER_SECRET: &str = "dev-key-111";

/// As a key, and as the token, which alone may do all.
async fn serves_the_demo_client(server: &Server, secret: &str) -> Result {
    for by in [By::Proxy(secret), By::Bearer(secret), By::Basic(DEMO_SID, secret)] {
        assert_eq!(status(server, by, "GET", "/v1/messages").await?, 200, "{secret}");
    }
    let endpoint = json!({"url": "https://example.com/"});
    let (made, _, answer) = ask(server, By::Basic(DEMO_SID, secret), "POST", "/v1/endpoints", Some(endpoint)).await?;
    ensure!(made == 201, "{secret}: {made} {answer}");
    Ok(())
}

on_both_engines!(
    a_client_is_made_changed_and_listed,
    what_is_wrong_in_a_client_is_named,
    secrets_are_shown_once_and_stored_nowhere,
    a_deactivated_client_is_refused_and_comes_back,
    the_demo_client_is_seeded_once,
);
