//! Sessions in which nobody has said anything for so long that they rest: they keep their numbers, and whatever is said
//! takes them up again.

use super::{Session, SessionWithParticipants, Sessions};
use crate::model::event::EventType;
use crate::model::{Millis, SessionState};
use crate::service::Result;
use crate::service::race::won;
use crate::store::{self, Change, session};

/// Sessions that are looked for at once.
const BATCH: usize = 64;

impl Sessions {
    /// Lets those rest whose time has come.
    pub async fn rest(&self) -> Result<()> {
        loop {
            let now_ms = self.parts.clock.now_ms();
            let due = session::silent(&self.parts.store, now_ms, BATCH).await?;
            let mut is_stuck = false;
            if !due.is_empty() && won(self.write_rests(&due, now_ms).await)?.is_none() {
                // somebody speaks in some of them, which do not rest: each for itself
                is_stuck = true;
                for one in &due {
                    is_stuck &= won(self.write_rests(std::slice::from_ref(one), now_ms).await)?.is_none();
                }
            }
            if due.len() < BATCH || is_stuck {
                return Ok(());
            }
        }
    }

    /// Writes that sessions rest, all or none.
    async fn write_rests(&self, due: &[SessionWithParticipants], now_ms: Millis) -> store::Result<()> {
        let (mut events, mut change) = (self.parts.events.batch(), Change::new());
        for before in due {
            let session = Session {
                state: SessionState::Inactive,
                sequence: before.session.sequence + 1,
                changed_ms: now_ms,
                ..before.session.clone()
            };
            change = session::update(change, &before.session, &session);
            let after = SessionWithParticipants { session, participants: before.participants.clone() };
            events.session(&after, EventType::SessionInactive, None, now_ms);
        }
        self.parts.store.commit(events.write(change)).await?;
        events.committed();
        Ok(())
    }
}
