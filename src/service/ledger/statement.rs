//! A period's movements with the balance after each, as CSV, a page at a time.

use super::{Filter, LedgerEntry};
use crate::model::{ClientId, EntryId, MessageId, Millis, Money, rfc3339};
use crate::store::{Result, Store, ledger};

/// Movements of a page.
const PAGE: usize = 1_000;

const HEAD: [&str; 7] = ["time", "kind", "amount", "balance", "id", "message_id", "reason"];

pub struct LedgerStatement {
    store: Store,
    client: ClientId,
    filter: Filter,
    balance: Money,
    part: LedgerStatementCursor,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LedgerStatementCursor {
    Opening,
    After(Option<EntryId>),
    Over,
}

impl LedgerStatement {
    pub(super) async fn open(store: Store, client: ClientId, from_ms: Millis, before_ms: Millis) -> Result<Self> {
        let balance = ledger::sum_before(&store, client, from_ms).await?;
        let filter = Filter { kind: None, from_ms: Some(from_ms), before_ms: Some(before_ms) };
        Ok(Self { store, client, filter, balance, part: LedgerStatementCursor::Opening })
    }

    /// The next lines; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match self.part {
            LedgerStatementCursor::Opening => {
                self.part = LedgerStatementCursor::After(None);
                let at_ms = self.filter.from_ms.unwrap_or_default();
                Ok(Some(lines(|sheet| {
                    sheet.write_record(HEAD)?;
                    sheet.write_record(bound("opening", at_ms, self.balance))
                })))
            }
            LedgerStatementCursor::After(after) => {
                let entries = ledger::walk(&self.store, self.client, &self.filter, after, PAGE).await?;
                self.part = match entries.last() {
                    Some(last) if entries.len() == PAGE => LedgerStatementCursor::After(Some(last.id)),
                    Some(_) | None => LedgerStatementCursor::Over,
                };
                let rows = running(&mut self.balance, &entries);
                let closing = (self.part == LedgerStatementCursor::Over)
                    .then(|| bound("closing", self.filter.before_ms.unwrap_or_default(), self.balance));
                Ok(Some(lines(|sheet| rows.iter().chain(&closing).try_for_each(|row| sheet.write_record(row)))))
            }
            LedgerStatementCursor::Over => Ok(None),
        }
    }
}

type StatementLine = [String; 7];

fn bound(kind: &str, at_ms: Millis, balance: Money) -> StatementLine {
    [rfc3339(at_ms), kind.into(), String::new(), balance.to_string(), String::new(), String::new(), String::new()]
}

/// Each movement with the balance after it.
fn running(balance: &mut Money, entries: &[LedgerEntry]) -> Vec<StatementLine> {
    let line = |entry: &LedgerEntry| {
        // the store keeps balances far from where this ends
        *balance = balance.plus(entry.amount).unwrap_or(*balance);
        [
            rfc3339(entry.created_ms),
            entry.kind.name().to_owned(),
            entry.amount.to_string(),
            balance.to_string(),
            entry.id.to_string(),
            entry.message.map(|id: MessageId| id.to_string()).unwrap_or_default(),
            entry.reason.clone().unwrap_or_default(),
        ]
    };
    entries.iter().map(line).collect()
}

/// Writes lines; into memory that does not fail.
fn lines(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Vec<u8> {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    if let Err(error) = write(&mut sheet) {
        tracing::error!(%error, "a line of a statement was not written");
    }
    sheet.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::ledger::LedgerEntryKind;

    proptest! {
        /// Read back from the CSV, each balance is the one before it and its amount, and the reason is what it was.
        #[test]
        fn balances_run_on(amounts in prop::collection::vec((-9_000_000_000_i64..9_000_000_000, "\\PC{0,20}"), 0..40)) {
            let entry = |(at_ms, (amount, reason)): (Millis, &(i64, String))| LedgerEntry {
                id: EntryId::new(at_ms),
                kind: LedgerEntryKind::Adjustment,
                amount: Money::from_micros(*amount),
                message: None,
                reason: Some(reason.clone()),
                created_ms: at_ms,
            };
            let entries: Vec<LedgerEntry> = (0..).zip(&amounts).map(entry).collect();
            let mut balance = Money::from_micros(5);
            let rows = running(&mut balance, &entries);
            let text = lines(|sheet| {
                sheet.write_record(HEAD)?;
                rows.iter().try_for_each(|row| sheet.write_record(row))
            });
            let mut sheet = csv::Reader::from_reader(text.as_slice());
            let (mut left, mut count) = (Money::from_micros(5), 0);
            for (row, (_, reason)) in sheet.records().zip(&amounts) {
                let row = row.map_err(|error| TestCaseError::fail(error.to_string()))?;
                let money = |column: usize| row[column].parse::<Money>().ok();
                left = money(2).and_then(|amount| left.plus(amount)).unwrap_or_default();
                prop_assert_eq!(money(3), Some(left));
                prop_assert_eq!(&row[6], reason.as_str());
                count += 1;
            }
            prop_assert_eq!((count, left), (amounts.len(), balance));
        }
    }
}
