//! Callbacks in Twilio's form: the fields that its programs read, and a signature that its own validator takes.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::crypto::{MasterKey, Place};
use switchboard::model::ClientId;
use switchboard::store::Change;

use super::voice::{dial, scene_of};
use crate::events::receiver::{Answer, Post, Receiver};
use crate::events::text;
use crate::harness::carrier::{ACCOUNT, TOKEN as CARRIER};
use crate::harness::{Builder, Carrier, Layout, Result, Server, python, until};
use crate::inbound::play;
use crate::messages::{FROM, TO, quick, send, sms};
use crate::on_both_engines;

const TOKEN: &str = "a-client-s-auth-token";

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
}

type Form = BTreeMap<String, String>;

fn form(post: &Post) -> Form {
    form_urlencoded::parse(&post.body).into_owned().collect()
}

impl Scene {
    async fn start(layout: Layout) -> Result<Self> {
        let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
        let builder = quick(Builder::new(layout).await?, &carrier).set("webhook.allow", "127.0.0.1");
        let builder = builder.set("webhook.retries", "50ms,50ms").set("outbox.retry_first", "1500ms");
        let server = scene_of(builder.set("outbox.retry_most", "1500ms")).await?;
        Ok(Self { server, carrier, receiver })
    }

    /// Gives the house an auth token, as clients have one.
    async fn give_token(&self) -> Result {
        let key = std::fs::read_to_string(self.server.builder().path("keys/master.key"))?;
        let row = ClientId::HOUSE.hex();
        let place = Place { table: "sb_client", row: &row, column: "auth_token" };
        let sealed = MasterKey::parse(&key)?.seal(place, TOKEN.as_bytes())?;
        let sql = "UPDATE sb_client SET auth_token = ? WHERE id = ?";
        let change = Change::new().one(sql, vec![sealed.into(), row.as_str().into()]);
        Ok(self.server.home().databases.store()?.commit(change).await?)
    }

    /// What is to come of a message whose first try fails, and what the carrier says of it then.
    async fn plan(&self, receipts: Value) -> Result {
        self.carrier.behave(json!({"times": 1, "do": "status", "status": 503})).await?;
        self.carrier.receipts(receipts).await
    }

    /// While a message waits for its second try: makes it one of a door that is Twilio's. Its id in hex.
    async fn shape(&self, id: &Value, more: Value) -> Result<String> {
        let hex = text(id)?.split_once('_').context("no id")?.1.to_owned();
        let extra = json!({"callback_url": self.receiver.url("/told?of=it"), "is_twilio": true});
        let extra = crate::messages::with(extra, more).to_string();
        let store = self.server.home().databases.store()?;
        let tried = "SELECT 1 FROM sb_attempt WHERE message_id = ? AND outcome = 'unreachable'";
        until("the first try", async || {
            let found = store.query(tried, vec![hex.as_str().into()]).await?;
            Ok((!found.is_empty()).then_some(()))
        })
        .await?;
        let sql = "UPDATE sb_message SET extra = ? WHERE id = ?";
        store.commit(Change::new().one(sql, vec![extra.into(), hex.as_str().into()])).await?;
        Ok(hex)
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
        for (token, wanted) in [(TOKEN, true), ("another", false)] {
            let answer = python::run(VALIDATE, json!({"token": token, "posts": signed})).await?;
            assert_eq!(answer, json!(vec![wanted; count]), "under {token}");
        }
        Ok(posts.iter().map(form).collect())
    }
}

fn fields(pairs: &[(&str, &str)]) -> Form {
    let mut form: Form = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    form.insert("AccountSid".to_owned(), format!("AC{}", ClientId::HOUSE.hex()));
    form.insert("ApiVersion".to_owned(), "2010-04-01".to_owned());
    form
}

async fn a_message_is_told_of_as_twilio_does(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    scene.give_token().await?;
    let receipts = json!({"states": ["delivered"], "delay_ms": 300, "via": scene.server.url("")});
    scene.plan(receipts).await?;
    let message = send(&scene.server, sms(TO, "a + b & ✓", json!({}))).await?;
    let pool = "0123456789abcdef0123456789abcdef";
    let sid = format!("SM{}", scene.shape(&message["id"], json!({"pool": pool})).await?);
    let told = |status| {
        let form = [("MessageSid", sid.as_str()), ("MessageStatus", status), ("SmsSid", &sid), ("SmsStatus", status)];
        let service = format!("MG{pool}");
        fields(&[&form[..], &[("To", TO), ("From", FROM), ("MessagingServiceSid", &service)]].concat())
    };
    let mut posts = scene.told(2).await?;
    posts.sort_by_key(|post| post["MessageStatus"].clone());
    assert_eq!(posts, [told("delivered"), told("sent")]);
    Ok(())
}

async fn a_failure_has_its_code_and_whatsapp_its_prefix(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    scene.give_token().await?;
    scene.receiver.answer([Answer::status(500), Answer::status(200)]);
    let receipts = json!({"states": ["undelivered"], "error_code": 30003, "delay_ms": 300});
    scene.plan(crate::messages::with(receipts, json!({"via": scene.server.url("")}))).await?;
    let message = send(&scene.server, sms(TO, "hello", json!({"channel": "whatsapp"}))).await?;
    scene.shape(&message["id"], json!({})).await?;
    // one of them twice: it was answered 500
    let posts = scene.told(3).await?;
    ensure!(posts.iter().all(|post| post["To"] == format!("whatsapp:{TO}")), "{posts:?}");
    ensure!(posts.iter().all(|post| post["From"] == format!("whatsapp:{FROM}")), "{posts:?}");
    let code = |post: &Form| (post["MessageStatus"].clone(), post.get("ErrorCode").cloned());
    let codes: Vec<_> = posts.iter().map(code).collect();
    assert!(codes.contains(&("sent".into(), None)), "{codes:?}");
    assert!(codes.contains(&("undelivered".into(), Some("30003".into()))), "{codes:?}");
    Ok(())
}

async fn a_call_is_told_of_as_far_as_is_wanted(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    scene.give_token().await?;
    let states = ["initiated", "ringing", "in-progress", "completed"];
    let receipts = json!({"states": states, "delay_ms": 300, "via": scene.server.url("")});
    scene.plan(receipts.clone()).await?;
    let call = dial(&scene.server, TO, json!({})).await?;
    let sid = format!("CA{}", scene.shape(&call["id"], json!({"call": {"twiml": "<Response/>"}})).await?);
    let posts = scene.told(1).await?;
    let common = [("CallSid", sid.as_str()), ("To", TO), ("From", FROM), ("Direction", "outbound-api")];
    let over = [("CallStatus", "completed"), ("CallDuration", "7"), ("SequenceNumber", "0")];
    let mut told = posts[0].clone();
    let at = told.remove("Timestamp").context("no Timestamp")?;
    ensure!(at.ends_with(" +0000"), "{at}");
    assert_eq!(told, fields(&[&common[..], &over].concat()));

    scene.plan(receipts).await?;
    let call = dial(&scene.server, TO, json!({})).await?;
    let plan = json!({"twiml": "<Response/>", "callback_events": ["completed", "initiated", "ringing", "answered"]});
    scene.shape(&call["id"], json!({"call": plan})).await?;
    let mut steps: Vec<_> = scene.told(5).await?.split_off(1);
    steps.sort_by_key(|post| post["SequenceNumber"].clone());
    let words: Vec<&str> = steps.iter().map(|post| post["CallStatus"].as_str()).collect();
    assert_eq!(words, states);
    ensure!(steps.iter().filter(|post| post.contains_key("CallDuration")).count() == 1, "{steps:?}");
    Ok(())
}

async fn what_was_recorded_of_a_call_is_told(layout: Layout) -> Result {
    let scene = Scene::start(layout).await?;
    scene.give_token().await?;
    scene.plan(json!({})).await?;
    let call = dial(&scene.server, TO, json!({})).await?;
    scene.shape(&call["id"], json!({"call": {"twiml": "<Response/>"}})).await?;
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
    scene.plan(json!({})).await?;
    let message = send(&scene.server, sms(TO, "hello", json!({}))).await?;
    scene.shape(&message["id"], json!({})).await?;
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
    what_was_recorded_of_a_call_is_told,
    without_a_token_nothing_is_posted,
);
