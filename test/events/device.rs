//! A phone that pairs or is revoked is told of, by any node, to endpoints made on any other.

use anyhow::Context as _;
use serde_json::json;

use super::receiver::Receiver;
use super::{builder, delivery, endpoint, well};
use crate::harness::{Layout, Phone, Result, USER};
use crate::on_both_engines;

async fn phones_are_told_of(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    // nobody listens yet: nothing is kept
    Phone::new()?.pair(&server, USER, &server.sid(USER).await?).await?;
    assert_eq!(server.rows("SELECT id FROM sb_event").await?.len(), 0);
    let (_, secret) = endpoint(&server, &receiver.url("/"), &["device.*"]).await?;
    endpoint(&server, &receiver.url("/other"), &["message.*"]).await?;
    let key = Phone::new()?.pair(&server, USER, &server.sid(USER).await?).await?;
    let paired = receiver.wait(1).await?[0].json()?;
    let device = well(&server, "GET", &format!("/v1/users/{USER}/devices"), None).await?["data"][0].clone();
    assert_eq!((&paired["type"], &paired["timestamp"]), (&json!("device.paired"), &device["paired_at"]));
    let data = json!({"sequence": 1, "id": device["id"], "user_id": USER, "fingerprint": key.fingerprint(), "flavour": "one-step",
                      "paired_at": device["paired_at"]});
    assert_eq!(paired["data"], data);
    let path = format!("/v1/devices/{}", device["id"].as_str().context("an id")?);
    for _ in 0..2 {
        super::call(&server, "DELETE", &path, None).await?;
    }
    let posts = receiver.wait(2).await?;
    let revoked = posts[1].json()?;
    assert_eq!((&revoked["type"], &revoked["data"]["id"]), (&json!("device.revoked"), &device["id"]));
    assert_eq!(revoked["data"]["sequence"], 2);
    assert_eq!((&revoked["data"]["revoked_at"], &posts[1].path), (&revoked["timestamp"], &"/".to_owned()));
    assert!(posts[0].is_signed_by(&secret)? && posts[1].is_signed_by(&secret)?);
    delivery(&server, posts[1].id()?, "delivered").await?;
    assert_eq!(server.rows("SELECT id FROM sb_event").await?.len(), 2, "a second revocation is none");
    Ok(())
}

on_both_engines!(phones_are_told_of);

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_one_node_is_heard_of_by_the_other() -> Result {
    let (one, receiver) = (builder(Layout::MariadbShared).await?.start().await?, Receiver::start().await?);
    let other = one.builder().clone().start_unseeded().await?;
    endpoint(&one, &receiver.url("/"), &["*"]).await?;
    // another node looks once a second
    for _ in 0..30 {
        Phone::new()?.pair(&other, USER, &other.sid(USER).await?).await?;
        if !receiver.posts().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let first = &receiver.wait(1).await?[0];
    delivery(&other, first.id()?, "delivered").await?;
    Ok(())
}
