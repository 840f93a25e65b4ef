//! The guard on two nodes: one count of all, in Redis; and each its own while that is away.

use anyhow::ensure;
use serde_json::json;

use super::guard::{LEAST, ask, decided, number};
use crate::events::{text, well};
use crate::harness::port::free_port;
use crate::harness::redis::Redis;
use crate::harness::{Builder, Layout, Result, Server};
use crate::relay::scene::everything;

/// Two nodes over one store, at the same Redis, that both enforce.
async fn two(url: &str) -> Result<[Server; 2]> {
    let builder = Builder::new(Layout::MariadbShared).await?;
    let builder = builder.set("redis.url", url).set("guard.mode", "enforce");
    let other = Builder::at(builder.home()).set("redis.url", url).set("guard.mode", "enforce");
    let one = builder.start().await?;
    everything(&one).await?;
    let other = other.start_unseeded().await?;
    Ok([one, other])
}

/// Asks for so many codes in one prefix, of each node in turn: how many were sent.
async fn asked(nodes: &[Server; 2], first: usize, count: usize) -> Result<usize> {
    let mut sent = 0;
    for nth in first..first + count {
        let (status, answer) = ask(&nodes[nth % 2], &number(nth), json!({"code": "123456"})).await?;
        ensure!(status == 201 || status == 403, "{status} {answer}");
        sent += usize::from(status == 201);
    }
    Ok(sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_count_together() -> Result {
    let redis = Redis::start().await?;
    let nodes = two(&redis.url()).await?;
    assert_eq!(asked(&nodes, 0, 2 * LEAST).await?, LEAST, "as many as on one node");
    let decisions = decided(&nodes[0], 2 * LEAST).await?;
    ensure!(decisions.iter().all(|one| one["degraded"] == false), "{decisions:?}");
    let refused = decisions.iter().filter(|one| one["rule"] == "prefix_day").count();
    assert_eq!(refused, LEAST, "the others are explained");
    // what is approved on one makes room on the other
    let sent = decisions.iter().filter(|one| one["allowed"] == true);
    for one in sent.take(3) {
        let path = format!("/v1/verifications/{}/approve", text(&one["verification_id"])?);
        well(&nodes[1], "POST", &path, None).await?;
    }
    let (status, answer) = ask(&nodes[0], &number(40), json!({})).await?;
    ensure!(status == 201, "{status} {answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_node_goes_on_alone_and_says_so() -> Result {
    let nodes = two(&format!("redis://127.0.0.1:{}", free_port()?)).await?;
    assert_eq!(asked(&nodes, 0, 4 * LEAST).await?, 2 * LEAST, "each node by itself");
    let decisions = decided(&nodes[0], 4 * LEAST).await?;
    ensure!(decisions.iter().all(|one| one["degraded"] == true), "{decisions:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_from_where_all_were_when_redis_goes() -> Result {
    let redis = Redis::start().await?;
    let nodes = two(&redis.url()).await?;
    assert_eq!(asked(&nodes, 0, LEAST).await?, LEAST);
    drop(redis);
    let (status, answer) = ask(&nodes[1], "+12065561000", json!({})).await?;
    ensure!(status == 201, "nobody is refused for it: {status} {answer}");
    let last = &decided(&nodes[1], LEAST + 1).await?[0];
    ensure!(last["degraded"] == true, "{last}");
    // the last that the first node has seen of the prefix is all of it
    let (status, answer) = ask(&nodes[0], &number(20), json!({})).await?;
    ensure!(status == 403, "{status} {answer}");
    Ok(())
}
