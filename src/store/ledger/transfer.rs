//! Statements that move many clients' balances, each behind the entries for it.

use crate::model::{ClientId, EntryId, MessageId};
use crate::store::engine::marks;
use crate::store::{Change, Value};

/// Clients whose balances one statement moves: a power of two.
const CLIENTS: usize = 64;

/// Cuts a number of clients into powers of two, largest first: so few texts are kept prepared.
fn chunks(mut left: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let size = CLIENTS.min(1 << left.checked_ilog2()?);
        left -= size;
        Some(size)
    })
}

// A Galera node that gives a transaction up between two statements of one text may say nothing, and writes the
// rest of the text one by one. So whatever moves a balance comes behind the entry for it and looks for that, by its
// key: what has lost its first half moves nothing. Nodes fight for the rows of balances, so nothing of the money's
// stands behind them. (Counted: what EXISTS finds a server may make a join of.)

/// Takes money from balances, each of which must have it, credit included, and in the same change the entry of this
/// id for it. Clients must differ.
#[must_use]
pub(super) fn take(mut change: Change, costs: &[(ClientId, i64, EntryId)]) -> Change {
    let mut rest = costs;
    for size in chunks(costs.len()) {
        let (some, others) = rest.split_at(size);
        rest = others;
        let cost = format!("CASE client_id {}END", "WHEN ? THEN ? ".repeat(size));
        let entry = format!("CASE sb_balance.client_id {}END", "WHEN ? THEN ? ".repeat(size));
        // one engine assigns from left to right, the other all at once: what looks at the balance goes before it
        let sql = format!(
            "UPDATE sb_balance SET \
             low_told = CASE WHEN low_told = 0 AND balance - {cost} < low_at THEN 2 ELSE low_told END, \
             balance = balance - {cost} WHERE client_id IN ({}) AND balance + credit_limit >= {cost} AND \
             (SELECT COUNT(*) FROM sb_ledger l WHERE l.client_id = sb_balance.client_id AND l.id = {entry}) = 1",
            marks(size)
        );
        let pairs: Vec<Value> = some.iter().flat_map(|(client, cost, _)| [(*client).into(), (*cost).into()]).collect();
        let clients = some.iter().map(|(client, ..)| Value::from(*client));
        let entries = some.iter().flat_map(|(client, _, entry)| [Value::from(*client), Value::from(*entry)]);
        let twice = pairs.iter().chain(&pairs).cloned();
        let params = twice.chain(clients).chain(pairs.iter().cloned()).chain(entries).collect();
        change = change.rows(size as u64, sql, params);
    }
    change
}

/// Gives a client back what messages cost of which `failed` is true, each under the id of its entry.
#[must_use]
pub(super) fn give_back(
    mut change: Change,
    client: ClientId,
    entries: &[(MessageId, EntryId)],
    failed: &str,
    kind: &str,
    now_ms: i64,
) -> Change {
    let mut rest = entries;
    for size in chunks(entries.len()) {
        let (some, others) = rest.split_at(size);
        rest = others;
        let failed = format!("id IN ({}) AND {failed}", marks(size));
        // what the first statement has written
        let entered = format!("l.client_id = ? AND l.id IN ({})", marks(size));
        let sum = format!("(SELECT COALESCE(SUM(l.amount), 0) FROM sb_ledger l WHERE {entered})");
        let ids: Vec<Value> = some.iter().map(|(id, _)| id.into()).collect();
        let named = some.iter().flat_map(|(id, entry)| [Value::from(id), entry.into()]);
        let named = named.chain([kind.into(), now_ms.into()]).chain(ids.iter().cloned()).collect();
        let entries = some.iter().map(|(_, entry)| Value::from(entry));
        let entries: Vec<Value> = [client.into()].into_iter().chain(entries).collect();
        change = change
            .run(
                format!(
                    "INSERT INTO sb_ledger (client_id, id, kind, amount, message_id, created_ms) \
                     SELECT client_id, CASE id {}END, ?, cost, id, ? FROM sb_message WHERE {failed}",
                    "WHEN ? THEN ? ".repeat(size)
                ),
                named,
            )
            .run(
                format!(
                    "UPDATE sb_message SET refunded_ms = ? WHERE {failed} AND \
                     (SELECT COUNT(*) FROM sb_ledger l WHERE {entered} AND l.message_id = sb_message.id) = 1"
                ),
                [now_ms.into()].into_iter().chain(ids).chain(entries.iter().cloned()).collect(),
            )
            .run(
                format!(
                    "UPDATE sb_balance SET low_told = CASE WHEN low_told = 1 AND balance + {sum} >= low_at \
                     THEN 0 ELSE low_told END, balance = balance + {sum} WHERE client_id = ?"
                ),
                entries.iter().chain(&entries).cloned().chain([client.into()]).collect(),
            );
    }
    change
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chunks_are_powers_of_two_and_lose_nothing(count in 0_usize..1000) {
            let sizes: Vec<_> = chunks(count).collect();
            prop_assert_eq!(sizes.iter().sum::<usize>(), count);
            prop_assert!(sizes.iter().all(|size| size.is_power_of_two() && *size <= CLIENTS));
            prop_assert!(sizes.iter().filter(|size| **size < CLIENTS).count() <= 6);
        }
    }
}
