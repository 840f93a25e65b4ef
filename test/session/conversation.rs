//! The masked door: conversations as users of the older system make them, and what is refused.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{consistent, ours};
use crate::events::{call, text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Layout, Result, Server};
use crate::inbound::play::ELSEWHERE;
use crate::on_both_engines;
use crate::relay::loopback;
use crate::relay::scene::act_well;

/// Its method, its path and its form.
type RefusedRequest<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";
const CEM: &str = "+14155550103";

const LOGIN: (&str, &str) = ("me", "pass:word");

/// A server whose masked door is open, by the older environment names.
pub(super) struct Door {
    pub(super) server: Server,
    /// Whose its conversations are, and a key of that client's.
    pub(super) client: String,
    sid: String,
    key: String,
    account: String,
}

async fn builder(layout: Layout) -> Result<Builder> {
    let builder = Builder::new(layout).await?.set(ELSEWHERE.0, ELSEWHERE.1).environment("DOMAIN", "sms.example.org");
    let builder = builder.environment("AUTH_USERNAME", LOGIN.0).environment("AUTH_PASSWORD", LOGIN.1);
    Ok(builder.environment("TWILIO_ACCOUNT_SID", ACCOUNT).environment("TWILIO_AUTH_TOKEN", TOKEN))
}

impl Door {
    pub(super) async fn open(layout: Layout, numbers: usize) -> Result<Self> {
        Self::set(layout, numbers, &[]).await
    }

    /// The same, with what else is to be set.
    pub(super) async fn set(layout: Layout, numbers: usize, settings: &[(&str, &str)]) -> Result<Self> {
        let builder = builder(layout).await?;
        let builder = settings.iter().fold(builder, |builder, (key, value)| builder.set(key, value));
        let server = builder.start().await?;
        let clients = well(&server, "GET", "/v1/clients", None).await?;
        let all = clients["data"].as_array().context("no clients")?;
        let one = all.iter().find(|one| one["name"] == "masked").context("no client was made")?;
        let (client, sid) = (text(&one["id"])?, text(&one["sid"])?);
        let key = well(&server, "POST", &format!("/v1/clients/{client}/keys"), Some(json!({"name": "test"}))).await?;
        let account = loopback(&server).await?;
        let door = Self { server, client, sid, key: text(&key["key"])?, account };
        for nth in 0..numbers {
            door.add(&ours(nth), &door.account).await?;
        }
        Ok(door)
    }

    /// Puts a number of an account into the pool that was made with the client.
    pub(super) async fn add(&self, number: &str, account: &str) -> Result {
        let pools = act_well(&self.server, &self.client, "GET", "/v1/pools", None).await?;
        ensure!(pools["data"].as_array().map(Vec::len) == Some(1) && pools["data"][0]["name"] == "masked", "{pools}");
        let pool = text(&pools["data"][0]["id"])?;
        let body = json!({"number": number, "account_id": account, "capabilities": ["sms", "voice"]});
        let id = text(&act_well(&self.server, &self.client, "POST", "/v1/numbers", Some(body)).await?["id"])?;
        act_well(&self.server, &self.client, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
        Ok(())
    }

    /// Posts as users of the older system do; status and body.
    async fn post(&self, body: Value) -> Result<(u16, String)> {
        let request = self.server.http.post(self.server.url("/sessions")).basic_auth(LOGIN.0, Some(LOGIN.1));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    pub(super) async fn made(&self, body: Value) -> Result<Value> {
        let (status, said) = self.post(body).await?;
        ensure!(status == 200, "{status} {said}");
        Ok(serde_json::from_str(&said)?)
    }

    /// Asks Twilio's door; status and answer.
    pub(super) async fn ask(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        let request = self.server.http.request(method.parse()?, self.server.url(path));
        let mut request = request.basic_auth(&self.sid, Some(&self.key));
        if !form.is_empty() {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await?;
        let (status, said) = (response.status().as_u16(), response.text().await?);
        Ok((status, if said.is_empty() { Value::Null } else { serde_json::from_str(&said).context(said)? }))
    }

    /// The same, where it must be answered so.
    pub(super) async fn asked(&self, method: &str, path: &str, form: &[(&str, &str)], wanted: u16) -> Result<Value> {
        let (status, answer) = self.ask(method, path, form).await?;
        ensure!(status == wanted, "{method} {path} {form:?}: {status} {answer}");
        Ok(answer)
    }
}

pub(super) fn path(made: &Value) -> Result<String> {
    Ok(format!("/v1/Conversations/{}", text(&made["sid"])?))
}

async fn a_conversation_is_answered_as_the_older_system_does(layout: Layout) -> Result {
    let door = Door::open(layout, 2).await?;
    let body = json!({"addresses": [ANN, "+1 (415) 555-0101", BEN], "friendlyName": "Ride", "uniqueName": "ride-1",
        "attributes": "{\"a\": 1}", "timers.closed": "PT1H", "messagingServiceSid": "MG0"});
    let made = door.made(body).await?;
    let (sid, hex) = (text(&made["sid"])?, door.sid[2..].to_owned());
    ensure!(sid.len() == 34 && sid.starts_with("CH"), "{made}");
    let url = door.server.url(&format!("/v1/Conversations/{sid}"));
    let [closes, created, updated] = [&made["timers"]["dateClosed"], &made["dateCreated"], &made["dateUpdated"]];
    assert_eq!(
        made,
        json!({
            "sid": sid, "accountSid": door.sid, "chatServiceSid": format!("IS{hex}"),
            "messagingServiceSid": made["messagingServiceSid"], "friendlyName": "Ride", "uniqueName": "ride-1",
            "attributes": "{\"a\": 1}", "state": "active", "dateCreated": created, "dateUpdated": updated,
            "timers": {"dateClosed": closes}, "url": url, "bindings": null,
            "links": {"participants": format!("{url}/Participants"), "messages": format!("{url}/Messages"),
                      "webhooks": format!("{url}/Webhooks")},
        })
    );
    ensure!(text(&made["messagingServiceSid"])?.starts_with("MG"), "{made}");
    for time in [closes, created, updated] {
        ensure!(text(time)?.len() == "2030-01-31T09:00:00.000Z".len(), "with milliseconds: {made}");
    }
    let bare = door.made(json!({"addresses": [CEM]})).await?;
    ensure!(bare["attributes"] == "{}" && bare["timers"] == json!({}) && bare["uniqueName"].is_null(), "{bare}");
    let listed = act_well(&door.server, &door.client, "GET", "/v1/sessions", None).await?;
    let session = &listed["data"][1];
    assert_eq!(session["participants"].as_array().map(Vec::len), Some(2), "who is named twice is one: {session}");
    ensure!(session["ttl"] == "1h" && session["mode"] == "both" && session["start_text"].is_null(), "{session}");
    ensure!(door.server.rows("SELECT id FROM sb_message").await?.is_empty(), "nobody is told of it");
    consistent(&door.server).await
}

async fn what_is_wrong_is_refused_and_leaves_nothing(layout: Layout) -> Result {
    let door = Door::open(layout, 1).await?;
    let crowd: Vec<String> = (0..51).map(|nth| format!("+1415555{nth:04}")).collect();
    for (body, words) in [
        (json!([]), "JSON object"),
        (json!({}), "addresses"),
        (json!({"addresses": []}), "addresses: must be 1 to 50"),
        (json!({"addresses": crowd}), "addresses: must be 1 to 50"),
        (json!({"addresses": ["hello?"]}), "addresses"),
        (json!({"addresses": ["40404"]}), "40404"),
        (json!({"addresses": [ours(0)]}), "is a number of this server"),
        (
            json!({"addresses": [ANN], "timers": {"inactive": "1 hour"}}),
            "timers.inactive: must be an ISO 8601 duration",
        ),
        (json!({"addresses": [ANN], "attributes": "{"}), "attributes: must be JSON"),
        (json!({"addresses": [ANN], "friendlyName": "x".repeat(257)}), "friendlyName"),
        (json!({"addresses": [ANN], "uniqueName": "x".repeat(192)}), "uniqueName"),
    ] {
        let (status, said) = door.post(body.clone()).await?;
        ensure!(status == 400 && said.contains(words), "{body}: {status} {said}");
    }
    ensure!(door.server.rows("SELECT id FROM sb_session").await?.is_empty());
    let first = door.made(json!({"addresses": [ANN], "uniqueName": "ride"})).await?;
    let (status, said) = door.post(json!({"addresses": [BEN], "uniqueName": "ride"})).await?;
    ensure!(status == 400 && said.contains("unique_name"), "{status} {said}");
    // one number: she has it, and nobody gets one across the border
    for (people, short) in [([BEN, ANN], ANN), ([BEN, "+14165550101"], "+14165550101")] {
        let (status, said) = door.post(json!({"addresses": people})).await?;
        ensure!(status == 500 && said.contains(&format!("Not enough numbers available in pool for {short}")), "{said}");
    }
    assert_eq!(door.server.rows("SELECT id FROM sb_session").await?.len(), 1, "all or nothing");
    door.add("+14165550301", &door.account).await?;
    door.made(json!({"addresses": [BEN, "+14165550101"]})).await?;
    door.asked("DELETE", &path(&first)?, &[], 204).await?;
    door.made(json!({"addresses": [ANN], "uniqueName": "ride"})).await?;
    consistent(&door.server).await
}

async fn only_who_has_the_login_gets_in_and_nowhere_else(layout: Layout) -> Result {
    let door = Door::open(layout, 1).await?;
    let (http, url) = (&door.server.http, door.server.url("/sessions"));
    let body = json!({"addresses": [ANN]}).to_string();
    for request in [
        http.post(&url),
        http.post(&url).basic_auth(LOGIN.0, Some("wrong")),
        http.post(&url).basic_auth("you", Some(LOGIN.1)),
        http.post(&url).basic_auth(&door.sid, Some("wrong")),
    ] {
        let response = request.body(body.clone()).send().await?;
        ensure!(response.status() == 401 && response.headers().contains_key("www-authenticate"));
        ensure!(response.text().await?.is_empty());
    }
    for path in ["/v1/sessions", "/v1/Conversations", "/2010-04-01/Accounts/x.json"] {
        let response = http.get(door.server.url(path)).basic_auth(LOGIN.0, Some(LOGIN.1)).send().await?;
        ensure!(response.status() == 401, "{path}: {}", response.status());
    }
    ensure!(http.get(&url).basic_auth(LOGIN.0, Some(LOGIN.1)).send().await?.status() == 405);
    // a client's own credentials open it too, for that client: its pool is made, and has no number
    let other = crate::relay::client(&door.server, "1").await?;
    let response = http.post(&url).basic_auth(&other.sid, Some(&other.token)).body(body.clone()).send().await?;
    ensure!(response.status() == 500 && response.text().await?.contains("Not enough numbers available in pool for"));
    assert_eq!(door.server.rows("SELECT id FROM sb_pool WHERE name = 'masked'").await?.len(), 2);
    let response = http.post(&url).basic_auth(&door.sid, Some(&door.key)).body(body).send().await?;
    ensure!(response.status() == 200);
    let elsewhere = http.get(door.server.url("/v1/Conversations")).basic_auth(&other.sid, Some(&other.token));
    let listed: Value = serde_json::from_str(&elsewhere.send().await?.text().await?)?;
    assert_eq!(listed["conversations"], json!([]), "each client sees its own");
    Ok(())
}

/// It may text one of the two.
async fn a_key_changes_only_what_it_may_text(layout: Layout) -> Result {
    let mut door = Door::open(layout, 2).await?;
    let path = path(&door.made(json!({"addresses": [ANN, BEN]})).await?)?;
    let key = json!({"scopes": ["sessions"], "destinations": ANN.replace('+', r"\+")});
    let key = well(&door.server, "POST", &format!("/v1/clients/{}/keys", door.client), Some(key)).await?;
    let whole = std::mem::replace(&mut door.key, text(&key["key"])?);
    let asks: [RefusedRequest; 4] = [
        ("POST", "", &[("State", "closed")]),
        ("DELETE", "", &[]),
        ("POST", "/Participants", &[("MessagingBinding.Address", CEM)]),
        ("POST", "/Messages", &[("Body", "x")]),
    ];
    for (method, below, form) in asks {
        let refused = door.asked(method, &format!("{path}{below}"), form, 403).await?;
        ensure!(text(&refused["message"])?.contains("all in this conversation"), "{method} {below}: {refused}");
    }
    door.key = whole;
    door.asked("DELETE", &path, &[], 204).await?;
    consistent(&door.server).await
}

/// What the door needs is made once, however many nodes start.
async fn a_second_node_finds_what_the_first_has_made(layout: Layout) -> Result {
    let first = builder(layout).await?;
    let home = first.home();
    let first = first.start().await?;
    let second = Builder::at(home).set(ELSEWHERE.0, ELSEWHERE.1).environment("AUTH_USERNAME", LOGIN.0);
    let second = second.environment("AUTH_PASSWORD", LOGIN.1).start_unseeded().await?;
    for server in [&first, &second] {
        // both are at it at once: a port is taken before all is made
        ensure!(server.http.get(server.url("/readyz")).send().await?.status() == 200);
        let count = |sql: &'static str| server.rows(sql);
        assert_eq!(count("SELECT id FROM sb_client WHERE name = 'masked'").await?.len(), 1);
        assert_eq!(count("SELECT id FROM sb_pool WHERE name = 'masked'").await?.len(), 1);
        assert_eq!(count("SELECT id FROM sb_account WHERE provider = 'twilio'").await?.len(), 1);
    }
    let body = json!({"addresses": [ANN]}).to_string();
    let request = second.http.post(second.url("/sessions")).basic_auth(LOGIN.0, Some(LOGIN.1)).body(body);
    ensure!(request.send().await?.status() == 500, "there is no number yet");
    // without the door nothing is made
    let bare = Server::start(layout).await?;
    assert_eq!(call(&bare, "GET", "/v1/clients", None).await?.1["data"], json!([]));
    Ok(())
}

on_both_engines!(
    a_conversation_is_answered_as_the_older_system_does,
    what_is_wrong_is_refused_and_leaves_nothing,
    only_who_has_the_login_gets_in_and_nowhere_else,
    a_key_changes_only_what_it_may_text,
    a_second_node_finds_what_the_first_has_made,
);
