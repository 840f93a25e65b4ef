//! North American area codes: the country that has them, and how far they are from each other.

mod table;

use std::fmt;
use std::iter;
use std::sync::{LazyLock, OnceLock};

use super::debug_as_display;

const EARTH_RADIUS_KM: f64 = 6371.0;
/// Area codes whose positions are no further apart are over the same place.
const OVERLAY_KM: f64 = 30.0;
/// So far away, a number is still one of the region.
const RADIUS_KM: f64 = 160.0;

/// The three digits behind `+1`, where they are assigned to a place or to toll-free numbers. A code that is neither, or
/// that is newer than the table, is none of these. Ordered by the digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaCode(
    /// Its place in `AREAS`, which are in the order of their codes.
    u16,
);

/// In degrees, north and east of zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoPoint {
    pub latitude: f64,
    pub longitude: f64,
}

struct AreaFacts {
    code: u16,
    country: &'static str,
    region: Option<&'static str>,
    position: Option<GeoPoint>,
    /// Made when somebody first asks.
    nearest: OnceLock<Box<[AreaCode]>>,
}

static AREAS: LazyLock<Box<[AreaFacts]>> = LazyLock::new(read_table);

fn read_table() -> Box<[AreaFacts]> {
    let placed = [("US", table::STATES), ("CA", table::PROVINCES)].into_iter().flat_map(|(country, regions)| {
        let codes = regions.iter().flat_map(|&(region, codes)| codes.iter().map(move |code| (region, code)));
        codes.map(move |(region, &(code, latitude, longitude))| AreaFacts {
            code,
            country,
            region: Some(region),
            position: Some(GeoPoint { latitude, longitude }),
            nearest: OnceLock::new(),
        })
    });
    let others = table::COUNTRIES.iter().flat_map(|&(country, codes)| {
        let facts =
            move |&code: &u16| AreaFacts { code, country, region: None, position: None, nearest: OnceLock::new() };
        codes.iter().map(facts)
    });
    let mut areas: Vec<AreaFacts> = placed.chain(others).collect();
    areas.sort_unstable_by_key(|area| area.code);
    areas.into_boxed_slice()
}

impl AreaCode {
    /// The area code of a phone number.
    pub fn of(address: &str) -> Option<Self> {
        let national = address.strip_prefix("+1")?;
        let is_whole = national.len() == 10 && national.bytes().all(|b| b.is_ascii_digit());
        if is_whole { Self::parse(&national[..3]) } else { None }
    }

    /// Reads what was written of one: its three digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let code: u16 = digits.parse().ok().filter(|_| digits.len() == 3)?;
        let place = AREAS.binary_search_by_key(&code, |area| area.code).ok()?;
        u16::try_from(place).ok().map(Self)
    }

    /// Each of them once, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..AREAS.len()).filter_map(|place| u16::try_from(place).ok()).map(Self)
    }

    fn facts(self) -> &'static AreaFacts {
        &AREAS[usize::from(self.0)]
    }

    /// ISO 3166-1 alpha-2. Toll-free ones are of the United States, as in the public numbering plans.
    pub fn country(self) -> &'static str {
        self.facts().country
    }

    /// The state or province, in the two letters that its post office writes; only of the United States and Canada.
    pub fn region(self) -> Option<&'static str> {
        self.facts().region
    }

    /// Where its people are; none of territories, of islands, and of what is toll-free.
    pub fn position(self) -> Option<GeoPoint> {
        self.facts().position
    }

    pub fn distance_km(self, other: Self) -> Option<f64> {
        Some(self.position()?.distance_km(other.position()?))
    }

    /// Whether the other code is over the same place as this one. One without a position has its whole country.
    pub fn overlay(self, other: Self) -> bool {
        self.reaches(other, OVERLAY_KM)
    }

    /// Whether the other code is around the place of this one. One without a position has its whole country.
    pub fn radius(self, other: Self) -> bool {
        self.reaches(other, RADIUS_KM)
    }

    /// Never across a border.
    fn reaches(self, other: Self, km: f64) -> bool {
        let is_within = || self.distance_km(other).is_some_and(|distance| distance <= km);
        self.country() == other.country() && (self.position().is_none() || is_within())
    }

    /// All codes of its country that have a position, itself first, then by distance; of one that has no position only
    /// itself.
    pub fn nearest(self) -> impl Iterator<Item = Self> {
        self.facts().nearest.get_or_init(|| self.by_distance()).iter().copied()
    }

    fn by_distance(self) -> Box<[Self]> {
        let others = Self::all().filter(|other| *other != self && other.country() == self.country());
        let mut others: Vec<(f64, Self)> =
            others.filter_map(|other| self.distance_km(other).map(|distance| (distance, other))).collect();
        // a stable sort: what is equally far stays in order
        others.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        iter::once(self).chain(others.into_iter().map(|(_, other)| other)).collect()
    }
}

impl GeoPoint {
    /// Over the ground, as on a sphere, which is wrong by half a percent at most.
    pub fn distance_km(self, other: Self) -> f64 {
        let haversine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let parallels = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        let across = parallels * haversine(other.longitude - self.longitude);
        2.0 * EARTH_RADIUS_KM * (haversine(other.latitude - self.latitude) + across).sqrt().asin()
    }
}

/// Its three digits. They tell a place and no person.
impl fmt::Display for AreaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.facts().code)
    }
}

debug_as_display!(AreaCode);

#[cfg(test)]
#[path = "area_test.rs"]
mod tests;
