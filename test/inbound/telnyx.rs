//! Telnyx through the doors: a text leaves, its receipts come back, a person's text comes in, and nobody else's does.

use serde_json::{Value, json};

use super::play::{OURS, PERSON, PUBLIC, account, builder, call, in_state, number, received, send, settled};
use crate::harness::telnyx::{self, id};
use crate::harness::{Layout, Result, Server, Telnyx};
use crate::on_both_engines;

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
    a_wrong_key_is_not_taken,
);
