//! A client's balance looked at and moved by hand, and who is to be told that theirs is low.

use super::{LedgerEntryKind, LedgerMovement, UNTOLD, enter};
use crate::model::{ClientId, EntryId, MessageId, Millis, Money};
use crate::store::engine::{SqlConditions, above};
use crate::store::idempotency::{self, IdempotencyFingerprint};
use crate::store::{AuditTrail, Change, Query, Result, Row, Store, Value, params};

/// What a client may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct ClientBalance {
    pub balance: Money,
    /// How far below zero it may fall.
    pub credit_limit: Money,
    /// Below what the client is told so.
    pub low_at: Option<Money>,
    /// It fell below that, and the client has not been told.
    pub is_untold: bool,
}

/// `None`: there is no such client, or it pays for nothing.
pub async fn balance(store: &Store, client: ClientId) -> Result<Option<ClientBalance>> {
    let sql = format!(
        "SELECT balance, credit_limit, low_at, CASE WHEN {UNTOLD} THEN 1 ELSE 0 END FROM sb_balance WHERE client_id = ?"
    );
    store.first(sql, params![client]).await
}

/// A movement as it was entered.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct LedgerEntry {
    pub id: EntryId,
    pub kind: LedgerEntryKind,
    pub amount: Money,
    pub message: Option<MessageId>,
    pub reason: Option<String>,
    pub created_ms: Millis,
}

/// Moves money; the balance after it, unless that was lost with the connection.
///
/// [`crate::store::Error::Guard`] of statement 0: the client has no balance, or not the one that is `expected`, or it
/// would be more than [`Money::MOST`]; of statement 2: it would fall below the credit limit.
/// [`crate::store::Error::Conflict`]: the same request was quicker.
pub async fn post(
    store: &Store,
    movement: &LedgerMovement,
    expected: Option<Money>,
    kept: Option<&IdempotencyFingerprint>,
    entry: AuditTrail,
) -> Result<Option<Money>> {
    let client = Value::from(movement.client);
    let mut sql = "UPDATE sb_balance SET low_told = low_told WHERE client_id = ? AND balance + ? <= ?".to_owned();
    let mut params = params![client.clone(), movement.amount, Money::MOST];
    if let Some(expected) = expected {
        sql.push_str(" AND balance = ?");
        params.push(expected.into());
    }
    let mut change = enter(Change::new().one(sql, params), movement);
    if let Some(kept) = kept {
        let reply = kept.values(&movement.id.hex(), movement.at_ms);
        change = change.insert(idempotency::INSERT, vec![reply]);
    }
    let change = change
        .audited(entry)
        .settled_by("SELECT 1 FROM sb_ledger WHERE client_id = ? AND id = ?", params![client.clone(), movement.id])
        .then(Query::new("SELECT balance FROM sb_balance WHERE client_id = ?", vec![client]));
    let found = store.commit_telling(change).await?.found;
    found.first().map(Row::read).transpose()
}

/// One entry of a client.
pub async fn find(store: &Store, client: ClientId, id: EntryId) -> Result<Option<LedgerEntry>> {
    store.first(format!("{COLUMNS} WHERE client_id = ? AND id = ?"), params![client, id]).await
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kind: Option<LedgerEntryKind>,
    pub from_ms: Option<Millis>,
    pub before_ms: Option<Millis>,
}

/// How much older than its entry an id may be: that of a message is made when it comes, its entry when it is written.
const SLACK_MS: Millis = 600_000;

/// The fields of [`LedgerEntry`].
pub(super) const COLUMNS: &str = "SELECT id, kind, amount, message_id, reason, created_ms FROM sb_ledger";

impl Filter {
    /// The bounds of ids, which an index can begin and end at, behind a client.
    pub(super) fn ids(&self, client: ClientId) -> SqlConditions {
        SqlConditions::of("client_id = ?", params![client])
            .and_some("id >= ?", self.from_ms.map(|from_ms| EntryId::first_of((from_ms - SLACK_MS).max(0))))
            .and_some("id < ?", self.before_ms.map(|before_ms| EntryId::first_of(before_ms.max(0))))
    }
}

pub(super) fn narrowed(client: ClientId, filter: &Filter) -> SqlConditions {
    filter
        .ids(client)
        .and_some("kind = ?", filter.kind.map(LedgerEntryKind::name))
        .and_some("created_ms >= ?", filter.from_ms)
        .and_some("created_ms < ?", filter.before_ms)
}

/// A client's entries, oldest first, behind the entry `after`, for a statement.
pub async fn walk(
    store: &Store,
    client: ClientId,
    filter: &Filter,
    after: Option<EntryId>,
    limit: usize,
) -> Result<Vec<LedgerEntry>> {
    let those = narrowed(client, filter).and("id > ?", vec![above(after)]);
    let (sql, params) = those.page(COLUMNS, "ORDER BY id LIMIT ?", limit);
    store.all(sql, params).await
}

/// The sum of what was entered before a time.
pub async fn sum_before(store: &Store, client: ClientId, before_ms: Millis) -> Result<Money> {
    let before = Filter { before_ms: Some(before_ms), ..Filter::default() };
    let sum = "SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM sb_ledger";
    let (sql, params) = narrowed(client, &before).all(sum);
    Ok(store.first(sql, params).await?.unwrap_or(Money::ZERO))
}

/// Marks that a client is told of its low balance. [`crate::store::Error::Guard`]: it did not fall, or it was told.
pub fn told(change: Change, client: ClientId) -> Change {
    let sql = format!(
        "UPDATE sb_balance SET low_told = CASE WHEN balance < low_at THEN 1 ELSE 0 END WHERE client_id = ? AND {UNTOLD}"
    );
    change.one(sql, params![client])
}

/// Clients whose balance fell and who were not told, so many at most.
pub async fn untold(store: &Store, limit: i64) -> Result<Vec<ClientId>> {
    let sql = format!("SELECT client_id FROM sb_balance WHERE {UNTOLD} ORDER BY client_id LIMIT ?");
    store.all(sql, params![limit]).await
}

/// Forgets that clients were told whose balances are low no longer, where an older build has let them rise.
pub async fn recovered(store: &Store) -> Result<()> {
    let sql = "UPDATE sb_balance SET low_told = 0 WHERE low_told = 1 AND (low_at IS NULL OR balance >= low_at)";
    store.commit(Change::new().run(sql, Vec::new())).await
}
