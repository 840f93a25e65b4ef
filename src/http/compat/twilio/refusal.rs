//! Which of Twilio's codes a refusal of our services gets.

use super::TwilioCompatRequest;
use super::error::{self, TwilioCompatError, TwilioCompatRefusal};
use crate::http::reply::Refusal;
use crate::model::{Address, Channel};
use crate::service::client::KeyScope;
use crate::service::message::BrokenMessageLimit;
use crate::service::relay::{Order, SenderChoice};
use crate::service::{Error, ErrorKind};

/// The codes that messages and calls do not share.
pub(super) struct TwilioRefusalCodes {
    pub(super) no_from: TwilioCompatError,
    pub(super) sender: TwilioCompatError,
    pub(super) route: TwilioCompatError,
    pub(super) region: TwilioCompatError,
}

/// What a refusal depends on besides its reason.
pub(super) struct TwilioRefusalContext {
    channel: Channel,
    to: Address,
    from: Option<SenderChoice>,
}

impl TwilioRefusalContext {
    pub(super) fn of(order: &Order) -> Self {
        Self { channel: order.channel, to: order.to.clone(), from: order.from.clone() }
    }

    fn sender(&self, words: &TwilioRefusalCodes, reason: &str) -> TwilioCompatRefusal {
        match self.from {
            None => words.no_from.into(),
            Some(SenderChoice::Pool(_)) => error::NO_SENDER.into(),
            Some(SenderChoice::Address(_)) => words.sender.because(reason),
        }
    }
}

/// Why what a client asked for is not sent.
pub(super) fn of(
    visit: &TwilioCompatRequest<'_>,
    words: &TwilioRefusalCodes,
    wish: &TwilioRefusalContext,
    error: Error,
) -> TwilioCompatRefusal {
    let reason = &*error.detail;
    match (&error.kind, error.field) {
        (ErrorKind::Forbidden, _) => {
            if !visit.consumer.may(KeyScope::of(wish.channel)) {
                error::FORBIDDEN.because(reason)
            } else if visit.consumer.may_send_to(wish.to.as_str()) {
                words.sender.because(reason)
            } else {
                words.region.into()
            }
        }
        // of messages, only whom they may go to
        (ErrorKind::Verification(_), _) => words.region.because(reason),
        (ErrorKind::NoRoute, _) => words.route.into(),
        (ErrorKind::Invalid, Some("from")) => wish.sender(words, reason),
        _ => error.into(),
    }
}

/// A field of ours by Twilio's code for it.
fn invalid(field: &str, reason: &str) -> TwilioCompatRefusal {
    match field {
        "to" => error::TO.because(reason),
        "body" => error::LONG.because(reason),
        "callback_url" => error::CALLBACK.because(reason),
        "send_at" => error::SEND_AT.because(reason),
        "media_urls" => error::MEDIA.because(reason),
        "fallback_url" => error::PARAMETER.because(&format!("FallbackUrl {reason}")),
        "machine_detection" => error::PARAMETER.because(&format!("MachineDetection {reason}")),
        "record" => error::PARAMETER.because(&format!("Record {reason}")),
        "url" => error::NO_URL.because(&format!("Url {reason}")),
        "twiml" => error::NO_URL.because(&format!("Twiml {reason}")),
        _ => error::PARAMETER.because(&format!("{field} {reason}")),
    }
}

impl std::convert::From<Error> for TwilioCompatRefusal {
    fn from(error: Error) -> Self {
        use ::http::StatusCode as Status;
        let reason = &*error.detail;
        match &error.kind {
            ErrorKind::Invalid => match error.field {
                Some(field) => invalid(field, reason),
                None => error::PARAMETER.because(reason),
            },
            ErrorKind::Limit(BrokenMessageLimit::Empty) => error::NO_BODY.into(),
            ErrorKind::Limit(BrokenMessageLimit::Media) => error::MUCH_MEDIA.into(),
            ErrorKind::Limit(BrokenMessageLimit::Validity) => error::VALIDITY.into(),
            ErrorKind::Limit(limit @ (BrokenMessageLimit::Metadata | BrokenMessageLimit::Instructions)) => {
                invalid(limit.field(), limit.reason())
            }
            ErrorKind::OptedOut => error::OPTED_OUT.into(),
            ErrorKind::Unpayable => error::of(Status::PAYMENT_REQUIRED).into(),
            ErrorKind::KeyReused => error::KEY_REUSED.into(),
            ErrorKind::NotFound => error::NOT_FOUND.into(),
            ErrorKind::TooLate => error::TOO_LATE.into(),
            ErrorKind::NotOver => error::NOT_COMPLETE.into(),
            ErrorKind::Provider => error::of(Status::BAD_GATEWAY).because(reason),
            ErrorKind::Lines(_)
            | ErrorKind::Unreadable
            | ErrorKind::Refused
            | ErrorKind::TooLong
            | ErrorKind::Forged
            | ErrorKind::Forbidden
            | ErrorKind::Conflict
            | ErrorKind::NoRoute
            | ErrorKind::NoNumber(_)
            | ErrorKind::Verification(_)
            | ErrorKind::Unavailable
            | ErrorKind::Busy
            | ErrorKind::Internal => Refusal::from(error).into(),
        }
    }
}
