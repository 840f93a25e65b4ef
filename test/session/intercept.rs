//! A client's server is asked before a text is passed on: it blocks it, changes it or lets it pass, and whatever it
//! does, nobody but its own session waits.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use switchboard::crypto::signature::{WebhookSecret, webhook};
use switchboard::store::Change;

use super::hook::{Answer, Asked, Hook, answered, talk};
use super::talk::{ANN, BOB, CID, DOT, Talk};
use crate::events::text;
use crate::harness::{Layout, Result, until};
use crate::inbound::play::{self, settled};
use crate::on_both_engines;

/// Answers by what is said.
fn by_words(asked: &Asked) -> Answer {
    match asked.said().as_str() {
        "block me" => Answer::new(403, ""),
        "change me" => Answer::new(200, r#"{"body": "changed"}"#),
        "break" => Answer::new(500, ""),
        "elsewhere" => Answer { location: Some("https://example.com/".to_owned()), ..Answer::new(302, "") },
        "nonsense" => Answer::new(200, "{\"body\": "),
        "slow" => Answer::new(403, "").late(Duration::from_secs(10)),
        _ => Answer::new(204, ""),
    }
}

async fn only_what_is_blocked_does_not_pass(layout: Layout) -> Result {
    let (hook, talk) = (Hook::start(by_words).await?, talk(layout, 2).await?);
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"intercept_url": hook.url("/ask")})).await?;
    let words = ["hello", "block me", "change me", "break", "elsewhere", "nonsense", "and the last"];
    let mut ids = Vec::new();
    for word in words {
        // all of them before the first is answered, it may be
        ids.push(play::text(&talk.server, ANN, &held.number(ANN)?, word).await?);
        settled(&talk.server).await?;
    }
    answered(&talk).await?;
    let heard = talk.bodies(BOB).await?;
    assert_eq!(heard, ["hello", "changed", "break", "elsewhere", "nonsense", "and the last"]);
    assert_eq!(talk.paid().await?, "6", "what is blocked costs nothing");
    let said = talk.said(&held).await?;
    assert_eq!(said.len(), words.len());
    let blocked = &said[1];
    assert_eq!((&blocked["status"], &blocked["reason"]), (&json!("failed"), &json!("blocked")));
    ensure!(blocked["outbound_message_id"].is_null() && blocked["body"] == "block me", "{blocked}");
    assert_eq!(said[2]["body"], "change me", "as it was said");

    let asked = hook.asked();
    let order: Vec<String> = asked.iter().map(Asked::said).collect();
    let wanted = ["hello", "block me", "change me", "break", "break", "elsewhere", "nonsense", "and the last"];
    assert_eq!(order, wanted, "in their order, and what breaks once more");
    let secret = talk.well("GET", "/v1/endpoints/callback-secret", None).await?;
    let secret: WebhookSecret = text(&secret["secret"])?.parse()?;
    let first = &asked[0];
    assert_eq!((first.header("webhook-id"), first.path.as_str()), (ids[0].as_str(), "/ask"));
    let at = first.header("webhook-timestamp").parse()?;
    let right = webhook::sign(&secret, first.header("webhook-id"), at, first.body.as_bytes());
    assert_eq!(first.header("webhook-signature"), right);
    talk.end().await
}

async fn a_slow_answer_holds_up_nobody_else(layout: Layout) -> Result {
    let (hook, talk) = (Hook::start(by_words).await?, talk(layout, 2).await?);
    let change = json!({"intercept_url": hook.url("/")});
    talk.well("PATCH", &format!("/v1/pools/{}", talk.pool), Some(change)).await?;
    let one = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let other = talk.hold(&[(CID, "Cid"), (DOT, "Dot")], json!({})).await?;
    let begun = Instant::now();
    talk.say(&one, ANN, "slow").await?;
    talk.say(&one, BOB, "behind it").await?;
    talk.say(&other, CID, "quick").await?;
    let passed = async || Ok((talk.bodies(DOT).await? == ["quick"]).then_some(()));
    until("the other session's text", passed).await?;
    ensure!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    ensure!(talk.bodies(BOB).await?.is_empty() && talk.bodies(ANN).await?.is_empty(), "these wait");
    answered(&talk).await?;
    assert_eq!((talk.bodies(BOB).await?, talk.bodies(ANN).await?), (vec!["slow".into()], vec!["behind it".into()]));
    ensure!(begun.elapsed() < Duration::from_secs(10), "nobody waits for it for so long: {:?}", begun.elapsed());
    // nobody is asked any more; yet what comes waits for what does
    talk.say(&one, ANN, "slow").await?;
    until("the question", async || {
        Ok(hook.asked().iter().filter(|asked| asked.said() == "slow").nth(1).is_some().then_some(()))
    })
    .await?;
    talk.well("PATCH", &format!("/v1/pools/{}", talk.pool), Some(json!({"intercept_url": null}))).await?;
    talk.say(&one, ANN, "block me").await?;
    answered(&talk).await?;
    assert_eq!(talk.bodies(BOB).await?, ["slow", "slow", "block me"]);
    talk.end().await
}

async fn a_text_survives_who_asks_about_it(layout: Layout) -> Result {
    let hook = Hook::start(|_| Answer::new(204, "").late(Duration::from_secs(2))).await?;
    let mut talk = talk(layout, 1).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"intercept_url": hook.url("/")})).await?;
    talk.say(&held, ANN, "one").await?;
    talk.say(&held, ANN, "two").await?;
    until("the question", async || Ok((!hook.asked().is_empty()).then_some(()))).await?;
    talk.server.kill()?;
    talk = Talk { server: talk.server.restart().await?, ..talk };
    let sql = "UPDATE sb_asked_text SET ready_ms = 1 WHERE owner IS NOT NULL";
    talk.server.home().databases.store()?.commit(Change::new().run(sql, Vec::new())).await?;
    answered(&talk).await?;
    assert_eq!(talk.bodies(BOB).await?, ["one", "two"], "each once");
    let asked = hook.asked();
    let ids: Vec<&str> = asked.iter().map(|asked| asked.header("webhook-id")).collect();
    ensure!(ids.len() == 3 && ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    talk.end().await
}

on_both_engines!(
    only_what_is_blocked_does_not_pass,
    a_slow_answer_holds_up_nobody_else,
    a_text_survives_who_asks_about_it
);
