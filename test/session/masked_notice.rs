//! What people are told who text where nobody hears them: once an hour, however often they text.

use serde_json::json;

use super::talk::{ANN, BOB, CID, DOT, Talk};
use crate::harness::{Builder, Layout, Result};
use crate::on_both_engines;

const NONE: &str = "There is no conversation here.";

async fn strangers_are_told_once_an_hour(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("session.none_text", NONE);
    let talk = Talk::of(builder, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    for body in ["hello?", "is anybody there?"] {
        talk.text(DOT, &talk.numbers[0], body).await?;
    }
    assert_eq!(talk.heard(DOT).await?, [(talk.numbers[0].clone(), NONE.to_owned())]);
    talk.text(DOT, &talk.numbers[1], "hello?").await?;
    assert_eq!(talk.heard(DOT).await?.len(), 2, "each number for itself");
    assert_eq!(talk.paid().await?, "2", "by the client whose number it is");
    // whoever is in one hears nothing of it, until it is over
    talk.say(&held, ANN, "hello").await?;
    assert!(talk.bodies(ANN).await?.is_empty());
    talk.well("DELETE", &held.path()?, None).await?;
    talk.say(&held, ANN, "hello?").await?;
    assert_eq!(talk.bodies(ANN).await?, [NONE]);
    // whom nobody can answer, and who wants nothing
    for from in ["40404", "Acme", "messenger:10203"] {
        talk.text(from, &talk.numbers[0], "hello?").await?;
    }
    let told = talk.server.rows("SELECT COUNT(*) FROM sb_message WHERE direction = 'outbound'").await?;
    assert_eq!(told[0][0], "4", "two for a stranger, one copy, one behind the end");
    talk.text(CID, &talk.numbers[0], "STOP").await?;
    talk.text(CID, &talk.numbers[0], "hello?").await?;
    assert!(!talk.bodies(CID).await?.contains(&NONE.to_owned()));
    talk.end().await
}

async fn who_answers_a_pool_without_sessions_is_no_stranger(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("session.none_text", NONE);
    let talk = Talk::of(builder, 1).await?;
    talk.text(DOT, &talk.numbers[0], "thank you").await?;
    assert!(talk.heard(DOT).await?.is_empty());
    talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    talk.text(DOT, &talk.numbers[0], "hello?").await?;
    assert_eq!(talk.bodies(DOT).await?, [NONE]);
    talk.end().await
}

async fn strangers_are_told_nothing_where_nothing_is_set(layout: Layout) -> Result {
    let talk = Talk::of(Builder::new(layout).await?.set("session.none_text", ""), 1).await?;
    talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    talk.text(DOT, &talk.numbers[0], "hello?").await?;
    assert!(talk.heard(DOT).await?.is_empty());
    talk.end().await
}

async fn who_is_alone_or_texts_where_people_call_is_told_so(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let alone = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"ttl": "1h"})).await?;
    talk.well("DELETE", &format!("{}/participants/{}", alone.path()?, alone.id(BOB)?), None).await?;
    let calls = talk.hold(&[(CID, "Cid"), (DOT, "Dot")], json!({"mode": "voice"})).await?;
    for body in ["hello?", "are you there?"] {
        talk.say(&alone, ANN, body).await?;
        talk.say(&calls, CID, body).await?;
    }
    assert_eq!(talk.bodies(ANN).await?, ["Nobody else is in this conversation now."]);
    assert_eq!(talk.bodies(CID).await?, ["This conversation takes calls only."]);
    assert!(talk.bodies(DOT).await?.is_empty() && talk.bodies(BOB).await?.is_empty());
    for (held, reason) in [(&alone, "alone"), (&calls, "mode")] {
        let said = talk.said(held).await?;
        assert!(said.len() == 2 && said.iter().all(|one| one["reason"] == reason), "{said:?}");
        let now = talk.state(held).await?;
        assert_eq!((&now["state"], &now["last_interaction_at"]), (&json!("open"), &json!(null)), "it lives no longer");
    }
    talk.end().await
}

on_both_engines!(
    strangers_are_told_once_an_hour,
    who_answers_a_pool_without_sessions_is_no_stranger,
    strangers_are_told_nothing_where_nothing_is_set,
    who_is_alone_or_texts_where_people_call_is_told_so,
);
