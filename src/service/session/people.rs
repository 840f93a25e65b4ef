//! Who comes into a session later, and who leaves it.

use super::create::{joining, may_pass};
use super::limit::MOST_PEOPLE;
use super::number::{ChosenNumber, SessionPool, short};
use super::place::PersonPlace;
use super::{NumberShortage, ParticipantOrder, SessionWithParticipants, Sessions};
use crate::model::event::EventType;
use crate::model::{ClientId, Millis, ParticipantId, SessionId};
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::race::settled;
use crate::service::{Error, Result};
use crate::store::session::intake::NewSession;
use crate::store::session::{self, Participant, PoolTerms, Session};

/// A session with one more event, as it is after a change of its people.
fn counted(before: &Session, now_ms: Millis) -> Session {
    Session { sequence: before.sequence + 1, changed_ms: now_ms, ..before.clone() }
}

/// The number that all in a session have.
fn shared_number(
    pool: &SessionPool<'_>,
    before: &SessionWithParticipants,
    order: &ParticipantOrder,
) -> Result<ChosenNumber> {
    let known = before.participants.first().and_then(|one| pool.entries.sender(&one.number));
    // while nobody is in it, its number may be taken out
    let known = known.filter(|sender| sender.number.pool == Some(pool.id));
    let sender = known.ok_or_else(|| Error::conflict("the number of the session is not in its pool any more"))?;
    let place = PersonPlace::of(order.address.as_str());
    match &order.number {
        Some(named) if named.as_str() != sender.number.address => {
            Err(Error::invalid("number", format!("must be {}, as of all in this session", sender.number.address)))
        }
        None if !place.may_have(&sender.number, pool.index.settings.bound) => {
            Err(short(order, NumberShortage::Country))
        }
        _ => Ok(ChosenNumber { sender: sender.clone(), memory: None, hold: None }),
    }
}

impl Sessions {
    /// The open session, as it is to be changed.
    async fn find_open(&self, client: ClientId, id: SessionId) -> Result<SessionWithParticipants> {
        let found = self.find(client, id).await?;
        if found.session.state.is_over() {
            return Err(Error::conflict("the session is over: open it again first").about("state"));
        }
        Ok(found)
    }

    /// Somebody comes into a session: it, and who they are in it.
    pub async fn add_participant(
        &self,
        consumer: &ApiConsumer,
        id: SessionId,
        order: ParticipantOrder,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<(SessionWithParticipants, Participant)> {
        self.add_participant_up_to(MOST_PEOPLE, consumer, id, order, audit).await
    }

    /// The same at a door whose sessions have so many people at most.
    pub async fn add_participant_up_to(
        &self,
        most: usize,
        consumer: &ApiConsumer,
        id: SessionId,
        order: ParticipantOrder,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<(SessionWithParticipants, Participant)> {
        self.check_person(&order, consumer)?;
        settled("this session", || async {
            let before = self.find_open(consumer.client, id).await?;
            let folded = order.address.folded();
            if before.present().any(|one| one.person == folded) {
                let reason = format!("{} is in this session already", order.address.as_str());
                return Err(Error::conflict(reason).about("address"));
            }
            let present = before.present().count();
            if present >= MOST_PEOPLE {
                return Err(Error::invalid("participants", format!("must be 1 to {MOST_PEOPLE}")));
            }
            if present >= most {
                return Err(Error::conflict(format!("the session has {present} people already")).about("participants"));
            }
            let (terms, mut number) = self.number_in(consumer, &before, &order).await?;
            let hold = number.hold.take();
            let now_ms = self.parts.clock.now_ms();
            let place = before.participants.iter().map(|one| one.place + 1).max().unwrap_or(0);
            let new = joining(&before.session, &order, number, place, now_ms);
            let mut participants = before.participants.clone();
            participants.push(new.participant.clone());
            let after = SessionWithParticipants { session: counted(&before.session, now_ms), participants };
            let texts = self.start_texts(&after.session, std::slice::from_ref(&new.participant)).await?;
            let mut events = self.parts.events.batch();
            events.session(&after, EventType::SessionParticipantAdded, Some(&new.participant), now_ms);
            let (participant, read) = (new.participant.clone(), Some(before.session.sequence));
            let joining = NewSession {
                session: after.session.clone(),
                read,
                people: vec![new],
                pool: terms,
                texts,
                told: events.into_rows(),
                kept: None,
                entry: audit.entry(now_ms, id, Some(&before), Some(&after)),
            };
            let accepted = self.accept(joining, std::slice::from_ref(&participant)).await;
            drop(hold);
            accepted?;
            Ok((after, participant))
        })
        .await
    }

    /// A number for somebody who comes later, and of which pool: where each is one session's, that of the others.
    async fn number_in(
        &self,
        consumer: &ApiConsumer,
        before: &SessionWithParticipants,
        order: &ParticipantOrder,
    ) -> Result<(PoolTerms, ChosenNumber)> {
        let no_pool = || Error::conflict("the session has no pool to choose a number of");
        let mut pool = self.pool(before.session.pool.ok_or_else(no_pool)?, before.session.mode, consumer).await?;
        if pool.index.settings.is_exclusive {
            let number = shared_number(&pool, before, order)?;
            let (id, address) = (number.sender.number.id, &number.sender.number.address);
            // while nobody was in it, its number may have been taken out, put back, and given to another
            if !session::is_free_for(&self.parts.store, pool.id, id, before.session.id).await? {
                return Err(Error::conflict(format!("{address} is in use by another session")));
            }
            return Ok((pool.terms(), number));
        }
        let order = std::slice::from_ref(order);
        let mut chosen = match self.numbers(&pool, order).await {
            Err(error) if may_pass(&error) => {
                pool = self.pool_now(&pool).await?;
                self.numbers(&pool, order).await?
            }
            chosen => chosen?,
        };
        let chosen = chosen.pop().ok_or_else(|| Error::busy("no number was chosen"))?;
        Ok((pool.terms(), chosen))
    }

    /// Somebody leaves a session; the number that they knew is free for them again.
    pub async fn remove_participant(
        &self,
        client: ClientId,
        id: SessionId,
        participant: ParticipantId,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<SessionWithParticipants> {
        settled("this session", || async {
            let before = self.find(client, id).await?;
            let one = before.participants.iter().find(|one| one.id == participant);
            let one = one.ok_or_else(|| Error::not_found("participant"))?;
            // gone is gone, whichever way
            if one.left_ms.is_some() {
                return Ok(before.clone());
            }
            let now_ms = self.parts.clock.now_ms();
            let mut participants = before.participants.clone();
            for left in participants.iter_mut().filter(|left| left.id == participant) {
                left.left_ms = Some(now_ms);
            }
            let after = SessionWithParticipants { session: counted(&before.session, now_ms), participants };
            let change = session::leave(&before.session, one, self.memory(&one.person), now_ms);
            let mut events = self.parts.events.batch();
            events.session(&after, EventType::SessionParticipantRemoved, Some(one), now_ms);
            let entry = audit.entry(now_ms, id, Some(&before), Some(&after));
            self.parts.store.commit(events.write(change).audited(entry)).await?;
            events.committed();
            Ok(after)
        })
        .await
    }
}
