//! Replies, and the one place where an error gets its status.

mod bare;
mod client;
mod phone;
mod sheet;

pub(super) use bare::{bare, parts};
pub(super) use client::{exhausted, forbidden};
pub(super) use phone::untaken;

use std::borrow::Cow;

use ::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::{HeaderValue, Response as HttpResponse, StatusCode};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use warp::Reply;
use warp::reply::Response;

use crate::model::VerificationRefusal;
use crate::service::{Error, ErrorKind, StoreError};

/// A reply that ends a handler early; boxed, as replies are large.
pub(super) type Refusal = Box<Response>;

/// What a handler comes to.
pub(super) type HandlerResult = Result<Response, Refusal>;

/// What a client is told to wait while the store, or whatever else is needed, is away.
const RETRY_AWAY: &str = "2";
/// The same while too many write to the store.
const RETRY_BUSY: &str = "1";

fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Response {
    let body = match body.into() {
        // it stays as long as the server runs: no answer holds it
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(mut bytes) => {
            if content_type.ends_with("json") {
                // so that a shell's prompt begins a line of its own
                bytes.push(b'\n');
            }
            Bytes::from(bytes)
        }
    };
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // nothing here may be answered from a cache: codes rotate, keys are secret
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.into_response()
}

pub(super) fn content(content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Response {
    respond(StatusCode::OK, content_type, body)
}

pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Response {
    respond(status, "text/plain; charset=utf-8", body.into().into_bytes())
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => respond(status, "application/json", bytes),
        Err(error) => internal(&error),
    }
}

pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = respond(status, "text/plain; charset=utf-8", Vec::new());
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

/// What was wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the status says.
    title: &'a str,
    status: u16,
    /// What was wrong this time.
    detail: &'a str,
    /// The field, parameter or header that was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

/// `application/problem+json` (RFC 9457).
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    tell(status, detail, None)
}

fn tell(status: StatusCode, detail: &str, field: Option<&str>) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let problem = Problem { kind: "about:blank", title, status: status.as_u16(), detail, field };
    // text and numbers always serialise
    respond(status, "application/problem+json", serde_json::to_vec(&problem).unwrap_or_default())
}

/// What was answered when the same request came first.
pub(super) fn replayed(status: StatusCode, json: String) -> Response {
    let mut response = respond(status, "application/json", json.into_bytes());
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    response
}

/// 400 that names the field.
pub(super) fn bad_field(field: &str, detail: &str) -> Refusal {
    tell(StatusCode::BAD_REQUEST, &format!("{field}: {detail}"), Some(field)).into()
}

pub(super) fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing here")
}

/// The reply of a handler, or why there is none.
pub(super) fn settle(answer: HandlerResult) -> Response {
    answer.unwrap_or_else(|refusal| *refusal)
}

/// 405 with the methods that would do.
pub(super) fn method_not_allowed(allowed: &str) -> Response {
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("this path takes {allowed}"));
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

pub(super) fn unauthorized(detail: &str) -> Response {
    let mut response = problem(StatusCode::UNAUTHORIZED, detail);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

pub(super) fn too_many_requests(wait_secs: u64) -> Response {
    let response = problem(StatusCode::TOO_MANY_REQUESTS, "too many requests from this address");
    retry_after(response, &wait_secs.max(1).to_string())
}

pub(super) fn retry_after(mut response: Response, seconds: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(seconds) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

/// A fault of ours: the log has the reason, the client an apology. The request id in the
/// header `X-Request-Id` links the two.
fn internal(error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "internal error");
    problem(StatusCode::INTERNAL_SERVER_ERROR, "internal error; the log has it under this X-Request-Id")
}

fn away(detail: &str) -> Response {
    retry_after(problem(StatusCode::SERVICE_UNAVAILABLE, detail), RETRY_AWAY)
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

/// What each kind of error is answered. The older doors have words and codes of their own.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        use StatusCode as Status;
        let (detail, field) = (&*error.detail, error.field);
        Self::new(match &error.kind {
            ErrorKind::Invalid | ErrorKind::Limit(_) => match field {
                Some(field) => *bad_field(field, detail),
                None => problem(Status::BAD_REQUEST, detail),
            },
            ErrorKind::Lines(wrong) => sheet::lines(&wrong.first, detail),
            ErrorKind::Unreadable | ErrorKind::Refused => problem(Status::BAD_REQUEST, detail),
            ErrorKind::TooLong => problem(Status::PAYLOAD_TOO_LARGE, detail),
            ErrorKind::Unpayable => problem(Status::PAYMENT_REQUIRED, detail),
            ErrorKind::Forged | ErrorKind::Forbidden | ErrorKind::OptedOut => problem(Status::FORBIDDEN, detail),
            ErrorKind::Verification(why) => verification(*why, detail, error.retry_after_secs),
            ErrorKind::NotFound => problem(Status::NOT_FOUND, detail),
            ErrorKind::Conflict => tell(Status::CONFLICT, detail, field),
            ErrorKind::NoNumber(_) | ErrorKind::KeyReused | ErrorKind::TooLate | ErrorKind::NotOver => {
                problem(Status::CONFLICT, detail)
            }
            ErrorKind::Provider => problem(Status::BAD_GATEWAY, detail),
            ErrorKind::NoRoute => problem(Status::SERVICE_UNAVAILABLE, detail),
            ErrorKind::Unavailable => {
                tracing::warn!(reason = %error, "what is needed is away");
                away(detail)
            }
            ErrorKind::Busy => {
                tracing::debug!(reason = %error, "too many write the same");
                retry_after(problem(Status::SERVICE_UNAVAILABLE, detail), RETRY_BUSY)
            }
            ErrorKind::Internal => internal(&error),
        })
    }
}

/// Why a code is not sent, or not looked at.
fn verification(why: VerificationRefusal, detail: &str, retry_after_secs: Option<u32>) -> Response {
    let status = match why {
        VerificationRefusal::Channel | VerificationRefusal::CustomCode => StatusCode::BAD_REQUEST,
        why if why.is_limit() => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    };
    let response = problem(status, detail);
    match retry_after_secs {
        Some(seconds) => retry_after(response, &seconds.to_string()),
        None => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::message::BrokenMessageLimit;
    use crate::service::session::NumberShortage;
    use crate::service::sheet::{BadSheetLine, BadSheetLines};

    /// Status, `Retry-After` and body.
    fn answered(error: Error) -> (u16, Option<String>, serde_json::Value) {
        let (head, body) = parts(*Refusal::from(error));
        let wait = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        (head.status.as_u16(), wait, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[test]
    fn each_kind_has_a_status_and_tells_its_detail() {
        for (kind, status, wait) in [
            (ErrorKind::Invalid, 400, None),
            (ErrorKind::Unreadable, 400, None),
            (ErrorKind::Refused, 400, None),
            (ErrorKind::Unpayable, 402, None),
            (ErrorKind::Forged, 403, None),
            (ErrorKind::Forbidden, 403, None),
            (ErrorKind::OptedOut, 403, None),
            (ErrorKind::NotFound, 404, None),
            (ErrorKind::Conflict, 409, None),
            (ErrorKind::NoNumber(NumberShortage::Taken), 409, None),
            (ErrorKind::KeyReused, 409, None),
            (ErrorKind::TooLate, 409, None),
            (ErrorKind::NotOver, 409, None),
            (ErrorKind::TooLong, 413, None),
            (ErrorKind::Provider, 502, None),
            (ErrorKind::NoRoute, 503, None),
            (ErrorKind::Unavailable, 503, Some("2")),
            (ErrorKind::Busy, 503, Some("1")),
            (ErrorKind::Verification(VerificationRefusal::CustomCode), 400, None),
            (ErrorKind::Verification(VerificationRefusal::Blocked), 403, None),
            (ErrorKind::Verification(VerificationRefusal::TooManyChecks), 429, None),
        ] {
            let name = format!("{kind:?}");
            let (found, after, body) = answered(Error::new(kind, "why"));
            assert_eq!((found, after.as_deref()), (status, wait), "{name}");
            assert_eq!(body["detail"], "why", "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (error, field, detail) in [
            (Error::invalid("to", "is no phone number"), "to", "to: is no phone number"),
            (Error::limit(BrokenMessageLimit::Media), "media_urls", "media_urls: must be 10 at most"),
        ] {
            let (status, _, body) = answered(error);
            assert_eq!(status, 400);
            assert_eq!((&body["field"], &body["detail"]), (&field.into(), &detail.into()));
        }
        let first = vec![BadSheetLine { line: 2, field: Some("price"), reason: "is negative".to_owned() }];
        let (status, _, body) = answered(Error::lines(BadSheetLines { first, count: 1 }));
        assert_eq!(status, 400);
        assert_eq!(body["detail"], "1 lines are wrong, and nothing was taken: line 2: price: is negative");
        assert_eq!(body["lines"], serde_json::json!([{"line": 2, "field": "price", "detail": "is negative"}]));
    }

    #[test]
    fn only_the_log_is_told_what_is_wrong_with_us() {
        let fault = Error::new(ErrorKind::Internal, "inside");
        for error in
            [fault, StoreError::Data("inside".to_owned()).into(), StoreError::Unavailable("inside".to_owned()).into()]
        {
            let (status, _, body) = answered(error);
            assert!(status >= 500 && !body.to_string().contains("inside"), "{status} {body}");
        }
    }
}
