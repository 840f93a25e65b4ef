//! Twilio's Proxy: a client's services, their numbers, sessions and participants, in Twilio's words and codes. Every
//! reply is held against Twilio's own description.

mod node;
mod number;
mod participant;
mod service;
mod shortage;
mod walk;

use std::sync::Mutex;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{consistent, ours};
use crate::events::{builder, text};
use crate::harness::{Layout, Result, Server};
use crate::outside::contract;
use crate::relay::route::loopback;
use crate::relay::scene::act_well;
use crate::relay::{Client, client};

/// A client with a service, and what it was answered.
pub struct ProxyDoor {
    pub server: Server,
    pub client: Client,
    pub account: String,
    pub service: String,
    replies: Mutex<Vec<Value>>,
}

impl ProxyDoor {
    /// With a service that has so many numbers.
    async fn open(layout: Layout, numbers: usize) -> Result<Self> {
        let server = builder(layout).await?.start().await?;
        let (account, client) = (loopback(&server).await?, client(&server, "100").await?);
        let mut door = Self { server, client, account, service: String::new(), replies: Mutex::default() };
        door.service = door.serve("rides").await?;
        for nth in 0..numbers {
            door.number(&ours(nth), &["sms", "voice"]).await?;
            door.well("POST", &door.path("PhoneNumbers"), &[("PhoneNumber", &ours(nth))]).await?;
        }
        Ok(door)
    }

    /// Makes a service of this name; its sid.
    async fn serve(&self, name: &str) -> Result<String> {
        text(&self.well("POST", "/v1/Services", &[("UniqueName", name)]).await?["sid"])
    }

    /// Gives the client a number; its id.
    async fn number(&self, number: &str, can: &[&str]) -> Result<String> {
        let body = json!({"number": number, "account_id": self.account, "capabilities": can});
        text(&act_well(&self.server, &self.client.id, "POST", "/v1/numbers", Some(body)).await?["id"])
    }

    /// The path below the service.
    fn path(&self, below: &str) -> String {
        format!("/v1/Services/{}/{below}", self.service)
    }

    /// The id of the service's pool.
    fn pool(&self) -> String {
        format!("pool_{}", &self.service[2..])
    }

    /// Asks with a form, at a path or a URL of an answer; status and answer.
    async fn ask(&self, method: &str, at: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        self.ask_as((&self.client.sid, &self.client.token), method, at, form).await
    }

    async fn ask_as(
        &self,
        (user, password): (&str, &str),
        method: &str,
        at: &str,
        form: &[(&str, &str)],
    ) -> Result<(u16, Value)> {
        let url = if at.starts_with("http") { at.to_owned() } else { self.server.url(at) };
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.server.http.request(method.parse()?, url).basic_auth(user, Some(password));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body).build()?;
        let path = request.url().path().to_owned();
        let response = self.server.http.execute(request).await?;
        let (status, body) = (response.status().as_u16(), response.text().await?);
        let answer = if body.is_empty() { Value::Null } else { serde_json::from_str(&body).context(body.clone())? };
        let reply = json!({"method": method, "path": path, "status": status, "body": body});
        self.replies.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.push(reply);
        Ok((status, answer))
    }

    /// The same, where it must go well.
    async fn well(&self, method: &str, at: &str, form: &[(&str, &str)]) -> Result<Value> {
        let (status, answer) = self.ask(method, at, form).await?;
        ensure!((200..300).contains(&status), "{method} {at} {form:?}: {status} {answer}");
        Ok(answer)
    }

    /// The same, where it must be refused like this.
    async fn refused(&self, method: &str, at: &str, form: &[(&str, &str)], with: (u16, u64)) -> Result {
        let (status, answer) = self.ask(method, at, form).await?;
        let is_so = status == with.0 && answer["code"] == with.1;
        ensure!(is_so, "{method} {at} {form:?}: {status} {answer}, not {with:?}");
        Ok(())
    }

    /// A session of these people; as it was answered.
    async fn hold(&self, people: &[&str], more: &[(&str, &str)]) -> Result<Value> {
        let people: Vec<String> = people.iter().map(|one| json!({ "Identifier": one }).to_string()).collect();
        let people = people.iter().map(|one| ("Participants", one.as_str()));
        let form: Vec<(&str, &str)> = people.chain(more.iter().copied()).collect();
        self.well("POST", &self.path("Sessions"), &form).await
    }

    /// The participants of a session.
    async fn people(&self, session: &Value) -> Result<Vec<Value>> {
        let page = self.well("GET", &text(&session["links"]["participants"])?, &[]).await?;
        page["participants"].as_array().cloned().context("no participants")
    }

    /// Nothing is left half done, and all that was answered is as Twilio describes it, so many replies at least.
    async fn close(self, least: usize) -> Result {
        consistent(&self.server).await?;
        let replies = self.replies.into_inner().map_err(|_| anyhow::anyhow!("poisoned"))?;
        contract::check_proxy(&replies, least).await
    }
}
