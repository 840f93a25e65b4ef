//! Spares a provider that is down, or that refuses the account: after failures in a row, or one such refusal, nothing
//! is sent for a while, then one message tries it out. Refused again, that takes twice as long.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::model::lock::lock;

/// Of how many parts of a rest those have to wait longer that were tried, one for each try.
const TURNS: u32 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BreakerState {
    /// Messages are sent; so many calls in a row have failed.
    Closed { failures: u32 },
    /// Nothing is sent until then.
    Open { until: Instant, rest: Duration },
    /// One message is on its way to try it out; who asks meanwhile waits so long.
    Trying { until: Instant, rest: Duration },
}

/// How a call ended, for the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerRequestOutcome {
    /// The carrier took the message, or refused that one.
    Well,
    /// Nobody answered, or nothing that helps.
    Failed,
    /// The carrier refuses the account.
    Denied,
}

/// What a call has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerChange {
    Opened,
    /// It is still refused.
    Denied,
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct BreakerInner {
    state: BreakerState,
    /// It rests since the carrier refuses the account.
    is_denied: bool,
}

#[derive(Debug)]
pub struct Breaker {
    failures: u32,
    rest: Duration,
    /// A rest gets no longer.
    most: Duration,
    inside: Mutex<BreakerInner>,
}

impl Breaker {
    /// Opens after so many failures in a row, for so long; refused again and again, for `most` at most.
    pub fn new(failures: u32, rest: Duration, most: Duration) -> Self {
        let inside = BreakerInner { state: BreakerState::Closed { failures: 0 }, is_denied: false };
        Self { failures, rest, most: most.max(rest), inside: Mutex::new(inside) }
    }

    /// How much longer a message has to wait that was tried so often: each time another one tries a refused account out.
    fn turn(&self, inside: BreakerInner, tries: i64) -> Duration {
        let tries = u32::try_from(tries).unwrap_or(TURNS).min(TURNS);
        if inside.is_denied { self.rest / TURNS * tries } else { Duration::ZERO }
    }

    /// Whether a message that was tried so often may be sent now. `Err`: how long to wait.
    pub fn permit(&self, now: Instant, tries: i64) -> Result<(), Duration> {
        let mut inside = lock(&self.inside);
        match inside.state {
            BreakerState::Closed { .. } => Ok(()),
            // whoever tried it out has vanished, or nobody has: the next one tries
            BreakerState::Open { until, rest } | BreakerState::Trying { until, rest } => {
                let until = until + self.turn(*inside, tries);
                if now < until {
                    return Err(until - now);
                }
                inside.state = BreakerState::Trying { until: now + rest, rest };
                Ok(())
            }
        }
    }

    /// How long a message that was refused with its account waits; the account may be awake again by now.
    pub fn wait(&self, now: Instant, tries: i64) -> Duration {
        let inside = *lock(&self.inside);
        match inside.state {
            BreakerState::Closed { .. } => Duration::ZERO,
            BreakerState::Open { until, .. } | BreakerState::Trying { until, .. } => {
                (until + self.turn(inside, tries)).saturating_duration_since(now)
            }
        }
    }

    /// Takes down how a call ended. A breaker that is tried out and fails stays open.
    pub fn record(&self, ended: BreakerRequestOutcome, now: Instant) -> Option<BreakerChange> {
        let mut inside = lock(&self.inside);
        let open = |rest| BreakerState::Open { until: now + rest, rest };
        match (ended, inside.state) {
            // a call that was under way when the account was refused
            (BreakerRequestOutcome::Well, BreakerState::Open { .. }) if inside.is_denied => None,
            (BreakerRequestOutcome::Well, state) => {
                *inside = BreakerInner { state: BreakerState::Closed { failures: 0 }, is_denied: false };
                (!matches!(state, BreakerState::Closed { .. })).then_some(BreakerChange::Closed)
            }
            (BreakerRequestOutcome::Failed, BreakerState::Closed { failures }) if failures + 1 < self.failures => {
                inside.state = BreakerState::Closed { failures: failures + 1 };
                None
            }
            (BreakerRequestOutcome::Failed, BreakerState::Closed { .. }) => {
                inside.state = open(self.rest);
                Some(BreakerChange::Opened)
            }
            (BreakerRequestOutcome::Failed, BreakerState::Trying { rest, .. }) => {
                inside.state = open(rest);
                None
            }
            (BreakerRequestOutcome::Failed, BreakerState::Open { .. }) => None,
            (BreakerRequestOutcome::Denied, state) => {
                match state {
                    BreakerState::Trying { rest, .. } if inside.is_denied => {
                        inside.state = open((rest * 2).min(self.most));
                    }
                    BreakerState::Open { .. } if inside.is_denied => {}
                    _ => inside.state = open(self.rest),
                }
                let was_denied = std::mem::replace(&mut inside.is_denied, true);
                Some(if was_denied { BreakerChange::Denied } else { BreakerChange::Opened })
            }
        }
    }

    /// It is known from elsewhere that the carrier refuses the account: tried out after so long.
    pub fn deny(&self, now: Instant, wait: Duration) {
        let mut inside = lock(&self.inside);
        if !inside.is_denied {
            *inside =
                BreakerInner { state: BreakerState::Open { until: now + wait, rest: self.rest }, is_denied: true };
        }
    }

    /// It is known from elsewhere that the account is good.
    pub fn wake(&self) {
        *lock(&self.inside) = BreakerInner { state: BreakerState::Closed { failures: 0 }, is_denied: false };
    }

    pub fn is_open(&self) -> bool {
        !matches!(lock(&self.inside).state, BreakerState::Closed { .. })
    }

    pub fn is_denied(&self) -> bool {
        lock(&self.inside).is_denied
    }
}

#[cfg(test)]
#[path = "breaker_test.rs"]
mod tests;
