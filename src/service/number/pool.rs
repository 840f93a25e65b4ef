//! Pools: a client's numbers that send together, the same number to the same recipient.

use super::{Error, Number, Numbers};
use crate::model::{ClientId, NumberId, PoolId};
use crate::service::page;
use crate::store::{self, pool};

pub use crate::store::pool::Pool;

/// Characters of a name at most.
const NAME: usize = 128;

fn check_name(name: &str) -> Result<(), Error> {
    let wrong = |reason: String| Err(Error::Invalid { field: "name", reason });
    match name.chars().count() {
        0 => wrong("is empty".into()),
        1..=NAME => Ok(()),
        _ => wrong(format!("is longer than {NAME} characters")),
    }
}

/// A race means that what it was about is not there.
fn settled(result: Result<(), store::Error>, otherwise: Error) -> Result<(), Error> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.is_race() => Err(otherwise),
        Err(error) => Err(error.into()),
    }
}

impl Numbers {
    /// Newest first; whether there are more.
    pub async fn list_pools(
        &self,
        client: ClientId,
        after: Option<PoolId>,
        limit: usize,
    ) -> Result<(Vec<Pool>, bool), Error> {
        Ok(page(pool::list(&self.book.store, client, after, limit + 1).await?, limit))
    }

    pub async fn find_pool(&self, client: ClientId, id: PoolId) -> Result<Pool, Error> {
        pool::find(&self.book.store, client, id).await?.ok_or(Error::NoPool)
    }

    /// The numbers of a pool, oldest first.
    pub fn numbers_of(&self, pool: &Pool) -> Vec<Number> {
        let page = self.book.page();
        let senders = page.senders_of(pool.client).iter().filter(|sender| sender.number.pool == Some(pool.id));
        senders.map(|sender| sender.number.clone()).collect()
    }

    pub async fn add_pool(&self, client: ClientId, name: String) -> Result<Pool, Error> {
        check_name(&name)?;
        let now_ms = self.clock.now_ms();
        let pool = Pool { id: PoolId::new(now_ms), client, name, created_ms: now_ms };
        pool::insert(&self.book.store, &pool).await?;
        Ok(pool)
    }

    pub async fn rename_pool(&self, client: ClientId, id: PoolId, name: &str) -> Result<Pool, Error> {
        check_name(name)?;
        settled(pool::rename(&self.book.store, client, id, name).await, Error::NoPool)?;
        self.find_pool(client, id).await
    }

    /// Lets its numbers go.
    pub async fn delete_pool(&self, client: ClientId, id: PoolId) -> Result<(), Error> {
        settled(pool::delete(&self.book.store, client, id).await, Error::NoPool)?;
        Ok(self.book.refresh().await?)
    }

    /// Puts a number into a pool, out of any other.
    pub async fn put_into_pool(&self, client: ClientId, id: PoolId, number: NumberId) -> Result<(), Error> {
        settled(pool::put(&self.book.store, client, id, number).await, Error::NotFound)?;
        Ok(self.book.refresh().await?)
    }

    pub async fn take_out_of_pool(&self, client: ClientId, id: PoolId, number: NumberId) -> Result<(), Error> {
        settled(pool::take_out(&self.book.store, client, id, number).await, Error::NotFound)?;
        Ok(self.book.refresh().await?)
    }
}
