//! A message's own callback URL: told of it alone, signed with the client's callback secret.

use serde_json::json;
use switchboard::model::event::EventType;
use switchboard::model::message::MessageState;
use switchboard::model::{ClientId, Clock, EventId, MessageId};
use switchboard::store::Change;
use switchboard::store::delivery::add;
use switchboard::store::event::{EventSequenceSource, EventTarget, NewEvent, PendingEvents};

use super::receiver::{Answer, Receiver};
use super::{builder, delivery, text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

/// A message that brought a callback URL, and an event for it.
async fn tell(server: &Server, url: &str) -> Result<(MessageId, EventId)> {
    let now_ms = Clock::default().now_ms();
    let message = MessageId::new(now_ms);
    let insert = "INSERT INTO sb_message (id, client_id, account_id, direction, from_address, to_address, body, state, \
                  encoding, segments, extra, created_ms, changed_ms) VALUES (?, ?, \
                  X'00000000000000000000000000000009', 'outbound', '1', '2', '', 'sent', 'gsm7', 1, ?, 0, 0)";
    let extra = json!({"callback_url": url}).to_string();
    let values = vec![message.into(), ClientId::OPERATOR.into(), extra.into()];
    let id = EventId::new(now_ms);
    let event = NewEvent {
        id,
        client: ClientId::OPERATOR,
        kind: EventType::Message(MessageState::Sent),
        message: Some(message),
        payload: json!({"type": "message.sent", "timestamp": "", "data": {"id": message.to_string()}}).to_string(),
        order: EventSequenceSource::Alone,
        ordered: Vec::new(),
        created_ms: now_ms,
    };
    let told = PendingEvents { new: vec![event], targets: vec![(id, EventTarget::Callback(message))] };
    let change = add(Change::new().one(insert, values), &told, now_ms);
    server.home().databases.store()?.commit(change).await?;
    Ok((message, id))
}

async fn a_callback_is_signed_with_the_client_s_secret(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    let secret = well(&server, "GET", "/v1/endpoints/callback-secret", None).await?;
    assert_eq!(well(&server, "GET", "/v1/endpoints/callback-secret", None).await?, secret);
    let secret = text(&secret["secret"])?;
    receiver.answer([Answer::status(500), Answer::status(200)]);
    let (message, event) = tell(&server, &receiver.url("/mine")).await?;
    let posts = receiver.wait(2).await?;
    for post in &posts {
        assert_eq!((post.path.as_str(), post.id()?), ("/mine", event.to_string().as_str()));
        assert!(post.is_signed_by(&secret)?);
    }
    let done = delivery(&server, &event.to_string(), "delivered").await?;
    assert_eq!((&done["message_id"], &done["endpoint_id"]), (&json!(message.to_string()), &json!(null)));
    receiver.answer([Answer::status(410)]);
    let (_, event) = tell(&server, &receiver.url("/gone")).await?;
    assert_eq!(delivery(&server, &event.to_string(), "dropped").await?["last_status"], 410);
    let (_, event) = tell(&server, "http://10.0.0.1/").await?;
    assert!(delivery(&server, &event.to_string(), "exhausted").await?["last_status"].is_null());
    Ok(())
}

on_both_engines!(a_callback_is_signed_with_the_client_s_secret);
