//! The numbers of pools: which come into one, and which leave it.

use super::PoolWithNumbers;
use crate::model::{ClientId, NumberId, PoolId};
use crate::service::audit::AuditContext;
use crate::service::number::{Number, Numbers};
use crate::service::race::settled;
use crate::service::{Error, Result};
use crate::store::pool;

/// Who does it, for the audit log: an entry of the pool that shows the one number, whatever else is in there.
type NumberAudit<'a> = AuditContext<'a, Number>;

impl Numbers {
    /// Puts a number into a pool, out of any other. One that is there already stays, and nothing is written.
    pub async fn put_into_pool(
        &self,
        client: ClientId,
        id: PoolId,
        number: NumberId,
        audit: &NumberAudit<'_>,
    ) -> Result<PoolWithNumbers> {
        self.put(client, id, (number, None), true, audit).await
    }

    /// The same with a number that is in no other pool.
    pub async fn add_to_pool(
        &self,
        client: ClientId,
        id: PoolId,
        number: NumberId,
        audit: &NumberAudit<'_>,
    ) -> Result<PoolWithNumbers> {
        self.put(client, id, (number, None), false, audit).await
    }

    /// Where it is said how the number is `written`, one that is there already is refused. `may_leave`: another pool.
    pub(in crate::service::number) async fn put(
        &self,
        client: ClientId,
        id: PoolId,
        (number, written): (NumberId, Option<&str>),
        may_leave: bool,
        audit: &NumberAudit<'_>,
    ) -> Result<PoolWithNumbers> {
        let changed = settled("this pool", || async {
            let one = self.find(client, number).await?;
            let before = self.pool_now(client, id).await?;
            if one.pool == Some(id) {
                return if written.is_some() { Err(Error::conflict("the number is in this pool")) } else { Ok(before) };
            }
            if one.pool.is_some() && !may_leave {
                return Err(Error::conflict("the number is in another pool").about("pool_id"));
            }
            self.must_be_idle(number).await?;
            let member = Number { pool: Some(id), ..one.clone() };
            let now_ms = self.clock.now_ms();
            let entry = audit.entry(now_ms, id, Some(&one), Some(&member));
            pool::put(&self.directory.store, &before.pool, (&one, written), now_ms, entry).await?;
            let mut after = before;
            after.numbers.push(member);
            after.numbers.sort_by_key(|one| one.id);
            Ok(after)
        })
        .await?;
        self.directory.refresh().await?;
        Ok(changed)
    }

    pub async fn take_out_of_pool(
        &self,
        client: ClientId,
        id: PoolId,
        number: NumberId,
        audit: &NumberAudit<'_>,
    ) -> Result<()> {
        settled("this pool", || async {
            self.pool(client, id).await?;
            let before = self.find(client, number).await?;
            if before.pool != Some(id) {
                return Err(Error::not_found("number"));
            }
            self.must_be_idle(number).await?;
            let after = Number { pool: None, ..before.clone() };
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), Some(&after));
            Ok(pool::take_out(&self.directory.store, client, id, number, entry).await?)
        })
        .await?;
        Ok(self.directory.refresh().await?)
    }
}
