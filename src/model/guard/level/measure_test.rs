//! The measure: a normal day with each attack in it, after fourteen days without, all run through the guard.

use std::collections::{HashMap, HashSet};

use super::super::{DAY_MS, GuardOrigin, GuardRatios, GuardThresholds, HOUR_MS, VerifiedCounts};
use super::generator_test::{Attack, Deed, Event, People};
use super::{ClientLevels, JudgedSend};
use crate::model::{FromBytes as _, Millis, VerificationId};

const FIRST_DAY: i64 = 20_000;
const DAYS_BEFORE: i64 = 14;
const THE_DAY: i64 = FIRST_DAY + DAYS_BEFORE;
/// For so long a number that was verified is not blocked.
const REMEMBER_MS: Millis = 90 * DAY_MS;

/// What was verified, by name, in the order of time.
#[derive(Clone, Default)]
struct Times(HashMap<u64, Vec<Millis>>);

impl Times {
    fn since(&self, name: u64, since_ms: Millis) -> u32 {
        self.0.get(&name).map_or(0, |times| {
            let before = times.partition_point(|at_ms| *at_ms < since_ms);
            u32::try_from(times.len() - before).unwrap()
        })
    }

    fn add(&mut self, name: u64, at_ms: Millis) {
        self.0.entry(name).or_default().push(at_ms);
    }
}

/// A guard with what it knows.
#[derive(Clone, Default)]
struct Played {
    levels: ClientLevels,
    countries: Times,
    prefixes: Times,
    networks: Times,
    days: HashMap<(u64, i64), u32>,
    numbers: HashMap<u64, Millis>,
    /// Whose code has gone out.
    told: HashSet<u64>,
}

/// How many sends there were, and were refused.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sends: u32,
    refused: u32,
}

impl Tally {
    fn percent(self) -> f64 {
        100.0 * f64::from(self.refused) / f64::from(self.sends.max(1))
    }
}

fn id(verification: u64) -> VerificationId {
    VerificationId::from_bytes(u128::from(verification).to_be_bytes())
}

impl Played {
    fn verified(&self, event: &Event) -> VerifiedCounts {
        let (at_ms, day) = (event.at_ms, event.at_ms.div_euclid(DAY_MS));
        let days = (day - DAYS_BEFORE)..=day;
        VerifiedCounts {
            country_best_day: days
                .filter_map(|day| self.days.get(&(event.country, day)).copied())
                .max()
                .unwrap_or_default(),
            country_day: self.countries.since(event.country, at_ms - DAY_MS),
            country_hour: self.countries.since(event.country, at_ms - HOUR_MS),
            prefix_day: self.prefixes.since(event.number / 1000, at_ms - DAY_MS),
            network_day: self.networks.since(event.network, at_ms - DAY_MS),
        }
    }

    /// Whether a send breaks a rule, and its number was not verified before.
    fn send(&mut self, event: &Event) -> bool {
        let verified = self.verified(event);
        let origin = GuardOrigin {
            country: event.country.to_string(),
            prefix: (event.number / 1000).to_string(),
            number: event.number,
            network: Some(event.network.to_string()),
        };
        let judged = self.levels.judge(&JudgedSend {
            verification: id(event.verification),
            origin: &origin,
            thresholds: GuardThresholds::of(&verified, GuardRatios::default()),
            is_network_verified: verified.network_day > 0,
            weight: 1.0,
            is_refused: false,
            at_ms: event.at_ms,
        });
        let is_known = |at_ms: &Millis| event.at_ms - at_ms < REMEMBER_MS;
        judged.rule.is_some() && !self.numbers.get(&event.number).is_some_and(is_known)
    }

    fn approve(&mut self, event: &Event) {
        self.levels.approve(id(event.verification), event.at_ms);
        self.countries.add(event.country, event.at_ms);
        self.prefixes.add(event.number / 1000, event.at_ms);
        self.networks.add(event.network, event.at_ms);
        *self.days.entry((event.country, event.at_ms.div_euclid(DAY_MS))).or_default() += 1;
        self.numbers.insert(event.number, event.at_ms);
    }

    /// Plays events: what became of normal sends, and of the attack's. Who is refused cannot approve.
    fn play(&mut self, mut events: Vec<Event>, enforces: bool) -> [Tally; 2] {
        events.sort_unstable();
        let mut tallies = [Tally::default(); 2];
        for event in &events {
            match event.deed {
                Deed::Send => {
                    let is_refused = self.send(event);
                    let tally = &mut tallies[usize::from(event.is_attack)];
                    tally.sends += 1;
                    tally.refused += u32::from(is_refused);
                    if !is_refused || !enforces {
                        self.told.insert(event.verification);
                    }
                }
                Deed::Approve if self.told.contains(&event.verification) => self.approve(event),
                // its text had left: nothing is taken back
                Deed::Approve | Deed::Cancel => {}
            }
        }
        tallies
    }
}

/// Fourteen days of a guard that records, and the people of the day that follows.
fn prepared(seed: u64) -> (Played, Vec<Event>) {
    let (mut people, mut played) = (People::new(seed), Played::default());
    for day in FIRST_DAY..THE_DAY {
        let events = people.day(day);
        played.play(events, false);
    }
    let today = people.day(THE_DAY);
    (played, today)
}

#[test]
fn the_guard_meets_its_measure() {
    for seed in [1, 2] {
        let (before, today) = prepared(seed);
        let [normal, _] = before.clone().play(today.clone(), true);
        println!("seed {seed}, no attack: {:.2} % of {} normal sends refused", normal.percent(), normal.sends);
        assert!(normal.percent() < 0.5, "{normal:?}");
        for attack in [Attack::Flood, Attack::Wide, Attack::Drip(5)] {
            for cancels in [false, true] {
                let events = [today.clone(), attack.on(seed + 1, THE_DAY, cancels)].concat();
                let [normal, pumped] = before.clone().play(events, true);
                println!(
                    "seed {seed}, {attack:?}, canceled: {cancels}: {:.2} % of {} stopped ({} went out), {:.2} % of normal refused",
                    pumped.percent(),
                    pumped.sends,
                    pumped.sends - pumped.refused,
                    normal.percent()
                );
                assert!(pumped.percent() > 95.0, "{attack:?}: {pumped:?}");
                assert!(normal.percent() < 0.5, "{attack:?}: {normal:?}");
            }
        }
        // what the guard cannot stop is said, not hidden: what limits it is the country permission and the price
        let events = [today, Attack::Drip(300).on(seed + 1, THE_DAY, false)].concat();
        let [normal, pumped] = before.clone().play(events, true);
        println!(
            "seed {seed}, a drip over 300 prefixes: {:.2} % stopped, {:.2} % of normal refused",
            pumped.percent(),
            normal.percent()
        );
    }
}

#[test]
fn record_only_counts_as_if_it_had_refused() {
    let (before, _) = prepared(3);
    let events = Attack::Flood.on(4, THE_DAY, false);
    let [_, enforced] = before.clone().play(events.clone(), true);
    let [_, recorded] = before.clone().play(events, false);
    assert_eq!(enforced.refused, recorded.refused);
}
