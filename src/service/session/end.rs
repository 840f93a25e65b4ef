//! The end of a session: by whoever made it, or by time. Its numbers are free with the commit that ends it; its people
//! are told behind it, and again by a worker where a crash was in between.

use futures_util::future::join_all;

use super::{Session, SessionWithParticipants, Sessions};
use crate::model::event::EventType;
use crate::model::{ClientId, Millis, SessionId, SessionState};
use crate::service::audit::AuditContext;
use crate::service::race::{settled, won};
use crate::service::{Error, Result};
use crate::store::session::{self, SessionEnd, interaction};
use crate::store::{self, AuditTrail, Change};

/// Sessions that are looked for at once.
const BATCH: usize = 64;

/// For so long whoever has ended a session may take to tell its people; then others do.
const TELLING_MS: Millis = 30_000;

/// Why a session ended that nobody has closed.
const EXPIRED: &str = "expired";

/// The same of one that its client has deleted: at a door where that makes it go, it is shown no more.
pub const DELETED: &str = "deleted";

/// A session before and after its end.
struct EndedSession {
    before: SessionWithParticipants,
    after: SessionWithParticipants,
    end: SessionEnd,
}

impl EndedSession {
    fn of(before: SessionWithParticipants, state: SessionState, reason: Option<&'static str>, at_ms: Millis) -> Self {
        // whoever has left in this very millisecond was not in it to the end
        let at_ms = if before.participants.iter().any(|one| one.left_ms == Some(at_ms)) { at_ms + 1 } else { at_ms };
        let is_told = before.session.settings.end_text.is_some() && before.session.mode.has_texts();
        let tell_ms = is_told.then_some(at_ms + TELLING_MS);
        let end = SessionEnd { state, reason, at_ms, tell_ms, is_expiry: reason == Some(EXPIRED) };
        let mut participants = before.participants.clone();
        for one in &mut participants {
            one.left_ms = one.left_ms.or(Some(at_ms));
        }
        let after = SessionWithParticipants { session: end.of(&before.session), participants };
        Self { before, after, end }
    }

    fn kind(&self) -> EventType {
        if self.end.state == SessionState::Failed { EventType::SessionFailed } else { EventType::SessionClosed }
    }
}

impl Sessions {
    /// Ends a session; one that is over stays as it is.
    pub async fn close(
        &self,
        client: ClientId,
        id: SessionId,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<SessionWithParticipants> {
        self.end(client, id, (SessionState::Closed, None), audit).await
    }

    /// Ends a session, if it is not over, and says of it that it was deleted.
    pub async fn delete(
        &self,
        client: ClientId,
        id: SessionId,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<()> {
        let ended = self.end(client, id, (SessionState::Closed, Some(DELETED)), audit).await?;
        if ended.session.reason.as_deref() == Some(DELETED) {
            return Ok(());
        }
        settled("this session", || async {
            let before = self.find(client, id).await?;
            let now_ms = self.parts.clock.now_ms();
            let reason = Some(DELETED.to_owned());
            let sequence = before.session.sequence + 1;
            let session = Session { reason, sequence, changed_ms: now_ms, ..before.session.clone() };
            let after = SessionWithParticipants { session, participants: before.participants.clone() };
            let entry = audit.entry(now_ms, id, Some(&before), Some(&after));
            let change = session::give_reason(&before.session, DELETED, now_ms);
            Ok(self.parts.store.commit(change.audited(entry)).await?)
        })
        .await
    }

    /// Ends a session that cannot go on; `reason` is told.
    pub async fn fail(&self, client: ClientId, id: SessionId, reason: &'static str) -> Result<SessionWithParticipants> {
        self.end(client, id, (SessionState::Failed, Some(reason)), &AuditContext::unwritten()).await
    }

    async fn end(
        &self,
        client: ClientId,
        id: SessionId,
        (state, reason): (SessionState, Option<&'static str>),
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<SessionWithParticipants> {
        let (ended, is_new) = settled("this session", || async {
            let before = self.find(client, id).await?;
            if before.session.state.is_over() {
                return Ok((before, false));
            }
            let ended = EndedSession::of(before, state, reason, self.parts.clock.now_ms());
            let entry = audit.entry(ended.end.at_ms, id, Some(&ended.before), Some(&ended.after));
            self.write_ends(std::slice::from_ref(&ended), entry).await?;
            Ok((ended.after, true))
        })
        .await?;
        if is_new {
            self.tell(&ended, false).await;
        }
        Ok(ended)
    }

    /// Ends all sessions whose time is over.
    pub async fn expire(&self) -> Result<()> {
        loop {
            let now_ms = self.parts.clock.now_ms();
            let due = session::expired(&self.parts.store, now_ms, BATCH).await?;
            let is_last = due.len() < BATCH;
            let expired = |one| EndedSession::of(one, SessionState::Closed, Some(EXPIRED), now_ms);
            let due: Vec<_> = due.into_iter().map(expired).collect();
            let mut ended = due.iter().collect::<Vec<_>>();
            if !due.is_empty() && won(self.write_ends(&due, None).await)?.is_none() {
                // somebody else is at some of them: each for itself
                ended.clear();
                for one in &due {
                    if won(self.write_ends(std::slice::from_ref(one), None).await)?.is_some() {
                        ended.push(one);
                    }
                }
            }
            let is_stuck = ended.is_empty();
            // side by side: they share commits
            join_all(ended.into_iter().map(|one| self.tell(&one.after, false))).await;
            if is_last || is_stuck {
                return Ok(());
            }
        }
    }

    /// Tells the people of those sessions that are over, and that nobody has told.
    pub async fn tell_ended(&self) -> Result<()> {
        let now_ms = self.parts.clock.now_ms();
        for one in session::untold(&self.parts.store, now_ms, BATCH).await? {
            let until_ms = Some(now_ms + TELLING_MS);
            let mine = session::defer(one.session.id, one.session.tell_ms, until_ms);
            if won(self.parts.store.commit(mine).await)?.is_some() {
                let session = Session { tell_ms: until_ms, ..one.session };
                self.tell(&SessionWithParticipants { session, ..one }, true).await;
            }
        }
        Ok(())
    }

    /// What fails here is made up for by [`Sessions::tell_ended`]. `is_again`: another may have told them.
    async fn tell(&self, ended: &SessionWithParticipants, is_again: bool) {
        let Session { id, tell_ms: Some(tell_ms), .. } = ended.session else { return };
        let told = async {
            let said = self.end_texts(ended, is_again).await?;
            let done = session::defer(id, Some(tell_ms), None);
            won(self.parts.store.commit(interaction::insert(done, &said)).await)?;
            Ok::<(), Error>(())
        };
        if let Err(error) = told.await {
            tracing::warn!(%error, session = %id, "the people of a session are not told yet that it has ended");
        }
    }

    /// Writes the ends of sessions, all or none.
    async fn write_ends(&self, ended: &[EndedSession], entry: AuditTrail) -> store::Result<()> {
        let mut events = self.parts.events.batch();
        let mut change = Change::new();
        for one in ended {
            change = session::close(change, &one.before, &one.end, |person| self.memory(person));
            events.session(&one.after, one.kind(), None, one.end.at_ms);
        }
        self.parts.store.commit(events.write(change).audited(entry)).await?;
        events.committed();
        Ok(())
    }
}
