//! What listeners are told of paired phones. Phones are the operator's, so its endpoints hear of them.

use super::payload::DeviceEventData;
use super::{EventMetadata, EventSequenceSource, NewEventBatch};
use crate::model::event::EventType;
use crate::model::{ClientId, DeviceId, Id as _, Millis, UserId, rfc3339};
use crate::store::device::{Device, NewDevice};

fn out<'a>(
    id: DeviceId,
    user: &'a UserId,
    fingerprint: &'a str,
    flavour: &str,
    paired_ms: Millis,
) -> DeviceEventData<'a> {
    let flavour = if flavour == "one" { "one-step" } else { "two-step" };
    DeviceEventData {
        sequence: None,
        id: id.to_string(),
        user_id: user.as_str(),
        fingerprint,
        flavour,
        paired_at: rfc3339(paired_ms),
        revoked_at: None,
    }
}

/// A device is paired once, and revoked once after that.
fn of_operator(device: DeviceId, kind: EventType, at_ms: Millis) -> EventMetadata {
    let sequence = if kind == EventType::DevicePaired { 1 } else { 2 };
    let order = EventSequenceSource::Known { object: device.bytes(), sequence };
    EventMetadata { client: ClientId::OPERATOR, kind, at_ms, callback: None, order }
}

impl NewEventBatch<'_> {
    pub(in crate::service) fn paired(&mut self, device: &NewDevice<'_>, at_ms: Millis) {
        let data = || out(device.id, device.user, &device.fingerprint, device.flavour, at_ms);
        self.add(of_operator(device.id, EventType::DevicePaired, at_ms), data);
    }

    pub(in crate::service) fn revoked(&mut self, device: &Device, at_ms: Millis) {
        self.add(of_operator(device.id, EventType::DeviceRevoked, at_ms), || DeviceEventData {
            revoked_at: Some(rfc3339(at_ms)),
            ..out(device.id, &device.user, &device.fingerprint, &device.flavour, device.paired_ms)
        });
    }
}
