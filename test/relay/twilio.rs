//! Twilio's paths: who may, what is refused with which of Twilio's codes, pages, and what is taken back.

mod call;
mod page;
mod parameter;
mod refusal;
mod service;

use std::sync::Mutex;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::route::{loopback, route};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::number;
use crate::outside::contract;
use crate::{in_foreign_sessions, on_both_engines};

pub const FROM: &str = "+15005550006";
pub const TO: &str = "+14155550100";

/// A server with one client, and what it answered on Twilio's paths.
pub struct Door {
    pub server: Server,
    pub sid: String,
    pub token: String,
    replies: Mutex<Vec<Value>>,
}

impl Door {
    /// A loopback account with a number, a route that leads there, and a client with a balance.
    pub async fn open(layout: Layout, balance: &str) -> Result<Self> {
        let builder = Builder::new(layout).await?.set("outbox.poll_every", "20ms");
        let server = builder.start().await?;
        let account = loopback(&server).await?;
        number(&server, &account, FROM, json!({"capabilities": ["sms", "mms", "voice", "whatsapp"]})).await?;
        route(&server, 10, r"\+1", &account).await?;
        let body = json!({"name": "Example Ltd", "balance": balance});
        let client = well(&server, "POST", "/v1/clients", Some(body)).await?;
        let (sid, token) = (text(&client["sid"])?, text(&client["auth_token"])?);
        Ok(Self { server, sid, token, replies: Mutex::default() })
    }

    /// The path below the account.
    pub fn path(&self, below: &str) -> String {
        format!("/2010-04-01/Accounts/{}/{below}", self.sid)
    }

    /// Asks with a form as the client; status and answer.
    pub async fn ask(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        self.ask_as((&self.sid, &self.token), method, path, form).await
    }

    pub async fn ask_as(
        &self,
        (user, password): (&str, &str),
        method: &str,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<(u16, Value)> {
        let request = self.server.http.request(method.parse()?, self.server.url(path)).basic_auth(user, Some(password));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// Sends a request to one of these paths, and keeps the reply for [`Door::close`].
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
        let request = request.build()?;
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let response = self.server.http.execute(request).await?;
        let status = response.status().as_u16();
        let body = response.text().await?;
        let answer = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).context(body.clone())? };
        let reply = json!({"method": method, "path": path, "status": status, "body": body});
        self.replies.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.push(reply);
        Ok((status, answer))
    }

    /// A text; as it was told.
    pub async fn text(&self, to: &str, body: &str) -> Result<Value> {
        let form = [("To", to), ("From", FROM), ("Body", body)];
        let (status, message) = self.ask("POST", &self.path("Messages.json"), &form).await?;
        ensure!(status == 201, "{status} {message}");
        Ok(message)
    }

    /// The item of this URI, once it is in one of these states.
    pub async fn when(&self, item: &Value, wanted: &[&str]) -> Result<Value> {
        let uri = text(&item["uri"])?;
        until(&format!("{uri} {wanted:?}"), async || {
            let (status, item) = self.ask("GET", &uri, &[]).await?;
            ensure!(status == 200, "{status} {item}");
            Ok(item["status"].as_str().is_some_and(|state| wanted.contains(&state)).then_some(item))
        })
        .await
    }

    pub async fn balance(&self) -> Result<String> {
        let id = format!("cli_{}", &self.sid[2..]);
        text(&well(&self.server, "GET", &format!("/v1/clients/{id}"), None).await?["balance"])
    }

    /// Holds all that was answered against Twilio's description; so many replies must be described there.
    pub async fn close(self, least: usize) -> Result {
        let replies = self.replies.into_inner().map_err(|_| anyhow::anyhow!("poisoned"))?;
        contract::check(&replies, least).await
    }
}

const OVER: [&str; 2] = ["sent", "delivered"];

async fn a_message_lives_and_goes(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let told = door.text(TO, "Grüße €").await?;
    ensure!(told["status"] == "queued" && told["direction"] == "outbound-api" && told["body"] == "Grüße €", "{told}");
    ensure!(told["from"] == FROM && told["to"] == TO && told["price"] == "-0.00750", "{told}");
    ensure!(told["date_sent"].is_null() && told["account_sid"] == door.sid.as_str(), "{told}");
    let sent = door.when(&told, &OVER).await?;
    ensure!(sent["sid"] == told["sid"] && sent["date_sent"].is_string() && sent["error_code"].is_null(), "{sent}");
    // the same under each way of writing its path
    let (sid, uri) = (text(&told["sid"])?, text(&told["uri"])?);
    for path in [uri.trim_end_matches(".json").to_owned(), format!("/relay{uri}")] {
        let (status, same) = door.ask("GET", &path, &[]).await?;
        ensure!(status == 200 && same["sid"] == sid.as_str() && same["uri"] == uri.as_str(), "{path}: {status} {same}");
    }
    let (status, account) = door.ask("GET", &format!("/2010-04-01/Accounts/{}.json", door.sid), &[]).await?;
    ensure!(status == 200 && account["status"] == "active" && account["friendly_name"] == "Example Ltd", "{account}");
    let native = format!("/v1/messages/msg_{}", &sid[2..]);
    let of_client = async |method: &str, path: &str| -> Result<(u16, Value)> {
        let request = door.server.http.request(method.parse()?, door.server.url(path));
        let request = request.basic_auth(&door.sid, Some(&door.token));
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await.unwrap_or_default()))
    };
    let (status, same) = of_client("GET", &native).await?;
    ensure!(status == 200 && same["body"] == "Grüße €", "{status} {same}");
    let paid = door.balance().await?;
    let (status, empty) = door.ask("DELETE", &uri, &[]).await?;
    ensure!(status == 204 && empty.is_null(), "{status} {empty}");
    for method in ["GET", "POST", "DELETE"] {
        let (status, gone) = door.ask(method, &uri, &[("Body", "")]).await?;
        ensure!(status == 404 && gone["code"] == 20404, "{method}: {status} {gone}");
    }
    ensure!(of_client("GET", &native).await?.0 == 404 && of_client("DELETE", &native).await?.0 == 404);
    let (_, list) = of_client("GET", "/v1/messages").await?;
    ensure!(list["data"] == json!([]), "{list}");
    let (_, list) = door.ask("GET", &door.path("Messages.json"), &[]).await?;
    ensure!(list["messages"] == json!([]), "{list}");
    // what was said is gone, what was paid is not
    let rows = door.server.rows("SELECT body, cost FROM sb_message").await?;
    assert_eq!(rows, [["", "7500"]]);
    ensure!(door.balance().await? == paid && paid == "0.9925", "{paid}");
    door.close(6).await
}

async fn what_waits_can_be_taken_back(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let messages = door.path("Messages.json");
    let at = switchboard::model::rfc3339(switchboard::model::Clock::default().now_ms() + 3_600_000);
    let media = "https://example.com/a.png";
    let form = [("To", TO), ("From", FROM), ("Body", "later"), ("MediaUrl", media), ("MediaUrl", media)];
    let form = [&form[..], &[("SendAt", &at), ("ScheduleType", "fixed"), ("SmartEncoded", "true")]].concat();
    let (status, waiting) = door.ask("POST", &messages, &form).await?;
    ensure!(status == 201 && waiting["status"] == "scheduled" && waiting["num_media"] == "2", "{status} {waiting}");
    let uri = text(&waiting["uri"])?;
    ensure!(uri.contains("/Messages/MM"), "{uri}");
    let (status, early) = door.ask("DELETE", &uri, &[]).await?;
    ensure!(status == 409 && early["code"] == 20009, "{status} {early}");
    let (status, early) = door.ask("POST", &uri, &[("Body", "")]).await?;
    ensure!(status == 409 && early["code"] == 20009, "{status} {early}");
    let (status, wrong) = door.ask("POST", &uri, &[("Status", "sent")]).await?;
    ensure!(status == 400 && wrong["code"] == 20001, "{status} {wrong}");
    let (status, media) = door.ask("GET", &text(&waiting["subresource_uris"]["media"])?, &[]).await?;
    ensure!(status == 200 && media["media_list"].as_array().map(Vec::len) == Some(2), "{status} {media}");
    ensure!(door.balance().await? == "0.9800");
    // both at once: taken back, then emptied; it keeps its name
    let (status, canceled) = door.ask("POST", &uri, &[("Status", "canceled"), ("Body", "")]).await?;
    ensure!(status == 200 && canceled["status"] == "canceled" && canceled["body"] == "", "{status} {canceled}");
    ensure!(canceled["sid"] == waiting["sid"] && canceled["num_media"] == "0", "{canceled}");
    ensure!(canceled["price"].is_null() && door.balance().await? == "1.0000", "{canceled}");
    let (status, late) = door.ask("POST", &uri, &[("Status", "canceled")]).await?;
    ensure!(status == 409 && late["code"] == 30409, "{status} {late}");
    let (status, wrong) = door.ask("POST", &uri, &[("Body", "other")]).await?;
    ensure!(status == 400 && wrong["code"] == 20001, "{status} {wrong}");
    // nor is this a way to read it
    let sending = key(&door, json!({"scopes": ["sms"]})).await?;
    for nothing in [&[][..], &[("Status", "")], &[("Unknown", "x")]] {
        let (status, told) = door.ask_as((&door.sid, &sending), "POST", &uri, nothing).await?;
        ensure!(status == 400 && told["code"] == 20001 && told["to"].is_null(), "{nothing:?}: {status} {told}");
    }
    door.close(2).await
}

async fn a_call_is_placed_and_listed(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let form = [("To", TO), ("From", FROM), ("Url", "https://example.com/a.xml")];
    let form = [&form[..], &[("StatusCallbackEvent", "initiated answered"), ("MachineDetection", "Enable")]].concat();
    let (status, call) = door.ask("POST", &door.path("Calls.json"), &form).await?;
    ensure!(status == 201 && call["status"] == "queued" && call["price"] == "-0.01500", "{status} {call}");
    let over = door.when(&call, &["completed", "no-answer", "busy", "failed"]).await?;
    ensure!(over["sid"] == call["sid"], "{over}");
    let state = text(&over["status"])?;
    let list = async |query: &str| door.ask("GET", &door.path(&format!("Calls.json?{query}")), &[]).await;
    for (query, count) in [
        (String::new(), 1),
        (format!("Status={state}&To=%2B{}", &TO[1..]), 1),
        ("Status=ringing".to_owned(), 0),
        ("From=%2B14155550999".to_owned(), 0),
        ("StartTime%3E=2020-01-01&EndTime%3E=2020-01-01".to_owned(), 1),
        ("EndTime%3C=2020-01-01".to_owned(), 0),
        (format!("ParentCallSid=CA{}", "0".repeat(32)), 0),
        ("ParentCallSid=".to_owned(), 1),
    ] {
        let (status, page) = list(&query).await?;
        ensure!(status == 200 && page["calls"].as_array().map(Vec::len) == Some(count), "{query}: {status} {page}");
    }
    let (status, texts) = door.ask("GET", &door.path("Messages.json"), &[]).await?;
    ensure!(status == 200 && texts["messages"] == json!([]), "{texts}");
    let (status, no_text) = door.ask("DELETE", &text(&call["uri"])?.replace("Calls/CA", "Messages/SM"), &[]).await?;
    ensure!(status == 404, "{status} {no_text}");
    let (status, wrong) = list("Status=gone").await?;
    ensure!(status == 400 && wrong["code"] == 20001, "{status} {wrong}");
    ensure!(door.ask("DELETE", &text(&call["uri"])?, &[]).await?.0 == 204);
    ensure!(list("").await?.1["calls"] == json!([]));
    door.close(8).await
}

/// A key with less than all scopes, made by the administrator: its secret.
pub async fn key(door: &Door, terms: Value) -> Result<String> {
    let path = format!("/v1/clients/cli_{}/keys", &door.sid[2..]);
    let (status, key) = call(&door.server, "POST", &path, Some(terms)).await?;
    ensure!(status == 201, "{status} {key}");
    text(&key["key"])
}

on_both_engines!(a_message_lives_and_goes, what_waits_can_be_taken_back, a_call_is_placed_and_listed);
in_foreign_sessions!(a_message_lives_and_goes);
