//! Coming into a session: the pair of a person and a number is theirs from then on, and it is remembered that it was.

use std::collections::BTreeSet;

use super::Participant;
use crate::model::{Millis, NumberId, SessionId};
use crate::store::{Change, Value, params};

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

/// The rows of people who come in by one commit.
#[derive(Default)]
pub(super) struct JoinRows {
    people: Vec<Vec<Value>>,
    pairs: Vec<Vec<Value>>,
    numbers: BTreeSet<NumberId>,
    first: Vec<Vec<Value>>,
    again: Vec<([u8; 32], NumberId)>,
}

impl JoinRows {
    pub(super) fn join(&mut self, new: &NewParticipant, now_ms: Millis) {
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
        self.take(new, now_ms);
    }

    /// The same of somebody who is in the session already, and whose number was let go.
    pub(super) fn take(&mut self, new: &NewParticipant, now_ms: Millis) {
        let one = &new.participant;
        self.numbers.insert(one.number_id);
        self.pairs.push(params![one.person.as_str(), one.number_id, one.session, one.id, one.client]);
        match new.memory {
            Some(StickyMark { person, is_known: false }) => {
                self.first.push(params![person, one.number_id, now_ms]);
            }
            Some(StickyMark { person, is_known: true }) => self.again.push((person, one.number_id)),
            None => {}
        }
    }

    /// What may be another's by now goes first, and in one order for all. A number that has left its pool since is
    /// given to nobody: who takes one out looks for its pairs.
    pub(super) fn write(mut self, change: Change, now_ms: Millis) -> Change {
        let numbers: Vec<Value> = self.numbers.iter().map(Value::from).collect();
        self.pairs.sort_unstable();
        self.first.sort_unstable();
        self.again.sort_unstable();
        let change = change
            .each("UPDATE sb_number SET pool_id = pool_id WHERE pool_id IS NOT NULL AND id IN ({})", &[], &numbers)
            .insert("INSERT INTO sb_pair (person, number_id, session_id, participant_id, client_id)", self.pairs)
            .insert("INSERT INTO sb_sticky (person, number_id, used_ms)", self.first);
        let sql = "UPDATE sb_sticky SET used_ms = ?, ended_ms = NULL WHERE person = ? AND number_id = ?";
        let again =
            |change: Change, (person, number): ([u8; 32], NumberId)| change.one(sql, params![now_ms, person, number]);
        let change = self.again.into_iter().fold(change, again);
        let into = "INSERT INTO sb_participant (id, session_id, client_id, address, person, name, number_id, number, \
                    joined_ms, left_ms, place)";
        change.insert(into, self.people)
    }
}

/// Takes a number of a pool that gives each to one session. [`crate::store::Error::Guard`]: another has it.
pub(super) fn claim(change: Change, (number, session): (NumberId, SessionId)) -> Change {
    let sql = "UPDATE sb_pool_number SET free_ms = NULL, session_id = ? WHERE number_id = ? AND free_ms IS NOT NULL";
    change.one(sql, params![session, number])
}
