//! Spares a provider that is down: after failures in a row nothing is sent for a while, then one
//! message tries it out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One message is on its way to try it out; who asks meanwhile waits so long.
    Trying {
        until: Instant,
    },
}

/// What a call has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Opened,
    Closed,
}

#[derive(Debug)]
pub struct Breaker {
    failures: u32,
    rest: Duration,
    state: Mutex<State>,
}

impl Breaker {
    /// Opens after so many failures in a row, for so long.
    pub fn new(failures: u32, rest: Duration) -> Self {
        Self { failures, rest, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a call may be made now. `Err`: how long to wait.
    pub fn permit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until } | State::Trying { until } if now < until => Err(until - now),
            // whoever tried it out has vanished, or nobody has: the next one tries
            State::Open { .. } | State::Trying { .. } => {
                *state = State::Trying { until: now + self.rest };
                Ok(())
            }
        }
    }

    /// Takes down how a call ended. A breaker that is tried out and fails stays open.
    pub fn record(&self, is_success: bool, now: Instant) -> Option<Turn> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = State::Open { until: now + self.rest };
        let was_closed = matches!(*state, State::Closed { .. });
        *state = match *state {
            _ if is_success => State::Closed { failures: 0 },
            State::Closed { failures } if failures + 1 < self.failures => State::Closed { failures: failures + 1 },
            State::Closed { .. } | State::Trying { .. } => open,
            // a call that was under way when it opened
            State::Open { .. } => return None,
        };
        match (was_closed, matches!(*state, State::Closed { .. })) {
            (true, false) => Some(Turn::Opened),
            (false, true) => Some(Turn::Closed),
            _ => None,
        }
    }

    pub fn is_open(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(*state, State::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(30);

    #[test]
    fn failures_in_a_row_open_it_and_one_success_closes_it() {
        let (breaker, mut now) = (Breaker::new(3, REST), Instant::now());
        for is_success in [false, false, true, false, false] {
            assert_eq!(breaker.record(is_success, now), None);
        }
        assert_eq!(breaker.permit(now), Ok(()));
        assert_eq!(breaker.record(false, now), Some(Turn::Opened));
        assert_eq!(breaker.record(false, now), None, "a call that was under way");
        assert_eq!(breaker.permit(now), Err(REST));
        now += REST;
        assert_eq!(breaker.permit(now), Ok(()), "one tries it out");
        assert_eq!(breaker.permit(now), Err(REST), "and the others wait for it");
        assert_eq!(breaker.record(false, now), None, "it stays open");
        assert_eq!(breaker.permit(now), Err(REST));
        now += REST;
        assert_eq!(breaker.permit(now), Ok(()));
        assert_eq!(breaker.record(true, now), Some(Turn::Closed));
        assert_eq!(breaker.permit(now), Ok(()));
        assert!(!breaker.is_open());
    }
}
