//! What clients and their keys refuse.

use ::http::{HeaderValue, StatusCode};

use super::{Refusal, problem, retry_after};
use crate::service::client::KeyRateExhausted;

/// 403: it is known who asks, and it may not.
pub(in crate::http) fn forbidden(detail: &str) -> Refusal {
    problem(StatusCode::FORBIDDEN, detail).into()
}

/// 429: a key has used up its requests of this minute.
pub(in crate::http) fn exhausted(exhausted: KeyRateExhausted) -> Refusal {
    let wait_secs = exhausted.wait.as_secs() + 1;
    let response = problem(StatusCode::TOO_MANY_REQUESTS, "too many requests with this key");
    let mut response = retry_after(response, &wait_secs.to_string());
    for (name, value) in [
        ("ratelimit-limit", exhausted.limit.to_string()),
        ("ratelimit-remaining", "0".to_owned()),
        ("ratelimit-reset", wait_secs.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response.into()
}
