//! Verifications that their clients end: given up, or proved by a code that was theirs.

use super::create::over;
use super::{Verification, Verifications, allow, allow_to};
use crate::model::{Address, ClientId, Millis, VerificationId, VerificationStatus};
use crate::service::Result;
use crate::service::audit::AuditContext;
use crate::service::client::ApiConsumer;
use crate::service::race::settled;
use crate::store::Change;
use crate::store::verification::send;
use crate::store::verification::{self, VerificationEnd, failure};

/// Who does something to a verification, for the audit log.
type VerificationAudit<'a> = AuditContext<'a, Verification>;

impl Verifications {
    /// Gives one up: its code opens nothing from then on, and a text of it that still waits is not sent.
    pub async fn cancel(
        &self,
        consumer: &ApiConsumer,
        id: VerificationId,
        audit: &VerificationAudit<'_>,
    ) -> Result<Verification> {
        let after = self.end(consumer, id, VerificationStatus::Canceled, audit).await?;
        if !after.extra.is_test {
            let sent = send::of(&self.parts.store, id).await?;
            let unsent: Vec<Millis> = sent.iter().filter(|text| !text.has_left()).map(|text| text.at_ms).collect();
            self.parts.guard.taken_back(after.client, id, &unsent, after.changed_ms).await;
        }
        Ok(after)
    }

    /// Says that somebody was proved, whose code was looked at elsewhere.
    pub async fn approve(
        &self,
        consumer: &ApiConsumer,
        id: VerificationId,
        audit: &VerificationAudit<'_>,
    ) -> Result<Verification> {
        let after = self.end(consumer, id, VerificationStatus::Approved, audit).await?;
        self.tell_guard(&after).await;
        Ok(after)
    }

    async fn end(
        &self,
        consumer: &ApiConsumer,
        id: VerificationId,
        status: VerificationStatus,
        audit: &VerificationAudit<'_>,
    ) -> Result<Verification> {
        allow(consumer)?;
        settled("this verification", || async {
            let before = self.find(consumer.client, id).await?;
            allow_to(consumer, &Address::stored(before.address.as_str()))?;
            let at_ms = self.parts.clock.now_ms();
            if before.is_over_at(at_ms) {
                return Err(over(&before, at_ms));
            }
            let after = Verification {
                status,
                sequence: before.sequence + 1,
                changed_ms: at_ms,
                ended_ms: Some(at_ms),
                ..before.clone()
            };
            let entry = audit.entry(at_ms, id, Some(&before), Some(&after));
            let change = match status {
                VerificationStatus::Approved => verification::approve(Change::new(), &before, at_ms),
                _ => verification::end(Change::new(), &before, VerificationEnd { status, at_ms }),
            };
            let mut told = self.parts.events.batch();
            told.verification(&after, at_ms);
            self.parts.store.commit(told.write(change).audited(entry)).await?;
            told.committed();
            Ok(after)
        })
        .await
    }

    /// Looks at codes for a number again, however many were wrong; and counts what goes there anew.
    /// Whoever lets somebody do so writes that down.
    pub async fn reset(&self, client: ClientId, to: &Address) -> Result<()> {
        failure::reset(&self.parts.store, client, to).await?;
        self.parts.limits.reset(client, to).await;
        Ok(())
    }
}
