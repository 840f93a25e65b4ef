//! Tokens besides an account's own by which its carrier's posts are believed for a while: `sb_account_token`.

use super::Account;
use crate::crypto::Aad;
use crate::model::{AccountId, Millis, TokenId, named};
use crate::store::engine::read_bytes;
use crate::store::version::CachedDataset;
use crate::store::{Change, Query, Result, Store, Value, params};

/// What a token is to the account's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TokenRotationRole {
    /// It was the account's own before.
    Earlier,
    /// It is to be.
    Next,
}

named!(TokenRotationRole);

#[derive(Clone, Debug, serde::Deserialize)]
pub struct AccountWebhookToken {
    pub id: TokenId,
    pub role: TokenRotationRole,
    /// Sealed; see [`place`].
    #[serde(deserialize_with = "read_bytes")]
    pub token: Vec<u8>,
    pub until_ms: Millis,
    /// How often a post was believed by it, and when last; some seconds late.
    pub uses: i64,
    pub used_ms: Option<Millis>,
}

/// Where a token lies sealed.
pub fn place(row: &str) -> Aad<'_> {
    Aad { table: "sb_account_token", row, column: "token" }
}

/// Whose each of them is, and the fields of [`AccountWebhookToken`]; those that were entered first before others.
pub(super) fn query() -> Query {
    let sql = "SELECT account_id, id, role, token, until_ms, uses, used_ms FROM sb_account_token ORDER BY until_ms, id";
    Query::new(sql, Vec::new())
}

/// Writes what has become of an account's tokens. A race means that one of them is not as it was read.
pub(super) fn changed(mut change: Change, before: &Account, after: &Account) -> Change {
    let in_both = |token: &AccountWebhookToken| before.tokens.iter().find(|known| known.id == token.id);
    for gone in before.tokens.iter().filter(|token| after.tokens.iter().all(|kept| kept.id != token.id)) {
        change = change.one("DELETE FROM sb_account_token WHERE id = ?", params![gone.id]);
    }
    for token in &after.tokens {
        change = match in_both(token) {
            None => change.insert(INSERT, vec![values(after.id, token)]),
            Some(known) if known.until_ms != token.until_ms => {
                let params = params![token.until_ms, token.id, known.until_ms];
                change.one("UPDATE sb_account_token SET until_ms = ? WHERE id = ? AND until_ms = ?", params)
            }
            Some(_) => change,
        };
    }
    change
}

const INSERT: &str = "INSERT INTO sb_account_token (id, account_id, role, token, until_ms, uses, used_ms)";

fn values(account: AccountId, token: &AccountWebhookToken) -> Vec<Value> {
    params![token.id, account, token.role.name(), token.token.clone(), token.until_ms, token.uses, token.used_ms]
}

/// How often posts were believed by a token since it was counted last, and when the last was.
#[derive(Clone, Debug)]
pub struct WebhookTokenUses {
    pub token: TokenId,
    pub count: i64,
    pub last_ms: Millis,
}

/// Adds to what is known of tokens' use; those that are gone by now are passed over.
pub async fn count(store: &Store, uses: &[WebhookTokenUses]) -> Result<()> {
    let sql = "UPDATE sb_account_token SET uses = uses + ?, used_ms = ? WHERE id = ?";
    let add = |change: Change, one: &WebhookTokenUses| change.run(sql, params![one.count, one.last_ms, one.token]);
    if uses.is_empty() { Ok(()) } else { store.commit(uses.iter().fold(Change::new(), add)).await }
}

/// Erases what is believed no longer.
pub async fn sweep(store: &Store, now_ms: Millis) -> Result<()> {
    let rows = store.query("SELECT id FROM sb_account_token WHERE until_ms <= ?", params![now_ms]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let sql = "DELETE FROM sb_account_token WHERE until_ms <= ?";
    store.commit(Change::new().run(sql, params![now_ms]).versioned(CachedDataset::Directory)).await
}
