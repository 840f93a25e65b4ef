//! A provider's signed form on its way to whoever can tell whether the signature holds.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::store;

/// A form post as it came.
pub struct SignedForm {
    /// The public URL, with its query, that the provider has posted to.
    pub url: String,
    /// `X-Twilio-Signature`.
    pub signature: Option<String>,
    pub body: Bytes,
}

/// The fields that an account of ours has signed, in the order of the form.
type Fields = Vec<(String, String)>;

/// Tells which they are, if one has. Knows accounts, which this service does not.
pub type FormCheck = Arc<dyn Fn(SignedForm) -> BoxFuture<'static, store::Result<Option<Fields>>> + Send + Sync>;
