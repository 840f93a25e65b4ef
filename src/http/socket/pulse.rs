//! Whether the other end of a socket still lives: proxies cut what is silent, and the dead never say that they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::DurationSetting;

/// Sockets that are looked at together: thousands at the same moment would be a burst.
const GROUPS: usize = 25;

/// One timer for all sockets. Each is in a group, and each group has its turn once in every `sync.ping_every`: a turn
/// wakes thousands, so there are no more than pings.
pub struct SocketPulse {
    groups: [Notify; GROUPS],
    next: AtomicUsize,
    ping_every: Duration,
    silent_for: Duration,
}

impl SocketPulse {
    pub fn start(
        ping_every: DurationSetting,
        silent_for: DurationSetting,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Arc<Self> {
        let [ping_every, silent_for] = [ping_every, silent_for].map(DurationSetting::as_duration);
        let groups = std::array::from_fn(|_| Notify::new());
        let pulse = Arc::new(Self { groups, next: AtomicUsize::new(0), ping_every, silent_for });
        let (beating, stop) = (pulse.clone(), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = beating.beat() => {}
            }
        });
        pulse
    }

    async fn beat(&self) {
        let each = self.ping_every / u32::try_from(GROUPS).unwrap_or(u32::MAX);
        let mut timer = interval(each.max(Duration::from_millis(1)));
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for group in self.groups.iter().cycle() {
            timer.tick().await;
            group.notify_waiters();
        }
    }

    /// The life of a socket that opens now.
    pub(super) fn join(self: &Arc<Self>) -> SocketLiveness {
        let group = self.next.fetch_add(1, Ordering::Relaxed) % GROUPS;
        let now = Instant::now();
        SocketLiveness { pulse: self.clone(), group, heard: now, pinged: now }
    }
}

/// When a socket was last heard of, and last pinged.
pub(super) struct SocketLiveness {
    pulse: Arc<SocketPulse>,
    group: usize,
    heard: Instant,
    pinged: Instant,
}

/// What a turn comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PulseTurn {
    /// It has only just been pinged, or opened.
    Pass,
    Ping,
    /// Nothing has come for `sync.silent_for`, no answer to a ping either.
    Dead,
}

impl SocketLiveness {
    /// Waits for its group's turn. One that is missed is made up for at the next.
    pub(super) fn turn(&self) -> Notified<'_> {
        self.pulse.groups[self.group].notified()
    }

    /// Something has come from the other end.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    pub(super) fn look(&mut self, now: Instant) -> PulseTurn {
        // nobody is dead who was not asked
        if self.pinged > self.heard && now.duration_since(self.heard) >= self.pulse.silent_for {
            PulseTurn::Dead
        } else if now.duration_since(self.pinged) >= self.pulse.ping_every / 2 {
            self.pinged = now;
            PulseTurn::Ping
        } else {
            PulseTurn::Pass
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_turn_pings_and_silence_ends_it() {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let [ping_every, silent_for] = [25_000, 60_000].map(DurationSetting::from_millis);
        let mut life = SocketPulse::start(ping_every, silent_for, &tasks, &stop).join();
        let begun = life.heard;
        let after = |secs| begun + Duration::from_secs(secs);
        assert_eq!(
            [10, 35, 60].map(|secs| life.look(after(secs))),
            [PulseTurn::Pass, PulseTurn::Ping, PulseTurn::Dead]
        );
        let mut unasked = SocketPulse::start(ping_every, silent_for, &tasks, &stop).join();
        assert_eq!(unasked.look(unasked.heard + Duration::from_secs(70)), PulseTurn::Ping, "nobody has asked it");
        life.heard = after(50);
        assert_eq!(life.look(after(85)), PulseTurn::Ping, "the answer to a ping is life");
        assert_eq!(life.look(after(110)), PulseTurn::Dead);
        stop.cancel();
    }
}
