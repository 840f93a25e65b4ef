//! What a key may ask for in a minute: on all nodes together where there is Redis, on each where there is none.

use anyhow::ensure;
use serde_json::{Value, json};

use super::client::{By, client, key, status};
use crate::events::{text, well};
use crate::harness::database::redis;
use crate::harness::port::free_port;
use crate::harness::proxy::Proxy;
use crate::harness::{Builder, Layout, Result, Server};
use crate::on_both_engines;

/// Requests a minute; another one comes every 15 seconds.
const RATE: usize = 4;

/// A key with that rate: its path and itself.
async fn limited(server: &Server) -> Result<(String, String)> {
    let ann = client(server, "Ann", json!({})).await?;
    let made = key(server, &ann, json!({"rate": RATE})).await?;
    Ok((format!("/v1/clients/{}/keys/{}", text(&ann["id"])?, text(&made["id"])?), text(&made["key"])?))
}

/// Asks so many times: how many were answered; the others were told to wait.
async fn answered(server: &Server, key: &str, times: usize) -> Result<usize> {
    let mut good = 0;
    for _ in 0..times {
        match status(server, By::Proxy(key), "GET", "/v1/messages").await? {
            200 => good += 1,
            429 => {}
            other => anyhow::bail!("{other}"),
        }
    }
    Ok(good)
}

async fn change(server: &Server, path: &str, body: Value) -> Result {
    well(server, "PATCH", path, Some(body)).await.map(drop)
}

async fn a_change_of_a_key_refills_nothing(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let (path, key) = limited(&server).await?;
    assert_eq!(answered(&server, &key, RATE + 1).await?, RATE);
    change(&server, &path, json!({"name": "other"})).await?;
    assert_eq!(answered(&server, &key, 1).await?, 0, "a new name");
    change(&server, &path, json!({"rate": RATE + 1})).await?;
    assert_eq!(answered(&server, &key, 1).await?, 0, "another rate");
    change(&server, &path, json!({"rate": 0})).await?;
    assert_eq!(answered(&server, &key, 2 * RATE).await?, 2 * RATE);
    Ok(())
}

on_both_engines!(a_change_of_a_key_refills_nothing);

/// Two nodes over one store, at the same Redis.
async fn two(url: &str) -> Result<(Server, Server)> {
    let one = Builder::new(Layout::MariadbShared).await?.set("redis.url", url);
    let other = Builder::at(one.home()).set("redis.url", url);
    Ok((one.start().await?, other.start_unseeded().await?))
}

/// Until a node knows a key, made later than the one that is counted.
async fn known(server: &Server, key: &str) -> Result {
    crate::harness::until("the key on the other node", async || {
        Ok((status(server, By::Proxy(key), "GET", "/v1/messages").await? == 200).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_what_a_key_may_ask_for() -> Result {
    let (one, other) = two(&redis()?).await?;
    let (path, key) = limited(&one).await?;
    let ann = client(&one, "Bob", json!({})).await?;
    known(&other, &super::client::key_text(&one, &ann, json!({})).await?).await?;
    assert_eq!(answered(&one, &key, RATE - 1).await? + answered(&other, &key, 2).await?, RATE);
    assert_eq!((answered(&one, &key, 1).await?, answered(&other, &key, 1).await?), (0, 0));
    change(&one, &path, json!({"name": "other"})).await?;
    assert_eq!((answered(&one, &key, 1).await?, answered(&other, &key, 1).await?), (0, 0), "a new name");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nobody_is_refused_for_it_and_each_node_counts() -> Result {
    let (one, other) = two(&format!("redis://127.0.0.1:{}", free_port()?)).await?;
    let (_, key) = limited(&one).await?;
    let ann = client(&one, "Bob", json!({})).await?;
    known(&other, &super::client::key_text(&one, &ann, json!({})).await?).await?;
    for node in [&one, &other] {
        assert_eq!(answered(node, &key, RATE + 1).await?, RATE);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_goes_refuses_nobody_and_refills_nothing() -> Result {
    let port = redis()?.rsplit(':').next().and_then(|port| port.split('/').next()?.parse().ok());
    let proxy = Proxy::to("127.0.0.1", port.unwrap_or_default()).await?;
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    let server = Builder::new(Layout::SqliteShared).await?.set("redis.url", url).start().await?;
    let (_, key) = limited(&server).await?;
    assert_eq!(answered(&server, &key, RATE - 1).await?, RATE - 1);
    proxy.cut().await;
    assert_eq!(answered(&server, &key, RATE).await?, 1);
    ensure!(server.log()?.contains("each node counts by itself"), "{}", server.log()?);
    Ok(())
}
