//! What the log says of a path.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use super::resource::Resource;
use crate::service::account::CarrierKind;

/// Every segment that is the same in all requests to a route, but for those of resources and of carriers.
const WORDS: &str = "2010-04-01 Accounts Attempts Buckets Calls Calls.json Conversations IncomingPhoneNumbers \
     IncomingPhoneNumbers.json Interactions Media Media.json MessageInteractions Messages Messages.json Numbers \
     Participants PhoneNumbers RateLimits SafeList Services Sessions Summary Templates VerificationCheck Verifications \
     Webhooks api assets call conversations-post-event docs empty favicon.ico handshake health healthz inbound init \
     media metrics pair platform readyz relay session sessions sms status sync tn twilio users v1 v2 verify-call \
     webhook webhooks whatsapp";

static LITERALS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let (resources, carriers) = (super::resources(), CarrierKind::ALL.map(CarrierKind::profile));
    let names = carriers.iter().map(|carrier| carrier.name);
    let paths = carriers.iter().flat_map(|carrier| carrier.webhooks).map(|webhook| webhook.path);
    WORDS.split(' ').chain(resources.iter().flat_map(Resource::words)).chain(names).chain(paths).collect()
});

/// A path for the log: what is none of our routes' own words may be a secret, or a person's number.
pub(super) struct LoggedPath<'a>(pub(super) &'a str);

impl fmt::Display for LoggedPath<'_> {
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
            assert_eq!(LoggedPath(path).to_string(), wanted.join("/"));
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
            ("/v2/Services/VA1/Verifications/+14155550100", "/v2/Services/…/Verifications/…"),
            ("/v2/SafeList/Numbers/%2B14155550100", "/v2/SafeList/Numbers/…"),
        ] {
            assert_eq!(LoggedPath(path).to_string(), shown);
        }
    }
}
