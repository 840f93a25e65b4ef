//! Signals over Redis publish/subscribe: one connection speaks, one listens.
//!
//! These, and that of the counter beside, are opened anew here and not by the crate's `ConnectionManager`. To that one
//! a time-out is no reason to reconnect, so it would stay on a connection whose other end is gone without a word;
//! while it reconnects, every request waits for it, where ours are counted by the node at once; and it listens over
//! RESP3 only, where it says nothing of a subscription that did not come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use redis::{AsyncCommands, Client};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{BadRedisUrl, InterNodeSignal, InterNodeSignalHandler, SyncSignal};

const CHANNEL: &str = "switchboard:signal";
/// Between tries to reach a server that is away.
const RETRY: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(2);
/// What could not be said within this is left to the store.
const STALE: Duration = Duration::from_secs(3);

pub(super) fn join(
    url: &str,
    queue: mpsc::Receiver<(Instant, SyncSignal)>,
    listener: InterNodeSignalHandler,
    is_connected: Arc<AtomicBool>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), BadRedisUrl> {
    let client = Client::open(url).map_err(|error| BadRedisUrl(error.to_string()))?;
    // our own signals come back to us: the name tells them
    let node: Arc<str> = format!("{:032x}", rand::random::<u128>()).into();
    tasks.spawn(stop.clone().run_until_cancelled_owned(speak(client.clone(), node.clone(), queue)));
    tasks.spawn(stop.clone().run_until_cancelled_owned(listen(client, node, listener, is_connected)));
    Ok(())
}

async fn speak(client: Client, node: Arc<str>, mut queue: mpsc::Receiver<(Instant, SyncSignal)>) {
    let mut connection: Option<redis::aio::MultiplexedConnection> = None;
    while let Some((said, signal)) = queue.recv().await {
        // old news is obeyed as if it were new: by now the others have found it in the store
        if said.elapsed() > STALE {
            continue;
        }
        let Ok(text) = serde_json::to_string(&InterNodeSignal::new(&node, &signal)) else { continue };
        if connection.is_none() {
            connection = connect(&client).await;
        }
        let Some(open) = &mut connection else { continue };
        let sent = tokio::time::timeout(TIMEOUT, open.publish::<_, _, ()>(CHANNEL, text)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("Redis did not take a signal; other nodes will find it in the store");
            connection = None;
        }
    }
}

async fn connect(client: &Client) -> Option<redis::aio::MultiplexedConnection> {
    tokio::time::timeout(TIMEOUT, client.get_multiplexed_async_connection()).await.ok()?.ok()
}

async fn listen(client: Client, node: Arc<str>, listener: InterNodeSignalHandler, is_connected: Arc<AtomicBool>) {
    loop {
        if let Err(error) = listen_once(&client, &node, &listener, &is_connected).await {
            tracing::warn!(%error, "Redis is away; nodes look into the store instead");
        }
        is_connected.store(false, Ordering::Relaxed);
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen_once(
    client: &Client,
    node: &str,
    listener: &InterNodeSignalHandler,
    is_connected: &AtomicBool,
) -> redis::RedisResult<()> {
    let connecting = tokio::time::timeout(TIMEOUT, client.get_async_pubsub());
    let mut subscription = connecting.await.map_err(|_| timed_out())??;
    tokio::time::timeout(TIMEOUT, subscription.subscribe(CHANNEL)).await.map_err(|_| timed_out())??;
    is_connected.store(true, Ordering::Relaxed);
    tracing::info!("joined the other nodes over Redis");
    let mut messages = subscription.on_message();
    while let Some(message) = messages.next().await {
        let wire =
            message.get_payload::<String>().ok().and_then(|text| serde_json::from_str::<InterNodeSignal>(&text).ok());
        if let Some(wire) = wire
            && wire.node != node
            && let Some(signal) = wire.read()
        {
            listener(signal);
        }
    }
    Ok(())
}

fn timed_out() -> redis::RedisError {
    redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
}
