//! The pool of a client's number proxy: its own, exclusive, and made when the first number comes into it.

use super::{ExclusiveNumber, InboundTextPolicy, NewNumber, Number, NumberCapability, Numbers, Pool, PoolWithNumbers};
use crate::model::{AccountId, Address, ClientId, DurationSetting, NumberId, PoolId, PoolSettings};
use crate::service::audit::AuditContext;
use crate::service::{Error, Result};
use crate::store::{self, pool};

const NAME: &str = "number-proxy";

/// Who takes a number into it, for the audit log: each step is written there as what it is.
pub struct NumberProxyAudit<'a> {
    pub number: AuditContext<'a, Number>,
    pub pool: AuditContext<'a, PoolWithNumbers>,
    pub put: AuditContext<'a, Number>,
}

impl Numbers {
    /// Takes a number into the pool, as it is `written`: one of the client's own, or else a new one on this account.
    /// [`Error::conflict`]: it is there already, or somebody else's.
    pub async fn proxy(
        &self,
        client: ClientId,
        (address, written): (&Address, &str),
        account: Option<AccountId>,
        audit: &NumberProxyAudit<'_>,
    ) -> Result<()> {
        // another node may just have added it
        self.directory.refresh().await?;
        let known = self.directory.current().sender(address.as_str()).map(|sender| sender.number.clone());
        let number = match known {
            Some(number) if number.client == client => number.id,
            Some(_) => return Err(Error::conflict("the number is in use already")),
            None => {
                let missing = || Error::invalid("value", "is no number of yours, and there is no account to add it to");
                let new = NewNumber {
                    address: address.clone(),
                    account: account.ok_or_else(missing)?,
                    capabilities: vec![NumberCapability::Sms, NumberCapability::Mms],
                    meaning: InboundTextPolicy::Forward,
                    platform: None,
                    rate: 0,
                    is_reserved: false,
                };
                self.add(client, new, &audit.number).await?.id
            }
        };
        let id = self.proxy_pool(client, &audit.pool).await?;
        self.put(client, id, (number, Some(written)), true, &audit.put).await.map(drop)
    }

    async fn proxy_pool(&self, client: ClientId, audit: &AuditContext<'_, PoolWithNumbers>) -> Result<PoolId> {
        let (store, id) = (&self.directory.store, PoolId::number_proxy(client));
        if pool::find(store, client, id).await?.is_some() {
            return Ok(id);
        }
        let rest = DurationSetting::from_millis(0);
        let settings = PoolSettings { is_exclusive: true, rest, ..PoolSettings::default() };
        let now_ms = self.clock.now_ms();
        let pool = Pool::new(id, client, NAME.to_owned(), settings, now_ms)?;
        let made = PoolWithNumbers { pool, numbers: Vec::new() };
        let entry = audit.entry(now_ms, id, None, Some(&made));
        match pool::insert(store, &made.pool, entry).await {
            // it was made in between
            Ok(()) | Err(store::Error::Conflict) => Ok(id),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a number out of the pool; it stays the client's.
    pub async fn unproxy(&self, client: ClientId, address: &Address, audit: &AuditContext<'_, Number>) -> Result<()> {
        let number = self.proxied(client, address).await?;
        self.take_out_of_pool(client, PoolId::number_proxy(client), number, audit).await
    }

    /// The number of the pool with this address.
    pub async fn proxied(&self, client: ClientId, address: &Address) -> Result<NumberId> {
        self.directory.refresh().await?;
        let entries = self.directory.current();
        let pool = Some(PoolId::number_proxy(client));
        let found = entries.sender(address.as_str()).filter(|sender| sender.number.pool == pool);
        found.map(|sender| sender.number.id).ok_or_else(|| Error::not_found("number"))
    }

    /// All numbers of the pool, oldest first.
    pub async fn all_proxied(&self, client: ClientId) -> Result<Vec<ExclusiveNumber>> {
        Ok(pool::exclusive(&self.directory.store, PoolId::number_proxy(client)).await?)
    }

    /// Those of these numbers that stand in an exclusive pool, as they stand there.
    pub async fn exclusive_of(&self, numbers: &[NumberId]) -> Result<Vec<ExclusiveNumber>> {
        Ok(pool::exclusive_of(&self.directory.store, numbers).await?)
    }
}
