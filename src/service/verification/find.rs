//! Verifications looked for, and what was sent of them.

use super::{
    AttemptFilter, AttemptSummary, SentText, Verification, VerificationAttempt, VerificationFilter, Verifications,
};
use crate::model::{Address, ClientId, VerificationId, VerificationServiceId};
use crate::service::{Error, Result, page};
use crate::store::verification::{self, PendingKey, PendingName, send};

impl Verifications {
    pub async fn find(&self, client: ClientId, id: VerificationId) -> Result<Verification> {
        let found = verification::find(&self.parts.store, client, id).await?;
        Ok(self.as_it_is(found.ok_or_else(|| Error::not_found("verification"))?))
    }

    /// The one that stands under a number: it is pending, or was guessed at too often, or its time is just over.
    pub async fn find_last(
        &self,
        client: ClientId,
        service: Option<VerificationServiceId>,
        to: &Address,
    ) -> Result<Verification> {
        let key = PendingKey::of(client, service, PendingName::Number(to));
        let found = self.pending.write(key).await?;
        Ok(self.as_it_is(found.ok_or_else(|| Error::not_found("verification"))?))
    }

    /// Newest first; whether there are more.
    pub async fn list(
        &self,
        client: ClientId,
        filter: &VerificationFilter,
        limit: usize,
    ) -> Result<(Vec<Verification>, bool)> {
        let found = verification::list(&self.parts.store, client, filter, limit + 1).await?;
        let (found, more) = page(found, limit);
        Ok((found.into_iter().map(|one| self.as_it_is(one)).collect(), more))
    }

    /// Texts and calls that told codes, newest first; whether there are more.
    pub async fn attempts(
        &self,
        client: ClientId,
        filter: &AttemptFilter,
        limit: usize,
    ) -> Result<(Vec<VerificationAttempt>, bool)> {
        let (mut found, more) = page(send::list(&self.parts.store, client, filter, limit + 1).await?, limit);
        if filter.before.is_some() {
            found.reverse();
        }
        Ok((found, more))
    }

    pub async fn summary(&self, client: ClientId, filter: &AttemptFilter) -> Result<AttemptSummary> {
        Ok(send::summary(&self.parts.store, client, filter).await?)
    }

    /// What was sent of one, oldest first.
    pub async fn sent(&self, id: VerificationId) -> Result<Vec<SentText>> {
        Ok(send::of(&self.parts.store, id).await?)
    }

    /// One that has expired is shown as that, though it may not be written down yet. Whoever changes it finds it by what
    /// was read of it besides.
    fn as_it_is(&self, mut found: Verification) -> Verification {
        found.status = found.status_at(self.parts.clock.now_ms());
        found
    }
}
