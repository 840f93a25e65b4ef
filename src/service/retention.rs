//! How long what has served is kept, and the pace at which it is removed.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::model::{Clock, DurationSetting};
use crate::store::account::token;
use crate::store::old_message::OldMessages;
use crate::store::outbox::LaneKeyHasher;
use crate::store::session::{self, OldInteractions, OldSessions};
use crate::store::verification::OldVerifications;
use crate::store::{self, Store, idempotency, message};

/// `[retention]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Messages and sessions that are over; zero: for ever.
    pub messages: DurationSetting,
    /// What was said in sessions; zero: for as long as its messages.
    pub session_bodies: DurationSetting,
    pub idempotency_keys: DurationSetting,
    /// How often what has been kept long enough is looked for.
    pub remove_every: DurationSetting,
}

/// Removes messages that have been over for long, and replies to requests that come again no more.
pub struct Retention {
    pub settings: Settings,
    pub store: Store,
    pub lanes: LaneKeyHasher,
    pub clock: Clock,
}

impl Retention {
    pub fn remove_every(&self) -> Duration {
        self.settings.remove_every.as_duration()
    }

    pub async fn remove_idempotency_keys(&self) -> store::Result<()> {
        let before_ms = self.clock.now_ms() - self.settings.idempotency_keys.as_ms();
        throttled(|| idempotency::sweep(&self.store, before_ms)).await
    }

    /// Tokens by which carriers' posts are believed no longer.
    pub async fn remove_tokens(&self) -> store::Result<()> {
        token::sweep(&self.store, self.clock.now_ms()).await
    }

    pub async fn remove_messages(&self) -> store::Result<()> {
        if self.settings.messages.as_ms() == 0 {
            return Ok(());
        }
        let mut old = OldMessages::before(self.clock.now_ms() - self.settings.messages.as_ms());
        let mut throttle = RemovalThrottle::default();
        while old.remove(&self.store, |channel, from, to| self.lanes.of(channel, from, to)).await? {
            throttle.rest().await;
        }
        message::run::sweep(&self.store).await
    }

    /// What was said in sessions, and what came of it, for as long as its messages are kept.
    pub async fn remove_interactions(&self) -> store::Result<()> {
        if self.settings.messages.as_ms() == 0 {
            return Ok(());
        }
        let mut old = OldInteractions::before(self.clock.now_ms() - self.settings.messages.as_ms());
        let mut throttle = RemovalThrottle::default();
        while old.remove(&self.store).await? {
            throttle.rest().await;
        }
        Ok(())
    }

    /// Sessions that have been over for as long as messages are kept: they name people as those do.
    pub async fn remove_sessions(&self) -> store::Result<()> {
        if self.settings.messages.as_ms() == 0 {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let mut old = OldSessions::before(now_ms - self.settings.messages.as_ms(), now_ms);
        let mut throttle = RemovalThrottle::default();
        while old.remove(&self.store).await? {
            throttle.rest().await;
        }
        Ok(())
    }

    /// Verifications that have been over for as long as messages are kept, with what was sent of them.
    pub async fn remove_verifications(&self) -> store::Result<()> {
        if self.settings.messages.as_ms() == 0 {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let mut old = OldVerifications::before(now_ms - self.settings.messages.as_ms(), now_ms);
        let mut throttle = RemovalThrottle::default();
        while old.remove(&self.store).await? {
            throttle.rest().await;
        }
        Ok(())
    }

    /// Which numbers people had, and have had no more for so long.
    pub async fn forget_numbers(&self) -> store::Result<()> {
        if self.settings.messages.as_ms() == 0 {
            return Ok(());
        }
        let before_ms = self.clock.now_ms() - self.settings.messages.as_ms();
        session::forget_old(&self.store, before_ms, rand::random()).await
    }

    /// Sorts what has been accepted lately into the index of numbers.
    pub async fn sort_numbers(&self) -> store::Result<()> {
        while message::run::gather(&self.store, &self.clock).await? {}
        Ok(())
    }
}

/// Removes batch after batch for as long as there may be more, at the pace of a [`RemovalThrottle`].
pub(super) async fn throttled<F>(batch: impl Fn() -> F) -> store::Result<()>
where
    F: Future<Output = store::Result<bool>>,
{
    let mut throttle = RemovalThrottle::default();
    while batch().await? {
        throttle.rest().await;
    }
    Ok(())
}

/// Rests at least so long between two batches.
const REST: Duration = Duration::from_millis(20);

/// Removes batch by batch, and rests after each for as long as it took: the store is for what is sent.
pub(super) struct RemovalThrottle(Instant);

impl Default for RemovalThrottle {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl RemovalThrottle {
    pub(super) async fn rest(&mut self) {
        tokio::time::sleep(self.0.elapsed().max(REST)).await;
        self.0 = Instant::now();
    }
}
