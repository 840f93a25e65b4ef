//! Paired phones: list them, take their keys away.

use std::sync::Arc;

use crate::model::{Clock, DeviceId, UserId};
use crate::service::audit::AuditContext;
use crate::service::event::Events;
use crate::service::page;
use crate::service::sync::SocketRegistry;
use crate::service::{Error, Result};
use crate::signal::{InterNodeSignalBus, SyncPairingEvent, SyncSignal};
use crate::store::{self, Change, Store};

pub use crate::store::device::Device;

pub struct Devices {
    pub store: Store,
    pub clock: Clock,
    pub open_sockets: Arc<SocketRegistry>,
    pub bus: InterNodeSignalBus,
    pub events: Arc<Events>,
}

impl Devices {
    /// A page of a user's devices, newest first, and whether there are more.
    pub async fn list(&self, user: &UserId, after: Option<DeviceId>, limit: usize) -> Result<(Vec<Device>, bool)> {
        Ok(page(store::device::list(&self.store, user, after, limit + 1).await?, limit))
    }

    /// Empties the device's key, closes its user's open sockets, forgets its texts' blocks. A second time does nothing.
    pub async fn revoke(&self, id: DeviceId, audit: &AuditContext<'_, Device>) -> Result<()> {
        let device = store::device::find(&self.store, id).await?.ok_or_else(|| Error::not_found("device"))?;
        let at_ms = self.clock.now_ms();
        let mut batch = self.events.batch();
        batch.revoked(&device, at_ms);
        let after = Device { revoked_ms: Some(at_ms), ..device.clone() };
        let entry = audit.entry(at_ms, id, Some(&device), Some(&after));
        let told = batch.write(Change::new());
        match store::device::revoke(&self.store, told, id, &device.user, at_ms, entry).await {
            Ok(()) => {}
            Err(store::Error::Guard(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        batch.committed();
        tracing::info!(device = %id, user = %device.user, "revoked a device");
        let signal = SyncSignal { user: device.user, event: SyncPairingEvent::Revoked, at_ms };
        self.open_sockets.deliver(&signal);
        self.bus.publish(&signal);
        // the rest, and what is being taken just now, goes with the next sweep
        if let Err(error) = store::publication::forget(&self.store, id).await {
            tracing::warn!(device = %id, %error, "could not forget the blocks of its texts yet");
        }
        Ok(())
    }
}
