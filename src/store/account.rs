//! Credentials at providers, sealed: `sb_account`. They are the operator's, and no client sees them.

pub mod rest;
pub mod token;

use std::collections::HashSet;

use super::engine::{ColumnValues, read_bytes, readable};
use super::event::PendingEvents;
use super::version::CachedDataset;
use super::{AuditTrail, Change, Query, Result, Row, Store, delivery, params};
use crate::crypto::Aad;
use crate::model::{AccountId, Millis, WhatsappTemplates, named};
pub use rest::RestReason;
pub use token::AccountWebhookToken;

/// What becomes of a message when a provider's answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum UncertainPolicy {
    /// Look whether the provider has it; send it again if not.
    Reconcile,
    Resend,
    Fail,
}

named!(UncertainPolicy, Reconcile, Resend, Fail);

#[derive(Clone, Debug, serde::Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// Its carrier by name. One that this version does not know is shown, and its messages wait.
    pub provider: String,
    pub name: String,
    /// By what webhooks name it.
    pub external_id: String,
    /// Sealed; see [`place`].
    #[serde(deserialize_with = "read_bytes")]
    pub credentials: Vec<u8>,
    /// Segments a second at most, all its numbers together; 0: no limit.
    pub rate: i64,
    pub uncertain: UncertainPolicy,
    /// The carrier itself answers STOP and its like.
    pub replies_to_keywords: bool,
    /// Messages may leave from senders that are no numbers of ours: the carrier says which.
    pub any_sender: bool,
    /// By which codes go out over WhatsApp.
    pub whatsapp_templates: WhatsappTemplates,
    pub created_ms: Millis,
    /// Its carrier refuses it, whatever is sent.
    pub rest: Option<RestReason>,
    /// By which its carrier's posts are believed too, for a while.
    #[serde(skip)]
    pub tokens: Vec<AccountWebhookToken>,
}

/// Where an account's credentials lie sealed.
pub fn place(row: &str) -> Aad<'_> {
    Aad { table: "sb_account", row, column: "credentials" }
}

/// The fields of [`Account`] but for its tokens.
const COLUMNS: &str = "SELECT a.id, a.provider, a.name, a.external_id, a.credentials, a.rate, a.uncertain, \
     a.replies_to_keywords, a.any_sender, a.whatsapp_templates, a.created_ms, r.since_ms, r.code, r.reason \
     FROM sb_account a LEFT JOIN sb_account_rest r ON r.account_id = a.id";

/// All accounts that can be read, oldest first: there are few.
pub async fn all(store: &Store) -> Result<Vec<Account>> {
    let query = Query::new(format!("{COLUMNS} ORDER BY a.id"), Vec::new());
    let found = store.read(vec![query, token::query()]).await?;
    let of = |nth: usize| found.get(nth).map_or(&[][..], Vec::as_slice);
    let mut accounts: Vec<Account> = readable("an account", of(0), Row::read);
    for (id, token) in readable("an account's token", of(1), Row::read::<(AccountId, AccountWebhookToken)>) {
        accounts.iter_mut().filter(|account| account.id == id).for_each(|account| account.tokens.push(token.clone()));
    }
    Ok(accounts)
}

/// The accounts that there are, those that cannot be read too.
pub async fn ids(store: &Store) -> Result<HashSet<AccountId>> {
    let rows = store.query("SELECT id FROM sb_account", Vec::new()).await?;
    // what has no id of ours is named by no message
    Ok(rows.iter().filter_map(|row| row.id(0).ok()).collect())
}

/// [`super::Error::Conflict`]: the provider's account is known already.
pub async fn insert(store: &Store, account: &Account, entry: AuditTrail) -> Result<()> {
    let fixed: ColumnValues = vec![
        ("id", account.id.into()),
        ("provider", account.provider.as_str().into()),
        ("external_id", account.external_id.as_str().into()),
        ("credentials", account.credentials.clone().into()),
        ("created_ms", account.created_ms.into()),
    ];
    let change = Change::new().insert_row("sb_account", [fixed, account.columns()].concat());
    let change = change.versioned(CachedDataset::Directory).audited(entry);
    store.commit(change.settled_by_id("sb_account", account.id)).await
}

impl Account {
    /// What may be changed of it, but for its credentials.
    fn columns(&self) -> ColumnValues {
        vec![
            ("name", self.name.as_str().into()),
            ("rate", self.rate.into()),
            ("uncertain", self.uncertain.name().into()),
            ("replies_to_keywords", self.replies_to_keywords.into()),
            ("any_sender", self.any_sender.into()),
            ("whatsapp_templates", self.whatsapp_templates.text().into()),
        ]
    }
}

/// Changes what may change; credentials, and what webhooks name them by, only where they are new: who changes
/// something else at the same time does not bring the old ones back. With it goes what is told of it.
/// [`super::Error::Conflict`]: the provider's account is known already. [`super::Error::Guard`]: it is another than was
/// read.
pub async fn update(
    store: &Store,
    before: &Account,
    account: &Account,
    told: &PendingEvents,
    entry: AuditTrail,
) -> Result<()> {
    let key = [("id", account.id.into())];
    let mut change = Change::new().rewrite("sb_account", account.columns(), key, before.columns());
    if account.credentials != before.credentials {
        let sql = "UPDATE sb_account SET external_id = ?, credentials = ? WHERE id = ? AND credentials = ?";
        let (id, sealed) = (account.external_id.as_str(), account.credentials.clone());
        let values = params![id, sealed, account.id, before.credentials.clone()];
        change = change.one(sql, values);
    }
    change = token::changed(change, before, account);
    if let Some(rest) = before.rest.as_ref().filter(|_| account.rest.is_none()) {
        change = rest::over(change, before.id, rest);
    }
    let change = change.versioned(CachedDataset::Directory).audited(entry);
    let told_ms = told.new.first().map_or(0, |event| event.created_ms);
    store.commit(delivery::add(change, told, told_ms)).await
}

/// Whether an account has any, or is about to.
pub async fn has_numbers(store: &Store, id: AccountId) -> Result<bool> {
    let sql = "SELECT 1 FROM sb_number WHERE account_id = ? LIMIT 1";
    Ok(!store.query(sql, params![id]).await?.is_empty())
}

/// Forgets an account and its credentials. [`super::Error::Guard`]: it has numbers, or is not there, or another than was
/// read.
pub async fn delete(store: &Store, before: &Account, entry: AuditTrail) -> Result<()> {
    let sql = "DELETE FROM sb_account WHERE id = ? AND NOT EXISTS (SELECT 1 FROM sb_number WHERE account_id = ?)";
    // held first: one statement alone may look for numbers, and only then wait for who holds it and adds some
    let change = Change::new().one("UPDATE sb_account SET id = id WHERE id = ?", params![before.id]).one_as_read(
        sql,
        params![before.id, before.id],
        before.columns(),
    );
    let change = ["sb_account_rest", "sb_account_token"].into_iter().fold(change, |change, table| {
        change.run(format!("DELETE FROM {table} WHERE account_id = ?"), params![before.id])
    });
    store.commit(change.versioned(CachedDataset::Directory).audited(entry)).await
}
