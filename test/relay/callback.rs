//! Callbacks in Twilio's form: the fields that its programs read, and a signature that its own validator takes.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::scene::act_well;
use super::voice::scene_of;
use super::{Client, client, post, route};
use crate::events::receiver::{Answer, Post, Receiver};
use crate::events::{call, text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN as CARRIER};
use crate::harness::{Builder, Carrier, Layout, Result, Server, python, until};
use crate::inbound::play;
use crate::messages::{FROM, TO, quick, with};
use crate::on_both_engines;
use crate::outside::sdk::{SENDER, SID, TOKEN};

/// Whether twilio-python takes each post, under this token.
const VALIDATE: &str = r"
from twilio.request_validator import RequestValidator
validator = RequestValidator(given['token'])
answer = [validator.validate(post['url'], post['form'], post['signature']) for post in given['posts']]
";

struct Scene {
    server: Server,
    carrier: Carrier,
    receiver: Receiver,
    client: Client,
}

type Form = BTreeMap<String, String>;

fn form(post: &Post) -> Form {
    form_urlencoded::parse(&post.body).into_owned().collect()
}

impl Scene {
    async fn start(layout: Layout) -> Result<Self> {
        let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
        let builder = quick(Builder::new(layout).await?, &carrier).set("event.allow", "127.0.0.1");
        let server = scene_of(builder.set("event.retries", "50ms,50ms")).await?;
        let account = well(&server, "GET", "/v1/accounts", None).await?["data"][0]["id"].clone();
        route(&server, &text(&account)?).await?;
        let client = client(&server, "10").await?;
        Ok(Self { server, carrier, receiver, client })
    }

    /// What the carrier says of what it takes.
    async fn receipts(&self, receipts: Value) -> Result {
        let via = json!({"delay_ms": 300, "via": self.server.url("")});
        self.carrier.receipts(with(via, receipts)).await
    }

    /// Sends by one of the older paths; its SID.
    async fn order(&self, what: &str, more: Value) -> Result<String> {
        let order = json!({"To": TO, "From": FROM, "StatusCallback": self.receiver.url("/told?of=it")});
        let (status, told) =
            post(&self.server, &self.client.key, &format!("/relay/api/{what}"), &with(order, more)).await?;
        ensure!(status == 200, "{status} {told}");
        text(&told["sid"])
    }

    /// Sends by Twilio's own path; its SID.
    async fn create(&self, what: &str, more: &[(&str, &str)]) -> Result<String> {
        let path = format!("/2010-04-01/Accounts/{}/{what}.json", self.client.sid);
        let url = self.receiver.url("/told?of=it");
        let form = [&[("To", TO), ("StatusCallback", url.as_str())], more].concat();
        let request = self.server.http.post(self.server.url(&path)).form(&form);
        let response = request.basic_auth(&self.client.sid, Some(&self.client.token)).send().await?;
        let status = response.status();
        let told: Value = response.json().await?;
        ensure!(status == 201, "{status} {told}");
        text(&told["sid"])
    }

    /// So many callbacks altogether, each well signed.
    async fn told(&self, count: usize) -> Result<Vec<Form>> {
        let posts = self.receiver.wait(count).await?;
        ensure!(posts.len() == count, "{} posts", posts.len());
        let signed: Vec<Value> = posts
            .iter()
            .map(|post| {
                assert_eq!(post.header("content-type")?, "application/x-www-form-urlencoded");
                let signature = post.header("x-twilio-signature")?;
                Ok(json!({"url": self.receiver.url("/told?of=it"), "form": form(post), "signature": signature}))
            })
            .collect::<Result<_>>()?;
        for (token, wanted) in [(self.client.token.as_str(), true), ("another", false)] {
            let answer = python::run(VALIDATE, json!({"token": token, "posts": signed})).await?;
            assert_eq!(answer, json!(vec![wanted; count]), "under {token}");
        }
        Ok(posts.iter().map(form).collect())
    }
}

fn fields(client: &Client, pairs: &[(&str, &str)]) -> Form {
    let mut form: Form = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    form.insert("AccountSid".to_owned(), client.sid.clone());
    form.insert("ApiVersion".to_owned(), "2010-04-01".to_owned());
    form
}

async fn a_message_is_told_of_as_twilio_does(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    let (server, client) = (&scene.server, &scene.client);
    scene.receipts(json!({"states": ["delivered"]})).await?;
    let account = well(server, "GET", "/v1/accounts", None).await?["data"][0]["id"].clone();
    let own = json!({"number": "+15005550107", "account_id": account, "capabilities": ["sms"]});
    let number = text(&act_well(server, &client.id, "POST", "/v1/numbers", Some(own)).await?["id"])?;
    let made = act_well(server, &client.id, "POST", "/v1/pools", Some(json!({"name": "sales"}))).await?;
    let pool = text(&made["id"])?;
    act_well(server, &client.id, "PUT", &format!("/v1/pools/{pool}/numbers/{number}"), None).await?;
    let service = format!("MG{}", pool.trim_start_matches("pool_"));
    let sid = scene.create("Messages", &[("MessagingServiceSid", &service), ("Body", "a + b & ✓")]).await?;
    let told = |status| {
        let form = [("MessageSid", sid.as_str()), ("MessageStatus", status), ("SmsSid", &sid), ("SmsStatus", status)];
        let ends = [("To", TO), ("From", "+15005550107"), ("MessagingServiceSid", &service)];
        fields(client, &[&form[..], &ends].concat())
    };
    let mut posts = scene.told(2).await?;
    posts.sort_by_key(|post| post["MessageStatus"].clone());
    assert_eq!(posts, [told("delivered"), told("sent")]);
    Ok(())
}

async fn a_failure_has_its_code_and_whatsapp_its_prefix(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    scene.receiver.answer([Answer::status(500), Answer::status(200)]);
    scene.receipts(json!({"states": ["undelivered"], "error_code": 30003})).await?;
    scene.order("whatsapp", json!({"Body": "hello"})).await?;
    // one of them twice: it was answered 500
    let posts = scene.told(3).await?;
    ensure!(posts.iter().all(|post| post["To"] == format!("whatsapp:{TO}")), "{posts:?}");
    ensure!(posts.iter().all(|post| post["From"] == format!("whatsapp:{FROM}")), "{posts:?}");
    let code = |post: &Form| (post["MessageStatus"].clone(), post.get("ErrorCode").cloned());
    let codes: Vec<_> = posts.iter().map(code).collect();
    assert!(codes.contains(&("sent".into(), None)), "{codes:?}");
    assert!(codes.contains(&("undelivered".into(), Some("30003".into()))), "{codes:?}");
    let left = super::balance(&scene.server, &scene.client).await?;
    ensure!(left == "10.0000", "what came to nothing costs nothing: {left}");
    Ok(())
}

async fn a_call_is_told_of_as_far_as_is_wanted(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    let states = ["initiated", "ringing", "in-progress", "completed"];
    scene.receipts(json!({"states": states})).await?;
    let sid = scene.order("call", json!({"Twiml": "<Response/>"})).await?;
    let posts = scene.told(1).await?;
    let common = [("CallSid", sid.as_str()), ("To", TO), ("From", FROM), ("Direction", "outbound-api")];
    let over = [("CallStatus", "completed"), ("CallDuration", "7"), ("SequenceNumber", "0")];
    let mut told = posts[0].clone();
    let at = told.remove("Timestamp").context("no Timestamp")?;
    ensure!(at.ends_with(" +0000"), "{at}");
    assert_eq!(told, fields(&scene.client, &[&common[..], &over].concat()));

    let wanted = ["completed", "initiated", "ringing", "answered"].map(|event| ("StatusCallbackEvent", event));
    scene.create("Calls", &[&[("From", FROM), ("Twiml", "<Response/>")][..], &wanted].concat()).await?;
    let mut steps: Vec<_> = scene.told(5).await?.split_off(1);
    steps.sort_by_key(|post| post["SequenceNumber"].clone());
    let words: Vec<&str> = steps.iter().map(|post| post["CallStatus"].as_str()).collect();
    assert_eq!(words, states);
    ensure!(steps.iter().filter(|post| post.contains_key("CallDuration")).count() == 1, "{steps:?}");
    Ok(())
}

/// The steps of a call come side by side, as do those of many: none overtakes another and hides it.
async fn each_step_of_many_calls_is_told(layout: Layout) -> Result {
    const CALLS: usize = 25;
    let receiver = Receiver::start().await?;
    let server = Builder::new(layout).await?.dev().set("event.allow", "127.0.0.1").start().await?;
    let url = receiver.url("/told");
    let place = async |n: usize| {
        let to = format!("+1415555{n:04}");
        let parties = [("To", to.as_str()), ("From", SENDER), ("Twiml", "<Response/>"), ("StatusCallback", &url)];
        let wanted = ["initiated", "ringing", "answered", "completed"].map(|event| ("StatusCallbackEvent", event));
        let path = server.url(&format!("/2010-04-01/Accounts/{SID}/Calls.json"));
        let form = [&parties[..], &wanted].concat();
        let answer = server.http.post(path).basic_auth(SID, Some(TOKEN)).form(&form).send().await?;
        ensure!(answer.status() == 201, "{}", answer.text().await?);
        Ok(())
    };
    try_join_all((0..CALLS).map(place)).await?;
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for post in receiver.wait(4 * CALLS).await?.iter().map(form) {
        told.entry(post["CallSid"].clone()).or_default().push(post["SequenceNumber"].clone());
    }
    ensure!(told.len() == CALLS, "{told:?}");
    for steps in told.values_mut() {
        steps.sort();
        assert_eq!(*steps, ["0", "1", "2", "3"]);
    }
    Ok(())
}

/// A receiver that is out of order is asked so often; what comes later is told all the same, under a new token.
async fn what_nobody_takes_is_given_up(layout: Layout) -> Result {
    let mut scene = Scene::start(layout).await?;
    scene.receiver.answer([Answer::status(503), Answer::status(500), Answer::status(302), Answer::status(404)]);
    scene.receipts(json!({"states": ["delivered"]})).await?;
    let rotated = well(&scene.server, "POST", &format!("/v1/clients/{}/token", scene.client.id), None).await?;
    scene.order("sms", json!({"Body": "hello"})).await?;
    // three tries of each, and it is given up
    let given_up = until("all to be given up", async || {
        let rows = scene.server.rows("SELECT state FROM sb_delivery WHERE state <> 'pending'").await?;
        Ok((rows.len() == 2).then_some(rows.concat()))
    });
    ensure!(given_up.await?.iter().all(|state| state != "delivered"), "it was taken");
    // each is known again by its token: the same on every try
    let mut tokens = BTreeMap::new();
    for post in scene.receiver.wait(6).await? {
        let token = post.header("i-twilio-idempotency-token")?.to_owned();
        let parts: Vec<usize> = token.split('-').map(str::len).collect();
        ensure!(parts == [8, 4, 4, 4, 12] && token.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()), "{token}");
        *tokens.entry((token, form(&post)["MessageStatus"].clone())).or_insert(0) += 1;
    }
    ensure!(tokens.len() == 2 && tokens.values().all(|tries| *tries == 3), "{tokens:?}");
    // the next text is told of under the new token
    scene.client.token = text(&rotated["auth_token"])?;
    scene.receiver.answer([Answer::status(200)]);
    let sid = scene.order("sms", json!({"Body": "again"})).await?;
    let posts = scene.told(8).await?;
    let heard = posts[6..].iter().filter(|post| post["MessageSid"] == sid).count();
    assert_eq!(heard, 2, "{posts:?}");
    Ok(())
}

async fn what_was_recorded_of_a_call_is_told(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    scene.order("call", json!({"Twiml": "<Response/>"})).await?;
    let placed = until("the call at the carrier", async || {
        Ok(scene.carrier.messages(None).await?.into_iter().find(|one| one.told == "accept"))
    })
    .await?;
    let noted = [
        ("AnsweredBy", "machine_start"),
        ("RecordingUrl", "https://api.example.com/Recordings/RE1"),
        ("RecordingSid", "RE1"),
        ("RecordingDuration", "40"),
    ];
    let over = [("CallSid", placed.sid.as_str()), ("AccountSid", ACCOUNT), ("CallStatus", "completed")];
    let form = [&over[..], &[("CallDuration", "42")], &noted].concat();
    assert_eq!(play::post_twilio(&scene.server, "/relay/twilio/webhook", &form, CARRIER).await?.0, 200);
    let posts = scene.told(1).await?;
    for (name, value) in noted.iter().chain(&[("CallDuration", "42"), ("CallStatus", "completed")]) {
        ensure!(posts[0].get(*name).is_some_and(|said| said == value), "{name}: {posts:?}");
    }
    Ok(())
}

/// Nobody could tell such a post from a forged one.
async fn without_a_token_nothing_is_posted(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    let order = json!({"To": TO, "From": FROM, "Body": "x", "StatusCallback": scene.receiver.url("/told")});
    // the operator has none
    let (status, told) = call(&scene.server, "POST", "/relay/api/sms", Some(order)).await?;
    ensure!(status == 200, "{status} {told}");
    let dropped = until("a dropped delivery", async || {
        let rows = scene.server.rows("SELECT state, last_reason FROM sb_delivery").await?;
        Ok(rows.into_iter().find(|row| row[0] != "pending"))
    });
    assert_eq!(dropped.await?, ["dropped", "the client has no auth token to sign with"]);
    assert_eq!(scene.receiver.posts().len(), 0);
    Ok(())
}

on_both_engines!(
    a_message_is_told_of_as_twilio_does,
    a_failure_has_its_code_and_whatsapp_its_prefix,
    a_call_is_told_of_as_far_as_is_wanted,
    each_step_of_many_calls_is_told,
    what_nobody_takes_is_given_up,
    what_was_recorded_of_a_call_is_told,
    without_a_token_nothing_is_posted,
);
