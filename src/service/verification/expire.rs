//! Verifications whose time is over: they end within a second.

use super::{Verification, Verifications};
use crate::model::{Millis, VerificationStatus};
use crate::service::retention::throttled;
use crate::service::{Error, Result};
use crate::store;
use crate::store::Change;
use crate::store::verification::{self, OVERDUE, OverdueVerification, failure};

impl Verifications {
    /// Ends those whose time is over, erases their codes, and tells of them.
    pub async fn expire(&self) -> Result<()> {
        loop {
            let now_ms = self.parts.clock.now_ms();
            let due = verification::overdue(&self.parts.store, now_ms).await?;
            let all: Vec<&OverdueVerification> = due.iter().collect();
            match self.expired(&all, now_ms).await {
                // one of them was opened just now: each for itself, and what is left next time
                Err(error) if error.is_race() => {
                    for one in all {
                        self.settle(one, now_ms).await?;
                    }
                }
                done => done?,
            }
            if due.len() < OVERDUE {
                return Ok(());
            }
        }
    }

    async fn settle(&self, one: &OverdueVerification, now_ms: Millis) -> Result<()> {
        match self.expired(&[one], now_ms).await {
            Err(error) if !error.is_race() => Err(Error::from(error)),
            _ => Ok(()),
        }
    }

    async fn expired(&self, all: &[&OverdueVerification], now_ms: Millis) -> store::Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        let mut told = self.parts.events.batch();
        for one in all.iter().filter(|one| one.expires()) {
            let before = &one.verification;
            let after = Verification {
                status: VerificationStatus::Expired,
                sequence: before.sequence + 1,
                changed_ms: now_ms,
                ended_ms: Some(now_ms),
                ..before.clone()
            };
            told.verification(&after, now_ms);
        }
        let change = verification::expire(Change::new(), all, now_ms);
        self.parts.store.commit(told.write(change)).await?;
        told.committed();
        Ok(())
    }

    /// Forgets wrong codes that count no more.
    pub async fn forget_failures(&self) -> store::Result<()> {
        let before_ms = self.parts.clock.now_ms() - failure::WINDOW_MS;
        throttled(|| failure::sweep(&self.parts.store, before_ms)).await
    }
}
