//! The ledger read from end to end, page by page, beside the messages that it pays for.

use std::time::Duration;

use super::LedgerEntryKind;
use crate::model::message::MessageState;
use crate::model::{ClientId, EntryId, MessageId, Millis, Money};
use crate::store::engine::above;
use crate::store::{Result, Store, params};

/// Rows of a page.
const ROWS: i64 = 1_000;
/// How long one statement may take: nobody waits behind it, and a client's entries may be many.
const PATIENCE: Duration = Duration::from_secs(600);
/// By how much the clocks of nodes may differ.
const CLOCKS_MS: Millis = 60_000;

/// The store as a check reads it: `store.timeout` is meant for those who serve.
pub fn patient(store: &Store) -> Store {
    store.patient(PATIENCE)
}

/// A balance beside what it must be, both of one moment.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct LedgerBalanceCheck {
    pub client: ClientId,
    pub balance: Money,
    pub credit_limit: Money,
    pub entered: Money,
}

/// Clients whose entries one statement adds up.
const SUMS: i64 = 20;

/// Balances by client, behind one.
pub async fn sums(store: &Store, after: Option<ClientId>) -> Result<Vec<LedgerBalanceCheck>> {
    let sql = "SELECT b.client_id, b.balance, b.credit_limit, \
               (SELECT CAST(COALESCE(SUM(l.amount), 0) AS SIGNED) FROM sb_ledger l WHERE l.client_id = b.client_id) \
               FROM sb_balance b WHERE b.client_id > ? ORDER BY b.client_id LIMIT ?";
    store.all(sql, params![above(after), SUMS]).await
}

/// The next client with entries, behind one.
pub async fn next_client(store: &Store, after: Option<ClientId>) -> Result<Option<ClientId>> {
    let sql = "SELECT MIN(client_id) FROM sb_ledger WHERE client_id > ?";
    Ok(store.first(sql, params![above(after)]).await?.flatten())
}

/// An entry that speaks of a message, with what is known of that.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct MessageLedgerEntry {
    pub id: EntryId,
    pub kind: LedgerEntryKind,
    pub amount: Money,
    pub message: Option<MessageId>,
    /// What was debited for the message.
    pub debited: Option<Money>,
    /// Whose the message is and what it cost, where it is there.
    pub found: Option<(ClientId, Option<Money>)>,
}

/// A client's debits and refunds in their order, behind one.
pub async fn entries(store: &Store, client: ClientId, after: Option<EntryId>) -> Result<Vec<MessageLedgerEntry>> {
    let sql = "SELECT l.id, l.kind, l.amount, l.message_id, d.amount, m.client_id, m.cost \
               FROM sb_ledger l LEFT JOIN sb_message m ON m.id = l.message_id \
               LEFT JOIN sb_ledger d ON d.client_id = l.client_id AND d.id = l.message_id AND d.kind = 'debit' \
               WHERE l.client_id = ? AND l.id > ? AND l.kind IN ('debit', 'refund') ORDER BY l.id LIMIT ?";
    store.all(sql, params![client, above(after), ROWS]).await
}

/// A message that cost something, with its debit.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct ChargedMessage {
    pub id: MessageId,
    pub client: ClientId,
    pub cost: Money,
    pub state: MessageState,
    pub refunded_ms: Option<Millis>,
    pub debited: Option<Money>,
}

const CHARGED: &str = "SELECT m.id, m.client_id, m.cost, m.state, m.refunded_ms, d.amount FROM sb_message m \
     LEFT JOIN sb_ledger d ON d.client_id = m.client_id AND d.id = m.id AND d.kind = 'debit'";

/// Messages of a page, those among them that cost something, and the last of all where there may be more.
pub async fn messages(store: &Store, after: Option<MessageId>) -> Result<(Vec<ChargedMessage>, Option<MessageId>)> {
    let after = above(after);
    // the page's end first: few of many messages may cost anything, and the walk must not search for them
    let sql = "SELECT id FROM sb_message WHERE id > ? ORDER BY id LIMIT ?";
    let page: Vec<MessageId> = store.all(sql, params![after.clone(), ROWS]).await?;
    let Some(last) = page.last().copied() else { return Ok((Vec::new(), None)) };
    let sql = format!("{CHARGED} WHERE m.id > ? AND m.id <= ? AND m.cost > 0 ORDER BY m.id");
    let found = store.all(sql, params![after, last]).await?;
    Ok((found, (i64::try_from(page.len()).unwrap_or(ROWS) >= ROWS).then_some(last)))
}

/// One message with its debit and its refunds, all of one moment.
pub async fn again(store: &Store, client: ClientId, message: MessageId) -> Result<Option<(ChargedMessage, usize)>> {
    let sql = "SELECT m.id, m.client_id, m.cost, m.state, m.refunded_ms, d.amount, \
               (SELECT COUNT(*) FROM sb_ledger r WHERE r.client_id = m.client_id AND r.id > ? AND r.kind = 'refund' \
               AND r.message_id = m.id) FROM sb_message m \
               LEFT JOIN sb_ledger d ON d.client_id = m.client_id AND d.id = m.id AND d.kind = 'debit' \
               WHERE m.id = ? AND m.client_id = ? AND m.cost > 0";
    // a refund's id is younger than its message's, but for nodes whose clocks differ
    let first = EntryId::first_of((message.made_ms() - CLOCKS_MS).max(0));
    let found: Option<(ChargedMessage, i64)> = store.first(sql, params![first, message, client]).await?;
    Ok(found.map(|(charged, refunds)| (charged, usize::try_from(refunds).unwrap_or_default())))
}
