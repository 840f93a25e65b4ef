//! The buckets of a limit, one by one.

use super::{LimitAudit, NamedLimits, NewLimitBucket, new_bucket};
use crate::model::{ClientId, DurationSetting, LimitBucketId, VerificationLimitId};
use crate::service::{Error, Result};
use crate::store::verification::limit::LimitBucket;

/// What is done to one bucket of a limit.
#[derive(Clone, Copy)]
enum BucketChange {
    Add(LimitBucketId, NewLimitBucket),
    Set(LimitBucketId, Option<u32>, Option<DurationSetting>),
    Remove(LimitBucketId),
}

impl NamedLimits {
    /// One of its buckets.
    pub async fn find_bucket(
        &self,
        client: ClientId,
        id: VerificationLimitId,
        bucket: LimitBucketId,
    ) -> Result<LimitBucket> {
        let found = self.find(client, id).await?.buckets.into_iter().find(|one| one.id == bucket);
        found.ok_or_else(no_bucket)
    }

    pub async fn add_bucket(
        &self,
        client: ClientId,
        id: VerificationLimitId,
        new: NewLimitBucket,
        audit: &LimitAudit<'_>,
    ) -> Result<LimitBucket> {
        let made = LimitBucketId::new(self.clock.now_ms());
        self.change_buckets((client, id), BucketChange::Add(made, new), audit).await?.ok_or_else(no_bucket)
    }

    /// Another interval begins to count anew.
    pub async fn change_bucket(
        &self,
        client: ClientId,
        (id, bucket): (VerificationLimitId, LimitBucketId),
        (most, interval): (Option<u32>, Option<DurationSetting>),
        audit: &LimitAudit<'_>,
    ) -> Result<LimitBucket> {
        let change = BucketChange::Set(bucket, most, interval);
        self.change_buckets((client, id), change, audit).await?.ok_or_else(no_bucket)
    }

    pub async fn remove_bucket(
        &self,
        client: ClientId,
        (id, bucket): (VerificationLimitId, LimitBucketId),
        audit: &LimitAudit<'_>,
    ) -> Result<()> {
        self.change_buckets((client, id), BucketChange::Remove(bucket), audit).await.map(drop)
    }

    /// The bucket as it now is, where it is there.
    async fn change_buckets(
        &self,
        whose: (ClientId, VerificationLimitId),
        change: BucketChange,
        audit: &LimitAudit<'_>,
    ) -> Result<Option<LimitBucket>> {
        let about = match change {
            BucketChange::Add(bucket, _) | BucketChange::Set(bucket, ..) | BucketChange::Remove(bucket) => bucket,
        };
        let changed = self
            .rewrite(whose, audit, |limit, now_ms| {
                let place = limit.buckets.iter().position(|one| one.id == about);
                match (change, place) {
                    (BucketChange::Add(id, new), _) => limit.buckets.push(new_bucket(id, new, now_ms)),
                    (_, None) => return Err(no_bucket()),
                    (BucketChange::Remove(_), Some(place)) => {
                        limit.buckets.remove(place);
                    }
                    (BucketChange::Set(_, most, interval), Some(place)) => {
                        let one = &mut limit.buckets[place];
                        one.most = most.unwrap_or(one.most);
                        one.interval_ms = interval.map_or(one.interval_ms, DurationSetting::as_ms);
                        one.changed_ms = now_ms;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(changed.buckets.into_iter().find(|one| one.id == about))
    }
}

fn no_bucket() -> Error {
    Error::not_found("bucket of this rate limit")
}
