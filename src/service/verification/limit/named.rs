//! Limits of clients' own: their orders name them, each with the value that is counted.

mod bucket;

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{
    ClientId, Clock, DurationSetting, LimitBucketId, Millis, VerificationLimitId, VerificationServiceId,
};
use crate::service::audit::AuditContext;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::snapshot::{self, Snapshot};
use crate::service::{Error, Result, page};
use crate::store::verification::limit;
use crate::store::version::{self, CachedDataset};
use crate::store::{self, Store};

pub use crate::store::verification::limit::{LimitBucket, LimitFilter, NamedLimit};

/// Limits of one service, or of all that a client verifies, at most; and buckets of one.
const LIMITS: i64 = 10;
const BUCKETS: usize = 10;
/// Characters of a name, and of a description, at most.
const NAME: usize = 64;
const DESCRIPTION: usize = 255;
/// What a bucket may let through, and how long it may last.
const MOST: u32 = 1_000_000;
const SHORTEST: DurationSetting = DurationSetting::from_millis(1_000);
const LONGEST: DurationSetting = DurationSetting::from_millis(31 * 86_400_000);

/// By whose they are and what they are called.
type KnownLimits = HashMap<(ClientId, Option<VerificationServiceId>, String), Arc<NamedLimit>>;

/// Who does something to a limit, for the audit log.
type LimitAudit<'a> = AuditContext<'a, NamedLimit>;

/// So many within so long.
#[derive(Clone, Copy, Debug)]
pub struct NewLimitBucket {
    pub most: u32,
    pub interval: DurationSetting,
}

pub struct NewLimit {
    pub service: Option<VerificationServiceId>,
    pub name: String,
    pub description: String,
    pub buckets: Vec<NewLimitBucket>,
}

/// What may be changed of a limit; what is not given stays as it is.
#[derive(Clone, Debug, Default)]
pub struct LimitChange {
    pub name: Option<String>,
    pub description: Option<String>,
    /// Puts these in the place of all that there are: what was counted in those is forgotten.
    pub buckets: Option<Vec<NewLimitBucket>>,
}

/// Kept in the store, asked in memory.
pub struct NamedLimits {
    store: Store,
    clock: Clock,
    known: Snapshot<KnownLimits>,
}

impl NamedLimits {
    /// Those of the store.
    pub async fn open(store: Store, clock: Clock) -> store::Result<Self> {
        version::begin(&store, CachedDataset::SendRules).await?;
        let limits = Self { store, clock, known: Snapshot::default() };
        limits.refresh().await?;
        Ok(limits)
    }

    /// Reads what has changed since they were read last.
    pub async fn refresh(&self) -> store::Result<()> {
        self.known.refresh(version::current(&self.store, CachedDataset::SendRules), |_| self.read()).await
    }

    async fn read(&self) -> store::Result<KnownLimits> {
        let all = limit::all(&self.store).await?;
        Ok(all.into_iter().map(|one| ((one.client, one.service, one.name.clone()), Arc::new(one))).collect())
    }

    /// The limit that an order names: its service's own, else one for all that its client verifies.
    pub fn named(
        &self,
        client: ClientId,
        service: Option<VerificationServiceId>,
        name: &str,
    ) -> Option<Arc<NamedLimit>> {
        let known = self.known.current();
        let find = |service| known.get(&(client, service, name.to_owned())).cloned();
        service.and_then(|service| find(Some(service))).or_else(|| find(None))
    }

    /// For how long anything counts that some limit counts.
    pub(super) fn longest_ms(&self) -> Millis {
        let known = self.known.current();
        known.values().flat_map(|limit| &limit.buckets).map(|bucket| bucket.interval_ms).max().unwrap_or(0)
    }

    /// Newest first; whether there are more.
    pub async fn list(&self, client: ClientId, filter: LimitFilter, most: usize) -> Result<(Vec<NamedLimit>, bool)> {
        let (mut found, more) = page(limit::list(&self.store, client, filter, most + 1).await?, most);
        if filter.before.is_some() {
            found.reverse();
        }
        Ok((found, more))
    }

    pub async fn find(&self, client: ClientId, id: VerificationLimitId) -> Result<NamedLimit> {
        limit::find(&self.store, client, id).await?.ok_or_else(|| Error::not_found("rate limit"))
    }

    pub async fn create(&self, client: ClientId, new: NewLimit, audit: &LimitAudit<'_>) -> Result<NamedLimit> {
        let now_ms = self.clock.now_ms();
        let buckets = new.buckets.iter().map(|one| new_bucket(LimitBucketId::new(now_ms), *one, now_ms)).collect();
        let made = NamedLimit {
            id: VerificationLimitId::new(now_ms),
            client,
            service: new.service,
            name: new.name,
            description: new.description,
            buckets,
            created_ms: now_ms,
            changed_ms: now_ms,
        };
        hold(&made)?;
        if limit::count(&self.store, client, new.service).await? >= LIMITS {
            return Err(Error::conflict(format!("there are {LIMITS} rate limits, which is all there may be")));
        }
        let entry = audit.entry(now_ms, made.id, None, Some(&made));
        let no_service = || Error::invalid("service", "no such service");
        limit::insert(&self.store, &made, entry).await.on_conflict(name_taken).on_guard(no_service)?;
        self.renew().await;
        Ok(made)
    }

    /// The limit as it now is.
    pub async fn change(
        &self,
        client: ClientId,
        id: VerificationLimitId,
        change: LimitChange,
        audit: &LimitAudit<'_>,
    ) -> Result<NamedLimit> {
        self.rewrite((client, id), audit, |limit, now_ms| {
            limit.name = change.name.clone().unwrap_or_else(|| limit.name.clone());
            limit.description = change.description.clone().unwrap_or_else(|| limit.description.clone());
            if let Some(buckets) = &change.buckets {
                let new = |one: &NewLimitBucket| new_bucket(LimitBucketId::new(now_ms), *one, now_ms);
                limit.buckets = buckets.iter().map(new).collect();
            }
            Ok(())
        })
        .await
    }

    pub async fn delete(&self, client: ClientId, id: VerificationLimitId, audit: &LimitAudit<'_>) -> Result<()> {
        settled("this rate limit", || async {
            let before = self.find(client, id).await?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), None);
            Ok(limit::delete(&self.store, &before, entry).await?)
        })
        .await?;
        self.renew().await;
        Ok(())
    }

    async fn rewrite(
        &self,
        (client, id): (ClientId, VerificationLimitId),
        audit: &LimitAudit<'_>,
        edit: impl Fn(&mut NamedLimit, Millis) -> Result<()>,
    ) -> Result<NamedLimit> {
        let changed = settled("this rate limit", || async {
            let before = self.find(client, id).await?;
            let now_ms = self.clock.now_ms();
            let mut after = before.clone();
            edit(&mut after, now_ms)?;
            if after == before {
                return Ok(before);
            }
            hold(&after)?;
            // two that were written are never of one millisecond: by that they are told apart
            after.changed_ms = now_ms.max(before.changed_ms + 1);
            if after.name != before.name && limit::has_namesake(&self.store, &after).await? {
                return Err(name_taken());
            }
            let entry = audit.entry(now_ms, id, Some(&before), Some(&after));
            limit::update(&self.store, &before, &after, entry).await?;
            Ok(after)
        })
        .await?;
        self.renew().await;
        Ok(changed)
    }

    async fn renew(&self) {
        snapshot::renewed("rate limits", self.refresh().await);
    }
}

fn new_bucket(id: LimitBucketId, new: NewLimitBucket, now_ms: Millis) -> LimitBucket {
    let NewLimitBucket { most, interval } = new;
    LimitBucket { id, most, interval_ms: interval.as_ms(), created_ms: now_ms, changed_ms: now_ms }
}

fn name_taken() -> Error {
    Error::conflict("another rate limit has this name").about("name")
}

fn hold(limit: &NamedLimit) -> Result<()> {
    let is_of_names = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if !(1..=NAME).contains(&limit.name.len()) || !limit.name.bytes().all(is_of_names) {
        return Err(Error::invalid("name", format!("must be 1 to {NAME} letters, digits, and any of _ - .")));
    }
    if limit.description.chars().count() > DESCRIPTION {
        return Err(Error::invalid("description", format!("must be {DESCRIPTION} characters at most")));
    }
    if limit.buckets.len() > BUCKETS {
        return Err(Error::conflict(format!("there must be {BUCKETS} buckets at most")).about("buckets"));
    }
    for (nth, one) in limit.buckets.iter().enumerate() {
        if !(1..=MOST).contains(&one.most) {
            return Err(Error::invalid("max", format!("must be 1 to {MOST}")));
        }
        if !(SHORTEST.as_ms()..=LONGEST.as_ms()).contains(&one.interval_ms) {
            return Err(Error::invalid("interval", format!("must be {SHORTEST} to {LONGEST}")));
        }
        if limit.buckets[..nth].iter().any(|other| other.interval_ms == one.interval_ms) {
            return Err(Error::conflict("another bucket has this interval").about("interval"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::ErrorKind;

    fn limit(name: &str, buckets: &[(u32, u64)]) -> NamedLimit {
        let new = |(most, ms): &(u32, u64)| NewLimitBucket { most: *most, interval: DurationSetting::from_millis(*ms) };
        NamedLimit {
            id: VerificationLimitId::new(1),
            client: ClientId::OPERATOR,
            service: None,
            name: name.to_owned(),
            description: String::new(),
            buckets: buckets.iter().map(|one| new_bucket(LimitBucketId::new(1), new(one), 1)).collect(),
            created_ms: 1,
            changed_ms: 1,
        }
    }

    #[test]
    fn limits_have_names_and_buckets_of_different_lengths() {
        let kept =
            |name, buckets: &[(u32, u64)]| hold(&limit(name, buckets)).map_err(|error| (error.kind, error.field));
        let week = 7 * 86_400_000;
        assert_eq!(kept("end-user_ip.1", &[(1, 1_000), (5, 60_000), (9, week)]), Ok(()));
        assert_eq!(kept("a", &[]), Ok(()));
        for (name, buckets, kind, field) in [
            ("", &[][..], ErrorKind::Invalid, "name"),
            ("a b", &[], ErrorKind::Invalid, "name"),
            ("a", &[(0, 1_000)], ErrorKind::Invalid, "max"),
            ("a", &[(1, 999)], ErrorKind::Invalid, "interval"),
            ("a", &[(1, 32 * 86_400_000)], ErrorKind::Invalid, "interval"),
            ("a", &[(1, 1_000), (2, 1_000)], ErrorKind::Conflict, "interval"),
            ("a", &[(1, 1_000); 11], ErrorKind::Conflict, "buckets"),
        ] {
            assert_eq!(kept(name, buckets), Err((kind, Some(field))), "{name} {buckets:?}");
        }
    }
}
