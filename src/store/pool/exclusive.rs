//! The phones of exclusive pools, each in one open session at most: `sb_pool_number`. Sessions take them and give them
//! back; here they come with their pools.

use serde::Deserialize;

use super::Pool;
use crate::model::{Millis, NumberId, PoolId, SessionId};
use crate::store::number::is_there;
use crate::store::{Change, Query, Result, Row, Store, Value, params};

/// A number of such a pool, as it stands.
#[derive(Clone, Debug, Deserialize)]
pub struct ExclusiveNumber {
    pub id: NumberId,
    pub address: String,
    /// As whoever put it there wrote it.
    pub written: Option<String>,
    /// Whose it is.
    pub session: Option<SessionId>,
    /// Since when it is free; `None`: it is a session's, or reserved.
    pub free_ms: Option<Millis>,
}

/// The fields of [`ExclusiveNumber`].
const COLUMNS: &str = "SELECT p.number_id, n.address, p.written, p.session_id, p.free_ms \
     FROM sb_pool_number p JOIN sb_number n ON n.id = p.number_id";

/// All numbers of a pool, oldest first.
pub async fn exclusive(store: &Store, pool: PoolId) -> Result<Vec<ExclusiveNumber>> {
    let sql = format!("{COLUMNS} WHERE p.pool_id = ? AND {} ORDER BY p.number_id", is_there!());
    store.all(sql, params![pool]).await
}

/// Those of these numbers that are in such a pool.
pub async fn exclusive_of(store: &Store, numbers: &[NumberId]) -> Result<Vec<ExclusiveNumber>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Value> = numbers.iter().map(|id| (*id).into()).collect();
    let those = Query::over(format!("{COLUMNS} WHERE p.number_id IN ({{}})"), &[], ids);
    store.look_up(vec![those]).await?.concat().iter().map(Row::read).collect()
}

/// Each with where it is, as sessions look for it: its area code in North America, else its country. One that is
/// reserved is not free, nor one of an import that still goes on: nobody has it before all are there.
const FILL: &str = "INSERT INTO sb_pool_number (number_id, pool_id, area, free_ms) SELECT id, pool_id, \
     CASE WHEN address LIKE '+1__________' THEN SUBSTR(address, 3, 3) ELSE COALESCE(country, '') END, \
     CASE WHEN reserved = 0 AND import_id IS NULL THEN ? END \
     FROM sb_number WHERE client_id = ? AND pool_id = ? AND address LIKE '+%'";

impl Change {
    /// Enters all phones of an exclusive pool, of which none is entered yet. This must be held, so that none of them
    /// comes or goes meanwhile.
    #[must_use]
    pub(super) fn fill_pool(self, pool: &Pool, now_ms: Millis) -> Self {
        self.run(FILL, params![now_ms, pool.client, pool.id])
    }

    /// The same of those of these numbers that are phones of the pool.
    #[must_use]
    pub(in crate::store) fn fill_pool_with(self, pool: &Pool, numbers: &[Value], now_ms: Millis) -> Self {
        self.any(&format!("{FILL} AND id IN ({{}})"), &[now_ms.into(), pool.client.into(), pool.id.into()], numbers)
    }
}
