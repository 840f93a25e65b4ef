//! The guard as administrators see and set it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;

use super::lists::{COUNTRY, GuardLists, is_country};
use super::{
    Guard, GuardDecision, GuardDecisionFilter, GuardFigure, GuardMode, GuardRatios, GuardRule, GuardRules, GuardedSend,
    SafeKind, SafeListEntry, judged,
};
use crate::model::address::AddressRole;
use crate::model::guard::GuardOrigin;
use crate::model::{Address, AddressKind, ClientId, CodeChannel, Country, SafeListEntryId, VerificationId};
use crate::service::audit::AuditContext;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::snapshot::renewed;
use crate::service::{Error, Result, page};
use crate::store;
use crate::store::guard::{decision, level, list};
use crate::store::version::{self, CachedDataset};

/// What a ratio may be.
const RATIO: &str = "must be from 0 to 10";

/// What is to be changed of how the guard is set.
#[derive(Clone, Debug, Default)]
pub struct GuardRulesChange {
    pub mode: Option<GuardMode>,
    pub ratios: Option<GuardRatios>,
    /// In the place of those that are there.
    pub countries: Option<BTreeMap<String, GuardRatios>>,
}

/// How a number stands: the rules with a send to it, which is not counted.
#[derive(Clone, Debug)]
pub struct GuardStanding {
    pub country: String,
    pub prefix: String,
    pub network: Option<String>,
    pub is_safe: bool,
    pub rule: Option<GuardRule>,
    pub figures: Vec<GuardFigure>,
}

/// Who is not to be blocked.
#[derive(Clone, Debug)]
pub struct NewSafeListEntry {
    pub kind: SafeKind,
    pub value: String,
}

impl NewSafeListEntry {
    /// Its value as it is kept.
    fn read(self) -> Result<(SafeKind, String)> {
        let wrong = |must: &'static str| Error::invalid("value", must);
        let value = self.value.trim();
        let value = match self.kind {
            SafeKind::Number => {
                let read = Address::read(value, AddressRole::Recipient, None).ok().map(|(_, number)| number);
                let number = read.filter(|number| number.kind() == AddressKind::Phone);
                number.ok_or_else(|| wrong("must be a phone number, such as +12065550110"))?.as_str().to_owned()
            }
            SafeKind::Prefix => {
                let digits = value.strip_prefix('+').unwrap_or(value);
                let is_prefix = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
                if !is_prefix {
                    return Err(wrong("must be the first digits of numbers, such as +1206"));
                }
                format!("+{digits}")
            }
            SafeKind::Country => {
                let country: Country = value
                    .parse()
                    .map_err(|_| wrong("must be the two letters of a country (ISO 3166-1), such as US, GB or DE"))?;
                country.name().to_owned()
            }
            SafeKind::Network => {
                let net = value.parse::<ipnet::IpNet>().or_else(|_| value.parse::<IpAddr>().map(ipnet::IpNet::from));
                net.map_err(|_| wrong("must be an address or a network, such as 192.0.2.0/24"))?.trunc().to_string()
            }
        };
        Ok((self.kind, value))
    }
}

impl Guard {
    /// How it is set for a client, and whether the client has settings of its own.
    pub fn rules(&self, client: ClientId) -> (GuardRules, bool) {
        let lists = self.lists.current();
        (lists.rules(client, &self.parts.settings), lists.has_own(client))
    }

    /// Whether this node decides without the others, which it should not.
    pub fn is_degraded(&self) -> bool {
        self.is_degraded.load(Ordering::Relaxed)
    }

    /// Reads lists and settings again, where they have changed.
    pub async fn refresh(&self) -> store::Result<()> {
        let store = &self.parts.store;
        self.lists.refresh(version::current(store, CachedDataset::Guard), |_| GuardLists::read(store)).await
    }

    /// Sets it for a client, the operator's for all that have no settings of their own.
    pub async fn change_rules(
        &self,
        client: ClientId,
        change: GuardRulesChange,
        audit: &AuditContext<'_, GuardRules>,
    ) -> Result<GuardRules> {
        let ratios = change.ratios.iter().chain(change.countries.iter().flat_map(BTreeMap::values));
        if !ratios.copied().all(GuardRatios::is_sound) {
            return Err(Error::invalid("ratios", RATIO));
        }
        if !change.countries.iter().flat_map(BTreeMap::keys).all(|name| is_country(name)) {
            return Err(Error::invalid("countries", COUNTRY));
        }
        let set = settled("how the guard is set", || async {
            self.refresh().await?;
            let (before, has_own) = self.rules(client);
            let after = GuardRules {
                mode: change.mode.unwrap_or(before.mode),
                ratios: change.ratios.unwrap_or(before.ratios),
                countries: change.countries.clone().unwrap_or_else(|| before.countries.clone()),
            };
            let json = |rules: &GuardRules| serde_json::to_string(rules).unwrap_or_default();
            let (old, new) = (has_own.then(|| json(&before)), json(&after));
            let at_ms = self.parts.clock.now_ms();
            let entry = audit.entry(at_ms, client, Some(&before), Some(&after));
            list::write_settings(&self.parts.store, client, (old.as_deref(), &new), at_ms, entry).await?;
            Ok(after)
        })
        .await?;
        tracing::info!(%client, mode = set.mode.name(), "an administrator set the guard");
        renewed("how the guard is set", self.refresh().await);
        Ok(set)
    }

    /// Newest first; whether there are more.
    pub async fn decisions(&self, filter: &GuardDecisionFilter, limit: usize) -> Result<(Vec<GuardDecision>, bool)> {
        Ok(page(decision::list(&self.parts.store, filter, limit + 1).await?, limit))
    }

    /// What a text to a number would be judged by now.
    pub async fn standing(&self, client: ClientId, to: &Address, device_ip: Option<IpAddr>) -> GuardStanding {
        let at_ms = self.parts.clock.now_ms();
        let origin = GuardOrigin::of(to, device_ip);
        let send = GuardedSend {
            client,
            verification: VerificationId::first_of(0),
            to,
            origin: &origin,
            device_ip,
            channel: CodeChannel::Sms,
            risk_check: true,
            refused_by: None,
            at_ms,
        };
        let verified = self.verified(client, &origin, at_ms).await;
        let ratios = self.rules(client).0.ratios(&origin.country);
        let judgement = self.levels_of(client, |levels| levels.look(&judged(&send, &verified, ratios)));
        GuardStanding {
            is_safe: self.is_safe(client, to, &origin, device_ip),
            country: origin.country,
            prefix: origin.prefix,
            network: origin.network,
            rule: judgement.rule,
            figures: judgement.figures,
        }
    }

    /// A client's safe list, newest first; whether there are more.
    pub async fn safe_list(
        &self,
        client: ClientId,
        after: Option<SafeListEntryId>,
        limit: usize,
    ) -> Result<(Vec<SafeListEntry>, bool)> {
        Ok(page(list::list(&self.parts.store, client, after, limit + 1).await?, limit))
    }

    pub async fn find_safe(&self, client: ClientId, id: SafeListEntryId) -> Result<SafeListEntry> {
        list::find(&self.parts.store, client, id).await?.ok_or_else(|| Error::not_found("entry of the safe list"))
    }

    /// The entry of a client for just this number.
    pub async fn find_safe_number(&self, client: ClientId, number: &Address) -> Result<SafeListEntry> {
        let found = list::find_value(&self.parts.store, client, SafeKind::Number, number.as_str()).await?;
        found.ok_or_else(|| Error::not_found("entry of the safe list"))
    }

    /// Puts somebody on a client's safe list, the operator's for all clients.
    pub async fn add_safe(
        &self,
        client: ClientId,
        new: NewSafeListEntry,
        audit: &AuditContext<'_, SafeListEntry>,
    ) -> Result<SafeListEntry> {
        let (kind, value) = new.read()?;
        let created_ms = self.parts.clock.now_ms();
        let entry = SafeListEntry { id: SafeListEntryId::new(created_ms), client, kind, value, created_ms };
        let trail = audit.entry(created_ms, entry.id, None, Some(&entry));
        list::insert(&self.parts.store, &entry, trail)
            .await
            .on_conflict(|| Error::conflict("it is on the safe list already"))?;
        renewed("the safe list", self.refresh().await);
        Ok(entry)
    }

    pub async fn remove_safe(
        &self,
        client: ClientId,
        id: SafeListEntryId,
        audit: &AuditContext<'_, SafeListEntry>,
    ) -> Result<()> {
        let entry = self.find_safe(client, id).await?;
        let trail = audit.entry(self.parts.clock.now_ms(), id, Some(&entry), None);
        list::delete(&self.parts.store, &entry, trail).await.on_guard(|| Error::not_found("entry of the safe list"))?;
        renewed("the safe list", self.refresh().await);
        Ok(())
    }

    /// Empties a client's levels: all, or those that a number and an address count in.
    pub async fn reset(
        &self,
        client: ClientId,
        to: Option<&Address>,
        device_ip: Option<IpAddr>,
        audit: &AuditContext<'_, GuardRules>,
    ) -> Result<()> {
        let origin = to.map(|to| GuardOrigin::of(to, device_ip));
        let rules = self.rules(client).0;
        let at_ms = self.parts.clock.now_ms();
        audit.write(&self.parts.store, at_ms, client, Some(&rules)).await?;
        let gone = self.levels_of(client, |levels| levels.reset(origin.as_ref()));
        self.parts.shared.reset(client, origin.as_ref(), at_ms).await;
        level::remove(&self.parts.store, client, &gone).await?;
        tracing::info!(%client, is_of_one = to.is_some(), "an administrator emptied levels of the guard");
        Ok(())
    }
}
