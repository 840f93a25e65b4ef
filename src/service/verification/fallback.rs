//! What becomes of a code whose text has failed at its carrier: it goes on the next channel that its caller named.

use super::{Verification, VerificationExtra, Verifications};
use crate::model::{Millis, VerificationId};
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::race::settled;
use crate::service::{ErrorKind, Result};
use crate::store::verification::fallback::{self, DueFallback};
use crate::store::verification::{by_id, send};

/// When a job is tried again whose node has gone, or whose store was away.
const AGAIN_MS: Millis = 30_000;

impl Verifications {
    /// Sends what is to go on another channel.
    pub async fn fall_back(&self) -> Result<()> {
        let now_ms = self.parts.clock.now_ms();
        for job in fallback::due(&self.parts.store, now_ms).await? {
            match fallback::claim(&self.parts.store, job, now_ms + AGAIN_MS).await {
                Ok(claimed) => self.take_up(claimed).await?,
                // another node has it
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn take_up(&self, job: DueFallback) -> Result<()> {
        let verification = job.verification;
        match settled("this verification", || self.go_on(verification)).await {
            Ok(()) => {}
            // the store is away, or others write it: the job is still there
            Err(error) if error.source.is_some() || error.kind == ErrorKind::Busy => return Err(error),
            Err(error) => tracing::info!(%verification, %error, "a code could not go on"),
        }
        Ok(fallback::done(&self.parts.store, job).await?)
    }

    /// Sends it on, where it still waits for that: a node may have died behind its commit, or its caller have sent it
    /// again by now.
    async fn go_on(&self, id: VerificationId) -> Result<()> {
        let found = by_id(&self.parts.store, id).await?;
        let is_due = |found: &Verification| !found.is_over_at(self.parts.clock.now_ms());
        let Some(found) = found.filter(is_due) else { return Ok(()) };
        let Some(next) = found.extra.fallback.first().copied() else { return Ok(()) };
        let sent = send::of(&self.parts.store, id).await?;
        if sent.last().is_some_and(|last| last.failed_ms.is_none()) {
            return Ok(());
        }
        let left = found.extra.fallback.iter().copied().skip(1).collect();
        let extra = VerificationExtra { fallback: left, ..found.extra.clone() };
        // what its key may do was asked when it was ordered
        let consumer = ApiConsumer::of(found.client);
        self.send_again(&consumer, &found, (next, extra), &AuditContext::unwritten()).await?;
        Ok(())
    }
}
