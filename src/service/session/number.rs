//! Numbers for the people of a session: chosen from memory, by one look at what each had before.

use std::sync::Arc;

use super::choose::{NumberSearch, NumberShortage, PersonMemory, PersonPlace, areas, by_id, candidates};
use super::hold::NumberHold;
use super::{ParticipantOrder, Sessions};
use crate::model::pool::PoolChoice;
use crate::model::{NumberId, PoolId, SessionMode};
use crate::service::client::ApiConsumer;
use crate::service::directory::{DirectoryEntries, PoolIndex, SenderNumber};
use crate::service::number::NumberCapability;
use crate::service::{Error, ErrorKind, Result};
use crate::store;
use crate::store::session::{self, REMEMBERED, StickyMark, StickyNumber};

/// Numbers that are looked at first where a person has had many, and at most at once.
const FIRST_LOOK: usize = 16;
const LONGEST_LOOK: usize = 512;

/// The pool of a session, and what its numbers must be.
pub(super) struct SessionPool<'a> {
    pub(super) id: PoolId,
    pub(super) entries: Arc<DirectoryEntries>,
    pub(super) index: Arc<PoolIndex>,
    pub(super) mode: SessionMode,
    pub(super) consumer: &'a ApiConsumer,
}

/// A number for somebody.
pub(super) struct ChosenNumber {
    pub(super) sender: Arc<SenderNumber>,
    /// Where it is to be remembered that they had it; not where each number is one session's.
    pub(super) memory: Option<StickyMark>,
    /// Keeps others of this node from choosing it, until it is given.
    pub(super) hold: Option<NumberHold>,
}

impl SessionPool<'_> {
    /// Whether a number can do what the session is for, and may be used by whoever makes it. Calls of a session that
    /// has texts too work where its numbers can call.
    pub(super) fn fits(&self, sender: &SenderNumber) -> bool {
        let wanted = if self.mode.has_texts() { NumberCapability::Sms } else { NumberCapability::Voice };
        let number = &sender.number;
        sender.can(wanted)
            && self.consumer.may_send_from(&number.address)
            && self.consumer.account().is_none_or(|account| account == number.account)
    }

    /// A number of the pool that was named: one too that is never chosen.
    fn named(&self, one: &ParticipantOrder) -> Result<Option<&Arc<SenderNumber>>> {
        let Some(address) = &one.number else { return Ok(None) };
        let found = self.entries.sender(address.as_str()).filter(|sender| sender.number.pool == Some(self.id));
        let found = found
            .ok_or_else(|| Error::invalid("participants", format!("{} is no number of this pool", address.as_str())))?;
        if !self.fits(found) {
            let reason = format!("{} cannot do what the session is for, or this key may not use it", address.as_str());
            return Err(Error::invalid("participants", reason));
        }
        Ok(Some(found))
    }

    /// No number of it is free for somebody.
    fn short(&self, one: &ParticipantOrder, shortage: NumberShortage) -> Error {
        let detail = format!("no number of the pool is free for {}: {}", one.address.as_str(), shortage.reason());
        Error::new(ErrorKind::NoNumber(shortage), detail)
    }
}

impl Sessions {
    /// The pool, where it is this client's.
    pub(super) async fn pool<'a>(
        &self,
        id: PoolId,
        mode: SessionMode,
        consumer: &'a ApiConsumer,
    ) -> Result<SessionPool<'a>> {
        let entries = self.parts.directory.current();
        let index = entries.pool(id).filter(|index| index.client == consumer.client).cloned();
        if let Some(index) = index {
            return Ok(SessionPool { id, entries, index, mode, consumer });
        }
        // one without numbers is not in memory
        let found = store::pool::find(&self.parts.store, consumer.client, id).await?;
        Err(match found {
            Some(_) => {
                let reason = NumberShortage::Empty.reason();
                Error::new(
                    ErrorKind::NoNumber(NumberShortage::Empty),
                    format!("no number of the pool is free: {reason}"),
                )
            }
            None => Error::invalid("pool_id", "no such pool"),
        })
    }

    /// A number for each of these people. Another may take it before it is written.
    pub(super) async fn numbers(
        &self,
        pool: &SessionPool<'_>,
        people: &[ParticipantOrder],
    ) -> Result<Vec<ChosenNumber>> {
        if pool.index.settings.is_exclusive {
            let sender = self.exclusive(pool, people).await?;
            let mut hold = NumberHold::of(&self.holds, None, sender.number.id);
            let chosen = |_| ChosenNumber { sender: sender.clone(), memory: None, hold: hold.take() };
            return Ok(people.iter().map(chosen).collect());
        }
        let hashes: Vec<[u8; 32]> = people.iter().map(|one| self.memory(&one.address.folded())).collect();
        let known = session::remembered(&self.parts.store, &hashes).await?;
        let mut chosen = Vec::with_capacity(people.len());
        for ((one, person), known) in people.iter().zip(hashes).zip(known) {
            chosen.push(self.shared(pool, one, person, &known).await?);
        }
        Ok(chosen)
    }

    /// A number that others may have too. `known`: what this person had last.
    async fn shared(
        &self,
        pool: &SessionPool<'_>,
        one: &ParticipantOrder,
        person: [u8; 32],
        known: &[StickyNumber],
    ) -> Result<ChosenNumber> {
        let (store, index) = (&self.parts.store, &*pool.index);
        let mut memory = PersonMemory::of(known);
        let is_whole = known.len() < REMEMBERED;
        let chosen = |sender: &Arc<SenderNumber>, memory: &PersonMemory| {
            let id = sender.number.id;
            let memory = Some(StickyMark { person, is_known: memory.is_known(id) });
            Ok(ChosenNumber { sender: sender.clone(), memory, hold: NumberHold::of(&self.holds, Some(person), id) })
        };
        let is_held = |id: NumberId| self.holds.is_held(Some(person), id);
        if let Some(named) = pool.named(one)? {
            if !is_whole {
                memory.add(&session::remembered_at(store, &person, &[named.number.id]).await?);
            }
            return if memory.is_taken(named.number.id) { Err(taken(one, named)) } else { chosen(named, &memory) };
        }
        if index.settings.choice == PoolChoice::Sticky {
            let had = memory.latest().iter().filter(|id| !memory.is_taken(**id) && !is_held(**id));
            let mut had = had.filter_map(|id| by_id(index, *id)).filter(|sender| pool.fits(sender));
            if let Some(sender) = had.next() {
                return chosen(sender, &memory);
            }
        }
        let (place, start, now_ms) =
            (PersonPlace::of(one.address.as_str()), rand::random::<u64>(), self.parts.clock.now_ms());
        let mut search = NumberSearch::default();
        let (mut behind, mut look) = (0, if is_whole { usize::MAX } else { FIRST_LOOK });
        loop {
            let found = if is_whole {
                let all = candidates(index, &place, start).filter(|sender| pool.fits(sender));
                search.first(all, &memory, index, now_ms, is_held)
            } else {
                let some = some(pool, &place, start, (behind, look));
                if some.is_empty() {
                    break;
                }
                let ids: Vec<NumberId> = some.iter().map(|sender| sender.number.id).collect();
                memory.add(&session::remembered_at(store, &person, &ids).await?);
                behind += some.len();
                look = (look * 4).min(LONGEST_LOOK);
                search.first(&some, &memory, index, now_ms, is_held)
            };
            if let Some(sender) = found {
                return chosen(&sender, &memory);
            }
            if is_whole {
                break;
            }
        }
        let rest = search.rest(index, |sender| pool.fits(sender)).map_err(|shortage| pool.short(one, shortage))?;
        chosen(&rest, &memory)
    }

    /// A number that nobody has: of those that have been free for longest, any.
    async fn exclusive(&self, pool: &SessionPool<'_>, people: &[ParticipantOrder]) -> Result<Arc<SenderNumber>> {
        let Some(first) = people.first() else { return Err(Error::invalid("participants", "must be 1 at least")) };
        for one in people {
            if let Some(named) = pool.named(one)? {
                return Ok(named.clone());
            }
        }
        let (store, index, place) = (&self.parts.store, &*pool.index, PersonPlace::of(first.address.as_str()));
        let fits = |sender: &SenderNumber| pool.fits(sender) && !place.is_apart(sender.number.country.as_deref());
        let is_left = |id: NumberId| !self.holds.is_held(None, id);
        let (areas, mut behind, mut look) = (areas(index, &place), 0, 1);
        // another caller is about to take it, and may not get it in the end
        let mut held = None;
        while behind < areas.len() {
            let some: Vec<&str> = areas.iter().skip(behind).take(look).map(String::as_str).collect();
            for free in session::free_near(store, pool.id, &some).await? {
                if let Some(sender) = any(index, &free, fits, is_left) {
                    return Ok(sender.clone());
                }
                held = held.or_else(|| any(index, &free, fits, |_| true));
            }
            behind += some.len();
            look = FIRST_LOOK;
        }
        let mut behind = 0;
        loop {
            let free = session::free(store, pool.id, behind).await?;
            if let Some(sender) = any(index, &free, fits, is_left) {
                return Ok(sender.clone());
            }
            if free.is_empty() {
                break;
            }
            held = held.or_else(|| any(index, &free, fits, |_| true));
            behind += free.len();
        }
        if let Some(sender) = held {
            return Ok(sender.clone());
        }
        let is_any = index.numbers.iter().any(|sender| fits(sender));
        let none = if index.numbers.is_empty() { NumberShortage::Empty } else { NumberShortage::Unfit };
        Err(pool.short(first, if is_any { NumberShortage::Exhausted } else { none }))
    }
}

/// So many candidates, behind so many.
fn some(
    pool: &SessionPool<'_>,
    place: &PersonPlace,
    start: u64,
    (behind, look): (usize, usize),
) -> Vec<Arc<SenderNumber>> {
    let all = candidates(&pool.index, place, start).filter(|sender| pool.fits(sender));
    all.skip(behind).take(look).cloned().collect()
}

/// One of these, whichever: those who choose at the same time are not to meet on one.
fn any<'a>(
    index: &'a PoolIndex,
    free: &[NumberId],
    fits: impl Fn(&SenderNumber) -> bool,
    is_left: impl Fn(NumberId) -> bool,
) -> Option<&'a Arc<SenderNumber>> {
    let start = usize::try_from(rand::random::<u64>() % (free.len() as u64).max(1)).unwrap_or(0);
    let (later, first) = free.split_at_checked(start)?;
    first.iter().chain(later).filter(|id| is_left(**id)).filter_map(|id| by_id(index, *id)).find(|sender| fits(sender))
}

/// Somebody is in an open session on the number that is named for them.
pub(super) fn taken(one: &ParticipantOrder, number: &SenderNumber) -> Error {
    let (person, number) = (one.address.as_str(), number.number.address.as_str());
    Error::conflict(format!("{person} is in an open session on {number} already"))
}
