//! Numbers: which are whose, on which account, and what a text to them means.

pub mod import;
mod masked;
mod pool;
mod proxied;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use super::directory::Directory;
use crate::model::address::{self, Address, AddressKind, Country};
use crate::model::{AccountId, ClientId, Clock, NumberId};
use crate::service::audit::AuditContext;
use crate::service::event::Events;
use crate::service::page;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result};
use crate::store::number;

pub use crate::store::number::{InboundTextPolicy, Number, NumberCapability, NumberFilter};
pub use pool::{ExclusiveNumber, Pool, PoolChange, PoolSettingsChange, PoolWithNumbers};
pub use proxied::NumberProxyAudit;

/// `[number]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where numbers are that are written without a country code.
    #[serde(deserialize_with = "country_or_none")]
    pub country: Option<Country>,
}

fn country_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Country>, D::Error> {
    let name = String::deserialize(from)?;
    if name.is_empty() { Ok(None) } else { name.parse().map(Some).map_err(serde::de::Error::custom) }
}

pub struct NewNumber {
    pub address: Address,
    pub account: AccountId,
    pub capabilities: Vec<NumberCapability>,
    pub meaning: InboundTextPolicy,
    pub platform: Option<String>,
    pub rate: i64,
    pub is_reserved: bool,
}

/// What may be changed; a number stays the number it is.
#[derive(Clone, Debug, Default)]
pub struct NumberChange {
    pub account: Option<AccountId>,
    pub capabilities: Option<Vec<NumberCapability>>,
    pub meaning: Option<InboundTextPolicy>,
    pub platform: Option<Option<String>>,
    pub rate: Option<i64>,
    pub is_reserved: Option<bool>,
}

/// Each once, in the one order in which they are kept.
fn ordered(capabilities: &[NumberCapability]) -> Vec<NumberCapability> {
    NumberCapability::ALL.into_iter().filter(|one| capabilities.contains(one)).collect()
}

/// Refuses what would leave people of so many open sessions without their number.
fn in_no_session(what: &str, reserved: &str, sessions: i64) -> Result<()> {
    let (sessions, them) = match sessions {
        0 => return Ok(()),
        1 => ("1 open session".to_owned(), "it"),
        more => (format!("{more} open sessions"), "them"),
    };
    let way_out = format!("mark {reserved} reserved and wait for {them} to end, or close {them}");
    Err(Error::conflict(format!("the {what} has {sessions}: {way_out}")))
}

pub struct Numbers {
    pub directory: Arc<Directory>,
    /// Knows which URLs may be called.
    pub events: Arc<Events>,
    pub clock: Clock,
    /// Names of the configured platforms.
    pub platforms: Vec<String>,
    /// UTF-16 units of a text at most.
    pub longest_text: usize,
}

impl Numbers {
    /// Newest first; whether there are more.
    pub async fn list(&self, client: ClientId, filter: &NumberFilter, limit: usize) -> Result<(Vec<Number>, bool)> {
        Ok(page(number::list(&self.directory.store, client, filter, limit + 1).await?, limit))
    }

    pub async fn find(&self, client: ClientId, id: NumberId) -> Result<Number> {
        number::find(&self.directory.store, client, id).await?.ok_or_else(|| Error::not_found("number"))
    }

    pub async fn add(&self, client: ClientId, new: NewNumber, audit: &AuditContext<'_, Number>) -> Result<Number> {
        let now_ms = self.clock.now_ms();
        let number = Number {
            id: NumberId::new(now_ms),
            client,
            account: new.account,
            address: new.address.as_str().to_owned(),
            capabilities: ordered(&new.capabilities),
            meaning: new.meaning,
            rate: new.rate,
            platform: new.platform,
            country: address::country_of(&new.address),
            pool: None,
            created_ms: now_ms,
            is_reserved: new.is_reserved,
        };
        self.holds(&number)?;
        let entry = audit.entry(now_ms, number.id, None, Some(&number));
        let inserted = number::insert(&self.directory.store, &number, entry).await.on_guard(Error::no_account);
        inserted.on_conflict(|| Error::conflict("the number is in use already"))?;
        self.directory.refresh().await?;
        Ok(number)
    }

    /// The number as it now is.
    pub async fn change(
        &self,
        client: ClientId,
        id: NumberId,
        change: NumberChange,
        audit: &AuditContext<'_, Number>,
    ) -> Result<Number> {
        if let Some(account) = change.account {
            self.find(client, id).await?;
            self.directory.refresh().await?;
            self.directory.current().handle(account).ok_or_else(Error::no_account)?;
        }
        let number = settled("this number", || async {
            let before = self.find(client, id).await?;
            let mut number = before.clone();
            number.account = change.account.unwrap_or(number.account);
            number.capabilities = change.capabilities.as_deref().map_or(number.capabilities, ordered);
            number.meaning = change.meaning.unwrap_or(number.meaning);
            number.platform = change.platform.clone().unwrap_or(number.platform);
            number.rate = change.rate.unwrap_or(number.rate);
            number.is_reserved = change.is_reserved.unwrap_or(number.is_reserved);
            self.holds(&number)?;
            let now_ms = self.clock.now_ms();
            let entry = audit.entry(now_ms, id, Some(&before), Some(&number));
            number::update(&self.directory.store, &before, &number, now_ms, entry).await?;
            Ok(number)
        })
        .await?;
        self.directory.refresh().await?;
        Ok(number)
    }

    /// Lets a number go; its messages stay.
    pub async fn delete(&self, client: ClientId, id: NumberId, audit: &AuditContext<'_, Number>) -> Result<()> {
        settled("this number", || async {
            let before = self.find(client, id).await?;
            self.must_be_idle(id).await?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), None);
            Ok(number::delete(&self.directory.store, &before, entry).await?)
        })
        .await?;
        Ok(self.directory.refresh().await?)
    }

    /// How many open sessions each of these numbers is in; those that are in none are left out.
    pub async fn open_sessions(&self, numbers: &[NumberId]) -> Result<HashMap<NumberId, i64>> {
        Ok(number::open_sessions_of(&self.directory.store, numbers).await?)
    }

    /// A number of open sessions stays where it is.
    async fn must_be_idle(&self, id: NumberId) -> Result<()> {
        in_no_session("number", "it", number::open_sessions(&self.directory.store, id).await?)
    }

    fn holds(&self, number: &Number) -> Result<()> {
        let Number { address, capabilities, meaning, platform, .. } = number;
        check_use(address, capabilities, *meaning, platform.as_deref(), &self.platforms)
            .map_err(|(field, reason)| Error::invalid(field, reason))
    }
}

/// A sender name only sends texts. Encrypted texts go to one platform, which is one of `platforms`, others to none.
/// Else the field that is wrong, and how.
fn check_use(
    address: &str,
    capabilities: &[NumberCapability],
    meaning: InboundTextPolicy,
    platform: Option<&str>,
    platforms: &[String],
) -> Result<(), (&'static str, &'static str)> {
    let is_name = Address::stored(address).kind() == AddressKind::Alphanumeric;
    if is_name && capabilities != [NumberCapability::Sms] {
        return Err(("capabilities", "a sender name can only send sms"));
    }
    let wrong = |reason| Err(("platform", reason));
    match (meaning, platform) {
        (InboundTextPolicy::Forward, Some(_)) => wrong("only a number for encrypted texts has one"),
        (InboundTextPolicy::Encrypted, None) => wrong("a number for encrypted texts needs one"),
        (InboundTextPolicy::Encrypted, Some(name)) if !platforms.iter().any(|known| known == name) => {
            wrong("is not configured")
        }
        _ => Ok(()),
    }
}
