//! What the tests of webhooks do over and over: accounts, numbers, and posts as carriers sign them.

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::store::Change;

use crate::harness::carrier::{ACCOUNT, TOKEN, signature::sign};
use crate::harness::{ADMIN, Builder, Layout, Result, Server, until};

/// Where carriers believe this server to be.
pub const PUBLIC: &str = "https://sms.example.org";
/// A number of ours, and a person.
pub const OURS: &str = "+14155550199";
pub const PERSON: &str = "+14155550100";
pub const FLOWROUTE_TOKEN: &str = "a-secret-path-segment";

/// Somebody who is not Twilio, and nowhere: ids there have any shape.
pub const ELSEWHERE: (&str, &str) = ("provider.twilio_base_url", "http://127.0.0.1:9");

pub async fn builder(layout: Layout) -> Result<Builder> {
    Ok(Builder::new(layout).await?.set("http.public_url", PUBLIC).set(ELSEWHERE.0, ELSEWHERE.1))
}

/// Calls the API as the administrator; status and answer.
pub async fn call(server: &Server, method: Method, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
    let mut request = server.http.request(method, server.url(path)).bearer_auth(ADMIN);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await?;
    let (status, text) = (response.status().as_u16(), response.text().await?);
    Ok((status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).context(text)? }))
}

pub async fn get(server: &Server, path: &str) -> Result<Value> {
    let (status, answer) = call(server, Method::GET, path, None).await?;
    ensure!(status == 200, "{status}: {answer}");
    Ok(answer)
}

/// Adds an account; its id.
pub async fn account(server: &Server, provider: &str, credentials: Value, more: Value) -> Result<String> {
    let mut body = json!({"provider": provider, "name": provider, "credentials": credentials, "check": false});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let (status, answer) = call(server, Method::POST, "/v1/accounts", Some(body)).await?;
    ensure!(status == 201, "{status}: {answer}");
    Ok(answer["id"].as_str().context("no id")?.to_owned())
}

pub async fn twilio(server: &Server) -> Result<String> {
    account(server, "twilio", json!({"account_sid": ACCOUNT, "auth_token": TOKEN}), json!({})).await
}

pub async fn loopback(server: &Server) -> Result<String> {
    account(server, "loopback", json!({}), json!({})).await
}

pub async fn flowroute(server: &Server) -> Result<String> {
    let credentials = json!({"access_key": "1", "secret_key": "2", "webhook_token": FLOWROUTE_TOKEN});
    account(server, "flowroute", credentials, json!({})).await
}

pub async fn number(server: &Server, account: &str, number: &str, more: Value) -> Result {
    let mut body = json!({"number": number, "account_id": account});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let (status, answer) = call(server, Method::POST, "/v1/numbers", Some(body)).await?;
    ensure!(status == 201, "{status}: {answer}");
    Ok(())
}

/// A server with one account and one number on it.
pub async fn with_loopback(layout: Layout) -> Result<Server> {
    let server = builder(layout).await?.start().await?;
    let account = loopback(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    Ok(server)
}

pub async fn with_twilio(layout: Layout) -> Result<Server> {
    let server = builder(layout).await?.start().await?;
    let account = twilio(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    Ok(server)
}

/// Sends a message; status and answer.
pub async fn send(server: &Server, to: &str, body: &str) -> Result<(u16, Value)> {
    call(server, Method::POST, "/v1/messages", Some(json!({"from": OURS, "to": to, "body": body}))).await
}

/// Plays a person's phone at the loopback provider.
pub async fn text(server: &Server, from: &str, to: &str, body: &str) -> Result<String> {
    let posted = json!({"from": from, "to": to, "body": body});
    let (status, answer) = call(server, Method::POST, "/v1/loopback/inbound", Some(posted)).await?;
    ensure!(status == 202, "{status}: {answer}");
    Ok(answer["id"].as_str().context("no id")?.to_owned())
}

/// Posts a form as Twilio signs it; status and body.
pub async fn post_twilio(server: &Server, path: &str, fields: &[(&str, &str)], token: &str) -> Result<(u16, String)> {
    let fields: Vec<(String, String)> = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let signature = sign(token, &format!("{PUBLIC}{path}"), &fields);
    post_form(server, path, &fields, &signature).await
}

pub async fn post_form(
    server: &Server,
    path: &str,
    fields: &[(String, String)],
    signature: &str,
) -> Result<(u16, String)> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = server.http.post(server.url(path)).header("X-Twilio-Signature", signature);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

pub async fn post_json(server: &Server, path: &str, body: &Value) -> Result<u16> {
    let response = server.http.post(server.url(path)).json(body).send().await?;
    Ok(response.status().as_u16())
}

/// An inbound form of the one carrier's account.
pub fn form<'a>(sid: &'a str, body: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("MessageSid", sid), ("AccountSid", ACCOUNT), ("From", PERSON), ("To", OURS), ("Body", body)]
}

/// Waits until no webhook waits to be handled.
pub async fn settled(server: &Server) -> Result {
    until("the end of all jobs", async || {
        let left = server.rows("SELECT COUNT(*) FROM sb_inbound WHERE ready_ms IS NOT NULL").await?;
        Ok((left[0][0] == "0").then_some(()))
    })
    .await
}

/// Waits until a message is in a state, and returns it with its history.
pub async fn in_state(server: &Server, id: &str, state: &str) -> Result<Value> {
    until(state, async || {
        // not there at all before its webhook is handled
        let (_, message) = call(server, Method::GET, &format!("/v1/messages/{id}"), None).await?;
        Ok((message["state"] == state).then_some(message))
    })
    .await
}

/// What came in, oldest first: from, to, body.
pub async fn received(server: &Server) -> Result<Vec<Vec<String>>> {
    let sql = "SELECT from_address, to_address, body FROM sb_message WHERE direction = 'inbound' ORDER BY id";
    server.rows(sql).await
}

/// What the loopback provider was sent, newest first.
pub async fn sent(server: &Server, to: &str) -> Result<Vec<String>> {
    let listed = get(server, &format!("/v1/loopback/messages?to=%2B{}", &to[1..])).await?;
    let data = listed["data"].as_array().context("no data")?;
    Ok(data.iter().map(|message| message["body"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Ends the leases of jobs whose node has died.
pub async fn end_leases(server: &Server) -> Result {
    let sql = "UPDATE sb_inbound SET ready_ms = 1 WHERE owner IS NOT NULL AND ready_ms IS NOT NULL";
    Ok(server.home().databases.store()?.commit(Change::new().run(sql, vec![])).await?)
}
