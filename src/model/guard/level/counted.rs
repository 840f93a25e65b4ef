//! Counting a send: in its prefix and its network, and in its country where it is not refused.

use std::sync::Arc;

use super::{ChangedLevels, ClientLevels, JudgedSend, LONG};
use crate::model::guard::HOUR_MS;
use crate::model::{Millis, VerificationId};

/// A send that is not approved, and what it has added to each level.
#[derive(Clone, Debug)]
pub(super) struct CountedSend {
    pub(super) at_ms: Millis,
    pub(super) country: Arc<str>,
    pub(super) prefix: Arc<str>,
    pub(super) network: Option<Arc<str>>,
    pub(super) weight: f64,
    pub(super) country_day: f64,
    pub(super) country_hour: f64,
    pub(super) prefix_day: f64,
    pub(super) network_day: f64,
    pub(super) network_hour: f64,
    /// Whether it counts in its country.
    pub(super) is_of_country: bool,
    /// It is too young for the hour rules.
    pub(super) is_waiting: bool,
}

/// Where a send goes and comes from: country, prefix, network.
pub(super) type SendPlace = (Arc<str>, Arc<str>, Option<Arc<str>>);

impl ClientLevels {
    /// Counts a send whose levels have been brought up to its time.
    pub(super) fn count(&mut self, send: &JudgedSend<'_>, place: SendPlace, prefix_weight: f64, is_refused: bool) {
        let (country, prefix, network) = place;
        let mut counted = CountedSend {
            at_ms: send.at_ms,
            country: country.clone(),
            prefix: prefix.clone(),
            network: network.clone(),
            weight: send.weight,
            country_day: 0.0,
            country_hour: 0.0,
            prefix_day: 0.0,
            network_day: 0.0,
            network_hour: 0.0,
            is_of_country: !is_refused,
            is_waiting: true,
        };
        if let Some(levels) = self.prefixes.get_mut(&prefix) {
            counted.prefix_day = levels.day.add(prefix_weight);
            levels.last = (send.origin.number, send.at_ms);
        }
        if let Some(network) = &network
            && let Some(levels) = self.networks.get_mut(network)
        {
            counted.network_day = levels.day.add(send.weight);
            levels.countries.insert(country.clone(), send.at_ms);
        }
        if let Some(levels) = self.countries.get_mut(&country).filter(|_| !is_refused) {
            counted.country_day = levels.day.add(send.weight);
        }
        self.mark(&counted);
        self.remember(send.verification, counted);
    }

    /// Keeps a counted send for what becomes of it.
    pub(super) fn remember(&mut self, verification: VerificationId, counted: CountedSend) {
        if counted.is_of_country {
            let sends = &self.sends;
            let add = |list: &mut Vec<VerificationId>| {
                if list.len() >= LONG && list.len().is_power_of_two() {
                    list.retain(|one| sends.contains_key(one));
                }
                list.push(verification);
            };
            if let Some(levels) = self.prefixes.get_mut(&counted.prefix) {
                add(&mut levels.sends);
            }
            if let Some(network) = &counted.network
                && let Some(levels) = self.networks.get_mut(network)
            {
                add(&mut levels.sends);
            }
        }
        if counted.is_waiting {
            self.waiting.push_back((counted.at_ms, verification));
        }
        self.remembered.push_back((counted.at_ms, verification));
        self.sends.entry(verification).or_default().push(counted);
    }

    /// A send has become old enough for the hour rules.
    pub(super) fn ripen(&mut self, verification: VerificationId, at_ms: Millis, now_ms: Millis) {
        let Some(sends) = self.sends.get_mut(&verification) else { return };
        for send in sends.iter_mut().filter(|send| send.is_waiting && send.at_ms == at_ms) {
            send.is_waiting = false;
            if let Some(levels) = self.countries.get_mut(&send.country).filter(|_| send.is_of_country) {
                levels.hour.drain(now_ms, HOUR_MS);
                send.country_hour = levels.hour.add(send.weight);
                self.changed.insert(ChangedLevels::Country(send.country.clone()));
            }
            if let Some(network) = &send.network
                && let Some(levels) = self.networks.get_mut(network)
            {
                levels.hour.drain(now_ms, HOUR_MS);
                send.network_hour = levels.hour.add(send.weight);
                self.changed.insert(ChangedLevels::Network(network.clone()));
            }
        }
    }

    /// Its levels are to be written down.
    pub(super) fn mark(&mut self, send: &CountedSend) {
        self.changed.insert(ChangedLevels::Country(send.country.clone()));
        self.changed.insert(ChangedLevels::Prefix(send.prefix.clone()));
        self.changed.extend(send.network.clone().map(ChangedLevels::Network));
    }
}
