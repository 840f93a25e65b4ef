//! Levels written down and read again, and taken over from where all nodes count together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counted::CountedSend;
use super::{ChangedLevels, ClientLevels, GuardFigure, JudgedSend, known};
use crate::model::Millis;
use crate::model::guard::part::WrittenLevels;
use crate::model::guard::{DAY_MS, GuardOrigin, GuardRule, HOUR_AFTER_MS, HOUR_MS, LevelBucket, LevelPart};

/// A level that is not worth a row.
const QUIET: f64 = 1.0;

impl ClientLevels {
    /// What has changed since this was asked last. A send on its own is not worth a row: its decision says as much.
    pub fn changed_parts(&mut self) -> Vec<LevelPart> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().filter_map(|one| self.part(one)).collect()
    }

    fn part(&mut self, changed: &ChangedLevels) -> Option<LevelPart> {
        let is_quiet = |day: LevelBucket, written_ms: Option<Millis>| written_ms.is_none() && day.level <= QUIET;
        let (name, day, written) = match changed {
            ChangedLevels::Country(country) => {
                let levels = self.countries.get_mut(country)?;
                levels.written_ms = Some(levels.day.at_ms);
                let hour = Some(levels.hour.written());
                let written = WrittenLevels { day: levels.day.written(), hour, ..WrittenLevels::default() };
                (format!("c:{country}"), levels.day, written)
            }
            ChangedLevels::Prefix(prefix) => {
                let levels = self.prefixes.get_mut(prefix).filter(|one| !is_quiet(one.day, one.written_ms))?;
                levels.written_ms = Some(levels.day.at_ms);
                let (day, last, evicted_ms) = (levels.day.written(), Some(levels.last), levels.evicted_ms);
                (format!("p:{prefix}"), levels.day, WrittenLevels { day, last, evicted_ms, ..WrittenLevels::default() })
            }
            ChangedLevels::Network(network) => {
                let levels = self.networks.get_mut(network).filter(|one| !is_quiet(one.day, one.written_ms))?;
                levels.written_ms = Some(levels.day.at_ms);
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
                (levels.day, levels.hour, levels.written_ms) = (day, hour, Some(day.at_ms));
            }
            "p" => {
                let levels = self.prefixes.entry(name).or_default();
                (levels.day, levels.last, levels.evicted_ms) = (day, read.last.unwrap_or_default(), read.evicted_ms);
                levels.written_ms = Some(day.at_ms);
            }
            "n" => {
                let countries: BTreeMap<Arc<str>, Millis> =
                    read.countries.into_iter().map(|(name, at_ms)| (name.into(), at_ms)).collect();
                let levels = self.networks.entry(name).or_default();
                (levels.day, levels.hour) = (day, hour);
                (levels.countries, levels.evicted_ms, levels.written_ms) =
                    (countries, read.evicted_ms, Some(day.at_ms));
            }
            _ => {}
        }
    }

    /// Remembers a send of before a start, for what becomes of it: in the order in which they came. What has come since
    /// the levels were written down is counted in them.
    pub fn recall(&mut self, send: &JudgedSend<'_>, now_ms: Millis) {
        let (origin, at_ms) = (send.origin, send.at_ms);
        let (country, prefix) = (known(&self.countries, &origin.country), known(&self.prefixes, &origin.prefix));
        let network = origin.network.as_deref().map(|network| known(&self.networks, network));
        let is_missing = |written_ms: Option<Millis>| written_ms.is_none_or(|written_ms| at_ms > written_ms);
        let raise = |day: &mut LevelBucket, threshold: f64| {
            day.turn(at_ms, DAY_MS, threshold.max(day.threshold));
            day.add(send.weight)
        };
        let of_prefix = self.prefixes.entry(prefix.clone()).or_default();
        let mut evicted_ms = of_prefix.evicted_ms;
        let mut prefix_day = send.weight;
        if is_missing(of_prefix.written_ms) {
            prefix_day = raise(&mut of_prefix.day, send.thresholds.prefix_day);
            of_prefix.last = (origin.number, at_ms);
        }
        // whoever was old enough for the hour rules when these were written is in them; others still come in
        let is_in_hour = |hour: LevelBucket| hour.at_ms.saturating_sub(at_ms) >= HOUR_AFTER_MS;
        let (mut is_waiting, mut network_day) = (now_ms.saturating_sub(at_ms) < HOUR_AFTER_MS, send.weight);
        if let Some(network) = &network {
            let levels = self.networks.entry(network.clone()).or_default();
            evicted_ms = evicted_ms.max(levels.evicted_ms);
            if is_missing(levels.written_ms) {
                network_day = raise(&mut levels.day, send.thresholds.network_day);
                levels.hour.turn(at_ms, HOUR_MS, send.thresholds.network_hour.max(levels.hour.threshold));
                levels.countries.insert(country.clone(), at_ms);
            }
            is_waiting = !is_in_hour(levels.hour);
        }
        let is_of_country = !send.is_refused && at_ms > evicted_ms;
        let mut country_day = 0.0;
        if is_of_country {
            let levels = self.countries.entry(country.clone()).or_default();
            country_day = send.weight;
            if is_missing(levels.written_ms) {
                country_day = raise(&mut levels.day, send.thresholds.country_day);
                levels.hour.turn(at_ms, HOUR_MS, send.thresholds.country_hour.max(levels.hour.threshold));
            }
            is_waiting = !is_in_hour(levels.hour);
        }
        let ripe = |is_in: bool| if is_in && !is_waiting { send.weight } else { 0.0 };
        let counted = CountedSend {
            at_ms,
            country,
            prefix,
            weight: send.weight,
            country_day,
            country_hour: ripe(is_of_country),
            prefix_day,
            network_day,
            network_hour: ripe(network.is_some()),
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

    /// Where the levels stand now that a send counts in.
    pub fn standing(&self, origin: &GuardOrigin, now_ms: Millis) -> Vec<GuardFigure> {
        let figure = |rule, mut bucket: LevelBucket, period_ms: Millis| {
            bucket.drain(now_ms, period_ms);
            GuardFigure { rule, level: bucket.level, threshold: bucket.threshold }
        };
        let mut all = Vec::new();
        if let Some(levels) = self.prefixes.get(&*origin.prefix) {
            all.push(figure(GuardRule::PrefixDay, levels.day, DAY_MS));
        }
        if let Some(levels) = origin.network.as_deref().and_then(|network| self.networks.get(network)) {
            all.push(figure(GuardRule::AddressDay, levels.day, DAY_MS));
            all.push(figure(GuardRule::AddressHour, levels.hour, HOUR_MS));
        }
        if let Some(levels) = self.countries.get(&*origin.country) {
            all.push(figure(GuardRule::CountryDay, levels.day, DAY_MS));
            all.push(figure(GuardRule::CountryHour, levels.hour, HOUR_MS));
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
        self.go_on(now_ms);
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
