//! A code on its way out: whom it may go to, what limits and the guard say, what its text is, and the commit.

use super::limit::{LimitReservation, LimitedSend};
use super::template::CodeText;
use super::{ServiceSettings, Verification, Verifications};
use crate::model::address::PhonePlan;
use crate::model::guard::GuardOrigin;
use crate::model::permission::PlannedNumber;
use crate::model::{Address, Millis, Secret, VerificationRefusal};
use crate::service::client::ApiConsumer;
use crate::service::guard::GuardedSend;
use crate::service::idempotency::{IdempotencyFingerprint, StoredReply};
use crate::service::message::ChargeResult;
use crate::service::{Error, ErrorKind, Result};
use crate::store;
use crate::store::AuditTrail;
use crate::store::event::PendingEvents;
use crate::store::outbox::intake::{IdempotencyRecord, NewMessage};
use crate::store::verification::intake::{CodeAcceptResult, CodeTurn, NewCode};

/// A code that is to go out.
pub(super) struct PreparedCode {
    /// How its verification will be.
    pub(super) after: Verification,
    pub(super) turn: CodeTurn,
    /// Its code, where that is new.
    pub(super) code: Option<Secret>,
    /// What the numbering plans say of its number: they are asked once.
    pub(super) plan: PhonePlan,
    /// Where it goes to and comes from.
    pub(super) origin: GuardOrigin,
    pub(super) at_ms: Millis,
    pub(super) callback_url: Option<String>,
}

impl PreparedCode {
    pub(super) fn new(after: Verification, turn: CodeTurn, at_ms: Millis) -> Self {
        let to = Address::stored(after.address.as_str());
        let plan = PhonePlan::of(&to);
        let origin = GuardOrigin::planned(&to, plan, after.extra.device_ip);
        Self { after, turn, code: None, plan, origin, at_ms, callback_url: None }
    }

    /// What gives way to it.
    pub(super) fn before(&self) -> Option<&Verification> {
        match &self.turn {
            CodeTurn::First { before, .. } => before.as_ref().map(|before| &before.0),
            CodeTurn::Again { .. } => None,
        }
    }
}

/// How a door writes the reply that is kept for a request that comes again.
pub(super) type VerificationReplyText<'a> = &'a (dyn Fn(&Verification) -> String + Sync);

/// Who asks for it, and what is kept and written down of that.
pub(super) struct CodeNote<'a> {
    pub(super) consumer: &'a ApiConsumer,
    pub(super) to: &'a Address,
    pub(super) service: &'a ServiceSettings,
    /// The name of its request, and the reply to keep for that: what its text has warned of is part of it.
    pub(super) kept: Option<(IdempotencyFingerprint, VerificationReplyText<'a>)>,
    pub(super) entry: AuditTrail,
}

/// What came of it.
pub(super) enum CodeSendResult {
    Sent(Box<Verification>, Option<ChargeResult>),
    /// What was told when the same request came first.
    Replayed(StoredReply),
}

impl Verifications {
    /// Sends a code, or says why not. What is not sent uses up no limit. A race is told as one.
    pub(super) async fn send(&self, code: PreparedCode, note: CodeNote<'_>) -> Result<CodeSendResult> {
        if code.after.extra.is_test {
            return self.commit(code, None, note).await;
        }
        // what is wrong with the order itself uses up nothing, and is nothing to the guard
        let text = self.text(&code, &note).await?;
        let taken = self.admit(&code, &note).await?;
        let (of, at_ms) = (code.after.id, code.at_ms);
        let client = code.after.client;
        let sent = self.told(code, text, note).await;
        if !matches!(sent, Ok(CodeSendResult::Sent(..))) {
            self.parts.limits.give_back(taken).await;
            self.parts.guard.taken_back(client, of, &[at_ms], at_ms).await;
        }
        sent
    }

    /// Whether it may go there. What is refused is told to the guard, whoever refuses it.
    async fn admit(&self, code: &PreparedCode, note: &CodeNote<'_>) -> Result<LimitReservation> {
        let parts = &self.parts;
        let (of, to) = (&code.after, note.to);
        let taken = self.limited(code, note).await;
        let refused_by = taken.as_ref().err().and_then(refusing);
        if refused_by.is_none() && taken.is_err() {
            return taken;
        }
        let send = GuardedSend {
            client: of.client,
            verification: of.id,
            to,
            origin: &code.origin,
            device_ip: of.extra.device_ip,
            channel: of.channel,
            risk_check: !of.extra.is_unguarded,
            refused_by,
            at_ms: code.at_ms,
        };
        let verdict = parts.guard.judge(&send).await;
        let taken = taken?;
        if verdict.allowed {
            return Ok(taken);
        }
        parts.limits.give_back(taken).await;
        let reason = format!(
            "the guard against pumping blocks this: too many codes go there, or come from there, that nobody types \
             (decision {})",
            verdict.decision
        );
        Err(Error::verification(VerificationRefusal::Blocked, reason))
    }

    /// By permissions, unless its number is on the safe list, and by limits.
    async fn limited(&self, code: &PreparedCode, note: &CodeNote<'_>) -> Result<LimitReservation> {
        let parts = &self.parts;
        let (of, to) = (&code.after, note.to);
        if !parts.guard.is_safe(of.client, to, &code.origin, of.extra.device_ip) {
            let number = PlannedNumber::known(to, code.plan);
            parts.permissions.check(of.client, number, of.channel, note.service.skip_sms_to_landlines)?;
        }
        let send = LimitedSend {
            client: of.client,
            service: of.service,
            to,
            device_ip: of.extra.device_ip,
            named: &of.extra.rate_limits,
            at_ms: code.at_ms,
        };
        parts.limits.take(&send).await
    }

    /// Makes the message that carries its text, and commits both.
    async fn told(&self, mut code: PreparedCode, text: CodeText, note: CodeNote<'_>) -> Result<CodeSendResult> {
        if code.after.extra.warnings != text.warnings {
            code.after.extra.warnings.clone_from(&text.warnings);
            if let CodeTurn::Again { extra } = &mut code.turn {
                *extra = Some(Box::new(code.after.extra.clone()));
            }
        }
        let message = self.message(&code, &note, text).await?;
        self.commit(code, Some(message), note).await
    }

    async fn commit(&self, code: PreparedCode, text: Option<NewMessage>, note: CodeNote<'_>) -> Result<CodeSendResult> {
        let (parts, mut after) = (&self.parts, code.after);
        let told = self.events_of(&after, &code.turn, code.at_ms);
        // whoever is woken for nothing looks into the store
        let is_told = !told.new.is_empty() || text.as_ref().is_some_and(|text| !text.told.new.is_empty());
        let has_text = text.is_some();
        let kept = note.kept.map(|(named, reply)| {
            let reply = reply(&after);
            IdempotencyRecord { named, reply, with_balance: false }
        });
        let new = NewCode {
            verification: after.clone(),
            turn: code.turn,
            text,
            country: code.origin.region().map(str::to_owned),
            at_ms: code.at_ms,
            told,
            kept,
            entry: note.entry,
        };
        match parts.intake.accept(new).await? {
            CodeAcceptResult::Stored { sends, paid } => {
                parts.relay.messages.stored(usize::from(has_text));
                if is_told {
                    parts.events.wake();
                }
                if paid.is_some_and(|paid| paid.is_low) {
                    parts.relay.tell_low(after.client);
                }
                after.sends = sends;
                Ok(CodeSendResult::Sent(Box::new(after), paid))
            }
            CodeAcceptResult::Replayed(reply) => Ok(CodeSendResult::Replayed(reply)),
            CodeAcceptResult::KeyReused => Err(Error::key_reused()),
            CodeAcceptResult::OptedOut => {
                let reason = "the recipient has opted out of texts from this number, or from another of this client's: \
                              a call may do";
                Err(Error::new(ErrorKind::OptedOut, reason))
            }
            CodeAcceptResult::Unpayable => Err(Error::unpayable()),
            CodeAcceptResult::Raced => Err(store::Error::Conflict.into()),
        }
    }

    /// A new one is told of, and what gives way to it; one that goes out again is not.
    fn events_of(&self, after: &Verification, turn: &CodeTurn, at_ms: Millis) -> PendingEvents {
        let mut batch = self.parts.events.batch();
        if let CodeTurn::First { before, .. } = turn {
            if let Some((before, status)) = before.as_deref().filter(|(before, _)| !before.status.is_over()) {
                let mut ended = before.clone();
                ended.status = *status;
                ended.sequence += 1;
                batch.verification(&ended, at_ms);
            }
            batch.verification(after, at_ms);
        }
        batch.into_rows()
    }
}

/// By what the guard is told that it was refused; what is wrong with the order itself is nothing to it.
fn refusing(error: &Error) -> Option<&'static str> {
    match error.kind {
        ErrorKind::Verification(
            VerificationRefusal::Country | VerificationRefusal::Premium | VerificationRefusal::Landline,
        ) => Some("permission"),
        ErrorKind::Verification(why) if why.is_limit() => Some("limit"),
        _ => None,
    }
}
