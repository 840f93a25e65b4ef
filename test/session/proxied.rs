//! The older number proxy's door, and whoever uses it: a client with a key for sessions, and numbers on the loopback.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::text;
use crate::harness::{Builder, Layout, Result, Server};
use crate::inbound::play::settled;
use crate::messages::drained;
use crate::relay::scene::{act_well, customer};

pub const START: &str = "[YOUR ORG NAME]: Your new session has started, send a message!";
pub const END: &str = "[YOUR ORG NAME]: This session has ended, talk to you again soon!";
pub const NONE: &str = "[YOUR ORG NAME]: There is no conversation at this number now.";

/// Two people as they are posted, and as they are reached.
pub const ANN: (&str, &str) = ("14155550101", "+14155550101");
pub const BOB: (&str, &str) = ("+14155550102", "+14155550102");
pub const DOT: (&str, &str) = ("14155550104", "+14155550104");

pub struct Door {
    pub server: Server,
    pub client: String,
    pub account: String,
    pub key: String,
}

/// Status and answer, which may be no JSON.
pub async fn answered(request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
    let response = request.send().await?;
    let (status, said) = (response.status().as_u16(), response.text().await?);
    Ok((status, serde_json::from_str(&said).unwrap_or(Value::String(said))))
}

/// The number of this place, as it is posted.
pub fn ours(nth: usize) -> String {
    format!("1212555{nth:04}")
}

impl Door {
    pub async fn open(layout: Layout) -> Result<Self> {
        Self::of(Builder::new(layout).await?).await
    }

    pub async fn of(builder: Builder) -> Result<Self> {
        let server = builder.start().await?;
        let account = crate::relay::loopback(&server).await?;
        let client = customer(&server, "100", json!({})).await?;
        let key = Self::key(&server, &client, &["sessions"]).await?;
        Ok(Self { server, client, account, key })
    }

    /// A key of a client's with these scopes.
    pub async fn key(server: &Server, client: &str, scopes: &[&str]) -> Result<String> {
        let new = json!({"name": "door", "scopes": scopes});
        let made = crate::events::well(server, "POST", &format!("/v1/clients/{client}/keys"), Some(new)).await?;
        text(&made["key"])
    }

    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<reqwest::RequestBuilder> {
        let request = self.server.http.request(method.parse()?, self.server.url(path));
        Ok(match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        })
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        answered(self.request(method, path, body.as_ref())?.bearer_auth(&self.key)).await
    }

    /// The same, where it must go well.
    pub async fn well(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        let (status, answer) = self.ask(method, path, body).await?;
        ensure!(status == 200, "{method} {path}: {status} {answer}");
        Ok(answer)
    }

    /// So many numbers of the client's in the pool.
    pub async fn numbers(&self, count: usize) -> Result {
        for nth in 0..count {
            self.own(&format!("+{}", ours(nth))).await?;
            self.well("POST", "/tn", Some(json!({"value": ours(nth)}))).await?;
        }
        Ok(())
    }

    /// A number of the client's.
    pub async fn own(&self, address: &str) -> Result {
        let body = json!({"number": address, "account_id": self.account});
        act_well(&self.server, &self.client, "POST", "/v1/numbers", Some(body)).await.map(drop)
    }

    pub async fn session(&self) -> Result<Value> {
        let body = json!({"participant_a": ANN.0, "participant_b": BOB.0});
        self.well("POST", "/session", Some(body)).await
    }

    /// A carrier posts a text, and it is handled.
    pub async fn text(&self, from: &str, to: &str, body: &str, id: &str) -> Result {
        let post = json!({"to": to, "from": from, "body": body, "id": id});
        let (status, answer) = self.ask("POST", "/", Some(post)).await?;
        ensure!((status, &answer) == (200, &json!("")), "{status} {answer}");
        settled(&self.server).await
    }

    /// All that somebody has heard, from which number, oldest first.
    pub async fn heard(&self, who: &str) -> Result<Vec<(String, String)>> {
        drained(&self.server).await?;
        let path = format!("/v1/loopback/messages?limit=200&to=%2B{}", &who[1..]);
        let listed = crate::events::well(&self.server, "GET", &path, None).await?;
        let data = listed["data"].as_array().context("no data")?;
        let heard = |one: &Value| -> Result<(String, String)> { Ok((text(&one["from"])?, text(&one["body"])?)) };
        data.iter().rev().map(heard).collect()
    }
}
