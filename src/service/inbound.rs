//! What comes in: webhooks are proved, stored once and answered; then they are handled once, as jobs.
//!
//! The [`WebhookInbox`] takes them in, and knows nothing of what they mean; the [`InboundHandlers`] do, and know nothing of who
//! posted them. Jobs are all that goes from one to the other.

mod finish;
mod handler;
mod inbox;
mod jobs;
mod keyed;
mod load;
mod loopback;
mod masked;
mod message;
mod metrics;
mod proof;
mod read;
mod receipt;
mod text;
mod webhook;

use std::time::Duration;

use serde::Deserialize;

pub use handler::InboundHandlers;
pub use inbox::{Parts, WebhookInbox, WebhookQueue};
pub use jobs::WebhookBatch;
pub use load::PostsUnderWay;
pub use loopback::{Filter, LoopbackDoor, LoopbackInboundText, LoopbackMessage, LoopbackPage};
pub use metrics::Metrics;
pub use proof::{ProvedCall, ProvedPost, SignedPost};
pub use webhook::is_guess;

pub use crate::provider::{InboundCall, PostKind, ProviderPost, WebhookReply};
pub use crate::store::inbound::WebhookKind;

use crate::model::DurationSetting;
use crate::store::inbound;

use self::read::WebhookContent;

/// `[inbound]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How long webhooks are kept as they came; a repeat within that time is known as one.
    pub keep: DurationSetting,
    /// A receipt for a message that no provider is known to have taken is tried so long.
    pub receipt_patience: DurationSetting,
}

/// How long a node has for the jobs that it takes.
const LEASE: Duration = Duration::from_secs(30);
/// Jobs held in memory at most; what is beyond waits in the store.
const HELD: usize = 10_000;

/// A webhook to be handled.
type WebhookJob = inbound::LeasedWebhook<WebhookContent>;
