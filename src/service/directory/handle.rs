//! An account in use: its connection to the provider, its limiter, its breaker.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::blame::{Blame, BlamedSend};
use super::breaker::{Breaker, BreakerChange, BreakerRequestOutcome};
use super::calls::AccountCalls;
use super::proof::ExtraWebhookToken;
use super::rate_limiter::RateLimiter;
use crate::model::LaneKey;
use crate::model::lock::lock;
use crate::provider::{Connector, SendOutcome};
use crate::store::account::{Account, RestReason};

/// Lanes that are remembered; what is beyond waits its time out.
const PARKED: usize = 10_000;

#[derive(Clone)]
pub struct AccountHandle {
    pub account: Account,
    pub connector: Connector,
    pub limiter: Arc<RateLimiter>,
    pub breaker: Arc<Breaker>,
    blame: Arc<Blame>,
    /// Calls at once.
    pub calls: AccountCalls,
    /// Lanes that wait for the account, and need not any more once it is in use again.
    parked: Arc<Mutex<HashSet<LaneKey>>>,
    /// By which its carrier's posts are believed too, for a while.
    pub proofs: Vec<ExtraWebhookToken>,
}

/// When an account rests, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct RestPeriod {
    /// Failures in a row that rest it.
    pub failures: u32,
    pub rest: Duration,
    /// A rest gets no longer.
    pub most: Duration,
}

impl AccountHandle {
    pub fn new(account: Account, connector: Connector, calls: usize, resting: RestPeriod) -> Self {
        let limiter = Arc::new(RateLimiter::new(account.rate));
        let breaker = Arc::new(Breaker::new(resting.failures, resting.rest, resting.most));
        if account.rest.is_some() {
            // nobody here knows since when: the next message tries
            breaker.deny(Instant::now(), Duration::ZERO);
        }
        let (calls, blame, parked) = (AccountCalls::new(calls), Arc::default(), Arc::default());
        Self { account, connector, limiter, breaker, blame, calls, parked, proofs: Vec::new() }
    }

    /// The handle of a changed row with the same credentials: it knows what this one does, and shares its calls.
    /// `None`: the credentials are new ones.
    pub fn changed(&self, account: &Account, resting: RestPeriod) -> Option<Self> {
        let ours = &self.account;
        if ours.credentials != account.credentials {
            return None;
        }
        let limiter = if ours.rate == account.rate {
            self.limiter.clone()
        } else {
            let limiter = RateLimiter::new(account.rate);
            limiter.take_over(&self.limiter);
            Arc::new(limiter)
        };
        // what another node has found out
        match (&ours.rest, &account.rest) {
            (known, Some(rest)) if known.as_ref() != Some(rest) => self.breaker.deny(Instant::now(), resting.rest),
            (Some(_), None) => self.wake(),
            _ => {}
        }
        Some(Self { account: account.clone(), limiter, proofs: Vec::new(), ..self.clone() })
    }

    /// The lanes that wait for the account wait for this one, which has its place.
    #[must_use]
    pub fn in_place_of(mut self, other: Option<&Self>) -> Self {
        if let Some(other) = other {
            self.parked = other.parked.clone();
        }
        self
    }

    /// What an answer means: whether the account is at fault, or the message.
    pub fn judge(&self, answer: SendOutcome, sent: BlamedSend<'_>) -> SendOutcome {
        self.blame.judge(answer, sent, self.breaker.is_denied())
    }

    /// Takes down how a call ended, and says so where the account rests from now on, or no longer.
    pub fn record(&self, ended: BreakerRequestOutcome, code: Option<i64>) -> Option<BreakerChange> {
        let (account, id) = (self.account.name.as_str(), self.account.id);
        let turn = self.breaker.record(ended, Instant::now());
        match turn {
            Some(BreakerChange::Opened) if ended == BreakerRequestOutcome::Denied => {
                tracing::warn!(account, %id, code, "an account rests: its carrier refuses it");
            }
            Some(BreakerChange::Opened) => {
                tracing::warn!(account, %id, code, "an account rests: its calls fail one after the other");
            }
            Some(BreakerChange::Closed) => tracing::info!(account, %id, "an account is used again"),
            Some(BreakerChange::Denied) | None => {}
        }
        turn
    }

    /// The account is known to be good.
    pub fn wake(&self) {
        self.blame.forget();
        self.breaker.wake();
    }

    /// Remembers a lane that waits for the account.
    pub fn park(&self, lane: LaneKey) {
        let mut parked = lock(&self.parked);
        if parked.len() < PARKED {
            parked.insert(lane);
        }
    }

    /// The lanes that need not wait any longer: the account is in use.
    pub fn unpark(&self) -> HashSet<LaneKey> {
        if self.breaker.is_open() {
            return HashSet::new();
        }
        std::mem::take(&mut *lock(&self.parked))
    }

    /// Why its carrier refuses it, where it does.
    pub fn rest(&self) -> Option<&RestReason> {
        self.account.rest.as_ref()
    }

    /// Whether this handle would serve a row as it is now.
    pub fn serves(&self, account: &Account) -> bool {
        let (ours, other) = (&self.account, account);
        let terms = |of: &Account| (of.rate, of.uncertain, of.replies_to_keywords, of.any_sender);
        let tokens = |of: &Account| of.tokens.iter().map(|token| (token.id, token.until_ms)).collect::<Vec<_>>();
        (&ours.credentials, &ours.name, &ours.rest) == (&other.credentials, &other.name, &other.rest)
            && terms(ours) == terms(other)
            && ours.whatsapp_templates == other.whatsapp_templates
            && tokens(ours) == tokens(other)
    }
}
