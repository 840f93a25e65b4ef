//! What was verified, as far as thresholds need it: read from the store, at most a minute old, and our own at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use super::Guard;
use crate::model::guard::{DAY_MS, GuardJudgement, GuardOrigin, GuardRule, VerifiedCounts};
use crate::model::lock::lock;
use crate::model::{ClientId, Millis};
use crate::store;
use crate::store::guard::{CountryFacts, VerifiedColumn, VerifiedFact, country_facts, counts_since};

/// Of so many days before today the best one counts.
const DAYS: i64 = 14;
/// What was asked for within this is read again every half minute.
const IN_USE_MS: Millis = 600_000;
/// What is wanted all the time is read again so often: our own approvals are known anyway.
const NEWS_MS: Millis = 10_000;
/// So soon after a read has failed none is tried.
const AGAIN_MS: Millis = 1_000;
/// What nobody asked for in this time is forgotten.
const FORGOTTEN_MS: Millis = DAY_MS;

/// A country's counts.
#[derive(Clone, Debug, Default)]
struct CountryCounts {
    days: BTreeMap<i64, i64>,
    in_day: i64,
    in_hour: i64,
    used_ms: Millis,
}

/// Those of a prefix or a network in the last 24 hours.
#[derive(Clone, Copy, Debug, Default)]
struct NameCounts {
    in_day: i64,
    used_ms: Millis,
    /// Its level has risen so far that it matters: it is read from the store.
    is_wanted: bool,
    /// When it was read last.
    read_ms: Option<Millis>,
}

impl NameCounts {
    /// It is to be read, unless it was just now.
    fn want(&mut self, now_ms: Millis) {
        self.is_wanted |= self.read_ms.is_none_or(|read_ms| now_ms.saturating_sub(read_ms) >= NEWS_MS);
    }
}

#[derive(Debug, Default)]
struct ClientFacts {
    countries: HashMap<String, CountryCounts>,
    prefixes: HashMap<String, NameCounts>,
    networks: HashMap<String, NameCounts>,
}

/// What is known of all clients.
#[derive(Debug, Default)]
pub(super) struct VerifiedFacts(Mutex<HashMap<ClientId, ClientFacts>>);

fn count(found: i64) -> u32 {
    u32::try_from(found.max(0)).unwrap_or(u32::MAX)
}

impl ClientFacts {
    /// `None`: nothing is known of the country.
    fn counts(&mut self, origin: &GuardOrigin, now_ms: Millis) -> Option<VerifiedCounts> {
        let country = self.countries.get_mut(&origin.country)?;
        country.used_ms = now_ms;
        let first = now_ms.div_euclid(DAY_MS) - DAYS;
        let best = country.days.range(first..).map(|(_, found)| *found).max().unwrap_or_default();
        let network = origin.network.as_ref().and_then(|network| self.networks.get(network));
        Some(VerifiedCounts {
            country_best_day: count(best),
            country_day: count(country.in_day),
            country_hour: count(country.in_hour),
            prefix_day: self.prefixes.get(&origin.prefix).map_or(0, |prefix| count(prefix.in_day)),
            network_day: network.map_or(0, |network| count(network.in_day)),
        })
    }

    fn names(&mut self, column: VerifiedColumn) -> &mut HashMap<String, NameCounts> {
        match column {
            VerifiedColumn::Prefix => &mut self.prefixes,
            VerifiedColumn::Network => &mut self.networks,
        }
    }
}

impl VerifiedFacts {
    /// Counts what this node has written.
    pub(super) fn add(&self, fact: &VerifiedFact) {
        let mut all = lock(&self.0);
        let known = all.entry(fact.client).or_default();
        // of a country that is not known all will be read
        if let Some(country) = known.countries.get_mut(&fact.country) {
            *country.days.entry(fact.at_ms.div_euclid(DAY_MS)).or_default() += 1;
            country.in_day += 1;
            country.in_hour += 1;
        }
        let add = |names: &mut HashMap<String, NameCounts>, name: &str| {
            let counts = names.entry(name.to_owned()).or_default();
            counts.in_day += 1;
            counts.used_ms = fact.at_ms;
        };
        add(&mut known.prefixes, &fact.prefix);
        if let Some(network) = &fact.device_network {
            add(&mut known.networks, network);
        }
    }

    fn counts(&self, client: ClientId, origin: &GuardOrigin, now_ms: Millis) -> Option<VerifiedCounts> {
        lock(&self.0).entry(client).or_default().counts(origin, now_ms)
    }

    fn learn(&self, client: ClientId, country: &str, facts: CountryFacts, now_ms: Millis) {
        let mut all = lock(&self.0);
        let known = all.entry(client).or_default().countries.entry(country.to_owned()).or_default();
        known.days.extend(facts.days);
        let first = now_ms.div_euclid(DAY_MS) - DAYS;
        known.days.retain(|day, _| *day >= first);
        (known.in_day, known.in_hour) = (facts.in_day, facts.in_hour);
        known.used_ms = known.used_ms.max(now_ms);
    }

    /// The names of a kind that are to be read, by client.
    fn take_wanted(&self, column: VerifiedColumn) -> Vec<(ClientId, Vec<String>)> {
        let mut all = lock(&self.0);
        let mut wanted = Vec::new();
        for (client, known) in all.iter_mut() {
            let mut names = Vec::new();
            for (name, counts) in known.names(column).iter_mut().filter(|(_, counts)| counts.is_wanted) {
                counts.is_wanted = false;
                names.push(name.clone());
            }
            if !names.is_empty() {
                wanted.push((*client, names));
            }
        }
        wanted
    }

    fn learn_names(
        &self,
        (client, column): (ClientId, VerifiedColumn),
        names: &[String],
        found: Vec<(String, i64)>,
        now_ms: Millis,
    ) {
        let mut all = lock(&self.0);
        let known = all.entry(client).or_default().names(column);
        for name in names {
            if let Some(counts) = known.get_mut(name) {
                (counts.in_day, counts.read_ms) = (0, Some(now_ms));
            }
        }
        for (name, in_day) in found {
            known.entry(name).or_default().in_day = in_day;
        }
    }

    /// The countries that were asked for of late; what was not for long is forgotten.
    fn in_use(&self, now_ms: Millis) -> Vec<(ClientId, String)> {
        let mut all = lock(&self.0);
        let mut used = Vec::new();
        for (client, known) in all.iter_mut() {
            let since = |used_ms: Millis| now_ms.saturating_sub(used_ms);
            known.prefixes.retain(|_, counts| since(counts.used_ms) < FORGOTTEN_MS);
            known.networks.retain(|_, counts| since(counts.used_ms) < FORGOTTEN_MS);
            // a country that nobody asked for is read when somebody does again
            known.countries.retain(|_, counts| since(counts.used_ms) < IN_USE_MS);
            used.extend(known.countries.keys().map(|name| (*client, name.clone())));
        }
        used
    }
}

impl Guard {
    /// What was verified where a send goes to and comes from. What cannot be read counts as nothing.
    pub(super) async fn verified(&self, client: ClientId, origin: &GuardOrigin, now_ms: Millis) -> VerifiedCounts {
        if let Some(counts) = self.facts.counts(client, origin, now_ms) {
            return counts;
        }
        let mut failed_ms = self.reading.lock().await;
        if let Some(counts) = self.facts.counts(client, origin, now_ms) {
            return counts;
        }
        // those behind it do not wait for the same store one after the other
        if self.parts.clock.now_ms().saturating_sub(*failed_ms) < AGAIN_MS {
            return VerifiedCounts::default();
        }
        if let Err(error) = self.read_country(client, &origin.country, DAYS, now_ms).await {
            *failed_ms = self.parts.clock.now_ms();
            tracing::warn!(%error, "could not read what was verified in a country; its least thresholds hold");
        }
        self.facts.counts(client, origin, now_ms).unwrap_or_default()
    }

    async fn read_country(&self, client: ClientId, country: &str, days: i64, now_ms: Millis) -> store::Result<()> {
        let first_day = now_ms.div_euclid(DAY_MS) - days;
        let facts = country_facts(&self.parts.store, client, country, first_day, now_ms).await?;
        self.facts.learn(client, country, facts, now_ms);
        Ok(())
    }

    /// Names whose levels have risen are to be read: below half of a threshold it does not matter what that is.
    pub(super) fn want(&self, client: ClientId, origin: &GuardOrigin, judgement: &GuardJudgement, now_ms: Millis) {
        let has_risen = |is_it: fn(GuardRule) -> bool| {
            judgement.figures.iter().any(|figure| is_it(figure.rule) && figure.level * 2.0 > figure.threshold)
        };
        self.want_of(
            client,
            VerifiedColumn::Prefix,
            &origin.prefix,
            now_ms,
            has_risen(|rule| rule == GuardRule::PrefixDay),
        );
        if let Some(network) = &origin.network {
            let is_of_network = |rule: GuardRule| rule.is_narrow() && rule != GuardRule::PrefixDay;
            self.want_of(client, VerifiedColumn::Network, network, now_ms, has_risen(is_of_network));
        }
    }

    /// A name is to be read, where its level has risen.
    pub(super) fn want_of(
        &self,
        client: ClientId,
        column: VerifiedColumn,
        name: &str,
        now_ms: Millis,
        has_risen: bool,
    ) {
        let mut all = lock(&self.facts.0);
        let known = all.entry(client).or_default().names(column);
        if let Some(counts) = known.get_mut(name) {
            counts.used_ms = now_ms;
            if has_risen {
                counts.want(now_ms);
            }
        } else if has_risen {
            known.insert(name.to_owned(), NameCounts { used_ms: now_ms, is_wanted: true, ..NameCounts::default() });
        }
    }

    /// Reads what is wanted: every second.
    pub(super) async fn read_wanted(&self, now_ms: Millis) -> store::Result<()> {
        for column in [VerifiedColumn::Prefix, VerifiedColumn::Network] {
            for (client, names) in self.facts.take_wanted(column) {
                let found = counts_since(&self.parts.store, client, column, &names, now_ms - DAY_MS).await?;
                self.facts.learn_names((client, column), &names, found, now_ms);
            }
        }
        Ok(())
    }

    /// Reads what was verified in the countries that are in use: every half minute.
    pub async fn read_facts(&self) -> store::Result<()> {
        let now_ms = self.parts.clock.now_ms();
        for (client, country) in self.facts.in_use(now_ms) {
            // of days before yesterday nothing changes any more
            self.reread_country(client, &country, now_ms).await?;
        }
        Ok(())
    }

    async fn reread_country(&self, client: ClientId, country: &str, now_ms: Millis) -> store::Result<()> {
        let first_day = now_ms.div_euclid(DAY_MS) - 1;
        let facts = country_facts(&self.parts.store, client, country, first_day, now_ms).await?;
        self.facts.relearn(client, country, facts);
        Ok(())
    }
}

impl VerifiedFacts {
    /// Takes the last days' counts, where the country is known still.
    fn relearn(&self, client: ClientId, country: &str, facts: CountryFacts) {
        let mut all = lock(&self.0);
        let Some(known) = all.get_mut(&client).and_then(|known| known.countries.get_mut(country)) else { return };
        known.days.extend(facts.days);
        (known.in_day, known.in_hour) = (facts.in_day, facts.in_hour);
    }
}
