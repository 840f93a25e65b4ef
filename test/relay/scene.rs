//! What the relay's tests start from: customers with money, routes, and somebody who acts for them.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::store::Change;

use crate::events::{text, well};
use crate::harness::{ADMIN, Result, Server, until};
use crate::messages::with;
use crate::operations::command::{Said, run};

/// A client with a balance, and what else is to be set; its id.
pub async fn customer(server: &Server, balance: &str, set: Value) -> Result<String> {
    let body = with(json!({"name": "customer", "balance": balance}), set);
    text(&well(server, "POST", "/v1/clients", Some(body)).await?["id"])
}

/// What an administrator does for a client: status and answer.
pub async fn act(server: &Server, client: &str, method: &str, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
    let request = server.http.request(method.parse()?, server.url(path)).bearer_auth(ADMIN);
    let request = request.header("switchboard-client", client);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        None => request,
    };
    let response = request.send().await?;
    let status = response.status().as_u16();
    let said = response.text().await?;
    Ok((status, if said.is_empty() { Value::Null } else { serde_json::from_str(&said).context(said)? }))
}

/// The same, where it must go well.
pub async fn act_well(server: &Server, client: &str, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
    let (status, answer) = act(server, client, method, path, body).await?;
    ensure!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    Ok(answer)
}

/// Sends a client's text; the message's id.
pub async fn text_to(server: &Server, client: &str, to: &str, set: Value) -> Result<String> {
    let body = with(json!({"to": to, "body": "hello"}), set);
    text(&act_well(server, client, "POST", "/v1/messages", Some(body)).await?["id"])
}

/// A loopback account with a number of the operator, to which everything goes; the account's id.
pub async fn everything(server: &Server) -> Result<String> {
    let account = super::route::loopback(server).await?;
    let number = json!({"number": "+15005550100", "account_id": account, "capabilities": ["sms", "voice"]});
    well(server, "POST", "/v1/numbers", Some(number)).await?;
    super::route::route(server, 1000, ".*", &account).await?;
    Ok(account)
}

/// A Twilio account that nobody answers for, without numbers; its id.
pub async fn unreachable(server: &Server, sid: char) -> Result<String> {
    let credentials = json!({"account_sid": format!("AC{}", sid.to_string().repeat(32)), "auth_token": "t"});
    let body = json!({"provider": "twilio", "credentials": credentials, "check": false});
    text(&well(server, "POST", "/v1/accounts", Some(body)).await?["id"])
}

pub async fn balance(server: &Server, client: &str) -> Result<String> {
    text(&well(server, "GET", &format!("/v1/clients/{client}"), None).await?["balance"])
}

/// Nothing is under way, and every receipt is in.
pub async fn at_rest(server: &Server, refunds: usize) -> Result {
    until("an empty outbox", async || {
        let sql = "SELECT (SELECT COUNT(*) FROM sb_outbox) + (SELECT COUNT(*) FROM sb_lane)";
        let refunded = server.rows("SELECT COUNT(*) FROM sb_ledger WHERE kind = 'refund'").await?.concat();
        Ok((server.rows(sql).await?.concat() == ["0"] && refunded == [refunds.to_string()]).then_some(()))
    })
    .await
}

pub async fn verify(server: &Server) -> Result<Said> {
    run(server.builder(), &["ledger", "verify"]).await
}

/// Writes into the store behind the server's back.
pub async fn tamper(server: &Server, sql: &'static str) -> Result {
    server.home().databases.store()?.commit(Change::new().run(sql, Vec::new())).await?;
    Ok(())
}
