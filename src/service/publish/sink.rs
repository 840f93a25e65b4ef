//! One call of a sink, by whatever posts webhooks.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use crate::model::{Millis, Secret, Span};

/// A signed post about to be made.
pub struct Letter {
    /// Its `webhook-id`, the same at every try.
    pub id: String,
    pub url: String,
    /// `whsec_…`.
    pub secret: Secret,
    pub body: Zeroizing<String>,
    pub now_ms: Millis,
}

/// What came of it.
pub enum Answer {
    Taken,
    /// Anything else; `wait` is what the sink asked for.
    Failed {
        reason: String,
        wait: Option<Span>,
    },
}

/// Posts letters, each under a time-out.
pub type Sinks = Arc<dyn Fn(Letter) -> BoxFuture<'static, Answer> + Send + Sync>;
