//! Deliveries: signed, tried again under one id, given up, replayed, and never held up by others.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

use super::receiver::{Answer, Receiver};
use super::{builder, call, delivery, endpoint, test_event, text, well};
use crate::harness::{Layout, Result, until};
use crate::{in_foreign_sessions, on_both_engines};

async fn a_test_event_arrives_signed(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    // whatever an endpoint listens for, its own test reaches it
    let (id, secret) = endpoint(&server, &receiver.url("/hook?a=b"), &["message.sent"]).await?;
    let (_, other) = endpoint(&server, &receiver.url("/other"), &["*"]).await?;
    let event = test_event(&server, &id).await?;
    let post = &receiver.wait(1).await?[0];
    assert_eq!((post.path.as_str(), post.id()?), ("/hook", event.as_str()));
    assert!(event.starts_with("evt_"), "{event}");
    assert!(post.header("content-type")?.starts_with("application/json"));
    assert!(post.is_signed_by(&secret)? && !post.is_signed_by(&other)?);
    let payload = post.json()?;
    assert_eq!((&payload["type"], &payload["data"]["endpoint_id"]), (&json!("endpoint.test"), &json!(id)));
    let done = delivery(&server, &event, "delivered").await?;
    assert_eq!((&done["tries"], &done["last_status"], &done["endpoint_id"]), (&json!(1), &json!(200), &json!(id)));
    assert!(done["next_try_at"].is_null(), "{done}");
    let told = well(&server, "GET", &format!("/v1/events/{event}"), None).await?;
    assert_eq!((&told["timestamp"], &told["data"]), (&payload["timestamp"], &payload["data"]));
    let listed = well(&server, "GET", "/v1/events", None).await?;
    assert_eq!((&listed["data"][0]["id"], &listed["data"][1]), (&json!(event), &json!(null)));
    assert_eq!(receiver.posts().len(), 1);
    Ok(())
}

async fn tries_bear_one_id_and_wait_as_asked(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    let asked = Answer { retry_after: Some(2), ..Answer::status(503) };
    receiver.answer([asked, Answer::status(302), Answer::status(200)]);
    let (id, secret) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let event = test_event(&server, &id).await?;
    let posts = receiver.wait(3).await?;
    assert!(posts[1].at - posts[0].at >= Duration::from_secs(2), "{:?}", posts[1].at - posts[0].at);
    for post in &posts {
        assert_eq!((post.id()?, &post.body), (event.as_str(), &posts[0].body));
        assert!(post.is_signed_by(&secret)?);
    }
    assert_eq!(delivery(&server, &event, "delivered").await?["tries"], 3);
    Ok(())
}

async fn what_is_given_up_can_be_replayed(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500)]);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["endpoint.*"]).await?;
    let event = test_event(&server, &id).await?;
    let over = delivery(&server, &event, "exhausted").await?;
    assert_eq!((&over["tries"], &over["last_status"]), (&json!(3), &json!(500)));
    receiver.answer([Answer::status(200)]);
    let path = format!("/v1/events/{event}/replay");
    assert_eq!(call(&server, "POST", &path, None).await?.0, 202);
    let done = delivery(&server, &event, "delivered").await?;
    assert_eq!((&done["tries"], &done["last_reason"]), (&json!(1), &json!(null)));
    // an endpoint made since hears of it too
    let later = Receiver::start().await?;
    let (newer, _) = endpoint(&server, &later.url("/"), &["*"]).await?;
    well(&server, "POST", &path, Some(json!({"endpoint_id": newer}))).await?;
    assert_eq!(later.wait(1).await?[0].id()?, event);
    let posts = receiver.posts();
    assert_eq!(posts.len(), 4, "the other endpoint was not meant");
    assert!(posts.iter().all(|post| post.id().is_ok_and(|id| id == event)));
    // one under way is not begun again: that it arrived is written behind the answer
    until("both deliveries", async || {
        let told = well(&server, "GET", &format!("/v1/events/{event}"), None).await?;
        let all = told["deliveries"].as_array().context("no deliveries")?;
        Ok((all.len() == 2 && all.iter().all(|one| one["state"] == "delivered")).then_some(()))
    })
    .await?;
    well(&server, "POST", &path, None).await?;
    receiver.wait(5).await?;
    later.wait(2).await?;
    Ok(())
}

async fn nobody_is_held_up_by_the_slow(layout: Layout) -> Result {
    let (server, slow, quick) =
        (builder(layout).await?.start().await?, Receiver::start().await?, Receiver::start().await?);
    slow.answer([Answer { delay: Duration::from_secs(60), ..Answer::status(200) }]);
    let (tarpit, _) = endpoint(&server, &slow.url("/"), &["*"]).await?;
    let (id, _) = endpoint(&server, &quick.url("/"), &["*"]).await?;
    for _ in 0..100 {
        test_event(&server, &tarpit).await?;
    }
    let begun = Instant::now();
    for count in 1..=20 {
        test_event(&server, &id).await?;
        quick.wait(count).await?;
    }
    // one try of the slow one alone takes three seconds
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(slow.posts().len() >= 16);
    Ok(())
}

async fn what_is_on_its_way_to_nowhere_is_dropped(layout: Layout) -> Result {
    let builder = builder(layout).await?.set("event.retries", "1s,1s,1s,1s,1s,1s,1s");
    let (server, receiver) = (builder.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500)]);
    let (deleted, _) = endpoint(&server, &receiver.url("/a"), &["*"]).await?;
    let (disabled, _) = endpoint(&server, &receiver.url("/b"), &["*"]).await?;
    let (one, other) = (test_event(&server, &deleted).await?, test_event(&server, &disabled).await?);
    receiver.wait(2).await?;
    well(&server, "DELETE", &format!("/v1/endpoints/{deleted}"), None).await?;
    well(&server, "PATCH", &format!("/v1/endpoints/{disabled}"), Some(json!({"state": "disabled"}))).await?;
    for (event, why) in [(one, "gone"), (other, "disabled")] {
        let dropped = delivery(&server, &event, "dropped").await?;
        assert!(text(&dropped["last_reason"])?.contains(why), "{dropped}");
    }
    Ok(())
}

on_both_engines!(
    a_test_event_arrives_signed,
    tries_bear_one_id_and_wait_as_asked,
    what_is_given_up_can_be_replayed,
    nobody_is_held_up_by_the_slow,
    what_is_on_its_way_to_nowhere_is_dropped,
);
in_foreign_sessions!(tries_bear_one_id_and_wait_as_asked);
