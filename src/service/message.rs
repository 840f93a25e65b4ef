//! Messages as their clients know them: accepted, listed, fetched, canceled and redacted; calls beside them.
//!
//! When one is accepted, it is in the outbox, and will be sent or accounted for: by whom is not known here.

mod accept;
mod call;
mod cursor;
mod limit;
mod metrics;
mod order;
mod pass_on;
mod reply;
mod secret;
mod withdraw;

use std::collections::HashMap;
use std::sync::Arc;

pub use accept::{DraftResult, MessageDraft, RepeatReply};
pub use cursor::MessageCursor;
pub use limit::{BrokenMessageLimit, says_something};
pub(in crate::service) use limit::{anyway, limits};
pub use metrics::Metrics;
pub use order::{ChosenRoute, Order, OrderResult, OrderSecret, SenderChoice, unsaid};
pub(in crate::service) use pass_on::CopyResult;

pub use crate::store::ledger::ChargeResult;
pub use crate::store::message::{Filter, Message, SendAttempt};
pub use crate::store::receipt::StoredReceipt;

use crate::crypto::HashKey;
use crate::model::{ClientId, Clock, MessageId, Millis};
use crate::service::directory::Directory;
use crate::service::event::Events;
use crate::service::idempotency::{IdempotencyFingerprint, IdempotencyKey};
use crate::service::outbox::Settings;
use crate::store::message::{self, MessagePage};
use crate::store::outbox::LaneKeyHasher;
use crate::store::outbox::intake::OutboxEnqueuer;
use crate::store::{self, Store, receipt};

/// What the service is built from.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    pub directory: Arc<Directory>,
    pub events: Arc<Events>,
    pub clock: Clock,
    /// The way into the outbox.
    pub outbox: OutboxEnqueuer,
    pub lanes: LaneKeyHasher,
    /// Under which requests are hashed.
    pub request_key: HashKey,
    /// Under which places in lists are sealed.
    pub cursor_key: HashKey,
    pub metrics: Metrics,
}

pub struct Messages {
    parts: Parts,
}

impl Messages {
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// How a client's request is known again; `canonical`: what is compared of it.
    pub fn named(&self, client: ClientId, key: IdempotencyKey, canonical: &[u8]) -> IdempotencyFingerprint {
        key.named(client, canonical, &self.parts.request_key)
    }

    pub async fn find(&self, client: ClientId, id: MessageId) -> store::Result<Option<Message>> {
        message::find(&self.parts.store, client, id).await
    }

    /// Newest first.
    pub async fn list(&self, client: ClientId, filter: &Filter, limit: usize) -> store::Result<MessagePage> {
        message::list(&self.parts.store, client, filter, limit).await
    }

    /// What providers did and said of a message.
    pub async fn history(&self, id: MessageId) -> store::Result<(Vec<SendAttempt>, Vec<StoredReceipt>)> {
        Ok((message::attempts(&self.parts.store, id).await?, receipt::list(&self.parts.store, id).await?))
    }

    /// When providers took messages, where one has.
    pub async fn taken_at(&self, ids: &[MessageId]) -> store::Result<HashMap<MessageId, Millis>> {
        message::taken_at(&self.parts.store, ids).await
    }
}
