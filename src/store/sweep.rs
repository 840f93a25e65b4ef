//! Removing what has served: keys are found by an indexed time, then deleted by key, so that no commit takes long.
//! Nodes may do it at the same time: what one has removed, the other does not find.

use super::engine::{HIGHEST, LOWEST};
use super::{Change, Result, Row, Store, Value, params};
use crate::model::{EventId, Id as _, Millis};

/// Rows that one commit removes at most.
const ROWS: i64 = 500;

/// Further ahead no clock here is.
const FAR_AHEAD_MS: Millis = 366 * 86_400_000;

/// Deletes a batch of rows: `find` selects their keys, its last parameter says how many at most; `delete` has `{}`
/// for the keys, behind the same parameters as `find`. Whether there may be more.
pub(super) async fn batch(store: &Store, find: &'static str, delete: &str, before: &[Value]) -> Result<bool> {
    let mut params = before.to_vec();
    params.push(ROWS.into());
    let rows = store.query(find, params).await?;
    let keys = rows.iter().map(|row| row.key(0)).collect::<Result<Vec<_>>>()?;
    if !keys.is_empty() {
        store.commit(Change::new().any(delete, before, &keys)).await?;
    }
    Ok(is_full(&rows))
}

fn is_full(rows: &[Row]) -> bool {
    rows.len() >= usize::try_from(ROWS).unwrap_or(usize::MAX)
}

/// A walk over rows whose ids begin with their time, from the oldest on: it passes over what has to stay.
#[derive(Debug)]
pub struct RetentionCursor {
    pub(super) after: [u8; 16],
    pub(super) below: [u8; 16],
}

/// What a walk comes by.
pub(super) struct WalkedRows {
    pub(super) rows: Vec<Row>,
    /// Where the walk stood before, and where it stands now.
    pub(super) between: [Value; 2],
    pub(super) may_be_more: bool,
}

/// The least id of that time: all kinds of them begin alike.
fn first_of(at_ms: Millis) -> [u8; 16] {
    EventId::first_of(at_ms.max(0)).bytes()
}

impl RetentionCursor {
    /// Ends before what was made at this time.
    pub fn before(before_ms: Millis) -> Self {
        Self { after: LOWEST, below: first_of(before_ms) }
    }

    /// Only what has an id that is made nowhere here: one of a time that is far ahead, as ids of older systems are.
    pub fn of_elsewhere(now_ms: Millis) -> Self {
        Self { after: first_of(now_ms.saturating_add(FAR_AHEAD_MS)), below: HIGHEST }
    }

    /// Goes on: `find` selects the id and what else is wanted of rows above an id and below another, at most so many.
    pub(super) async fn go_on(&mut self, store: &Store, find: &'static str) -> Result<WalkedRows> {
        let from = self.after;
        let rows = store.query(find, params![from, self.below, ROWS]).await?;
        if let Some(last) = rows.last() {
            self.after = last.array(0)?;
        }
        let may_be_more = is_full(&rows);
        Ok(WalkedRows { rows, between: [from.into(), self.after.into()], may_be_more })
    }
}
