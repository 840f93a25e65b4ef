//! What other nodes did, found in the store: the way around a signal that was lost.

use super::{Result, Sockets};
use crate::model::{Millis, Span};
use crate::signal::{Signal, SyncEvent};
use crate::store::device;
use crate::store::sync::{State, changed_since};

/// How far nodes' clocks may stand apart, and how long a commit may take to be seen.
const OVERLAP: Span = Span::from_millis(10_000);

impl Sockets {
    /// Tells this node's sockets what has changed since `since_ms`, by any node; returns
    /// where to go on from. A socket that knows already does nothing.
    pub async fn look_around(&self, since_ms: Millis) -> Result<Millis> {
        let now_ms = self.clock.now_ms();
        if self.open_sockets.is_empty() {
            return Ok(now_ms);
        }
        let since_ms = since_ms - OVERLAP.as_ms();
        for changed in changed_since(&self.store, since_ms).await? {
            let event = match changed.state {
                State::Redeemed => SyncEvent::Acknowledged(changed.sid),
                State::Offered => SyncEvent::Paused(changed.sid),
                State::Failed | State::Ended => SyncEvent::Resumed(changed.sid),
                State::Open => continue,
            };
            self.open_sockets.deliver_found(&Signal { user: changed.user, event, at_ms: changed.changed_ms });
        }
        for (user, at_ms) in device::revoked_since(&self.store, since_ms).await? {
            self.open_sockets.deliver_found(&Signal { user, event: SyncEvent::Revoked, at_ms });
        }
        Ok(now_ms)
    }
}
