//! Messages out: accepted durably, sent in order, accounted for whatever dies in between.

mod accept;
mod check;
mod cursor;
mod metrics;
mod reply;
mod request;
mod voice;

use std::collections::HashMap;
use std::sync::Arc;

pub use accept::{Answered, Draft, Drafted};
pub use check::{Limit, says_something};
pub(in crate::service) use check::{anyway, limits};
pub use cursor::Cursor;
pub use metrics::Metrics;
pub use request::{Error, From, Order, Told, Via, unsaid};

use crate::crypto::HashKey;
use crate::model::message::State;
use crate::model::{ClientId, Clock, MessageId, Millis, Money, Span};
use crate::service::audit::Act;
use crate::service::directory::Directory;
use crate::service::event::{Events, Why};
use crate::service::idempotency::{Key, Named};
pub use crate::store::ledger::Paid;
use crate::store::message::{self, Attempt, Filter, Message, Page};
use crate::store::outbox::LaneKeys;
use crate::store::outbox::cancel::{self, Canceled};
use crate::store::outbox::intake::Acceptor;
use crate::store::receipt::{self, Receipt};
use crate::store::{self, Store};
use request::known_as;

/// What accepting needs of `[outbox]`.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a node owns a lane that it has taken.
    pub lease: Span,
    /// How far ahead a message may be scheduled.
    pub schedule_most: Span,
    /// How long a message is worth sending, unless it says so itself.
    pub valid_for: Span,
    /// UTF-16 units of one message at most; a carrier may take less.
    pub sms_length: usize,
    pub whatsapp_length: usize,
}

/// What the service is built from.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub events: Arc<Events>,
    pub clock: Clock,
    /// The way into the outbox.
    pub outbox: Acceptor,
    pub lanes: LaneKeys,
    /// Under which requests are hashed.
    pub request_key: HashKey,
    /// Under which places in lists are sealed.
    pub cursor_key: HashKey,
    pub metrics: Metrics,
}

pub struct Outbound {
    parts: Parts,
}

/// Races with other writers before a cancel is called busy.
const RACES: usize = 20;

impl Outbound {
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// How a client's request is known again; `canonical`: what is compared of it.
    pub fn named(&self, client: ClientId, key: Key, canonical: &[u8]) -> Named {
        key.named(client, canonical, &self.parts.request_key)
    }

    pub async fn find(&self, client: ClientId, id: MessageId) -> Result<Option<Message>, store::Error> {
        message::find(&self.parts.store, client, id).await
    }

    /// Newest first.
    pub async fn list(&self, client: ClientId, filter: &Filter, limit: usize) -> Result<Page, store::Error> {
        message::list(&self.parts.store, client, filter, limit).await
    }

    /// What providers did and said of a message.
    pub async fn history(&self, id: MessageId) -> Result<(Vec<Attempt>, Vec<Receipt>), store::Error> {
        Ok((message::attempts(&self.parts.store, id).await?, receipt::list(&self.parts.store, id).await?))
    }

    /// Takes a message back, unless a provider is being called or has been.
    pub async fn cancel(&self, client: ClientId, id: MessageId, act: &Act<'_, Message>) -> Result<Message, Error> {
        for _ in 0..RACES {
            let message = self.find(client, id).await?.ok_or(Error::NotFound)?;
            let lane = self.parts.lanes.of_message(&message);
            let now_ms = self.parts.clock.now_ms();
            let told = self.parts.events.told(&message, State::Canceled, Why::default(), now_ms);
            let refunded_ms = message.cost.filter(|cost| *cost > Money::ZERO).map(|_| now_ms);
            let after = Message { state: State::Canceled, changed_ms: now_ms, refunded_ms, ..message.clone() };
            let entry = act.entry(now_ms, known_as(&message), Some(&message), Some(&after));
            match cancel::cancel(&self.parts.store, &message, &lane, &told, now_ms, entry).await {
                Ok(Canceled::Done) => {
                    self.parts.events.wake();
                    return self.find(client, id).await?.ok_or(Error::NotFound);
                }
                Ok(Canceled::TooLate) => return Err(Error::TooLate),
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Busy("others keep changing this lane".into()).into())
    }

    /// Empties the body of a message that has been sent or is over.
    pub async fn redact(&self, client: ClientId, id: MessageId, act: &Act<'_, Message>) -> Result<Message, Error> {
        let message = self.find(client, id).await?.ok_or(Error::NotFound)?;
        self.erase(&message, false, act).await?;
        self.find(client, id).await?.ok_or(Error::NotFound)
    }

    /// Takes a message that has been sent or is over out of its client's sight, redacted; what was paid for it stays.
    pub async fn delete(&self, client: ClientId, id: MessageId, act: &Act<'_, Message>) -> Result<(), Error> {
        let message = self.find(client, id).await?.ok_or(Error::NotFound)?;
        self.erase(&message, true, act).await
    }

    async fn erase(&self, message: &Message, is_deleted: bool, act: &Act<'_, Message>) -> Result<(), Error> {
        let now_ms = self.parts.clock.now_ms();
        let said_nothing = unsaid(message);
        let deleted_ms = is_deleted.then_some(now_ms);
        let (store, client, id) = (&self.parts.store, message.client, message.id);
        let after = Message { redacted_ms: Some(now_ms), ..said_nothing };
        let entry = act.entry(now_ms, known_as(message), Some(message), Some(&after).filter(|_| !is_deleted));
        match message::redact(store, client, id, &after.content, deleted_ms, now_ms, entry).await {
            Err(error) if error.is_race() => Err(Error::NotOver),
            done => Ok(done?),
        }
    }

    /// When providers took messages, where one has.
    pub async fn taken_at(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Millis>, store::Error> {
        message::taken_at(&self.parts.store, ids).await
    }
}
