//! Media that came with texts in sessions, offered again under URLs of ours with an end: who gets a copy, and their
//! carrier, do not learn where it lay. They are fetched when they are asked for, and not kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::crypto::HashKey;
use crate::model::{AccountId, Clock, Id as _, MessageId, Millis, PublicOrigin};
use crate::service::directory::Directory;
use crate::service::event::Events;
use crate::service::{Error, ErrorKind, Result};
use crate::store::{Store, message};

/// Copies have left by then, whatever held them up.
const OFFERED_MS: Millis = 24 * 3_600_000;
/// For a whole fetch and the wait for a place: carriers do not wait for longer.
const WITHIN: Duration = Duration::from_secs(15);
/// In memory at once: each is held until the last of it is on its way.
const AT_ONCE: usize = 8;
/// It goes out in pieces of so many bytes.
const PIECE: usize = 64 * 1024;

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

/// What was behind a link, held in memory: one of a few.
pub struct BufferedMedia {
    pub content_type: Option<String>,
    body: Bytes,
    _place: OwnedSemaphorePermit,
}

impl BufferedMedia {
    /// Bytes that are to go out still.
    pub fn length(&self) -> usize {
        self.body.len()
    }

    /// What goes out next; `None`: that was all.
    pub fn next_piece(&mut self) -> Option<Bytes> {
        let length = self.body.len().min(PIECE);
        (length > 0).then(|| self.body.split_to(length))
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
    /// Where we are reached,
    pub origin: PublicOrigin,
    /// and whether by everybody: else by what is inside this process alone.
    pub is_public: bool,
    pub clock: Clock,
}

/// Offers media, and fetches what is asked for.
pub struct MediaProxy {
    parts: Parts,
    places: Arc<Semaphore>,
}

impl MediaProxy {
    pub fn new(parts: Parts) -> Self {
        Self { parts, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The URLs under which media are offered that came with a text by this account. For what could never be fetched there
    /// is an empty one, which no carrier is asked to send.
    pub(in crate::service) fn offer(
        &self,
        message: MessageId,
        account: AccountId,
        media_urls: &[String],
    ) -> Vec<String> {
        let until = (self.parts.clock.now_ms() + OFFERED_MS) / 1000;
        let is_reached = self.parts.is_public || self.is_inside(account);
        let link = |(nth, url): (usize, &String)| {
            if !is_reached || self.parts.events.check_url(url).is_err() {
                return String::new();
            }
            let (origin, signature) = (&self.parts.origin, sign(&self.parts.key, message, nth, until));
            format!("{origin}/media/{}/{nth}?until={until}&signature={signature}", message.hex())
        };
        media_urls.iter().enumerate().map(link).collect()
    }

    fn is_inside(&self, account: AccountId) -> bool {
        let entries = self.parts.directory.current();
        entries.handle(account).is_some_and(|handle| handle.connector.kind().profile().is_inside)
    }

    /// What is behind a link, through the account by which it came.
    pub async fn fetch(&self, link: &MediaLink) -> Result<BufferedMedia> {
        if !link.holds(&self.parts.key, self.parts.clock.now_ms()) {
            return Err(Error::new(ErrorKind::Forbidden, "this link is not one of ours, or is over"));
        }
        let none = || Error::not_found("media");
        let (account, content) = message::came_with(&self.parts.store, link.message).await?.ok_or_else(none)?;
        let url = content.media_urls.get(link.nth).ok_or_else(none)?;
        let handle = self.parts.directory.current().handle(account).cloned();
        let login = handle.as_ref().and_then(|handle| handle.connector.media_login(url));
        let busy = || Error::new(ErrorKind::Busy, "too much is fetched already");
        let begun = Instant::now();
        let place = tokio::time::timeout(WITHIN, self.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| busy())?.map_err(|_| busy())?;
        let left = WITHIN.saturating_sub(begun.elapsed());
        let fetched = self.parts.events.webhooks().fetch(url, login, left).await;
        let fetched = fetched.map_err(|reason| {
            tracing::info!(message = %link.message, reason, "media could not be fetched");
            Error::new(ErrorKind::Provider, "they cannot be fetched")
        })?;
        Ok(BufferedMedia { content_type: fetched.content_type, body: fetched.body, _place: place })
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

    #[test]
    fn a_place_is_held_until_all_is_on_its_way() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let places = Arc::new(Semaphore::new(1));
        let place = places.clone().try_acquire_owned()?;
        let mut media = BufferedMedia { content_type: None, body: Bytes::from(vec![7; PIECE + 1]), _place: place };
        let lengths: Vec<usize> = std::iter::from_fn(|| media.next_piece()).map(|piece| piece.len()).collect();
        assert_eq!((lengths, places.available_permits()), (vec![PIECE, 1], 0));
        drop(media);
        assert_eq!(places.available_permits(), 1);
        Ok(())
    }
}
