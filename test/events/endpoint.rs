//! Endpoints: made, shown without their secret, changed, rotated, disabled, removed.

use serde_json::{Value, json};

use super::receiver::{Answer, Receiver};
use super::{builder, call, delivery, endpoint, test_event, text, well};
use crate::harness::{Layout, Result};
use crate::on_both_engines;

async fn a_secret_is_shown_once(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let body = json!({"url": "http://127.0.0.1:9/x", "description": "mine", "event_types": ["message.*", "message.*"]});
    let made = well(&server, "POST", "/v1/endpoints", Some(body)).await?;
    assert!(text(&made["secret"])?.starts_with("whsec_"), "{made}");
    assert_eq!((&made["state"], &made["event_types"]), (&json!("enabled"), &json!(["message.*"])));
    assert_eq!(made["ordered"], false);
    let path = format!("/v1/endpoints/{}", text(&made["id"])?);
    let mut shown = made.clone();
    shown.as_object_mut().and_then(|shown| shown.remove("secret"));
    assert_eq!(well(&server, "GET", &path, None).await?, shown);
    let change = json!({"description": "yours", "event_types": ["message.sent"], "ordered": true, "state": "disabled"});
    let changed = well(&server, "PATCH", &path, Some(change)).await?;
    assert_eq!(changed["ordered"], true);
    assert_eq!((&changed["description"], &changed["state"]), (&json!("yours"), &json!("disabled")));
    assert_eq!((&changed["url"], &changed["disabled_reason"]), (&made["url"], &Value::Null));
    assert_eq!(well(&server, "GET", "/v1/endpoints", None).await?["data"], json!([changed]));
    assert_eq!(call(&server, "DELETE", &path, None).await?.0, 204);
    assert_eq!(call(&server, "DELETE", &path, None).await?.0, 404);
    assert_eq!(call(&server, "GET", &path, None).await?.0, 404);
    Ok(())
}

async fn a_list_is_read_page_by_page(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(endpoint(&server, "http://127.0.0.1:9/", &["*"]).await?.0);
    }
    made.sort();
    made.reverse();
    let (mut seen, mut path) = (Vec::new(), "/v1/endpoints?limit=2".to_owned());
    for pages in 1.. {
        let page = well(&server, "GET", &path, None).await?;
        for one in page["data"].as_array().into_iter().flatten() {
            seen.push(text(&one["id"])?);
        }
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(pages, 3);
            break;
        };
        path = format!("/v1/endpoints?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, made);
    Ok(())
}

async fn rotation_signs_twice(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    let (id, first) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    test_event(&server, &id).await?;
    let rotated = well(&server, "POST", &format!("/v1/endpoints/{id}/rotate"), None).await?;
    let second = text(&rotated["secret"])?;
    assert_ne!(first, second);
    assert!(rotated["previous_secret_until"].is_string(), "{rotated}");
    receiver.wait(1).await?;
    test_event(&server, &id).await?;
    let post = &receiver.wait(2).await?[1];
    assert_eq!(post.signatures()?.len(), 2);
    assert!(post.is_signed_by(&first)? && post.is_signed_by(&second)?);
    // a day later only the new one signs
    let sql = "UPDATE sb_endpoint SET previous_until_ms = 1";
    server.home().databases.store()?.commit(switchboard::store::Change::new().one(sql, Vec::new())).await?;
    test_event(&server, &id).await?;
    let post = &receiver.wait(3).await?[2];
    assert_eq!(post.signatures()?.len(), 1);
    assert!(!post.is_signed_by(&first)? && post.is_signed_by(&second)?);
    Ok(())
}

async fn gone_means_disabled(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(410)]);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let event = test_event(&server, &id).await?;
    let dropped = delivery(&server, &event, "dropped").await?;
    assert_eq!((&dropped["last_status"], &dropped["tries"]), (&json!(410), &json!(1)));
    let path = format!("/v1/endpoints/{id}");
    let shown = well(&server, "GET", &path, None).await?;
    assert_eq!(shown["state"], "disabled");
    assert!(text(&shown["disabled_reason"])?.contains("410"), "{shown}");
    assert_eq!(call(&server, "POST", &format!("{path}/test"), None).await?.0, 409);
    let replay = json!({"endpoint_id": id});
    let path_of_replay = format!("/v1/events/{event}/replay");
    assert_eq!(call(&server, "POST", &path_of_replay, Some(replay.clone())).await?.0, 409);
    receiver.answer([Answer::status(204)]);
    let enabled = well(&server, "PATCH", &path, Some(json!({"state": "enabled"}))).await?;
    assert_eq!((&enabled["state"], &enabled["disabled_reason"]), (&json!("enabled"), &Value::Null));
    well(&server, "POST", &path_of_replay, Some(replay)).await?;
    assert_eq!(delivery(&server, &event, "delivered").await?["last_status"], 204);
    assert_eq!(receiver.posts().len(), 2);
    Ok(())
}

async fn who_fails_for_too_long_is_disabled(layout: Layout) -> Result {
    let builder = builder(layout).await?.set("event.disable_after", "1s").set("event.retries", ["100ms"; 40].join(","));
    let (server, receiver) = (builder.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500)]);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let event = test_event(&server, &id).await?;
    let dropped = delivery(&server, &event, "dropped").await?;
    assert!(dropped["tries"].as_i64() > Some(1), "{dropped}");
    let shown = well(&server, "GET", &format!("/v1/endpoints/{id}"), None).await?;
    assert_eq!(shown["state"], "disabled");
    assert!(
        text(&shown["disabled_reason"])?.contains("failed for 1s") && shown["failing_since"].is_string(),
        "{shown}"
    );
    Ok(())
}

async fn a_success_ends_a_failure(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500), Answer::status(200)]);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let event = test_event(&server, &id).await?;
    delivery(&server, &event, "delivered").await?;
    let shown = well(&server, "GET", &format!("/v1/endpoints/{id}"), None).await?;
    assert_eq!((&shown["state"], &shown["failing_since"]), (&json!("enabled"), &Value::Null));
    Ok(())
}

on_both_engines!(
    a_secret_is_shown_once,
    a_list_is_read_page_by_page,
    rotation_signs_twice,
    gone_means_disabled,
    who_fails_for_too_long_is_disabled,
    a_success_ends_a_failure,
);
