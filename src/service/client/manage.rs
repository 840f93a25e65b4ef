//! What the operator does with its clients: make, change, deactivate, give them new tokens.

use super::{Client, ClientProfile, ClientProfileChange, Clients};
use crate::crypto::random;
use crate::model::{ClientId, Country, EntryId, Money, Secret};
use crate::service::audit::AuditContext;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result, page};
use crate::store;
use crate::store::client::{self, ClientUpdate};
use crate::store::ledger::{LedgerEntryKind, LedgerMovement};

#[derive(Clone, Debug)]
pub struct NewClient {
    pub name: String,
    pub profile: ClientProfile,
    pub country: Option<Country>,
    pub credit_limit: Money,
    pub low_at: Option<Money>,
    /// What it has paid in already.
    pub balance: Money,
}

#[derive(Clone, Debug, Default)]
pub struct ClientChange {
    pub name: Option<String>,
    pub profile: ClientProfileChange,
    pub is_active: Option<bool>,
    pub country: Option<Option<Country>>,
    pub credit_limit: Option<Money>,
    pub low_at: Option<Option<Money>>,
}

fn check_name(name: &str) -> Result<()> {
    match name.chars().count() {
        0 => Err(Error::invalid("name", "is empty")),
        1..=128 if !name.trim().is_empty() => Ok(()),
        1..=128 => Err(Error::invalid("name", "is blank")),
        _ => Err(Error::invalid("name", "is longer than 128")),
    }
}

fn check_credit(limit: Money) -> Result<()> {
    if limit.is_negative() { Err(Error::invalid("credit_limit", "is zero or more")) } else { Ok(()) }
}

/// 32 hex digits, as carriers' auth tokens are.
pub(super) fn new_token() -> Secret {
    Secret::new(hex::encode(random::<16>()))
}

impl Clients {
    /// Newest first; whether there are more.
    pub async fn list(&self, after: Option<ClientId>, limit: usize) -> Result<(Vec<Client>, bool)> {
        Ok(page(client::list(&self.store, after, limit + 1).await?, limit))
    }

    /// The operator is none of them.
    pub async fn find(&self, id: ClientId) -> Result<Client> {
        client::find(&self.store, id).await?.ok_or_else(|| Error::not_found("client"))
    }

    /// Makes a client; its auth token is not shown again.
    pub async fn create(&self, new: NewClient, audit: &AuditContext<'_, Client>) -> Result<(Client, Secret)> {
        check_name(&new.name)?;
        new.profile.check()?;
        check_credit(new.credit_limit)?;
        if new.balance.is_negative() {
            return Err(Error::invalid("balance", "is zero or more"));
        }
        let token = new_token();
        let id = ClientId::new(self.clock.now_ms());
        let client = self.insert(id, new, &token, audit).await?;
        self.renew().await;
        Ok((client, token))
    }

    pub(super) async fn insert(
        &self,
        id: ClientId,
        new: NewClient,
        token: &Secret,
        audit: &AuditContext<'_, Client>,
    ) -> Result<Client> {
        let at_ms = self.clock.now_ms();
        let client = Client {
            id,
            name: new.name,
            profile: new.profile.text(),
            auth_token: Some(self.seal_token(id, token)?),
            is_active: true,
            country: new.country,
            created_ms: at_ms,
            balance: new.balance,
            credit_limit: new.credit_limit,
            low_at: new.low_at,
        };
        let (kind, amount) = (LedgerEntryKind::Credit, new.balance);
        let reason = Some("opening balance".to_owned());
        let paid = LedgerMovement { id: EntryId::new(at_ms), client: id, kind, amount, reason, at_ms };
        let paid = Some(&paid).filter(|paid| paid.amount != Money::ZERO);
        client::insert(&self.store, &client, paid, audit.entry(at_ms, id, None, Some(&client))).await?;
        Ok(client)
    }

    fn seal_token(&self, id: ClientId, token: &Secret) -> Result<Vec<u8>> {
        Ok(self.master.seal(client::place(&id.hex()), token.expose().as_bytes())?)
    }

    /// The client as it now is.
    pub async fn change(&self, id: ClientId, change: ClientChange, audit: &AuditContext<'_, Client>) -> Result<Client> {
        settled("this client", || async {
            let before = self.find(id).await?;
            change.name.as_deref().map_or(Ok(()), check_name)?;
            let old = ClientProfile::parse(before.profile.as_deref());
            let profile = old.clone().changed(change.profile.clone());
            profile.check()?;
            check_credit(change.credit_limit.unwrap_or_default())?;
            // only what is named: somebody else may be changing the rest
            let set = ClientUpdate {
                name: change.name.clone(),
                profile: (profile != old).then(|| profile.text()),
                is_active: change.is_active,
                country: change.country,
                credit_limit: change.credit_limit,
                low_at: change.low_at,
            };
            let after = set.of(&before);
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), Some(&after));
            let written = client::update(&self.store, &before, set, entry).await;
            // it is another by now, or gone, or owes too much
            if written.as_ref().is_err_and(store::Error::is_race) {
                let after = self.find(id).await?.balance;
                let owes = change.credit_limit.and_then(|limit| after.plus(limit)).is_some_and(Money::is_negative);
                if owes {
                    return Err(Error::conflict("the client owes more than that"));
                }
            }
            Ok(written?)
        })
        .await?;
        self.renew().await;
        self.find(id).await
    }

    /// Deactivates a client: its keys and its token work no longer; messages under way finish.
    pub async fn deactivate(&self, id: ClientId, audit: &AuditContext<'_, Client>) -> Result<Client> {
        self.change(id, ClientChange { is_active: Some(false), ..ClientChange::default() }, audit).await
    }

    /// Gives a client a new auth token, which is not shown again; the old one ends.
    pub async fn rotate(&self, id: ClientId, audit: &AuditContext<'_, Client>) -> Result<(Client, Secret)> {
        let client = self.find(id).await?;
        let token = new_token();
        let entry = audit.entry(self.clock.now_ms(), id, Some(&client), Some(&client));
        let set = client::set_token(&self.store, id, self.seal_token(id, &token)?, entry).await;
        set.on_race(|| Error::not_found("client"))?;
        self.renew().await;
        Ok((client, token))
    }
}
