//! Routes and rates as they stand, in memory: which account a destination goes to, and what it costs.

mod card;
mod import;
mod manage;
mod rates;
mod routes;
mod sheet;

use std::sync::Arc;

use serde::Deserialize;

pub use card::{NewRate, RateChange, RateFilter, TariffRateKey};
pub use import::ImportedRates;
pub use manage::{NewRoute, RouteChange};
pub use routes::{BadRoutePattern, compile};

pub use crate::store::rate::Rate;
pub use crate::store::route::Route;

use self::rates::RateTable;
use self::routes::RouteTable;
use crate::model::{Channel, Clock, Millis, Money, PricedChannel};
use crate::service::snapshot::{self, Snapshot};
use crate::store::version::CachedDataset;
use crate::store::{self, Store, rate, route, version};

/// `[tariff]`: what is charged where no rate says otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultPrices {
    /// A segment of a text.
    pub sms: Money,
    /// A message with pictures.
    pub mms: Money,
    /// A segment of a WhatsApp message.
    pub whatsapp: Money,
    pub call: Money,
}

/// What is in force at one moment.
#[derive(Default)]
pub struct RoutesAndRates {
    routes: Arc<RouteTable>,
    rates: RateTable,
}

impl RoutesAndRates {
    /// The routes that a destination matches, in the order in which they are asked.
    pub fn routes(&self, channel: Channel, to: &str) -> impl Iterator<Item = &Route> {
        self.routes.matching(channel, to)
    }

    /// All routes that can be used, in the order in which they are asked.
    pub fn all_routes(&self) -> &[Route] {
        self.routes.all()
    }

    /// The rate that is in force for a destination.
    pub fn rate(&self, channel: PricedChannel, to: &str, at_ms: Millis) -> Option<&Rate> {
        self.rates.find(channel, to, at_ms)
    }

    /// The rate of a text, where the card has one for a destination and none of what is asked, which is one with pictures.
    pub fn rate_of_words(&self, channel: PricedChannel, to: &str, at_ms: Millis) -> Option<&Rate> {
        let is_without = channel == PricedChannel::Mms && self.rate(channel, to, at_ms).is_none();
        self.rates.find(PricedChannel::Sms, to, at_ms).filter(|_| is_without)
    }
}

/// What something costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// A segment, a message with pictures, or a call.
    pub each: Money,
    /// A segment of a text, where a card prices these and no pictures: one with a picture costs no less than without, or a
    /// dearer text would go as the words below a picture.
    pub words: Option<Money>,
}

impl Price {
    /// What so many cost, below which stand so many segments. `None`: more than there is money.
    pub fn of(self, count: i64, segments: i64) -> Option<Money> {
        let least = self.words.map_or(Some(Money::ZERO), |segment| segment.times(segments.max(1)))?;
        Some(self.each.times(count)?.max(least))
    }
}

pub struct Tariff {
    pub store: Store,
    pub prices: DefaultPrices,
    pub clock: Clock,
    known: Snapshot<RoutesAndRates>,
}

impl Tariff {
    pub fn new(store: Store, prices: DefaultPrices, clock: Clock) -> Self {
        Self { store, prices, clock, known: Snapshot::default() }
    }

    pub fn current(&self) -> Arc<RoutesAndRates> {
        self.known.current()
    }

    /// What a segment, a message with pictures, or a call, to a destination costs.
    pub fn price(&self, channel: PricedChannel, to: &str, at_ms: Millis) -> Price {
        let known = self.current();
        let each = known.rate(channel, to, at_ms).map_or_else(|| self.usual(channel), |rate| rate.price);
        Price { each, words: known.rate_of_words(channel, to, at_ms).map(|rate| rate.price) }
    }

    /// What is charged where no rate says otherwise.
    pub fn usual(&self, channel: PricedChannel) -> Money {
        match channel {
            PricedChannel::Sms => self.prices.sms,
            PricedChannel::Mms => self.prices.mms,
            PricedChannel::Whatsapp => self.prices.whatsapp,
            PricedChannel::Voice => self.prices.call,
        }
    }

    /// Reads what has changed since they were read last.
    pub async fn refresh(&self) -> store::Result<()> {
        self.known.refresh(version::current(&self.store, CachedDataset::Tariff), |old| self.read(old)).await
    }

    async fn read(&self, old: Arc<RoutesAndRates>) -> store::Result<RoutesAndRates> {
        let (rules, card) = (route::all(&self.store).await?, rate::usable(&self.store).await?);
        // a large card, and many rules, take longer than a thread may that serves
        let work = move || {
            let routes = if old.routes.are(&rules) { old.routes.clone() } else { Arc::new(RouteTable::new(rules)) };
            if old.routes.is_compiled() {
                routes.compile();
            }
            RoutesAndRates { routes, rates: RateTable::new(card) }
        };
        store::blocking(work).await
    }

    /// The same behind a change that is committed.
    async fn renew(&self) {
        snapshot::renewed("routes or rates", self.refresh().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_cost_no_less_than_the_words_below_them() {
        let price =
            |each, words: Option<i64>| Price { each: Money::from_micros(each), words: words.map(Money::from_micros) };
        let cost = |price: Price, count, segments| price.of(count, segments).map(Money::micros);
        assert_eq!(cost(price(20, None), 1, 10), Some(20));
        assert_eq!(cost(price(20, Some(8)), 1, 2), Some(20));
        assert_eq!(cost(price(20, Some(8)), 1, 10), Some(80));
        assert_eq!(cost(price(20, Some(30)), 1, 0), Some(30), "a picture alone");
        assert_eq!(cost(price(7, None), 3, 3), Some(21));
        assert_eq!(cost(price(1, Some(i64::MAX)), 1, 2), None);
    }
}
