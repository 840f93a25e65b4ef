//! What listeners are told of verifications, in the change that makes it so.

use super::payload::VerificationEventData;
use super::{EventMetadata, EventSequenceSource, NewEventBatch};
use crate::model::event::EventType;
use crate::model::{Id as _, Millis, VerificationServiceId, rfc3339};
use crate::store::verification::Verification;

impl NewEventBatch<'_> {
    /// A verification has come to what it is now.
    pub(in crate::service) fn verification(&mut self, after: &Verification, at_ms: Millis) {
        let order = EventSequenceSource::Known { object: after.id.bytes(), sequence: after.sequence };
        self.verification_as((EventType::Verification(after.status), order), after, at_ms);
    }

    /// So many codes for a person were wrong that no more are looked at.
    pub(in crate::service) fn checks_blocked(&mut self, of: &Verification, at_ms: Millis) {
        self.verification_as((EventType::VerificationChecksBlocked, EventSequenceSource::Alone), of, at_ms);
    }

    fn verification_as(&mut self, (kind, order): (EventType, EventSequenceSource), of: &Verification, at_ms: Millis) {
        let what = EventMetadata { client: of.client, kind, at_ms, callback: None, order };
        self.add(what, || VerificationEventData {
            sequence: None,
            id: of.id.to_string(),
            service_id: of.service.map(|id: VerificationServiceId| id.to_string()),
            to: &of.address,
            channel: of.channel.name(),
            status: of.status.name(),
            sends: of.sends,
            attempts_left: of.tries_left(),
            auth_id: of.auth_id.as_deref(),
            metadata: of.extra.metadata.as_ref(),
            tags: of.extra.tags.as_ref(),
            expires_at: rfc3339(of.expires_ms),
            created_at: rfc3339(of.created_ms),
        });
    }
}
