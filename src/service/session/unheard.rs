//! Calls that a carrier was told to place, and never did: whoever called had hung up before.

use super::SessionMessages;
use crate::model::message::MessageState;
use crate::service::Result;
use crate::service::event::FailureReason;
use crate::service::race::won;
use crate::store::session::call;

/// Calls looked at in one go.
const SLICE: usize = 100;

impl SessionMessages {
    /// Ends them, and gives back what was paid for them. Where no carrier can reach us, its silence says nothing.
    pub async fn end_unheard_calls(&self) -> Result<()> {
        if self.public_url.is_none() {
            return Ok(());
        }
        loop {
            let now_ms = self.clock.now_ms();
            let found = call::unheard(&self.store, now_ms, SLICE).await?;
            for message in &found {
                let told = self.events.told(message, MessageState::Canceled, FailureReason::default(), now_ms);
                if won(call::end_unheard(&self.store, message, &told, now_ms).await)?.is_some() {
                    self.events.wake();
                }
            }
            if found.len() < SLICE {
                return Ok(());
            }
        }
    }
}
