//! What a batch of receipts comes to: what is kept of each, where messages and calls move, and who is told.

use std::collections::HashMap;

use super::{ParsedReceipt, WebhookJob, read};
use crate::model::message::MessageState;
use crate::model::{CallStatus, Channel, MessageId, Millis};
use crate::provider::{self, CallNotes};
use crate::store::call::Call;
use crate::store::inbound::finish::FoldedReceipts;
use crate::store::message::Message;
use crate::store::receipt::NewReceipt;

/// A message, or a call, has come so far.
pub(super) struct ReceiptStep<T> {
    pub message: Message,
    pub state: T,
    pub code: Option<i64>,
}

#[derive(Default)]
pub(super) struct ReceiptBatchPlan {
    pub folded: FoldedReceipts,
    /// What has been said, by message and name, with its error.
    pub known: HashMap<(MessageId, String), Option<i64>>,
    /// Where messages have come to, each by its last step.
    pub now: HashMap<MessageId, (MessageState, Option<i64>)>,
    /// Each step, for those who listen.
    pub steps: Vec<ReceiptStep<MessageState>>,
    /// Calls: as they were read, and as they are now.
    pub calls: HashMap<MessageId, (Call, Call)>,
    pub call_steps: Vec<(ReceiptStep<Call>, CallNotes)>,
    /// Of messages that no provider is known to have taken: the answer may not be written yet.
    pub early: Vec<WebhookJob>,
    pub opted_out: Vec<Message>,
}

impl ReceiptBatchPlan {
    pub fn add(&mut self, one: &ParsedReceipt<'_>, message: &Message) {
        self.folded.done.push(one.job.id);
        let key = (message.id, read::name(&one.said));
        let code = one.said.error_code;
        match self.known.get(&key).copied() {
            None => self.say(one, message, &key.1),
            // said before: only what was missing counts
            Some(had) => {
                self.measure(one, message);
                let Some(news) = code.filter(|_| had.is_none()) else { return };
                self.fill(message.id, &key.1, news);
                self.explain(message, one.said.state, code);
            }
        }
        self.known.insert(key, code);
        if provider::opted_out(one.provider, code) && message.channel == Channel::Sms {
            self.opted_out.push(message.clone());
        }
    }

    /// A thing not said before of a message. A word that we do not know is kept, and nothing follows from it.
    fn say(&mut self, one: &ParsedReceipt<'_>, message: &Message, name: &str) {
        let (code, at_ms) = (one.said.error_code, one.said.at_ms.unwrap_or(one.job.received_ms));
        let (name, word) = (name.to_owned(), one.said.shown_word());
        self.folded.said.push(NewReceipt { message: message.id, name, word, error_code: code, at_ms });
        let Some(state) = one.said.state else { return };
        let stands = self.now.get(&message.id).map_or(message.state, |(state, _)| *state);
        self.move_call(one, message, stands.is_final(), at_ms);
        if !stands.may_become(state) {
            self.explain(message, Some(state), code);
            return;
        }
        // what goes well has no error, whatever code comes with it
        let code = code.filter(|_| state.is_failure());
        self.now.insert(message.id, (state, code));
        if one.said.call.is_none() {
            self.steps.push(ReceiptStep { message: message.clone(), state, code });
        }
        if matches!(state, MessageState::Undelivered | MessageState::Failed) {
            self.folded.untold.extend(message.verification().map(|verification| (message.id, verification)));
        }
        if state.is_failure() && message.cost.is_some() {
            self.folded.refunded.push(message.clone());
        }
    }

    /// The code of a receipt that had come without.
    fn fill(&mut self, message: MessageId, name: &str, code: i64) {
        match self.folded.said.iter_mut().find(|said| said.message == message && said.name == name) {
            Some(said) => said.error_code = Some(code),
            None => self.folded.codes.push((message, name.to_owned(), code)),
        }
    }

    /// Why a message failed, said after that it did. Nobody is told again: it moves nowhere.
    fn explain(&mut self, message: &Message, state: Option<MessageState>, code: Option<i64>) {
        let is_theirs = |state: MessageState| matches!(state, MessageState::Undelivered | MessageState::Failed);
        let Some(why) = code.filter(|_| state.is_some_and(is_theirs)) else { return };
        match self.now.get_mut(&message.id) {
            Some((now, had @ None)) if is_theirs(*now) => {
                *had = code;
                // not told yet either
                let steps = self.steps.iter_mut().filter(|step| step.message.id == message.id);
                steps.filter(|step| is_theirs(step.state)).for_each(|step| step.code = code);
            }
            None if is_theirs(message.state) && message.error_code.is_none() => {
                self.folded.explained.push((message.id, message.state, why));
            }
            Some(_) | None => {}
        }
    }

    /// A provider's word of a call. That it begins has been told when it was taken.
    fn move_call(&mut self, one: &ParsedReceipt<'_>, message: &Message, is_over: bool, at_ms: Millis) {
        let Some((step, (_, now))) = one.said.call.as_ref().zip(self.calls.get_mut(&message.id)) else { return };
        let is_told = !matches!(step.status, CallStatus::Queued | CallStatus::Initiated);
        let told = if let Some(next) = now.after(step.status, step.duration, at_ms) {
            *now = next;
            (!is_over).then_some(next)
        } else if let Some(next) = now.before(step.status, at_ms) {
            // it came after what came later: whoever asked for it hears of it all the same
            *now = next;
            Some(Call { status: step.status, ended_ms: None, duration: None, ..next })
        } else {
            None
        };
        if let Some(state) = told.filter(|_| is_told) {
            let step_of = ReceiptStep { message: message.clone(), state, code: one.said.error_code };
            self.call_steps.push((step_of, step.notes.clone()));
        }
    }

    /// How long a call was, where its end had been told without.
    fn measure(&mut self, one: &ParsedReceipt<'_>, message: &Message) {
        let Some((step, (_, now))) = one.said.call.as_ref().zip(self.calls.get_mut(&message.id)) else { return };
        if now.status == step.status && now.status.is_final() {
            *now = now.measured(step.duration);
        }
    }
}
