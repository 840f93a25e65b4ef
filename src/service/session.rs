//! Conversations in which nobody learns a number: each knows all the others by a number of a pool.
//!
//! Numbers are chosen from memory and by one look at what a person had (`choose.rs`, `number.rs`), or at what is free
//! (`exclusive.rs`); the commit that makes the session decides, and whoever was slower chooses again. Time ends sessions
//! (`end.rs`): a worker closes what is over, and tells those who are to be told.

mod asked;
mod bodies;
mod call;
mod callback;
mod caller;
mod choose;
mod create;
mod deliver;
mod dialing;
mod end;
mod exclusive;
mod hold;
pub mod hook;
mod import;
mod intercept;
mod label;
mod limit;
mod loop_guard;
mod notice;
mod number;
mod number_proxy;
mod people;
mod place;
mod rest;
mod said;
mod said_text;
mod sender;
mod speak;
mod stranger;
mod text;
mod unheard;
mod update;

use std::sync::Arc;

pub use asked::{AskedTexts, ClaimedAskedText};
pub use bodies::SessionBodies;
pub use call::CallAnswer;
pub use caller::SessionCalls;
pub use choose::NumberShortage;
pub use create::{ParticipantOrder, SessionOrder, SessionResult};
pub use deliver::SessionMessages;
pub use end::DELETED;
pub use import::ImportedSession;
pub use limit::LONGEST_TEXT;
pub(in crate::service) use loop_guard::CountedText;
pub use loop_guard::LoopGuard;
pub use notice::Settings;
pub use number_proxy::NumberProxySettings;
pub(in crate::service) use said_text::SaidText;
pub use speak::SpokenText;
pub use update::{SessionChange, SessionMove};

pub use crate::store::session::asked::NewAskedText;
pub use crate::store::session::interaction::{Interaction, InteractionFilter, InteractionKind, InteractionRecord};
pub use crate::store::session::route::{PairAtTime, SessionRoute};
pub use crate::store::session::{Filter, Participant, Session, SessionSettings, SessionWithParticipants};

use self::hold::NumberHolds;
use crate::crypto::HashKey;
use crate::model::{AccountId, ClientId, Clock, NumberId, SessionId};
use crate::service::directory::Directory;
use crate::service::event::Events;
use crate::service::message::Messages;
use crate::service::relay::Relay;
use crate::service::{Error, Result, page};
use crate::store::session::intake::SessionAcceptor;
use crate::store::{Store, session};

/// What the service is built from.
pub struct Parts {
    pub store: Store,
    pub directory: Arc<Directory>,
    pub events: Arc<Events>,
    /// How texts of sessions go, and what they cost.
    pub relay: Arc<Relay>,
    pub messages: Arc<Messages>,
    pub clock: Clock,
    /// The way in.
    pub intake: SessionAcceptor,
    /// Under which it is remembered which numbers people had.
    pub memory_key: HashKey,
}

pub struct Sessions {
    parts: Parts,
    holds: Arc<NumberHolds>,
}

impl Sessions {
    pub fn new(parts: Parts) -> Self {
        Self { parts, holds: Arc::default() }
    }

    /// Newest first; whether there are more. What has ended by itself is none of the open ones, closed yet or not.
    pub async fn list(
        &self,
        client: ClientId,
        filter: Filter,
        limit: usize,
    ) -> Result<(Vec<SessionWithParticipants>, bool)> {
        let is_open = filter.open_at.is_some() || filter.state.is_some_and(|state| !state.is_over());
        let filter = Filter { live_at_ms: is_open.then(|| self.parts.clock.now_ms()), ..filter };
        let (mut found, more) = page(session::list(&self.parts.store, client, &filter, limit + 1).await?, limit);
        if filter.before.is_some() {
            found.reverse();
        }
        Ok((found, more))
    }

    pub async fn find(&self, client: ClientId, id: SessionId) -> Result<SessionWithParticipants> {
        session::find(&self.parts.store, client, id).await?.ok_or_else(|| Error::not_found("session"))
    }

    /// Whose a session is, if there is one.
    pub async fn client_of(&self, id: SessionId) -> Result<Option<ClientId>> {
        Ok(session::client_of(&self.parts.store, id).await?)
    }

    /// Whether a number by which people in a session know each other is on one of these accounts.
    pub async fn is_on(&self, found: &SessionWithParticipants, accounts: &[AccountId]) -> Result<bool> {
        let is_there = || {
            let entries = self.parts.directory.current();
            found.participants.iter().any(|one| {
                let sender = entries.sender(&one.number).filter(|sender| sender.number.id == one.number_id);
                sender.is_some_and(|sender| accounts.contains(&sender.number.account))
            })
        };
        if is_there() {
            return Ok(true);
        }
        // another node may just have added it: the store knows
        self.parts.directory.refresh().await?;
        Ok(is_there())
    }

    /// The number of a client's with this address, to look for sessions by.
    pub fn number(&self, client: ClientId, address: &str) -> Option<NumberId> {
        let entries = self.parts.directory.current();
        entries.sender(address).filter(|sender| sender.number.client == client).map(|sender| sender.number.id)
    }

    /// How texts of sessions go.
    fn relay(&self) -> &Relay {
        &self.parts.relay
    }

    /// Under which it is remembered which numbers a person had.
    fn memory(&self, person: &str) -> [u8; 32] {
        self.parts.memory_key.mac(&[person.as_bytes()])
    }
}
