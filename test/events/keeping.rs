//! What is kept: no secret in the clear, and no event longer than it is asked for or waited for.

use serde_json::json;
use switchboard::model::Clock;
use switchboard::store::Value;
use switchboard::store::delivery::sweep;
use switchboard::store::sweep::RetentionCursor;

use super::receiver::{Answer, Receiver};
use super::{builder, delivery, endpoint, test_event, text, well};
use crate::harness::{Layout, Result, until};
use crate::on_both_engines;

async fn secrets_lie_sealed(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    let (id, first) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let second = text(&well(&server, "POST", &format!("/v1/endpoints/{id}/rotate"), None).await?["secret"])?;
    let callback = text(&well(&server, "GET", "/v1/endpoints/callback-secret", None).await?["secret"])?;
    test_event(&server, &id).await?;
    receiver.wait(1).await?;
    let store = server.home().databases.store()?;
    let mut kept = server.log()?.into_bytes();
    for sql in ["SELECT * FROM sb_endpoint", "SELECT * FROM sb_secret", "SELECT * FROM sb_event"] {
        for value in store.query(sql, Vec::new()).await?.into_iter().flat_map(|row| row.0) {
            match value {
                Value::Text(text) => kept.extend(text.into_bytes()),
                Value::Bytes(bytes) => kept.extend(bytes),
                Value::Null | Value::Int(_) => {}
            }
        }
    }
    let kept = String::from_utf8_lossy(&kept);
    for secret in [first, second, callback] {
        assert!(!kept.contains(secret.trim_start_matches("whsec_")), "a secret lies in the clear");
    }
    Ok(())
}

async fn old_events_are_forgotten_but_not_before_their_time(layout: Layout) -> Result {
    let builder = builder(layout).await?.set("event.retries", "1h");
    let (server, receiver) = (builder.start().await?, Receiver::start().await?);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let done = test_event(&server, &id).await?;
    delivery(&server, &done, "delivered").await?;
    receiver.answer([Answer::status(500)]);
    let waited_for = test_event(&server, &id).await?;
    // recorded, not only answered: what is under way is not replayed
    until("the failure's record", async || {
        let told = well(&server, "GET", &format!("/v1/events/{waited_for}"), None).await?;
        Ok((told["deliveries"][0]["last_status"] == 500).then_some(()))
    })
    .await?;
    receiver.answer([Answer::status(200)]);
    let store = server.home().databases.store()?;
    let now_ms = Clock::default().now_ms();
    sweep(&store, &mut RetentionCursor::before(now_ms - 3_600_000)).await?;
    assert_eq!(server.rows("SELECT id FROM sb_event").await?.len(), 2, "they are young");
    sweep(&store, &mut RetentionCursor::before(now_ms + 3_600_000)).await?;
    let listed = well(&server, "GET", "/v1/events", None).await?;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["data"][0]["id"], json!(waited_for));
    well(&server, "POST", &format!("/v1/events/{waited_for}/replay"), None).await?;
    delivery(&server, &waited_for, "delivered").await?;
    sweep(&store, &mut RetentionCursor::before(now_ms + 3_600_000)).await?;
    assert_eq!(server.rows("SELECT event_id FROM sb_delivery").await?.len(), 0);
    Ok(())
}

on_both_engines!(secrets_lie_sealed, old_events_are_forgotten_but_not_before_their_time);
