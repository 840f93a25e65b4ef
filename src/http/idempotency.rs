//! `Idempotency-Key`: a client's name for its request, by which it counts once however often it comes.

use super::RequestParts;
use super::reply::{self, Refusal};
use crate::service::idempotency::IdempotencyKey;

const HEADER: &str = "idempotency-key";
/// Twilio's libraries and proxies in front of them may say it so.
const OF_TWILIO: [&str; 2] = [HEADER, "i-twilio-idempotency-token"];

/// What is wrong with a name: of which header, and what it must be.
pub(super) struct BadIdempotencyKey(pub(super) &'static str, pub(super) &'static str);

impl From<BadIdempotencyKey> for Refusal {
    fn from(BadIdempotencyKey(header, reason): BadIdempotencyKey) -> Self {
        reply::bad_field(header, reason)
    }
}

/// What a request's name is read as: none, if it has none.
type IdempotencyKeyResult = Result<Option<IdempotencyKey>, BadIdempotencyKey>;

/// The name under which a request comes to `path`, if it has one.
pub(super) fn key(request: &RequestParts, path: &'static str) -> IdempotencyKeyResult {
    named(request, &[HEADER], path)
}

/// The same on Twilio's paths.
pub(super) fn twilio_key(request: &RequestParts, path: &'static str) -> IdempotencyKeyResult {
    named(request, &OF_TWILIO, path)
}

fn named(request: &RequestParts, headers: &[&'static str], path: &'static str) -> IdempotencyKeyResult {
    let mut found: Option<&str> = None;
    for header in headers {
        let shown = if *header == HEADER { "Idempotency-Key" } else { "I-Twilio-Idempotency-Token" };
        for value in request.headers.get_all(*header) {
            let name = value.to_str().ok().filter(|name| (1..=255).contains(&name.len()));
            let name = name.ok_or(BadIdempotencyKey(shown, "must be 1 to 255 characters of ASCII"))?;
            // two names are none: which of them would a repeat have to bring?
            if found.is_some_and(|other| other != name) {
                return Err(BadIdempotencyKey(shown, "is another name than the one before it: a request has one"));
            }
            found = Some(name);
        }
    }
    Ok(found.map(|name| IdempotencyKey { name: name.to_owned(), path }))
}
