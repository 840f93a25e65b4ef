//! Taking a message back: it is either canceled and never leaves, or it is too late.

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;

use super::{TO, bodies, builder, copies, drained, fetch, in_state, ready, send_id, sms, tried};
use crate::events::{call, well};
use crate::harness::{Carrier, Layout, Result, Server};
use crate::on_both_engines;

async fn cancel(server: &Server, id: &str) -> Result<u16> {
    let (status, answer) = call(server, "DELETE", &format!("/v1/messages/{id}"), None).await?;
    ensure!(matches!((status, answer["state"].as_str()), (200, Some("canceled")) | (409, _)), "{status} {answer}");
    Ok(status)
}

async fn behind_a_slow_head(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "hold_ms": 3000, "do": "accept"})).await?;
    let mut ids = Vec::new();
    for count in 0..5 {
        ids.push(send_id(&server, sms(TO, &format!("{count}"), json!({}))).await?);
    }
    assert_eq!(cancel(&server, &ids[2]).await?, 200);
    assert_eq!(cancel(&server, &ids[4]).await?, 200);
    assert_eq!(cancel(&server, &ids[4]).await?, 409, "it is over");
    in_state(&server, &ids[0], "sent").await?;
    in_state(&server, &ids[3], "sent").await?;
    assert_eq!(cancel(&server, &ids[0]).await?, 409);
    assert_eq!(bodies(&carrier, TO).await?, ["0", "1", "3"]);
    drained(&server).await
}

async fn while_it_waits_for_a_retry(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let slow = builder(layout, &carrier).await?.set("outbox.retry_first", "60s").set("outbox.retry_most", "60s");
    let (server, _) = ready(slow).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "status", "status": 500})).await?;
    let head = send_id(&server, sms(TO, "head", json!({}))).await?;
    let next = send_id(&server, sms(TO, "next", json!({}))).await?;
    tried(&server, &head, 1).await?;
    assert_eq!(cancel(&server, &head).await?, 200);
    in_state(&server, &next, "sent").await?;
    assert_eq!(bodies(&carrier, TO).await?, ["next"]);
    let canceled = fetch(&server, &head).await?;
    ensure!(canceled["state"] == "canceled", "{canceled}");
    drained(&server).await
}

/// The carrier may have what got no answer: that cannot be taken back.
async fn while_its_fate_is_unknown(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?.set("outbox.look_up_after", "4s")).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "cut"})).await?;
    let id = send_id(&server, sms(TO, "in doubt", json!({}))).await?;
    tried(&server, &id, 1).await?;
    assert_eq!(cancel(&server, &id).await?, 409);
    in_state(&server, &id, "sent").await?;
    // nor what is to be sent again without asking
    well(&server, "PATCH", &format!("/v1/accounts/{account}"), Some(json!({"uncertain": "resend"}))).await?;
    carrier.behave(json!({"to": TO, "do": "status", "status": 500})).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "cut"})).await?;
    let id = send_id(&server, sms(TO, "again", json!({}))).await?;
    tried(&server, &id, 2).await?;
    assert_eq!(cancel(&server, &id).await?, 409);
    carrier.clear().await?;
    in_state(&server, &id, "sent").await?;
    drained(&server).await
}

/// The same node sends what follows, while whoever held the canceled message still waits for its turn.
async fn what_replaces_a_canceled_message_leaves_alone(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?).await?;
    well(&server, "PATCH", &format!("/v1/accounts/{account}"), Some(json!({"rate": 1}))).await?;
    let mut kept = Vec::new();
    // the first one goes at once, the others wait for their place
    for count in 0..4 {
        let wrong = send_id(&server, sms(TO, &format!("wrong {count}"), json!({}))).await?;
        if cancel(&server, &wrong).await? == 409 {
            kept.push(format!("wrong {count}"));
        }
        send_id(&server, sms(TO, &format!("right {count}"), json!({}))).await?;
        kept.push(format!("right {count}"));
    }
    drained(&server).await?;
    assert_eq!(bodies(&carrier, TO).await?, kept);
    Ok(())
}

async fn fifty_at_once_against_the_sender(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"delay_ms": 20, "do": "accept"})).await?;
    let mut ids = Vec::new();
    for count in 0..50 {
        let to = super::person(count % 5);
        ids.push(send_id(&server, sms(&to, &format!("{count}"), json!({}))).await?);
    }
    let answers = try_join_all(ids.iter().map(|id| cancel(&server, id))).await?;
    drained(&server).await?;
    let copies = copies(&carrier)?;
    for (count, (id, status)) in ids.iter().zip(&answers).enumerate() {
        let state = fetch(&server, id).await?["state"].clone();
        let sent = copies.get(&count.to_string()).copied().unwrap_or(0);
        let wanted = if *status == 200 { ("canceled", 0) } else { ("sent", 1) };
        assert_eq!((state.as_str().unwrap_or_default(), sent), wanted, "{count}");
    }
    let canceled = answers.iter().filter(|status| **status == 200).count();
    println!("{canceled} of 50 canceled, the others sent");
    Ok(())
}

async fn many_cancels_of_one_lane_all_succeed(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "hold_ms": 15000, "do": "accept"})).await?;
    let head = send_id(&server, sms(TO, "head", json!({}))).await?;
    let posts = (0..50).map(|count| send_id(&server, sms(TO, &format!("{count}"), json!({}))));
    let ids = try_join_all(posts).await?;
    let answers = try_join_all(ids.iter().map(|id| cancel(&server, id))).await?;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    in_state(&server, &head, "sent").await?;
    assert_eq!(bodies(&carrier, TO).await?, ["head"]);
    drained(&server).await
}

on_both_engines!(
    behind_a_slow_head,
    while_it_waits_for_a_retry,
    while_its_fate_is_unknown,
    what_replaces_a_canceled_message_leaves_alone,
    fifty_at_once_against_the_sender,
    many_cancels_of_one_lane_all_succeed,
);
