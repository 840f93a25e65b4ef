//! Keys that are bound: what their calls may say.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::client::{By, ask};
use super::{Client, balance, client, loopback, post};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::messages::number;
use crate::on_both_engines;

const FROM: &str = "+15005550006";
const TO: &str = "+14155550100";
const DIAL: &str = "<Response><Dial>+882160000</Dial></Response>";
const SAID: &str = "<Response><Gather numDigits=\"1\"><Say>Press &amp; go</Say></Gather>\
                    <Play>https://example.org/a.mp3</Play><Hangup/></Response>";

struct Scene {
    server: Server,
    client: Client,
}

impl Scene {
    async fn open(builder: Builder) -> Result<Self> {
        let server = builder.start().await?;
        let account = loopback(&server).await?;
        number(&server, &account, FROM, json!({"capabilities": ["sms", "mms", "voice"]})).await?;
        let client = client(&server, "10").await?;
        Ok(Self { server, client })
    }

    fn keys(&self) -> String {
        format!("/v1/clients/{}/keys", self.client.id)
    }

    async fn key(&self, set: Value) -> Result<String> {
        text(&well(&self.server, "POST", &self.keys(), Some(set)).await?["key"])
    }

    /// A form on Twilio's path of the client.
    async fn ask(&self, key: &str, method: &str, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        let url = self.server.url(&self.twilio(path));
        let request = self.server.http.request(method.parse()?, url).header("x-proxy-auth", key);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let response = request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await?;
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
        scene.refused(&key, "Url", "https://example.org/dial.xml", "must be left out").await?;
        for name in ["FallbackUrl", "ApplicationSid"] {
            let form = [("To", TO), ("From", FROM), ("Twiml", SAID), (name, "https://example.org/dial.xml")];
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
        ensure!(changed["twiml"] == twiml && changed == well(&scene.server, "GET", &path, None).await?, "{changed}");
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

on_both_engines!(
    a_bound_key_s_calls_reach_nobody_else,
    calls_of_all_clients_may_only_say_where_the_server_says_so,
    what_a_key_s_calls_may_say_is_changed,
);
