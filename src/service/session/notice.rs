//! What people are told by us whose texts nobody gets: once an hour each, so that no two programs talk for ever, but where
//! the text itself is at fault.

use std::borrow::Cow;

use serde::Deserialize;

use super::SessionMessages;
use super::loop_guard::{CountedText, LoopVerdict};
use crate::model::{Address, AddressKind, Channel, ClientId, Id as _, InboundId, MessageId, Millis, PoolId};
use crate::service::directory::SenderNumber;
use crate::service::message::Order;
use crate::service::number::NumberCapability;
use crate::service::{Error, ErrorKind, Result};
use crate::store::message;
use crate::store::session::route;

const HOUR_MS: Millis = 3_600_000;

/// `[session]`: what people are told, nothing where empty; and what callers hear.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who is in no session at a number of a pool that has, or had, some.
    pub none_text: String,
    /// Who is in one with nobody else.
    pub alone_text: String,
    /// Who texts in one for calls.
    pub calls_only_text: String,
    /// Who says something that is too long to be passed on.
    pub too_long_text: String,
    /// Who calls and is put through.
    pub connecting_text: String,
    /// Who calls and is in no session at that number, or in one with nobody else.
    pub no_session_call_text: String,
    /// Who calls in a session for texts.
    pub texts_only_call_text: String,
    /// Who calls and reaches nobody.
    pub failed_call_text: String,
    /// In which voice all of that is said, and in which language; the carrier's own where empty.
    pub voice: String,
    pub language: String,
}

/// Why somebody is told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionNotice {
    NoSession,
    /// The same at the number proxy's door, which tells it of each text.
    NoProxySession,
    Alone,
    CallsOnly,
    /// It is told of each such text: what was said is lost.
    TooLong,
}

impl SessionNotice {
    fn text(self, messages: &SessionMessages) -> Cow<'_, str> {
        let settings = &messages.settings;
        let text = match self {
            Self::NoProxySession => return messages.number_proxy.none().unwrap_or_default().into(),
            Self::NoSession => &settings.none_text,
            Self::Alone => &settings.alone_text,
            Self::CallsOnly => &settings.calls_only_text,
            Self::TooLong => &settings.too_long_text,
        };
        text.as_str().into()
    }

    /// Whether it is told of each text, not once an hour.
    fn is_of_each(self) -> bool {
        matches!(self, Self::TooLong | Self::NoProxySession)
    }
}

impl SessionMessages {
    /// Tells somebody who texted a number of ours, unless they were told the same within the hour, or are told so much
    /// that two programs seem to talk. `client` pays for it.
    pub(super) async fn tell(
        &self,
        notice: SessionNotice,
        sender: &SenderNumber,
        client: ClientId,
        (person, text): (&str, CountedText),
    ) -> Result<()> {
        let (body, to) = (notice.text(self), Address::stored(person));
        // a number of ours would answer
        let is_ours = self.directory.current().sender(person).is_some();
        if body.is_empty() || is_ours || to.kind() != AddressKind::Phone || !sender.can(NumberCapability::Sms) {
            return Ok(());
        }
        let Some(id) = self.notice_id(notice, sender, (&to, text.id)).await? else { return Ok(()) };
        if self.loops.tell(person, sender.number.id, text) != LoopVerdict::Passes {
            return Ok(());
        }
        let order = Order { body: body.into_owned(), ..Order::new(Channel::Sms, to) };
        let via = self.via(client, sender, &order);
        let told = match self.messages.copy(client, order, via) {
            Ok(draft) => self.messages.pass_on(self.messages.part_of(draft.under(id)), false).await.map(drop),
            Err(error) => Err(error),
        };
        match told {
            // who wants nothing from that number is told nothing, nor is it where nobody pays
            Err(Error { kind: ErrorKind::Invalid | ErrorKind::Limit(_) | ErrorKind::Unpayable, .. }) => Ok(()),
            told => told,
        }
    }

    /// Tells whoever texts a number of a pool with sessions, and is in none there.
    pub(in crate::service) async fn tell_stranger(
        &self,
        sender: &SenderNumber,
        person: (&str, CountedText),
    ) -> Result<()> {
        let Some(pool) = sender.number.pool else { return Ok(()) };
        let client = sender.number.client;
        let notice = if pool == PoolId::number_proxy(client) {
            SessionNotice::NoProxySession
        } else if self.answers_strangers(pool).await? {
            SessionNotice::NoSession
        } else {
            return Ok(());
        };
        self.tell(notice, sender, client, person).await
    }

    /// Whether strangers are told anything at the numbers of a pool: where nobody ever held a session, all who text are
    /// strangers, and answer what the pool's messages say.
    async fn answers_strangers(&self, pool: PoolId) -> Result<bool> {
        Ok(!self.settings.none_text.is_empty() && route::has_sessions(&self.store, pool).await?)
    }

    /// Under which id somebody is to be told; `None`: they have been.
    async fn notice_id(
        &self,
        notice: SessionNotice,
        sender: &SenderNumber,
        (to, text): (&Address, InboundId),
    ) -> Result<Option<MessageId>> {
        if notice.is_of_each() {
            return Ok(if self.messages.is_there(text.reply()).await? { None } else { Some(text.reply()) });
        }
        let now_ms = self.clock.now_ms();
        let from = format!("{notice:?}:{}", sender.number.address);
        let name = self.lanes.of(Channel::Sms, &from, &to.folded()).bytes();
        let [id, before] = [now_ms, now_ms - HOUR_MS].map(|at_ms| MessageId::hourly(name, at_ms));
        let told = message::made(&self.store, &[id, before]).await?;
        let is_told = told.contains_key(&id) || told.values().any(|at_ms| *at_ms > now_ms - HOUR_MS);
        Ok((!is_told).then_some(id))
    }
}
