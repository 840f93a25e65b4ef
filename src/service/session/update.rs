//! What is changed of a session, and opening one again that was over.

use serde_json::{Map, Value as Json};

use super::create::name_taken;
use super::{Participant, Session, SessionWithParticipants, Sessions, limit};
use crate::model::event::EventType;
use crate::model::{ClientId, DurationSetting, Millis, NumberId, SessionId, SessionLabels, SessionState};
use crate::service::audit::AuditContext;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result};
use crate::store::Change;
use crate::store::session::{self, NewParticipant, PoolTerms, StickyMark};

/// Where a session is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionMove {
    /// It goes on; one that was over is opened again.
    Resume,
    /// It goes on where it rests; one that is over stays so.
    Wake,
    /// It rests: it keeps its numbers until a text takes it up again.
    Pause,
    Close,
}

/// What may be changed; a field within a field: `None` takes it away.
#[derive(Clone, Debug, Default)]
pub struct SessionChange {
    pub name: Option<Option<String>>,
    pub metadata: Option<Option<Map<String, Json>>>,
    pub ttl: Option<Option<DurationSetting>>,
    pub ends_ms: Option<Option<Millis>>,
    pub intercept_url: Option<Option<String>>,
    /// It rests so long after what was said last.
    pub rest_after: Option<Option<DurationSetting>>,
    pub labels: Option<SessionLabels>,
    pub state: Option<SessionMove>,
}

fn over() -> Error {
    Error::conflict("the session is over: open it again first").about("state")
}

impl SessionChange {
    /// Whether it says anything but where the session is to go.
    fn is_of_fields(&self) -> bool {
        self.name.is_some()
            || self.metadata.is_some()
            || self.ttl.is_some()
            || self.ends_ms.is_some()
            || self.intercept_url.is_some()
            || self.rest_after.is_some()
            || self.labels.is_some()
    }

    fn check(&self, now_ms: Millis) -> Result<()> {
        limit::name(self.name.as_ref().and_then(Option::as_deref))?;
        limit::metadata(self.metadata.as_ref().and_then(Option::as_ref))?;
        limit::rest(self.rest_after.flatten().map(DurationSetting::as_ms))?;
        limit::end(self.ttl.flatten(), self.ends_ms.flatten(), now_ms)
    }

    /// The session as it then is.
    fn apply(&self, before: &Session, now_ms: Millis) -> Session {
        let mut after = Session { sequence: before.sequence + 1, changed_ms: now_ms, ..before.clone() };
        after.name = self.name.clone().unwrap_or(after.name);
        after.metadata = self.metadata.clone().unwrap_or(after.metadata);
        after.ttl_ms = self.ttl.map_or(after.ttl_ms, |ttl| ttl.map(DurationSetting::as_ms));
        after.ends_ms = self.ends_ms.unwrap_or(after.ends_ms);
        after.settings.intercept_url = self.intercept_url.clone().unwrap_or(after.settings.intercept_url);
        let rest_after_ms = self.rest_after.map(|rest| rest.map(DurationSetting::as_ms));
        after.settings.rest_after_ms = rest_after_ms.unwrap_or(after.settings.rest_after_ms);
        after.settings.labels = self.labels.unwrap_or(after.settings.labels);
        match self.state {
            Some(SessionMove::Pause) => after.state = SessionState::Inactive,
            Some(SessionMove::Resume | SessionMove::Wake) if after.state == SessionState::Inactive => {
                after.state = SessionState::InProgress;
            }
            _ => {}
        }
        after.expires_ms = after.end();
        after
    }
}

impl Sessions {
    /// The session as it now is.
    pub async fn change(
        &self,
        client: ClientId,
        id: SessionId,
        mut change: SessionChange,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<SessionWithParticipants> {
        change.check(self.parts.clock.now_ms())?;
        self.check_hook(change.intercept_url.as_mut().and_then(Option::as_mut))?;
        let before = self.find(client, id).await?;
        if before.session.state.is_over() {
            return match change.state {
                Some(SessionMove::Close) if !change.is_of_fields() => Ok(before),
                Some(SessionMove::Resume) => {
                    let opened = self.reopen(client, id, audit).await?;
                    if change.is_of_fields() { self.rewrite(client, id, &change, audit).await } else { Ok(opened) }
                }
                _ => Err(over()),
            };
        }
        let changed = if change.is_of_fields() || change.state.is_some_and(|to| to != SessionMove::Close) {
            self.rewrite(client, id, &change, audit).await?
        } else {
            before
        };
        if change.state == Some(SessionMove::Close) { self.close(client, id, audit).await } else { Ok(changed) }
    }

    async fn rewrite(
        &self,
        client: ClientId,
        id: SessionId,
        change: &SessionChange,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<SessionWithParticipants> {
        settled("this session", || async {
            let before = self.find(client, id).await?;
            if before.session.state.is_over() {
                return Err(over());
            }
            let now_ms = self.parts.clock.now_ms();
            let session = change.apply(&before.session, now_ms);
            let after = SessionWithParticipants { session, participants: before.participants.clone() };
            let entry = audit.entry(now_ms, id, Some(&before), Some(&after));
            let mut events = self.parts.events.batch();
            match (before.session.state, after.session.state) {
                (was, SessionState::Inactive) if was != SessionState::Inactive => {
                    events.session(&after, EventType::SessionInactive, None, now_ms);
                }
                (SessionState::Inactive, SessionState::InProgress) => {
                    events.session(&after, EventType::SessionInProgress, None, now_ms);
                }
                _ => {}
            }
            let written = events.write(session::update(Change::new(), &before.session, &after.session)).audited(entry);
            self.parts.store.commit(written).await?;
            events.committed();
            Ok(after)
        })
        .await
    }

    /// Opens a session again, for those who were in it to the end, each with the number that they had.
    async fn reopen(
        &self,
        client: ClientId,
        id: SessionId,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<SessionWithParticipants> {
        settled("this session", || async {
            let before = self.find(client, id).await?;
            if !before.session.state.is_over() {
                return Ok(before);
            }
            let now_ms = self.parts.clock.now_ms();
            let terms = self.terms(&before.session);
            self.must_be_named_alone(&before.session).await?;
            let claimed = self.claimable(&before, terms).await?;
            let (mut people, mut participants) = (Vec::new(), before.participants.clone());
            let present: Vec<_> = before.present().map(|one| one.id).collect();
            for one in &mut participants {
                if !present.contains(&one.id) {
                    continue;
                }
                one.left_ms = None;
                let memory = if terms.is_exclusive { None } else { Some(self.had(one, terms).await?) };
                people.push(NewParticipant { participant: one.clone(), memory });
            }
            let mut session = Session {
                state: SessionState::InProgress,
                reason: None,
                // an end that has passed would end it at once
                ends_ms: before.session.ends_ms.filter(|ends_ms| *ends_ms > now_ms),
                last_ms: Some(now_ms),
                tell_ms: None,
                sequence: before.session.sequence + 1,
                changed_ms: now_ms,
                closed_ms: None,
                ..before.session.clone()
            };
            session.expires_ms = session.end();
            let after = SessionWithParticipants { session, participants };
            let entry = audit.entry(now_ms, id, Some(&before), Some(&after));
            let mut events = self.parts.events.batch();
            events.session(&after, EventType::SessionInProgress, None, now_ms);
            let change = session::reopen(&before.session, &after.session, &people, terms, claimed);
            let written = self.parts.store.commit(events.write(change).audited(entry)).await;
            let taken =
                || Error::conflict("another open session has its unique_name, or one of its numbers").about("number");
            self.as_it_is(written).await.on_conflict(taken)?;
            events.committed();
            Ok(after)
        })
        .await
    }

    /// Refuses to open a session again whose unique name another has by now.
    async fn must_be_named_alone(&self, session: &Session) -> Result<()> {
        let Some(name) = session.unique_name.as_deref() else { return Ok(()) };
        let other = session::named(&self.parts.store, session.name_scope(), name).await?;
        if other.is_some_and(|other| other != session.id) { Err(name_taken()) } else { Ok(()) }
    }

    /// The pool of a session, as far as is known here.
    fn terms(&self, session: &Session) -> PoolTerms {
        let entries = self.parts.directory.current();
        let index = session.pool.and_then(|pool| entries.pool(pool));
        PoolTerms { id: session.pool, is_exclusive: index.is_some_and(|index| index.settings.is_exclusive) }
    }

    /// The number that a session needs for itself, where its pool gives each to one.
    async fn claimable(&self, before: &SessionWithParticipants, pool: PoolTerms) -> Result<Option<NumberId>> {
        let (Some(one), Some(id)) = (before.participants.first().filter(|_| pool.is_exclusive), pool.id) else {
            return Ok(None);
        };
        if before.participants.iter().any(|other| other.number_id != one.number_id) {
            // they were in it before the pool was as it is
            return Err(Error::conflict("its people have several numbers, and its pool gives one to all of a session"));
        }
        if session::is_free(&self.parts.store, id, one.number_id).await? {
            return Ok(Some(one.number_id));
        }
        Err(Error::conflict(format!("{} is in use by another session, or in its pool no more", one.number)))
    }

    /// What is remembered of somebody at the number that they had, where it is still there and free for them.
    async fn had(&self, one: &Participant, pool: PoolTerms) -> Result<StickyMark> {
        let entries = self.parts.directory.current();
        let known = entries.sender(&one.number).filter(|sender| sender.number.id == one.number_id);
        if known.is_none_or(|sender| pool.id.is_some() && sender.number.pool != pool.id) {
            let reason = format!("{} is not in the session's pool any more", one.number);
            return Err(Error::conflict(reason).about("number"));
        }
        let person = self.memory(&one.person);
        let known = session::remembered_at(&self.parts.store, &person, &[one.number_id]).await?;
        if known.iter().any(|known| known.ended_ms.is_none()) {
            let reason = format!("{} is in another open session on {}", one.address, one.number);
            return Err(Error::conflict(reason).about("number"));
        }
        Ok(StickyMark { person, is_known: !known.is_empty() })
    }
}
