//! A message's turn: of its account's breaker, and in the pace of its account and its number.

use std::time::{Duration, Instant};

use super::Dispatch;
use super::lane::Lane;
use crate::service::account::{AccountHandle, Place};
use crate::store::outbox::claim;

/// A message's places in the pace of its number and of its account, given back unless used.
pub(super) struct Places {
    number: Option<Place>,
    account: Place,
}

impl Places {
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
        self.number.iter_mut().for_each(Place::take);
        self.account.take();
    }
}

impl Dispatch {
    /// Waits for the breaker and for a place in the pace of account and number. `Err`: too long to wait here.
    pub(super) async fn pass(&self, lane: &Lane, via: &AccountHandle) -> Result<Places, Duration> {
        let most = lane.lease_ends.saturating_duration_since(tokio::time::Instant::now()) / 2;
        let now = Instant::now();
        let segments = u32::try_from(lane.message.segments).unwrap_or(1).max(1);
        let entries = self.parts.directory.current();
        let number = entries.sender(&lane.message.from).map(|sender| &sender.pace);
        // whoever cannot go takes no place from those who can: each is given back where the next is refused
        let number = number.map(|pace| pace.reserve(segments, most, now)).transpose()?;
        let account = via.pace.reserve(segments, most, now)?;
        via.breaker.permit(now, lane.progress.tries)?;
        let mut places = Places { number, account };
        tokio::select! {
            () = places.come() => Ok(places),
            () = self.parts.stop.cancelled() => Err(Duration::ZERO),
        }
    }

    /// Remembers a lane that was let go for so long since there was no place for it.
    pub(super) fn queue(&self, lane: &Lane, via: &AccountHandle, wait: Duration) {
        let now = Instant::now();
        let until = now + wait;
        if let Some(sender) = self.parts.directory.current().sender(&lane.message.from) {
            sender.pace.park(&lane.head.lane, until, now);
        }
        via.pace.park(&lane.head.lane, until, now);
    }

    /// Gives the places of a message back that does not go: it was canceled meanwhile. Those behind it move up,
    /// and of those who found none some try again.
    pub(super) async fn give_back(&self, places: Places) {
        let Places { number, account } = places;
        let mut lanes = account.give_back();
        lanes.extend(number.map(Place::give_back).unwrap_or_default());
        if lanes.is_empty() {
            return;
        }
        if let Err(error) = claim::hasten(&self.parts.store, &lanes, self.parts.clock.now_ms()).await {
            // they try again by themselves
            tracing::debug!(%error, "could not hasten lanes");
        }
    }
}
