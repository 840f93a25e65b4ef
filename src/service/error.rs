//! The one error of the services: what kind it is, which field it is about, and what whoever asked is told.

use std::borrow::Cow;
use std::fmt;

use super::message::BrokenMessageLimit;
use super::session::NumberShortage;
use super::sheet::BadSheetLines;
use crate::model::VerificationRefusal;
use crate::{crypto, store};

/// What a service comes to.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a service did not do what it was asked. Doors choose their status and their words by the kind.
#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    /// The field of the request that is wrong, by its name in the API; its name stands before the detail.
    pub field: Option<&'static str>,
    /// What whoever asked is told; of a fault of ours, only the log.
    pub detail: Cow<'static, str>,
    /// When the same request may succeed, where that is known: in so many seconds.
    pub retry_after_secs: Option<u32>,
    /// What the store said, where that is the reason; only the log is told.
    pub source: Option<store::Error>,
}

/// What doors tell apart.
#[derive(Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A value that cannot be.
    Invalid,
    /// A limit that an order does not keep.
    Limit(BrokenMessageLimit),
    /// Lines of a file are wrong; nothing of it was taken.
    Lines(Box<BadSheetLines>),
    /// What came from outside is proved to be a carrier's, and cannot be read.
    Unreadable,
    TooLong,
    /// What came from outside is nobody's that we know.
    Forged,
    /// It is known who asks, and they may not.
    Forbidden,
    /// A text that would be refused again: done with.
    Refused,
    /// The recipient wants nothing from this number.
    OptedOut,
    NotFound,
    /// It contradicts what is there.
    Conflict,
    /// The same Idempotency-Key came with another request before.
    KeyReused,
    /// The message is being sent, or is over.
    TooLate,
    /// The message has not been sent yet.
    NotOver,
    Unpayable,
    /// No route leads to the destination.
    NoRoute,
    /// No number of a pool is free for somebody.
    NoNumber(NumberShortage),
    /// A code is not sent, or not looked at.
    Verification(VerificationRefusal),
    /// A carrier was asked, and gave no good answer.
    Provider,
    /// What is needed is away: the same request may succeed later.
    Unavailable,
    /// Too many write the same: the same request may succeed in a moment.
    Busy,
    /// A fault of ours.
    Internal,
}

impl Error {
    pub fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, field: None, detail: detail.into(), retry_after_secs: None, source: None }
    }

    pub fn invalid(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field), ..Self::new(ErrorKind::Invalid, reason) }
    }

    pub fn limit(limit: BrokenMessageLimit) -> Self {
        Self { field: Some(limit.field()), ..Self::new(ErrorKind::Limit(limit), limit.reason()) }
    }

    pub fn lines(wrong: BadSheetLines) -> Self {
        let detail = format!("{} lines are wrong, and nothing was taken", wrong.count);
        Self::new(ErrorKind::Lines(Box::new(wrong)), detail)
    }

    /// There is no such thing, or it is somebody else's.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("no such {what}"))
    }

    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Conflict, detail)
    }

    /// The same error, of this field.
    #[must_use]
    pub fn about(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    pub fn key_reused() -> Self {
        Self::new(ErrorKind::KeyReused, "this Idempotency-Key came with another request before")
    }

    pub fn no_message() -> Self {
        Self::not_found("message")
    }

    /// A message that is to be taken back, or a call that is to be ended.
    pub fn too_late() -> Self {
        Self::new(ErrorKind::TooLate, "the message is being sent, or is over")
    }

    /// A message that is to be redacted.
    pub fn not_over() -> Self {
        Self::new(ErrorKind::NotOver, "the message has not been sent yet: cancel it instead")
    }

    pub fn opted_out() -> Self {
        Self::new(ErrorKind::OptedOut, "the recipient has opted out of texts from this number")
    }

    pub fn unpayable() -> Self {
        Self::new(ErrorKind::Unpayable, "the balance is too low for this message")
    }

    pub fn verification(why: VerificationRefusal, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Verification(why), detail)
    }

    /// The same error, with the time after which the request may succeed.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_secs: Some(seconds), ..self }
    }

    /// A field names an account that is not there.
    pub fn no_account() -> Self {
        Self::invalid("account_id", "no such account")
    }

    /// Others were first again and again.
    pub fn busy(reason: impl Into<String>) -> Self {
        store::Error::Busy(reason.into()).into()
    }
}

/// The store's own words where it has the reason, as the log wants them; else what whoever asked is told.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.field) {
            (Some(source), _) => write!(f, "{source}"),
            (None, Some(field)) => write!(f, "{field}: {}", self.detail),
            (None, None) => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Error {
    /// What is behind the words that are shown: those of the store are shown already.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().and_then(std::error::Error::source)
    }
}

impl From<store::Error> for Error {
    fn from(source: store::Error) -> Self {
        let (kind, detail) = match &source {
            store::Error::Unavailable(_) => (ErrorKind::Unavailable, "the store is away; try again"),
            store::Error::Busy(_) => (ErrorKind::Busy, "the store is busy; try again"),
            store::Error::Conflict
            | store::Error::Guard(_)
            | store::Error::Refused(_)
            | store::Error::Data(_)
            | store::Error::TooOld
            | store::Error::Crypto(_) => (ErrorKind::Internal, "the store failed"),
        };
        Self { source: Some(source), ..Self::new(kind, detail) }
    }
}

impl From<crypto::Error> for Error {
    fn from(error: crypto::Error) -> Self {
        store::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_the_stores_words_and_who_asked_has_ours() {
        let away = Error::from(store::Error::Unavailable("no route to host".to_owned()));
        assert_eq!((&away.kind, &*away.detail), (&ErrorKind::Unavailable, "the store is away; try again"));
        assert_eq!(away.to_string(), "the store is away: no route to host");
        let busy = Error::busy("others keep changing this number");
        assert_eq!((&busy.kind, &*busy.detail), (&ErrorKind::Busy, "the store is busy; try again"));
        for fault in [store::Error::Conflict, store::Error::Guard(1), store::Error::Data("x".to_owned())] {
            assert_eq!(Error::from(fault).kind, ErrorKind::Internal);
        }
        assert_eq!(Error::from(crypto::Error::Undecryptable).to_string(), "does not decrypt");
    }

    #[test]
    fn a_field_stands_before_what_is_wrong_with_it() {
        assert_eq!(Error::invalid("to", "is no phone number").to_string(), "to: is no phone number");
        assert_eq!(Error::limit(BrokenMessageLimit::Media).to_string(), "media_urls: must be 10 at most");
        assert_eq!(Error::not_found("pool").to_string(), "no such pool");
        let wrong = BadSheetLines { first: Vec::new(), count: 3 };
        assert_eq!(Error::lines(wrong).to_string(), "3 lines are wrong, and nothing was taken");
    }
}
