//! What happened, told to whoever listens: endpoints, events, their delivery and replay.
//!
//! Whoever has something to tell asks [`Events::batch`] for a collection, adds to it what
//! happens, lets it add its rows to the change that writes the facts, commits, and says so by
//! [`NewEventBatch::committed`]. Where nobody listens, nothing is written. The types stand in
//! [`crate::model::event`], the fields of each in [`payload`].

mod ask;
mod batch;
mod courier;
mod device;
mod endpoint;
mod history;
mod interaction;
mod login;
mod message;
mod metrics;
pub mod payload;
mod reason;
mod session;
mod verification;

pub use batch::{EventMetadata, NewEventBatch};
pub use courier::{ClaimedDelivery, DeliveryDestination, EventCourier, FinishedDelivery};
pub use endpoint::{EndpointChange, NewEndpoint};
pub use history::EventHistory;
pub(in crate::service) use message::wanted;
pub use message::{FailureReason, VALIDITY_ENDED};
pub use metrics::Metrics;
pub use reason::{disabled_reason, last_reason};

pub use crate::provider::webhook::BadWebhookUrl;
pub use crate::store::delivery::{Delivery, DeliveryState};
pub use crate::store::endpoint::Endpoint;
pub use crate::store::event::{Event, EventSequenceSource, EventTarget};

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::Notify;

use crate::crypto::MasterKey;
use crate::model::event::EventType;
use crate::model::{ClientId, Clock, DurationSetting, EndpointId, MessageId, PublicOrigin};
use crate::provider::webhook::WebhookClient;
use crate::service::Result;
use crate::service::retention::RemovalThrottle;
use crate::service::snapshot::{self, Snapshot};
use crate::store::endpoint::EndpointSubscriptionsByClient;
use crate::store::lease::LeaseOwner;
use crate::store::sweep::RetentionCursor;
use crate::store::version::CachedDataset;
use crate::store::{self, Store, version};

/// `[event]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Private places that may be called all the same: networks, addresses and host names.
    pub allow: Vec<String>,
    /// How long a receiver may take to answer.
    pub timeout: DurationSetting,
    /// The waits between tries: after the last of them a delivery is given up.
    pub retries: Vec<DurationSetting>,
    /// An endpoint that has failed for so long is disabled.
    pub disable_after: DurationSetting,
    pub keep_events: DurationSetting,
}

/// What events are made of.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    pub master: Arc<MasterKey>,
    pub webhooks: WebhookClient,
    /// What the URLs stand on that callbacks name.
    pub origin: PublicOrigin,
    pub clock: Clock,
    /// This process among all that lease deliveries.
    pub owner: LeaseOwner,
    pub metrics: Metrics,
}

/// The events of this node.
pub struct Events {
    parts: Parts,
    listeners: Snapshot<EndpointSubscriptionsByClient>,
    woken: Notify,
}

impl Events {
    pub async fn open(parts: Parts) -> Result<Self> {
        version::begin(&parts.store, CachedDataset::Endpoints).await?;
        let events = Self { parts, listeners: Snapshot::default(), woken: Notify::new() };
        events.refresh().await?;
        Ok(events)
    }

    pub fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// Who wants to hear of this: enabled endpoints of the client, and the callback of a message
    /// that brought one. As of at most a second ago where another node changed them.
    pub fn targets(&self, client: ClientId, kind: EventType, callback: Option<MessageId>) -> Vec<EventTarget> {
        let listeners = self.listeners.current();
        let wants =
            |patterns: &[crate::model::event::EventPattern]| patterns.iter().any(|pattern| pattern.matches(kind));
        let of_client = listeners.by_client.get(&client).into_iter().flatten();
        let endpoints = of_client.filter(|one| wants(&one.patterns)).map(|one| EventTarget::Endpoint(one.id));
        endpoints.chain(callback.map(EventTarget::Callback)).collect()
    }

    /// Those of these that are told of one object's events one after the other.
    fn ordered(&self, client: ClientId, targets: &[EventTarget]) -> Vec<EndpointId> {
        let listeners = self.listeners.current();
        if !listeners.has_ordered {
            return Vec::new();
        }
        let of_client = listeners.by_client.get(&client).into_iter().flatten();
        let ordered = of_client.filter(|one| one.is_ordered && targets.contains(&EventTarget::Endpoint(one.id)));
        ordered.map(|one| one.id).collect()
    }

    /// Collects what is to be told in one change.
    pub fn batch(&self) -> NewEventBatch<'_> {
        NewEventBatch::new(self)
    }

    /// Says that new events are committed.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Reads who listens, where that has changed.
    pub async fn refresh(&self) -> Result<()> {
        let store = &self.parts.store;
        let version = version::current(store, CachedDataset::Endpoints);
        Ok(self.listeners.refresh(version, |_| store::endpoint::listeners(store)).await?)
    }

    /// The same behind a change that is committed.
    async fn renew(&self) {
        snapshot::renewed("endpoints", self.refresh().await);
    }

    /// Releases deliveries that wait for nobody any more, and were overlooked when that came to be so.
    pub async fn release(&self) -> Result<()> {
        let parts = &self.parts;
        if store::delivery::release_overlooked(&parts.store, parts.clock.now_ms()).await? > 0 {
            self.wake();
        }
        Ok(())
    }

    /// Counts what waits, for the metrics.
    pub async fn measure(&self) -> Result<()> {
        self.parts.metrics.measured(store::delivery::backlog(&self.parts.store).await?);
        Ok(())
    }

    /// Forgets events that were kept for `keep_events`.
    pub async fn sweep(&self) -> Result<()> {
        let before_ms = self.parts.clock.now_ms() - self.parts.settings.keep_events.as_ms();
        let (mut walk, mut throttle) = (RetentionCursor::before(before_ms), RemovalThrottle::default());
        while store::delivery::sweep(&self.parts.store, &mut walk).await? {
            throttle.rest().await;
        }
        Ok(())
    }

    /// Refuses what may not be called; a URL that may, as it will be.
    pub(in crate::service) fn check_url(&self, url: &str) -> Result<String, BadWebhookUrl> {
        Ok(self.parts.webhooks.allow.check_url(url)?.into())
    }

    /// The same of a callback in Twilio's form.
    pub(in crate::service) fn check_callback(&self, url: &str) -> Result<String, BadWebhookUrl> {
        Ok(self.parts.webhooks.allow.check_callback(url)?.into())
    }
}
