//! Accounts whose carriers refuse them: `sb_account_rest`, so that every node, and who looks, knows of it.

use super::Account;
use crate::model::{AccountId, Millis};
use crate::store::version::CachedDataset;
use crate::store::{Change, params};

/// Characters of a reason that are kept.
const REASON: usize = 255;

/// Why an account rests: what its carrier said.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct RestReason {
    pub since_ms: Millis,
    pub code: Option<i64>,
    pub reason: String,
}

/// An account rests. A race means that it does so already, is not there, or has other credentials by now.
pub fn begin(account: &Account, rest: &RestReason) -> Change {
    let sql = "INSERT INTO sb_account_rest (account_id, since_ms, code, reason) \
               SELECT id, ?, ?, ? FROM sb_account WHERE id = ? AND credentials = ?";
    let reason: String = rest.reason.chars().take(REASON).collect();
    let values = params![rest.since_ms, rest.code, reason, account.id, account.credentials.clone()];
    Change::new().one(sql, values).versioned(CachedDataset::Directory)
}

/// It is in use again. A race means that it was, or rests for another reason since.
pub fn end(account: AccountId, rest: &RestReason) -> Change {
    over(Change::new(), account, rest).versioned(CachedDataset::Directory)
}

/// The same as a part of another change to the account.
pub(super) fn over(change: Change, account: AccountId, rest: &RestReason) -> Change {
    let sql = "DELETE FROM sb_account_rest WHERE account_id = ? AND since_ms = ?";
    change.one(sql, params![account, rest.since_ms])
}
