//! The numbers of ours by which people in sessions know each other.

use std::sync::Arc;

use super::{Participant, SessionMessages};
use crate::service::Result;
use crate::service::directory::SenderNumber;
use crate::service::number::NumberCapability;

impl SessionMessages {
    /// The number that somebody knows, where it is there still and can do that.
    pub(super) async fn sender_of(&self, to: &Participant, can: NumberCapability) -> Result<Option<Arc<SenderNumber>>> {
        self.known_sender(&to.number, |sender| sender.number.id == to.number_id && sender.can(can)).await
    }

    /// A number of ours, where it fits. Another node may just have added it: the store knows.
    pub(super) async fn known_sender(
        &self,
        address: &str,
        fits: impl Fn(&SenderNumber) -> bool,
    ) -> Result<Option<Arc<SenderNumber>>> {
        let known = || {
            let entries = self.directory.current();
            entries.sender(address).filter(|sender| fits(sender)).cloned()
        };
        let found = known();
        if found.is_none() {
            self.directory.refresh().await?;
            return Ok(known());
        }
        Ok(found)
    }
}
