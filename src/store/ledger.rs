//! Clients' money: `sb_balance`, and the movements that it is the sum of, `sb_ledger`.
//!
//! Whoever changes a balance writes the entry for it in the same change.

mod account;
pub mod check;
mod list;
mod transfer;

use std::collections::{BTreeMap, HashMap};

pub use account::{ClientBalance, Filter, LedgerEntry, balance, find, post, recovered, sum_before, told, untold, walk};
pub use list::{LedgerPage, list};

use super::engine::is_one_of;
use super::message::Message;
use super::{Change, Query, Result, Row, Value, params};
use crate::model::message::MessageState;
use crate::model::{ClientId, EntryId, MessageId, Millis, Money, named};

/// Why a balance has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum LedgerEntryKind {
    /// A client has paid in.
    Credit,
    /// A message was accepted.
    Debit,
    /// It finally failed.
    Refund,
    /// Somebody has set things right, and said why.
    Adjustment,
}

named!(LedgerEntryKind, Credit, Debit, Refund, Adjustment);

pub(super) const INSERT: &str = "INSERT INTO sb_ledger (client_id, id, kind, amount, message_id, created_ms)";

/// What a client was left with by a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct ChargeResult {
    pub balance: Money,
    /// It fell below what the client wants to be told of, and it has not been told.
    pub is_low: bool,
}

/// Whether a client is to be told that its balance is low. `low_told` is 0 while it is not, 2 from the transaction in
/// which it falls until it is told of, whatever has come in meanwhile, then 1 until the one in which it rises again.
const UNTOLD: &str = "(low_told = 2 OR (low_told = 0 AND balance < low_at))";

/// What clients can pay, and what a batch of messages costs them.
#[derive(Default)]
pub(super) struct ChargeBatch {
    /// Balance and credit together, less what this batch takes.
    left: HashMap<ClientId, Money>,
    /// And under which id the last entry for it stands.
    taken: BTreeMap<ClientId, (Money, EntryId)>,
    debits: Vec<Vec<Value>>,
}

/// What [`ChargeBatch::of`] reads.
pub(super) fn balances(clients: &[Value]) -> Query {
    let sql = "SELECT client_id, balance + credit_limit FROM sb_balance WHERE client_id IN ({})";
    Query::over(sql, &[], clients.to_vec())
}

impl ChargeBatch {
    pub(super) fn of(rows: &[Row]) -> Result<Self> {
        let left = rows.iter().map(Row::read).collect::<Result<_>>()?;
        Ok(Self { left, ..Self::default() })
    }

    /// Whether a message's client can pay for it; then it does.
    pub(super) fn pays(&mut self, message: &Message, now_ms: Millis) -> bool {
        let Some(cost) = message.cost.filter(|cost| *cost > Money::ZERO) else { return true };
        let Some(left) = self.left.get_mut(&message.client) else { return false };
        let Some(rest) = left.minus(cost).filter(|rest| !rest.is_negative()) else { return false };
        *left = rest;
        let (client, entry) = (message.client, message.id.debit());
        self.debits.push(params![client, entry, LedgerEntryKind::Debit.name(), -cost, message.id, now_ms]);
        let (taken, last) = self.taken.entry(client).or_insert((Money::ZERO, entry));
        *taken = taken.plus(cost).unwrap_or(*taken);
        *last = entry;
        true
    }

    /// The first of these messages that cannot be paid for when those before it are.
    pub(super) fn first_unpaid<'a>(&self, mut messages: impl Iterator<Item = &'a Message>) -> Option<usize> {
        let mut left: HashMap<ClientId, Money> = HashMap::new();
        let is_unpaid = |message: &Message| {
            let Some(cost) = message.cost.filter(|cost| *cost > Money::ZERO) else { return false };
            let before = left.get(&message.client).or_else(|| self.left.get(&message.client)).copied();
            match before.and_then(|before| before.minus(cost)).filter(|rest| !rest.is_negative()) {
                Some(rest) => {
                    left.insert(message.client, rest);
                    false
                }
                None => true,
            }
        };
        messages.position(is_unpaid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Takes the money, and looks at what is left: behind all else, and in one order for all, since the row of a busy
    /// client is what batches wait for. What stands in it decides, not what was read.
    pub(super) fn pay(self, change: Change) -> Change {
        if self.taken.is_empty() {
            return change;
        }
        let taken = self.taken.iter().map(|(client, (cost, entry))| (*client, cost.micros(), *entry));
        let taken: Vec<_> = taken.collect();
        let change = transfer::take(change.insert(INSERT, self.debits), &taken);
        let clients: Vec<Value> = self.taken.into_keys().map(Value::from).collect();
        let left = format!(
            "SELECT client_id, balance, CASE WHEN {UNTOLD} THEN 1 ELSE 0 END FROM sb_balance WHERE client_id IN ({{}})"
        );
        change.then(Query::over(left, &[], clients))
    }
}

/// What clients are left with, as [`ChargeBatch::pay`] looked.
pub(super) fn left(rows: &[Row]) -> Result<HashMap<ClientId, ChargeResult>> {
    rows.iter().map(Row::read).collect()
}

/// A movement that is no message's: money paid in, or things set right.
#[derive(Clone, Debug)]
pub struct LedgerMovement {
    pub id: EntryId,
    pub client: ClientId,
    pub kind: LedgerEntryKind,
    pub amount: Money,
    pub reason: Option<String>,
    pub at_ms: Millis,
}

/// Opens a client's balance, at zero.
pub(super) fn open(change: Change, client: ClientId, credit_limit: Money, low_at: Option<Money>) -> Change {
    let sql = "INSERT INTO sb_balance (client_id, balance, credit_limit, low_at) VALUES (?, 0, ?, ?)";
    change.one(sql, params![client, credit_limit, low_at])
}

/// Moves money. [`super::Error::Guard`] of its second statement: the client has no balance, or too little for it.
pub(super) fn enter(change: Change, movement: &LedgerMovement) -> Change {
    let (client, amount) = (Value::from(movement.client), Value::from(movement.amount));
    let id = Value::from(movement.id);
    let floor = if movement.amount.is_negative() { " AND balance + credit_limit + ? >= 0" } else { "" };
    let mut params = vec![amount.clone(), amount.clone(), amount.clone(), client.clone()];
    params.extend(movement.amount.is_negative().then(|| amount.clone()));
    params.extend([client.clone(), id.clone()]);
    // what looks at the balance goes before it: one engine assigns from left to right
    let sql = format!(
        "UPDATE sb_balance SET low_told = CASE WHEN low_told = 1 AND balance + ? >= low_at THEN 0 \
         WHEN low_told = 0 AND balance + ? < low_at THEN 2 ELSE low_told END, balance = balance + ? \
         WHERE client_id = ?{floor} AND (SELECT COUNT(*) FROM sb_ledger l WHERE l.client_id = ? AND l.id = ?) = 1"
    );
    let into = "INSERT INTO sb_ledger (client_id, id, kind, amount, reason, created_ms) VALUES (?, ?, ?, ?, ?, ?)";
    let entry = params![client, id, movement.kind.name(), amount, movement.reason.clone(), movement.at_ms];
    change.one(into, entry).one(sql, params)
}

/// Whether a message has come to nothing, and costs nothing, as a guard.
fn failures() -> String {
    is_one_of("state", MessageState::ALL.into_iter().filter(|state| state.is_failure()).map(MessageState::name))
}

/// Gives the costs of messages back that have come to nothing by the statements before: once, whoever has
/// brought them there. Clients in one order for all, as they pay.
pub(super) fn refund<'a>(change: Change, messages: impl IntoIterator<Item = &'a Message>, now_ms: Millis) -> Change {
    let mut by_client: BTreeMap<ClientId, Vec<MessageId>> = BTreeMap::new();
    for message in messages {
        if message.cost.is_some_and(|cost| cost > Money::ZERO) && message.refunded_ms.is_none() {
            by_client.entry(message.client).or_default().push(message.id);
        }
    }
    let failed = format!("cost > 0 AND refunded_ms IS NULL AND {}", failures());
    by_client.into_iter().fold(change, |change, (client, ids)| {
        let entries: Vec<_> = ids.into_iter().map(|id| (id, EntryId::new(now_ms))).collect();
        transfer::give_back(change, client, &entries, &failed, LedgerEntryKind::Refund.name(), now_ms)
    })
}
