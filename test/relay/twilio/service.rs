//! A messaging service is a pool, and what is told of its messages names it.

use anyhow::ensure;
use serde_json::{Value, json};

use super::{Door, FROM, TO, key};
use crate::events::{text, well};
use crate::harness::{ADMIN, Layout, Result};
use crate::on_both_engines;

/// An administrator's call for the door's client.
async fn act(door: &Door, method: &str, path: &str, body: Value) -> Result<Value> {
    let request = door.server.http.request(method.parse()?, door.server.url(path)).bearer_auth(ADMIN);
    let request = request.header("Switchboard-Client", format!("cli_{}", &door.sid[2..]));
    let response = request.header("content-type", "application/json").body(body.to_string()).send().await?;
    let status = response.status().as_u16();
    let answer = response.text().await?;
    ensure!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    Ok(serde_json::from_str(&answer).unwrap_or_default())
}

async fn a_messaging_service_is_a_pool(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let accounts = well(&door.server, "GET", "/v1/accounts", None).await?;
    let body = json!({"number": "+15005550107", "account_id": accounts["data"][0]["id"], "capabilities": ["sms"]});
    let number = text(&act(&door, "POST", "/v1/numbers", body).await?["id"])?;
    let pool = text(&act(&door, "POST", "/v1/pools", json!({"name": "all of them"})).await?["id"])?;
    let service = format!("MG{}", pool.trim_start_matches("pool_"));
    let form = [("To", TO), ("MessagingServiceSid", &service), ("Body", "from the pool")];
    let (status, empty) = door.ask("POST", &door.path("Messages.json"), &form).await?;
    ensure!(status == 400 && empty["code"] == 21703, "{status} {empty}");
    act(&door, "PUT", &format!("/v1/pools/{pool}/numbers/{number}"), Value::Null).await?;
    let (status, message) = door.ask("POST", &door.path("Messages.json"), &form).await?;
    ensure!(status == 201 && message["messaging_service_sid"] == service.as_str(), "{status} {message}");
    ensure!(message["status"] == "accepted" && message["from"] == "+15005550107", "{message}");
    let media = [&form[..], &[("MediaUrl", "https://example.com/a.png")]].concat();
    let (status, unable) = door.ask("POST", &door.path("Messages.json"), &media).await?;
    ensure!(status == 400 && unable["code"] == 21703, "it sends no media: {status} {unable}");
    door.close(1).await
}

/// A key that is revoked, and a client that is no longer active, are nobody.
async fn who_is_gone_is_nobody(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let key = key(&door, json!({})).await?;
    let form = [("To", TO), ("From", FROM), ("Body", "x")];
    let (status, sent) = door.ask_as((&door.sid, &key), "POST", &door.path("Messages.json"), &form).await?;
    ensure!(status == 201, "{status} {sent}");
    let client = format!("/v1/clients/cli_{}", &door.sid[2..]);
    let keys = well(&door.server, "GET", &format!("{client}/keys"), None).await?;
    let path = format!("{client}/keys/{}", text(&keys["data"][0]["id"])?);
    ensure!(crate::events::call(&door.server, "DELETE", &path, None).await?.0 < 300);
    let (status, answer) = door.ask_as((&door.sid, &key), "GET", &door.path("Messages.json"), &[]).await?;
    ensure!(status == 401 && answer["code"] == 20003, "{status} {answer}");
    ensure!(crate::events::call(&door.server, "DELETE", &client, None).await?.0 < 300);
    let (status, answer) = door.ask("POST", &door.path("Messages.json"), &form).await?;
    ensure!(status == 401 && answer["code"] == 20003, "{status} {answer}");
    door.close(1).await
}

on_both_engines!(a_messaging_service_is_a_pool, who_is_gone_is_nobody);
