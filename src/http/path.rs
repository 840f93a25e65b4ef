//! The paths of a resource: all of it, one item, and what can be done with that; and what the log says of a path.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use warp::{Filter, Rejection};

use crate::service::account::Kind;

/// Every segment that is the same in all requests to a route, but for those of carriers.
const WORDS: &str = "2010-04-01 Accounts Calls Calls.json Media Media.json Messages Messages.json accounts api assets audit \
     balance call callback-secret calls check clients devices docs empty endpoints event-types events explain \
     favicon.ico handshake health healthz inbound init keys ledger lookup loopback messages metrics numbers \
     openapi.json opt-outs pair platform pools publications rates rates.csv readyz relay replay rotate \
     routes sessions sms statement.csv status sync test token twilio users v1 v2 webhook webhooks whatsapp";

static LITERALS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let carriers = Kind::ALL.map(Kind::profile);
    let names = carriers.iter().map(|carrier| carrier.name);
    let paths = carriers.iter().flat_map(|carrier| carrier.webhooks).map(|webhook| webhook.path);
    WORDS.split(' ').chain(names).chain(paths).collect()
});

/// `/<name>`.
pub(super) fn all(name: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::path(name).and(warp::path::end())
}

/// `/<name>/<id>`; a handler reads the id, once it knows who asks.
pub(super) fn one(name: &'static str) -> impl Filter<Extract = (String,), Error = Rejection> + Copy {
    warp::path(name).and(warp::path::param()).and(warp::path::end())
}

/// `/<name>/<id>/<part>`.
pub(super) fn part(
    name: &'static str,
    part: &'static str,
) -> impl Filter<Extract = (String,), Error = Rejection> + Copy {
    warp::path(name).and(warp::path::param()).and(warp::path(part)).and(warp::path::end())
}

/// A path for the log: what is none of our routes' own words may be a secret, or a person's number.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.split('/').enumerate() {
            let is_ours = segment.is_empty() || LITERALS.contains(segment);
            f.write_str(if at > 0 { "/" } else { "" })?;
            f.write_str(if is_ours { segment } else { "…" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::openapi;
    use super::*;

    #[test]
    fn the_words_of_all_described_paths_are_known() {
        for path in openapi::description().paths.paths.keys() {
            let wanted: Vec<&str> =
                path.split('/').map(|part| if part.starts_with('{') { "…" } else { part }).collect();
            assert_eq!(Shown(path).to_string(), wanted.join("/"));
        }
    }

    #[test]
    fn what_a_client_writes_is_not_told() {
        for (path, shown) in [
            ("", ""),
            ("/", "/"),
            ("/secret", "/…"),
            ("secret", "…"),
            ("/v1/opt-outs/+14155550100/%2B14155550101", "/v1/opt-outs/…/…"),
            ("/webhooks/flowroute/0123456789abcdef/sms", "/webhooks/flowroute/…/sms"),
            ("/2010-04-01/Accounts/AC1/Messages/SM1.json", "/2010-04-01/Accounts/…/Messages/…"),
            ("/v2/sync/users/111/sessions/000/", "/v2/sync/users/…/sessions/…/"),
        ] {
            assert_eq!(Shown(path).to_string(), shown);
        }
    }
}
