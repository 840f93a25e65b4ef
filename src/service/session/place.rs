//! Where people are, and from where they may have numbers.

use crate::model::area::AreaCode;
use crate::model::pool::PoolBound;
use crate::model::{Address, address};
use crate::service::number::Number;

/// Two countries that share a code, and nothing else: nobody gets a number across their border.
const BORDER: [&str; 2] = ["CA", "US"];

/// Where a person is, as their number tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PersonPlace {
    pub(super) area: Option<AreaCode>,
    pub(super) country: Option<String>,
}

impl PersonPlace {
    pub(super) fn of(person: &str) -> Self {
        let area = AreaCode::of(person);
        let country = match area {
            Some(area) => Some(area.country().to_owned()),
            None => address::country_of(&Address::stored(person)),
        };
        Self { area, country }
    }

    /// Whether a border lies between this person and a number.
    pub(super) fn is_apart(&self, number: Option<&str>) -> bool {
        match (at_border(self.country.as_deref()), at_border(number)) {
            (Some(theirs), Some(ours)) => theirs != ours,
            _ => false,
        }
    }

    /// A pool's bound as it is for this person: who has no area code that lies somewhere is bound by their country.
    pub(super) fn bound(&self, bound: PoolBound) -> PoolBound {
        let is_somewhere = self.area.is_some_and(|area| area.position().is_some());
        if is_somewhere || !is_of_areas(bound) { bound } else { PoolBound::Country }
    }

    /// Whether an area code is within a bound, which is as it is for this person.
    fn is_within(&self, other: AreaCode, bound: PoolBound) -> bool {
        self.area.is_some_and(|area| match bound {
            PoolBound::AreaCode => area == other,
            PoolBound::Overlay => area.overlay(other),
            PoolBound::Radius => area.radius(other),
            PoolBound::None | PoolBound::Country => true,
        })
    }

    /// The area codes from which this person may have numbers, the nearest first.
    pub(super) fn areas(&self, bound: PoolBound) -> impl Iterator<Item = AreaCode> {
        let all = self.area.into_iter().flat_map(AreaCode::nearest);
        all.filter(move |other| self.is_within(*other, bound))
    }

    /// Whether they may have a number of a pool with this bound, unless it is named for them.
    pub(super) fn may_have(&self, number: &Number, bound: PoolBound) -> bool {
        let country = number.country.as_deref();
        !self.is_apart(country)
            && match self.bound(bound) {
                PoolBound::None => true,
                PoolBound::Country => country.is_some() && country == self.country.as_deref(),
                bound => AreaCode::of(&number.address).is_some_and(|area| self.is_within(area, bound)),
            }
    }
}

/// Whether a bound is one of area codes.
pub(super) fn is_of_areas(bound: PoolBound) -> bool {
    matches!(bound, PoolBound::AreaCode | PoolBound::Overlay | PoolBound::Radius)
}

fn at_border(country: Option<&str>) -> Option<&str> {
    country.filter(|country| BORDER.contains(country))
}
