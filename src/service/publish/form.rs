//! A provider's signed form on its way to whoever can tell whether the signature holds.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::provider::{Kind, Post};
use crate::store;

/// The fields that an account of ours has signed, in the order of the form.
type Fields = Vec<(String, String)>;

/// Tells which they are, if one has. Knows accounts, which this service does not.
pub type FormCheck = Arc<dyn Fn(Kind, Post) -> BoxFuture<'static, store::Result<Option<Fields>>> + Send + Sync>;
