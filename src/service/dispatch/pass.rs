//! A message's turn: of its account's breaker, and at the rates of its account and its number; and who waits for one goes
//! on as soon as there is.

use std::time::{Duration, Instant};

use super::Dispatch;
use super::lane::OwnedLane;
use crate::model::LaneKey;
use crate::service::account::{AccountHandle, RateReservation};
use crate::store;
use crate::store::outbox::claim;

/// What a message has reserved of the rates of its number and of its account, given back unless used.
pub(super) struct MessageRateReservations {
    number: Option<RateReservation>,
    account: RateReservation,
}

impl MessageRateReservations {
    /// Waits for both: each in its own row, so that it holds nobody up in the other.
    async fn come(&mut self) {
        let Self { number, account } = self;
        let number = async {
            if let Some(number) = number {
                number.come().await;
            }
        };
        tokio::join!(number, account.come());
    }

    /// The provider is about to be called.
    pub(super) fn take(mut self) {
        self.number.iter_mut().for_each(RateReservation::take);
        self.account.take();
    }
}

impl Dispatch {
    /// Waits for the breaker and for the rates of account and number. `Err`: too long to wait here.
    pub(super) async fn pass(
        &self,
        lane: &OwnedLane,
        via: &AccountHandle,
    ) -> Result<MessageRateReservations, Duration> {
        let most = lane.lease_ends.saturating_duration_since(tokio::time::Instant::now()) / 2;
        let now = Instant::now();
        let segments = u32::try_from(lane.message.segments).unwrap_or(1).max(1);
        let entries = self.parts.directory.current();
        let number = entries.sender(&lane.message.from).map(|sender| &sender.limiter);
        // whoever cannot go reserves nothing that others could use: each is given back where the next is refused
        let is_code = lane.message.content.secret.is_some();
        let number = number.map(|limiter| limiter.reserve(segments, is_code, most, now)).transpose()?;
        let account = via.limiter.reserve(segments, is_code, most, now)?;
        via.breaker.permit(now, lane.progress.tries)?;
        let mut reservations = MessageRateReservations { number, account };
        tokio::select! {
            () = reservations.come() => Ok(reservations),
            () = self.parts.stop.cancelled() => Err(Duration::ZERO),
        }
    }

    /// Remembers a lane that was let go for so long since there was none to reserve.
    pub(super) fn queue(&self, lane: &OwnedLane, via: &AccountHandle, wait: Duration) {
        let now = Instant::now();
        let until = now + wait;
        if let Some(sender) = self.parts.directory.current().sender(&lane.message.from) {
            sender.limiter.park(lane.head.lane, until, now);
        }
        via.limiter.park(lane.head.lane, until, now);
    }

    /// Gives the reservations of a message back that does not go: it was canceled meanwhile. Those behind it move up,
    /// and of those who found none some try again.
    pub(super) async fn give_back(&self, reservations: MessageRateReservations) {
        let MessageRateReservations { number, account } = reservations;
        let mut lanes = account.give_back();
        lanes.extend(number.map(RateReservation::give_back).unwrap_or_default());
        if lanes.is_empty() {
            return;
        }
        if let Err(error) = claim::hasten(&self.parts.store, &lanes, self.parts.clock.now_ms()).await {
            // they try again by themselves
            tracing::debug!(%error, "could not hasten lanes");
        }
    }

    /// Remembers a lane that waits for its account.
    pub(super) fn park(&self, lane: &OwnedLane) {
        // as the account is by now: it may have new credentials
        if let Some(handle) = self.parts.directory.current().handle(lane.message.account) {
            handle.park(lane.head.lane);
        }
    }

    /// Lets those go on that waited for accounts which are in use again.
    pub(super) async fn hasten(&self) -> store::Result<()> {
        let lanes: Vec<LaneKey> = self.parts.directory.current().handles().flat_map(|handle| handle.unpark()).collect();
        if lanes.is_empty() {
            return Ok(());
        }
        let hastened = claim::hasten(&self.parts.store, &lanes, self.parts.clock.now_ms()).await;
        if hastened.is_err() {
            // their own account is in use again; park them with any account that is, so that they are looked at once
            // more
            if let Some(handle) = self.parts.directory.current().handles().find(|handle| !handle.breaker.is_open()) {
                for lane in lanes {
                    handle.park(lane);
                }
            }
        }
        hastened
    }
}
