//! The verifications that a batch of codes is for: as they were read, what the codes make of them, and what that writes.

use std::collections::{BTreeMap, HashMap};

use super::{CheckNote, CheckedName, NewCheck};
use crate::model::{ClientId, Millis, VerificationDoor, VerificationId, VerificationStatus};
use crate::store::event::PendingEvents;
use crate::store::guard::{self, VerifiedFact};
use crate::store::verification::end::fact;
use crate::store::verification::failure::{self, FailureCount, MOST};
use crate::store::verification::pending::{PendingKey, key_of};
use crate::store::verification::{COLUMNS, Verification, WIDTH, send};
use crate::store::{Change, Query, Result, Row, Store, Value, delivery, params};

/// A verification, and what becomes of it.
pub(super) struct SeenVerification {
    /// As it is by now.
    pub(super) verification: Verification,
    pub(super) sealed: Option<Vec<u8>>,
    pub(super) person: [u8; 32],
    /// What the guard is to know of it, once it is proved.
    pub(super) fact: Option<VerifiedFact>,
    /// The tries it had had when it was read.
    tries: i64,
    is_changed: bool,
}

/// What is counted for a person: as it was read, and by now.
#[derive(Clone, Copy)]
struct PersonFailures {
    read: Option<FailureCount>,
    now: Option<FailureCount>,
}

#[derive(Default)]
pub(super) struct SeenVerifications {
    pub(super) all: BTreeMap<VerificationId, SeenVerification>,
    names: HashMap<PendingKey, VerificationId>,
    people: BTreeMap<[u8; 32], PersonFailures>,
    /// Names that nobody finds anything by any more.
    released: Vec<Value>,
    /// What is told.
    pub(super) notes: Vec<CheckNote>,
}

impl SeenVerifications {
    pub(super) async fn look_up(store: &Store, items: &[NewCheck]) -> Result<Self> {
        let (mut ids, mut keys): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        for item in items {
            match item.whom {
                CheckedName::Id(id) => ids.push(id.into()),
                CheckedName::Key(key) => keys.push(key.into()),
            }
        }
        let what = format!("{COLUMNS}, v.code, v.person, f.failures, f.last_ms");
        let counted = "LEFT JOIN sb_verification_failure f ON f.person = v.person";
        let mut queries = Vec::new();
        if !ids.is_empty() {
            let sql = format!("SELECT {what} FROM sb_verification v {counted} WHERE v.id IN ({{}})");
            queries.push(Query::over(sql, &[], ids));
        }
        if !keys.is_empty() {
            let sql = format!(
                "SELECT {what}, p.pending_key FROM sb_verification_pending p \
                 JOIN sb_verification v ON v.id = p.verification_id {counted} WHERE p.pending_key IN ({{}})"
            );
            queries.push(Query::over(sql, &[], keys));
        }
        let mut seen = Self::default();
        for row in store.look_up(queries).await?.concat() {
            seen.add(&row)?;
        }
        Ok(seen)
    }

    /// Takes in a row: the fields of a verification, its code, its person, what is counted for them, and its name where
    /// it was asked for by that.
    fn add(&mut self, row: &Row) -> Result<()> {
        let verification: Verification = row.read()?;
        let (sealed, person) = (row.maybe_bytes(WIDTH)?.map(<[u8]>::to_vec), row.array(WIDTH + 1)?);
        let read = match (row.maybe_int(WIDTH + 2)?, row.maybe_int(WIDTH + 3)?) {
            (Some(failures), Some(last_ms)) => Some(FailureCount { failures, last_ms }),
            _ => None,
        };
        if row.0.len() > WIDTH + 4 {
            self.names.insert(key_of(row, WIDTH + 4)?, verification.id);
        }
        self.people.insert(person, PersonFailures { read, now: read });
        let tries = verification.tries;
        let one = SeenVerification { verification, sealed, person, fact: None, tries, is_changed: false };
        self.all.insert(one.verification.id, one);
        Ok(())
    }

    /// Which of a client's a code is for.
    pub(super) fn named(&self, whom: CheckedName, client: ClientId) -> Option<VerificationId> {
        let id = match whom {
            CheckedName::Id(id) => id,
            CheckedName::Key(key) => *self.names.get(&key)?,
        };
        self.all.get(&id).filter(|one| one.verification.client == client).map(|_| id)
    }

    /// How many codes were wrong for a person, as far as that still counts.
    pub(super) fn failures(&self, person: [u8; 32], now_ms: Millis) -> i64 {
        let counted = self.people.get(&person).and_then(|counted| counted.now);
        counted.filter(|counted| counted.holds(now_ms)).map_or(0, |counted| counted.failures)
    }

    /// Whoever has looked once for one of the older door that has expired finds it no more.
    pub(super) fn release(&mut self, whom: CheckedName, id: VerificationId) {
        let CheckedName::Key(key) = whom else { return };
        let is_told_once = |one: &SeenVerification| {
            one.verification.door == VerificationDoor::Older && one.verification.status == VerificationStatus::Expired
        };
        if self.all.get(&id).is_some_and(is_told_once) && self.names.remove(&key).is_some() {
            self.released.push(key.into());
        }
    }

    pub(super) fn end(&mut self, id: VerificationId, status: VerificationStatus, now_ms: Millis) {
        let Some(one) = self.all.get_mut(&id) else { return };
        one.is_changed = true;
        let verification = &mut one.verification;
        verification.status = status;
        verification.sequence += 1;
        verification.changed_ms = now_ms;
        verification.ended_ms = Some(now_ms);
        one.sealed = None;
        self.notes.push(CheckNote::Ended(one.verification.clone()));
    }

    /// A right code came.
    pub(super) fn approve(&mut self, id: VerificationId, now_ms: Millis) {
        let Some(one) = self.all.get_mut(&id) else { return };
        one.verification.tries += 1;
        // it asks the numbering plans, which takes its time: once for all who want to know it
        one.fact = fact(&one.verification, now_ms);
        let person = one.person;
        if let Some(counted) = self.people.get_mut(&person) {
            counted.now = None;
        }
        self.end(id, VerificationStatus::Approved, now_ms);
    }

    /// A wrong code came; how many may still be tried.
    pub(super) fn miss(&mut self, id: VerificationId, now_ms: Millis) -> i64 {
        let Some(one) = self.all.get_mut(&id) else { return 0 };
        one.verification.tries += 1;
        one.verification.changed_ms = now_ms;
        one.is_changed = true;
        let (left, person) = (one.verification.tries_left(), one.person);
        if let Some(counted) = self.people.get_mut(&person) {
            let before = counted.now.filter(|counted| counted.holds(now_ms));
            let failures = before.map_or(0, |before| before.failures) + 1;
            let now = FailureCount { failures, last_ms: now_ms };
            counted.now = Some(now);
            if now.failures == MOST {
                self.notes.push(CheckNote::Blocked(one.verification.clone()));
            }
        }
        if left == 0 {
            self.end(id, VerificationStatus::MaxAttemptsReached, now_ms);
        }
        left
    }

    pub(super) fn is_changed(&self) -> bool {
        !self.released.is_empty() || self.all.values().any(|one| one.is_changed)
    }

    /// Each verification is found as it was read, or none of it is written.
    pub(super) fn write(self, change: Change, told: &PendingEvents, now_ms: Millis) -> Change {
        let changed: Vec<&SeenVerification> = self.all.values().filter(|one| one.is_changed).collect();
        let proved: Vec<&SeenVerification> = changed.iter().copied().filter(|one| one.is_proved()).collect();
        let ids: Vec<Value> = proved.iter().map(|one| one.verification.id.into()).collect();
        // most have had no other code in this batch: one statement says so of all of them
        let at_once: Vec<Value> =
            proved.iter().filter(|one| one.is_first()).map(|one| one.verification.id.into()).collect();
        let sql = "UPDATE sb_verification SET status = 'approved', code = NULL, tries = tries + 1, \
                   sequence = sequence + 1, changed_ms = ?, ended_ms = ? \
                   WHERE status = 'pending' AND tries < max_tries AND expires_ms > ? AND id IN ({})";
        let now = Value::from(now_ms);
        let mut change = change.each(sql, &[now.clone(), now.clone(), now.clone()], &at_once);
        for one in changed.iter().filter(|one| !(one.is_proved() && one.is_first())) {
            change = one.write(change);
        }
        // what ended by too many tries keeps its name until its time is over
        let mut names: Vec<Value> = changed.iter().filter_map(|one| one.freed_name()).collect();
        names.extend(self.released);
        names.sort_unstable();
        names.dedup();
        change = change.any("DELETE FROM sb_verification_pending WHERE pending_key IN ({})", &[], &names).any(
            send::CONVERT,
            &[now],
            &ids,
        );
        change = write_failures(change, &self.people);
        let facts: Vec<VerifiedFact> = proved.iter().filter_map(|one| one.fact.clone()).collect();
        change = guard::all_verified(change, &facts);
        let is_over = changed.iter().any(|one| one.verification.status.is_over());
        let change = delivery::add_first(change, told, now_ms);
        if is_over { change.erasing() } else { change }
    }
}

fn write_failures(change: Change, people: &BTreeMap<[u8; 32], PersonFailures>) -> Change {
    let is_forgotten = |counted: &PersonFailures| counted.read.is_some() && counted.now.is_none();
    let forgotten: Vec<Value> =
        people.iter().filter(|(_, counted)| is_forgotten(counted)).map(|(person, _)| person.into()).collect();
    let change = failure::forget(change, &forgotten);
    people.iter().filter(|(_, counted)| counted.now != counted.read).fold(change, |change, (person, counted)| {
        match counted.now {
            Some(now) => failure::count(change, *person, counted.read, now),
            None => change,
        }
    })
}

impl SeenVerification {
    fn is_proved(&self) -> bool {
        self.verification.status == VerificationStatus::Approved
    }

    /// The one code that came for it in this batch.
    fn is_first(&self) -> bool {
        self.verification.tries == self.tries + 1
    }

    /// The name under which it is found no more.
    fn freed_name(&self) -> Option<Value> {
        let is_freed = match self.verification.status {
            VerificationStatus::Approved => true,
            VerificationStatus::Expired => self.verification.door != VerificationDoor::Older,
            _ => false,
        };
        is_freed.then(|| self.verification.pending_key().into())
    }

    /// Writes what it has become, over what was read.
    fn write(&self, change: Change) -> Change {
        let now = &self.verification;
        if now.status == VerificationStatus::Pending {
            let sql = "UPDATE sb_verification SET tries = ?, changed_ms = ? \
                       WHERE id = ? AND status = 'pending' AND tries = ?";
            return change.one(sql, params![now.tries, now.changed_ms, now.id, self.tries]);
        }
        let sql = "UPDATE sb_verification SET status = ?, code = NULL, tries = ?, sequence = sequence + 1, \
                   changed_ms = ?, ended_ms = ? WHERE id = ? AND status = 'pending' AND tries = ?";
        change.one(sql, params![now.status.name(), now.tries, now.changed_ms, now.ended_ms, now.id, self.tries])
    }
}
