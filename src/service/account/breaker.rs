//! Spares a provider that is down: after failures in a row nothing is sent for a while, then one
//! message tries it out.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

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
    pub fn permit(&self) -> Result<(), Duration> {
        let now = Instant::now();
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

    pub fn record(&self, is_success: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = State::Open { until: Instant::now() + self.rest };
        *state = match *state {
            _ if is_success => State::Closed { failures: 0 },
            State::Closed { failures } if failures + 1 < self.failures => State::Closed { failures: failures + 1 },
            State::Closed { .. } | State::Trying { .. } => open,
            // a call that was under way when it opened
            State::Open { .. } => return,
        };
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

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_success_closes_it() {
        let breaker = Breaker::new(3, REST);
        breaker.record(false);
        breaker.record(false);
        breaker.record(true);
        breaker.record(false);
        breaker.record(false);
        assert_eq!(breaker.permit(), Ok(()));
        breaker.record(false);
        assert_eq!(breaker.permit(), Err(REST));
        tokio::time::advance(REST).await;
        assert_eq!(breaker.permit(), Ok(()), "one tries it out");
        assert_eq!(breaker.permit(), Err(REST), "and the others wait for it");
        breaker.record(false);
        assert_eq!(breaker.permit(), Err(REST));
        tokio::time::advance(REST).await;
        assert_eq!(breaker.permit(), Ok(()));
        breaker.record(true);
        assert_eq!(breaker.permit(), Ok(()));
        assert!(!breaker.is_open());
    }
}
