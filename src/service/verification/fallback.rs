//! What becomes of a code whose text has failed at its carrier: it goes on the next channel that its caller named.

use super::{Verification, VerificationExtra, Verifications};
use crate::model::Millis;
use crate::service::Result;
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::store::verification::by_id;
use crate::store::verification::fallback::{self, DueFallback};

/// When a job is tried again whose node has gone, or whose store was away.
const AGAIN_MS: Millis = 30_000;

impl Verifications {
    /// Sends what is to go on another channel.
    pub async fn fall_back(&self) -> Result<()> {
        let now_ms = self.parts.clock.now_ms();
        for job in fallback::due(&self.parts.store, now_ms).await? {
            match fallback::claim(&self.parts.store, job, now_ms + AGAIN_MS).await {
                Ok(()) => self.take_up(job).await?,
                // another node has it
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn take_up(&self, job: DueFallback) -> Result<()> {
        let found = by_id(&self.parts.store, job.verification).await?;
        let is_due = |found: &Verification| !found.is_over_at(self.parts.clock.now_ms());
        if let Some(found) = found.filter(is_due)
            && let Some(next) = found.extra.fallback.first().copied()
        {
            let left = found.extra.fallback.iter().copied().skip(1).collect();
            let extra = VerificationExtra { fallback: left, ..found.extra.clone() };
            // what its key may do was asked when it was ordered
            let consumer = ApiConsumer::of(found.client);
            let sent = self.send_again(&consumer, &found, (next, extra), &AuditContext::unwritten()).await;
            match sent {
                Ok(_) => {}
                // the store is away, or others write it: the job is still there
                Err(error) if error.source.is_some() => return Err(error),
                Err(error) => {
                    let verification = found.id;
                    tracing::info!(%verification, %error, channel = next.name(), "a code could not go on");
                }
            }
        }
        Ok(fallback::done(&self.parts.store, job.verification).await?)
    }
}
