//! The levels of one client: each send is judged by them, and raises them.

mod counted;
#[cfg(test)]
mod generator_test;
#[cfg(test)]
mod level_test;
#[cfg(test)]
mod measure_test;
mod removed;
mod restored;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use self::counted::CountedSend;
use super::{
    COUNTRIES, DAY_MS, GuardOrigin, GuardRule, GuardThresholds, HOUR_AFTER_MS, HOUR_MS, LevelBucket, NEAR_MS,
    NEAR_NUMBERS,
};
use crate::model::{Millis, VerificationId};

/// Sends of one client that are remembered at most; of older ones only their share of the levels is.
const REMEMBERED: usize = 200_000;
/// A list of sends is looked through for those that are gone when it has become so long.
const LONG: usize = 64;

/// A send, as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct JudgedSend<'a> {
    pub verification: VerificationId,
    pub origin: &'a GuardOrigin,
    pub thresholds: GuardThresholds,
    /// Something from its network was approved within a day.
    pub is_network_verified: bool,
    /// Of a text 1, of a call more.
    pub weight: f64,
    /// It is refused for another reason than the guard's.
    pub is_refused: bool,
    pub at_ms: Millis,
}

/// How a send stands to a rule: the level with it, and above what that breaks the rule.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct GuardFigure {
    pub rule: GuardRule,
    pub level: f64,
    pub threshold: f64,
}

/// What the rules say of a send.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuardJudgement {
    /// The first that it breaks.
    pub rule: Option<GuardRule>,
    /// In the order of the rules.
    pub figures: Vec<GuardFigure>,
}

impl GuardJudgement {
    pub fn of(figures: Vec<GuardFigure>) -> Self {
        let rule = figures.iter().find(|figure| figure.level > figure.threshold).map(|figure| figure.rule);
        Self { rule, figures }
    }

    fn breaks(&self, rules: &[GuardRule]) -> bool {
        self.figures.iter().any(|figure| rules.contains(&figure.rule) && figure.level > figure.threshold)
    }
}

#[derive(Clone, Debug, Default)]
struct CountryLevels {
    day: LevelBucket,
    hour: LevelBucket,
    /// Up to when it is written down.
    written_ms: Option<Millis>,
}

#[derive(Clone, Debug, Default)]
struct PrefixLevels {
    day: LevelBucket,
    /// The number of the last send, and when that was.
    last: (u64, Millis),
    /// When it last broke its rule: no earlier send counts in its country.
    evicted_ms: Millis,
    /// Whose sends count in a country.
    sends: Vec<VerificationId>,
    written_ms: Option<Millis>,
}

#[derive(Clone, Debug, Default)]
struct NetworkLevels {
    day: LevelBucket,
    hour: LevelBucket,
    /// The countries that were sent to, and when last.
    countries: BTreeMap<Arc<str>, Millis>,
    evicted_ms: Millis,
    sends: Vec<VerificationId>,
    written_ms: Option<Millis>,
}

/// What has changed since it was last written down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ChangedLevels {
    Country(Arc<str>),
    Prefix(Arc<str>),
    Network(Arc<str>),
}

/// All levels of one client, and the sends that make them up and are not approved.
#[derive(Clone, Debug, Default)]
pub struct ClientLevels {
    countries: HashMap<Arc<str>, CountryLevels>,
    prefixes: HashMap<Arc<str>, PrefixLevels>,
    networks: HashMap<Arc<str>, NetworkLevels>,
    sends: HashMap<VerificationId, Vec<CountedSend>>,
    /// In the order in which they came: those that do not count for the hour rules yet, and all.
    waiting: VecDeque<(Millis, VerificationId)>,
    remembered: VecDeque<(Millis, VerificationId)>,
    changed: HashSet<ChangedLevels>,
}

/// A name as the maps have it.
fn known<T>(map: &HashMap<Arc<str>, T>, name: &str) -> Arc<str> {
    map.get_key_value(name).map_or_else(|| name.into(), |(known, _)| known.clone())
}

impl ClientLevels {
    /// Judges a send, and counts it: as one that goes out where no rule is broken, or else as a refused one.
    pub fn judge(&mut self, send: &JudgedSend<'_>) -> GuardJudgement {
        self.go_on(send.at_ms);
        let origin = send.origin;
        let (country, prefix) = (known(&self.countries, &origin.country), known(&self.prefixes, &origin.prefix));
        let network = origin.network.as_deref().map(|network| known(&self.networks, network));
        let prefix_weight = self.prefix_weight(send, &prefix);
        let mut figures = vec![self.prefix_figure(send, &prefix, prefix_weight)];
        if let Some(network) = &network {
            figures.extend(self.network_figures(send, network, &country));
        }
        figures.extend(self.country_figures(send, &country));
        let judgement = GuardJudgement::of(figures);
        if judgement.breaks(&[GuardRule::PrefixDay]) {
            self.evict_prefix(&prefix, send.at_ms);
        }
        let of_network = [GuardRule::AddressDay, GuardRule::AddressHour, GuardRule::AddressCountries];
        if let Some(network) = network.as_ref().filter(|_| judgement.breaks(&of_network)) {
            self.evict_network(network, send.at_ms);
        }
        let is_refused = send.is_refused || judgement.rule.is_some();
        self.count(send, (country, prefix, network), prefix_weight, is_refused);
        judgement
    }

    /// What a send would be judged by, which counts nothing.
    pub fn look(&mut self, send: &JudgedSend<'_>) -> GuardJudgement {
        self.go_on(send.at_ms);
        let origin = send.origin;
        let (country, prefix) = (known(&self.countries, &origin.country), known(&self.prefixes, &origin.prefix));
        let (is_new_country, is_new_prefix) =
            (!self.countries.contains_key(&country), !self.prefixes.contains_key(&prefix));
        let mut figures = vec![self.prefix_figure(send, &prefix, send.weight)];
        if let Some(network) = origin.network.as_deref() {
            let network = known(&self.networks, network);
            let is_new = !self.networks.contains_key(&network);
            figures.extend(self.network_figures(send, &network, &country));
            if is_new {
                self.networks.remove(&network);
            }
        }
        figures.extend(self.country_figures(send, &country));
        if is_new_country {
            self.countries.remove(&country);
        }
        if is_new_prefix {
            self.prefixes.remove(&prefix);
        }
        GuardJudgement::of(figures)
    }

    /// Twice the weight where the number is near the last one of its prefix, and comes soon behind it.
    fn prefix_weight(&self, send: &JudgedSend<'_>, prefix: &Arc<str>) -> f64 {
        let is_near = self.prefixes.get(prefix).is_some_and(|levels| {
            let (number, at_ms) = levels.last;
            number.abs_diff(send.origin.number) <= NEAR_NUMBERS && send.at_ms.saturating_sub(at_ms) <= NEAR_MS
        });
        if is_near { send.weight * 2.0 } else { send.weight }
    }

    fn prefix_figure(&mut self, send: &JudgedSend<'_>, prefix: &Arc<str>, weight: f64) -> GuardFigure {
        let levels = self.prefixes.entry(prefix.clone()).or_default();
        let threshold = send.thresholds.prefix_day;
        levels.day.turn(send.at_ms, DAY_MS, threshold);
        GuardFigure { rule: GuardRule::PrefixDay, level: levels.day.level + weight, threshold }
    }

    fn network_figures(&mut self, send: &JudgedSend<'_>, network: &Arc<str>, country: &Arc<str>) -> [GuardFigure; 3] {
        let levels = self.networks.entry(network.clone()).or_default();
        let GuardThresholds { network_day, network_hour, .. } = send.thresholds;
        levels.day.turn(send.at_ms, DAY_MS, network_day);
        levels.hour.turn(send.at_ms, HOUR_MS, network_hour);
        levels.countries.retain(|_, at_ms| send.at_ms.saturating_sub(*at_ms) < DAY_MS);
        let is_new = !levels.countries.contains_key(country);
        let count = levels.countries.len() + usize::from(is_new);
        // who has proved something from there may send where they like
        let count = if send.is_network_verified { 0 } else { count };
        let of = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let figure = |rule, level, threshold| GuardFigure { rule, level, threshold };
        [
            figure(GuardRule::AddressDay, levels.day.level + send.weight, network_day),
            figure(GuardRule::AddressHour, levels.hour.level + send.weight, network_hour),
            figure(GuardRule::AddressCountries, of(count), of(COUNTRIES)),
        ]
    }

    fn country_figures(&mut self, send: &JudgedSend<'_>, country: &Arc<str>) -> [GuardFigure; 2] {
        let levels = self.countries.entry(country.clone()).or_default();
        let GuardThresholds { country_day, country_hour, .. } = send.thresholds;
        levels.day.turn(send.at_ms, DAY_MS, country_day);
        levels.hour.turn(send.at_ms, HOUR_MS, country_hour);
        let figure = |rule, level, threshold| GuardFigure { rule, level, threshold };
        [
            figure(GuardRule::CountryDay, levels.day.level + send.weight, country_day),
            figure(GuardRule::CountryHour, levels.hour.level + send.weight, country_hour),
        ]
    }

    /// What has become old enough counts for the hour rules, and what is too old is forgotten.
    fn go_on(&mut self, now_ms: Millis) {
        while let Some((at_ms, verification)) = self.waiting.front().copied() {
            if now_ms.saturating_sub(at_ms) < HOUR_AFTER_MS {
                break;
            }
            self.waiting.pop_front();
            self.ripen(verification, at_ms, now_ms);
        }
        while let Some((at_ms, verification)) = self.remembered.front().copied() {
            if self.remembered.len() <= REMEMBERED && now_ms.saturating_sub(at_ms) < DAY_MS {
                break;
            }
            self.remembered.pop_front();
            self.forget(verification, at_ms);
        }
    }
}
