//! What happens seldom: texts that are handled late, programs that answer each other, pictures.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use switchboard::model::{InboundId, SessionId};
use switchboard::store::Change;

use super::talk::{ANN, BOB, CID, DOT, Talk};
use crate::events::receiver::Receiver;
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, until};
use crate::inbound::play::{self, settled};
use crate::on_both_engines;
use crate::relay::client::now_ms;

/// The first text comes again under another name, as if it had come then and had not been handled since.
pub const AGAIN: &str = "INSERT INTO sb_inbound (id, account_id, kind, provider_key, payload, owner, ready_ms, set_ms, tries, \
     received_ms, signature_hash, fields_hash) SELECT ?, account_id, kind, 'LBlate', payload, NULL, 1, 1, 0, \
     received_ms, NULL, NULL FROM sb_inbound WHERE kind = 'sms'";

async fn a_text_belongs_where_it_came_in(layout: Layout) -> Result {
    let talk = Talk::start(layout, 1).await?;
    let ended = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    talk.say(&ended, ANN, "before the end").await?;
    talk.well("DELETE", &ended.path()?, None).await?;
    let next = talk.hold(&[(ANN, "Ann"), (CID, "Cid")], json!({})).await?;
    assert_eq!(ended.number(ANN)?, next.number(ANN)?, "the pool has no other");
    let late = Change::new().run(AGAIN, vec![InboundId::new(now_ms()).into()]);
    talk.server.home().databases.store()?.commit(late).await?;
    settled(&talk.server).await?;
    assert_eq!(talk.bodies(BOB).await?, ["before the end", "before the end"]);
    assert!(talk.bodies(CID).await?.is_empty(), "nobody hears what was said to others");
    assert_eq!((talk.said(&ended).await?.len(), talk.said(&next).await?.len()), (2, 0));
    assert_eq!(talk.state(&next).await?["state"], "open");
    assert_eq!(talk.state(&ended).await?["state"], "closed");
    talk.end().await
}

async fn whoever_is_elsewhere_by_now_does_not_hear_what_came_before(layout: Layout) -> Result {
    let talk = Talk::start(layout, 1).await?;
    let ended = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    talk.say(&ended, ANN, "before the end").await?;
    talk.well("DELETE", &ended.path()?, None).await?;
    talk.hold(&[(BOB, "Bob"), (CID, "Cid")], json!({})).await?;
    let late = Change::new().run(AGAIN, vec![InboundId::new(now_ms()).into()]);
    talk.server.home().databases.store()?.commit(late).await?;
    settled(&talk.server).await?;
    assert_eq!(talk.bodies(BOB).await?.len(), 1, "he would take it for Cid's");
    assert_eq!(talk.said(&ended).await?.last().map(|one| one["reason"].clone()), Some(json!("left")));
    talk.end().await
}

async fn programs_that_answer_each_other_are_cut_off(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let builder = Builder::new(layout).await?.set("event.allow", "127.0.0.1");
    let talk = Talk::of(builder, 3).await?;
    let listener = json!({"url": receiver.url("/"), "event_types": ["interaction.*", "session.in_progress"]});
    talk.well("POST", "/v1/endpoints", Some(listener)).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let (ann, bob) = (held.number(ANN)?, held.number(BOB)?);
    for turn in 0..16 {
        play::text(&talk.server, ANN, &ann, &format!("I am away until {turn}")).await?;
        play::text(&talk.server, BOB, &bob, &format!("So am I, until {turn}")).await?;
    }
    settled(&talk.server).await?;
    assert_eq!(talk.bodies(ANN).await?.len() + talk.bodies(BOB).await?.len(), 30);
    let reasons: Vec<_> = talk.said(&held).await?.iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(reasons.iter().filter(|reason| **reason == "loop").count(), 2);
    assert_eq!(talk.paid().await?, "30");
    let count = || -> Result<BTreeMap<String, usize>> {
        let mut told = BTreeMap::new();
        for post in receiver.posts() {
            *told.entry(text(&post.json()?["type"])?).or_default() += 1;
        }
        Ok(told)
    };
    // by type, each once
    let all = [("interaction.loop", 1), ("interaction.message", 32), ("session.in_progress", 1)];
    let all: BTreeMap<String, usize> = all.map(|(kind, count)| (kind.to_owned(), count)).into();
    until("all that is told", async || {
        let told = count()?;
        Ok(all.iter().all(|(kind, count)| told.get(kind).is_some_and(|told| told >= count)).then_some(()))
    })
    .await?;
    until("no delivery that waits", async || {
        let left = talk.server.rows("SELECT COUNT(*) FROM sb_delivery WHERE ready_ms IS NOT NULL").await?;
        Ok((left[0][0] == "0").then_some(()))
    })
    .await?;
    assert_eq!(count()?, all);
    // others go on
    let other = talk.hold(&[(ANN, "Ann"), (CID, "Cid")], json!({})).await?;
    talk.say(&other, ANN, "hello").await?;
    assert_eq!(talk.bodies(CID).await?, ["hello"]);
    talk.end().await
}

async fn people_who_type_fast_are_heard(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let number = held.number(ANN)?;
    let texts: BTreeSet<String> = (0..20).map(|nth| format!("text {nth}")).collect();
    for body in &texts {
        play::text(&talk.server, ANN, &number, body).await?;
    }
    settled(&talk.server).await?;
    assert_eq!(talk.bodies(BOB).await?.into_iter().collect::<BTreeSet<_>>(), texts);
    assert_eq!(talk.paid().await?, "20", "each once");
    talk.end().await
}

async fn the_same_text_again_and_again_is_cut_off(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    for _ in 0..12 {
        talk.say(&held, ANN, "I am away").await?;
    }
    talk.say(&held, ANN, "something else").await?;
    assert_eq!(talk.bodies(BOB).await?.len(), 10);
    talk.end().await
}

async fn pictures_are_passed_on_where_the_number_can(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let picture = "https://pictures.example/1.png";
    let number = held.number(ANN)?;
    let send = async |body: &str| {
        let posted = json!({"from": ANN, "to": number, "body": body, "media_urls": [picture]});
        well(&talk.server, "POST", "/v1/loopback/inbound", Some(posted)).await?;
        settled(&talk.server).await
    };
    send("look").await?;
    send("").await?;
    assert_eq!(talk.bodies(BOB).await?, ["look\n[attachment left out]", "[attachment left out]"]);
    let listed = talk.well("GET", "/v1/numbers", None).await?;
    for number in listed["data"].as_array().into_iter().flatten() {
        let path = format!("/v1/numbers/{}", text(&number["id"])?);
        talk.well("PATCH", &path, Some(json!({"capabilities": ["sms", "mms"]}))).await?;
    }
    send("look again").await?;
    assert_eq!(talk.bodies(BOB).await?.last().map(String::as_str), Some("look again"));
    let path = format!("/v1/loopback/messages?limit=1&to=%2B{}", &BOB[1..]);
    let listed = well(&talk.server, "GET", &path, None).await?;
    let link = text(&listed["data"][0]["media_urls"][0])?;
    assert!(link.starts_with(&talk.server.url("/media/")), "not where it came from: {link}");
    // one that nobody could fetch does not cost the words
    let posted = json!({"from": ANN, "to": number, "body": "and this", "media_urls": ["ftp://pictures.example/2.png"]});
    well(&talk.server, "POST", "/v1/loopback/inbound", Some(posted)).await?;
    settled(&talk.server).await?;
    assert_eq!(talk.bodies(BOB).await?.last().map(String::as_str), Some("and this\n[attachment left out]"));
    talk.end().await
}

async fn what_was_said_is_emptied_when_it_was_kept_long_enough(layout: Layout) -> Result {
    let builder =
        Builder::new(layout).await?.set("retention.session_bodies", "1s").set("retention.remove_every", "100ms");
    let talk = Talk::of(builder, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    talk.say(&held, ANN, "a secret").await?;
    assert_eq!(talk.bodies(BOB).await?, ["a secret"]);
    until("nothing that is kept", async || {
        let kept = talk.server.rows("SELECT body FROM sb_message WHERE body <> ''").await?;
        Ok(kept.is_empty().then_some(()))
    })
    .await?;
    let said = talk.said(&held).await?;
    assert_eq!((&said[0]["body"], &said[0]["to_participant_id"]), (&json!(null), &json!(held.id(BOB)?)));
    let payloads = talk.server.rows("SELECT payload FROM sb_inbound WHERE kind = 'sms'").await?;
    assert_eq!(payloads, [[""]], "nor as it came");
    talk.end().await
}

async fn nothing_is_left_of_a_session_that_was_kept_long_enough(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("retention.messages", "1s").set("retention.remove_every", "100ms");
    let talk = Talk::of(builder, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"start_text": "It begins."})).await?;
    talk.say(&held, ANN, "hello").await?;
    talk.well("DELETE", &held.path()?, None).await?;
    until("nothing that is left", async || {
        let sql = "SELECT (SELECT COUNT(*) FROM sb_session) + (SELECT COUNT(*) FROM sb_participant) + \
                   (SELECT COUNT(*) FROM sb_interaction) + (SELECT COUNT(*) FROM sb_pair)";
        Ok((talk.server.rows(sql).await?[0][0] == "0").then_some(()))
    })
    .await
}

async fn a_session_that_cannot_be_read_holds_up_nobody_else(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let (broken, other) = (
        talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?,
        talk.hold(&[(CID, "C"), (DOT, "D")], json!({})).await?,
    );
    let id: SessionId = text(&broken.0["id"])?.parse()?;
    let store = talk.server.home().databases.store()?;
    let write = async |settings: &str| -> Result {
        let sql = "UPDATE sb_session SET settings = ? WHERE id = ?";
        Ok(store.commit(Change::new().run(sql, vec![settings.into(), id.into()])).await?)
    };
    write("{\"labels\": \"of a later version\"}").await?;
    play::text(&talk.server, ANN, &broken.number(ANN)?, "hello Bob").await?;
    play::text(&talk.server, CID, &other.number(CID)?, "hello Dot").await?;
    until("those who are in another", async || Ok((talk.bodies(DOT).await? == ["hello Dot"]).then_some(()))).await?;
    assert!(talk.bodies(BOB).await?.is_empty());
    write("{}").await?;
    settled(&talk.server).await?;
    assert_eq!(talk.bodies(BOB).await?, ["hello Bob"], "and what was said there is not lost");
    talk.end().await
}

on_both_engines!(
    a_session_that_cannot_be_read_holds_up_nobody_else,
    nothing_is_left_of_a_session_that_was_kept_long_enough,
    a_text_belongs_where_it_came_in,
    whoever_is_elsewhere_by_now_does_not_hear_what_came_before,
    programs_that_answer_each_other_are_cut_off,
    people_who_type_fast_are_heard,
    the_same_text_again_and_again_is_cut_off,
    pictures_are_passed_on_where_the_number_can,
    what_was_said_is_emptied_when_it_was_kept_long_enough,
);
