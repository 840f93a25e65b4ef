//! An account in use: its connection to the provider, its pace, its breaker.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::breaker::{Breaker, Turn};
use super::pace::Pace;
use crate::provider::Connector;
use crate::store::account::Account;

pub struct Line {
    pub account: Account,
    pub connector: Connector,
    pub pace: Arc<Pace>,
    pub breaker: Arc<Breaker>,
    /// Calls at once.
    pub calls: Arc<Semaphore>,
}

impl Line {
    pub fn new(account: Account, connector: Connector, calls: usize, breaker: (u32, Duration)) -> Self {
        let pace = Arc::new(Pace::new(account.rate));
        let breaker = Arc::new(Breaker::new(breaker.0, breaker.1));
        Self { account, connector, pace, breaker, calls: Arc::new(Semaphore::new(calls)) }
    }

    /// The line of a changed row with the same credentials: it knows what this one does, and shares its calls.
    /// `None`: the credentials are new ones.
    pub fn changed(&self, account: &Account) -> Option<Self> {
        let (ours, calls) = (&self.account, self.calls.clone());
        if ours.credentials != account.credentials {
            return None;
        }
        let pace = if ours.rate == account.rate {
            self.pace.clone()
        } else {
            let pace = Pace::new(account.rate);
            pace.take_over(&self.pace);
            Arc::new(pace)
        };
        let (connector, breaker) = (self.connector.clone(), self.breaker.clone());
        Some(Self { account: account.clone(), connector, pace, breaker, calls })
    }

    /// Takes down how a call ended, and says so where the account rests from now on, or no longer.
    pub fn record(&self, is_success: bool) {
        let account = self.account.name.as_str();
        match self.breaker.record(is_success, std::time::Instant::now()) {
            Some(Turn::Opened) => {
                tracing::warn!(account, id = %self.account.id, "an account rests: its calls fail one after the other");
            }
            Some(Turn::Closed) => tracing::info!(account, id = %self.account.id, "an account is used again"),
            None => {}
        }
    }

    /// Whether this line would serve a row as it is now.
    pub fn serves(&self, account: &Account) -> bool {
        let (ours, other) = (&self.account, account);
        ours.credentials == other.credentials
            && ours.rate == other.rate
            && ours.uncertain == other.uncertain
            && ours.replies_to_keywords == other.replies_to_keywords
            && ours.any_sender == other.any_sender
            && ours.name == other.name
    }
}
