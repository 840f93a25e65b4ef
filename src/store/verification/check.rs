//! Codes that come back, looked at in batches: each takes its try, is compared, and is answered after the commit that
//! says so. Several for one verification are decided in their order, whoever sent them.

mod seen;

use std::borrow::Cow;
use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use self::seen::SeenVerifications;
use super::pending::PendingKey;
use super::{Verification, failure};
use crate::crypto::MasterKey;
use crate::model::{ClientId, Clock, Id as _, Millis, Secret, VerificationDoor, VerificationId, VerificationStatus};
use crate::store::batch::{BatchWrite, BatchWriter, WRITERS};
use crate::store::code;
use crate::store::event::PendingEvents;
use crate::store::guard::VerifiedFact;
use crate::store::{Change, Error, Result, Store};

/// By what the verification is found that a code is for.
#[derive(Clone, Copy, Debug)]
pub enum CheckedName {
    Id(VerificationId),
    /// While it is pending, and of the older door for a while behind that.
    Key(PendingKey),
}

/// A code that somebody has typed.
pub struct NewCheck {
    pub client: ClientId,
    pub whom: CheckedName,
    /// Digits alone.
    pub code: Secret,
}

/// What a code comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeVerdict {
    Approved,
    /// So many may still be tried.
    Wrong {
        left: i64,
    },
    /// It was over before; its status says how.
    Over,
    /// Too many were wrong for this person, whatever they were meant to open: it is not looked at.
    Blocked,
    /// It cannot be one of this length: no try is taken for it.
    Misfit,
}

/// What is told of a code.
#[derive(Debug)]
pub enum CheckAnswer {
    /// The client has none like that.
    Unknown,
    /// As it is after it; with what the guard is to know of whoever was proved.
    Known(Box<Verification>, CodeVerdict, Option<Box<VerifiedFact>>),
}

/// What has come of a verification, and is told in the same commit.
#[derive(Debug)]
pub enum CheckNote {
    /// It is over, as its status says.
    Ended(Verification),
    /// Codes for its person are not looked at any more.
    Blocked(Verification),
}

/// Makes what is told of it.
pub type CheckEvents = Box<dyn Fn(&[CheckNote], Millis) -> PendingEvents + Send + Sync>;

/// How codes that come back are told of.
pub struct CheckHooks {
    pub told: CheckEvents,
    /// Says that something told is committed.
    pub wake: Box<dyn Fn() + Send + Sync>,
}

/// Looks at batches of codes.
pub struct CheckWriter {
    pub store: Store,
    pub master: Arc<MasterKey>,
    pub clock: Clock,
    pub hooks: CheckHooks,
}

/// The way in.
pub struct CodeChecker(BatchWriter<CheckWriter>);

impl CodeChecker {
    /// Looks at a code together with its neighbours; returns after their commit.
    pub async fn check(&self, new: NewCheck) -> Result<CheckAnswer> {
        self.0.write(new).await
    }
}

impl CheckWriter {
    pub fn open(self) -> CodeChecker {
        CodeChecker(BatchWriter::start_many(self, WRITERS))
    }

    /// What a code comes to, and what that makes of its verification and its person.
    fn decide(&self, item: &NewCheck, seen: &mut SeenVerifications, now_ms: Millis) -> Result<CheckAnswer> {
        let Some(id) = seen.named(item.whom, item.client) else { return Ok(CheckAnswer::Unknown) };
        let verdict = self.verdict(item, id, seen, now_ms)?;
        let Some(one) = seen.all.get(&id) else { return Ok(CheckAnswer::Unknown) };
        let fact = one.fact.clone().filter(|_| verdict == CodeVerdict::Approved).map(Box::new);
        Ok(CheckAnswer::Known(Box::new(one.verification.clone()), verdict, fact))
    }

    fn verdict(
        &self,
        item: &NewCheck,
        id: VerificationId,
        seen: &mut SeenVerifications,
        now_ms: Millis,
    ) -> Result<CodeVerdict> {
        let Some(one) = seen.all.get(&id) else { return Ok(CodeVerdict::Over) };
        let (verification, person) = (&one.verification, one.person);
        if verification.status == VerificationStatus::Pending && verification.expires_ms <= now_ms {
            seen.end(id, VerificationStatus::Expired, now_ms);
            seen.release(item.whom, id);
            return Ok(CodeVerdict::Over);
        }
        if verification.status.is_over() {
            seen.release(item.whom, id);
            return Ok(CodeVerdict::Over);
        }
        if seen.failures(person, now_ms) >= failure::MOST {
            return Ok(CodeVerdict::Blocked);
        }
        let length = usize::try_from(verification.code_length).unwrap_or_default();
        let given = as_given(item.code.expose(), length, verification.door);
        if verification.door == VerificationDoor::V1 && given.len() != length {
            return Ok(CodeVerdict::Misfit);
        }
        let right = self.opened(one.sealed.as_deref(), id)?;
        let is_right: bool = right.as_slice().ct_eq(given.as_bytes()).into();
        if is_right {
            seen.approve(id, now_ms);
            return Ok(CodeVerdict::Approved);
        }
        Ok(CodeVerdict::Wrong { left: seen.miss(id, now_ms) })
    }

    fn opened(&self, sealed: Option<&[u8]>, id: VerificationId) -> Result<Zeroizing<Vec<u8>>> {
        let sealed = sealed.ok_or_else(|| Error::Data("a pending verification without a code".into()))?;
        Ok(self.master.open(code::place(&id.hex()), sealed)?)
    }
}

/// A code as it is compared. At the older door it is a number: noughts before it say nothing.
fn as_given(typed: &str, length: usize, door: VerificationDoor) -> Zeroizing<String> {
    Zeroizing::new(match door {
        VerificationDoor::Older => format!("{:0>length$}", typed.trim_start_matches('0')),
        VerificationDoor::V1 | VerificationDoor::Twilio => typed.to_owned(),
    })
}

impl BatchWrite for CheckWriter {
    type Item = NewCheck;
    type Done = CheckAnswer;
    type Answer = CheckAnswer;

    const TRIES_AGAIN: u32 = 20;

    fn row<'a>(&self, item: &'a NewCheck) -> Option<Cow<'a, [u8]>> {
        Some(match &item.whom {
            CheckedName::Id(id) => id.bytes().to_vec().into(),
            CheckedName::Key(key) => key.as_bytes().into(),
        })
    }

    async fn write(&self, items: &[NewCheck]) -> Result<Vec<CheckAnswer>> {
        let mut seen = SeenVerifications::look_up(&self.store, items).await?;
        let now_ms = self.clock.now_ms();
        let mut done = Vec::with_capacity(items.len());
        for item in items {
            done.push(self.decide(item, &mut seen, now_ms)?);
        }
        if !seen.is_changed() {
            return Ok(done);
        }
        let told = (self.hooks.told)(&seen.notes, now_ms);
        self.store.commit(seen.write(Change::new(), &told, now_ms)).await?;
        if !told.new.is_empty() {
            (self.hooks.wake)();
        }
        Ok(done)
    }

    fn finish(&self, _item: NewCheck, done: CheckAnswer) -> CheckAnswer {
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noughts_before_a_code_say_nothing_at_the_older_door_alone() {
        let given = |code: &str, door| as_given(code, 4, door).as_str().to_owned();
        for (code, older) in [("42", "0042"), ("0042", "0042"), ("00042", "0042"), ("0", "0000"), ("12345", "12345")] {
            assert_eq!(given(code, VerificationDoor::Older), older, "{code}");
            assert_eq!(given(code, VerificationDoor::V1), code);
            assert_eq!(given(code, VerificationDoor::Twilio), code);
        }
    }
}
