//! The rows of texts that have been handled.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{HandledJob, HandledText};
use crate::model::{InboundId, MessageId, Millis, SessionId};
use crate::store::event::{self, PendingEvents};
use crate::store::inbound::finish;
use crate::store::lease::LeaseOwner;
use crate::store::message::{self, Message, address};
use crate::store::outbox::intake::AcceptResult;
use crate::store::session::asked::{self, AskedText, NewAskedText};
use crate::store::session::interaction::{self, InteractionFailure, InteractionRecord, NewInteraction};
use crate::store::{Change, Value};

/// The rows of one commit, beside those of the copies and of what is told.
#[derive(Default)]
pub(super) struct HandledTextRows<'a> {
    messages: Vec<Vec<Value>>,
    addresses: Vec<Vec<Value>>,
    asked: Vec<Vec<Value>>,
    erased: Vec<Value>,
    records: Vec<InteractionRecord>,
    /// Sessions that are under way by it, and of which that is told.
    begun: BTreeSet<SessionId>,
    webhooks: Vec<InboundId>,
    answered: Vec<&'a AskedText>,
    is_told: bool,
}

impl<'a> HandledTextRows<'a> {
    /// Adds a text, by what became of each of its copies; what is told of it. `may_begin`: it may be told of a session
    /// that it is under way.
    pub(super) fn add<'b>(
        &mut self,
        text: &'a HandledText,
        copies: impl Iterator<Item = (MessageId, &'b AcceptResult)>,
        may_begin: impl FnOnce(&SessionId) -> bool,
    ) -> PendingEvents {
        let InteractionRecord { mut said, touched } = text.prepared.record.clone();
        for (id, accepted) in copies {
            // that one wants nothing, or nobody pays for it, is nothing to the others
            let failure = match accepted {
                AcceptResult::OptedOut => InteractionFailure::OptedOut,
                AcceptResult::Unpayable => InteractionFailure::Unpayable,
                // its request has no name
                AcceptResult::Stored(_) | AcceptResult::Replayed(_) | AcceptResult::KeyReused => continue,
            };
            if let Some(one) = said.iter_mut().find(|one| one.copy == Ok(id)) {
                one.copy = Err(failure);
            }
        }
        let session = touched.map(|touch| touch.session).filter(|_| text.is_first);
        let begins = session.filter(may_begin).is_some_and(|session| self.begun.insert(session));
        let message = text.message.as_ref().map(|message| as_kept(message, text, &said));
        let told = (text.told)(message.as_deref(), &said, begins);
        if let Some(message) = message {
            let count = event::counted(&told.new).get(&message.id).copied();
            self.messages.push(message.values(count.unwrap_or(0)));
            self.addresses.push(message.addresses());
        }
        self.asked.extend(text.asked.as_ref().map(NewAskedText::values));
        self.erased.extend(text.is_erased.then(|| Value::from(text.job.id())));
        self.records.push(InteractionRecord { said, touched });
        match &text.job {
            HandledJob::Webhook(id) => self.webhooks.push(*id),
            HandledJob::Asked(job) => self.answered.push(job),
        }
        self.is_told |= !told.new.is_empty();
        told
    }

    pub(super) fn begun(&self) -> &BTreeSet<SessionId> {
        &self.begun
    }

    /// Whether something is told of any of them.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    /// A change that ends their jobs. [`crate::store::Error::is_race`]: one of these is no longer ours, or a session
    /// was under way already, or is over.
    pub(super) fn write(self, owner: &LeaseOwner, now_ms: Millis) -> Change {
        let change = Change::new()
            .insert(message::INSERT, self.messages)
            .insert(address::INSERT, self.addresses)
            .insert(asked::INSERT, self.asked)
            .any("UPDATE sb_inbound SET payload = '' WHERE id IN ({})", &[], &self.erased);
        let change = interaction::add(change, self.records.iter(), &self.begun, now_ms);
        let change = if self.erased.is_empty() { change } else { change.erasing() };
        let change = finish::done(change, owner, self.webhooks.into_iter());
        self.answered.into_iter().fold(change, asked::end)
    }
}

/// A message as it is written: where somebody does not get what it says, there is no copy that would hold who is called
/// back of that.
fn as_kept<'a>(message: &'a Message, text: &HandledText, said: &[NewInteraction]) -> Cow<'a, Message> {
    match &text.unheard {
        Some(content) if said.iter().any(|one| one.copy.is_err()) => {
            Cow::Owned(Message { content: content.clone(), ..message.clone() })
        }
        _ => Cow::Borrowed(message),
    }
}
