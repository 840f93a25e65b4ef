//! Sessions of older systems, taken over as they stand: their people know that they have begun, and are told nothing.

use std::collections::HashSet;

use super::{SessionOrder, SessionResult, SessionWithParticipants, Sessions};
use crate::model::{DurationSetting, Millis, ParticipantId, SessionId, SessionState};
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::race::settled;
use crate::service::{Error, Result};
use crate::store::session::{self, NewParticipant, Session};

/// What was before, of a session that goes on here.
#[derive(Clone, Debug)]
pub struct ImportedSession {
    /// Whoever knows it by this id goes on using it.
    pub id: SessionId,
    /// Those of its people, in their order; who has none here gets a new one.
    pub participants: Vec<ParticipantId>,
    pub created_ms: Millis,
    /// When something was said last.
    pub last_ms: Option<Millis>,
}

impl ImportedSession {
    /// One whose time is over is not taken.
    fn check(&self, order: &SessionOrder, now_ms: Millis) -> Result<()> {
        let silent_ms = order.ttl.map(|ttl| self.last_ms.unwrap_or(self.created_ms).saturating_add(ttl.as_ms()));
        if [silent_ms, order.ends_ms].into_iter().flatten().any(|ends_ms| ends_ms <= now_ms) {
            return Err(Error::invalid("ends_at", "lies in the past: the session is over"));
        }
        if self.participants.len() > order.participants.len() {
            return Err(Error::invalid("participant_ids", "must be as many as there are participants, at most"));
        }
        let mut known = HashSet::new();
        if !self.participants.iter().all(|id| known.insert(*id)) {
            return Err(Error::invalid("participant_ids", "must each be another"));
        }
        Ok(())
    }

    /// The session as it goes on. Nothing of its time comes from the pool: that is for sessions that begin here.
    pub(super) fn carry_on(&self, order: &SessionOrder, session: &mut Session, people: &mut [NewParticipant]) {
        session.id = self.id;
        session.created_ms = self.created_ms;
        session.last_ms = self.last_ms;
        if self.last_ms.is_some() {
            session.state = SessionState::InProgress;
        }
        session.ttl_ms = order.ttl.map(DurationSetting::as_ms);
        session.expires_ms = session.end();
        for one in people.iter_mut() {
            one.participant.session = self.id;
        }
        for (one, id) in people.iter_mut().zip(&self.participants) {
            one.participant.id = *id;
        }
    }
}

impl Sessions {
    /// Takes a session over; whether it is new here. One that was taken over before is as it is by now, over or not.
    pub async fn import(
        &self,
        consumer: &ApiConsumer,
        mut order: SessionOrder,
        past: ImportedSession,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<(SessionWithParticipants, bool)> {
        let find = || session::find(&self.parts.store, consumer.client, past.id);
        if let Some(known) = find().await? {
            return Ok((known, false));
        }
        // its number may have come into the pool just now, by another node
        self.parts.directory.refresh().await?;
        // none is never
        order.ttl = order.ttl.filter(|ttl| ttl.as_ms() > 0);
        self.check(consumer, &mut order)?;
        past.check(&order, self.parts.clock.now_ms())?;
        let unanswered = |_: &SessionWithParticipants| String::new();
        let attempt = || async {
            self.must_be_new(&past).await?;
            self.attempt(consumer, &order, None, &unanswered, Some(&past), audit).await
        };
        match settled("these numbers", attempt).await {
            Ok(SessionResult::Made(made)) => Ok((*made, true)),
            // what has no name does not come again
            Ok(SessionResult::Again(_)) => Err(Error::key_reused()),
            // somebody else may take it over at the same time
            Err(error) => find().await?.map(|known| (known, false)).ok_or(error),
        }
    }

    /// Its ids are nobody else's, whichever client's.
    async fn must_be_new(&self, past: &ImportedSession) -> Result<()> {
        let store = &self.parts.store;
        if session::client_of(store, past.id).await?.is_some() {
            return Err(Error::conflict("a session has this id already").about("id"));
        }
        if session::is_any_participant(store, &past.participants).await? {
            return Err(Error::conflict("somebody in another session has one of these ids").about("participant_ids"));
        }
        Ok(())
    }
}
