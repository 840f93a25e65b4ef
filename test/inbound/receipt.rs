//! Receipts: out of order, repeated, before the answer is known; a message's state only moves forward.

use serde_json::{Value, json};

use switchboard::store::Change;

use super::play::{OURS, PERSON, PUBLIC, builder, end_leases, in_state, number, post_twilio, send, settled, twilio};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Layout, Result, Server, until};
use crate::on_both_engines;

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
    assert_eq!(states(&message), ["delivered", "sending", "sent"]);
    // too late: it has been delivered
    assert_eq!(report(&server, sid, "undelivered", Some("30003")).await?, 204);
    settled(&server).await?;
    let message = in_state(&server, id, "delivered").await?;
    assert_eq!(message["error"], Value::Null);
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
    a_failure_keeps_its_code,
    a_receipt_may_come_before_the_answer,
    a_receipt_for_no_message_of_ours_is_dropped_in_time,
    an_opt_out_in_a_receipt_outlives_a_failure,
);
