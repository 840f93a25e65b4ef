//! A client of Twilio's Proxy: its service, the numbers of that, and sessions of two people.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::{builder, text, well};
use crate::harness::{Layout, Result, Server};
use crate::inbound::play::{self, settled};
use crate::relay::route::loopback;
use crate::relay::scene::act_well;
use crate::relay::{Client, client};

/// A client with a service of Proxy, whose numbers it has.
pub struct Ride {
    pub server: Server,
    pub client: Client,
    pub service: String,
}

/// A session of two people: its path, and of each their sid and the number that they know.
pub struct Trip {
    pub path: String,
    people: BTreeMap<String, (String, String)>,
}

impl Trip {
    pub fn sid(&self, person: &str) -> Result<&str> {
        Ok(&self.people.get(person).context("not in the session")?.0)
    }

    pub fn number(&self, person: &str) -> Result<&str> {
        Ok(&self.people.get(person).context("not in the session")?.1)
    }

    /// Where the client says something to somebody.
    pub fn told(&self, person: &str) -> Result<String> {
        Ok(format!("{}/Participants/{}/MessageInteractions", self.path, self.sid(person)?))
    }
}

impl Ride {
    pub async fn start(layout: Layout, numbers: usize, callback: &str) -> Result<Self> {
        let server = builder(layout).await?.start().await?;
        let account = loopback(&server).await?;
        let client = client(&server, "100").await?;
        let mut ride = Self { server, client, service: String::new() };
        let form = [("UniqueName", "rides"), ("CallbackUrl", callback)];
        ride.service = text(&ride.well("POST", "/v1/Services", &form).await?["sid"])?;
        for nth in 0..numbers {
            let number = format!("+1415555031{nth}");
            let body = json!({"number": number, "account_id": account, "capabilities": ["sms", "voice"]});
            act_well(&ride.server, &ride.client.id, "POST", "/v1/numbers", Some(body)).await?;
            ride.well("POST", &ride.path("PhoneNumbers"), &[("PhoneNumber", &number)]).await?;
        }
        Ok(ride)
    }

    pub fn path(&self, below: &str) -> String {
        format!("/v1/Services/{}/{below}", self.service)
    }

    /// Asks with a form; status and answer.
    pub async fn ask(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        self.ask_as(method, path, form, None).await
    }

    /// The same under a name of its own.
    pub async fn ask_as(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
        name: Option<&str>,
    ) -> Result<(u16, Value)> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let url = if path.starts_with("http") { path.to_owned() } else { self.server.url(path) };
        let request = self.server.http.request(method.parse()?, url);
        let request = request.basic_auth(&self.client.sid, Some(&self.client.token));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let request = name.into_iter().fold(request, |request, name| request.header("idempotency-key", name));
        let response = request.send().await?;
        let (status, said) = (response.status().as_u16(), response.text().await?);
        Ok((status, if said.is_empty() { Value::Null } else { serde_json::from_str(&said).context(said)? }))
    }

    pub async fn well(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Result<Value> {
        let (status, answer) = self.ask(method, path, form).await?;
        ensure!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        Ok(answer)
    }

    /// The code of a refusal.
    pub async fn code(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Result<i64> {
        let (status, answer) = self.ask(method, path, form).await?;
        ensure!(answer["status"] == status && status >= 400, "{method} {path}: {status} {answer}");
        answer["code"].as_i64().context("no code")
    }

    /// A session of these people.
    pub async fn hold(&self, people: &[&str], more: &[(&str, &str)]) -> Result<Trip> {
        let session = text(&self.well("POST", &self.path("Sessions"), more).await?["sid"])?;
        let mut trip = Trip { path: self.path(&format!("Sessions/{session}")), people: BTreeMap::new() };
        for person in people {
            let path = format!("{}/Participants", trip.path);
            let one = self.well("POST", &path, &[("Identifier", person)]).await?;
            let known = (text(&one["sid"])?, text(&one["proxy_identifier"])?);
            trip.people.insert((*person).to_owned(), known);
        }
        Ok(trip)
    }

    /// A session of more people than Proxy has in one, made at our own API.
    pub async fn hold_natively(&self, people: &[&str]) -> Result<Trip> {
        let hex = |id: &Value| Ok::<_, anyhow::Error>(text(id)?.split_once('_').context("no id")?.1.to_owned());
        let participants: Vec<Value> = people.iter().map(|person| json!({"address": person})).collect();
        let body = json!({"participants": participants, "pool_id": self.service.replacen("KS", "pool_", 1)});
        let made = act_well(&self.server, &self.client.id, "POST", "/v1/sessions", Some(body)).await?;
        let path = self.path(&format!("Sessions/KC{}", hex(&made["id"])?));
        let mut trip = Trip { path, people: BTreeMap::new() };
        for one in made["participants"].as_array().context("no participants")? {
            let known = (format!("KP{}", hex(&one["id"])?), text(&one["number"])?);
            trip.people.insert(text(&one["address"])?, known);
        }
        Ok(trip)
    }

    /// Somebody texts the number that they know, and it is handled.
    pub async fn say(&self, trip: &Trip, who: &str, body: &str) -> Result {
        play::text(&self.server, who, trip.number(who)?, body).await?;
        settled(&self.server).await
    }

    /// Somebody calls the number that they know; what their carrier is told.
    pub async fn dial(&self, trip: &Trip, who: &str, id: &str) -> Result<String> {
        let called = json!({"from": who, "to": trip.number(who)?, "id": id});
        text(&well(&self.server, "POST", "/v1/loopback/inbound-call", Some(called)).await?["twiml"])
    }

    /// What was said in a session, newest first.
    pub async fn said(&self, trip: &Trip) -> Result<Vec<Value>> {
        let path = format!("{}/Interactions?PageSize=100", trip.path);
        self.well("GET", &path, &[]).await?["interactions"].as_array().cloned().context("no interactions")
    }
}
