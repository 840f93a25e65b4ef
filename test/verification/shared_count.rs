//! What nodes count together of sends, in Redis: the same as each counts by itself.

use anyhow::Context as _;
use switchboard::model::window::WindowLimit;
use switchboard::signal::{FullWindow, SharedCounter, SharedWindow};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::harness::Result;
use crate::harness::database::redis;
use crate::harness::port::free_port;

const HOUR_MS: i64 = 3_600_000;

/// One that nobody else counts.
fn window(most: u32) -> SharedWindow {
    SharedWindow { key: rand::random(), limit: WindowLimit { most, within_ms: HOUR_MS } }
}

async fn node(url: &str, stop: &CancellationToken) -> Result<SharedCounter> {
    Ok(SharedCounter::redis(url, &TaskTracker::new(), stop).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_counts_are_taken_or_none() -> Result {
    let stop = CancellationToken::new();
    let (one, other) = (node(&redis()?, &stop).await?, node(&redis()?, &stop).await?);
    let (few, many) = (window(2), window(9));
    let both = [many, few];
    let first = one.count(&both).await.context("Redis is away")?;
    assert!(first.is_ok_and(|at_ms| at_ms > 0));
    assert!(other.count(&both).await.context("Redis is away")?.is_ok());
    for node in [&one, &other] {
        let full = node.count(&both).await.context("Redis is away")?;
        assert!(matches!(full, Err(FullWindow { nth: 1, wait_ms: 1..=3_660_000 })), "{full:?}");
    }
    // what was refused counted nowhere: seven more of the other
    for _ in 0..7 {
        assert!(one.count(&[many]).await.context("Redis is away")?.is_ok());
    }
    let full = other.count(&[many]).await.context("Redis is away")?;
    assert!(matches!(full, Err(FullWindow { nth: 0, .. })), "{full:?}");
    stop.cancel();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_back_or_forgotten_may_be_taken_again() -> Result {
    let stop = CancellationToken::new();
    let (one, other) = (node(&redis()?, &stop).await?, node(&redis()?, &stop).await?);
    let all = [window(1)];
    let at_ms = one.count(&all).await.context("Redis is away")?;
    assert!(other.count(&all).await.context("Redis is away")?.is_err());
    other.uncount(&all, at_ms.unwrap_or_default()).await;
    assert!(other.count(&all).await.context("Redis is away")?.is_ok());
    assert!(one.count(&all).await.context("Redis is away")?.is_err());
    one.forget(&all).await;
    assert!(other.count(&all).await.context("Redis is away")?.is_ok());
    let none = [window(0)];
    assert_eq!(one.count(&none).await, Some(Err(FullWindow { nth: 0, wait_ms: HOUR_MS })));
    stop.cancel();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_node_counts_by_itself() -> Result {
    let stop = CancellationToken::new();
    let away = node(&format!("redis://127.0.0.1:{}", free_port()?), &stop).await?;
    for counter in [SharedCounter::alone(), away] {
        assert_eq!(counter.count(&[window(1)]).await, None);
        counter.uncount(&[window(1)], 1).await;
        counter.forget(&[window(1)]).await;
    }
    stop.cancel();
    Ok(())
}
