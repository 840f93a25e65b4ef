//! Media that came with texts in sessions, offered again under URLs of ours with an end: who gets a copy, and their
//! carrier, do not learn where it lay. They are fetched when they are asked for, and not kept.

use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::crypto::HashKey;
use crate::model::{Clock, Id as _, MessageId, Millis, PublicOrigin};
use crate::service::directory::Directory;
use crate::service::event::Events;
use crate::service::{Error, ErrorKind, Result};
use crate::store::{Store, message};

pub use crate::provider::webhook::FetchedMedia;

/// Copies have left by then, whatever held them up.
const OFFERED_MS: Millis = 24 * 3_600_000;
/// For a whole fetch: carriers do not wait for longer.
const WITHIN: Duration = Duration::from_secs(15);
/// Fetched at once: each is held in memory until it is answered.
const AT_ONCE: usize = 8;

/// What a URL of ours says.
#[derive(Clone, Debug)]
pub struct MediaLink {
    /// With which it came.
    pub message: MessageId,
    /// Which of those that came with it.
    pub nth: usize,
    /// In seconds; from then on it is nothing.
    pub until: i64,
    pub signature: String,
}

fn sign(key: &HashKey, message: MessageId, nth: usize, until: i64) -> String {
    key.hex(&[&message.bytes(), &nth.to_be_bytes(), &until.to_be_bytes()])
}

impl MediaLink {
    /// Whether we have made it, and it has not ended.
    fn holds(&self, key: &HashKey, now_ms: Millis) -> bool {
        let wanted = sign(key, self.message, self.nth, self.until);
        let is_ours: bool = wanted.as_bytes().ct_eq(self.signature.as_bytes()).into();
        is_ours && now_ms / 1000 < self.until
    }
}

/// What it is built from.
pub struct Parts {
    pub store: Store,
    pub directory: Arc<Directory>,
    /// Knows which URLs may be called, and calls them.
    pub events: Arc<Events>,
    /// Under which links are signed.
    pub key: HashKey,
    /// Where we are reached.
    pub origin: PublicOrigin,
    pub clock: Clock,
}

/// Offers media, and fetches what is asked for.
pub struct OfferedMedia {
    parts: Parts,
    fetches: Semaphore,
}

impl OfferedMedia {
    pub fn new(parts: Parts) -> Self {
        Self { parts, fetches: Semaphore::new(AT_ONCE) }
    }

    /// The URLs under which media are offered that came with a text. For one that could never be fetched there is an
    /// empty one, which no carrier is asked to send.
    pub(in crate::service) fn offer(&self, message: MessageId, media_urls: &[String]) -> Vec<String> {
        let until = (self.parts.clock.now_ms() + OFFERED_MS) / 1000;
        let link = |(nth, url): (usize, &String)| {
            if self.parts.events.check_url(url).is_err() {
                return String::new();
            }
            let (origin, signature) = (&self.parts.origin, sign(&self.parts.key, message, nth, until));
            format!("{origin}/media/{}/{nth}?until={until}&signature={signature}", message.hex())
        };
        media_urls.iter().enumerate().map(link).collect()
    }

    /// What is behind a link, through the account by which it came.
    pub async fn fetch(&self, link: &MediaLink) -> Result<FetchedMedia> {
        if !link.holds(&self.parts.key, self.parts.clock.now_ms()) {
            return Err(Error::new(ErrorKind::Forbidden, "this link is not one of ours, or is over"));
        }
        let none = || Error::not_found("media");
        let (account, content) = message::came_with(&self.parts.store, link.message).await?.ok_or_else(none)?;
        let url = content.media_urls.get(link.nth).ok_or_else(none)?;
        let handle = self.parts.directory.current().handle(account).cloned();
        let login = handle.as_ref().and_then(|handle| handle.connector.media_login(url));
        let busy = || Error::new(ErrorKind::Busy, "too much is fetched already");
        let permit = tokio::time::timeout(WITHIN, self.fetches.acquire()).await;
        let _permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        let fetched = self.parts.events.webhooks().fetch(url, login, WITHIN).await;
        fetched.map_err(|reason| {
            tracing::info!(message = %link.message, reason, "media could not be fetched");
            Error::new(ErrorKind::Provider, "they cannot be fetched")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_as_it_was_made_and_until_it_ends() {
        let (key, message) = (HashKey::generate(), MessageId::new(1_000));
        let link = MediaLink { message, nth: 1, until: 60, signature: sign(&key, message, 1, 60) };
        assert!(link.holds(&key, 59_999) && !link.holds(&key, 60_000) && !link.holds(&HashKey::generate(), 0));
        for other in [
            MediaLink { nth: 2, ..link.clone() },
            MediaLink { until: 61, ..link.clone() },
            MediaLink { until: i64::MAX, ..link.clone() },
            MediaLink { message: MessageId::new(1_000), ..link.clone() },
            MediaLink { signature: String::new(), ..link.clone() },
        ] {
            assert!(!other.holds(&key, 0), "{other:?}");
        }
    }
}
