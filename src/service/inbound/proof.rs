//! Whether a post is an account's own: by its signature, or by the secret path that it came to.
//!
//! A signature runs names and values together, so that who has one signed post can cut its fields elsewhere. What it
//! was for is remembered with it.

use std::sync::Arc;

use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::fields::{account_sid, is_json, signed_fields, storable};
use super::webhook::{Came, forged, misnamed, unreadable};
use super::{Inbox, Kind};
use crate::crypto::hash;
use crate::crypto::signature::twilio::{Signed, is_signature, sorted};
use crate::model::Secret;
use crate::provider::{self, twilio};
use crate::service::account::{AccountHandle, By};
use crate::service::publish::{FormCheck, SignedForm};
use crate::service::{Error, ErrorKind};
use crate::store::inbound::intake::Signature;

/// Bytes of a post that is looked at where it came: so much takes less time than going elsewhere would.
const SMALL: usize = 1024;

/// A signed post as it came.
pub struct Post {
    /// The public URL, with its query, that the provider has posted to.
    pub url: String,
    pub signature: Option<String>,
    pub body: Bytes,
}

/// What an account of ours has posted; it is not stored yet.
pub struct Proved {
    pub(super) handle: Arc<AccountHandle>,
    pub(super) came: Came,
}

type Field = (String, String);

impl Inbox {
    /// Whether Twilio has posted this. The account is that of the form's `AccountSid`; its auth token must have signed.
    pub async fn prove_twilio(self: &Arc<Self>, kind: Kind, post: Post) -> Result<Proved, Error> {
        let proved = self.check(post, move |inbox, post| {
            let (handle, fields, signature) = inbox.signed(post)?;
            handle.connector.check_ids(&fields).map_err(misnamed)?;
            let came = Came::signed(kind, storable(&post.body), fields, signature).map_err(unreadable)?;
            Ok(Proved { handle, came })
        });
        proved.await.inspect_err(|error| self.count_forged(kind, error))
    }

    /// Whether Flowroute has: it signs nothing, so whoever knows the account's path is believed.
    pub fn prove_flowroute(&self, kind: Kind, token: &str, body: &str) -> Result<Proved, Error> {
        let given = hash::sha256_hex(token.as_bytes());
        let entries = self.parts.directory.current();
        let is_flowroute = |handle: &&Arc<AccountHandle>| handle.connector.kind() == provider::Kind::Flowroute;
        // all are compared, each in constant time
        let is_it = |path: &Secret| {
            let hashed = hash::sha256_hex(path.expose().as_bytes());
            bool::from(hashed.as_bytes().ct_eq(given.as_bytes()))
        };
        let fits = |handle: &Arc<AccountHandle>| self.is_believed(handle, is_it);
        let handle = entries
            .handles()
            .filter(is_flowroute)
            .fold(None, |found, handle| if fits(handle) { Some(handle) } else { found });
        let handle = handle.ok_or_else(forged).inspect_err(|error| self.count_forged(kind, error))?;
        let came = Came::unsigned(kind, storable(body.as_bytes())).map_err(unreadable)?;
        Ok(Proved { handle: handle.clone(), came })
    }

    /// Looks at a post that has a signature, away from the threads that serve where that takes long.
    async fn check<T: Send + 'static>(
        self: &Arc<Self>,
        post: Post,
        look: impl FnOnce(&Self, &Post) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if !post.signature.as_deref().is_some_and(is_signature) {
            return Err(forged());
        }
        if post.body.len() + post.url.len() <= SMALL {
            return look(self, &post);
        }
        let inbox = self.clone();
        let looked = self.checks.run(move || look(&inbox, &post)).await;
        looked.unwrap_or_else(|error| Err(Error::busy(error.to_string())))
    }

    /// The account that has signed a post, the fields that it has signed, and the signature as it is remembered. What
    /// costs little comes first: whoever posts need not be Twilio.
    fn signed(&self, post: &Post) -> Result<(Arc<AccountHandle>, Vec<Field>, Signature), Error> {
        let given = post.signature.as_deref().ok_or_else(forged)?;
        // of JSON its digest is signed, with the URL, and no field
        let is_json = is_json(&post.body);
        let digest = is_json.then(|| Signed::json(&post.url, &post.body).ok_or_else(forged)).transpose()?;
        let sid = account_sid(&post.body)?;
        let handle =
            self.parts.directory.current().handle_of(provider::Kind::Twilio, &sid).cloned().ok_or_else(forged)?;
        let is_by_it = |signed: &Signed<'_>| self.is_believed(&handle, |token| signed.is_by(token.expose(), given));
        if digest.as_ref().is_some_and(|signed| !is_by_it(signed)) {
            return Err(forged());
        }
        let fields = signed_fields(&post.body)?;
        if !fields.iter().all(|(name, _)| twilio::is_name(name)) {
            return Err(forged());
        }
        let sorted = sorted(&fields);
        if digest.is_none() && !is_by_it(&Signed::form(&post.url, &sorted)) {
            return Err(forged());
        }
        let key = &self.parts.signature_key;
        let parts = sorted.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let short = |mac: [u8; 32]| hex::encode(&mac[..16]);
        let signature = Signature { hash: short(key.mac(&[given.as_bytes()])), fields: short(key.mac_all(parts)) };
        Ok((handle, fields, signature))
    }

    /// Whether one of the account's tokens fits; counts those that are not its own.
    fn is_believed(&self, handle: &AccountHandle, fits: impl Fn(&Secret) -> bool) -> bool {
        let by = handle.believes(self.now_ms(), fits);
        if let Some(By::Other(role)) = by {
            self.parts.metrics.believed(handle.account.id, role.name());
        }
        by.is_some()
    }

    pub(super) fn count_forged(&self, kind: Kind, error: &Error) {
        if error.kind == ErrorKind::Forged {
            self.parts.metrics.webhook(kind.name(), "forged");
        }
    }
}

/// Tells which fields a Twilio account of ours has signed; an error, where that cannot be told now.
pub fn form_check(inbox: &Arc<Inbox>) -> FormCheck {
    let inbox = inbox.clone();
    Arc::new(move |SignedForm { url, signature, body }| {
        let inbox = inbox.clone();
        Box::pin(async move {
            let look = |inbox: &Inbox, post: &Post| {
                let (handle, fields, _) = inbox.signed(post)?;
                handle.connector.check_ids(&fields).map_err(misnamed)?;
                Ok(fields)
            };
            match inbox.check(Post { url, signature, body }, look).await {
                Ok(fields) => Ok(Some(fields)),
                Err(Error { source: Some(error), .. }) => Err(error),
                Err(_) => Ok(None),
            }
        })
    })
}
