//! Receipts: out of order, repeated, before the answer is known; a message's state only moves forward.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use switchboard::store::Change;

use super::play::{OURS, PERSON, PUBLIC, builder, end_leases, in_state, number, post_twilio, send, settled, twilio};
use crate::events::endpoint;
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Layout, Result, Server, until};
use crate::messages::person;
use crate::{in_foreign_sessions, on_both_engines};

const STATUS: &str = "/webhooks/twilio/status";

async fn scene(layout: Layout) -> Result<(Server, Carrier)> {
    let carrier = Carrier::start().await?;
    let server = builder(layout).await?.set("provider.twilio_base_url", carrier.url()).start().await?;
    let account = twilio(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    Ok((server, carrier))
}

fn states(message: &Value) -> Vec<&str> {
    let mut states: Vec<_> = message["receipts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|receipt| receipt["state"].as_str().unwrap_or_default())
        .collect();
    states.sort_unstable();
    states
}

async fn report(server: &Server, sid: &str, state: &str, code: Option<&str>) -> Result<u16> {
    let mut form = vec![("MessageSid", sid), ("MessageStatus", state), ("AccountSid", ACCOUNT), ("To", PERSON)];
    form.extend(code.map(|code| ("ErrorCode", code)));
    Ok(post_twilio(server, STATUS, &form, TOKEN).await?.0)
}

async fn receipts_move_a_message_forward_and_count_once(layout: Layout) -> Result {
    let (server, carrier) = scene(layout).await?;
    let (_, message) = send(&server, PERSON, "hello").await?;
    let id = message["id"].as_str().unwrap_or_default();
    in_state(&server, id, "sent").await?;
    let recorded = carrier.messages(None).await?;
    let callback = recorded[0].status_callback.as_deref().unwrap_or_default();
    assert_eq!(callback.replace(":443", ""), format!("{PUBLIC}{STATUS}"));
    let sid = recorded[0].sid.as_str();
    for state in ["delivered", "sent", "delivered", "sending", "teleported", "sent"] {
        assert_eq!(report(&server, sid, state, None).await?, 204, "{state}");
    }
    settled(&server).await?;
    let message = in_state(&server, id, "delivered").await?;
    assert_eq!(states(&message), ["delivered", "sending", "sent", "unknown"]);
    // too late: it has been delivered
    assert_eq!(report(&server, sid, "undelivered", Some("30003")).await?, 204);
    settled(&server).await?;
    let message = in_state(&server, id, "delivered").await?;
    assert_eq!(message["error"], Value::Null);
    Ok(())
}

/// A message of its own, taken by the carrier: its id there.
async fn taken(server: &Server, carrier: &Carrier, to: &str) -> Result<(String, String)> {
    let (status, message) = send(server, to, "hello").await?;
    ensure!(status == 202, "{status} {message}");
    let id = message["id"].as_str().context("no id")?.to_owned();
    in_state(server, &id, "sent").await?;
    let recorded = carrier.messages(Some(to)).await?;
    Ok((id, recorded.first().context("not at the carrier")?.sid.clone()))
}

/// What is said of a message, one after the other: a word and an error code.
type Words<'a> = &'a [(&'a str, &'a str)];
/// What is kept of it: state, word, code.
type Kept<'a> = &'a [(&'a str, &'a str, i64)];

const WORDS: [(Words, &str, i64, Kept); 20] = [
    (&[("delivered", "")], "delivered", 0, &[("delivered", "delivered", 0)]),
    (&[("Delivered", "0")], "delivered", 0, &[("delivered", "Delivered", 0)]),
    (&[("DELIVRD", "000")], "delivered", 0, &[("delivered", "DELIVRD", 0)]),
    (&[(" delivered ", "null")], "delivered", 0, &[("delivered", "delivered", 0)]),
    (&[("message delivered", "")], "delivered", 0, &[("delivered", "message delivered", 0)]),
    (&[("READ", "")], "delivered", 0, &[("delivered", "READ", 0)]),
    (&[("UNDELIV", "30003")], "undelivered", 30003, &[("undelivered", "UNDELIV", 30003)]),
    (&[("undeliverable", "")], "undelivered", 0, &[("undelivered", "undeliverable", 0)]),
    (&[("EXPIRED", "")], "undelivered", 0, &[("undelivered", "EXPIRED", 0)]),
    (&[("Deleted", "")], "undelivered", 0, &[("undelivered", "Deleted", 0)]),
    (&[("REJECTD", "30007")], "failed", 30007, &[("failed", "REJECTD", 30007)]),
    (&[("Cancelled", "")], "canceled", 0, &[("canceled", "Cancelled", 0)]),
    // a centre has it, the phone has not
    (&[("ACCEPTD", "")], "sent", 0, &[("sent", "ACCEPTD", 0)]),
    (&[("ENROUTE", ""), ("sent", "")], "sent", 0, &[("sent", "ENROUTE", 0)]),
    // what is not known changes nothing, and is shown
    (
        &[("UNKNOWN", ""), ("in transit to the next hop", "99"), ("Teleported", ""), ("teleported", "")],
        "sent",
        0,
        &[("unknown", "Teleported", 0), ("unknown", "UNKNOWN", 0), ("unknown", "in transit to the next hop", 99)],
    ),
    (
        &[("teleported", ""), ("delivered", "")],
        "delivered",
        0,
        &[("delivered", "delivered", 0), ("unknown", "teleported", 0)],
    ),
    // the code that a later copy brings fills the one that is missing, and no other
    (
        &[("undelivered", ""), ("undelivered", "0"), ("undelivered", "30003"), ("undelivered", "30005")],
        "undelivered",
        30003,
        &[("undelivered", "undelivered", 30003)],
    ),
    (
        &[("failed", ""), ("UNDELIV", "30006")],
        "failed",
        30006,
        &[("failed", "failed", 0), ("undelivered", "UNDELIV", 30006)],
    ),
    // a person has opted out, said late
    (&[("undelivered", ""), ("undelivered", "21610")], "undelivered", 21610, &[("undelivered", "undelivered", 21610)]),
    // what went well has no error
    (
        &[("delivered", ""), ("delivered", "30003"), ("undelivered", "30003")],
        "delivered",
        0,
        &[("delivered", "delivered", 30003), ("undelivered", "undelivered", 30003)],
    ),
];

async fn words_are_read_in_every_form_and_kept(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let builder = builder(layout).await?.set("provider.twilio_base_url", carrier.url());
    let server = builder.set("event.allow", "127.0.0.1").start().await?;
    let account = twilio(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    // whoever listens makes events
    endpoint(&server, "http://127.0.0.1:9/", &["message.undelivered", "message.failed"]).await?;
    for (count, (words, state, code, kept)) in WORDS.into_iter().enumerate() {
        let (id, sid) = taken(&server, &carrier, &person(count)).await?;
        for (word, code) in words {
            assert_eq!(report(&server, &sid, word, Some(code).filter(|code| !code.is_empty()).copied()).await?, 204);
            settled(&server).await?;
        }
        let message = in_state(&server, &id, state).await?;
        assert_eq!(message["error"]["code"].as_i64().unwrap_or(0), code, "{words:?}: {message}");
        let receipts = message["receipts"].as_array().context("no receipts")?;
        let text = |receipt: &Value, name: &str| receipt[name].as_str().unwrap_or_default().to_owned();
        let mut shown: Vec<_> = receipts
            .iter()
            .map(|one| (text(one, "state"), text(one, "word"), one["error_code"].as_i64().unwrap_or(0)))
            .collect();
        shown.sort();
        let kept: Vec<_> =
            kept.iter().map(|(state, word, code)| ((*state).to_owned(), (*word).to_owned(), *code)).collect();
        assert_eq!(shown, kept, "{words:?}");
    }
    // a state is told once, whatever is said of it later
    let told = server.rows("SELECT type, COUNT(*) FROM sb_event GROUP BY type ORDER BY type").await?;
    assert_eq!(told, [["message.failed", "2"], ["message.undelivered", "6"]]);
    assert_eq!(server.rows("SELECT COUNT(*) FROM sb_opt_out").await?, [["1"]]);
    Ok(())
}

async fn a_failure_keeps_its_code(layout: Layout) -> Result {
    let (server, carrier) = scene(layout).await?;
    carrier
        .receipts(json!({"states": ["sent", "undelivered"], "error_code": 30003, "times": 2, "via": server.url("")}))
        .await?;
    let (_, message) = send(&server, PERSON, "hello").await?;
    let message = in_state(&server, message["id"].as_str().unwrap_or_default(), "undelivered").await?;
    assert_eq!(message["error"]["code"], 30003);
    Ok(())
}

async fn a_receipt_may_come_before_the_answer(layout: Layout) -> Result {
    let (server, carrier) = scene(layout).await?;
    carrier.behave(json!({"do": "accept", "delay_ms": 1500})).await?;
    let (_, message) = send(&server, PERSON, "hello").await?;
    let id = message["id"].as_str().unwrap_or_default();
    let sid = until("the message at the carrier", async || {
        Ok(carrier.messages(None).await?.first().map(|message| message.sid.clone()))
    });
    let sid = sid.await?;
    assert_eq!(report(&server, &sid, "delivered", None).await?, 204);
    let message = in_state(&server, id, "delivered").await?;
    assert_eq!(states(&message), ["delivered"]);
    settled(&server).await
}

async fn a_receipt_for_no_message_of_ours_is_dropped_in_time(layout: Layout) -> Result {
    let server = builder(layout).await?.set("inbound.receipt_patience", "2s").start().await?;
    twilio(&server).await?;
    assert_eq!(report(&server, "SMdeadbeef", "delivered", None).await?, 204);
    settled(&server).await?;
    assert!(server.log()?.contains("a receipt is for no message of ours"));
    Ok(())
}

/// The carrier says it once: the receipt is not done before the ledger has it.
async fn an_opt_out_in_a_receipt_outlives_a_failure(layout: Layout) -> Result {
    let (server, carrier) = scene(layout).await?;
    let (_, message) = send(&server, PERSON, "hello").await?;
    in_state(&server, message["id"].as_str().unwrap_or_default(), "sent").await?;
    let sid = carrier.messages(None).await?[0].sid.clone();
    let store = server.home().databases.store()?;
    let rename = |from: &str, to: &str| Change::new().run(format!("ALTER TABLE {from} RENAME TO {to}"), vec![]);
    store.commit(rename("sb_opt_out", "sb_away")).await?;
    assert_eq!(report(&server, &sid, "undelivered", Some("21610")).await?, 204);
    until("a failure", async || Ok(server.log()?.contains("could not fold receipts").then_some(()))).await?;
    store.commit(rename("sb_away", "sb_opt_out")).await?;
    end_leases(&server).await?;
    settled(&server).await?;
    assert_eq!(server.rows("SELECT number, person, is_out FROM sb_opt_out").await?, [[OURS, PERSON, "1"]]);
    assert_eq!(send(&server, PERSON, "more").await?.0, 403);
    Ok(())
}

on_both_engines!(
    receipts_move_a_message_forward_and_count_once,
    words_are_read_in_every_form_and_kept,
    a_failure_keeps_its_code,
    a_receipt_may_come_before_the_answer,
    a_receipt_for_no_message_of_ours_is_dropped_in_time,
    an_opt_out_in_a_receipt_outlives_a_failure,
);
in_foreign_sessions!(receipts_move_a_message_forward_and_count_once);
