//! The number of a session where each is one session's: what has been free for longest, the nearest first.

use std::sync::Arc;

use super::choose::{NumberShortage, area_name, areas, by_id, candidates};
use super::number::{SessionPool, short};
use super::place::PersonPlace;
use super::{ParticipantOrder, Sessions};
use crate::model::{Millis, NumberId};
use crate::service::directory::{PoolIndex, SenderNumber};
use crate::service::{Error, Result};
use crate::store::session::{self, FREE};

/// Areas that are looked at at once, at most.
const AREAS: usize = 128;
/// Free numbers that are looked at at once, behind the first.
const LATER: usize = 1_024;

impl Sessions {
    /// A number that nobody has, for all of these people: of those that have been free for longest, any.
    pub(super) async fn exclusive(
        &self,
        pool: &SessionPool<'_>,
        people: &[ParticipantOrder],
    ) -> Result<Arc<SenderNumber>> {
        let Some(first) = people.first() else { return Err(Error::invalid("participants", "must be 1 at least")) };
        let store = &self.parts.store;
        if let Some(named) = named(pool, people)? {
            let is_free = session::is_free(store, pool.id, named.number.id).await?;
            let in_use = || Error::conflict(format!("{} is in use by another session", named.number.address));
            return if is_free { Ok(named.clone()) } else { Err(in_use()) };
        }
        let (index, places) = (&*pool.index, places(people));
        let fits = |sender: &SenderNumber| places.iter().all(|place| pool.fits_at(sender, place));
        let is_any = if pool.is_number_proxy() {
            index.numbers.iter().any(|sender| fits(sender))
        } else {
            places.first().is_some_and(|place| candidates(index, place, 0).any(|sender| fits(sender)))
        };
        if !is_any {
            return Err(short(first, shortage(pool)));
        }
        let now_ms = self.parts.clock.now_ms();
        let is_left = |id: NumberId| !self.holds.is_held(None, id) && !is_refused(index, id, now_ms);
        let (near, is_all_near) = places.first().map(|place| areas(index, place)).unwrap_or_default();
        let rank = |sender: &SenderNumber| {
            let name = area_name(&sender.number);
            near.iter().position(|area| area == name).unwrap_or(usize::MAX)
        };
        let free = session::free(store, pool.id, (0, FREE)).await?;
        // another caller is about to take it, and may not get it in the end; or its carrier has it no more
        let mut held = pick(index, &free, fits, |_| true, rank);
        let best = pick(index, &free, fits, is_left, rank);
        if free.len() < FREE {
            // these are all
            return best.or(held).cloned().ok_or_else(|| short(first, NumberShortage::Exhausted));
        }
        let (mut behind, mut look) = (0, 1);
        while behind < near.len() {
            let some: Vec<&str> = near.iter().skip(behind).take(look).map(String::as_str).collect();
            for free in session::free_near(store, pool.id, &some).await? {
                if let Some(sender) = pick(index, &free, fits, is_left, rank) {
                    return Ok(sender.clone());
                }
                held = held.or_else(|| pick(index, &free, fits, |_| true, rank));
            }
            behind += some.len();
            look = (look * 8).min(AREAS);
        }
        if let Some(sender) = best {
            return Ok(sender.clone());
        }
        let (mut behind, mut may_be_more) = (FREE, !is_all_near || pool.is_number_proxy());
        while may_be_more {
            let free = session::free(store, pool.id, (behind, LATER)).await?;
            if let Some(sender) = pick(index, &free, fits, is_left, rank) {
                return Ok(sender.clone());
            }
            held = held.or_else(|| pick(index, &free, fits, |_| true, rank));
            behind += free.len();
            may_be_more = free.len() == LATER;
        }
        held.cloned().ok_or_else(|| short(first, NumberShortage::Exhausted))
    }
}

/// Whether its carrier has said that the account has no such number.
fn is_refused(index: &PoolIndex, id: NumberId, now_ms: Millis) -> bool {
    by_id(index, id).is_some_and(|sender| sender.is_refused(now_ms))
}

/// The number that is named for them: for none of them another.
fn named<'a>(pool: &'a SessionPool<'_>, people: &[ParticipantOrder]) -> Result<Option<&'a Arc<SenderNumber>>> {
    let mut found: Option<&Arc<SenderNumber>> = None;
    for one in people {
        let Some(named) = pool.named(one)? else { continue };
        if found.is_some_and(|found| found.number.id != named.number.id) {
            return Err(Error::invalid(
                "participants",
                "must all have the same number, as in any session of this pool",
            ));
        }
        found = Some(named);
    }
    Ok(found)
}

fn places(people: &[ParticipantOrder]) -> Vec<PersonPlace> {
    people.iter().map(|one| PersonPlace::of(one.address.as_str())).collect()
}

/// Why a pool has no number that could ever be chosen.
fn shortage(pool: &SessionPool<'_>) -> NumberShortage {
    let numbers = &pool.index.numbers;
    if numbers.is_empty() {
        NumberShortage::Empty
    } else if numbers.iter().any(|sender| pool.fits(sender)) {
        NumberShortage::Country
    } else {
        NumberShortage::Unfit
    }
}

/// One of these of the lowest rank, whichever: those who choose at the same time are not to meet on one.
fn pick<'a>(
    index: &'a PoolIndex,
    free: &[NumberId],
    fits: impl Fn(&SenderNumber) -> bool,
    is_left: impl Fn(NumberId) -> bool,
    rank: impl Fn(&SenderNumber) -> usize,
) -> Option<&'a Arc<SenderNumber>> {
    let start = usize::try_from(rand::random::<u64>() % (free.len() as u64).max(1)).unwrap_or(0);
    let (later, first) = free.split_at_checked(start)?;
    let left = first.iter().chain(later).copied().filter(|id| is_left(*id));
    let fitting = left.filter_map(|id| by_id(index, id)).filter(|sender| fits(sender));
    fitting.min_by_key(|sender| rank(sender))
}
