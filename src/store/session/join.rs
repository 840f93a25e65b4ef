//! Coming into a session: the pair of a person and a number is theirs from then on, and it is remembered that it was.

use std::collections::{BTreeMap, BTreeSet};

use super::Participant;
use crate::model::{Millis, NumberId, ParticipantId, PoolId, SessionId};
use crate::store::{Change, Query, Result, Store, Value, params};

/// Somebody who comes into a session.
#[derive(Clone, Debug)]
pub struct NewParticipant {
    pub participant: Participant,
    /// `None`: nothing is remembered of numbers that are given to one session each.
    pub memory: Option<StickyMark>,
}

/// Where it is remembered which numbers a person has had.
#[derive(Clone, Copy, Debug)]
pub struct StickyMark {
    /// A keyed hash of who they are.
    pub person: [u8; 32],
    /// They have had this number before.
    pub is_known: bool,
}

/// The pool of a session, as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolTerms {
    /// `None`: its numbers need not be in any.
    pub id: Option<PoolId>,
    /// It gives each number to one session.
    pub is_exclusive: bool,
}

/// The rows of people who come in by one commit.
#[derive(Default)]
pub(super) struct JoinRows {
    people: Vec<Vec<Value>>,
    pairs: Vec<Vec<Value>>,
    numbers: BTreeMap<PoolTerms, BTreeSet<NumberId>>,
    claims: BTreeSet<(NumberId, Option<PoolId>, SessionId)>,
    first: Vec<Vec<Value>>,
    again: BTreeMap<NumberId, Vec<Value>>,
}

impl JoinRows {
    pub(super) fn join(&mut self, new: &NewParticipant, pool: PoolTerms, now_ms: Millis) {
        let one = &new.participant;
        self.people.push(params![
            one.id,
            one.session,
            one.client,
            one.address.as_str(),
            one.person.as_str(),
            one.name.clone(),
            one.number_id,
            one.number.as_str(),
            one.joined_ms,
            one.left_ms,
            one.place,
        ]);
        self.take(new, pool, now_ms);
    }

    /// The same of somebody who is in the session already, and whose number was let go.
    pub(super) fn take(&mut self, new: &NewParticipant, pool: PoolTerms, now_ms: Millis) {
        let one = &new.participant;
        self.numbers.entry(pool).or_default().insert(one.number_id);
        self.pairs.push(params![one.person.as_str(), one.number_id, one.session, one.id, one.client]);
        match new.memory {
            Some(StickyMark { person, is_known: false }) => {
                self.first.push(params![person, one.number_id, now_ms]);
            }
            Some(StickyMark { person, is_known: true }) => {
                self.again.entry(one.number_id).or_default().push(person.into());
            }
            None => {}
        }
    }

    /// Takes a number of a pool that gives each to one session, unless this one has it. [`crate::store::Error::Guard`]:
    /// another has it.
    pub(super) fn claim(&mut self, number: NumberId, pool: PoolTerms, session: SessionId) {
        self.numbers.entry(pool).or_default().insert(number);
        self.claims.insert((number, pool.id, session));
    }

    /// The id of the first who comes in anew.
    pub(super) fn first_id(&self) -> Option<Value> {
        self.people.first()?.first().cloned()
    }

    /// What may be another's by now goes first, and in one order for all.
    pub(super) fn write(mut self, change: Change, now_ms: Millis) -> Change {
        self.pairs.sort_unstable();
        self.first.sort_unstable();
        let change = self.numbers.into_iter().fold(change, |change, (pool, numbers)| held(change, pool, &numbers));
        let change = self.claims.into_iter().fold(change, claimed);
        let change = change
            .insert("INSERT INTO sb_pair (person, number_id, session_id, participant_id, client_id)", self.pairs)
            .insert("INSERT INTO sb_sticky (person, number_id, used_ms)", self.first);
        let sql = "UPDATE sb_sticky SET used_ms = ?, ended_ms = NULL WHERE number_id = ? AND person IN ({})";
        let again = |change: Change, (number, people): (NumberId, Vec<Value>)| {
            change.each(sql, &[now_ms.into(), number.into()], &people)
        };
        let change = self.again.into_iter().fold(change, again);
        let into = "INSERT INTO sb_participant (id, session_id, client_id, address, person, name, number_id, number, \
                    joined_ms, left_ms, place)";
        change.insert(into, self.people)
    }
}

/// Whether one of these is the id of somebody who is in a session, or was.
pub async fn is_any_participant(store: &Store, ids: &[ParticipantId]) -> Result<bool> {
    let keys: Vec<Value> = ids.iter().map(Value::from).collect();
    if keys.is_empty() {
        return Ok(false);
    }
    let all = Query::over("SELECT id FROM sb_participant WHERE id IN ({})", &[], keys);
    Ok(!store.look_up(vec![all]).await?.concat().is_empty())
}

/// Holds numbers in their pool. One that has left it since is given to nobody: who takes one out looks for its pairs,
/// as who makes a pool exclusive does. That it is not by now is asked by a statement of its own: one alone may look
/// before it waits for the row.
fn held(change: Change, pool: PoolTerms, numbers: &BTreeSet<NumberId>) -> Change {
    let keys: Vec<Value> = numbers.iter().map(Value::from).collect();
    let Some(id) = pool.id else {
        return change.each("UPDATE sb_number SET pool_id = pool_id WHERE id IN ({})", &[], &keys);
    };
    let change =
        change.each("UPDATE sb_number SET pool_id = pool_id WHERE pool_id = ? AND id IN ({})", &[id.into()], &keys);
    let Some(one) = keys.into_iter().next() else { return change };
    let is_as_read = if pool.is_exclusive { "" } else { "NOT " };
    let sql = format!(
        "UPDATE sb_number SET pool_id = pool_id WHERE id = ? \
         AND {is_as_read}EXISTS (SELECT 1 FROM sb_pool_number p WHERE p.pool_id = ?)"
    );
    change.one(sql, params![one, id])
}

/// A reserved number is not free, and is taken all the same by who names it.
fn claimed(change: Change, (number, pool, session): (NumberId, Option<PoolId>, SessionId)) -> Change {
    let sql = "UPDATE sb_pool_number SET free_ms = NULL, session_id = ? WHERE number_id = ? AND pool_id = ? \
               AND (session_id IS NULL OR session_id = ?)";
    change.one(sql, params![session, number, pool, session])
}
