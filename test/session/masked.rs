//! Texts in sessions: whoever is in one hears all others, by numbers of the pool alone.

use anyhow::ensure;
use serde_json::{Value, json};

use super::talk::{ANN, BOB, CID, DOT, Held, Talk};
use crate::events::text;
use crate::harness::{Builder, Layout, Result};
use crate::on_both_engines;

async fn two_people_talk(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"ttl": "1h"})).await?;
    assert_eq!(held.0["state"], "open");
    let id = talk.say(&held, ANN, "Are you there?").await?;
    talk.say(&held, BOB, "Yes, at the door.").await?;
    assert_eq!(talk.heard(BOB).await?, [(held.number(BOB)?, "Are you there?".to_owned())]);
    assert_eq!(talk.heard(ANN).await?, [(held.number(ANN)?, "Yes, at the door.".to_owned())]);
    assert_eq!(talk.paid().await?, "2", "each copy");
    let now = talk.state(&held).await?;
    ensure!(now["state"] == "in_progress" && !now["last_interaction_at"].is_null(), "{now}");
    ensure!(text(&now["expires_at"])? > text(&held.0["expires_at"])?, "it ends later by what was said: {now}");

    let said = talk.said(&held).await?;
    assert_eq!(said.len(), 2);
    let first = &said[0];
    assert_eq!((&first["kind"], &first["inbound_message_id"]), (&json!("message"), &json!(id)));
    assert_eq!(
        (&first["from_participant_id"], &first["to_participant_id"]),
        (&json!(held.id(ANN)?), &json!(held.id(BOB)?))
    );
    assert_eq!((&first["body"], &first["reason"]), (&json!("Are you there?"), &Value::Null));
    let copy = format!("/v1/messages/{}", text(&first["outbound_message_id"])?);
    assert_eq!(talk.well("GET", &copy, None).await?["to"], BOB);
    // the text itself is a message of the client's as any other
    assert_eq!(talk.well("GET", &format!("/v1/messages/{id}"), None).await?["body"], "Are you there?");
    talk.end().await
}

async fn three_people_talk(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let people = [(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid 2")];
    let held = talk.hold(&people, json!({"labels": "name"})).await?;
    for (who, body) in [(ANN, "Where shall we meet?"), (BOB, "At the station."), (CID, "On my way")] {
        talk.say(&held, who, body).await?;
    }
    assert_eq!(talk.bodies(ANN).await?, ["Bob: At the station.", "C: On my way"], "no digit in a label");
    assert_eq!(talk.bodies(BOB).await?, ["Ann: Where shall we meet?", "C: On my way"]);
    assert_eq!(talk.bodies(CID).await?, ["Ann: Where shall we meet?", "Bob: At the station."]);
    assert_eq!(talk.said(&held).await?.len(), 6, "a row for each copy");
    assert_eq!(talk.said(&held).await?[0]["body"], "Where shall we meet?", "as it was said, without a label");
    talk.well("PATCH", &held.path()?, Some(json!({"labels": "letter"}))).await?;
    talk.say(&held, BOB, "привет").await?;
    assert_eq!(talk.bodies(ANN).await?.last().map(String::as_str), Some("B: привет"));
    talk.end().await
}

async fn the_same_people_in_two_sessions_are_told_apart(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let one = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let other = talk.hold(&[(ANN, "Ann"), (CID, "Cid")], json!({})).await?;
    assert_ne!(one.number(ANN)?, other.number(ANN)?, "she has another number in each");
    talk.say(&one, ANN, "to Bob").await?;
    talk.say(&other, ANN, "to Cid").await?;
    assert_eq!((talk.bodies(BOB).await?, talk.bodies(CID).await?), (vec!["to Bob".into()], vec!["to Cid".into()]));
    assert_eq!((talk.said(&one).await?.len(), talk.said(&other).await?.len()), (1, 1));
    talk.end().await
}

async fn the_same_two_people_in_two_sessions_are_told_apart(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let people = [(ANN, "Ann"), (BOB, "Bob")];
    let (one, other) = (talk.hold(&people, json!({})).await?, talk.hold(&people, json!({})).await?);
    for person in [ANN, BOB] {
        assert_ne!(one.number(person)?, other.number(person)?, "a second number for both");
    }
    talk.say(&one, ANN, "of the one thing").await?;
    talk.say(&other, ANN, "of the other").await?;
    let heard = [(one.number(BOB)?, "of the one thing".to_owned()), (other.number(BOB)?, "of the other".to_owned())];
    assert_eq!(talk.heard(BOB).await?, heard);
    assert_eq!((talk.said(&one).await?.len(), talk.said(&other).await?.len()), (1, 1));
    talk.end().await
}

async fn who_is_not_in_it_any_more_hears_and_says_nothing(layout: Layout) -> Result {
    let talk = Talk::of(Builder::new(layout).await?.set("session.none_text", ""), 3).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], json!({})).await?;
    talk.say(&held, ANN, "all of you").await?;
    talk.well("DELETE", &format!("{}/participants/{}", held.path()?, held.id(CID)?), None).await?;
    talk.say(&held, ANN, "Bob alone").await?;
    talk.say(&held, CID, "I am still here").await?;
    assert_eq!(
        (talk.bodies(BOB).await?, talk.bodies(CID).await?.len()),
        (vec!["all of you".into(), "Bob alone".into()], 1)
    );
    // nor a stranger, to any of the numbers
    for number in &talk.numbers {
        talk.text(DOT, number, "who is there?").await?;
    }
    talk.well("DELETE", &held.path()?, None).await?;
    talk.say(&held, ANN, "too late").await?;
    assert_eq!(
        (talk.bodies(BOB).await?.len(), talk.bodies(ANN).await?.len(), talk.said(&held).await?.len()),
        (2, 0, 3)
    );
    // what they said is kept as any text is
    let received = talk.server.rows("SELECT COUNT(*) FROM sb_message WHERE direction = 'inbound'").await?;
    assert_eq!(received[0][0], (4 + talk.numbers.len()).to_string());
    talk.end().await
}

async fn who_wants_nothing_gets_nothing_and_all_others_do(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], json!({})).await?;
    talk.say(&held, BOB, " stop ").await?;
    assert!(talk.bodies(ANN).await?.is_empty(), "it was said to us");
    let told = talk.bodies(BOB).await?;
    ensure!(told.len() == 1 && told[0].contains("START"), "{told:?}");
    talk.say(&held, ANN, "hello").await?;
    assert_eq!((talk.bodies(BOB).await?.len(), talk.bodies(CID).await?), (1, vec!["hello".to_owned()]));
    let said = talk.said(&held).await?;
    let to = |person: &str| -> Result<Value> {
        let id = held.id(person)?;
        Ok(said.iter().find(|one| one["to_participant_id"] == id.as_str()).cloned().unwrap_or_default())
    };
    let (failed, well) = (to(BOB)?, to(CID)?);
    assert_eq!((&failed["status"], &failed["reason"]), (&json!("failed"), &json!("opted_out")));
    assert_eq!((&failed["outbound_message_id"], &well["reason"]), (&Value::Null, &Value::Null));
    assert_eq!(talk.paid().await?, "1", "nobody pays for what was not sent");
    // they may still speak, and come back
    talk.say(&held, BOB, "I still talk").await?;
    talk.say(&held, BOB, "yes").await?;
    talk.say(&held, BOB, "start").await?;
    talk.say(&held, ANN, "welcome back").await?;
    assert_eq!(talk.bodies(BOB).await?.last().map(String::as_str), Some("welcome back"));
    assert_eq!(talk.bodies(ANN).await?, ["I still talk", "yes"], "START from who is out is said to us");
    talk.end().await
}

async fn words_that_are_not_for_us_are_passed_on(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let words = ["START", "YES", "HELP", "INFO", "STOP it please", "Liked \"STOP\""];
    for word in words {
        talk.say(&held, ANN, word).await?;
    }
    assert_eq!(talk.bodies(BOB).await?, words);
    assert!(talk.bodies(ANN).await?.is_empty(), "nor are they answered");
    talk.end().await
}

/// Carriers write some people's numbers in two forms.
async fn a_person_is_known_in_both_forms(layout: Layout) -> Result {
    let forms = ["+5215512345678", "+525512345678"];
    for (stored, presented) in [(forms[0], forms[1]), (forms[1], forms[0])] {
        let talk = Talk::start(layout, 2).await?;
        let numbers: Vec<Value> =
            [(stored, 0), (BOB, 1)].map(|(who, at)| json!({"address": who, "number": talk.numbers[at]})).into();
        let body = json!({"participants": numbers, "pool_id": talk.pool});
        let held = Held(talk.well("POST", "/v1/sessions", Some(body)).await?);
        talk.text(presented, &talk.numbers[0], "soy yo").await?;
        talk.say(&held, BOB, "hola").await?;
        assert_eq!(talk.bodies(BOB).await?, ["soy yo"]);
        assert_eq!(talk.bodies(stored).await?, ["hola"], "dialled as it was given");
        talk.end().await?;
    }
    Ok(())
}

async fn a_session_that_rests_is_taken_up_again_by_a_text(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    talk.say(&held, ANN, "hello").await?;
    talk.well("PATCH", &held.path()?, Some(json!({"state": "inactive"}))).await?;
    assert_eq!(talk.state(&held).await?["state"], "inactive");
    talk.say(&held, BOB, "still here").await?;
    assert_eq!(talk.bodies(ANN).await?, ["still here"]);
    assert_eq!(talk.state(&held).await?["state"], "in_progress");
    talk.end().await
}

async fn what_we_add_to_a_text_never_costs_its_words(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"labels": "name"})).await?;
    for length in [1_595, 1_597, 1_600] {
        talk.say(&held, ANN, &"x".repeat(length)).await?;
    }
    let lengths: Vec<usize> = talk.bodies(BOB).await?.iter().map(String::len).collect();
    assert_eq!(lengths, [1_600, 1_600, 1_600], "with the name, with a letter, without a label");
    // what is too long by itself is told to whoever said it, each time
    for length in [1_601, 1_602] {
        talk.say(&held, ANN, &"x".repeat(length)).await?;
    }
    assert_eq!(talk.bodies(BOB).await?.len(), 3);
    assert_eq!(talk.bodies(ANN).await?, ["Your message was too long and was not delivered."; 2]);
    assert_eq!(talk.said(&held).await?.last().map(|one| one["reason"].clone()), Some(json!("text")));
    talk.end().await
}

on_both_engines!(
    what_we_add_to_a_text_never_costs_its_words,
    a_session_that_rests_is_taken_up_again_by_a_text,
    two_people_talk,
    three_people_talk,
    the_same_people_in_two_sessions_are_told_apart,
    the_same_two_people_in_two_sessions_are_told_apart,
    who_is_not_in_it_any_more_hears_and_says_nothing,
    who_wants_nothing_gets_nothing_and_all_others_do,
    words_that_are_not_for_us_are_passed_on,
    a_person_is_known_in_both_forms,
);
