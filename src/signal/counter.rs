//! What all nodes count together, in Redis: how often something may happen in a minute, and how often within any span.
//!
//! [`Gcra`](crate::model::Gcra) as a script: Redis keeps the theoretical arrival time of each name, by its own clock.

mod window;

pub use window::{FullWindow, SharedWindow};

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::FromRedisValue;
use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::BadRedisUrl;
use crate::model::lock::lock;

/// Between tries to reach a server that is away.
const RETRY: Duration = Duration::from_secs(1);
/// To connect, and until a new connection has answered.
const CONNECTING: Duration = Duration::from_secs(2);
/// A request waits for no answer longer than this.
const PATIENCE: Duration = Duration::from_millis(250);
const NAMES: &str = "switchboard:pace:";
const MINUTE_US: u64 = 60_000_000;

/// Takes one off: 0, or the microseconds until there is one to take. In whole microseconds, which a number of Lua
/// holds exactly.
const TAKE: &str = "\
local time = redis.call('TIME') \
local now = time[1] * 1000000 + time[2] \
local each, most = tonumber(ARGV[1]), tonumber(ARGV[2]) \
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + each \
if free - now > most then return free - now - most end \
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', math.ceil((free - now) / 1000)) \
return 0";

/// Counts with the other nodes; by itself it knows nothing.
#[derive(Clone, Default)]
pub struct SharedCounter(Option<Arc<RedisLink>>);

struct RedisLink {
    open: Mutex<Option<MultiplexedConnection>>,
    lost: Notify,
}

impl SharedCounter {
    /// A node that counts by itself.
    pub fn alone() -> Self {
        Self::default()
    }

    /// Joins the nodes at a Redis server; keeps trying while that is away.
    pub async fn redis(url: &str, tasks: &TaskTracker, stop: &CancellationToken) -> Result<Self, BadRedisUrl> {
        let client = redis::Client::open(url).map_err(|error| BadRedisUrl(error.to_string()))?;
        // the first requests are counted together already, where Redis is up
        let open = Mutex::new(connect(&client).await);
        let link = Arc::new(RedisLink { open, lost: Notify::new() });
        let kept = link.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move { keep(&client, &kept).await }));
        Ok(Self(Some(link)))
    }

    /// Takes one of so many a minute, or says how long to wait. `None`: each node counts for itself now.
    pub async fn take(&self, name: &str, per_minute: u32) -> Option<Result<(), Duration>> {
        let link = self.0.as_deref()?;
        let each = (MINUTE_US / u64::from(per_minute.max(1))).max(1);
        let mut command = redis::cmd("EVAL");
        command.arg(TAKE).arg(1).arg(format!("{NAMES}{name}")).arg(each).arg(each * u64::from(per_minute));
        let wait_us: u64 = ask(link, &command).await?;
        Some(if wait_us == 0 { Ok(()) } else { Err(Duration::from_micros(wait_us)) })
    }

    /// Whether there is a Redis server to count at, even one that is away.
    pub(super) fn is_joined(&self) -> bool {
        self.0.is_some()
    }

    /// What Redis answers; `None`: it is away, or there is none.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Option<T> {
        ask(self.0.as_deref()?, command).await
    }
}

/// What Redis answers. `None`: it is away.
async fn ask<T: FromRedisValue>(link: &RedisLink, command: &redis::Cmd) -> Option<T> {
    let mut open = lock(&link.open).clone()?;
    if let Ok(Ok(answer)) = timeout(PATIENCE, command.query_async(&mut open)).await {
        return Some(answer);
    }
    // of all that were under way only the first says so
    let was_open = lock(&link.open).take();
    if was_open.is_some() {
        link.lost.notify_one();
    }
    None
}

async fn keep(client: &redis::Client, link: &RedisLink) {
    loop {
        let is_open = lock(&link.open).is_some();
        if is_open {
            link.lost.notified().await;
            tracing::warn!("Redis is away; each node counts by itself what its keys ask for");
        }
        tokio::time::sleep(RETRY).await;
        if let Some(open) = connect(client).await {
            *lock(&link.open) = Some(open);
            tracing::info!("what keys ask for is counted over Redis");
        }
    }
}

/// A connection that answers.
async fn connect(client: &redis::Client) -> Option<MultiplexedConnection> {
    let mut open = timeout(CONNECTING, client.get_multiplexed_async_connection()).await.ok()?.ok()?;
    timeout(CONNECTING, redis::cmd("PING").query_async::<()>(&mut open)).await.ok()?.ok()?;
    Some(open)
}
