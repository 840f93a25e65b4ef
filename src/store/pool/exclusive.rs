//! The phones of exclusive pools, each in one open session at most: `sb_pool_number`. Sessions take them and give them
//! back; here they come with their pools.

use super::Pool;
use crate::model::Millis;
use crate::store::{Change, Value, params};

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
