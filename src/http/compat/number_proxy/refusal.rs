//! Why nothing was done, in the words of the older number proxy.

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use serde_json::{Value as Json, json};
use warp::reply::Response;

use super::NumberProxyResult;
use crate::http::reply::{self, Refusal};
use crate::service::Error;

/// Why a request comes to nothing.
pub(super) enum NumberProxyRefusal {
    /// By what all doors share; its body is in their words.
    Shared(Refusal),
    /// In words of this door's own.
    Own(Refusal),
}

impl From<Refusal> for NumberProxyRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Shared(refusal)
    }
}

impl From<Error> for NumberProxyRefusal {
    fn from(error: Error) -> Self {
        Self::Shared(error.into())
    }
}

/// An answer of this door's own.
pub(super) fn told(status: StatusCode, body: &Json) -> NumberProxyRefusal {
    NumberProxyRefusal::Own(reply::json(status, body).into())
}

/// A reason that programs know.
pub(super) fn because(status: StatusCode, message: &str, reason: &str) -> NumberProxyRefusal {
    told(status, &json!({"message": message, "reason": reason}))
}

/// A field is not as it must be.
pub(super) fn invalid(message: &str) -> NumberProxyRefusal {
    because(StatusCode::BAD_REQUEST, message, "invalidAPIUsage")
}

/// What cannot be done as things are.
pub(super) fn failed(message: &str) -> NumberProxyRefusal {
    told(StatusCode::BAD_REQUEST, &json!({"message": message, "status": "failed"}))
}

pub(super) fn method_not_allowed() -> NumberProxyRefusal {
    NumberProxyRefusal::Shared(reply::method_not_allowed("GET, POST, DELETE").into())
}

/// The answer of a handler, or why there is none.
pub(super) fn settle(answer: NumberProxyResult) -> Response {
    match answer {
        Ok(response) => response,
        Err(NumberProxyRefusal::Own(refusal)) => *refusal,
        Err(NumberProxyRefusal::Shared(refusal)) => in_their_words(&refusal),
    }
}

/// The same refusal as all doors give, its headers kept.
fn in_their_words(refusal: &Response) -> Response {
    let status = refusal.status();
    let words = status.canonical_reason().unwrap_or("Error");
    let mut response = reply::json(status, &json!({"message": words, "reason": words}));
    for (name, value) in refusal.headers() {
        if name != CONTENT_TYPE {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
