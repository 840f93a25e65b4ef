//! Numbers for the people of a session: chosen from memory, by one look at what each had before.

use std::sync::Arc;

use super::choose::{NumberSearch, NumberShortage, PersonMemory, by_id, candidates};
use super::hold::NumberHold;
use super::place::PersonPlace;
use super::{ParticipantOrder, Sessions};
use crate::model::address::AddressKind;
use crate::model::pool::PoolChoice;
use crate::model::{Address, NumberId, PoolId, SessionMode};
use crate::service::client::ApiConsumer;
use crate::service::directory::{DirectoryEntries, PoolIndex, SenderNumber};
use crate::service::number::NumberCapability;
use crate::service::{Error, ErrorKind, Result};
use crate::store;
use crate::store::session::{self, PoolTerms, REMEMBERED, StickyMark, StickyNumber};

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
    pub(super) fn terms(&self) -> PoolTerms {
        PoolTerms { id: Some(self.id), is_exclusive: self.index.settings.is_exclusive }
    }

    /// Whether a number can do what the session is for, and may be used by whoever makes it. Calls of a session that
    /// has texts too work where its numbers can call.
    pub(super) fn fits(&self, sender: &SenderNumber) -> bool {
        let wanted = if self.mode.has_texts() { NumberCapability::Sms } else { NumberCapability::Voice };
        let number = &sender.number;
        sender.can(wanted)
            && self.consumer.may_send_from(&number.address)
            && self.consumer.account().is_none_or(|account| account == number.account)
    }

    /// The same, and whether it may be chosen for somebody there.
    pub(super) fn fits_at(&self, sender: &SenderNumber, place: &PersonPlace) -> bool {
        let may_have = self.is_number_proxy() || place.may_have(&sender.number, self.index.settings.bound);
        may_have && self.fits(sender)
    }

    /// Whether it is the number proxy's, whose two people may be anywhere, on both sides of a border too.
    pub(super) fn is_number_proxy(&self) -> bool {
        self.id == PoolId::number_proxy(self.consumer.client)
    }

    /// A number of the pool that was named: one too that is never chosen.
    pub(super) fn named(&self, one: &ParticipantOrder) -> Result<Option<&Arc<SenderNumber>>> {
        let Some(address) = &one.number else { return Ok(None) };
        let found = self.entries.sender(address.as_str()).filter(|sender| sender.number.pool == Some(self.id));
        let found = found
            .ok_or_else(|| Error::invalid("participants", format!("{} is no number of this pool", address.as_str())))?;
        let is_phone = Address::stored(found.number.address.as_str()).kind() == AddressKind::Phone;
        if !is_phone || !self.fits(found) {
            let reason = format!("{} cannot do what the session is for, or this key may not use it", address.as_str());
            return Err(Error::invalid("participants", reason));
        }
        Ok(Some(found))
    }
}

/// No number of the pool is free for somebody.
pub(super) fn short(one: &ParticipantOrder, shortage: NumberShortage) -> Error {
    let detail = format!("no number of the pool is free for {}: {}", one.address.as_str(), shortage.reason());
    Error::new(ErrorKind::NoNumber(shortage), detail)
}

impl Sessions {
    /// The pool, where it is this client's.
    pub(super) async fn pool<'a>(
        &self,
        id: PoolId,
        mode: SessionMode,
        consumer: &'a ApiConsumer,
    ) -> Result<SessionPool<'a>> {
        let find =
            |entries: &Arc<DirectoryEntries>| entries.pool(id).filter(|index| index.client == consumer.client).cloned();
        let mut entries = self.parts.directory.current();
        let mut index = find(&entries);
        if index.is_none() {
            // another node may just have made it
            self.parts.directory.refresh().await?;
            entries = self.parts.directory.current();
            index = find(&entries);
        }
        if let Some(index) = index {
            return Ok(SessionPool { id, entries, index, mode, consumer });
        }
        // one that cannot be read is not in memory
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

    /// The same pool, once sessions are closed whose time is over, and what other nodes have changed of it is known.
    pub(super) async fn pool_now<'a>(&self, pool: &SessionPool<'a>) -> Result<SessionPool<'a>> {
        self.expire().await?;
        self.parts.directory.refresh().await?;
        self.pool(pool.id, pool.mode, pool.consumer).await
    }

    /// A number for each of these people. Another may take it before it is written.
    pub(super) async fn numbers(
        &self,
        pool: &SessionPool<'_>,
        people: &[ParticipantOrder],
    ) -> Result<Vec<ChosenNumber>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
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
        let index = &*pool.index;
        let mut memory = PersonMemory::of(known);
        let is_whole = known.len() < REMEMBERED;
        if let Some(named) = pool.named(one)? {
            if !is_whole {
                let store = &self.parts.store;
                memory.add(&session::remembered_at(store, &person, &[named.number.id]).await?);
            }
            let is_taken = memory.is_taken(named.number.id);
            return if is_taken { Err(taken(one, named)) } else { Ok(self.chosen(named, person, &memory)) };
        }
        let place = PersonPlace::of(one.address.as_str());
        let now_ms = self.parts.clock.now_ms();
        let fits = |sender: &&Arc<SenderNumber>| pool.fits_at(sender, &place) && !sender.is_refused(now_ms);
        let is_held = |id: NumberId| self.holds.is_held(Some(person), id);
        if index.settings.choice == PoolChoice::Sticky {
            let had = memory.latest().iter().filter(|id| !memory.is_taken(**id) && !is_held(**id));
            if let Some(sender) = had.filter_map(|id| by_id(index, *id)).find(fits) {
                return Ok(self.chosen(sender, person, &memory));
            }
        }
        let start = rand::random::<u64>();
        let mut search = NumberSearch::default();
        let (mut behind, mut look) = (0, FIRST_LOOK);
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
                memory.add(&session::remembered_at(&self.parts.store, &person, &ids).await?);
                behind += some.len();
                look = (look * 4).min(LONGEST_LOOK);
                search.first(&some, &memory, index, now_ms, is_held)
            };
            if let Some(sender) = found {
                return Ok(self.chosen(&sender, person, &memory));
            }
            if is_whole {
                break;
            }
        }
        let rest = search.rest(index, |sender| pool.fits(sender)).map_err(|shortage| short(one, shortage))?;
        Ok(self.chosen(&rest, person, &memory))
    }

    fn chosen(&self, sender: &Arc<SenderNumber>, person: [u8; 32], memory: &PersonMemory) -> ChosenNumber {
        let id = sender.number.id;
        let mark = StickyMark { person, is_known: memory.is_known(id) };
        let hold = NumberHold::of(&self.holds, Some(person), id);
        ChosenNumber { sender: sender.clone(), memory: Some(mark), hold }
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

/// Somebody is in an open session on the number that is named for them.
fn taken(one: &ParticipantOrder, number: &SenderNumber) -> Error {
    let (person, number) = (one.address.as_str(), number.number.address.as_str());
    Error::conflict(format!("{person} is in an open session on {number} already")).about("number")
}
