//! What the tests of Twilio's Verify start from: a client that verifies people, and what it was answered.

use std::sync::Mutex;

use anyhow::{Context as _, ensure};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::events::{builder, text, well};
use crate::harness::{Layout, Result, Server, until};
use crate::outside::contract_verify;
use crate::relay::scene::act_well;
use crate::relay::{Client, client, loopback};

pub const OURS: &str = "+12125550170";
pub const ANN: &str = "+12065550110";
pub const BOB: &str = "+12065550111";

/// Clients with money, the first with a service, and what they were answered.
pub struct VerifyDoor {
    pub server: Server,
    pub client: Client,
    pub account: String,
    /// The path of the service.
    pub service: String,
    replies: Mutex<Vec<Value>>,
}

impl VerifyDoor {
    pub async fn open(layout: Layout) -> Result<Self> {
        let server = builder(layout).await?.set("outbox.poll_every", "20ms").start().await?;
        let (account, client) = (loopback(&server).await?, client(&server, "100").await?);
        let mut door = Self { server, client, account, service: String::new(), replies: Mutex::default() };
        door.number(&door.client, OURS).await?;
        door.service = door.serve(&[("FriendlyName", "Acme")]).await?;
        Ok(door)
    }

    /// Gives a client a number.
    pub async fn number(&self, client: &Client, number: &str) -> Result {
        let body = json!({"number": number, "account_id": self.account, "capabilities": ["sms", "voice"]});
        act_well(&self.server, &client.id, "POST", "/v1/numbers", Some(body)).await.map(drop)
    }

    /// Makes a service; its path.
    pub async fn serve(&self, form: &[(&str, &str)]) -> Result<String> {
        Ok(format!("/v2/Services/{}", text(&self.well("POST", "/v2/Services", form).await?["sid"])?))
    }

    /// The path of what lies below the service.
    pub fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.service)
    }

    /// Asks with a form, at a path or a URL of an answer; status, headers and answer.
    pub async fn ask_as(
        &self,
        (user, password): (&str, &str),
        (method, at): (&str, &str),
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<(u16, HeaderMap, Value)> {
        let url = if at.starts_with("http") { at.to_owned() } else { self.server.url(at) };
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.server.http.request(method.parse()?, url).basic_auth(user, Some(password));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).build()?;
        let path = request.url().path().to_owned();
        let response = self.server.http.execute(request).await?;
        let (status, headers, body) = (response.status().as_u16(), response.headers().clone(), response.text().await?);
        let answer = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).context(body.clone())? };
        let reply = json!({"method": method, "path": path, "status": status, "body": body});
        self.replies.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.push(reply);
        Ok((status, headers, answer))
    }

    /// The client itself asks.
    pub async fn ask(&self, method: &str, at: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        let who = (self.client.sid.as_str(), self.client.token.as_str());
        let (status, _, answer) = self.ask_as(who, (method, at), form, &[]).await?;
        Ok((status, answer))
    }

    /// The same, where it must go well.
    pub async fn well(&self, method: &str, at: &str, form: &[(&str, &str)]) -> Result<Value> {
        let (status, answer) = self.ask(method, at, form).await?;
        ensure!((200..300).contains(&status), "{method} {at} {form:?}: {status} {answer}");
        Ok(answer)
    }

    /// The same, where it must be refused like this.
    pub async fn refused(&self, method: &str, at: &str, form: &[(&str, &str)], with: (u16, u64)) -> Result<Value> {
        let (status, answer) = self.ask(method, at, form).await?;
        let is_so = status == with.0 && answer["code"] == with.1;
        ensure!(is_so, "{method} {at} {form:?}: {status} {answer}, not {with:?}");
        Ok(answer)
    }

    /// Sends a code to somebody by text; as it was answered.
    pub async fn send(&self, to: &str) -> Result<Value> {
        self.well("POST", &self.path("Verifications"), &[("To", to), ("Channel", "sms")]).await
    }

    /// Looks at a code.
    pub async fn check(&self, to: &str, code: &str) -> Result<(u16, Value)> {
        self.ask("POST", &self.path("VerificationCheck"), &[("To", to), ("Code", code)]).await
    }

    /// What somebody was texted, newest first.
    pub async fn texts(&self, to: &str) -> Result<Vec<String>> {
        let path = format!("/v1/loopback/messages?limit=100&to={}", to.replace('+', "%2B"));
        let told = well(&self.server, "GET", &path, None).await?;
        told["data"].as_array().into_iter().flatten().map(|one| text(&one["body"])).collect()
    }

    /// The code in the last text, once there are so many.
    pub async fn code(&self, to: &str, texts: usize) -> Result<String> {
        let got = until("a text with a code", async || {
            let got = self.texts(to).await?;
            Ok((got.len() >= texts).then_some(got))
        })
        .await?;
        let last = got.first().context("no text")?;
        let digits = last.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() >= 4);
        Ok(digits.with_context(|| format!("no code in {last}"))?.to_owned())
    }

    /// All that was answered is as Twilio describes it, so many replies at least.
    pub async fn close(self, least: usize) -> Result {
        let replies = self.replies.into_inner().map_err(|_| anyhow::anyhow!("poisoned"))?;
        contract_verify::check(&replies, least).await
    }
}

/// Another code of the same length.
pub fn other(code: &str) -> String {
    let last = code.bytes().last().unwrap_or(b'0');
    let next = if last == b'9' { '0' } else { char::from(last + 1) };
    format!("{}{next}", &code[..code.len().saturating_sub(1)])
}
