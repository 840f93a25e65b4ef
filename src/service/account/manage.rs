//! What the operator does with its accounts: add with a live check, change, forget.

use std::fmt::Display;
use std::sync::Arc;

use super::super::directory::Directory;
use super::rest;
use crate::model::event::EventType;
use crate::model::{AccountId, Clock, DurationSetting, Secret, WhatsappTemplates};
use crate::provider::{self, CarrierFeature, CarrierKind, Credentials};
use crate::service::audit::AuditContext;
use crate::service::event::Events;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result};
use crate::store::account::{self, Account, UncertainPolicy};
use crate::store::{self};

/// An account to add.
pub struct NewAccount {
    pub name: String,
    pub credentials: Credentials,
    /// Segments a second, 0: no limit. Unless set: what the provider allows.
    pub rate: Option<i64>,
    /// Unless set: reconcile where the provider can list, else what its profile says.
    pub uncertain: Option<UncertainPolicy>,
    pub replies_to_keywords: bool,
    /// Messages may leave from senders that are no numbers of ours: the carrier says which.
    pub any_sender: bool,
    /// By which codes go out over WhatsApp.
    pub whatsapp_templates: WhatsappTemplates,
    /// Asks the provider whether it knows these credentials.
    pub is_checked: bool,
}

/// What may be changed.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    pub name: Option<String>,
    pub rate: Option<i64>,
    pub uncertain: Option<UncertainPolicy>,
    pub replies_to_keywords: Option<bool>,
    pub any_sender: Option<bool>,
    /// All of them.
    pub whatsapp_templates: Option<WhatsappTemplates>,
    /// JSON as on creation, of the same account at the provider.
    pub credentials: Option<Secret>,
    /// How long the token before is believed still.
    pub previous_valid_for: Option<DurationSetting>,
    /// Believed ahead; empty: none is any longer.
    pub next_token: Option<Secret>,
    /// The one that was entered ahead takes the place of the account's own.
    pub is_promoted: bool,
    /// Asks the provider whether it knows the new credentials.
    pub is_checked: bool,
}

pub struct Accounts {
    pub directory: Arc<Directory>,
    pub events: Arc<Events>,
    pub clock: Clock,
}

impl Accounts {
    /// All accounts, oldest first.
    pub async fn list(&self) -> Result<Vec<Account>> {
        let now_ms = self.clock.now_ms();
        let mut accounts = account::all(&self.directory.store).await?;
        for account in &mut accounts {
            account.tokens.retain(|token| token.until_ms > now_ms);
        }
        Ok(accounts)
    }

    /// The account that is known by this name at its provider, where it can be used.
    pub fn named(&self, kind: CarrierKind, external_id: &str) -> Option<AccountId> {
        self.directory.current().handle_of(kind, external_id).map(|handle| handle.account.id)
    }

    pub async fn find(&self, id: AccountId) -> Result<Account> {
        self.list().await?.into_iter().find(|account| account.id == id).ok_or_else(|| Error::not_found("account"))
    }

    /// Adds an account. Its credentials are sealed, and never shown again.
    pub async fn add(&self, new: NewAccount, audit: &AuditContext<'_, Account>) -> Result<Account> {
        let id = AccountId::new(self.clock.now_ms());
        let kind = new.credentials.kind();
        let plain = new.credentials.to_json();
        if let Some(path) = new.credentials.secret_path() {
            self.directory.refresh().await?;
            self.check_path(id, path)?;
        }
        if new.is_checked {
            self.ask(kind, plain.as_bytes()).await?;
        }
        let account = Account {
            id,
            provider: kind.name().to_owned(),
            name: new.name,
            external_id: new.credentials.external_id(),
            credentials: self.directory.master.seal(account::place(&id.hex()), plain.as_bytes())?,
            rate: new.rate.unwrap_or(kind.profile().rate),
            uncertain: new.uncertain.unwrap_or_else(|| usual(kind)),
            replies_to_keywords: new.replies_to_keywords,
            any_sender: new.any_sender,
            whatsapp_templates: new.whatsapp_templates,
            created_ms: self.clock.now_ms(),
            rest: None,
            tokens: Vec::new(),
        };
        let entry = audit.entry(account.created_ms, id, None, Some(&account));
        account::insert(&self.directory.store, &account, entry).await.on_conflict(known)?;
        self.directory.refresh().await?;
        Ok(account)
    }

    /// The account as it now is.
    pub async fn change(
        &self,
        id: AccountId,
        change: AccountChange,
        audit: &AuditContext<'_, Account>,
    ) -> Result<Account> {
        let new = self.credentials(id, &change).await?;
        settled("this account", || async {
            let before = self.find(id).await?;
            let mut account = before.clone();
            account.name = change.name.clone().unwrap_or(account.name);
            account.rate = change.rate.unwrap_or(account.rate);
            account.uncertain = change.uncertain.unwrap_or(account.uncertain);
            account.replies_to_keywords = change.replies_to_keywords.unwrap_or(account.replies_to_keywords);
            account.any_sender = change.any_sender.unwrap_or(account.any_sender);
            if let Some(templates) = &change.whatsapp_templates {
                account.whatsapp_templates = templates.clone();
            }
            if let Some(new) = &new {
                account.external_id = new.external_id();
                account.credentials =
                    self.directory.master.seal(account::place(&id.hex()), new.to_json().as_bytes())?;
                // whatever its carrier said was of the old ones
                account.rest = None;
            }
            self.exchange(&before, &mut account, new.as_ref(), &change)?;
            self.write(&before, &account, audit).await.on_conflict(known)?;
            Ok(account)
        })
        .await
    }

    async fn write(&self, before: &Account, account: &Account, audit: &AuditContext<'_, Account>) -> store::Result<()> {
        let now_ms = self.clock.now_ms();
        let mut batch = self.events.batch();
        if let Some(rest) = before.rest.as_ref().filter(|_| account.rest.is_none()) {
            batch.account(account, rest, EventType::AccountResumed, now_ms);
        }
        let entry = audit.entry(now_ms, account.id, Some(before), Some(account));
        account::update(&self.directory.store, before, account, &batch.into_rows(), entry).await?;
        self.events.wake();
        self.directory.refresh().await
    }

    pub(super) async fn ask(&self, kind: CarrierKind, plain: &[u8]) -> Result<()> {
        let connector = self.directory.connectors.open(kind, plain).map_err(|error| untaken(&error))?;
        connector.check().await.map_err(|error| untaken(&error))
    }

    /// Asks the provider whether it still knows an account. If it does, an account that rests is woken.
    pub async fn check(&self, id: AccountId, audit: &AuditContext<'_, Account>) -> Result<()> {
        self.directory.refresh().await?;
        let handle = self.directory.current().handle(id).cloned().ok_or_else(|| Error::not_found("account"))?;
        audit.write(&self.directory.store, self.clock.now_ms(), id, None).await?;
        handle.connector.check().await.map_err(|error: provider::CredentialCheckError| untaken(&error))?;
        handle.wake();
        Ok(rest::end(&self.directory, &self.events, id, self.clock.now_ms()).await?)
    }

    /// Forgets an account with its credentials; its messages stay.
    pub async fn delete(&self, id: AccountId, audit: &AuditContext<'_, Account>) -> Result<()> {
        settled("this account", || async {
            let before = self.find(id).await?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), None);
            let deleted = account::delete(&self.directory.store, &before, entry).await;
            // or somebody else has changed it
            let is_race = deleted.as_ref().is_err_and(store::Error::is_race);
            if is_race && account::has_numbers(&self.directory.store, id).await? {
                return Err(Error::conflict("the account has numbers: move or delete them first"));
            }
            Ok(deleted?)
        })
        .await?;
        Ok(self.directory.refresh().await?)
    }
}

/// They can be none, or the provider says no, or nothing: the reason is a sentence.
fn untaken(reason: &dyn Display) -> Error {
    Error::invalid("credentials", reason.to_string())
}

pub(super) fn known() -> Error {
    Error::conflict("this account is known already")
}

/// What becomes of a lost answer unless the operator says otherwise: it is looked for where it can be.
pub fn usual(kind: CarrierKind) -> UncertainPolicy {
    let profile = kind.profile();
    match (profile.can(CarrierFeature::List), profile.resends) {
        (true, _) => UncertainPolicy::Reconcile,
        (false, true) => UncertainPolicy::Resend,
        (false, false) => UncertainPolicy::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_answer_is_looked_for_where_it_can_be() {
        for (kind, wanted) in [
            (CarrierKind::Twilio, UncertainPolicy::Reconcile),
            (CarrierKind::Loopback, UncertainPolicy::Reconcile),
            (CarrierKind::Flowroute, UncertainPolicy::Resend),
            (CarrierKind::Telnyx, UncertainPolicy::Resend),
            (CarrierKind::Http, UncertainPolicy::Fail),
        ] {
            assert_eq!(usual(kind), wanted, "{}", kind.name());
        }
        for kind in CarrierKind::ALL {
            let is_asked = usual(kind) == UncertainPolicy::Reconcile;
            assert_eq!(is_asked, kind.profile().can(CarrierFeature::List), "{}", kind.name());
        }
    }
}
