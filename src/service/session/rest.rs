//! Sessions in which nobody has said anything for so long that they rest: they keep their numbers, and whatever is said
//! takes them up again.

use super::{Session, Sessions};
use crate::model::SessionState;
use crate::model::event::EventType;
use crate::service::Result;
use crate::service::race::won;
use crate::store::session;

/// Sessions that are looked for at once.
const BATCH: usize = 64;

impl Sessions {
    /// Lets those rest whose time has come.
    pub async fn rest(&self) -> Result<()> {
        loop {
            let now_ms = self.parts.clock.now_ms();
            let due = session::silent(&self.parts.store, now_ms, BATCH).await?;
            let (is_last, mut is_stuck) = (due.len() < BATCH, true);
            for before in due {
                let mut after = before.clone();
                after.session = Session {
                    state: SessionState::Inactive,
                    sequence: before.session.sequence + 1,
                    changed_ms: now_ms,
                    ..after.session
                };
                let mut events = self.parts.events.batch();
                events.session(&after, EventType::SessionInactive, None, now_ms);
                let written = events.write(session::update(&before.session, &after.session));
                // whoever says something at this moment is first, and it does not rest
                if won(self.parts.store.commit(written).await)?.is_some() {
                    events.committed();
                    is_stuck = false;
                }
            }
            if is_last || is_stuck {
                return Ok(());
            }
        }
    }
}
