//! Calls in sessions: whoever is in one reaches all others, who see numbers of the pool alone.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::store::Change;

use super::talk::{ANN, BOB, CID, DOT, Held, Talk};
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, until};
use crate::inbound::play::settled;
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::scene::tamper;
use crate::snapshots::hold_inline;

const CONNECTING: &str = "<Say>Connecting your call.</Say>";
const STRANGER: &str = "<Say>This number is not in use for you now. Goodbye.</Say>";
/// Whoever is called there is busy, and whoever is called here talks for as long as they are let.
const BUSY: &str = "+15005550020";
const LASTING: &str = "+15005550018";
/// Calls to there do not reach the carrier, and are tried again.
const UNREACHABLE: &str = "+15005550014";

pub fn document(verbs: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{verbs}</Response>")
}

/// Somebody calls a number; what their carrier is told.
pub async fn dial(talk: &Talk, who: &str, number: &str, id: &str) -> Result<String> {
    let called = json!({"from": who, "to": number, "id": id});
    text(&well(&talk.server, "POST", "/v1/loopback/inbound-call", Some(called)).await?["twiml"])
}

/// A session of these people, each on a number of their own.
async fn held(talk: &Talk, people: &[&str], set: Value) -> Result<Held> {
    let numbers = people.iter().zip(&talk.numbers);
    let people: Vec<Value> = numbers.map(|(who, number)| json!({"address": who, "number": number})).collect();
    let body = crate::messages::with(json!({"participants": people, "pool_id": talk.pool}), set);
    Ok(Held(talk.well("POST", "/v1/sessions", Some(body)).await?))
}

/// What was said in a session, once all of it stands so.
async fn all_are(talk: &Talk, held: &Held, statuses: &[&str]) -> Result<Vec<Value>> {
    let mut wanted = statuses.to_vec();
    wanted.sort_unstable();
    until("calls to come so far", async || {
        let said = talk.said(held).await?;
        let mut now: Vec<&str> = said.iter().filter_map(|one| one["status"].as_str()).collect();
        now.sort_unstable();
        Ok((now == wanted).then(|| said.clone()))
    })
    .await
}

async fn one_other_is_dialled(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"ttl": "1h"})).await?;
    let twiml = dial(&talk, ANN, &held.number(ANN)?, "call-1").await?;
    let dialled = format!("<Dial callerId=\"{}\"><Number>{BOB}</Number></Dial>", held.number(BOB)?);
    assert_eq!(twiml, document(&format!("{CONNECTING}{dialled}")));
    let said = all_are(&talk, &held, &["completed"]).await?;
    let one = &said[0];
    assert_eq!((&one["kind"], &one["duration"], &one["body"]), (&json!("voice"), &json!(1), &json!("")));
    assert_eq!(
        (&one["from_participant_id"], &one["to_participant_id"]),
        (&json!(held.id(ANN)?), &json!(held.id(BOB)?))
    );
    let call = talk.well("GET", &format!("/v1/calls/{}", text(&one["outbound_call_id"])?), None).await?;
    ensure!(call["to"] == BOB && call["from"] == held.number(BOB)?.as_str() && call["status"] == "completed", "{call}");
    // asked again, it is the same call
    assert_eq!(dial(&talk, ANN, &held.number(ANN)?, "call-1").await?, twiml);
    settled(&talk.server).await?;
    assert_eq!((talk.said(&held).await?.len(), talk.paid().await?), (1, "1".to_owned()));
    // and in the other direction another
    let twiml = dial(&talk, BOB, &held.number(BOB)?, "call-2").await?;
    let dialled = format!("<Dial callerId=\"{}\"><Number>{ANN}</Number></Dial>", held.number(ANN)?);
    assert_eq!(twiml, document(&format!("{CONNECTING}{dialled}")));
    all_are(&talk, &held, &["completed", "completed"]).await?;
    let now = talk.state(&held).await?;
    ensure!(now["state"] == "in_progress" && text(&now["last_interaction_at"])? <= text(&now["updated_at"])?, "{now}");
    assert!(talk.heard(BOB).await?.is_empty(), "nothing was sent by us");
    talk.end().await
}

async fn several_are_called_into_a_conference(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], json!({})).await?;
    let number = held.number(ANN)?;
    let (one, twin) = tokio::join!(dial(&talk, ANN, &number, "call-1"), dial(&talk, ANN, &number, "call-1"));
    let twiml = one?;
    assert_eq!(twin?, twiml, "posted twice, it is one call");
    let verbs = format!("{CONNECTING}<Dial><Conference endConferenceOnExit=\"true\">");
    let room = twiml.split_once(&verbs).and_then(|(_, rest)| rest.split_once('<')).context("no conference")?.0;
    assert_eq!(twiml, document(&format!("{verbs}{room}</Conference></Dial>")));
    ensure!(![ANN, BOB, CID].iter().any(|person| room.contains(&person[2..])), "{room}");
    let said = all_are(&talk, &held, &["completed", "completed"]).await?;
    for one in &said {
        let call = talk.well("GET", &format!("/v1/calls/{}", text(&one["outbound_call_id"])?), None).await?;
        let leg = document(&format!("<Dial><Conference>{room}</Conference></Dial>"));
        ensure!(call["twiml"] == leg.as_str(), "{call}");
    }
    for person in [BOB, CID] {
        assert_eq!(talk.heard(person).await?, [(held.number(person)?, String::new())], "called once");
    }
    assert_eq!(talk.paid().await?, "2");
    let other = dial(&talk, ANN, &number, "call-2").await?;
    ensure!(!other.contains(room), "each call has its own: {other}");
    talk.end().await
}

async fn who_reaches_nobody_hears_why(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let number = talk.numbers[0].clone();
    let stranger = dial(&talk, DOT, &number, "call-0").await?;
    hold_inline(&["LoopbackCallAnswer"], &json!({ "twiml": stranger }), &json!({ "twiml": document(STRANGER) }))?;
    assert_eq!(dial(&talk, ANN, "+14155550999", "call-1").await?, document(STRANGER), "no number of ours");
    for (nth, withheld) in ["anonymous", "+266696687", ""].into_iter().enumerate() {
        assert_eq!(dial(&talk, withheld, &number, &format!("withheld-{nth}")).await?, document(STRANGER), "{withheld}");
    }

    let texts = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({"mode": "message"})).await?;
    let refused = "<Say>This conversation takes text messages only. Goodbye.</Say>";
    assert_eq!(dial(&talk, ANN, &texts.number(ANN)?, "call-3").await?, document(refused));
    let said = talk.said(&texts).await?;
    assert_eq!((&said[0]["reason"], &said[0]["status"], said.len()), (&json!("mode"), &json!("failed"), 1));
    assert_eq!(talk.state(&texts).await?["state"], "open", "it does not keep the session alive");
    talk.well("DELETE", &texts.path()?, None).await?;
    assert_eq!(dial(&talk, ANN, &texts.number(ANN)?, "call-4").await?, document(STRANGER), "it is over");

    let alone = talk.hold(&[(ANN, "Ann")], json!({})).await?;
    assert_eq!(dial(&talk, ANN, &alone.number(ANN)?, "call-5").await?, document(STRANGER));
    assert_eq!(talk.said(&alone).await?[0]["reason"], "alone");
    assert_eq!(talk.paid().await?, "0");
    talk.end().await
}

async fn calls_are_paid_for_and_given_back(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let busy = held(&talk, &[ANN, BUSY], json!({})).await?;
    let twiml = dial(&talk, ANN, &talk.numbers[0], "call-1").await?;
    ensure!(twiml.contains(&format!("<Number>{BUSY}</Number>")), "{twiml}");
    all_are(&talk, &busy, &["busy"]).await?;
    let moved = talk.server.rows("SELECT kind FROM sb_ledger").await?.concat();
    let count = |kind: &str| moved.iter().filter(|one| *one == kind).count();
    assert_eq!((count("debit"), count("refund")), (1, 1), "{moved:?}");
    // dearer than all that the client has
    let rate = json!({"channel": "voice", "prefix": "1", "price": "500"});
    well(&talk.server, "POST", "/v1/rates", Some(rate)).await?;
    let unpaid = dial(&talk, ANN, &talk.numbers[0], "call-2").await?;
    assert_eq!(unpaid, document("<Say>Your call cannot be connected now. Goodbye.</Say>"));
    let said = talk.said(&busy).await?;
    let last = said.last().context("nothing is written of it")?;
    assert_eq!((&last["reason"], &last["status"], said.len()), (&json!("unpayable"), &json!("failed"), 2));
    assert_eq!(talk.paid().await?, "1");
    // what it was told it is told again, whatever the client has by now
    well(&talk.server, "POST", "/v1/rates", Some(json!({"channel": "voice", "prefix": "15005", "price": "1"}))).await?;
    assert_eq!(dial(&talk, ANN, &talk.numbers[0], "call-2").await?, unpaid);
    assert_eq!((talk.said(&busy).await?.len(), talk.paid().await?), (2, "1".to_owned()));
    Ok(())
}

async fn what_nobody_placed_is_given_back(layout: Layout) -> Result {
    // its carrier says nothing of a call: whoever called had hung up
    let builder = Builder::new(layout).await?.set("provider.loopback_receipts", "false");
    let builder = builder.set("http.public_url", "https://sms.example").set("retention.remove_every", "200ms");
    let talk = Talk::of(builder, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    dial(&talk, ANN, &held.number(ANN)?, "call-1").await?;
    let older = "UPDATE sb_message SET created_ms = created_ms - 14460000 WHERE channel = 'voice'";
    talk.server.home().databases.store()?.commit(Change::new().run(older, Vec::new())).await?;
    dial(&talk, ANN, &held.number(ANN)?, "call-2").await?;
    all_are(&talk, &held, &["canceled", "queued"]).await?;
    let moved = talk.server.rows("SELECT kind FROM sb_ledger").await?.concat();
    let count = |kind: &str| moved.iter().filter(|one| *one == kind).count();
    assert_eq!((count("debit"), count("refund")), (2, 1), "{moved:?}");
    // nobody is told otherwise who asks again
    let twiml = dial(&talk, ANN, &held.number(ANN)?, "call-1").await?;
    ensure!(twiml.contains(&format!("<Number>{BOB}</Number>")), "{twiml}");
    talk.end().await
}

/// How much longer than an hour a session goes on from when something was heard of it last, in hours.
async fn left(talk: &Talk) -> Result<i64> {
    let rows = talk.server.rows("SELECT expires_ms - changed_ms FROM sb_session").await?;
    Ok((rows[0][0].parse::<i64>()? + 60_000) / 3_600_000 - 1)
}

async fn a_call_under_way_keeps_its_session(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let held = held(&talk, &[ANN, BOB, LASTING], json!({"ttl": "1h"})).await?;
    // it rests, too, when it would end
    let rests = "UPDATE sb_session SET rest_after_ms = ttl_ms, settings = '{\"rest_after_ms\":3600000}'";
    tamper(&talk.server, rests).await?;
    let resting = async || talk.server.rows("SELECT id FROM sb_session WHERE rests_ms = expires_ms").await;
    dial(&talk, ANN, &talk.numbers[0], "call-1").await?;
    let said = all_are(&talk, &held, &["completed", "in-progress"]).await?;
    assert_eq!((left(&talk).await?, resting().await?.len()), (4, 1), "four hours from the last word");
    // what is said meanwhile does not shorten that
    talk.text(BOB, &talk.numbers[1], "I had to go").await?;
    drained(&talk.server).await?;
    let expires = talk.server.rows("SELECT expires_ms - created_ms FROM sb_session").await?;
    ensure!(expires[0][0].parse::<i64>()? > 4 * 3_600_000, "{expires:?}");
    // nor does what is changed of it
    talk.well("PATCH", &held.path()?, Some(json!({"name": "a long talk"}))).await?;
    assert_eq!((left(&talk).await?, resting().await?.len()), (4, 1));
    talk.well("DELETE", &format!("{}/participants/{}", held.path()?, held.id(BOB)?), None).await?;
    assert_eq!((left(&talk).await?, resting().await?.len()), (4, 1));
    let lasting = said.iter().find(|one| one["status"] == "in-progress").context("nobody talks")?;
    let (status, answer) =
        talk.act("DELETE", &format!("/v1/calls/{}", text(&lasting["outbound_call_id"])?), None).await?;
    ensure!(status < 300, "{status} {answer}");
    until("its end", async || Ok((left(&talk).await? == 0).then_some(()))).await?;
    assert_eq!(resting().await?.len(), 1);
    let now = talk.state(&held).await?;
    ensure!(now["state"] == "in_progress" && now["last_interaction_at"] == now["updated_at"], "{now}");
    Ok(())
}

async fn a_call_that_is_taken_back_lets_its_session_rest(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let held = held(&talk, &[ANN, BUSY, UNREACHABLE], json!({"ttl": "1h"})).await?;
    dial(&talk, ANN, &talk.numbers[0], "call-1").await?;
    let waiting = until("one that is busy", async || {
        let said = talk.said(&held).await?;
        let is_busy = said.iter().any(|one| one["status"] == "busy");
        Ok(said.into_iter().find(|one| is_busy && one["status"] == "queued"))
    })
    .await?;
    assert_eq!(left(&talk).await?, 4, "the other is still to be called");
    let path = format!("/v1/calls/{}", text(&waiting["outbound_call_id"])?);
    // not while its carrier is being asked
    let is_ended = async || Ok((talk.act("DELETE", &path, None).await?.0 < 300).then_some(()));
    until("its end", is_ended).await?;
    until("their rest", async || Ok((left(&talk).await? == 0).then_some(()))).await
}

async fn a_kill_makes_no_second_set_of_calls(layout: Layout) -> Result {
    // a dead node's leases end by themselves on a server
    let builder = Builder::new(layout).await?.set("outbox.lease", "4s").set("outbox.call_timeout", "1s");
    let builder = builder.set("outbox.poll_every", "20ms").set("outbox.look_up_after", "1s, 2s, 3s");
    let mut talk = Talk::of(builder, 3).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], json!({})).await?;
    let number = held.number(ANN)?;
    for nth in 0..3 {
        let id = format!("call-{nth}");
        let twiml = dial(&talk, ANN, &number, &id).await?;
        talk.server.kill()?;
        talk.server = talk.server.restart().await?;
        assert_eq!(dial(&talk, ANN, &number, &id).await?, twiml);
        let legs = talk.server.rows("SELECT id FROM sb_message WHERE channel = 'voice'").await?;
        assert_eq!((legs.len(), talk.said(&held).await?.len()), (2 * (nth + 1), 2 * (nth + 1)));
    }
    assert_eq!(talk.paid().await?, "6");
    Ok(())
}

on_both_engines!(
    one_other_is_dialled,
    several_are_called_into_a_conference,
    who_reaches_nobody_hears_why,
    calls_are_paid_for_and_given_back,
    what_nobody_placed_is_given_back,
    a_call_under_way_keeps_its_session,
    a_call_that_is_taken_back_lets_its_session_rest,
    a_kill_makes_no_second_set_of_calls,
);
