//! Pools: a client's numbers that send together, the same number to the same recipient.

use super::{Error, Number, Numbers, Result};
use crate::model::{ClientId, NumberId, PoolId};
use crate::service::audit::AuditContext;
use crate::service::page;
use crate::service::race::{WriteResultExt as _, settled};
use crate::store::pool;

pub use crate::store::pool::Pool;

/// A pool with its numbers.
#[derive(Clone, Debug)]
pub struct PoolWithNumbers {
    pub pool: Pool,
    /// Oldest first.
    pub numbers: Vec<Number>,
}

/// Who does something to a pool, for the audit log.
type PoolAudit<'a> = AuditContext<'a, PoolWithNumbers>;

/// Characters of a name at most.
const NAME: usize = 128;

fn check_name(name: &str) -> Result<()> {
    let wrong = |reason: String| Err(Error::invalid("name", reason));
    match name.chars().count() {
        0 => wrong("is empty".into()),
        1..=NAME => Ok(()),
        _ => wrong(format!("is longer than {NAME} characters")),
    }
}

impl Numbers {
    /// Newest first; whether there are more.
    pub async fn list_pools(
        &self,
        client: ClientId,
        after: Option<PoolId>,
        limit: usize,
    ) -> Result<(Vec<PoolWithNumbers>, bool)> {
        let (pools, more) = page(pool::list(&self.directory.store, client, after, limit + 1).await?, limit);
        Ok((pools.into_iter().map(|pool| self.filled(pool)).collect(), more))
    }

    /// What is about to change: with its numbers as they are, not as they were a second ago.
    async fn pool_now(&self, client: ClientId, id: PoolId) -> Result<PoolWithNumbers> {
        self.directory.refresh().await?;
        self.find_pool(client, id).await
    }

    pub async fn find_pool(&self, client: ClientId, id: PoolId) -> Result<PoolWithNumbers> {
        let found = pool::find(&self.directory.store, client, id).await?;
        found.map(|pool| self.filled(pool)).ok_or_else(|| Error::not_found("pool"))
    }

    fn filled(&self, pool: Pool) -> PoolWithNumbers {
        let entries = self.directory.current();
        let senders = entries.senders_of(pool.client).iter().filter(|sender| sender.number.pool == Some(pool.id));
        let numbers = senders.map(|sender| sender.number.clone()).collect();
        PoolWithNumbers { pool, numbers }
    }

    pub async fn add_pool(&self, client: ClientId, name: String, audit: &PoolAudit<'_>) -> Result<PoolWithNumbers> {
        check_name(&name)?;
        let now_ms = self.clock.now_ms();
        let pool = Pool { id: PoolId::new(now_ms), client, name, created_ms: now_ms };
        let made = PoolWithNumbers { pool, numbers: Vec::new() };
        let entry = audit.entry(now_ms, made.pool.id, None, Some(&made));
        pool::insert(&self.directory.store, &made.pool, entry).await?;
        Ok(made)
    }

    pub async fn rename_pool(
        &self,
        client: ClientId,
        id: PoolId,
        name: &str,
        audit: &PoolAudit<'_>,
    ) -> Result<PoolWithNumbers> {
        check_name(name)?;
        settled("this pool", || async {
            let before = self.pool_now(client, id).await?;
            let mut after = before.clone();
            name.clone_into(&mut after.pool.name);
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), Some(&after));
            pool::rename(&self.directory.store, &before.pool, name, entry).await?;
            Ok(after)
        })
        .await
    }

    /// Lets its numbers go.
    pub async fn delete_pool(&self, client: ClientId, id: PoolId, audit: &PoolAudit<'_>) -> Result<()> {
        let before = self.pool_now(client, id).await?;
        let entry = audit.entry(self.clock.now_ms(), id, Some(&before), None);
        pool::delete(&self.directory.store, client, id, entry).await.on_race(|| Error::not_found("pool"))?;
        Ok(self.directory.refresh().await?)
    }

    /// Puts a number into a pool, out of any other.
    pub async fn put_into_pool(
        &self,
        client: ClientId,
        id: PoolId,
        number: NumberId,
        audit: &PoolAudit<'_>,
    ) -> Result<PoolWithNumbers> {
        let before = self.pool_now(client, id).await?;
        let mut after = before.clone();
        if !after.numbers.iter().any(|one| one.id == number) {
            after.numbers.push(Number { pool: Some(id), ..self.find(client, number).await? });
            after.numbers.sort_by_key(|one| one.id);
        }
        let entry = audit.entry(self.clock.now_ms(), id, Some(&before), Some(&after));
        pool::put(&self.directory.store, client, id, number, entry).await.on_race(|| Error::not_found("number"))?;
        self.directory.refresh().await?;
        Ok(after)
    }

    pub async fn take_out_of_pool(
        &self,
        client: ClientId,
        id: PoolId,
        number: NumberId,
        audit: &PoolAudit<'_>,
    ) -> Result<()> {
        let before = self.pool_now(client, id).await?;
        let mut after = before.clone();
        after.numbers.retain(|one| one.id != number);
        let entry = audit.entry(self.clock.now_ms(), id, Some(&before), Some(&after));
        let taken_out = pool::take_out(&self.directory.store, client, id, number, entry).await;
        taken_out.on_race(|| Error::not_found("number"))?;
        Ok(self.directory.refresh().await?)
    }
}
