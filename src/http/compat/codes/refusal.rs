//! Why nothing was done, in the words of the older service of codes: its clients read `message` and `reason` of all that
//! did not go well.

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use warp::reply::Response;

use super::CodesResult;
use crate::http::reply::{self, Refusal};
use crate::model::VerificationRefusal;
use crate::service::{Error, ErrorKind};

/// An answer in this door's words.
pub(super) struct CodesRefusal(Refusal);

/// What all doors say.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SharedProblemIn {
    detail: String,
}

impl From<Refusal> for CodesRefusal {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.status();
        in_words(*refusal, status, usual(status))
    }
}

impl From<Error> for CodesRefusal {
    fn from(error: Error) -> Self {
        let named = named(&error);
        let refusal = Refusal::from(error);
        let status = refusal.status();
        let (status, reason) = named.unwrap_or((status, usual(status)));
        in_words(*refusal, status, reason)
    }
}

/// What is answered in a way of its own.
fn named(error: &Error) -> Option<(StatusCode, &'static str)> {
    match (&error.kind, error.field) {
        (ErrorKind::OptedOut, _) => Some((StatusCode::FORBIDDEN, "NumberOptedOut")),
        (ErrorKind::Unpayable, _) => Some((StatusCode::PAYMENT_REQUIRED, "BalanceTooLow")),
        // what sends is ours to choose: nobody here has named it
        (ErrorKind::NoRoute, _) | (ErrorKind::Invalid, Some("from")) => {
            Some((StatusCode::SERVICE_UNAVAILABLE, "NoRoute"))
        }
        (ErrorKind::Verification(why), _) => Some(refused(*why)),
        _ => None,
    }
}

/// Why a code is not sent, or not looked at.
fn refused(why: VerificationRefusal) -> (StatusCode, &'static str) {
    match why {
        VerificationRefusal::Blocked => (StatusCode::TOO_MANY_REQUESTS, "Blocked"),
        VerificationRefusal::Country | VerificationRefusal::Premium | VerificationRefusal::Landline => {
            (StatusCode::FORBIDDEN, "CountryNotAllowed")
        }
        VerificationRefusal::TooManySends
        | VerificationRefusal::TooManyChecks
        | VerificationRefusal::RecipientLimit
        | VerificationRefusal::AddressLimit
        | VerificationRefusal::ClientLimit
        | VerificationRefusal::NamedLimit => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
        VerificationRefusal::Channel | VerificationRefusal::CustomCode => (StatusCode::BAD_REQUEST, "InvalidAPIUsage"),
    }
}

/// The reason that goes with a status, where there is no better one.
fn usual(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        status if status.is_client_error() => "InvalidAPIUsage",
        _ => "InternalError",
    }
}

/// The same refusal as all doors give, its headers kept.
fn in_words(refusal: warp::reply::Response, status: StatusCode, reason: &str) -> CodesRefusal {
    let (head, body) = reply::parts(refusal);
    let SharedProblemIn { detail } = serde_json::from_slice(&body).unwrap_or_default();
    let words = status.canonical_reason().unwrap_or("Error");
    let message = if detail.is_empty() { words } else { detail.as_str() };
    let mut response = reply::json(status, &json!({"message": message, "reason": reason}));
    for (name, value) in &head.headers {
        if name != CONTENT_TYPE {
            response.headers_mut().insert(name, value.clone());
        }
    }
    CodesRefusal(response.into())
}

/// A field is not as it must be.
pub(super) fn invalid(message: &str) -> CodesRefusal {
    let body = json!({"message": message, "reason": "InvalidAPIUsage"});
    CodesRefusal(reply::json(StatusCode::BAD_REQUEST, &body).into())
}

/// A code did not open anything; so many may still be tried.
pub(super) fn failed(message: &str, reason: &str, attempts_left: i64) -> CodesRefusal {
    let body = json!({"message": message, "reason": reason, "attempts_left": attempts_left});
    CodesRefusal(reply::json(StatusCode::BAD_REQUEST, &body).into())
}

/// The answer of a handler, or why there is none.
pub(super) fn settle(answer: CodesResult) -> Response {
    answer.unwrap_or_else(|CodesRefusal(refusal)| *refusal)
}

#[cfg(test)]
mod tests {
    use ::http::header::RETRY_AFTER;
    use serde_json::Value as Json;

    use super::*;

    fn answered(refusal: CodesRefusal) -> (u16, Option<String>, Json) {
        let (head, body) = reply::parts(settle(Err(refusal)));
        let wait = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        (head.status.as_u16(), wait, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[test]
    fn every_refusal_has_a_message_and_a_reason() {
        let verification = |why| Error::verification(why, "why").retry_after(7);
        for (error, status, reason, wait) in [
            (Error::opted_out(), 403, "NumberOptedOut", None),
            (verification(VerificationRefusal::Blocked), 429, "Blocked", Some("7")),
            (verification(VerificationRefusal::Country), 403, "CountryNotAllowed", Some("7")),
            (verification(VerificationRefusal::Premium), 403, "CountryNotAllowed", Some("7")),
            (verification(VerificationRefusal::RecipientLimit), 429, "TooManyRequests", Some("7")),
            (verification(VerificationRefusal::TooManyChecks), 429, "TooManyRequests", Some("7")),
            (Error::new(ErrorKind::NoRoute, "why"), 503, "NoRoute", None),
            (Error::invalid("from", "is missing"), 503, "NoRoute", None),
            (Error::unpayable(), 402, "BalanceTooLow", None),
            (Error::invalid("to", "is wrong"), 400, "InvalidAPIUsage", None),
            (Error::new(ErrorKind::Forbidden, "why"), 403, "Forbidden", None),
            (Error::new(ErrorKind::Busy, "why"), 503, "ServiceUnavailable", Some("1")),
            (Error::new(ErrorKind::Internal, "inside"), 500, "InternalError", None),
        ] {
            let (found, after, body) = answered(error.into());
            assert_eq!((found, after.as_deref()), (status, wait), "{reason}: {body}");
            assert_eq!(body["reason"], reason);
            let message = body["message"].as_str().unwrap_or_default();
            assert!(!message.is_empty() && !message.contains("inside"), "{body}");
            assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{body}");
        }
    }

    #[test]
    fn what_all_doors_refuse_is_retold_with_its_headers() {
        let (status, wait, body) = answered(Refusal::from(reply::too_many_requests(9)).into());
        assert_eq!((status, wait.as_deref(), &body["reason"]), (429, Some("9"), &"TooManyRequests".into()));
        let (status, _, body) = answered(Refusal::from(reply::unauthorized("this path wants a key")).into());
        assert_eq!(status, 401);
        assert_eq!(body, json!({"message": "this path wants a key", "reason": "Unauthorized"}));
        let (status, _, body) = answered(failed("Invalid code", "InvalidAuthCode", 2));
        assert_eq!(status, 400);
        assert_eq!(body, json!({"message": "Invalid code", "reason": "InvalidAuthCode", "attempts_left": 2}));
    }
}
