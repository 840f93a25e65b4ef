//! What carriers do to texts of sessions: refuse some, answer some themselves, and lose numbers.

use anyhow::ensure;
use serde_json::{Value, json};

use super::talk::{ANN, BOB, CID, Talk};
use super::{close, consistent, made, number_of, order, ours, path};
use crate::events::receiver::Receiver;
use crate::events::{endpoint, text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::inbound::play::{PUBLIC, post_twilio, settled};
use crate::messages::{account, number, person, quick};
use crate::on_both_engines;

/// A telephone that takes no texts, at the loopback provider.
const LANDLINE: &str = "+15005550009";

/// What became of what was said to somebody, once it has failed.
async fn failed(look: impl AsyncFn() -> Result<Vec<Value>>, to: &str) -> Result<Value> {
    until("a copy that fails", async || {
        let said = look().await?;
        let one = said.into_iter().find(|one| one["to_participant_id"] == to);
        Ok(one.filter(|one| one["status"] == "failed"))
    })
    .await
}

async fn a_copy_to_a_landline_fails_alone_and_is_refunded(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let held = talk.hold(&[(ANN, "Ann"), (LANDLINE, "Old"), (CID, "Cid")], json!({})).await?;
    talk.say(&held, ANN, "hello").await?;
    assert_eq!(talk.bodies(CID).await?, ["hello"]);
    let failed = failed(async || talk.said(&held).await, &held.id(LANDLINE)?).await?;
    ensure!(failed["error"]["code"] == 21_614 && failed["reason"].is_null(), "it was made, and refused: {failed}");
    assert_eq!(talk.paid().await?, "2");
    until("its refund", async || {
        let refunds = talk.server.rows("SELECT COUNT(*) FROM sb_ledger WHERE kind = 'refund'").await?;
        Ok((refunds[0][0] == "1").then_some(()))
    })
    .await?;
    assert!(talk.bodies(ANN).await?.is_empty(), "nobody is told who could not be reached");
    assert_eq!(talk.state(&held).await?["state"], "in_progress");
    talk.end().await
}

/// What the carrier has answered itself is between it and them.
async fn what_the_carrier_has_answered_is_not_passed_on(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let number = held.number(ANN)?;
    for (body, word) in [("PARAR", "STOP"), ("HELP", "HELP"), ("ARRIBA", "START")] {
        let posted = json!({"from": ANN, "to": number, "body": body, "carrier": {"OptOutType": word}});
        well(&talk.server, "POST", "/v1/loopback/inbound", Some(posted)).await?;
        settled(&talk.server).await?;
    }
    assert!(talk.said(&held).await?.is_empty() && talk.bodies(BOB).await?.is_empty());
    assert!(talk.bodies(ANN).await?.is_empty(), "nobody is answered twice");
    talk.say(&held, ANN, "hello").await?;
    talk.say(&held, BOB, "welcome back").await?;
    assert_eq!((talk.bodies(BOB).await?, talk.bodies(ANN).await?), (vec!["hello".into()], vec!["welcome back".into()]));
    talk.end().await
}

async fn copies_from_a_number_that_its_carrier_has_no_more_fail_and_are_told(layout: Layout) -> Result {
    let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
    let builder = quick(Builder::new(layout).await?, &carrier).set("http.public_url", PUBLIC);
    let server = builder.set("event.allow", "127.0.0.1").start().await?;
    let account = account(&server, json!({})).await?;
    let pool = text(&well(&server, "POST", "/v1/pools", Some(json!({"name": "masks"}))).await?["id"])?;
    let id = number(&server, &account, &ours(0), json!({})).await?;
    well(&server, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
    endpoint(&server, &receiver.url("/"), &["message.failed"]).await?;
    let session = well(&server, "POST", super::SESSIONS, Some(order(&pool, &[ANN, BOB], json!({})))).await?;
    let say = async |sid: &str, body: &str| -> Result {
        let to = number_of(&session, ANN)?;
        let form = [("MessageSid", sid), ("AccountSid", ACCOUNT), ("From", ANN), ("To", to.as_str()), ("Body", body)];
        let (status, answer) = post_twilio(&server, "/webhooks/twilio/sms", &form, TOKEN).await?;
        ensure!(status == 200, "{status} {answer}");
        settled(&server).await
    };
    carrier.behave(json!({"do": "refuse", "code": 21_606})).await?;
    say("SM1", "hello").await?;
    let interactions = format!("{}/interactions", path(&session)?);
    let said = async || -> Result<Vec<Value>> {
        let listed = well(&server, "GET", &interactions, None).await?;
        Ok(listed["data"].as_array().cloned().unwrap_or_default())
    };
    let bob = text(&session["participants"][1]["id"])?;
    let failed = failed(said, &bob).await?;
    ensure!(failed["error"]["code"] == 21_606, "{failed}");
    let told = receiver.wait(1).await?[0].json()?;
    ensure!(told["type"] == "message.failed" && told["data"]["id"] == failed["outbound_message_id"], "{told}");
    // once it is theirs again
    carrier.clear().await?;
    say("SM2", "hello again").await?;
    until("the copy", async || {
        let heard = carrier.messages(Some(BOB)).await?;
        Ok(heard.iter().map(|one| one.body.as_str()).eq(["hello again"]).then_some(()))
    })
    .await
}

/// A pool of four numbers, from which this one on; its id.
async fn four(server: &Server, account: &str, first: usize, exclusive: bool) -> Result<String> {
    let new = json!({"name": format!("four from {first}"), "exclusive": exclusive});
    let pool = text(&well(server, "POST", "/v1/pools", Some(new)).await?["id"])?;
    for nth in first..first + 4 {
        let id = number(server, account, &ours(nth), json!({})).await?;
        well(server, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
    }
    Ok(pool)
}

/// The number with which Ann's session begins, and ends, as its carrier does not send from it.
async fn lost(server: &Server, carrier: &Carrier, pool: &str) -> Result<String> {
    let failed =
        async || -> Result<usize> { Ok(server.rows("SELECT id FROM sb_message WHERE state = 'failed'").await?.len()) };
    let before = failed().await?;
    carrier.behave(json!({"do": "refuse", "code": 21_606})).await?;
    let session = made(server, pool, &[ANN], json!({"start_text": "It begins."})).await?;
    until("a text that fails", async || Ok((failed().await? > before).then_some(()))).await?;
    carrier.clear().await?;
    close(server, &session).await?;
    number_of(&session, ANN)
}

async fn new_sessions_avoid_a_number_that_its_carrier_has_no_more(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = quick(Builder::new(layout).await?, &carrier).start().await?;
    let account = account(&server, json!({})).await?;
    let shared = four(&server, &account, 0, false).await?;
    let gone = lost(&server, &carrier, &shared).await?;
    // nor is she given it again, who had it
    for who in [ANN.to_owned()].into_iter().chain((0..20).map(|nth| person(100 + nth))) {
        let session = made(&server, &shared, &[&who], json!({})).await?;
        ensure!(number_of(&session, &who)? != gone, "{session}");
    }
    let exclusive = four(&server, &account, 10, true).await?;
    let gone = lost(&server, &carrier, &exclusive).await?;
    for nth in 0..4 {
        let who = person(200 + nth);
        let session = made(&server, &exclusive, &[&who], json!({})).await?;
        // when there is no other, it is better than none
        ensure!((number_of(&session, &who)? == gone) == (nth == 3), "{nth}: {session}");
    }
    consistent(&server).await
}

on_both_engines!(
    new_sessions_avoid_a_number_that_its_carrier_has_no_more,
    a_copy_to_a_landline_fails_alone_and_is_refunded,
    what_the_carrier_has_answered_is_not_passed_on,
    copies_from_a_number_that_its_carrier_has_no_more_fail_and_are_told,
);
