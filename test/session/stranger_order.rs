//! A stranger texts more than once while their client's server is asked what to do with them: what they say in the session
//! that they come into meanwhile waits for what they said before.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::hook::{Answer, Asked, Hook, answered, talk};
use super::talk::{BOB, DOT, Talk};
use crate::harness::{Layout, Result, until};
use crate::inbound::play::{self, settled};
use crate::on_both_engines;

/// Strangers who text at once, each wanted in a session with somebody else.
const STRANGERS: usize = 24;

fn stranger(nth: usize) -> String {
    format!("+141555502{nth:02}")
}

fn other(nth: usize) -> String {
    format!("+141555504{nth:02}")
}

async fn a_session_made_meanwhile_waits_for_what_is_asked(layout: Layout) -> Result {
    let gate = Arc::new(Notify::new());
    let (wanted, opens) = (json!({ "participantIdentifier": BOB }).to_string(), gate.clone());
    let hook = Hook::start(move |_| Answer::new(200, &wanted).after(&opens)).await?;
    let talk = talk(layout, 1).await?;
    let change = json!({"out_of_session_url": hook.url("/"), "hook_format": "json"});
    talk.well("PATCH", &format!("/v1/pools/{}", talk.pool), Some(change)).await?;
    let number = talk.numbers[0].clone();
    talk.text(DOT, &number, "one").await?;
    until("the question", async || Ok((!hook.asked().is_empty()).then_some(()))).await?;
    // they are in a session from here on, and the server has not said what becomes of their first text
    talk.hold(&[(DOT, "Dot"), (BOB, "Bob")], json!({})).await?;
    talk.text(DOT, &number, "two").await?;
    talk.text(DOT, &number, "three").await?;
    let early = talk.bodies(BOB).await?;
    gate.notify_one();
    answered(&talk).await?;
    ensure!(early.is_empty(), "it overtakes: {early:?}");
    assert_eq!(talk.bodies(BOB).await?, ["one", "two", "three"]);
    // nothing is asked about any more
    talk.text(DOT, &number, "four").await?;
    assert_eq!(talk.bodies(BOB).await?, ["one", "two", "three", "four"]);
    assert_eq!(hook.asked().len(), 1, "who is in a session is no stranger");
    talk.end().await
}

/// Wants whoever texts in a session with their other, some a little later than the rest.
fn by_stranger(asked: &Asked) -> Answer {
    let asked: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let from = asked["data"]["from"].as_str().unwrap_or_default();
    let nth: usize = from.get(from.len().saturating_sub(2)..).and_then(|nth| nth.parse().ok()).unwrap_or_default();
    let answer = Answer::new(200, &json!({ "participantIdentifier": other(nth) }).to_string());
    answer.late(Duration::from_millis(u64::try_from(nth).unwrap_or_default() * 3))
}

/// Each is posted once the one before it is stored, and no later.
async fn texts(talk: &Talk, nth: usize) -> Result {
    for body in ["one", "two", "three"] {
        play::text(&talk.server, &stranger(nth), &talk.numbers[0], body).await?;
    }
    Ok(())
}

async fn many_strangers_who_text_at_once_are_heard_in_order(layout: Layout) -> Result {
    let hook = Hook::start(by_stranger).await?;
    let talk = talk(layout, 1).await?;
    let change = json!({"out_of_session_url": hook.url("/"), "hook_format": "json"});
    talk.well("PATCH", &format!("/v1/pools/{}", talk.pool), Some(change)).await?;
    join_all((0..STRANGERS).map(|nth| texts(&talk, nth))).await.into_iter().collect::<Result>()?;
    settled(&talk.server).await?;
    answered(&talk).await?;
    for nth in 0..STRANGERS {
        assert_eq!(talk.bodies(&other(nth)).await?, ["one", "two", "three"], "{nth}");
    }
    talk.end().await
}

on_both_engines!(a_session_made_meanwhile_waits_for_what_is_asked, many_strangers_who_text_at_once_are_heard_in_order);
