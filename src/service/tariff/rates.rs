//! Prices by the longest prefix of a destination.

use std::collections::HashMap;

use super::Rate;
use crate::model::{Millis, PricedChannel};

/// Digits of a number at most.
const LONGEST: usize = 15;

/// Rates by channel and prefix, of one destination the newest first.
#[derive(Default)]
pub(super) struct RateTable(HashMap<PricedChannel, HashMap<String, Vec<Rate>>>);

impl RateTable {
    /// Takes them as the store gives them: of one destination the newest first.
    pub(super) fn new(all: Vec<Rate>) -> Self {
        let mut rates: HashMap<PricedChannel, HashMap<String, Vec<Rate>>> = HashMap::new();
        for rate in all {
            rates.entry(rate.channel).or_default().entry(rate.prefix.clone()).or_default().push(rate);
        }
        Self(rates)
    }

    /// The rate of the longest prefix that is in force.
    pub(super) fn find(&self, channel: PricedChannel, to: &str, at_ms: Millis) -> Option<&Rate> {
        let by_prefix = self.0.get(&channel)?;
        let digits = to.strip_prefix('+').unwrap_or(to);
        let longest = digits.len().min(LONGEST);
        (0..=longest).rev().filter_map(|length| digits.get(..length)).find_map(|prefix| {
            let in_force =
                |rate: &&Rate| rate.from_ms <= at_ms && rate.until_ms.is_none_or(|until_ms| at_ms < until_ms);
            by_prefix.get(prefix)?.iter().find(in_force)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Money, RateId};

    fn rate(prefix: &str, price: i64, from_ms: Millis, until_ms: Option<Millis>) -> Rate {
        let (id, price) = (RateId::new(from_ms), Money::from_micros(price));
        Rate { id, channel: PricedChannel::Sms, prefix: prefix.to_owned(), price, from_ms, until_ms }
    }

    #[test]
    fn the_longest_prefix_in_force_decides() {
        let rates = RateTable::new(vec![
            rate("", 1, 0, None),
            rate("237", 4, 20, Some(30)),
            rate("237", 3, 10, None),
            rate("2376", 5, 0, Some(15)),
        ]);
        let price = |to: &str, at_ms| rates.find(PricedChannel::Sms, to, at_ms).map(|rate| rate.price.micros());
        assert_eq!(price("+15005550006", 12), Some(1));
        assert_eq!(price("+237123456789", 5), Some(1), "not yet in force");
        assert_eq!(price("+237123456789", 12), Some(3));
        assert_eq!(price("+237123456789", 25), Some(4), "the newer one");
        assert_eq!(price("+237123456789", 30), Some(3), "the newer one has ended");
        assert_eq!((price("+237623456789", 14), price("+237623456789", 15)), (Some(5), Some(3)));
        assert_eq!(rates.find(PricedChannel::Voice, "+237123456789", 12).map(|rate| rate.id), None);
        assert_eq!(price("é", 12), Some(1));
    }
}
