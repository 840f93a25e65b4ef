//! Who makes a request to an older JSON door: their programs bring a key in whichever way they have, and a carrier has none
//! but its URL.

use ::http::{HeaderMap, Uri};

use crate::http::App;
use crate::http::auth::{self, Requester, UnknownRequester};

const KEY: &str = "x-api-key";

/// Paths at which a key may be brought so.
const PATHS: [&str; 3] = ["", "/tn", "/session"];

/// Looks who makes a request: at these doors a key may also be `X-Api-Key`, the password of any login, and where carriers
/// post to, in the query; a development server's are open, for its own client.
pub(in crate::http) fn identify(app: &App, headers: &HeaderMap, uri: &Uri) -> Result<Requester, UnknownRequester> {
    let known = auth::identify(app, headers);
    let path = uri.path().trim_end_matches('/');
    if known.is_ok() || !PATHS.contains(&path) {
        return known;
    }
    let given = headers.get(KEY).map(|key| key.to_str().unwrap_or_default().trim().to_owned());
    let given = given.or_else(|| auth::login(headers).map(|(_, password)| password));
    let given = given.or_else(|| in_query(uri).filter(|_| path.is_empty()));
    match (given, known) {
        (Some(key), _) => app.clients.by_key(&key).map(Requester::Client).ok_or(UnknownRequester::Wrong),
        (None, Err(UnknownRequester::Missing)) => {
            app.clients.demo().map(Requester::Client).ok_or(UnknownRequester::Missing)
        }
        (None, known) => known,
    }
}

fn in_query(uri: &Uri) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key").map(|(_, key)| key.into_owned())
}
