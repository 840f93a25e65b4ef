//! A code that comes back, and what its client is told.

use super::order::{CheckOutcome, CheckResult, CheckTarget};
use super::{Verification, Verifications, allow};
use crate::model::verification::{CODE_LENGTH, read_code};
use crate::model::{Address, Secret, VerificationRefusal};
use crate::service::client::ApiConsumer;
use crate::service::{Error, Result};
use crate::store::guard::VerifiedFact;
use crate::store::verification::check::{CheckAnswer, CheckedName, CodeVerdict, NewCheck};
use crate::store::verification::{PendingKey, PendingName};

/// Digits of a number that somebody may take for a code: nobody's memory is filled with them.
const LONGEST: usize = 64;

impl Verifications {
    /// Looks at a code: once it is answered, its try is taken. [`crate::service::ErrorKind::NotFound`]: the client has no
    /// verification like that. One that is over says so itself.
    pub async fn check(&self, consumer: &ApiConsumer, whom: CheckTarget, code: &str) -> Result<CheckResult> {
        allow(consumer)?;
        let is_number = matches!(whom, CheckTarget::AuthId(_));
        let digits = read_code(code).filter(|digits| may_be_code(digits, is_number));
        let digits = digits.ok_or_else(|| Error::invalid("code", "must be 4 to 10 digits"))?;
        let client = consumer.client;
        let key = |service, name| CheckedName::Key(PendingKey::of(client, service, name));
        let whom = match &whom {
            CheckTarget::Id(id) => CheckedName::Id(*id),
            CheckTarget::Number { service, to } => key(*service, PendingName::Number(to)),
            CheckTarget::AuthId(auth_id) => key(None, PendingName::AuthId(auth_id)),
        };
        let answer = self.parts.checker.check(NewCheck { client, whom, code: Secret::new(digits) }).await?;
        let CheckAnswer::Known(verification, verdict, fact) = answer else {
            return Err(Error::not_found("verification"));
        };
        // whoever was proved takes all sends of that out of the guard's levels
        if let Some(fact) = fact {
            self.parts.guard.approved(&fact).await;
        }
        told_of(*verification, verdict)
    }

    /// Whoever was proved takes all sends of that out of the guard's levels.
    pub(super) async fn tell_guard(&self, of: &Verification) {
        if of.extra.is_test {
            return;
        }
        let to = Address::stored(of.address.as_str());
        let at_ms = of.ended_ms.unwrap_or(of.changed_ms);
        self.parts.guard.approved(&VerifiedFact::new(of.client, of.id, &to, of.extra.device_ip, at_ms)).await;
    }
}

/// What its client is told of a code.
fn told_of(verification: Verification, verdict: CodeVerdict) -> Result<CheckResult> {
    let outcome = match verdict {
        CodeVerdict::Approved => CheckOutcome::Approved,
        CodeVerdict::Wrong { left } => CheckOutcome::Wrong { left },
        CodeVerdict::Over => CheckOutcome::Over,
        CodeVerdict::Blocked => {
            let reason = "a hundred codes for this number were wrong: no more are looked at until the last of them \
                          is a day old, or guard reset lifts it";
            return Err(Error::verification(VerificationRefusal::TooManyChecks, reason));
        }
        CodeVerdict::Misfit => {
            return Err(Error::invalid("code", format!("must be {} digits", verification.code_length)));
        }
    };
    Ok(CheckResult { verification, outcome })
}

fn may_be_code(digits: &str, is_number: bool) -> bool {
    if is_number { digits.len() <= LONGEST } else { CODE_LENGTH.contains(&digits.len()) }
}
