//! The loopback provider's doors, its receipts and its echo.

use reqwest::Method;
use serde_json::json;

use super::play::{
    OURS, PERSON, builder, call, get, in_state, loopback, number, received, send, settled, text, with_loopback,
};
use crate::harness::{ADMIN, Layout, Result, until};
use crate::on_both_engines;

async fn a_person_texts_and_is_texted(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    let id = text(&server, PERSON, OURS, "hello").await?;
    let message = in_state(&server, &id, "received").await?;
    assert_eq!(message["direction"], "inbound");
    for n in 0..3 {
        let (_, message) = send(&server, PERSON, &format!("text {n}")).await?;
        in_state(&server, message["id"].as_str().unwrap_or_default(), "delivered").await?;
    }
    let first = get(&server, &format!("/v1/loopback/messages?to=%2B14155550100&from={OURS}&limit=2")).await?;
    assert_eq!((&first["data"][0]["body"], &first["data"][1]["body"]), (&json!("text 2"), &json!("text 1")));
    assert_eq!(first["data"][0]["from"], OURS);
    let cursor = first["next_cursor"].as_str().unwrap_or_default();
    let second = get(&server, &format!("/v1/loopback/messages?to=%2B14155550100&limit=2&cursor={cursor}")).await?;
    assert_eq!((second["data"].as_array().map(Vec::len), &second["next_cursor"]), (Some(1), &json!(null)));
    Ok(())
}

async fn its_echo_is_a_text_that_came_in(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    assert_eq!(send(&server, "+15005550010", "echo me").await?.0, 202);
    until("the echo", async || Ok((!received(&server).await?.is_empty()).then_some(()))).await?;
    assert_eq!(received(&server).await?, [["+15005550010", OURS, "echo me"]]);
    let (_, message) = send(&server, "+15005550011", "lost").await?;
    let message = in_state(&server, message["id"].as_str().unwrap_or_default(), "undelivered").await?;
    assert_eq!(message["error"]["code"], 30003);
    Ok(())
}

async fn its_doors_are_the_administrators_and_need_an_account(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let body = json!({"from": PERSON, "to": OURS, "body": "x"});
    assert_eq!(call(&server, Method::POST, "/v1/loopback/inbound", Some(body.clone())).await?.0, 404);
    assert_eq!(call(&server, Method::GET, "/v1/loopback/messages", None).await?.0, 404);
    let account = loopback(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    let post = || server.http.post(server.url("/v1/loopback/inbound"));
    assert_eq!(post().json(&body).send().await?.status(), 401);
    assert_eq!(server.http.get(server.url("/v1/loopback/messages")).send().await?.status(), 401);
    for bad in [
        json!({"to": OURS}),
        json!({"from": PERSON, "to": OURS, "channel": "voice"}),
        json!({"from": PERSON, "to": OURS, "text": "x"}),
    ] {
        assert_eq!(post().bearer_auth(ADMIN).json(&bad).send().await?.status(), 400, "{bad}");
    }
    settled(&server).await?;
    assert!(server.rows("SELECT id FROM sb_inbound").await?.is_empty());
    Ok(())
}

async fn redaction_reaches_what_came(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    let id = text(&server, PERSON, OURS, "forget this").await?;
    settled(&server).await?;
    let path = format!("/v1/messages/{id}");
    let (status, answer) = call(&server, Method::PATCH, &path, Some(json!({"body": ""}))).await?;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(server.rows("SELECT payload FROM sb_inbound").await?, [[""]]);
    Ok(())
}

on_both_engines!(
    a_person_texts_and_is_texted,
    its_echo_is_a_text_that_came_in,
    its_doors_are_the_administrators_and_need_an_account,
    redaction_reaches_what_came,
);
