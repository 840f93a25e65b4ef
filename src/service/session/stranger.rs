//! What becomes of the text of somebody who is in no session, by what its client's server says: it is answered, or said in a
//! session that begins with it. Where nothing good is said they are told as any stranger is.

mod twiml;

use std::sync::Arc;

use self::twiml::TwimlMessage;
use super::asked::{AskedTextResult, AskedTexts};
use super::hook::{OutOfSessionReply, OutOfSessionRequest, StrangerSession};
use super::intercept::said;
use super::loop_guard::{CountedText, LoopVerdict};
use super::{ParticipantOrder, SaidText, SessionOrder, SessionRoute, SessionSettings};
use crate::model::address::AddressRole;
use crate::model::{Address, AddressKind, Channel, DurationSetting, HookFormat, SessionDoor};
use crate::service::audit::AuditContext;
use crate::service::directory::SenderNumber;
use crate::service::message::{DraftResult, Order, SenderChoice};
use crate::service::{Error, ErrorKind, Result};
use crate::store::inbound::handled::PreparedText;
use crate::store::message::Message;
use crate::store::session::asked::AskedText;
use crate::store::session::interaction::InteractionKind;
use crate::store::session::{self as sessions, route};

/// Texts of one answer at most.
const MOST: u8 = 10;
/// A session that nobody's silence ends.
const NEVER: DurationSetting = DurationSetting::from_millis(0);

/// Whether the same may go well later.
pub(super) fn may_pass(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Busy | ErrorKind::Internal)
}

/// Somebody to be texted or called, as a server has them.
pub(super) fn phone(text: &str) -> Option<Address> {
    match Address::read(text, AddressRole::Recipient, None) {
        Ok((None | Some(Channel::Sms), address)) => Some(address),
        _ => None,
    }
}

impl AskedTexts {
    pub(super) async fn stranger(
        &self,
        job: &AskedText,
        text: &Message,
        sender: &SenderNumber,
    ) -> Result<AskedTextResult> {
        match self.reply(job, text, sender).await? {
            Some((OutOfSessionReply::Session(wanted), format)) => {
                if let Some(route) = self.open(&text.from, sender, (wanted, format)).await? {
                    let said = said(job, (text, text.body.as_str()), sender, &route);
                    // it is silent from then on when it began, not from when we began to ask
                    let at_ms = said.at_ms.max(route.session.session.created_ms);
                    let prepared = self.messages.prepare(&SaidText { at_ms, ..said }).await?;
                    return Ok((prepared, Some(Arc::clone(&route.session))));
                }
            }
            Some((OutOfSessionReply::Twiml(document), _)) => {
                if let Some(texts) = twiml::texts(&document) {
                    self.answer(job, (text, sender), texts).await?;
                    return Ok((PreparedText::default(), None));
                }
                tracing::info!(id = %job.id, "a stranger's text was answered by TwiML that cannot be read");
            }
            Some((OutOfSessionReply::Failed, _)) => {
                tracing::info!(id = %job.id, "a stranger's text was answered by neither TwiML nor a session");
            }
            Some((OutOfSessionReply::Nothing, _)) | None => {}
        }
        let counted = CountedText { id: job.id, at_ms: job.received_ms };
        self.messages.tell_stranger(sender, (&text.from, counted)).await?;
        Ok((PreparedText::default(), None))
    }

    /// What the server says, and how it was asked. `None`: none is asked any more.
    async fn reply(
        &self,
        job: &AskedText,
        text: &Message,
        sender: &SenderNumber,
    ) -> Result<Option<(OutOfSessionReply, HookFormat)>> {
        let hook = self.messages.stranger_hook(sender);
        let (Some((url, format)), Some(pool)) = (hook, sender.number.pool) else { return Ok(None) };
        let store = &self.messages.store;
        let person = Address::stored(text.from.as_str());
        let last = match route::last(store, &person.folded(), sender.number.id).await? {
            Some(last) => sessions::find(store, job.client, last).await?,
            None => None,
        };
        let asked = OutOfSessionRequest {
            format,
            kind: InteractionKind::Message,
            client: job.client,
            pool,
            from: &text.from,
            to: &text.to,
            inbound: text.id,
            body: &text.body,
            media_urls: &text.content.media_urls,
            media_types: &text.content.media_types,
            at_ms: job.received_ms,
            last: last.as_ref(),
        };
        Ok(Some((self.hooks.out_of_session(&url, &asked).await?, format)))
    }

    /// The session that the server wants, of whoever texts or calls and somebody else: the one that they are in by now, as
    /// after a text before it, or a new one. `None`: it cannot be.
    pub(super) async fn open(
        &self,
        from: &str,
        sender: &SenderNumber,
        (wanted, format): (StrangerSession, HookFormat),
    ) -> Result<Option<SessionRoute>> {
        let (Some(other), Some(pool)) = (phone(&wanted.participant), sender.number.pool) else { return Ok(None) };
        let person = Address::stored(from);
        if let Some(route) = self.shared_route(&person, sender, &other).await? {
            return Ok(Some(route));
        }
        let number = Address::stored(sender.number.address.as_str());
        let of_other = wanted.number.map_or_else(|| number.clone(), Address::stored);
        let one = |address: &Address, number| ParticipantOrder { address: address.clone(), name: None, number };
        let (ttl, door) = match format {
            // there a fixed end is all that counts, and 0 is none whatever the pool says
            HookFormat::Form if wanted.ends_ms.is_some() => (Some(NEVER), SessionDoor::TwilioProxy),
            HookFormat::Form => (wanted.ttl, SessionDoor::TwilioProxy),
            HookFormat::Json => (wanted.ttl.filter(|ttl| *ttl > NEVER), SessionDoor::Native),
        };
        let order = SessionOrder {
            pool,
            participants: vec![one(&person, Some(number)), one(&other, Some(of_other))],
            mode: wanted.mode.unwrap_or_default(),
            name: None,
            unique_name: wanted.unique_name,
            metadata: None,
            ttl,
            ends_ms: wanted.ends_ms,
            settings: SessionSettings::default(),
            door,
        };
        let unwritten = AuditContext::unwritten();
        for consumer in self.clients.by_keys_of(sender.number.client) {
            match self.sessions.create(&consumer, order.clone(), None, &|_| String::new(), &unwritten).await {
                Ok(_) => break,
                Err(error) if may_pass(&error) => return Err(error),
                // its words name people
                Err(Error { kind, .. }) => {
                    tracing::info!(?kind, %pool, "a stranger's session cannot be as their client's server wants it");
                    if kind == ErrorKind::Conflict {
                        break;
                    }
                }
            }
        }
        // unless it was made, it may be there: they have just called, too
        self.shared_route(&person, sender, &other).await
    }

    /// The session that these two are in by the number of the first.
    async fn shared_route(
        &self,
        one: &Address,
        sender: &SenderNumber,
        other: &Address,
    ) -> Result<Option<SessionRoute>> {
        let pair = self.messages.pair(one, sender, self.messages.clock.now_ms());
        let found = self.messages.routes(&[pair]).await?;
        let other = other.folded();
        let is_shared = |route: &SessionRoute| route.session.present().any(|one| one.person == other);
        Ok(found.into_iter().flatten().find(is_shared))
    }

    /// Sends what the server answers, from the number that was texted: as what its client sends, each once.
    async fn answer(
        &self,
        job: &AskedText,
        (text, sender): (&Message, &SenderNumber),
        texts: Vec<TwimlMessage>,
    ) -> Result<()> {
        let counted = CountedText { id: job.id, at_ms: job.received_ms };
        if self.messages.loops.tell(&text.from, sender.number.id, counted) != LoopVerdict::Passes {
            tracing::warn!(id = %job.id, "it looks as though a client's server and a program answered each other");
            return Ok(());
        }
        for (one, nth) in texts.into_iter().zip(0..MOST) {
            let to = one.to.as_deref().map_or_else(|| Some(Address::stored(text.from.as_str())), phone);
            // a number of ours would be asked about in turn, and behind a short code is a program
            let is_ours = |to: &Address| self.messages.directory.current().sender(to.as_str()).is_some();
            let is_person = |to: &Address| to.kind() == AddressKind::Phone && !is_ours(to);
            let Some(to) = to.filter(is_person) else { continue };
            let from = Some(SenderChoice::Address(Address::stored(sender.number.address.as_str())));
            let TwimlMessage { body, media_urls, .. } = one;
            let order = Order { from, body, media_urls, ..Order::new(Channel::Sms, to) };
            match self.send(job, nth, order).await {
                Err(error) if may_pass(&error) => return Err(error),
                Err(Error { kind, .. }) => {
                    tracing::info!(?kind, id = %job.id, "an answer of a client's server is not sent");
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Sends a text as its client could by one of its keys: whom these may text, from where and through which account,
    /// binds it.
    async fn send(&self, job: &AskedText, nth: u8, order: Order) -> Result<()> {
        let mut refused = Error::new(ErrorKind::Forbidden, "no key of its client may send it");
        for consumer in self.clients.by_keys_of(job.client) {
            match self.sessions.relay().draft(&consumer, order.clone(), None).await {
                Ok(DraftResult::New(draft)) => {
                    let messages = &self.messages.messages;
                    let new = messages.part_of(draft.under(job.id.answer(nth)));
                    return messages.pass_on(new, true).await.map(drop);
                }
                // what has no name does not come again
                Ok(DraftResult::Again(_)) => return Ok(()),
                Err(error) if may_pass(&error) => return Err(error),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}
