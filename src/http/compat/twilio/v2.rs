//! `/v2/Services…`, `/v2/SafeList…`, `/v2/Attempts…` and `/v2/Templates`: Twilio's Verify, over our verifications.
//!
//! As in its other newer APIs there are JSON with absolute URLs, ISO 8601 times and pages under `meta`; forms,
//! credentials and the form of errors are those of `/2010-04-01`.

mod verify;

use std::future::ready;
use std::sync::Arc;

use warp::Filter;
use warp::path::Tail;

use super::TwilioCompatRequest;
use super::error::{TwilioCompatResult, settle};
use crate::http::body::UnreadBody;
use crate::http::{App, HttpRoutes, RequestParts, auth, posted};

/// The first segments of these paths, none of which a phone's path has.
const WORDS: [&str; 4] = ["Services", "SafeList", "Attempts", "Templates"];

/// Whether what stands behind `/v2/` is one of these paths.
pub(super) fn is_of_v2(rest: &str) -> bool {
    rest.split('/').next().is_some_and(|word| WORDS.contains(&word))
}

/// What stands there; what is none of these paths falls through.
pub(in crate::http) fn routes(app: &Arc<App>) -> HttpRoutes {
    let ours = |tail: Tail| ready(if is_of_v2(tail.as_str()) { Ok(tail) } else { Err(warp::reject()) });
    warp::path::tail().and_then(ours).and(posted(app)).then(answer).map(settle).boxed()
}

/// Credentials come before any look at the path or the body, as at Twilio.
async fn answer(tail: Tail, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> TwilioCompatResult {
    let consumer = auth::consumer(&app, &request)?;
    let visit = TwilioCompatRequest { app: &app, request: &request, consumer };
    let path = tail.as_str();
    let segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    verify::answer(&visit, &segments, posted).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_phones_are_none_of_these() {
        for (rest, is_of) in [
            ("Services", true),
            ("Services/VA1/Verifications", true),
            ("SafeList/Numbers", true),
            ("Attempts/Summary", true),
            ("Templates", true),
            ("services", false),
            ("sync/users/111", false),
            ("sync/Services", false),
            ("Forms/forms-push", false),
            ("", false),
        ] {
            assert_eq!(is_of_v2(rest), is_of, "{rest}");
        }
    }
}
