//! A code for a phone: a new one, or the one that is pending there once more.

use std::sync::atomic::{AtomicBool, Ordering};

use rand::RngCore as _;
use rand::rngs::OsRng;

use super::order::{CreateResult, VerificationOrder};
use super::send::{CodeNote, CodeSendResult, PreparedCode, VerificationReplyText};
use super::terms::{self, CodeTerms};
use super::{Verification, VerificationExtra, Verifications, allow, allow_to};
use crate::model::{
    Address, CodeChannel, Millis, Secret, VerificationDoor, VerificationId, VerificationRefusal, VerificationStatus,
};
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::idempotency::{IdempotencyFingerprint, IdempotencyKey};
use crate::service::race::settled;
use crate::service::vault::VaultAnswer;
use crate::service::{Error, ErrorKind, Result};
use crate::store::code;
use crate::store::verification::intake::CodeTurn;
use crate::store::verification::{PendingKey, PendingName};

/// With less time left, what is pending is not sent again: nobody could type it.
const WORTH_SENDING_MS: Millis = 120_000;

/// Who asks, and what is kept and written down of it.
struct AskedCode<'a> {
    consumer: &'a ApiConsumer,
    named: Option<&'a IdempotencyFingerprint>,
    reply: VerificationReplyText<'a>,
    audit: &'a AuditContext<'a, Verification>,
}

impl Verifications {
    /// Sends a code. Where one is pending for the same client, service and number, that goes out again; at the older
    /// door there is always a new one.
    pub async fn create(
        &self,
        consumer: &ApiConsumer,
        order: VerificationOrder,
        key: Option<IdempotencyKey>,
        reply: VerificationReplyText<'_>,
        audit: &AuditContext<'_, Verification>,
    ) -> Result<CreateResult> {
        allow_to(consumer, &order.to)?;
        if !order.risk_check && consumer.key.is_some() {
            let reason = "this key may not pass over the guard: that takes the client's auth token";
            return Err(Error::new(ErrorKind::Forbidden, reason));
        }
        let messages = &self.parts.relay.messages;
        let named = key.map(|key| messages.named(consumer.client, key, &order.canonical()));
        // what came before uses up no limit
        if let Some(kept) = messages.replayed(named.as_ref()).await? {
            return Ok(CreateResult::Again(kept));
        }
        terms::check(&order)?;
        let terms = self.terms(consumer.client, &order).await?;
        let asked = AskedCode { consumer, named: named.as_ref(), reply, audit };
        // where nothing went of late nothing is pending; if something is after all, that is a race, and then it is read
        let reads = AtomicBool::new(self.may_be_pending(consumer, &order));
        let attempt = || self.attempt(&asked, &order, &terms, reads.swap(true, Ordering::Relaxed));
        settled("this verification", attempt).await
    }

    /// Whether there may be one under its name, as far as this node knows; others write to a shared store.
    fn may_be_pending(&self, consumer: &ApiConsumer, order: &VerificationOrder) -> bool {
        let parts = &self.parts;
        parts.store.is_shared() || order.auth_id.is_some() || parts.limits.may_have_sent(consumer.client, &order.to)
    }

    async fn attempt(
        &self,
        asked: &AskedCode<'_>,
        order: &VerificationOrder,
        terms: &CodeTerms,
        reads: bool,
    ) -> Result<CreateResult> {
        let consumer = asked.consumer;
        let name = order.auth_id.as_deref().map_or(PendingName::Number(&order.to), PendingName::AuthId);
        let key = PendingKey::of(consumer.client, order.service, name);
        let found = if reads { self.pending.write(key).await? } else { None };
        let now_ms = self.parts.clock.now_ms();
        let goes_on = match &found {
            Some(found) => self.goes_on(found, terms, now_ms).await?,
            None => false,
        };
        let prepared = match found {
            Some(found) if goes_on => again(&found, order.channel, terms, now_ms)?,
            found => self.first(consumer, order, terms, (found, now_ms))?,
        };
        let entry = asked.audit.entry(now_ms, prepared.after.id, prepared.before(), Some(&prepared.after));
        let kept = asked.named.map(|named| (named.clone(), asked.reply));
        let note = CodeNote { consumer, to: &order.to, service: &terms.service, kept, entry };
        let callback_url = order.callback_url.clone();
        match self.send(PreparedCode { callback_url, ..prepared }, note).await? {
            CodeSendResult::Sent(verification, paid) => Ok(CreateResult::Sent(verification, paid)),
            CodeSendResult::Replayed(reply) => Ok(CreateResult::Again(reply)),
        }
    }

    /// Whether what is pending under its name is what goes out.
    async fn goes_on(&self, found: &Verification, terms: &CodeTerms, now_ms: Millis) -> Result<bool> {
        if found.door == VerificationDoor::Older || found.is_over_at(now_ms) {
            return Ok(false);
        }
        if found.expires_ms - now_ms < WORTH_SENDING_MS {
            return Ok(false);
        }
        // another code of the caller's is another verification
        let Some(wanted) = terms.code.as_ref().filter(|_| terms.extra.is_custom) else { return Ok(true) };
        let known = self.parts.calls.vault.look(found.id).await?;
        Ok(matches!(known, VaultAnswer::Code { code, .. } if code == *wanted))
    }

    fn first(
        &self,
        consumer: &ApiConsumer,
        order: &VerificationOrder,
        terms: &CodeTerms,
        (found, now_ms): (Option<Verification>, Millis),
    ) -> Result<PreparedCode> {
        let id = VerificationId::new(now_ms);
        let code = terms.code.clone().unwrap_or_else(|| random_code(terms.code_length));
        let sealed = self.parts.master.seal(code::place(&id.hex()), code.expose().as_bytes())?;
        let after = Verification {
            id,
            client: consumer.client,
            service: order.service,
            address: order.to.as_str().to_owned(),
            channel: order.channel,
            status: VerificationStatus::Pending,
            code_length: terms.code_length.into(),
            tries: 0,
            max_tries: terms.max_checks.into(),
            sends: 1,
            max_sends: terms.max_sends.into(),
            door: order.door,
            auth_id: order.auth_id.clone(),
            extra: terms.extra.clone(),
            created_ms: now_ms,
            changed_ms: now_ms,
            expires_ms: now_ms + terms.ttl_ms,
            ended_ms: None,
            sequence: 1,
        };
        let before = found.map(|found| {
            let status =
                if found.expires_ms <= now_ms { VerificationStatus::Expired } else { VerificationStatus::Deleted };
            Box::new((found, status))
        });
        let turn = CodeTurn::First { sealed, before };
        Ok(PreparedCode { code: Some(code), ..PreparedCode::new(after, turn, now_ms) })
    }

    /// Sends a pending code again, on another channel where one is named.
    pub async fn resend(
        &self,
        consumer: &ApiConsumer,
        id: VerificationId,
        channel: Option<CodeChannel>,
        audit: &AuditContext<'_, Verification>,
    ) -> Result<Verification> {
        allow(consumer)?;
        settled("this verification", || async {
            let found = self.find(consumer.client, id).await?;
            let to = Address::stored(found.address.as_str());
            allow_to(consumer, &to)?;
            let channel = channel.unwrap_or(found.channel);
            let extra = found.extra.clone();
            self.send_again(consumer, &found, (channel, extra), audit).await
        })
        .await
    }

    /// Sends the code of one that was read again.
    pub(super) async fn send_again(
        &self,
        consumer: &ApiConsumer,
        found: &Verification,
        (channel, extra): (CodeChannel, VerificationExtra),
        audit: &AuditContext<'_, Verification>,
    ) -> Result<Verification> {
        let now_ms = self.parts.clock.now_ms();
        if found.is_over_at(now_ms) {
            return Err(over(found, now_ms));
        }
        let service = self.service_of(found).await?;
        let prepared = once_more(found, channel, extra, now_ms)?;
        let to = Address::stored(found.address.as_str());
        let entry = audit.entry(now_ms, found.id, Some(found), Some(&prepared.after));
        let note = CodeNote { consumer, to: &to, service: &service, kept: None, entry };
        match self.send(prepared, note).await? {
            CodeSendResult::Sent(verification, _) => Ok(*verification),
            // it has no name under which it could have come before
            CodeSendResult::Replayed(_) => Err(Error::busy("this code was sent before")),
        }
    }
}

/// What is pending goes out once more, in the words of who asks for it now.
fn again(found: &Verification, channel: CodeChannel, terms: &CodeTerms, now_ms: Millis) -> Result<PreparedCode> {
    let mut extra = terms.extra.clone();
    extra.is_custom = found.extra.is_custom;
    extra.warnings.clone_from(&found.extra.warnings);
    once_more(found, channel, extra, now_ms)
}

fn once_more(
    found: &Verification,
    channel: CodeChannel,
    extra: VerificationExtra,
    now_ms: Millis,
) -> Result<PreparedCode> {
    if found.sends >= found.max_sends {
        let reason = format!("this code was sent {} times, as often as it may be", found.max_sends);
        return Err(Error::verification(VerificationRefusal::TooManySends, reason));
    }
    let is_other = extra != found.extra;
    let after = Verification { channel, sends: found.sends + 1, changed_ms: now_ms, extra, ..found.clone() };
    let turn = CodeTurn::Again { extra: is_other.then(|| Box::new(after.extra.clone())) };
    let callback_url = after.extra.callback_url.clone();
    Ok(PreparedCode { callback_url, ..PreparedCode::new(after, turn, now_ms) })
}

/// It cannot be changed any more.
pub(super) fn over(found: &Verification, now_ms: Millis) -> Error {
    Error::conflict(format!("the verification is over: it is {}", found.status_at(now_ms).name()))
}

/// So many digits, each as likely as any other.
fn random_code(length: u8) -> Secret {
    let mut digits = String::with_capacity(length.into());
    while digits.len() < usize::from(length) {
        let mut bytes = [0_u8; 16];
        OsRng.fill_bytes(&mut bytes);
        // what is left above 250 would make some digits likelier than others
        let fair = bytes.into_iter().filter(|byte| *byte < 250).map(|byte| char::from(b'0' + byte % 10));
        let missing = usize::from(length) - digits.len();
        digits.extend(fair.take(missing));
    }
    Secret::new(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_digits_and_all_of_them_come() {
        let mut seen = [0_u32; 10];
        for length in 4..=10 {
            for _ in 0..200 {
                let code = random_code(length);
                assert_eq!(code.expose().len(), usize::from(length));
                for digit in code.expose().bytes() {
                    seen[usize::from(digit - b'0')] += 1;
                }
            }
        }
        // of 9,800 each is 980, give or take some
        assert!(seen.iter().all(|count| (700..1_300).contains(count)), "{seen:?}");
    }
}
