//! A pool with numbers, people who text them, and what each of them hears.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::text;
use crate::harness::{Builder, Layout, Result, Server};
use crate::inbound::play::{self, settled};
use crate::messages::{drained, with};
use crate::relay::route::loopback;
use crate::relay::scene::{act, act_well, customer};

pub const ANN: &str = "+14155550101";
pub const BOB: &str = "+14155550102";
pub const CID: &str = "+14155550103";
pub const DOT: &str = "+14155550104";

/// A server with one client, whose pool has some numbers.
pub struct Talk {
    pub server: Server,
    pub client: String,
    pub pool: String,
    pub numbers: Vec<String>,
}

/// A session, as the client was told when it was made.
pub struct Held(pub Value);

impl Held {
    pub fn path(&self) -> Result<String> {
        Ok(format!("/v1/sessions/{}", text(&self.0["id"])?))
    }

    /// One of its people.
    fn one(&self, person: &str) -> Result<&Value> {
        let people = self.0["participants"].as_array().context("no participants")?;
        people.iter().find(|one| one["address"] == person).with_context(|| format!("{person} is not in {}", self.0))
    }

    /// The id of one of its people.
    pub fn id(&self, person: &str) -> Result<String> {
        text(&self.one(person)?["id"])
    }

    /// The number by which one of its people knows the others.
    pub fn number(&self, person: &str) -> Result<String> {
        text(&self.one(person)?["number"])
    }
}

impl Talk {
    pub async fn start(layout: Layout, numbers: usize) -> Result<Self> {
        Self::of(Builder::new(layout).await?, numbers).await
    }

    pub async fn of(builder: Builder, numbers: usize) -> Result<Self> {
        let server = builder.start().await?;
        let account = loopback(&server).await?;
        let client = customer(&server, "100", json!({})).await?;
        let pool = act_well(&server, &client, "POST", "/v1/pools", Some(json!({"name": "masks"}))).await?;
        let pool = text(&pool["id"])?;
        let mut added = Vec::new();
        for at in 0..numbers {
            let number = format!("+1415555030{at}");
            let body = json!({"number": number, "account_id": account, "capabilities": ["sms", "voice"]});
            let id = text(&act_well(&server, &client, "POST", "/v1/numbers", Some(body)).await?["id"])?;
            act_well(&server, &client, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
            added.push(number);
        }
        Ok(Self { server, client, pool, numbers: added })
    }

    pub async fn act(&self, method: &str, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        act(&self.server, &self.client, method, path, body).await
    }

    pub async fn well(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        act_well(&self.server, &self.client, method, path, body).await
    }

    /// A session of these people, each with a name, and what else is to be set.
    pub async fn hold(&self, people: &[(&str, &str)], set: Value) -> Result<Held> {
        let people: Vec<Value> = people.iter().map(|(who, name)| json!({"address": who, "name": name})).collect();
        let body = with(json!({"participants": people, "pool_id": self.pool}), set);
        Ok(Held(self.well("POST", "/v1/sessions", Some(body)).await?))
    }

    /// Somebody texts the number that they know the others by, and it is handled.
    pub async fn say(&self, held: &Held, who: &str, body: &str) -> Result<String> {
        self.text(who, &held.number(who)?, body).await
    }

    /// Somebody texts a number, and it is handled.
    pub async fn text(&self, who: &str, number: &str, body: &str) -> Result<String> {
        let id = play::text(&self.server, who, number, body).await?;
        settled(&self.server).await?;
        Ok(id)
    }

    /// All that somebody has heard, from which number, oldest first, once nothing more is on its way.
    pub async fn heard(&self, who: &str) -> Result<Vec<(String, String)>> {
        drained(&self.server).await?;
        let path = format!("/v1/loopback/messages?limit=200&to=%2B{}", &who[1..]);
        let listed = crate::events::well(&self.server, "GET", &path, None).await?;
        let data = listed["data"].as_array().context("no data")?;
        let heard = |one: &Value| -> Result<(String, String)> { Ok((text(&one["from"])?, text(&one["body"])?)) };
        data.iter().rev().map(heard).collect()
    }

    /// The bodies alone.
    pub async fn bodies(&self, who: &str) -> Result<Vec<String>> {
        Ok(self.heard(who).await?.into_iter().map(|(_, body)| body).collect())
    }

    /// What was said in a session, oldest first.
    pub async fn said(&self, held: &Held) -> Result<Vec<Value>> {
        let path = format!("{}/interactions?limit=200", held.path()?);
        let mut all = self.well("GET", &path, None).await?["data"].as_array().cloned().context("no data")?;
        all.reverse();
        Ok(all)
    }

    /// How many copies were paid for.
    pub async fn paid(&self) -> Result<String> {
        Ok(self.server.rows("SELECT COUNT(*) FROM sb_ledger WHERE kind = 'debit'").await?[0][0].clone())
    }

    /// What holds at the end of every test: nothing that went out to anybody, a copy or a word of ours, shows the number
    /// of somebody else.
    pub async fn end(self) -> Result {
        drained(&self.server).await?;
        let listed = crate::events::well(&self.server, "GET", "/v1/loopback/messages?limit=200", None).await?;
        for message in listed["data"].as_array().context("no data")? {
            let from = message["from"].as_str().unwrap_or_default();
            ensure!(self.numbers.iter().any(|number| number == from), "not of the pool: {message}");
            let shown = message.to_string();
            let mut others = [ANN, BOB, CID, DOT].into_iter().filter(|person| message["to"] != *person);
            ensure!(others.all(|person| !shown.contains(&person[1..])), "{message}");
        }
        Ok(())
    }

    /// How a session stands.
    pub async fn state(&self, held: &Held) -> Result<Value> {
        self.well("GET", &held.path()?, None).await
    }
}
