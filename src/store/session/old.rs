//! Removing sessions that have been over for long, with their people, and what is remembered of those; and what was said
//! long ago, in whichever session.

use crate::model::Millis;
use crate::store::sweep::RetentionCursor;
use crate::store::{Change, Result, Store, Value, params};

/// What goes with sessions.
const OF_SESSIONS: [&str; 1] = ["DELETE FROM sb_participant WHERE session_id IN ({})"];

/// Numbers of people that one look comes by, and people of whom one commit forgets some.
const LOOK: i64 = 4_096;
const BATCH: usize = 256;

const STICKY: &str = "SELECT person, ended_ms FROM sb_sticky WHERE person";

/// Sessions that are to be removed, batch by batch.
#[derive(Debug)]
pub struct OldSessions {
    walk: RetentionCursor,
    /// Those that kept an id of an older system, in which no time stands: they are walked over behind all others.
    imported: Option<RetentionCursor>,
    before_ms: Millis,
}

impl OldSessions {
    /// Those that were over before `before_ms`.
    pub fn before(before_ms: Millis, now_ms: Millis) -> Self {
        let imported = Some(RetentionCursor::of_elsewhere(now_ms));
        Self { walk: RetentionCursor::before(before_ms), imported, before_ms }
    }

    /// Removes a batch of them; whether there may be more.
    pub async fn remove(&mut self, store: &Store) -> Result<bool> {
        let find = "SELECT id, closed_ms, tell_ms FROM sb_session WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
        let passed = self.walk.go_on(store, find).await?;
        let mut keys: Vec<Value> = Vec::new();
        for row in &passed.rows {
            let is_old = row.maybe_int(1)?.is_some_and(|closed_ms| closed_ms < self.before_ms);
            if is_old && row.maybe_int(2)?.is_none() {
                keys.push(row.key(0)?);
            }
        }
        if !keys.is_empty() {
            // all of them as they were read: one that is opened again stays, and what goes with it
            let sql = "DELETE FROM sb_session WHERE closed_ms < ? AND id IN ({})";
            let change = Change::new().each(sql, &[self.before_ms.into()], &keys);
            let change = OF_SESSIONS.into_iter().fold(change, |change, sql| change.any(sql, &[], &keys));
            match store.commit(change).await {
                // the next walk finds what is left
                Err(error) if error.is_race() => {}
                removed => removed?,
            }
        }
        if passed.may_be_more {
            return Ok(true);
        }
        match self.imported.take() {
            Some(imported) => {
                self.walk = imported;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

/// Forgets numbers that people had, and have had no more since before `before_ms`: of those that stand next behind
/// `from`, and round. People are hashes here, so that looks from anywhere come by all of them in the end, and no index
/// has to be written whenever somebody gets a number.
pub async fn forget_old(store: &Store, before_ms: Millis, from: [u8; 32]) -> Result<()> {
    let mut rows = store.query(format!("{STICKY} >= ? ORDER BY person LIMIT ?"), params![from, LOOK]).await?;
    if i64::try_from(rows.len()).is_ok_and(|found| found < LOOK) {
        rows.extend(store.query(format!("{STICKY} < ? ORDER BY person LIMIT ?"), params![from, LOOK]).await?);
    }
    let mut people: Vec<Value> = Vec::new();
    for row in &rows {
        if row.maybe_int(1)?.is_some_and(|ended_ms| ended_ms < before_ms) {
            people.push(row.key(0)?);
        }
    }
    people.dedup();
    for some in people.chunks(BATCH) {
        let sql = "DELETE FROM sb_sticky WHERE ended_ms < ? AND person IN ({})";
        store.commit(Change::new().any(sql, &[before_ms.into()], some)).await?;
    }
    Ok(())
}

/// What was said in sessions and is to be removed, batch by batch: a session may have had more of it than one commit
/// should remove.
#[derive(Debug)]
pub struct OldInteractions(RetentionCursor);

impl OldInteractions {
    /// What was said before `before_ms`.
    pub fn before(before_ms: Millis) -> Self {
        Self(RetentionCursor::before(before_ms))
    }

    /// Removes a batch of it; whether there may be more.
    pub async fn remove(&mut self, store: &Store) -> Result<bool> {
        let find = "SELECT id FROM sb_interaction WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
        let passed = self.0.go_on(store, find).await?;
        if !passed.rows.is_empty() {
            let delete = "DELETE FROM sb_interaction WHERE id > ? AND id <= ?";
            store.commit(Change::new().run(delete, passed.between.to_vec())).await?;
        }
        Ok(passed.may_be_more)
    }
}
