//! What a client's server lets pass is passed on by the rules of every text; and each once, on however many nodes.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use super::hook::{Answer, Asked, Hook, answered, talk};
use super::talk::{ANN, BOB, CID};
use crate::events::text;
use crate::harness::{Builder, Layout, Result, until};
use crate::inbound::play::{self, settled};
use crate::on_both_engines;

/// Texts on two nodes.
const TEXTS: usize = 8;

/// Waits until somebody is asked for this many times.
async fn asked(hook: &Hook, times: usize) -> Result {
    until("a question", async || Ok((hook.asked().len() >= times).then_some(()))).await
}

async fn what_passes_keeps_every_rule(layout: Layout) -> Result {
    let hook = Hook::start(|_| Answer::new(200, r#"{"body": "hush"}"#).late(Duration::from_secs(2))).await?;
    let talk = talk(layout, 3).await?;
    let set = json!({"labels": "name", "intercept_url": hook.url("/")});
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], set).await?;
    talk.say(&held, ANN, "hello").await?;
    asked(&hook, 1).await?;
    // these words are for us: nobody is asked about them, and they count before the text is passed on
    talk.say(&held, BOB, "STOP").await?;
    talk.well("DELETE", &held.path()?, None).await?;
    talk.say(&held, ANN, "too late").await?;
    answered(&talk).await?;
    assert_eq!(talk.bodies(CID).await?, ["Ann: hush"], "it came before the end");
    let said = talk.said(&held).await?;
    let reasons: Vec<_> = said.iter().map(|one| one["reason"].clone()).collect();
    ensure!(reasons.len() == 2 && reasons.contains(&json!("opted_out")), "{said:?}");
    assert_eq!(hook.asked().len(), 1, "neither about STOP, nor behind the end");
    assert_eq!(talk.state(&held).await?["state"], "closed");
    assert_eq!(talk.paid().await?, "2", "one copy, and what she is told who was too late");
    talk.end().await
}

async fn a_form_asks_as_twilio_proxy_does(layout: Layout) -> Result {
    let hook = Hook::start(|asked| Answer::new(if asked.body.contains("block") { 403 } else { 200 }, "")).await?;
    let talk = talk(layout, 1).await?;
    let change = json!({"intercept_url": hook.url("/ask"), "hook_format": "form"});
    talk.well("PATCH", &format!("/v1/pools/{}", talk.pool), Some(change)).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let id = talk.say(&held, ANN, "hello").await?;
    talk.say(&held, ANN, "block me").await?;
    answered(&talk).await?;
    assert_eq!(talk.bodies(BOB).await?, ["hello"]);
    let posts = hook.asked();
    ensure!(posts.len() == 2 && posts.iter().all(|one| !one.header("x-twilio-signature").is_empty()), "{posts:?}");
    let fields: HashMap<String, String> = form_urlencoded::parse(posts[0].body.as_bytes()).into_owned().collect();
    let hex = |id: &str| id.split_once('_').map(|(_, hex)| hex.to_owned()).unwrap_or_default();
    let said = talk.said(&held).await?;
    for (name, value) in [
        ("inboundParticipantSid", format!("KP{}", hex(&held.id(ANN)?))),
        ("inboundResourceSid", format!("SM{}", hex(&id))),
        ("inboundResourceStatus", "delivered".to_owned()),
        ("inboundResourceType", "Message".to_owned()),
        ("interactionData", json!({"body": "hello"}).to_string()),
        ("interactionServiceSid", format!("KS{}", hex(&talk.pool))),
        ("interactionSessionSid", format!("KC{}", hex(&text(&held.0["id"])?))),
        ("interactionSid", format!("KI{}", hex(&text(&said[0]["id"])?))),
        ("interactionType", "Message".to_owned()),
    ] {
        assert_eq!(fields.get(name), Some(&value), "{name}");
    }
    ensure!(fields.keys().all(|name| !name.starts_with("outbound")), "{fields:?}");
    talk.end().await
}

async fn the_same_again_and_again_is_cut_off_though_it_passes(layout: Layout) -> Result {
    let hook = Hook::start(|_| Answer::new(204, "")).await?;
    let talk = talk(layout, 1).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"intercept_url": hook.url("/")})).await?;
    for _ in 0..12 {
        talk.say(&held, ANN, "I am away").await?;
    }
    answered(&talk).await?;
    assert_eq!((talk.bodies(BOB).await?.len(), hook.asked().len()), (10, 12));
    let told = talk.said(&held).await?;
    assert_eq!(told.iter().filter(|one| one["reason"] == "loop").count(), 2);
    talk.end().await
}

async fn what_is_taken_back_meanwhile_goes_to_nobody(layout: Layout) -> Result {
    let hook = Hook::start(|_| Answer::new(204, "").late(Duration::from_secs(2))).await?;
    let talk = talk(layout, 1).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"intercept_url": hook.url("/")})).await?;
    let id = talk.say(&held, ANN, "hello").await?;
    asked(&hook, 1).await?;
    talk.well("PATCH", &format!("/v1/messages/{id}"), Some(json!({"body": ""}))).await?;
    answered(&talk).await?;
    ensure!(talk.bodies(BOB).await?.is_empty() && talk.paid().await? == "0", "it is nobody's");
    talk.end().await
}

async fn two_nodes_ask_once_and_in_order(layout: Layout) -> Result {
    let hook = Hook::start(|_| Answer::new(204, "").late(Duration::from_millis(50))).await?;
    let talk = talk(layout, 1).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"intercept_url": hook.url("/")})).await?;
    let node = Builder::at(talk.server.home()).set("event.allow", "127.0.0.1").start_unseeded().await?;
    let number = held.number(ANN)?;
    let texts: Vec<String> = (0..TEXTS).map(|nth| format!("text {nth}")).collect();
    for (nth, text) in texts.iter().enumerate() {
        let server = if nth % 2 == 0 { &talk.server } else { &node };
        play::text(server, ANN, &number, text).await?;
        settled(server).await?;
    }
    answered(&talk).await?;
    let sql = "SELECT body FROM sb_message WHERE direction = 'outbound' ORDER BY created_ms, id";
    assert_eq!(talk.server.rows(sql).await?.concat(), texts, "each once, in their order");
    let order: Vec<String> = hook.asked().iter().map(Asked::said).collect();
    assert_eq!(order, texts);
    Ok(())
}

on_both_engines!(
    a_form_asks_as_twilio_proxy_does,
    the_same_again_and_again_is_cut_off_though_it_passes,
    two_nodes_ask_once_and_in_order,
    what_is_taken_back_meanwhile_goes_to_nobody,
    what_passes_keeps_every_rule
);
