//! Messages that wait for an account which rests go on as soon as it is in use again.

use super::Dispatch;
use super::lane::Lane;
use crate::model::LaneKey;
use crate::store;
use crate::store::outbox::claim;

impl Dispatch {
    /// Remembers a lane that waits for its account.
    pub(super) fn park(&self, lane: &Lane) {
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
            // their account is in use: any that is will do to have them looked at again
            if let Some(handle) = self.parts.directory.current().handles().find(|handle| !handle.breaker.is_open()) {
                for lane in lanes {
                    handle.park(lane);
                }
            }
        }
        hastened
    }
}
