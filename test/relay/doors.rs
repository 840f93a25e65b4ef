//! One server whose doors a client knows, native, older and Twilio's: what one takes, all take.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::client;
use crate::events::{text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Carrier, Layout, Result, Server};
use crate::messages::number;
use crate::operations::command::{Said, run};

pub const TO: &str = "+14155550100";
/// It is sent by an account at the carrier; all else at the loopback.
pub const BRITISH: &str = "+447700900123";
pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A server whose doors a client knows.
pub struct Doors {
    pub server: Server,
    pub carrier: Carrier,
    client: super::Client,
}

impl Doors {
    pub async fn open(layout: Layout) -> Result<Self> {
        let carrier = Carrier::start().await?;
        let builder = Builder::new(layout).await?.set("provider.twilio_base_url", carrier.url());
        let server = builder.start().await?;
        let all = json!({"capabilities": ["sms", "mms", "voice", "whatsapp"]});
        let loopback = super::loopback(&server).await?;
        number(&server, &loopback, "+15005550006", all.clone()).await?;
        let credentials = json!({"account_sid": ACCOUNT, "auth_token": TOKEN});
        let twilio = json!({"provider": "twilio", "credentials": credentials, "check": false, "any_sender": true});
        let twilio = text(&well(&server, "POST", "/v1/accounts", Some(twilio)).await?["id"])?;
        number(&server, &twilio, "+15005550007", all).await?;
        let rule = json!({"priority": 1, "pattern": r"\+44", "account_id": twilio});
        well(&server, "POST", "/v1/routes", Some(rule)).await?;
        let client = client(&server, "1000").await?;
        Ok(Self { server, carrier, client })
    }

    pub fn twilio(&self, below: &str) -> String {
        format!("/2010-04-01/Accounts/{}/{below}", self.client.sid)
    }

    /// Posts bytes as they are, as the client.
    pub async fn post(&self, path: &str, media: &str, body: &[u8]) -> Result<(u16, Value)> {
        let request = self.server.http.post(self.server.url(path)).header("content-type", media).body(body.to_vec());
        self.ask(request).await
    }

    pub async fn ask(&self, request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
        let response = request.basic_auth(&self.client.sid, Some(&self.client.token)).send().await?;
        let status = response.status().as_u16();
        let said = response.text().await?;
        Ok((status, serde_json::from_str(&said).context(said)?))
    }

    pub async fn get(&self, path: &str) -> Result<(u16, Value)> {
        self.ask(self.server.http.get(self.server.url(path))).await
    }

    pub async fn json(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        self.post(path, JSON, body.to_string().as_bytes()).await
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<(u16, Value)> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post(path, FORM, body.as_bytes()).await
    }

    /// Runs a command against the server, as its administrator.
    pub async fn command(&self, words: &[&str]) -> Result<Said> {
        run(self.server.builder(), &[words, &["--url", &self.server.url("")]].concat()).await
    }

    /// How many messages there are, of any kind.
    pub async fn stored(&self) -> Result<String> {
        Ok(self.server.rows("SELECT COUNT(*) FROM sb_message").await?.concat().concat())
    }
}

/// What a refusal says, whatever its form.
pub fn said(answer: &Value) -> String {
    ["detail", "error", "message"].iter().filter_map(|name| answer[name].as_str()).collect()
}
