//! Pools of older systems, taken over with their ids.

use super::{Pool, PoolAudit, PoolWithNumbers, exclusive_only};
use crate::model::{ClientId, PoolId, PoolSettings};
use crate::service::Result;
use crate::service::number::Numbers;
use crate::store::pool;

impl Numbers {
    /// Takes a pool over from an older system, with its id; whether it is new here. One that was taken over before is
    /// as it is by now.
    pub async fn import_pool(
        &self,
        client: ClientId,
        id: PoolId,
        name: String,
        mut settings: PoolSettings,
        audit: &PoolAudit<'_>,
    ) -> Result<(PoolWithNumbers, bool)> {
        let find = || pool::find(&self.directory.store, client, id);
        if let Some(known) = find().await? {
            return Ok((self.filled(known), false));
        }
        self.check_hooks(&mut settings, &PoolSettings::default())?;
        if id == PoolId::number_proxy(client) && !settings.is_exclusive {
            return Err(exclusive_only());
        }
        match self.insert_pool(Pool::new(id, client, name, settings, self.clock.now_ms())?, audit).await {
            Ok(made) => Ok((made, true)),
            // somebody else may take it over at the same time
            Err(error) => match find().await? {
                Some(known) => Ok((self.filled(known), false)),
                None => Err(error),
            },
        }
    }
}
