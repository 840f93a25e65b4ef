//! Which number of a pool a person gets: an order of all of them, and the first in it that is free for that person.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::place::{PersonPlace, is_of_areas};
use crate::model::area::AreaCode;
use crate::model::pool::{PoolBound, PoolChoice, PoolOrder};
use crate::model::{Millis, NumberId};
use crate::service::directory::{PoolIndex, SenderNumber};
use crate::service::number::Number;
use crate::store::session::StickyNumber;

/// Why no number is free for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberShortage {
    /// The pool has no number at all.
    Empty,
    /// None can do what the session is for, or none may be used by whoever makes it.
    Unfit,
    /// Those that could be are where this person gets none of: beyond a border, or beyond the pool's bound.
    Country,
    /// This person has a session on each.
    Taken,
    /// Each is another session's, in a pool that gives none to two.
    Exhausted,
}

impl NumberShortage {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "it has none",
            Self::Unfit => "none can do what the session is for, or none may be used by this key",
            Self::Country => "none is where this person is, and none from elsewhere may be used for them",
            Self::Taken => "this person is in an open session on each",
            Self::Exhausted => "each is in use by another session",
        }
    }
}

/// Coprime to any number of numbers.
const STRIDE: u64 = 2_654_435_761;

/// Each place of a list once, in an order that differs by where it starts.
fn shuffled(places: u64, start: u64) -> impl Iterator<Item = u64> {
    let first = if places == 0 { 0 } else { start % places };
    (0..places).map(move |nth| (first + nth * STRIDE) % places)
}

/// The numbers of a group of places.
fn spread<'a>(index: &'a PoolIndex, group: &'a [u32], start: u64) -> impl Iterator<Item = &'a Arc<SenderNumber>> {
    let at = move |place: u64| usize::try_from(place).ok().and_then(|place| group.get(place));
    let number = move |place: &u32| usize::try_from(*place).ok().and_then(|place| index.numbers.get(place));
    shuffled(group.len() as u64, start).filter_map(at).filter_map(number)
}

fn all(index: &PoolIndex, start: u64) -> impl Iterator<Item = &Arc<SenderNumber>> {
    let number = move |place: u64| usize::try_from(place).ok().and_then(|place| index.numbers.get(place));
    shuffled(index.numbers.len() as u64, start).filter_map(number)
}

/// A number of a pool: they stand there in the order of their ids.
pub(super) fn by_id(index: &PoolIndex, id: NumberId) -> Option<&Arc<SenderNumber>> {
    let place = index.numbers.binary_search_by_key(&id, |one| one.number.id).ok()?;
    index.numbers.get(place)
}

fn of_country<'a>(index: &'a PoolIndex, country: Option<&str>) -> &'a [u32] {
    country.and_then(|country| index.by_country.get(country)).map_or(&[], Vec::as_slice)
}

/// A pool's numbers in the order in which a person would have them, each once: those of their area, of the areas next
/// to it, of their country, then all others, as far as the pool's bound lets them. Equal ones come in an order that
/// `start` decides, so that those who choose at the same time do not meet. Nothing is looked at before it is asked for.
pub(super) fn candidates<'a>(
    index: &'a PoolIndex,
    person: &'a PersonPlace,
    start: u64,
) -> Box<dyn Iterator<Item = &'a Arc<SenderNumber>> + 'a> {
    let bound = person.bound(index.settings.bound);
    let areas = move || person.areas(bound);
    let near = areas().filter_map(move |area| index.by_area.get(&area));
    let near = near.flat_map(move |group| spread(index, group, start));
    if is_of_areas(bound) {
        return Box::new(near);
    }
    let own = spread(index, of_country(index, person.country.as_deref()), start);
    let is_bound = bound == PoolBound::Country;
    let Some(country) = person.country.as_deref().filter(|_| index.settings.order == PoolOrder::Near) else {
        if is_bound {
            return Box::new(own);
        }
        return Box::new(all(index, start).filter(move |one| !person.is_apart(one.number.country.as_deref())));
    };
    // known only when somebody has come that far
    let reached: Rc<OnceCell<HashSet<AreaCode>>> = Rc::default();
    let is_left = move |one: &&Arc<SenderNumber>| {
        let area = AreaCode::of(&one.number.address);
        area.is_none_or(|area| !reached.get_or_init(|| areas().collect()).contains(&area))
    };
    let nearest = near.chain(own.filter(is_left.clone()));
    if is_bound {
        return Box::new(nearest);
    }
    let mut others: Vec<&String> = index.by_country.keys().collect();
    others.retain(|other| other.as_str() != country && !person.is_apart(Some(other.as_str())));
    others.sort_unstable();
    let others = others.into_iter().filter_map(move |other| index.by_country.get(other));
    let others = others.flat_map(move |group| spread(index, group, start)).filter(is_left.clone());
    let nowhere = all(index, start).filter(|one| one.number.country.is_none()).filter(is_left);
    Box::new(nearest.chain(others).chain(nowhere))
}

/// Where a number is, as its row in a pool of numbers for one session each says it.
pub(super) fn area_name(number: &Number) -> &str {
    let digits = number.address.strip_prefix("+1").filter(|digits| digits.len() == 10);
    digits.and_then(|digits| digits.get(..3)).or(number.country.as_deref()).unwrap_or_default()
}

/// What such rows say, in the order in which a person would have them, of the areas that the pool has numbers in; and
/// whether they may have no others.
pub(super) fn areas(index: &PoolIndex, person: &PersonPlace) -> (Vec<String>, bool) {
    let bound = person.bound(index.settings.bound);
    if !is_of_areas(bound) && index.settings.order != PoolOrder::Near {
        return (Vec::new(), false);
    }
    if person.area.is_some() {
        let names = person.areas(bound).filter(|area| index.by_area.contains_key(area)).map(|area| area.to_string());
        return (names.collect(), is_of_areas(bound));
    }
    let names = person.country.iter().filter(|country| index.by_country.contains_key(*country));
    (names.cloned().collect(), false)
}

/// What is remembered of a person's numbers.
#[derive(Debug, Default)]
pub(super) struct PersonMemory {
    numbers: HashMap<NumberId, StickyNumber>,
    /// The last one first.
    latest: Vec<NumberId>,
}

impl PersonMemory {
    pub(super) fn of(numbers: &[StickyNumber]) -> Self {
        let latest = numbers.iter().map(|one| one.number).collect();
        Self { numbers: numbers.iter().map(|one| (one.number, *one)).collect(), latest }
    }

    pub(super) fn add(&mut self, numbers: &[StickyNumber]) {
        self.numbers.extend(numbers.iter().map(|one| (one.number, *one)));
    }

    pub(super) fn is_known(&self, number: NumberId) -> bool {
        self.numbers.contains_key(&number)
    }

    pub(super) fn is_taken(&self, number: NumberId) -> bool {
        self.numbers.get(&number).is_some_and(|known| known.ended_ms.is_none())
    }

    pub(super) fn latest(&self) -> &[NumberId] {
        &self.latest
    }
}

/// What comes in question behind all others, of the numbers that were gone by.
#[derive(Default)]
pub(super) struct NumberSearch {
    /// Had before, where those come last.
    had: Option<Arc<SenderNumber>>,
    /// A session of this person has ended there just now.
    resting: Option<Arc<SenderNumber>>,
    /// Another caller is about to give it to this person.
    held: Option<Arc<SenderNumber>>,
    /// Its carrier says that the account has no such number.
    refused: Option<Arc<SenderNumber>>,
    /// Some were taken.
    is_any_taken: bool,
}

impl NumberSearch {
    /// The first of these numbers that is free for a person, and not one of those that come last. `is_held`: by another
    /// caller, who may not get it in the end.
    pub(super) fn first<'a>(
        &mut self,
        numbers: impl IntoIterator<Item = &'a Arc<SenderNumber>>,
        memory: &PersonMemory,
        index: &PoolIndex,
        now_ms: Millis,
        is_held: impl Fn(NumberId) -> bool,
    ) -> Option<Arc<SenderNumber>> {
        for one in numbers {
            let known = memory.numbers.get(&one.number.id);
            let ended_ms = known.map(|known| known.ended_ms);
            let rests = |ended_ms: Millis| now_ms.saturating_sub(ended_ms) < index.settings.rest.as_ms();
            let last = match ended_ms {
                Some(None) => {
                    self.is_any_taken = true;
                    continue;
                }
                _ if one.is_refused(now_ms) => &mut self.refused,
                _ if is_held(one.number.id) => &mut self.held,
                Some(Some(ended_ms)) if rests(ended_ms) => &mut self.resting,
                Some(Some(_)) if index.settings.choice == PoolChoice::AvoidSticky => &mut self.had,
                _ => return Some(one.clone()),
            };
            last.get_or_insert_with(|| one.clone());
        }
        None
    }

    /// What is left when all have been gone by. `fits`: what comes in question at all.
    pub(super) fn rest(
        self,
        index: &PoolIndex,
        fits: impl Fn(&SenderNumber) -> bool,
    ) -> Result<Arc<SenderNumber>, NumberShortage> {
        let is_taken = self.is_any_taken;
        self.had.or(self.resting).or(self.held).or(self.refused).ok_or_else(|| {
            if index.numbers.is_empty() {
                NumberShortage::Empty
            } else if is_taken {
                NumberShortage::Taken
            } else if index.numbers.iter().any(|one| fits(one)) {
                NumberShortage::Country
            } else {
                NumberShortage::Unfit
            }
        })
    }
}

#[cfg(test)]
#[path = "choose_test.rs"]
mod tests;
