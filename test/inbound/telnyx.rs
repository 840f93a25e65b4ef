//! Telnyx through the doors: a text leaves, its receipts come back, a person's text comes in, and nobody else's does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::play::{OURS, PERSON, PUBLIC, account, builder, call, in_state, number, received, send, settled};
use crate::events::{text, well};
use crate::harness::telnyx::{self, id};
use crate::harness::{Layout, Result, Server, Telnyx};
use crate::{messages, on_both_engines};

const SMS: &str = "/webhooks/telnyx/sms";
const STATUS: &str = "/webhooks/telnyx/status";

async fn scene(layout: Layout) -> Result<(Server, Telnyx)> {
    let telnyx = Telnyx::start().await?;
    let server = builder(layout).await?.set("provider.base_urls", telnyx.base_urls()).start().await?;
    let made = account(&server, "telnyx", telnyx.credentials()?, json!({"check": true})).await?;
    number(&server, &made, OURS, json!({})).await?;
    Ok((server, telnyx))
}

fn reported(message: &str, event_type: &str, status: &str, errors: Value) -> Value {
    json!({"data": {"record_type": "event", "event_type": event_type, "occurred_at": "2030-01-31T09:00:00.000+00:00",
        "payload": {"record_type": "message", "direction": "outbound", "id": message,
            "to": [{"phone_number": PERSON, "status": status}], "errors": errors}}})
}

fn texted(message: &str, body: &str) -> Value {
    json!({"data": {"record_type": "event", "event_type": "message.received", "payload": {
        "record_type": "message", "direction": "inbound", "id": message, "type": "SMS",
        "from": {"phone_number": PERSON}, "to": [{"phone_number": OURS, "status": "delivered"}],
        "text": body, "media": [], "parts": 1}}})
}

async fn a_text_leaves_and_is_reported(layout: Layout) -> Result {
    let (server, telnyx) = scene(layout).await?;
    let (_, message) = send(&server, PERSON, "hello").await?;
    let message = message["id"].as_str().unwrap_or_default();
    in_state(&server, message, "sent").await?;
    let mut taken = telnyx.taken();
    let callback = taken[0]["webhook_url"].take();
    assert_eq!(callback.as_str().unwrap_or_default().replace(":443", ""), format!("{PUBLIC}{STATUS}"));
    assert_eq!(taken, [json!({"from": OURS, "to": PERSON, "text": "hello", "webhook_url": null})]);
    for (event_type, status) in [("message.sent", "sent"), ("message.finalized", "delivered")] {
        let event = reported(&id(1), event_type, status, json!([]));
        // the same again, signed at another time
        for ago in [0, 1] {
            let (signature, timestamp, body) = telnyx.sign(&event, ago)?;
            let by_it = (signature.as_str(), timestamp.as_str());
            assert_eq!(telnyx::post(&server, STATUS, by_it, body).await?, 200, "{status}");
        }
    }
    in_state(&server, message, "delivered").await?;
    settled(&server).await?;
    let message = in_state(&server, message, "delivered").await?;
    assert_eq!(message["receipts"].as_array().map(Vec::len), Some(2), "{message}");
    Ok(())
}

async fn a_stop_at_the_carrier_is_one_here(layout: Layout) -> Result {
    let (server, telnyx) = scene(layout).await?;
    let (_, message) = send(&server, PERSON, "hello").await?;
    in_state(&server, message["id"].as_str().unwrap_or_default(), "sent").await?;
    let errors = json!([{"code": "40300", "title": "Blocked due to STOP message"}]);
    let event = reported(&id(1), "message.finalized", "delivery_failed", errors);
    // all events of a profile may come to one path
    assert_eq!(telnyx.post(&server, SMS, &event).await?, 200);
    in_state(&server, message["id"].as_str().unwrap_or_default(), "undelivered").await?;
    settled(&server).await?;
    let (status, answer) = send(&server, PERSON, "again").await?;
    assert_eq!(status, 403, "{answer}");
    Ok(())
}

async fn a_person_s_text_is_taken_once_and_nobody_else_s(layout: Layout) -> Result {
    let (server, telnyx) = scene(layout).await?;
    let event = texted("7ee4241c-f127-47e5-9c34-3aac291f8058", "Ça va ?");
    let (signature, timestamp, body) = telnyx.sign(&event, 0)?;
    let by_it = (signature.as_str(), timestamp.as_str());
    for _ in 0..2 {
        assert_eq!(telnyx::post(&server, SMS, by_it, body.as_str()).await?, 200);
    }
    let (signature, timestamp, body) = telnyx.sign(&event, 1)?;
    assert_eq!(telnyx::post(&server, SMS, (signature.as_str(), timestamp.as_str()), body).await?, 200);
    let stranger = Telnyx::start().await?;
    let forged = texted("8ee4241c-f127-47e5-9c34-3aac291f8058", "forged");
    assert_eq!(stranger.post(&server, SMS, &forged).await?, 403);
    assert_eq!(telnyx::post(&server, SMS, by_it, forged.to_string()).await?, 403);
    assert_eq!(telnyx::post(&server, SMS, ("hello", timestamp.as_str()), forged.to_string()).await?, 403);
    let (signature, timestamp, body) = telnyx.sign(&forged, 400)?;
    assert_eq!(telnyx::post(&server, SMS, (signature.as_str(), timestamp.as_str()), body).await?, 403, "too old");
    settled(&server).await?;
    assert_eq!(received(&server).await?, [[PERSON, OURS, "Ça va ?"]]);
    Ok(())
}

/// Our number is one of several that a group text went to: whoever is in its session gets a copy of their own, and
/// nobody else any.
async fn a_group_text_is_passed_on_as_one_copy_each(layout: Layout) -> Result {
    const BOB: &str = "+14155550102";
    const CID: &str = "+14155550103";
    const STRANGER: &str = "+14155550104";
    let telnyx = Telnyx::start().await?;
    let server = builder(layout).await?.set("provider.base_urls", telnyx.base_urls()).start().await?;
    let made = account(&server, "telnyx", telnyx.credentials()?, json!({"check": true})).await?;
    let ours = messages::number(&server, &made, OURS, json!({})).await?;
    let pool = text(&well(&server, "POST", "/v1/pools", Some(json!({"name": "masks"}))).await?["id"])?;
    well(&server, "PUT", &format!("/v1/pools/{pool}/numbers/{ours}"), None).await?;
    let people = [PERSON, BOB, CID].map(|address| json!({"address": address}));
    let session = json!({"pool_id": pool, "participants": people});
    let session = text(&well(&server, "POST", "/v1/sessions", Some(session)).await?["id"])?;
    let mut event = texted("7ee4241c-f127-47e5-9c34-3aac291f8058", "All here?");
    event["data"]["payload"]["to"] = json!([{"phone_number": STRANGER}, {"phone_number": OURS}]);
    event["data"]["payload"]["cc"] = json!([{"phone_number": BOB}, {"phone_number": STRANGER}]);
    for _ in 0..2 {
        assert_eq!(telnyx.post(&server, SMS, &event).await?, 200);
    }
    settled(&server).await?;
    messages::drained(&server).await?;
    let sent = telnyx.taken().into_iter().map(|one| json!([one["from"], one["to"], one["text"]]).to_string());
    let sent: BTreeSet<String> = sent.collect();
    let wanted = [BOB, CID].map(|to| json!([OURS, to, "All here?"]).to_string());
    assert_eq!((sent, telnyx.taken().len()), (BTreeSet::from(wanted), 2));
    assert_eq!(received(&server).await?, [[PERSON, OURS, "All here?"]]);
    let said = well(&server, "GET", &format!("/v1/sessions/{session}/interactions"), None).await?;
    assert_eq!(said["data"].as_array().map(Vec::len), Some(2), "{said}");
    Ok(())
}

async fn a_wrong_key_is_not_taken(layout: Layout) -> Result {
    let telnyx = Telnyx::start().await?;
    let server = builder(layout).await?.set("provider.base_urls", telnyx.base_urls()).start().await?;
    let mut credentials = telnyx.credentials()?;
    credentials["api_key"] = json!("KEYhush");
    let new = json!({"provider": "telnyx", "credentials": credentials});
    let (status, answer) = call(&server, reqwest::Method::POST, "/v1/accounts", Some(new)).await?;
    assert_eq!(status, 400, "{answer}");
    assert_eq!(answer.to_string().matches("does not take these credentials").count(), 1, "{answer}");
    assert_eq!(answer.to_string().matches("these credentials").count(), 1, "it is said once: {answer}");
    assert!(!answer.to_string().contains("hush"), "{answer}");
    let (_, listed) = call(&server, reqwest::Method::GET, "/v1/accounts", None).await?;
    assert_eq!(listed["data"], json!([]));
    Ok(())
}

on_both_engines!(
    a_text_leaves_and_is_reported,
    a_stop_at_the_carrier_is_one_here,
    a_person_s_text_is_taken_once_and_nobody_else_s,
    a_group_text_is_passed_on_as_one_copy_each,
    a_wrong_key_is_not_taken,
);
