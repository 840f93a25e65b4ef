//! Keys that are bound: what their calls may say, and what of their client's messages they may change, and see.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::rfc3339;

use super::client::{By, ask, now_ms};
use super::{Client, balance, client, loopback, post};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::{number, with};
use crate::{in_foreign_sessions, on_both_engines};

const FROM: &str = "+15005550006";
const TO: &str = "+14155550100";
/// The loopback's calls to it last.
const LASTING: &str = "+15005550018";
const DIAL: &str = "<Response><Dial>+882160000</Dial></Response>";
const SAID: &str = "<Response><Gather numDigits=\"1\"><Say>Press &amp; go</Say></Gather>\
                    <Play>https://example.org/a.mp3</Play><Hangup/></Response>";

struct Scene {
    server: Server,
    account: String,
    client: Client,
}

impl Scene {
    async fn open(builder: Builder) -> Result<Self> {
        let server = builder.start().await?;
        let account = loopback(&server).await?;
        number(&server, &account, FROM, json!({"capabilities": ["sms", "mms", "voice"]})).await?;
        let client = client(&server, "10").await?;
        Ok(Self { server, account, client })
    }

    fn keys(&self) -> String {
        format!("/v1/clients/{}/keys", self.client.id)
    }

    async fn key(&self, set: Value) -> Result<String> {
        text(&well(&self.server, "POST", &self.keys(), Some(set)).await?["key"])
    }

    /// A form on Twilio's path of the client, or another request.
    async fn ask(&self, key: &str, method: &str, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        let path = if path.starts_with('/') { path.to_owned() } else { self.twilio(path) };
        let request = self.server.http.request(method.parse()?, self.server.url(&path)).header("x-proxy-auth", key);
        let request = if path.starts_with("/v1") && method == "PATCH" {
            request.header("content-type", "application/json").body(r#"{"body": ""}"#)
        } else {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request.header("content-type", "application/x-www-form-urlencoded").body(body)
        };
        let response = request.send().await?;
        let status = response.status().as_u16();
        let said = response.text().await?;
        Ok((status, if said.is_empty() { Value::Null } else { serde_json::from_str(&said).context(said)? }))
    }

    fn twilio(&self, below: &str) -> String {
        format!("/2010-04-01/Accounts/{}/{below}", self.client.sid)
    }

    /// Places the same call at every door: what each says.
    async fn dial(&self, key: &str, name: &str, said: &str) -> Result<[(u16, Value); 3]> {
        let native = json!({"to": TO, name.to_lowercase(): said});
        Ok([
            post(&self.server, key, "/v1/calls", &native).await?,
            post(&self.server, key, "/relay/api/call", &json!({"To": TO, name: said})).await?,
            self.ask(key, "POST", "Calls.json", &[("To", TO), ("From", FROM), (name, said)]).await?,
        ])
    }

    async fn dialed(&self, key: &str, name: &str, said: &str) -> Result {
        for (status, answer) in self.dial(key, name, said).await? {
            ensure!(status < 300, "{said}: {status} {answer}");
        }
        Ok(())
    }

    /// Every door refuses it, and says what.
    async fn refused(&self, key: &str, name: &str, said: &str, what: &str) -> Result {
        let [native, relay, twilio] = self.dial(key, name, said).await?;
        ensure!(native.1["field"] == name.to_lowercase().as_str(), "{said}: {native:?}");
        ensure!(twilio.1["code"] == 21205 && text(&relay.1["error"])?.contains(name), "{said}: {relay:?} {twilio:?}");
        for (status, answer) in [native, relay, twilio] {
            ensure!(status == 400 && answer.to_string().contains(what), "{said}: {status} {answer}");
        }
        Ok(())
    }
}

async fn a_bound_key_s_calls_reach_nobody_else(layout: Layout) -> Result {
    let scene = Scene::open(Builder::new(layout).await?).await?;
    let bounds = [json!({"destinations": r"\+1"}), json!({"senders": r"\+1500"}), json!({"twiml": "say"})];
    for set in bounds {
        let key = scene.key(set).await?;
        for (said, what) in [
            (DIAL, "not Dial"),
            ("<Response><Gather><Redirect>https://example.org/</Redirect></Gather></Response>", "not Redirect"),
            ("<Response><Gather action=\"https://example.org/dial\"/></Response>", "no action at Gather"),
            ("<!DOCTYPE r [<!ENTITY d '<Dial>+1</Dial>'>]><Response>&d;</Response>", "DTD"),
            ("<Response>&dial;</Response>", "dial"),
            ("<Response><Play>file:///etc/passwd</Play></Response>", "URL in Play"),
        ] {
            scene.refused(&key, "Twiml", said, what).await?;
        }
        let url = "https://example.org/dial.xml";
        scene.refused(&key, "Url", url, "must be left out").await?;
        let more = [("FallbackUrl", url), ("ApplicationSid", url), ("Record", "true"), ("MachineDetection", "Enable")];
        for (name, value) in more {
            let form = [("To", TO), ("From", FROM), ("Twiml", SAID), (name, value)];
            let (status, refused) = scene.ask(&key, "POST", "Calls.json", &form).await?;
            ensure!(status == 400 && text(&refused["message"])?.contains(name), "{name}: {status} {refused}");
        }
        ensure!(scene.server.rows("SELECT id FROM sb_message").await?.is_empty(), "something was stored");
    }
    ensure!(balance(&scene.server, &scene.client).await? == "10.0000", "something was charged");
    scene.dialed(&scene.key(json!({"destinations": r"\+1"})).await?, "Twiml", SAID).await?;
    // clients at large, and whom an operator lets
    for key in [scene.client.key.clone(), scene.key(json!({"destinations": r"\+1", "twiml": "any"})).await?] {
        scene.dialed(&key, "Twiml", DIAL).await?;
        scene.dialed(&key, "Url", "https://example.org/dial.xml").await?;
    }
    Ok(())
}

async fn calls_of_all_clients_may_only_say_where_the_server_says_so(layout: Layout) -> Result {
    let scene = Scene::open(Builder::new(layout).await?.set("call.twiml", "say")).await?;
    scene.refused(&scene.client.key, "Twiml", DIAL, "not Dial").await?;
    scene.dialed(&scene.client.key, "Twiml", SAID).await?;
    let for_client = By::AdminFor(&scene.client.id);
    let dial = json!({"to": TO, "twiml": DIAL});
    let (status, _, answer) = ask(&scene.server, for_client, "POST", "/v1/calls", Some(dial.clone())).await?;
    ensure!(status == 400 && answer["field"] == "twiml", "an administrator for a client: {status} {answer}");
    scene.dialed(&scene.key(json!({"twiml": "any"})).await?, "Twiml", DIAL).await?;
    well(&scene.server, "POST", "/v1/calls", Some(dial)).await.map(drop)
}

async fn what_a_key_s_calls_may_say_is_changed(layout: Layout) -> Result {
    let scene = Scene::open(Builder::new(layout).await?).await?;
    let made = well(&scene.server, "POST", &scene.keys(), Some(json!({}))).await?;
    let (path, key) = (format!("{}/{}", scene.keys(), text(&made["id"])?), text(&made["key"])?);
    ensure!(made["twiml"].is_null(), "{made}");
    for (change, twiml, may) in [
        (json!({"twiml": "say"}), json!("say"), false),
        (json!({"twiml": null}), Value::Null, true),
        (json!({"destinations": r"\+1"}), Value::Null, false),
        (json!({"twiml": "any"}), json!("any"), true),
        (json!({"twiml": null, "destinations": null, "senders": r"\+1"}), Value::Null, false),
        (json!({"senders": null}), Value::Null, true),
    ] {
        let changed = well(&scene.server, "PATCH", &path, Some(change.clone())).await?;
        let shown = well(&scene.server, "GET", &path, None).await?;
        let is_shown = with(changed.clone(), json!({"last_used_at": shown["last_used_at"]})) == shown; // that comes later
        ensure!(changed["twiml"] == twiml && is_shown, "{changed} {shown}");
        let told = scene.dial(&key, "Twiml", DIAL).await?;
        ensure!(told.iter().all(|(status, _)| (*status < 300) == may), "{change}: {told:?}");
    }
    for (method, path) in [("POST", &scene.keys()), ("PATCH", &path)] {
        let (status, problem) = call(&scene.server, method, path, Some(json!({"twiml": "shout"}))).await?;
        ensure!(status == 400 && problem["field"] == "twiml", "{method}: {status} {problem}");
    }
    let url = scene.server.url("");
    let words = ["key", "add", &scene.client.id, "--twiml", "say", "--json", "--url", &url];
    let added: Value = serde_json::from_slice(&scene.server.builder().run(&words).await?.stdout)?;
    ensure!(added["twiml"] == "say", "{added}");
    let words = ["key", "change", &scene.client.id, &text(&added["id"])?, "--twiml", "", "--json", "--url", &url];
    let changed: Value = serde_json::from_slice(&scene.server.builder().run(&words).await?.stdout)?;
    ensure!(changed["twiml"].is_null(), "{changed}");
    Ok(())
}

impl Scene {
    /// A text that waits, with secrets in it; its id.
    async fn later(&self, to: &str) -> Result<String> {
        let at = rfc3339(now_ms() + 600_000);
        let body = json!({"from": FROM, "to": to, "body": "secret", "send_at": at, "metadata": {"secret": 1},
            "callback_url": "https://secret.example/"});
        let (status, sent) = post(&self.server, &self.client.key, "/v1/messages", &body).await?;
        ensure!(status == 202, "{status} {sent}");
        text(&sent["id"])
    }

    /// A call under way; its id.
    async fn ringing(&self) -> Result<String> {
        let body = json!({"from": FROM, "to": LASTING, "twiml": "<Response><Say>secret</Say></Response>"});
        let (status, placed) = post(&self.server, &self.client.key, "/v1/calls", &body).await?;
        ensure!(status == 202, "{status} {placed}");
        let id = text(&placed["id"])?;
        until("a call under way", async || {
            let (_, call) = self.ask(&self.client.key, "GET", &format!("/v1/calls/{id}"), &[]).await?;
            Ok((call["status"] == "in-progress").then_some(()))
        })
        .await?;
        Ok(id)
    }
}

/// What is not null of an answer that has these names.
fn told(answer: &Value, names: &Value) -> Result<Value> {
    let (answer, names) = (answer.as_object().context("no object")?, names.as_object().context("no object")?);
    let is_whole = answer.len() == names.len() && answer.keys().all(|name| names.contains_key(name));
    ensure!(is_whole, "{answer:?} is not in the shape of {names:?}");
    Ok(answer.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect())
}

async fn who_may_not_read_reads_nothing_by_changing(layout: Layout) -> Result {
    let scene = Scene::open(Builder::new(layout).await?).await?;
    let blind = scene.key(json!({"scopes": ["sms", "voice"]})).await?;
    let id = scene.later(TO).await?;
    let path = format!("/v1/messages/{id}");
    for method in ["DELETE", "PATCH"] {
        let (status, answer) = scene.ask(&blind, method, &path, &[]).await?;
        ensure!(status == 200 && answer == json!({"id": id, "state": "canceled"}), "{method}: {status} {answer}");
    }
    let id = scene.ringing().await?;
    let (status, answer) = scene.ask(&blind, "DELETE", &format!("/v1/calls/{id}"), &[]).await?;
    let is_bare = answer.as_object().is_some_and(|answer| answer.len() == 2) && answer["status"].is_string();
    ensure!(status == 200 && answer["id"] == id.as_str() && is_bare, "{status} {answer}");

    let sid = format!("SM{}", &scene.later(TO).await?[4..]);
    let item = format!("Messages/{sid}.json");
    let (_, whole) = scene.ask(&scene.client.key, "GET", &item, &[]).await?;
    for form in [("Status", "canceled"), ("Body", "")] {
        let (status, answer) = scene.ask(&blind, "POST", &item, &[form]).await?;
        let told = told(&answer, &whole)?;
        ensure!(status == 200 && told == json!({"sid": sid, "status": "canceled"}), "{form:?}: {status} {answer}");
    }
    let sid = format!("CA{}", &scene.ringing().await?[5..]);
    let item = format!("Calls/{sid}.json");
    let (_, whole) = scene.ask(&scene.client.key, "GET", &item, &[]).await?;
    let (status, answer) = scene.ask(&blind, "POST", &item, &[("Status", "completed")]).await?;
    let told = told(&answer, &whole)?;
    ensure!(status == 200 && told == json!({"sid": sid, "status": answer["status"]}), "{status} {answer}");
    // whoever reads is told all, as ever
    let id = scene.later(TO).await?;
    let (_, answer) = scene.ask(&scene.client.key, "DELETE", &format!("/v1/messages/{id}"), &[]).await?;
    ensure!(answer["body"] == "secret" && answer["attempts"] == json!([]) && answer["to"] == TO, "{answer}");
    Ok(())
}

async fn a_bound_key_changes_only_what_it_could_have_sent(layout: Layout) -> Result {
    let scene = Scene::open(Builder::new(layout).await?).await?;
    // a text that came in, too: the person is whom the key may not reach
    let own = json!({"number": "+15005550123", "account_id": scene.account});
    let for_client = By::AdminFor(&scene.client.id);
    let (status, _, own) = ask(&scene.server, for_client, "POST", "/v1/numbers", Some(own)).await?;
    ensure!(status == 201, "{status} {own}");
    let came = json!({"from": LASTING, "to": "+15005550123", "body": "secret"});
    well(&scene.server, "POST", "/v1/loopback/inbound", Some(came)).await?;
    let all = &scene.client.key;
    let came = until("a text that came in", async || {
        let (_, list) = scene.ask(all, "GET", "/v1/messages?direction=inbound", &[]).await?;
        Ok(list["data"][0]["id"].as_str().map(str::to_owned))
    })
    .await?;
    let (message, call) = (scene.later(LASTING).await?, scene.ringing().await?);
    let kept = async || scene.server.rows("SELECT id, state, body, deleted_ms, redacted_ms FROM sb_message").await;
    let before = kept().await?;
    let attempts = [
        ("DELETE", format!("/v1/messages/{message}")),
        ("PATCH", format!("/v1/messages/{message}")),
        ("PATCH", format!("/v1/messages/{came}")),
        ("DELETE", format!("/v1/calls/{call}")),
        ("POST", format!("Messages/SM{}.json", &message[4..])),
        ("DELETE", format!("Messages/SM{}.json", &message[4..])),
        ("DELETE", format!("Messages/SM{}.json", &came[4..])),
        ("POST", format!("Calls/CA{}.json", &call[5..])),
        ("DELETE", format!("Calls/CA{}.json", &call[5..])),
    ];
    for bounds in [json!({"destinations": r"\+1415"}), json!({"senders": r"\+1999"})] {
        let bound = scene.key(with(json!({"scopes": ["sms", "voice", "read"]}), bounds.clone())).await?;
        for (method, path) in &attempts {
            let form = [("Status", if path.starts_with("Calls") { "completed" } else { "canceled" })];
            let (status, answer) = scene.ask(&bound, method, path, &form).await?;
            ensure!(status == 403, "{bounds}: {method} {path}: {status} {answer}");
        }
        ensure!(kept().await? == before, "{bounds}: something was changed");
    }
    // what it could have sent it changes
    let fitting = json!({"destinations": r"\+1500", "senders": r"\+1500555"});
    let fitting = scene.key(fitting).await?;
    for (method, path) in &attempts {
        let form = [("Status", if path.starts_with("Calls") { "completed" } else { "canceled" })];
        let (status, answer) = scene.ask(&fitting, method, path, &form).await?;
        // some are over by then
        ensure!(status < 300 || [400, 404, 409].contains(&status), "{method} {path}: {status} {answer}");
    }
    ensure!(kept().await? != before, "nothing was changed");
    Ok(())
}

on_both_engines!(
    a_bound_key_s_calls_reach_nobody_else,
    calls_of_all_clients_may_only_say_where_the_server_says_so,
    what_a_key_s_calls_may_say_is_changed,
    who_may_not_read_reads_nothing_by_changing,
    a_bound_key_changes_only_what_it_could_have_sent,
);

in_foreign_sessions!(a_bound_key_changes_only_what_it_could_have_sent);
