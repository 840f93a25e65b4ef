//! Credentials at providers, sealed: `sb_account`. They are the house's, and no client sees them.

use std::collections::HashSet;

use super::edition::Volume;
use super::rows::{as_read, rewrite};
use super::value::readable;
use super::{Change, Error, Query, Result, Row, Store, Value, audit, edition};
use crate::crypto::Place;
use crate::model::{AccountId, Millis};

/// What becomes of a message when a provider's answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertain {
    /// Look whether the provider has it; send it again if not.
    Reconcile,
    Resend,
    Fail,
}

impl Uncertain {
    pub const ALL: [Self; 3] = [Self::Reconcile, Self::Resend, Self::Fail];

    pub fn name(self) -> &'static str {
        match self {
            Self::Reconcile => "reconcile",
            Self::Resend => "resend",
            Self::Fail => "fail",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|uncertain| uncertain.name() == name)
    }
}

#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    pub provider: String,
    pub name: String,
    /// By what webhooks name it.
    pub external_id: String,
    /// Sealed; see [`place`].
    pub credentials: Vec<u8>,
    /// Segments a second at most, all its numbers together; 0: no limit.
    pub rate: i64,
    pub uncertain: Uncertain,
    /// The carrier itself answers STOP and its like.
    pub replies_to_keywords: bool,
    /// Messages may leave from senders that are no numbers of ours: the carrier says which.
    pub any_sender: bool,
    pub created_ms: Millis,
}

/// Where an account's credentials lie sealed.
pub fn place(row: &str) -> Place<'_> {
    Place { table: "sb_account", row, column: "credentials" }
}

const COLUMNS: &str = "SELECT id, provider, name, external_id, credentials, rate, uncertain, replies_to_keywords, \
     created_ms, any_sender FROM sb_account";

fn parse(row: &Row) -> Result<Account> {
    Ok(Account {
        id: AccountId::from_hex(row.text(0)?).map_err(|_| Error::Data("account id".into()))?,
        provider: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        external_id: row.text(3)?.to_owned(),
        credentials: row.bytes(4)?.to_vec(),
        rate: row.int(5)?,
        uncertain: Uncertain::parse(row.text(6)?).ok_or_else(|| Error::Data("account uncertain".into()))?,
        replies_to_keywords: row.int(7)? != 0,
        created_ms: row.int(8)?,
        any_sender: row.int(9)? != 0,
    })
}

/// All accounts that can be read, oldest first: there are few.
pub async fn all(store: &Store) -> Result<Vec<Account>> {
    let query = Query::new(format!("{COLUMNS} ORDER BY id"), Vec::new());
    Ok(readable("an account", &store.read(vec![query]).await?.concat(), parse))
}

/// The accounts that there are, those that cannot be read too.
pub async fn ids(store: &Store) -> Result<HashSet<AccountId>> {
    let rows = store.query("SELECT id FROM sb_account", Vec::new()).await?;
    // what has no id of ours is named by no message
    Ok(rows.iter().filter_map(|row| AccountId::from_hex(row.text(0).ok()?).ok()).collect())
}

/// [`Error::Conflict`]: the provider's account is known already.
pub async fn insert(store: &Store, account: &Account, entry: Option<audit::Entry>) -> Result<()> {
    let change = Change::new().one(
        "INSERT INTO sb_account (id, provider, name, external_id, credentials, rate, uncertain, \
         replies_to_keywords, created_ms, any_sender) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        vec![
            account.id.hex().into(),
            account.provider.as_str().into(),
            account.name.as_str().into(),
            account.external_id.as_str().into(),
            account.credentials.clone().into(),
            account.rate.into(),
            account.uncertain.name().into(),
            i64::from(account.replies_to_keywords).into(),
            account.created_ms.into(),
            i64::from(account.any_sender).into(),
        ],
    );
    let settled = "SELECT 1 FROM sb_account WHERE id = ?";
    let change = edition::changed(Volume::Book, change).audited(entry);
    store.commit(change.settled_by(settled, vec![account.id.hex().into()])).await
}

impl Account {
    /// What may be changed of it, but for its credentials.
    fn columns(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("name", self.name.as_str().into()),
            ("rate", self.rate.into()),
            ("uncertain", self.uncertain.name().into()),
            ("replies_to_keywords", i64::from(self.replies_to_keywords).into()),
            ("any_sender", i64::from(self.any_sender).into()),
        ]
    }
}

/// Changes what may change; credentials, and what webhooks name them by, only where they are new: who changes
/// something else at the same time does not bring the old ones back.
/// [`Error::Conflict`]: the provider's account is known already. [`Error::Guard`]: it is another than was read.
pub async fn update(
    store: &Store,
    before: &Account,
    account: &Account,
    has_new_credentials: bool,
    entry: Option<audit::Entry>,
) -> Result<()> {
    let (sql, params) = rewrite("sb_account", account.columns(), &[("id", account.id.hex())], before.columns());
    let mut change = Change::new().one(sql, params);
    if has_new_credentials {
        let values =
            vec![account.external_id.as_str().into(), account.credentials.clone().into(), account.id.hex().into()];
        change = change.one("UPDATE sb_account SET external_id = ?, credentials = ? WHERE id = ?", values);
    }
    store.commit(edition::changed(Volume::Book, change).audited(entry)).await
}

/// Whether an account has any.
pub async fn has_numbers(store: &Store, id: AccountId) -> Result<bool> {
    let sql = "SELECT 1 FROM sb_number WHERE account_id = ? LIMIT 1";
    Ok(!store.query(sql, vec![id.hex().into()]).await?.is_empty())
}

/// Forgets an account and its credentials. [`Error::Guard`]: it has numbers, or is not there, or another than was read.
pub async fn delete(store: &Store, before: &Account, entry: Option<audit::Entry>) -> Result<()> {
    let mut sql =
        "DELETE FROM sb_account WHERE id = ? AND NOT EXISTS (SELECT 1 FROM sb_number WHERE account_id = ?)".to_owned();
    let mut params = vec![before.id.hex().into(), before.id.hex().into()];
    as_read(&mut sql, &mut params, before.columns());
    let change = Change::new().one(sql, params);
    store.commit(edition::changed(Volume::Book, change).audited(entry)).await
}
