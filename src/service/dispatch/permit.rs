//! Permits to call a provider as soon as its message is stored: then one commit says both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::reconcile::policy;
use crate::service::account::{AccountCall, AccountHandle, RateLimiter, RateReservation};
use crate::service::directory::Directory;
use crate::store::account::UncertainPolicy;
use crate::store::message::Message;

/// A reservation at the rates of an account and a number, given back unless used, and one of the account's calls.
pub struct SendPermit {
    via: Arc<AccountHandle>,
    reservations: [RateReservation; 2],
    _call: AccountCall,
}

impl SendPermit {
    /// The handle to call now; the permit lasts as long as the call.
    pub(super) fn handle(&mut self) -> Arc<AccountHandle> {
        self.reservations.iter_mut().for_each(RateReservation::take);
        self.via.clone()
    }
}

/// Gives permits, until the node stops.
pub struct SendPermits {
    pub directory: Arc<Directory>,
    pub stop: CancellationToken,
}

impl SendPermits {
    /// A permit to send a message at once. `None`: it waits its turn, as every message does whose account
    /// fails what is in doubt, since after a crash this one would be.
    pub fn take(&self, message: &Message) -> Option<SendPermit> {
        let entries = self.directory.current();
        let (via, sender) = (entries.handle(message.account)?, entries.sender(&message.from)?);
        if self.stop.is_cancelled() || via.breaker.is_open() || policy(via) == UncertainPolicy::Fail {
            return None;
        }
        let is_code = message.content.secret.is_some();
        let call = via.calls.try_acquire(is_code)?;
        let segments = u32::try_from(message.segments).unwrap_or(1).max(1);
        let now = Instant::now();
        let reservation = |limiter: &Arc<RateLimiter>| limiter.reserve(segments, is_code, Duration::ZERO, now).ok();
        let reservations = [reservation(&sender.limiter)?, reservation(&via.limiter)?];
        Some(SendPermit { via: via.clone(), reservations, _call: call })
    }
}
