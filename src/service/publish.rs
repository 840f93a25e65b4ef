//! Texts of paired phones, by HTTP or as ordinary SMS: opened under a device's key, kept sealed,
//! handed to their platform's sink.

mod accept;
mod deliver;
mod loopback;
mod metrics;
pub mod sink;

pub use accept::PhoneText;
pub use deliver::ClaimedPublication;
pub use loopback::{LoopbackPublicationSink, LoopbackSinkPost, with_loopback};
pub use metrics::Metrics;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::salt::BackendSalt;
use crate::crypto::{HashKey, MasterKey, SharedKey};
use crate::model::{Clock, DeviceId, DurationSetting, Platform, Secret};
use crate::provider::WebhookClient;
use crate::service::retention::throttled;
use crate::service::{Error, ErrorKind, Result};
use crate::store::device::{self, SealedDeviceKey};
use crate::store::lease::LeaseOwner;
use crate::store::{Store, publication};

/// How long the row of a text stays that is over: nodes that keep no blocks yet know repeats by it.
const KEPT: DurationSetting = DurationSetting::from_millis(24 * 3_600_000);

/// `[publish]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub include_grant: bool,
    pub give_up_after: DurationSetting,
}

/// No such user, no key that fits, not well-formed, no known letter, no sink: one answer.
pub fn refused() -> Error {
    Error::new(ErrorKind::Refused, "message cannot be published")
}

/// Whether a text is done with; after another error it may be given again.
pub fn is_refused(error: &Error) -> bool {
    error.kind == ErrorKind::Refused
}

/// What became of a text that was not taken, for the metrics.
fn counted_as(error: &Error) -> &'static str {
    if is_refused(error) { "refused" } else { "failed" }
}

/// What publishing is made of.
pub struct Parts {
    pub settings: Settings,
    /// `sync.sms_refusal_delay`.
    pub refusal_delay: DurationSetting,
    pub platforms: Vec<Platform>,
    pub store: Store,
    pub backend: Store,
    pub master: Arc<MasterKey>,
    /// Under which repeats are known.
    pub text_key: HashKey,
    /// The backend's hashing salt; empty: in its own database.
    pub salt: Secret,
    /// The key of the backend's encrypted columns; empty: in its own database.
    pub backend_key: Secret,
    pub webhooks: WebhookClient,
    /// Only under `--dev`.
    pub loopback: Option<LoopbackPublicationSink>,
    pub clock: Clock,
    /// This process among all that lease texts.
    pub owner: LeaseOwner,
    pub metrics: Metrics,
    pub tasks: TaskTracker,
}

/// The publishing service.
pub struct PhoneTextPublisher {
    parts: Parts,
    salt: BackendSalt,
    /// Tried in the place of devices that a user does not have.
    decoy: SealedDeviceKey,
    /// Wakes the workers of platforms that have a sink.
    arrived: HashMap<String, Notify>,
}

impl PhoneTextPublisher {
    pub fn new(parts: Parts) -> Result<Self> {
        let device = DeviceId::new(0);
        let sealed = parts.master.seal(device::key_place(&device.hex()), SharedKey::generate().as_bytes())?;
        let salt = BackendSalt::new(parts.backend.clone(), parts.salt.clone());
        let with_sink = parts.platforms.iter().filter(|platform| platform.has_sink());
        let arrived = with_sink.map(|platform| (platform.name.clone(), Notify::new())).collect();
        Ok(Self { parts, salt, decoy: SealedDeviceKey { device, sealed }, arrived })
    }

    /// The names of the platforms that have a sink: each has a worker of its own, so that none
    /// waits for another's.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        self.arrived.keys().map(String::as_str)
    }

    /// Waits for a text of this platform to be accepted by this node.
    pub async fn arrived(&self, platform: &str) {
        match self.arrived.get(platform) {
            Some(arrived) => arrived.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Erases what has waited too long for its sink; forgets texts that are over, and the blocks of revoked devices.
    pub async fn sweep(&self) -> Result<()> {
        let now_ms = self.parts.clock.now_ms();
        let late_ms = now_ms - self.parts.settings.give_up_after.as_ms();
        let late = publication::late(&self.parts.store, late_ms).await?;
        if late > 0 {
            tracing::error!(texts = late, "no sink took them within publish.give_up_after: erased");
        }
        throttled(|| publication::sweep(&self.parts.store, now_ms - KEPT.as_ms(), late_ms)).await?;
        for device in device::revoked(&self.parts.store).await? {
            throttled(|| publication::forget(&self.parts.store, device)).await?;
        }
        Ok(())
    }
}
