//! `/v1/Services…` and `/v1/Conversations…`: of Twilio's newer APIs, those that are served here over sessions.
//!
//! They are JSON with absolute URLs, ISO 8601 times and pages under `meta`; forms, credentials and the form of errors
//! are those of `/2010-04-01`.

mod conversation;
mod error;
mod proxy;

use std::sync::Arc;

use warp::path::Tail;
use warp::reply::Response;

use super::TwilioCompatRequest;
use super::error::{NOT_FOUND, TwilioCompatResult, settle};
use crate::http::body::UnreadBody;
use crate::http::{App, RequestParts, auth};

pub(in crate::http::compat) use self::conversation::{id as conversation_id, made as made_conversation};

/// The first segments of these paths, none of which a path of ours has.
const WORDS: [&str; 2] = ["Services", "Conversations"];

/// Whether what stands behind `/v1/` is one of these paths.
pub(in crate::http) fn is_of_v1(rest: &str) -> bool {
    rest.split('/').next().is_some_and(|word| WORDS.contains(&word))
}

/// What stands there; nothing falls through.
pub(in crate::http) async fn answer(tail: Tail, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> Response {
    settle(dispatched(tail.as_str(), &request, posted, &app).await)
}

/// Credentials come before any look at the path or the body, as at Twilio.
async fn dispatched(path: &str, request: &RequestParts, posted: UnreadBody, app: &Arc<App>) -> TwilioCompatResult {
    let consumer = auth::consumer(app, request)?;
    let visit = TwilioCompatRequest { app, request, consumer };
    let segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    match segments.as_slice() {
        ["Services", rest @ ..] => proxy::answer(&visit, rest, posted).await,
        ["Conversations", rest @ ..] => conversation::answer(&visit, rest, posted).await,
        _ => Err(NOT_FOUND.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_ours_are_none_of_these() {
        for (rest, is_of) in [
            ("Services", true),
            ("Services/", true),
            ("Services/KS1/Sessions", true),
            ("Conversations/CH1", true),
            ("services", false),
            ("Servicesx", false),
            ("sessions/Services", false),
            ("", false),
        ] {
            assert_eq!(is_of_v1(rest), is_of, "{rest}");
        }
    }
}
