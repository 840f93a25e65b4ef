//! By what a carrier's posts are believed: the account's own token or, for a while, one before it or after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::AccountHandle;
use crate::model::{Millis, Secret, TokenId};
use crate::store::account::token::{TokenRotationRole, WebhookTokenUses};

/// A token besides the account's own. It never calls the carrier.
#[derive(Clone)]
pub struct ExtraWebhookToken {
    pub id: TokenId,
    pub role: TokenRotationRole,
    pub secret: Secret,
    pub until_ms: Millis,
    uses: Arc<UnsavedWebhookTokenUses>,
}

/// Uses that the store does not know of yet.
#[derive(Debug, Default)]
struct UnsavedWebhookTokenUses {
    count: AtomicI64,
    last_ms: AtomicI64,
}

/// What a post was believed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedWebhookToken {
    /// The account's own token.
    Own,
    Other(TokenRotationRole),
}

impl ExtraWebhookToken {
    /// `known`: the same token as it was known before, whose uses go on.
    pub fn new(id: TokenId, role: TokenRotationRole, secret: Secret, until_ms: Millis, known: Option<&Self>) -> Self {
        let uses = known.map_or_else(Arc::default, |known| known.uses.clone());
        Self { id, role, secret, until_ms, uses }
    }

    fn used(&self, now_ms: Millis) {
        self.uses.count.fetch_add(1, Ordering::Relaxed);
        self.uses.last_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// What the store does not know of, which is to be told it.
    pub fn take_uses(&self) -> Option<WebhookTokenUses> {
        let count = self.uses.count.swap(0, Ordering::Relaxed);
        let last_ms = self.uses.last_ms.load(Ordering::Relaxed);
        (count > 0).then_some(WebhookTokenUses { token: self.id, count, last_ms })
    }

    /// The store could not be told.
    pub fn give_back(&self, uses: &WebhookTokenUses) {
        self.uses.count.fetch_add(uses.count, Ordering::Relaxed);
    }
}

impl AccountHandle {
    /// The tokens besides its own.
    #[must_use]
    pub fn with(mut self, proofs: Vec<ExtraWebhookToken>) -> Self {
        self.proofs = proofs;
        self
    }

    /// Whether this token is one of the account's.
    pub fn knows(&self, now_ms: Millis, token: &Secret) -> bool {
        let others = self.proofs.iter().filter(|proof| proof.until_ms > now_ms).map(|proof| &proof.secret);
        others.chain(self.connector.proof()).any(|known| known == token)
    }

    /// By which of the account's tokens a post is to be believed: its own, then those that are good now besides.
    pub fn believes(&self, now_ms: Millis, fits: impl Fn(&Secret) -> bool) -> Option<MatchedWebhookToken> {
        if self.connector.proof().is_some_and(&fits) {
            return Some(MatchedWebhookToken::Own);
        }
        let other = self.proofs.iter().find(|proof| proof.until_ms > now_ms && fits(&proof.secret))?;
        other.used(now_ms);
        Some(MatchedWebhookToken::Other(other.role))
    }
}
