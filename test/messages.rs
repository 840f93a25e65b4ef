//! Messages out: accepted durably, sent in order, once, and accounted for whatever dies in between.

mod blame;
mod cancel;
mod change;
mod crash;
mod edge;
mod fault;
mod hangup;
mod idempotency;
mod keeping;
mod late;
mod life;
mod list;
mod node;
mod order;
mod outage;
mod rate;
mod redaction;
mod rest;
pub mod schedule;
mod sorted;

use std::collections::BTreeMap;

use anyhow::ensure;
use serde_json::{Value, json};

use crate::events::{text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};

/// The number that texts leave from.
pub const FROM: &str = "+15005550100";
/// Whom they go to.
pub const TO: &str = "+14155550100";

/// A server whose Twilio is our carrier, and that is quick in everything.
pub async fn builder(layout: Layout, carrier: &Carrier) -> Result<Builder> {
    Ok(quick(Builder::new(layout).await?, carrier))
}

pub fn quick(builder: Builder, carrier: &Carrier) -> Builder {
    builder
        .set("provider.twilio_base_url", carrier.url())
        .set("outbox.poll_every", "20ms")
        .set("outbox.retry_first", "50ms")
        .set("outbox.retry_most", "500ms")
        .set("outbox.look_up_after", "300ms,600ms,900ms")
        .set("outbox.breaker_failures", "1000000")
}

/// A server with one account at the carrier and one number, and the account's id.
pub async fn ready(builder: Builder) -> Result<(Server, String)> {
    let server = builder.start().await?;
    let account = account(&server, json!({})).await?;
    number(&server, &account, FROM, json!({})).await?;
    Ok((server, account))
}

/// Adds the carrier's account, with what else is to be set; its id.
pub async fn account(server: &Server, set: Value) -> Result<String> {
    let credentials = json!({"account_sid": ACCOUNT, "auth_token": TOKEN});
    let body = with(json!({"provider": "twilio", "credentials": credentials, "check": false}), set);
    text(&well(server, "POST", "/v1/accounts", Some(body)).await?["id"])
}

/// Adds a number to an account; its id.
pub async fn number(server: &Server, account: &str, number: &str, set: Value) -> Result<String> {
    let body = with(json!({"number": number, "account_id": account, "capabilities": ["sms", "mms"]}), set);
    text(&well(server, "POST", "/v1/numbers", Some(body)).await?["id"])
}

pub fn with(mut body: Value, set: Value) -> Value {
    if let (Value::Object(body), Value::Object(set)) = (&mut body, set) {
        body.extend(set);
    }
    body
}

/// A text from the one number, with what else is to be set.
pub fn sms(to: &str, body: &str, set: Value) -> Value {
    with(json!({"from": FROM, "to": to, "body": body}), set)
}

/// Sends; the message as it was told.
pub async fn send(server: &Server, message: Value) -> Result<Value> {
    well(server, "POST", "/v1/messages", Some(message)).await
}

pub async fn send_id(server: &Server, message: Value) -> Result<String> {
    text(&send(server, message).await?["id"])
}

pub async fn fetch(server: &Server, id: &str) -> Result<Value> {
    well(server, "GET", &format!("/v1/messages/{id}"), None).await
}

/// The message, once it is in that state.
pub async fn in_state(server: &Server, id: &str, state: &str) -> Result<Value> {
    until(&format!("{id} {state}"), async || {
        let message = fetch(server, id).await?;
        let is_over = matches!(text(&message["state"])?.as_str(), "failed" | "canceled" | "expired" | "delivered");
        ensure!(message["state"] == state || !is_over, "not {state}: {message}");
        Ok((message["state"] == state).then_some(message))
    })
    .await
}

/// The message, once it has so many attempts.
pub async fn tried(server: &Server, id: &str, attempts: usize) -> Result<Value> {
    until(&format!("{attempts} attempts of {id}"), async || {
        let message = fetch(server, id).await?;
        Ok((outcomes(&message).len() >= attempts).then_some(message))
    })
    .await
}

/// What came of each attempt.
pub fn outcomes(message: &Value) -> Vec<&str> {
    message["attempts"].as_array().into_iter().flatten().filter_map(|attempt| attempt["outcome"].as_str()).collect()
}

/// The outbox has nothing left to do.
pub async fn drained(server: &Server) -> Result {
    until("an empty outbox", async || {
        let sql = "SELECT (SELECT COUNT(*) FROM sb_outbox) + (SELECT COUNT(*) FROM sb_lane)";
        Ok((server.rows(sql).await?.concat() == ["0"]).then_some(()))
    })
    .await
}

/// How often the carrier has each text.
pub fn copies(carrier: &Carrier) -> Result<BTreeMap<String, usize>> {
    let mut copies = BTreeMap::new();
    for message in carrier.recorded()? {
        *copies.entry(message.body).or_default() += 1;
    }
    Ok(copies)
}

/// The texts that the carrier has for one number, in the order of arrival.
pub async fn bodies(carrier: &Carrier, to: &str) -> Result<Vec<String>> {
    Ok(carrier.messages(Some(to)).await?.into_iter().map(|message| message.body).collect())
}

/// `+14155550000` and so many more.
pub fn person(number: usize) -> String {
    format!("+1415555{number:04}")
}
