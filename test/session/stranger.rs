//! Somebody texts who is in no session: their text is answered, or said in a session, as the client's server wants it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use super::hook::{Answer, Hook, answered, talk};
use super::talk::{ANN, BOB, CID, DOT, Talk};
use crate::events::well;
use crate::harness::{Builder, Layout, Result, until};
use crate::on_both_engines;

async fn ask(talk: &Talk, hook: &Hook, format: &str) -> Result {
    let change = json!({"out_of_session_url": hook.url("/stranger"), "hook_format": format});
    talk.well("PATCH", &format!("/v1/pools/{}", talk.pool), Some(change)).await?;
    Ok(())
}

async fn sessions(talk: &Talk) -> Result<usize> {
    Ok(talk.well("GET", "/v1/sessions", None).await?["data"].as_array().map_or(0, Vec::len))
}

async fn a_stranger_is_answered_in_twiml(layout: Layout) -> Result {
    let twiml = "<Response><Message>Who are you?</Message><Message><Body>Tell us.</Body></Message></Response>";
    let hook = Hook::start(move |_| Answer { kind: "text/xml", ..Answer::new(200, twiml) }).await?;
    let talk = talk(layout, 1).await?;
    // one who was in a session, and one who never was
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    talk.well("DELETE", &held.path()?, None).await?;
    ask(&talk, &hook, "form").await?;
    let number = talk.numbers[0].clone();
    talk.text(ANN, &number, "hello?").await?;
    talk.text(DOT, &number, "is anybody there?").await?;
    answered(&talk).await?;
    for who in [ANN, DOT] {
        assert_eq!(
            talk.heard(who).await?,
            [(number.clone(), "Who are you?".into()), (number.clone(), "Tell us.".into())]
        );
    }
    assert_eq!(talk.paid().await?, "4", "as any message");
    ensure!(talk.bodies(BOB).await?.is_empty() && sessions(&talk).await? == 1, "nobody else hears of it");
    let asked = hook.asked();
    ensure!(asked.iter().all(|asked| !asked.header("x-twilio-signature").is_empty()), "{asked:?}");
    let of = |person: &str| -> Vec<(String, String)> {
        let is_theirs = |body: &&str| body.contains(&format!("From=%2B{}", &person[1..]));
        let body = asked.iter().map(|asked| asked.body.as_str()).find(is_theirs).unwrap_or_default();
        form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    };
    let field = |fields: &[(String, String)], name: &str| {
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let (ann, dot) = (of(ANN), of(DOT));
    assert_eq!(field(&ann, "Body").as_deref(), Some("hello?"));
    assert_eq!(field(&ann, "inboundParticipantIdentifier").as_deref(), Some(ANN), "{ann:?}");
    assert_eq!(field(&ann, "outboundParticipantIdentifier").as_deref(), Some(BOB));
    assert_eq!(field(&ann, "sessionStatus").as_deref(), Some("closed"));
    ensure!(field(&dot, "sessionSid").is_none() && field(&dot, "To") == Some(number), "{dot:?}");
    talk.end().await
}

async fn an_answer_goes_where_a_key_of_its_client_may_text(layout: Layout) -> Result {
    let twiml = format!("<Response><Message>to you</Message><Message to=\"{ANN}\">to Ann</Message></Response>");
    let hook = Hook::start(move |_| Answer { kind: "text/xml", ..Answer::new(200, &twiml) }).await?;
    let talk = talk(layout, 1).await?;
    let key = json!({"scopes": ["sms"], "destinations": ANN.replace('+', r"\+")});
    well(&talk.server, "POST", &format!("/v1/clients/{}/keys", talk.client), Some(key)).await?;
    ask(&talk, &hook, "json").await?;
    talk.text(DOT, &talk.numbers[0], "hello").await?;
    answered(&talk).await?;
    assert_eq!((talk.bodies(ANN).await?, talk.bodies(DOT).await?), (vec!["to Ann".to_owned()], Vec::new()));
    talk.end().await
}

async fn a_stranger_comes_into_the_session_that_is_wanted(layout: Layout) -> Result {
    let hook =
        Hook::start(|_| Answer::new(200, &json!({"participant_identifier": BOB, "ttl": 60}).to_string())).await?;
    let talk = talk(layout, 1).await?;
    ask(&talk, &hook, "json").await?;
    let number = talk.numbers[0].clone();
    talk.text(DOT, &number, "hello").await?;
    talk.text(DOT, &number, "are you there?").await?;
    answered(&talk).await?;
    assert_eq!(talk.heard(BOB).await?, [(number.clone(), "hello".into()), (number.clone(), "are you there?".into())]);
    talk.text(BOB, &number, "I am").await?;
    assert_eq!(talk.heard(DOT).await?, [(number, "I am".into())]);
    let listed = talk.well("GET", "/v1/sessions", None).await?;
    let one = &listed["data"][0];
    ensure!(listed["data"][1].is_null() && one["state"] == "in_progress" && one["ttl"] == "1m", "{listed}");
    ensure!(one["participants"][0]["address"] == DOT && one["participants"][1]["address"] == BOB, "{one}");
    let asked: serde_json::Value = serde_json::from_str(&hook.asked()[0].body)?;
    assert_eq!((&asked["type"], &asked["data"]["from"]), (&json!("session.out_of_session"), &json!(DOT)));
    talk.end().await
}

async fn who_cannot_be_in_that_session_is_told_as_any_stranger(layout: Layout) -> Result {
    let hook = Hook::start(|asked| match asked.said().as_str() {
        "nonsense" => Answer::new(200, "{\"participant\": 1}"),
        "page" => Answer::new(200, "<html><body>hello</body></html>"),
        "gone" => Answer::new(404, ""),
        _ => Answer::new(200, &json!({ "participantIdentifier": BOB }).to_string()),
    })
    .await?;
    let builder =
        Builder::new(layout).await?.set("event.allow", "127.0.0.1").set("session.none_text", "Nobody is here.");
    let talk = Talk::of(builder, 1).await?;
    ask(&talk, &hook, "json").await?;
    // who is wanted has a session by the only number
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    talk.text(DOT, &talk.numbers[0], "hello").await?;
    answered(&talk).await?;
    assert_eq!(talk.bodies(DOT).await?, ["Nobody is here."]);
    talk.text(CID, &talk.numbers[0], "nonsense").await?;
    talk.text(CID, &talk.numbers[0], "page").await?;
    talk.text(CID, &talk.numbers[0], "gone").await?;
    answered(&talk).await?;
    assert_eq!(talk.bodies(CID).await?, ["Nobody is here."], "once an hour");
    ensure!(talk.bodies(BOB).await?.is_empty() && sessions(&talk).await? == 1);
    // who is in a session is no stranger
    talk.say(&held, ANN, "hello, Bob").await?;
    assert_eq!((talk.bodies(BOB).await?, hook.asked().len()), (vec!["hello, Bob".to_owned()], 4));
    talk.end().await
}

async fn a_server_that_fails_leaves_them_strangers_and_holds_up_nobody(layout: Layout) -> Result {
    let wanted = json!({ "participantIdentifier": BOB }).to_string();
    let hook = Hook::start(move |asked| match asked.said().as_str() {
        "broken" => Answer::new(500, &wanted),
        "moved" => Answer { location: Some("https://example.com/".to_owned()), ..Answer::new(302, "") },
        _ => Answer::new(200, &wanted).late(Duration::from_secs(10)),
    })
    .await?;
    let builder =
        Builder::new(layout).await?.set("event.allow", "127.0.0.1").set("session.none_text", "Nobody is here.");
    let talk = Talk::of(builder, 1).await?;
    ask(&talk, &hook, "json").await?;
    let held = talk.hold(&[(ANN, "Ann"), (CID, "Cid")], json!({})).await?;
    let (number, begun) = (talk.numbers[0].clone(), Instant::now());
    let strangers = [("slow", DOT), ("broken", "+14155550111"), ("moved", "+14155550112")];
    for (word, who) in strangers {
        talk.text(who, &number, word).await?;
    }
    talk.say(&held, ANN, "hello").await?;
    until("what is said in a session", async || Ok((talk.bodies(CID).await? == ["hello"]).then_some(()))).await?;
    ensure!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    answered(&talk).await?;
    for (word, who) in strangers {
        assert_eq!(talk.bodies(who).await?, ["Nobody is here."], "{word}");
    }
    ensure!(talk.bodies(BOB).await?.is_empty() && sessions(&talk).await? == 1, "his number was free");
    ensure!(begun.elapsed() < Duration::from_secs(10), "nobody waits for it for so long: {:?}", begun.elapsed());
    talk.end().await
}

on_both_engines!(
    a_server_that_fails_leaves_them_strangers_and_holds_up_nobody,
    a_stranger_comes_into_the_session_that_is_wanted,
    a_stranger_is_answered_in_twiml,
    an_answer_goes_where_a_key_of_its_client_may_text,
    who_cannot_be_in_that_session_is_told_as_any_stranger
);
