//! How a message would go, and why: decided by what decides over messages, and told.

use super::sender::{RouteCandidate, RouteDecision};
use super::{Order, Relay, allow};
use crate::model::Money;
use crate::service::Result;
use crate::service::client::ApiConsumer;
use crate::service::tariff::{Rate, Route};

/// An account that was looked at, with the rule that leads there.
pub struct ConsideredAccount {
    pub route: Option<Route>,
    pub candidate: RouteCandidate,
}

/// How a message to a destination would go, and why.
pub struct RouteExplanation {
    /// What matches, in the order in which it is asked.
    pub looked: Vec<ConsideredAccount>,
    /// Which of them wins, or what the client would be told.
    pub chosen: Result<usize>,
    /// Of a segment, or of all of it where it is priced as one.
    pub price: Money,
    /// `None`: no rate is in force, and the usual price is asked.
    pub rate: Option<Rate>,
}

impl Relay {
    /// How [`Relay::draft`] would send it, without a message.
    pub fn explain(&self, consumer: &ApiConsumer, order: &Order) -> RouteExplanation {
        let RouteDecision { candidates, chosen } = self.decide(consumer, order);
        let chosen = allow(consumer, order).and(chosen);
        let tariff = self.tariff.current();
        let (priced, to, now_ms) = (order.priced(), order.to.as_str(), self.clock.now_ms());
        let usual = self.tariff.usual(priced);
        // pictures go by the rate of texts where that is dearer than what is usual, and they have none
        let words = || tariff.rate_of_words(priced, to, now_ms).filter(|rate| rate.price > usual);
        let rate = tariff.rate(priced, to, now_ms).or_else(words).cloned();
        let price = rate.as_ref().map_or(usual, |rate| rate.price);
        let route = |id| tariff.all_routes().iter().find(|route| route.id == id).cloned();
        let look = |candidate: RouteCandidate| ConsideredAccount { route: candidate.route.and_then(route), candidate };
        RouteExplanation { looked: candidates.into_iter().map(look).collect(), chosen, price, rate }
    }
}
