//! Making a session: all of its numbers and its texts in one commit, or none of it.

use serde_json::{Map, Value as Json, json};

use super::number::{ChosenNumber, SessionPool};
use super::{ImportedSession, SessionSettings, SessionWithParticipants, Sessions, text};
use crate::model::event::EventType;
use crate::model::{
    Address, DurationSetting, Millis, ParticipantId, PoolId, SessionDoor, SessionId, SessionMode, SessionState,
};
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::idempotency::{IdempotencyFingerprint, IdempotencyKey, StoredReply};
use crate::service::race::settled;
use crate::service::{Error, ErrorKind, Result, StoreError};
use crate::store::outbox::intake::IdempotencyRecord;
use crate::store::session::intake::{NewSession, SessionAcceptResult};
use crate::store::session::{self, NewParticipant, Participant, Session};

/// Somebody who is to be in a session.
#[derive(Clone, Debug)]
pub struct ParticipantOrder {
    pub address: Address,
    pub name: Option<String>,
    /// The number of the pool that they are to have; unless given, one is chosen.
    pub number: Option<Address>,
}

/// A session as somebody wants it.
#[derive(Clone, Debug)]
pub struct SessionOrder {
    pub pool: PoolId,
    pub participants: Vec<ParticipantOrder>,
    pub mode: SessionMode,
    pub name: Option<String>,
    pub unique_name: Option<String>,
    pub metadata: Option<Map<String, Json>>,
    /// Unless given, as the pool says; of Twilio's Proxy, none at all is a session that does not end by itself.
    pub ttl: Option<DurationSetting>,
    pub ends_ms: Option<Millis>,
    /// Texts that are not given are the pool's.
    pub settings: SessionSettings,
    pub door: SessionDoor,
}

/// What came of it.
#[derive(Debug)]
pub enum SessionResult {
    Made(Box<SessionWithParticipants>),
    /// What was told when the same request came first.
    Again(StoredReply),
}

/// How a door writes the reply that is kept for a request that comes again.
type ReplyText<'a> = &'a (dyn Fn(&SessionWithParticipants) -> String + Send + Sync);

impl SessionOrder {
    /// The same for the same order, however it was written.
    fn canonical(&self) -> Vec<u8> {
        let person =
            |one: &ParticipantOrder| json!([one.address.as_str(), one.name, one.number.as_ref().map(Address::as_str)]);
        let all = json!({
            "pool": self.pool.hex(),
            "participants": self.participants.iter().map(person).collect::<Vec<_>>(),
            "mode": self.mode.name(),
            "name": self.name,
            "unique_name": self.unique_name,
            "metadata": self.metadata,
            "ttl_ms": self.ttl.map(DurationSetting::as_ms),
            "ends_ms": self.ends_ms,
            "settings": self.settings,
            "door": self.door.name(),
        });
        all.to_string().into_bytes()
    }

    /// The session that comes of it, with these numbers.
    fn filled(
        &self,
        pool: &SessionPool<'_>,
        numbers: Vec<ChosenNumber>,
        now_ms: Millis,
    ) -> (Session, Vec<NewParticipant>) {
        let (client, id) = (pool.consumer.client, SessionId::new(now_ms));
        let of_pool = &pool.index.settings;
        // older doors have texts of their own, or none
        let texts = if self.door == SessionDoor::Native { Some(of_pool) } else { None };
        let mut session = Session {
            id,
            client,
            pool: Some(self.pool),
            name: self.name.clone(),
            unique_name: self.unique_name.clone(),
            mode: self.mode,
            state: SessionState::Open,
            reason: None,
            door: self.door,
            settings: SessionSettings {
                start_text: self.settings.start_text.clone().or_else(|| texts.and_then(|pool| pool.start_text.clone())),
                end_text: self.settings.end_text.clone().or_else(|| texts.and_then(|pool| pool.end_text.clone())),
                ..self.settings.clone()
            },
            metadata: self.metadata.clone(),
            ttl_ms: self.ttl.or(of_pool.ttl).map(DurationSetting::as_ms).filter(|ttl_ms| *ttl_ms > 0),
            ends_ms: self.ends_ms,
            last_ms: None,
            expires_ms: None,
            tell_ms: None,
            sequence: 1,
            created_ms: now_ms,
            changed_ms: now_ms,
            closed_ms: None,
        };
        session.expires_ms = session.end();
        let joined = self.participants.iter().zip(numbers).zip(0..);
        let people = joined.map(|((one, number), place)| joining(&session, one, number, place, now_ms)).collect();
        (session, people)
    }
}

/// Somebody who comes into a session, with their number.
pub(super) fn joining(
    session: &Session,
    one: &ParticipantOrder,
    number: ChosenNumber,
    place: i64,
    now_ms: Millis,
) -> NewParticipant {
    let ChosenNumber { sender, memory, .. } = number;
    let participant = Participant {
        id: ParticipantId::new(now_ms),
        session: session.id,
        client: session.client,
        address: one.address.as_str().to_owned(),
        person: one.address.folded().into_owned(),
        name: one.name.clone(),
        number_id: sender.number.id,
        number: sender.number.address.clone(),
        joined_ms: now_ms,
        left_ms: None,
        place,
    };
    NewParticipant { participant, memory }
}

/// An open session has the unique name.
pub(super) fn name_taken() -> Error {
    Error::conflict("an open session has this unique_name already").about("unique_name")
}

/// Whether what was refused may be granted once sessions are closed whose time is over, and the pool is known as it is
/// by now.
pub(super) fn may_pass(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::NoNumber(_) | ErrorKind::Conflict)
}

impl Sessions {
    /// Makes a session: when this returns, all its people have their numbers, and the texts with which it begins will
    /// be sent or accounted for. `answered`: what is kept for a request that comes again.
    pub async fn create(
        &self,
        consumer: &ApiConsumer,
        mut order: SessionOrder,
        key: Option<IdempotencyKey>,
        answered: ReplyText<'_>,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<SessionResult> {
        let named = key.map(|key| self.parts.messages.named(consumer.client, key, &order.canonical()));
        let made = match self.check(consumer, &mut order) {
            Ok(()) => {
                let attempt = || self.attempt(consumer, &order, named.as_ref(), answered, None, audit);
                settled("these numbers", attempt).await
            }
            Err(error) => Err(error),
        };
        match made {
            Err(error) if error.kind != ErrorKind::Forbidden => {
                // what was good when it came first is answered as it was then
                self.parts.messages.replayed(named.as_ref()).await?.map(SessionResult::Again).ok_or(error)
            }
            made => made,
        }
    }

    pub(super) fn check(&self, consumer: &ApiConsumer, order: &mut SessionOrder) -> Result<()> {
        order.check(self.parts.clock.now_ms())?;
        self.check_hook(order.settings.intercept_url.as_mut())?;
        order.participants.iter().try_for_each(|one| self.check_person(one, consumer))
    }

    /// Chooses numbers and writes; a race is told as what it is. `past`: of a session that has begun elsewhere.
    pub(super) async fn attempt(
        &self,
        consumer: &ApiConsumer,
        order: &SessionOrder,
        named: Option<&IdempotencyFingerprint>,
        answered: ReplyText<'_>,
        past: Option<&ImportedSession>,
        audit: &AuditContext<'_, SessionWithParticipants>,
    ) -> Result<SessionResult> {
        let mut pool = self.pool(order.pool, order.mode, consumer).await?;
        let mut numbers = match self.free(&pool, order).await {
            Err(error) if may_pass(&error) => {
                pool = self.pool_now(&pool).await?;
                self.free(&pool, order).await?
            }
            numbers => numbers?,
        };
        let now_ms = self.parts.clock.now_ms();
        // until it is written, or is not
        let holds: Vec<_> = numbers.iter_mut().filter_map(|number| number.hold.take()).collect();
        let (mut session, mut people) = order.filled(&pool, numbers, now_ms);
        if let Some(past) = past {
            past.carry_on(order, &mut session, &mut people);
        }
        let participants = people.iter().map(|one| one.participant.clone()).collect();
        let made = SessionWithParticipants { session: session.clone(), participants };
        let texts = match past {
            Some(_) => Vec::new(),
            None => self.start_texts(&session, &made.participants).await?,
        };
        let mut events = self.parts.events.batch();
        events.session(&made, EventType::SessionCreated, None, now_ms);
        let kept =
            named.map(|named| IdempotencyRecord { named: named.clone(), reply: answered(&made), with_balance: false });
        let new = NewSession {
            session,
            read: None,
            people,
            pool: pool.terms(),
            texts,
            told: events.into_rows(),
            kept,
            entry: audit.entry(now_ms, made.session.id, None, Some(&made)),
        };
        let accepted = self.accept(new, &made.participants).await;
        drop(holds);
        Ok(accepted?.map_or_else(|| SessionResult::Made(Box::new(made)), SessionResult::Again))
    }

    /// Writes a session, or who comes into one; what was told where the same request came before. `people`: those whom
    /// its texts are for, in their order.
    pub(super) async fn accept(&self, new: NewSession, people: &[Participant]) -> Result<Option<StoredReply>> {
        let (count, is_told) = (new.texts.len(), !new.told.new.is_empty() || !new.texts.is_empty());
        let accepted = self.parts.intake.accept(new).await;
        match self.as_it_is(accepted).await? {
            SessionAcceptResult::Stored => {
                self.parts.messages.stored(count);
                if is_told {
                    self.parts.events.wake();
                }
                Ok(None)
            }
            SessionAcceptResult::Replayed(reply) => Ok(Some(reply)),
            SessionAcceptResult::KeyReused => Err(Error::key_reused()),
            SessionAcceptResult::Refused { nth, why } => Err(text::refused(people.get(nth), &why)),
        }
    }

    /// Where a race was lost, a number may have left its pool, or the pool may be another: the next try is to know.
    pub(super) async fn as_it_is<T>(&self, written: Result<T, StoreError>) -> Result<T> {
        if written.as_ref().is_err_and(StoreError::is_race) {
            self.parts.directory.refresh().await?;
        }
        Ok(written?)
    }

    /// Numbers for all of them, where its name is free too.
    async fn free(&self, pool: &SessionPool<'_>, order: &SessionOrder) -> Result<Vec<ChosenNumber>> {
        if let Some(name) = &order.unique_name {
            let scope = session::name_scope(order.door, pool.consumer.client, Some(pool.id));
            if session::named(&self.parts.store, scope, name).await?.is_some() {
                return Err(name_taken());
            }
        }
        self.numbers(pool, &order.participants).await
    }
}
