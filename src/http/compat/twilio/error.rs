//! Refusals in Twilio's form, with its codes.
//!
//! The codes are those of Twilio's error dictionary (<https://www.twilio.com/docs/api/errors>), chosen by what it
//! says of them; where it has none, the code is 20000 and the status, which is how it makes most of its own.

use std::borrow::Cow;

use ::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::{HeaderValue, StatusCode};
use serde::Serialize;
use warp::reply::Response;

use crate::http::form::BadForm;
use crate::http::idempotency;
use crate::http::reply::{self, Refusal};
use crate::service::StoreError;

/// A reply of ours in Twilio's form.
pub(super) struct TwilioCompatRefusal(Refusal);

pub(super) type Result<T, E = TwilioCompatRefusal> = std::result::Result<T, E>;
pub(super) type TwilioCompatResult = Result<Response>;

const TOO_MANY: u32 = 20429;
/// Beside `Retry-After`, where too much was asked for.
const REACHED: &str = "twilio-reached-rate-limit";

impl TwilioCompatRefusal {
    /// With the time after which the same request may succeed, where that is known.
    pub(super) fn retry_after(mut self, seconds: Option<u32>) -> Self {
        if let Some(seconds) = seconds {
            self.0.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        self
    }
}

/// What can be wrong.
#[derive(Clone, Copy)]
pub(super) struct TwilioCompatError {
    status: StatusCode,
    code: u32,
    text: &'static str,
}

pub(super) const fn wrong(status: StatusCode, code: u32, text: &'static str) -> TwilioCompatError {
    TwilioCompatError { status, code, text }
}

pub(super) const fn bad(code: u32, text: &'static str) -> TwilioCompatError {
    wrong(StatusCode::BAD_REQUEST, code, text)
}

// every path
pub(super) const PARAMETER: TwilioCompatError = bad(20001, "A parameter is not as it should be");
const CREDENTIALS: TwilioCompatError = wrong(StatusCode::UNAUTHORIZED, 20003, "Authenticate");
pub(super) const NOT_THEIRS: TwilioCompatError =
    wrong(StatusCode::UNAUTHORIZED, 20003, "These are not the account's credentials");
const METHOD: TwilioCompatError = wrong(StatusCode::METHOD_NOT_ALLOWED, 20004, "This path does not take this method");
/// An account without money is not active, says the dictionary.
const UNPAID: TwilioCompatError = wrong(StatusCode::PAYMENT_REQUIRED, 20005, "The balance is too low for this");
pub(super) const PAGE_SIZE: TwilioCompatError = bad(20007, "PageSize is more than 1000");
pub(super) const NOT_COMPLETE: TwilioCompatError = wrong(StatusCode::CONFLICT, 20009, "It is not complete yet");
pub(super) const FORBIDDEN: TwilioCompatError = wrong(StatusCode::FORBIDDEN, 20403, "This key may not do that");
pub(super) const NOT_FOUND: TwilioCompatError =
    wrong(StatusCode::NOT_FOUND, 20404, "The requested resource was not found");

pub(super) const KEY_REUSED: TwilioCompatError =
    wrong(StatusCode::CONFLICT, 20409, "This Idempotency-Key came with another request before");

// messages and calls
pub(super) const TO: TwilioCompatError = bad(21211, "'To' is no phone number that this can go to");
pub(super) const FROM: TwilioCompatError = bad(21212, "'From' is no phone number, short code or sender name");
pub(super) const CALLBACK: TwilioCompatError = bad(21609, "'StatusCallback' cannot be posted to");

// messages
pub(super) const REGION: TwilioCompatError =
    wrong(StatusCode::FORBIDDEN, 21408, "This key may not send to this destination");
pub(super) const NO_BODY: TwilioCompatError = bad(21602, "A text or media is missing");
pub(super) const NO_FROM: TwilioCompatError = bad(21603, "'From' is missing, and there is no number for this");
pub(super) const NO_TO: TwilioCompatError = bad(21604, "'To' is missing");
pub(super) const SENDER: TwilioCompatError = bad(21606, "This cannot be sent from 'From'");
pub(super) const OPTED_OUT: TwilioCompatError = bad(21610, "The recipient has opted out of messages from this number");
pub(super) const NO_ROUTE: TwilioCompatError = bad(21612, "No route leads to this destination");
pub(super) const LONG: TwilioCompatError = bad(21617, "The text is too long");
pub(super) const MEDIA: TwilioCompatError = bad(21620, "'MediaUrl' is no http URL");
pub(super) const MUCH_MEDIA: TwilioCompatError = bad(21623, "There are more than 10 media");
pub(super) const SERVICE: TwilioCompatError = bad(21701, "There is no such messaging service");
pub(super) const NO_SENDER: TwilioCompatError = bad(21703, "The messaging service has no number that can send this");
pub(super) const CHANNELS: TwilioCompatError = bad(21910, "'To' and 'From' are of different channels");
pub(super) const VALIDITY: TwilioCompatError = bad(30045, "'ValidityPeriod' is not from 1 to 36000");
pub(super) const TOO_LATE: TwilioCompatError =
    wrong(StatusCode::CONFLICT, 30409, "This message can no longer be canceled");
pub(super) const NO_SEND_AT: TwilioCompatError = bad(35111, "'SendAt' is missing");
pub(super) const SEND_AT: TwilioCompatError = bad(35114, "'SendAt' is no time that this can be sent at");
pub(super) const SCHEDULE: TwilioCompatError = bad(35126, "'ScheduleType' can only be fixed");

// calls
pub(super) const NO_CALLEE: TwilioCompatError = bad(21201, "'To' is missing");
pub(super) const NO_URL: TwilioCompatError = bad(21205, "'Url' or 'Twiml' is missing, or cannot be used");
pub(super) const CALLER: TwilioCompatError = bad(21210, "A call cannot come from 'From'");
pub(super) const NO_CALLER: TwilioCompatError = bad(21213, "'From' is missing, and there is no number for this");
pub(super) const CALL_ROUTE: TwilioCompatError = bad(21214, "No route leads to this destination");
pub(super) const CALL_REGION: TwilioCompatError =
    wrong(StatusCode::FORBIDDEN, 21215, "This key may not call this destination");
pub(super) const CALL_STATE: TwilioCompatError = bad(21220, "The call is not in a state for that");

#[derive(Serialize)]
struct TwilioFaultOut<'a> {
    code: u32,
    message: &'a str,
    more_info: String,
    status: u16,
}

impl TwilioCompatError {
    /// With what was wrong this time.
    pub(super) fn because(self, detail: &str) -> TwilioCompatRefusal {
        self.told(Cow::Owned(format!("{}: {detail}", self.text)))
    }

    fn told(self, message: Cow<'static, str>) -> TwilioCompatRefusal {
        let Self { status, code, .. } = self;
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        let body = TwilioFaultOut { code, message: &message, more_info, status: status.as_u16() };
        let mut response = reply::json(status, &body);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Switchboard\""));
        }
        if code == TOO_MANY {
            response.headers_mut().insert(REACHED, HeaderValue::from_static("true"));
        }
        TwilioCompatRefusal(response.into())
    }
}

impl From<TwilioCompatError> for TwilioCompatRefusal {
    fn from(wrong: TwilioCompatError) -> Self {
        wrong.told(Cow::Borrowed(wrong.text))
    }
}

/// What a status says by itself.
pub(super) fn of(status: StatusCode) -> TwilioCompatError {
    match status {
        StatusCode::BAD_REQUEST => PARAMETER,
        StatusCode::UNAUTHORIZED => CREDENTIALS,
        StatusCode::PAYMENT_REQUIRED => UNPAID,
        StatusCode::FORBIDDEN => FORBIDDEN,
        StatusCode::METHOD_NOT_ALLOWED => METHOD,
        other => {
            let text = other.canonical_reason().unwrap_or("Error");
            TwilioCompatError { status, code: 20_000 + u32::from(other.as_u16()), text }
        }
    }
}

/// What the native API would have said: its status and its headers in Twilio's form.
impl From<Refusal> for TwilioCompatRefusal {
    fn from(refusal: Refusal) -> Self {
        let mut fault = Self::from(of(refusal.status()));
        for (name, value) in refusal.headers() {
            if ![CONTENT_TYPE, CONTENT_LENGTH, CACHE_CONTROL, WWW_AUTHENTICATE].contains(name) {
                fault.0.headers_mut().insert(name, value.clone());
            }
        }
        fault
    }
}

impl From<BadForm> for TwilioCompatRefusal {
    fn from(BadForm(reason): BadForm) -> Self {
        PARAMETER.because(&reason)
    }
}

impl From<idempotency::BadIdempotencyKey> for TwilioCompatRefusal {
    fn from(idempotency::BadIdempotencyKey(header, reason): idempotency::BadIdempotencyKey) -> Self {
        PARAMETER.because(&format!("{header} {reason}"))
    }
}

impl From<StoreError> for TwilioCompatRefusal {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

pub(super) fn method_not_allowed(allowed: &'static str) -> TwilioCompatRefusal {
    let mut fault = TwilioCompatRefusal::from(METHOD);
    fault.0.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    fault
}

/// A refusal of ours, in Twilio's form, that no path here has made.
pub(in crate::http) fn retold(refusal: Response) -> Response {
    *TwilioCompatRefusal::from(Refusal::new(refusal)).0
}

/// The reply of a handler, or why there is none.
pub(super) fn settle(answer: TwilioCompatResult) -> Response {
    answer.unwrap_or_else(|fault| *fault.0)
}
