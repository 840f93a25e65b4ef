//! Levels written down and read again, and taken over from where all nodes count together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counted::CountedSend;
use super::{ChangedLevels, ClientLevels, GuardFigure, JudgedSend, known};
use crate::model::Millis;
use crate::model::guard::part::WrittenLevels;
use crate::model::guard::{DAY_MS, GuardOrigin, GuardRule, HOUR_AFTER_MS, HOUR_MS, LevelBucket, LevelPart};

impl ClientLevels {
    /// What has changed since this was asked last.
    pub fn changed_parts(&mut self) -> Vec<LevelPart> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().filter_map(|one| self.part(one)).collect()
    }

    fn part(&self, changed: &ChangedLevels) -> Option<LevelPart> {
        let (name, day, written) = match changed {
            ChangedLevels::Country(country) => {
                let levels = self.countries.get(country)?;
                let hour = Some(levels.hour.written());
                let written = WrittenLevels { day: levels.day.written(), hour, ..WrittenLevels::default() };
                (format!("c:{country}"), levels.day, written)
            }
            ChangedLevels::Prefix(prefix) => {
                let levels = self.prefixes.get(prefix)?;
                let (day, last, evicted_ms) = (levels.day.written(), Some(levels.last), levels.evicted_ms);
                (format!("p:{prefix}"), levels.day, WrittenLevels { day, last, evicted_ms, ..WrittenLevels::default() })
            }
            ChangedLevels::Network(network) => {
                let levels = self.networks.get(network)?;
                let countries = levels.countries.iter().map(|(name, at_ms)| (name.to_string(), *at_ms)).collect();
                let (day, hour) = (levels.day.written(), Some(levels.hour.written()));
                let evicted_ms = levels.evicted_ms;
                let written = WrittenLevels { day, hour, last: None, countries, evicted_ms };
                (format!("n:{network}"), levels.day, written)
            }
        };
        // what stands one above its threshold takes a little longer than a period
        let until_ms = day.at_ms.saturating_add(2 * DAY_MS);
        Some(LevelPart { name, body: serde_json::to_string(&written).ok()?, until_ms })
    }

    /// Reads a part again. What is no part is passed over.
    pub fn restore(&mut self, name: &str, body: &str) {
        let (Some((kind, name)), Ok(read)) = (name.split_once(':'), serde_json::from_str::<WrittenLevels>(body)) else {
            return;
        };
        let name: Arc<str> = name.into();
        let (day, hour) = (LevelBucket::read(read.day), LevelBucket::read(read.hour.unwrap_or_default()));
        match kind {
            "c" => {
                let levels = self.countries.entry(name).or_default();
                (levels.day, levels.hour) = (day, hour);
            }
            "p" => {
                let levels = self.prefixes.entry(name).or_default();
                (levels.day, levels.last, levels.evicted_ms) = (day, read.last.unwrap_or_default(), read.evicted_ms);
            }
            "n" => {
                let countries: BTreeMap<Arc<str>, Millis> =
                    read.countries.into_iter().map(|(name, at_ms)| (name.into(), at_ms)).collect();
                let levels = self.networks.entry(name).or_default();
                (levels.day, levels.hour) = (day, hour);
                (levels.countries, levels.evicted_ms) = (countries, read.evicted_ms);
            }
            _ => {}
        }
    }

    /// Remembers a send that is in the levels already, for what becomes of it: in the order in which they came.
    pub fn recall(&mut self, send: &JudgedSend<'_>, now_ms: Millis) {
        let origin = send.origin;
        let (country, prefix) = (known(&self.countries, &origin.country), known(&self.prefixes, &origin.prefix));
        let network = origin.network.as_deref().map(|network| known(&self.networks, network));
        let by_prefix = self.prefixes.get(&prefix).map_or(0, |levels| levels.evicted_ms);
        let by_network = network.as_ref().and_then(|network| self.networks.get(network));
        let evicted_ms = by_prefix.max(by_network.map_or(0, |levels| levels.evicted_ms));
        let is_of_country = !send.is_refused && send.at_ms > evicted_ms;
        let is_waiting = now_ms.saturating_sub(send.at_ms) < HOUR_AFTER_MS;
        let of = |is_in: bool| if is_in { send.weight } else { 0.0 };
        let counted = CountedSend {
            at_ms: send.at_ms,
            country,
            prefix,
            weight: send.weight,
            country_day: of(is_of_country),
            country_hour: of(is_of_country && !is_waiting),
            prefix_day: send.weight,
            network_day: of(network.is_some()),
            network_hour: of(network.is_some() && !is_waiting),
            network,
            is_of_country,
            is_waiting,
        };
        self.remember(send.verification, counted);
    }

    /// Takes over where the levels stand that all nodes count together.
    pub fn adopt(&mut self, origin: &GuardOrigin, levels: &[GuardFigure], now_ms: Millis) {
        for GuardFigure { rule, level, threshold } in levels.iter().copied() {
            let bucket = LevelBucket { level, at_ms: now_ms, threshold };
            let network = origin.network.as_deref();
            let place = match rule {
                GuardRule::CountryDay => self.countries.get_mut(&*origin.country).map(|levels| &mut levels.day),
                GuardRule::CountryHour => self.countries.get_mut(&*origin.country).map(|levels| &mut levels.hour),
                GuardRule::PrefixDay => self.prefixes.get_mut(&*origin.prefix).map(|levels| &mut levels.day),
                GuardRule::AddressDay => {
                    network.and_then(|network| self.networks.get_mut(network)).map(|levels| &mut levels.day)
                }
                GuardRule::AddressHour => {
                    network.and_then(|network| self.networks.get_mut(network)).map(|levels| &mut levels.hour)
                }
                GuardRule::AddressCountries => None,
            };
            if let Some(place) = place {
                *place = bucket;
            }
        }
    }

    /// Where the levels stand that a send counts in, as it was judged by them.
    pub fn standing(&self, origin: &GuardOrigin) -> Vec<GuardFigure> {
        let figure = |rule, bucket: LevelBucket| GuardFigure { rule, level: bucket.level, threshold: bucket.threshold };
        let mut all = Vec::new();
        if let Some(levels) = self.prefixes.get(&*origin.prefix) {
            all.push(figure(GuardRule::PrefixDay, levels.day));
        }
        if let Some(levels) = origin.network.as_deref().and_then(|network| self.networks.get(network)) {
            all.push(figure(GuardRule::AddressDay, levels.day));
            all.push(figure(GuardRule::AddressHour, levels.hour));
        }
        if let Some(levels) = self.countries.get(&*origin.country) {
            all.push(figure(GuardRule::CountryDay, levels.day));
            all.push(figure(GuardRule::CountryHour, levels.hour));
        }
        all
    }

    /// Lets go of all levels, or of those that a number counts in.
    pub fn reset(&mut self, origin: Option<&GuardOrigin>) -> Vec<String> {
        let Some(origin) = origin else {
            let countries = self.countries.keys().map(|name| format!("c:{name}"));
            let prefixes = self.prefixes.keys().map(|name| format!("p:{name}"));
            let networks = self.networks.keys().map(|name| format!("n:{name}"));
            let all = countries.chain(prefixes).chain(networks).collect();
            *self = Self::default();
            return all;
        };
        let mut gone = Vec::new();
        if self.countries.remove(&*origin.country).is_some() {
            gone.push(format!("c:{}", origin.country));
        }
        if self.prefixes.remove(&*origin.prefix).is_some() {
            gone.push(format!("p:{}", origin.prefix));
        }
        if let Some(network) = origin.network.as_deref().filter(|network| self.networks.contains_key(*network)) {
            self.networks.remove(network);
            gone.push(format!("n:{network}"));
        }
        gone
    }

    /// Forgets what is empty.
    pub fn tidy(&mut self, now_ms: Millis) {
        let is_empty = |bucket: &mut LevelBucket, period_ms: Millis| {
            bucket.drain(now_ms, period_ms);
            bucket.level <= 0.0
        };
        self.prefixes.retain(|_, levels| !is_empty(&mut levels.day, DAY_MS));
        self.networks.retain(|_, levels| {
            let (day, hour) = (is_empty(&mut levels.day, DAY_MS), is_empty(&mut levels.hour, HOUR_MS));
            levels.countries.retain(|_, at_ms| now_ms.saturating_sub(*at_ms) < DAY_MS);
            !day || !hour || !levels.countries.is_empty()
        });
    }
}
