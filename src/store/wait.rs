//! Waits that a clock has set which has gone back since: their end lies as far ahead as it went.
//!
//! Only what we computed ourselves is looked at (retries, look-ups, leases, lock-outs), never a time that somebody
//! has named. A row says when its wait was set: where that lies in the future, the wait is over.

use super::lease::SKEW_MS;
use super::{Change, Error, Query, Result, Store, Value, params};
use crate::model::Millis;

/// Each table whose rows wait, and when their waits were set.
const TABLES: [(&str, &str); 6] = [
    ("sb_lane", "set_ms > ?"),
    ("sb_inbound", "set_ms > ?"),
    // one that was never claimed has only the second; what is parked waits for no time
    ("sb_delivery", "ready_ms < 4611686018427387904 AND (set_ms > ? OR changed_ms > ?)"),
    ("sb_publication", "set_ms > ?"),
    ("sb_number_import", "set_ms > ?"),
    ("sb_asked_text", "set_ms > ?"),
];

/// What a search for such waits does with those under way.
#[derive(Clone, Copy, Debug)]
pub struct ClockRollbackLeaseRule {
    /// Whose leases may still run by their own count are left alone.
    pub are_left: bool,
    /// The others may be taken after so long: nothing is known of their owners.
    pub lease_ms: Millis,
}

/// Ends such waits; how many tables had any.
pub async fn end(store: &Store, now_ms: Millis, leases: ClockRollbackLeaseRule) -> Result<usize> {
    let ahead = Value::from(now_ms + SKEW_MS);
    let stamp = |set: &'static str| vec![ahead.clone(); set.matches('?').count()];
    let owner = if leases.are_left { " AND owner IS NULL" } else { "" };
    let find = |(table, set): (&str, &'static str)| {
        let sql = format!("SELECT 1 FROM {table} WHERE ready_ms > ? AND {set}{owner} LIMIT 1");
        Query::new(sql, [params![now_ms], stamp(set)].concat())
    };
    let mut queries: Vec<Query> = TABLES.into_iter().map(find).collect();
    let called = params![now_ms, ahead.clone()];
    queries.push(Query::new("SELECT 1 FROM sb_lane WHERE ready_ms > ? AND started_ms > ? LIMIT 1", called.clone()));
    queries.push(Query::new("SELECT 1 FROM sb_lockout WHERE last_ms > ? LIMIT 1", vec![ahead.clone()]));
    let found = store.read(queries).await?;
    let mut change = Change::new();
    let [.., calls, lockouts] = found.as_slice() else { return Err(Error::Data("no answer".into())) };
    if !calls.is_empty() {
        // what became of a call is asked so long after it; the first call's time stays, and tells of this
        let sql = "UPDATE sb_lane SET started_ms = ? WHERE ready_ms > ? AND started_ms > ?";
        change = change.run(sql, [params![now_ms], called].concat());
    }
    for ((table, set), _) in TABLES.into_iter().zip(&found).filter(|(_, rows)| !rows.is_empty()) {
        let sql = format!(
            "UPDATE {table} SET ready_ms = CASE WHEN owner IS NULL THEN ? ELSE ? END, set_ms = ? \
             WHERE ready_ms > ? AND {set}{owner}"
        );
        let times = [now_ms, now_ms + leases.lease_ms, now_ms, now_ms].map(Value::from);
        change = change.run(sql, [times.to_vec(), stamp(set)].concat());
    }
    if !lockouts.is_empty() {
        // from now on in full: a clock must not let anybody guess sooner
        change = change.run("UPDATE sb_lockout SET last_ms = ? WHERE last_ms > ?", params![now_ms, ahead]);
    }
    if change.statements() > 0 {
        store.commit(change).await?;
    }
    Ok(found.iter().filter(|rows| !rows.is_empty()).count())
}

#[cfg(test)]
mod tests {
    use super::TABLES;
    use crate::store::delivery::turn::PARKED;

    #[test]
    fn what_is_parked_waits_for_no_time() {
        let of_deliveries = TABLES.iter().find(|(table, _)| *table == "sb_delivery");
        assert!(of_deliveries.is_some_and(|(_, set)| set.starts_with(&format!("ready_ms < {PARKED} AND "))));
    }
}
