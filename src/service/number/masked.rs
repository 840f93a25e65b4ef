//! The pool of a client's own that its masked conversations have their numbers of: known by its name.

use super::Numbers;
use super::pool::Pool;
use crate::crypto::hash;
use crate::model::{ClientId, DurationSetting, PoolId, PoolSettings};
use crate::service::Result;
use crate::store::{self, pool};

impl Numbers {
    /// The oldest pool of this name, made where there is none. Two nodes that do so at once make the same.
    pub async fn masked_pool(&self, client: ClientId, name: &str) -> Result<PoolId> {
        let store = &self.directory.store;
        if let Some(known) = pool::named(store, client, name).await? {
            return Ok(known);
        }
        let id = PoolId::of_digest(&hash::sha256(format!("{}{name}", client.hex()).as_bytes()));
        // numbers do not rest there
        let settings = PoolSettings { rest: DurationSetting::from_millis(0), ..PoolSettings::default() };
        let made = Pool::new(id, client, name.to_owned(), settings, self.clock.now_ms())?;
        match pool::insert(store, &made, None).await {
            Ok(()) | Err(store::Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        self.directory.refresh().await?;
        Ok(id)
    }
}
