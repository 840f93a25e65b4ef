//! The phones of exclusive pools, each with one open session at most: `sb_pool_number`. Sessions take them and give
//! them back; here they come with their pools.

use std::collections::BTreeMap;

use crate::model::area::AreaCode;
use crate::model::{Address, AddressKind, Millis, PoolId};
use crate::store::number::Number;
use crate::store::{Change, Value, params};

/// Finds a pool that has so many numbers, with those that an import is bringing still: it enters them as the pool was.
pub(super) const HAS_SO_MANY: &str = "UPDATE sb_pool SET name = name WHERE id = ? \
     AND (SELECT COUNT(*) FROM sb_number n WHERE n.client_id = ? AND n.pool_id = ?) = ?";
const FILL: &str = "INSERT INTO sb_pool_number (number_id, pool_id, area, free_ms) \
     SELECT n.id, n.pool_id, ?, CASE WHEN n.reserved = 0 THEN ? END FROM sb_number n \
     WHERE n.pool_id = ? AND n.id IN ({})";

/// Where a number is, as sessions look for it: its area code in North America, else its country.
fn area(number: &Number) -> String {
    let area = AreaCode::of(&number.address).map(|area| area.to_string());
    area.or_else(|| number.country.clone()).unwrap_or_default()
}

fn is_phone(number: &&Number) -> bool {
    Address::stored(number.address.as_str()).kind() == AddressKind::Phone
}

impl Change {
    /// Enters these numbers of an exclusive pool, of which none is entered yet; they may be chosen at once, or
    /// not yet. [`crate::store::Error::Guard`]: one of them is not in this pool.
    #[must_use]
    pub(in crate::store) fn fill_pool<'a>(
        self,
        id: PoolId,
        numbers: impl IntoIterator<Item = &'a Number>,
        free_ms: Option<Millis>,
    ) -> Self {
        let mut areas: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for number in numbers.into_iter().filter(is_phone) {
            areas.entry(area(number)).or_default().push(number.id.into());
        }
        areas.into_iter().fold(self, |change, (area, keys)| change.each(FILL, &params![area, free_ms, id], &keys))
    }
}
