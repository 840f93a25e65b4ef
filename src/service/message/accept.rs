//! Accepting a message: what it must be, who sends it, what it costs.

use tokio::time::Instant;

use super::order::known_as;
use super::{ChosenRoute, Messages, Order, OrderResult};
use crate::model::address::{Address, AddressKind};
use crate::model::message::{Direction, MessageState};
use crate::model::{AccountId, Channel, ClientId, MessageContent, MessageId, Millis, PoolId};
use crate::service::audit::AuditContext;
use crate::service::directory::SenderNumber;
use crate::service::event::FailureReason;
use crate::service::idempotency::{self, IdempotencyFingerprint, StoredReply};
use crate::service::number::NumberCapability;
use crate::service::{Error, Result};
use crate::store;
use crate::store::message::Message;
use crate::store::outbox::intake::{AcceptResult, IdempotencyRecord, NewMessage};

/// A message as it is to be stored. Nothing is written yet.
pub struct MessageDraft {
    message: Box<Message>,
    /// Where its callback goes, sealed, where that brings a login.
    callback: Option<Vec<u8>>,
    /// When it is to be sent, where that is later.
    due_ms: Option<Millis>,
    named: Option<IdempotencyFingerprint>,
}

impl MessageDraft {
    /// One that is due at once, and that no request has named.
    pub(super) fn of(message: Message) -> Self {
        Self { message: Box::new(message), callback: None, due_ms: None, named: None }
    }

    /// The message, where its request has a name: what that is answered has to be kept for when it comes again.
    pub fn named(&self) -> Option<&Message> {
        self.named.as_ref().map(|_| &*self.message)
    }

    /// Through which account it goes.
    pub(in crate::service) fn account(&self) -> AccountId {
        self.message.account
    }

    /// The same under an id that follows from what it is about.
    pub(in crate::service) fn under(mut self, id: MessageId) -> Self {
        self.message.id = id;
        self
    }

    /// The same of one that may hold more than was ordered: what `hold` makes of that.
    pub(in crate::service) fn holding(mut self, hold: impl FnOnce(&MessageContent) -> Option<MessageContent>) -> Self {
        if let Some(content) = hold(&self.message.content) {
            self.message.content = content.into();
        }
        self
    }

    /// The same of a call that a caller's carrier places by itself: it is written as placed already, and its carrier
    /// says what becomes of it.
    pub(in crate::service) fn placed(mut self) -> Self {
        self.message.state = MessageState::Sent;
        self
    }
}

/// What an order comes to.
pub enum DraftResult {
    New(MessageDraft),
    /// What was told when the same request came first.
    Again(StoredReply),
}

/// What a request is answered that comes again.
pub struct RepeatReply {
    pub text: String,
    /// The answer says what the client is left with, too.
    pub with_balance: bool,
}

impl Messages {
    /// The message that an order becomes. `via`: decided by whoever routes it; without, it leaves from a number of the
    /// client's, the oldest where none is named.
    pub(in crate::service) async fn draft(
        &self,
        client: ClientId,
        order: Order,
        via: Option<ChosenRoute>,
        named: Option<IdempotencyFingerprint>,
    ) -> Result<DraftResult> {
        let now_ms = self.parts.clock.now_ms();
        let planned = self
            .due(&order, now_ms)
            .and_then(|due_ms| self.message(client, order, via, due_ms, now_ms).map(|planned| (planned, due_ms)));
        match planned {
            Ok(((message, callback), due_ms)) => {
                Ok(DraftResult::New(MessageDraft { message: Box::new(message), callback, due_ms, named }))
            }
            // what was good when it came first is answered as it was then
            Err(error) => self.replayed(named.as_ref()).await?.map(DraftResult::Again).ok_or(error),
        }
    }

    /// Accepts a message: when this returns, it is stored, and it will be sent or accounted for.
    /// `answered`: what is kept for a request that comes again, where [`MessageDraft::named`] has a message.
    pub(in crate::service) async fn accept(
        &self,
        draft: MessageDraft,
        answered: Option<RepeatReply>,
        audit: &AuditContext<'_, Message>,
    ) -> Result<OrderResult> {
        let MessageDraft { message, callback, due_ms, named } = draft;
        let record =
            |(named, RepeatReply { text: reply, with_balance })| IdempotencyRecord { named, reply, with_balance };
        let kept = named.zip(answered).map(record);
        let entry = audit.entry(message.created_ms, known_as(&message), None, Some(&*message));
        let new = NewMessage { callback, due_ms, kept, entry, ..self.intake(Message::clone(&message), false) };
        let is_told = !new.told.new.is_empty();
        // who raced in vain so often may try again later
        let busy = |error: store::Error| {
            if error.is_race() { store::Error::Busy("others keep changing this lane".into()) } else { error }
        };
        let paid = match self.parts.outbox.accept(new).await.map_err(busy)? {
            AcceptResult::Stored(paid) => paid,
            AcceptResult::Replayed(reply) => return Ok(OrderResult::Again(reply)),
            AcceptResult::KeyReused => return Err(Error::key_reused()),
            AcceptResult::OptedOut => return Err(Error::opted_out()),
            AcceptResult::Unpayable => return Err(Error::unpayable()),
        };
        self.parts.metrics.accepted();
        if is_told {
            self.parts.events.wake();
        }
        Ok(OrderResult::Accepted(message, paid))
    }

    /// A draft as the outbox takes it, for whoever writes it with something else; [`Messages::stored`] when it is
    /// there.
    pub(in crate::service) fn part_of(&self, draft: MessageDraft) -> NewMessage {
        let MessageDraft { message, callback, due_ms, .. } = draft;
        NewMessage { callback, due_ms, ..self.intake(*message, false) }
    }

    /// Counts messages that were written with something else.
    pub(in crate::service) fn stored(&self, count: usize) {
        for _ in 0..count {
            self.parts.metrics.accepted();
        }
    }

    /// A message as the outbox takes it, with the events that tell of it.
    pub(super) fn intake(&self, message: Message, passes_opt_out: bool) -> NewMessage {
        let lane = self.parts.lanes.of_message(&message);
        let now_ms = self.parts.clock.now_ms();
        NewMessage {
            lane,
            opt_out: self.parts.lanes.opt_outs_of(&message, lane),
            callback: None,
            due_ms: None,
            kept: None,
            told: self.parts.events.told(&message, message.state, FailureReason::default(), now_ms),
            passes_opt_out,
            lease_ends: Instant::now() + self.parts.settings.lease.as_duration(),
            entry: None,
            code: None,
            message,
        }
    }

    /// The reply to the same request, if it came before.
    pub(in crate::service) async fn replayed(
        &self,
        named: Option<&IdempotencyFingerprint>,
    ) -> Result<Option<StoredReply>> {
        idempotency::replayed(&self.parts.store, named).await
    }

    /// The message that an order becomes, and where its callback goes.
    pub(super) fn message(
        &self,
        client: ClientId,
        order: Order,
        via: Option<ChosenRoute>,
        due_ms: Option<Millis>,
        now_ms: Millis,
    ) -> Result<(Message, Option<Vec<u8>>)> {
        let via = via.map_or_else(|| self.sender(client, order.sender(), !order.media_urls.is_empty()), Ok)?;
        check_recipient(&order, &via.from)?;
        let mut order = self.addressed(order)?;
        let (encoding, segments) = self.check_limits(&mut order, &via)?;
        let secret = order.part_secret();
        let pool = order.pool().map(PoolId::hex);
        // pictures are paid for by the message; what stands below them counts only where the card has no price of theirs
        let paid_units = if order.media_urls.is_empty() { segments } else { 1 };
        let valid_for = order.valid_for.unwrap_or(self.parts.settings.valid_for);
        let id = MessageId::new(now_ms);
        let callback = order.callback_url.map(|url| self.parts.events.part_login(id, url)).transpose()?;
        let (callback_url, callback) = callback.map_or((None, None), |(url, sealed)| (Some(url), sealed));
        let content = MessageContent {
            media_urls: order.media_urls,
            callback_url,
            metadata: order.metadata,
            send_at_ms: due_ms,
            is_twilio: order.is_twilio,
            pool,
            call: order.call,
            secret,
            ..MessageContent::default()
        };
        let cost = via.price.map(|price| price.of(paid_units, segments).ok_or_else(Error::unpayable)).transpose()?;
        let message = Message {
            id,
            client,
            account: via.account,
            direction: Direction::Out,
            from: via.from,
            to: order.to.as_str().to_owned(),
            body: order.body,
            state: if due_ms.is_some() { MessageState::Scheduled } else { MessageState::Accepted },
            encoding,
            segments,
            content: content.into(),
            error_code: None,
            error_reason: None,
            created_ms: now_ms,
            changed_ms: now_ms,
            expires_ms: Some(due_ms.unwrap_or(now_ms) + valid_for.as_ms()),
            redacted_ms: None,
            channel: order.channel,
            cost,
            refunded_ms: None,
        };
        Ok((message, callback))
    }

    /// The number that a message leaves from. Another client's number is as unknown as one that is not there.
    fn sender(&self, client: ClientId, from: Option<&Address>, with_media: bool) -> Result<ChosenRoute> {
        let entries = self.parts.directory.current();
        let wanted = if with_media { NumberCapability::Mms } else { NumberCapability::Sms };
        if let Some(from) = from {
            let sender = entries.sender(from.as_str()).filter(|sender| sender.number.client == client);
            let sender = sender.ok_or_else(|| Error::invalid("from", "is not a number of yours"))?;
            if !sender.can(wanted) {
                return Err(Error::invalid("from", format!("cannot send {}", wanted.name())));
            }
            return Ok(via(sender));
        }
        let mut senders = entries.senders_of(client).iter();
        let first = senders.find(|sender| sender.can(wanted) && !sender.number.is_reserved);
        first.map(|sender| via(sender)).ok_or_else(|| {
            Error::invalid("from", format!("is missing, and there is no number that can send {}", wanted.name()))
        })
    }
}

fn check_recipient(order: &Order, from: &str) -> Result<()> {
    if !order.to.can_be_texted() {
        return Err(Error::invalid("to", "a sender name cannot be texted"));
    }
    if order.channel != Channel::Sms && order.to.kind() != AddressKind::Phone {
        return Err(Error::invalid("to", "is no phone number"));
    }
    if order.to.as_str() == from {
        return Err(Error::invalid("to", "is the number that the message would come from"));
    }
    Ok(())
}

fn via(sender: &SenderNumber) -> ChosenRoute {
    ChosenRoute { account: sender.number.account, from: sender.number.address.clone(), price: None }
}
