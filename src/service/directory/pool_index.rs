//! A pool as sessions choose from it: the numbers that may be chosen, by where they are.

use std::collections::HashMap;
use std::sync::Arc;

use super::SenderNumber;
use crate::model::area::AreaCode;
use crate::model::{Address, AddressKind, ClientId, NumberId, PoolSettings};

/// A pool's phones that are not reserved.
pub struct PoolIndex {
    pub settings: PoolSettings,
    pub client: ClientId,
    /// Oldest first.
    pub numbers: Vec<Arc<SenderNumber>>,
    /// Places in `numbers`.
    pub by_country: HashMap<String, Vec<u32>>,
    pub by_area: HashMap<AreaCode, Vec<u32>>,
}

impl PoolIndex {
    /// A pool without numbers.
    pub fn new(client: ClientId, settings: PoolSettings) -> Self {
        Self { settings, client, numbers: Vec::new(), by_country: HashMap::new(), by_area: HashMap::new() }
    }

    /// Takes the next number, if it may be chosen: they come in the order of their ids.
    pub fn add(&mut self, sender: &Arc<SenderNumber>) {
        let number = &sender.number;
        let is_phone = Address::stored(number.address.as_str()).kind() == AddressKind::Phone;
        let Ok(place) = u32::try_from(self.numbers.len()) else { return };
        if number.is_reserved || !is_phone {
            return;
        }
        if let Some(country) = &number.country {
            self.by_country.entry(country.clone()).or_default().push(place);
        }
        if let Some(area) = AreaCode::of(&number.address) {
            self.by_area.entry(area).or_default().push(place);
        }
        self.numbers.push(sender.clone());
    }

    /// One that may be chosen; `None`: it is not in this pool, or is reserved.
    pub fn number(&self, id: NumberId) -> Option<&Arc<SenderNumber>> {
        let place = self.numbers.binary_search_by_key(&id, |sender| sender.number.id).ok()?;
        self.numbers.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AccountId;
    use crate::service::directory::RateLimiter;
    use crate::service::number::{InboundTextPolicy, Number};

    fn sender(at: i64, address: &str, country: Option<&str>, is_reserved: bool) -> Arc<SenderNumber> {
        let number = Number {
            id: NumberId::first_of(at),
            client: ClientId::OPERATOR,
            account: AccountId::first_of(1),
            address: address.to_owned(),
            capabilities: Vec::new(),
            meaning: InboundTextPolicy::Forward,
            rate: 0,
            platform: None,
            country: country.map(str::to_owned),
            pool: None,
            created_ms: 0,
            is_reserved,
        };
        Arc::new(SenderNumber { number, limiter: Arc::new(RateLimiter::new(0)), refused_ms: Arc::default() })
    }

    #[test]
    fn phones_that_are_not_reserved_are_found_by_where_they_are() {
        let mut index = PoolIndex::new(ClientId::OPERATOR, PoolSettings::default());
        for (at, (address, country, is_reserved)) in (1..).zip([
            ("+14155550100", Some("US"), false),
            ("+14155550101", Some("US"), true),
            ("+33612345678", Some("FR"), false),
            ("40404", None, false),
            ("Acme", None, false),
            ("+12125550100", Some("US"), false),
            ("+14155550102", Some("US"), false),
        ]) {
            index.add(&sender(at, address, country, is_reserved));
        }
        let shown = |places: Option<&Vec<u32>>| -> Vec<String> {
            let numbers = places.into_iter().flatten().filter_map(|place| index.numbers.get(*place as usize));
            numbers.map(|sender| sender.number.address.clone()).collect()
        };
        assert_eq!(shown(index.by_country.get("US")), ["+14155550100", "+12125550100", "+14155550102"]);
        assert_eq!(shown(index.by_country.get("FR")), ["+33612345678"]);
        let area = |address: &str| AreaCode::of(address).and_then(|area| index.by_area.get(&area));
        assert_eq!(shown(area("+14155550199")), ["+14155550100", "+14155550102"]);
        assert_eq!(shown(area("+33612345678")), [""; 0]);
        let found = |at: i64| index.number(NumberId::first_of(at)).map(|sender| sender.number.address.as_str());
        assert_eq!(found(6), Some("+12125550100"));
        assert_eq!((found(2), found(4), found(8)), (None, None, None), "reserved, no phone, not there");
    }
}
