//! Which messages are from or to a number: an index written in sorted runs, as that of a log-structured merge tree.
//!
//! An ordinary index takes every message to pages of its own, and the more are stored, the fewer of these are at
//! hand: with millions it costs more than all else of accepting one. Here new messages are appended to `sb_fresh`,
//! which is small enough to be walked, and a worker moves them into a run by the ten thousands, sorted by number
//! ([`super::run`]). A look-up asks each run once, nearest first. While it moves, a message is found in both, and never in neither; where a
//! writer died or two wrote at once, it stays in two runs, and is taken once.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Message;
use super::list::Filter;
use crate::model::MessageId;
use crate::store::engine::SqlConditions;
use crate::store::{Result, Store, Value, params};

/// Runs that one query asks: the first one, and at most. A busy number has enough in one.
const RUNS: [usize; 2] = [1, 256];

pub(in crate::store) const INSERT: &str = "INSERT INTO sb_fresh (id, from_address, to_address)";

impl Message {
    /// The values of [`INSERT`].
    pub(in crate::store) fn addresses(&self) -> Vec<Value> {
        params![self.id, self.from.as_str(), self.to.as_str()]
    }
}

/// The messages from or to a number that a filter's times and cursors allow, nearest first, at most so many.
pub(super) async fn find(store: &Store, number: &str, filter: &Filter, most: usize) -> Result<Vec<MessageId>> {
    let mut found = BTreeSet::new();
    let ask = async |found: &mut BTreeSet<MessageId>, all: SqlConditions, what: &str, id: &str| -> Result<()> {
        let (sql, params) = filter.page(filter.bound(all, id), what, id, "LIMIT ?", most);
        found.extend(store.all::<MessageId>(sql, params).await?);
        while found.len() > most {
            if filter.is_back() {
                found.pop_last()
            } else {
                found.pop_first()
            };
        }
        Ok(())
    };
    // before the runs: what moves meanwhile is found twice
    let fresh = SqlConditions::of("(f.from_address = ? OR f.to_address = ?)", params![number, number]);
    ask(&mut found, fresh, "f.id FROM sb_fresh f", "f.id").await?;
    let mut runs = MessageIndexRun::all(store, filter).await?.into_iter().peekable();
    let mut size = RUNS[0];
    while runs.peek().is_some_and(|run| found.len() < most || run.is_nearer(&found, filter)) {
        let some: Vec<Value> = runs.by_ref().take(size).map(|run| run.number.into()).collect();
        let those = SqlConditions::of("n.number = ?", params![number]).one_of("n.run", &some);
        ask(&mut found, those, "DISTINCT n.id FROM sb_run_message n", "n.id").await?;
        size = RUNS[1].min(size * 4);
    }
    Ok(if filter.is_back() { found.into_iter().collect() } else { found.into_iter().rev().collect() })
}

/// A run, and between which ids its messages lie.
#[derive(serde::Deserialize)]
struct MessageIndexRun {
    number: i64,
    first: MessageId,
    last: MessageId,
}

impl MessageIndexRun {
    /// Those in which something may lie that the filter allows, nearest first.
    async fn all(store: &Store, filter: &Filter) -> Result<Vec<Self>> {
        let sql = "SELECT run, first_id, last_id FROM sb_run WHERE is_done = 1";
        let mut runs: Vec<Self> = store.all(sql, Vec::new()).await?;
        runs.retain(|run| filter.may_hold(run.first, run.last));
        if filter.is_back() {
            runs.sort_unstable_by_key(|run| run.first);
        } else {
            runs.sort_unstable_by_key(|run| Reverse(run.last));
        }
        Ok(runs)
    }

    /// Whether it may hold what is nearer than the farthest of these.
    fn is_nearer(&self, found: &BTreeSet<MessageId>, filter: &Filter) -> bool {
        if filter.is_back() {
            found.last().is_none_or(|farthest| self.first < *farthest)
        } else {
            found.first().is_none_or(|farthest| self.last > *farthest)
        }
    }
}
