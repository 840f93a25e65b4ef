//! Whether a post is an account's own: its provider tells, by the tokens that are believed at this moment.

use std::sync::Arc;

use super::WebhookInbox;
use super::webhook::{VerifiedWebhook, counted_as, forged, untaken};
use crate::model::{AccountId, Secret};
use crate::provider::{
    self, AccountClaim, BadPost, InboundCall, ParsedPost, PostVerificationContext, ProviderPost, VerifiedPost,
};
use crate::service::account::{AccountHandle, MatchedWebhookToken};
use crate::service::{Error, ErrorKind, Result};
use crate::store;

/// Bytes of a post that is looked at where it came: so much takes less time than going elsewhere would.
const SMALL: usize = 1024;

/// What an account of ours has posted; it is not stored yet.
pub struct ProvedPost {
    pub(super) handle: Arc<AccountHandle>,
    /// `None`: nothing of it is kept.
    pub(super) came: Option<VerifiedWebhook>,
}

/// A call that has come in to a number of an account of ours.
pub struct ProvedCall {
    pub account: AccountId,
    pub call: InboundCall,
}

/// A form that accounts of ours have signed, each with a token of its own: seldom more than one.
pub struct SignedPost {
    pub accounts: Vec<AccountId>,
    /// In their order.
    pub fields: Vec<(String, String)>,
}

impl WebhookInbox {
    /// Whether an account at this provider has posted it.
    pub async fn prove(self: &Arc<Self>, provider: provider::CarrierKind, post: ProviderPost) -> Result<ProvedPost> {
        let (handle, verified) = self.verified(provider, post).await?;
        Ok(ProvedPost { handle, came: VerifiedWebhook::verified(verified) })
    }

    /// The same of a call, which is answered at once.
    pub async fn prove_call(
        self: &Arc<Self>,
        provider: provider::CarrierKind,
        post: ProviderPost,
    ) -> Result<ProvedCall> {
        let (handle, verified) = self.verified(provider, post).await?;
        match verified.parsed {
            ParsedPost::Call(call) => Ok(ProvedCall { account: handle.account.id, call }),
            ParsedPost::Text(_) | ParsedPost::Receipt(_) | ParsedPost::Nothing => Err(untaken(BadPost::Unwanted)),
        }
    }

    async fn verified(
        self: &Arc<Self>,
        provider: provider::CarrierKind,
        post: ProviderPost,
    ) -> Result<(Arc<AccountHandle>, VerifiedPost)> {
        let kind = counted_as(post.what);
        let proved = self.check(provider, post, move |inbox, post| inbox.proved(provider, post)).await;
        proved.inspect_err(|error| self.count_forged(kind, error))
    }

    /// Looks at a post that has what its proof needs, away from the threads that serve where that takes long.
    async fn check<T: Send + 'static>(
        self: &Arc<Self>,
        provider: provider::CarrierKind,
        post: ProviderPost,
        look: impl FnOnce(&Self, &ProviderPost) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if !provider.has_proof(&post) {
            return Err(forged());
        }
        if post.body.len() + post.url.len() <= SMALL {
            return look(self, &post);
        }
        let inbox = self.clone();
        let looked = self.checks.run(move || look(&inbox, &post)).await;
        looked.unwrap_or_else(|error| Err(Error::busy(error.to_string())))
    }

    fn proved(
        &self,
        provider: provider::CarrierKind,
        post: &ProviderPost,
    ) -> Result<(Arc<AccountHandle>, VerifiedPost)> {
        let (handle, verified) = match provider.claim(post).map_err(untaken)? {
            AccountClaim::Account(name) => {
                let handle = self.named(provider, &name)?;
                let verified = self.hold(&handle, |trial| handle.connector.verify(post, trial));
                (handle, verified)
            }
            AccountClaim::Any => self.found(provider, post).ok_or_else(forged)?,
        };
        Ok((handle, verified.map_err(untaken)?))
    }

    /// The account that is known by this name at its provider.
    fn named(&self, provider: provider::CarrierKind, name: &str) -> Result<Arc<AccountHandle>> {
        self.parts.directory.current().handle_of(provider, name).cloned().ok_or_else(forged)
    }

    /// The account that a post proves to be its sender, whatever else is wrong with it. All are tried, so that the time
    /// that it takes does not tell which it is.
    fn found(
        &self,
        provider: provider::CarrierKind,
        post: &ProviderPost,
    ) -> Option<(Arc<AccountHandle>, Result<VerifiedPost, BadPost>)> {
        let entries = self.parts.directory.current();
        let mut found = None;
        for handle in entries.handles().filter(|handle| handle.connector.kind() == provider) {
            let verified = self.hold(handle, |trial| handle.connector.verify(post, trial));
            if !matches!(verified, Err(BadPost::Forged)) {
                found = Some((handle.clone(), verified));
            }
        }
        found
    }

    /// Holds a post against the tokens of an account; those that are not its own are counted.
    fn hold<T>(&self, handle: &AccountHandle, look: impl FnOnce(&PostVerificationContext<'_>) -> T) -> T {
        let now_ms = self.parts.clock.now_ms();
        let believes = |fits: &dyn Fn(&Secret) -> bool| {
            let by = handle.believes(now_ms, fits);
            if let Some(MatchedWebhookToken::Other(role)) = by {
                self.parts.metrics.believed(handle.account.id, role.name());
            }
            by.is_some()
        };
        look(&PostVerificationContext { believes: &believes, key: &self.parts.signature_key, now_ms })
    }

    /// The fields of a form that an account of ours has signed, in their order; nothing where none has.
    pub async fn signed_fields(
        self: &Arc<Self>,
        provider: provider::CarrierKind,
        post: ProviderPost,
    ) -> store::Result<Option<Vec<(String, String)>>> {
        let look = move |inbox: &Self, post: &ProviderPost| {
            let AccountClaim::Account(name) = provider.claim(post).map_err(untaken)? else { return Err(forged()) };
            let handle = inbox.named(provider, &name)?;
            inbox.hold(&handle, |trial| handle.connector.signed_fields(post, trial)).map_err(untaken)
        };
        signed(self.check(provider, post, look).await)
    }

    /// The same of whichever account at this provider: the post need not name it. All are tried, so that the time that
    /// it takes does not tell which it is.
    pub async fn signed_by_any(
        self: &Arc<Self>,
        provider: provider::CarrierKind,
        post: ProviderPost,
    ) -> store::Result<Option<SignedPost>> {
        let look = move |inbox: &Self, post: &ProviderPost| {
            let entries = inbox.parts.directory.current();
            let (mut accounts, mut found) = (Vec::new(), None);
            for handle in entries.handles().filter(|handle| handle.connector.kind() == provider) {
                if let Ok(fields) = inbox.hold(handle, |trial| handle.connector.signed_fields(post, trial)) {
                    accounts.push(handle.account.id);
                    found = Some(fields);
                }
            }
            found.map(|fields| SignedPost { accounts, fields }).ok_or_else(forged)
        };
        signed(self.check(provider, post, look).await)
    }

    pub(super) fn count_forged(&self, kind: &'static str, error: &Error) {
        if error.kind == ErrorKind::Forged {
            self.parts.metrics.webhook(kind, "forged");
        }
    }
}

/// What somebody has signed; nothing where nobody of ours has.
fn signed<T>(looked: Result<T>) -> store::Result<Option<T>> {
    match looked {
        Ok(signed) => Ok(Some(signed)),
        Err(Error { source: Some(error), .. }) => Err(error),
        Err(_) => Ok(None),
    }
}
