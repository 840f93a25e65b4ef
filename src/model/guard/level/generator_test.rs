//! People who verify, and who pump: made of a seed, so that each run is the same.

use super::super::{DAY_MS, HOUR_MS};
use crate::model::Millis;

/// `SplitMix64`, of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.draw() >> 32) % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    fn below_ms(&mut self, end: Millis) -> Millis {
        i64::try_from(self.below(u64::try_from(end).unwrap())).unwrap()
    }

    /// Above zero, and at most one.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 30)).unwrap() + 1) / f64::from(1_u32 << 30)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Send,
    Approve,
    /// The text has left by then.
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) at_ms: Millis,
    pub(super) deed: Deed,
    pub(super) verification: u64,
    pub(super) country: u64,
    pub(super) number: u64,
    pub(super) network: u64,
    pub(super) is_attack: bool,
}

/// 3,000 people a day in eight countries, half in the largest, 60 in the smallest; and how many prefixes each has.
const PEOPLE: [u64; 8] = [1500, 500, 320, 230, 170, 120, 100, 60];
const PREFIXES: [u64; 8] = [20_000, 8_000, 6_000, 4_000, 3_000, 2_000, 2_000, 1_000];
/// How the day goes, hour by hour.
const HOURS: [u64; 24] = [2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 10, 11, 10, 8, 5, 3];

const A_COUNTRY: u64 = 1_000_000_000;
/// How long a code may be typed.
const TTL_MS: Millis = 540_000;

fn when(random: &mut SplitMix, day: i64) -> Millis {
    let mut left = random.below(HOURS.iter().sum());
    let mut hour = 0;
    for weight in HOURS {
        if left < weight {
            break;
        }
        left -= weight;
        hour += 1;
    }
    day * DAY_MS + hour * HOUR_MS + random.below_ms(HOUR_MS)
}

/// How long somebody takes to type a code: log-normal, with a median of 25 s.
fn typing_ms(random: &mut SplitMix) -> Millis {
    let (one, other) = (random.share(), random.share());
    let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
    let seconds = 25.0 * (0.8 * normal).exp();
    i64::try_from(std::time::Duration::from_secs_f64(seconds).as_millis()).unwrap()
}

/// People of a number of days; who comes back is one of those who verified before.
pub(super) struct People {
    pub(super) random: SplitMix,
    known: [Vec<u64>; 8],
    next: u64,
}

impl People {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: SplitMix(seed), known: <[Vec<u64>; 8]>::default(), next: 1 }
    }

    /// A normal day: 85 % approve, 15 % ask for one resend, 40 % have verified before, a third are behind ten
    /// addresses a country.
    pub(super) fn day(&mut self, day: i64) -> Vec<Event> {
        let mut events = Vec::new();
        for (country, people) in (0_u64..).zip(PEOPLE) {
            for _ in 0..people {
                self.person(day, country, &mut events);
            }
        }
        events
    }

    fn person(&mut self, day: i64, country: u64, events: &mut Vec<Event>) {
        let place = usize::try_from(country).unwrap();
        let random = &mut self.random;
        let at_ms = when(random, day);
        let has_been_here = random.below(100) < 40 && !self.known[place].is_empty();
        let number = if has_been_here {
            random.one_of(&self.known[place])
        } else {
            (country + 1) * A_COUNTRY + random.below(PREFIXES[place] * 1000)
        };
        let is_behind_few = random.below(3) == 0;
        let network = if is_behind_few { country * 1000 + random.below(10) } else { 100_000_000 + self.next };
        let verification = self.next;
        self.next += 1;
        let (approves, resends) = (random.below(100) < 85, random.below(100) < 15);
        let typing_ms = typing_ms(random);
        let event = |at_ms, deed| Event { at_ms, deed, verification, country, number, network, is_attack: false };
        events.push(event(at_ms, Deed::Send));
        let last_ms = if resends { at_ms + 30_000 + random.below_ms(60_000) } else { at_ms };
        if resends {
            events.push(event(last_ms, Deed::Send));
        }
        if approves && typing_ms < TTL_MS {
            events.push(event(last_ms + typing_ms, Deed::Approve));
            self.known[place].push(number);
        }
    }
}

/// Who pumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// 5,000 in 2 hours inside the largest country, from 500 addresses over 20 prefixes.
    Flood,
    /// 3,000 in 6 hours over 40 countries from 40 addresses.
    Wide,
    /// 600 in a day inside the largest country, over so many prefixes, each from another address.
    Drip(u64),
}

const BEGIN_MS: Millis = 9 * HOUR_MS;

impl Attack {
    /// What it sends on a day; with a cancellation a second after each.
    pub(super) fn on(self, seed: u64, day: i64, cancels: bool) -> Vec<Event> {
        let mut random = SplitMix(seed);
        let (sends, within_ms, begin_ms) = match self {
            Self::Flood => (5_000, 2 * HOUR_MS, BEGIN_MS),
            Self::Wide => (3_000, 6 * HOUR_MS, BEGIN_MS),
            Self::Drip(_) => (600, DAY_MS, 0),
        };
        let count = match self {
            Self::Flood => 20,
            Self::Wide => 0,
            Self::Drip(prefixes) => prefixes,
        };
        let prefixes: Vec<u64> = (0..count).map(|_| random.below(PREFIXES[0])).collect();
        let mut events = Vec::new();
        for nth in 0..sends {
            let at_ms = day * DAY_MS + begin_ms + random.below_ms(within_ms);
            let (country, number) = if self == Self::Wide {
                let country = 100 + random.below(40);
                (country, (country + 1) * A_COUNTRY + random.below(5_000_000))
            } else {
                (0, A_COUNTRY + random.one_of(&prefixes) * 1000 + random.below(1000))
            };
            let network = match self {
                Self::Flood => 200_000_000 + random.below(500),
                Self::Wide => 300_000_000 + random.below(40),
                Self::Drip(_) => 400_000_000 + nth,
            };
            let verification = 10_000_000 + nth;
            let event = |at_ms, deed| Event { at_ms, deed, verification, country, number, network, is_attack: true };
            events.push(event(at_ms, Deed::Send));
            if cancels {
                events.push(event(at_ms + 1000, Deed::Cancel));
            }
        }
        events
    }
}
