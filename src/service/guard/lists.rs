//! Whom the guard never blocks, and how it is set for each client, in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{GuardMode, GuardRatios, SafeKind, SafeListEntry, Settings};
use crate::model::network::device_network;
use crate::model::{Address, ClientId, Country};
use crate::store::guard::list::{StoredGuardSettings, all, all_settings};
use crate::store::{self, Store};

/// What a country may be called here: as the guard counts it.
pub(super) const COUNTRY: &str =
    "must be named by two letters (ISO 3166-1), such as US, or by a calling code, such as +883";

pub(super) fn is_country(name: &str) -> bool {
    let is_code = |code: &str| (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix('+').map_or_else(|| name.parse::<Country>().is_ok_and(|known| known.name() == name), is_code)
}

/// Ratios of countries as the configuration has them: one that is named in another way would never count.
pub(super) fn countries<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, GuardRatios>, D::Error> {
    let read = BTreeMap::deserialize(from)?;
    if read.keys().all(|name: &String| is_country(name)) { Ok(read) } else { Err(D::Error::custom(COUNTRY)) }
}

/// How the guard is set for a client.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct GuardRules {
    pub mode: GuardMode,
    pub ratios: GuardRatios,
    /// Of countries that have their own.
    pub countries: BTreeMap<String, GuardRatios>,
}

impl GuardRules {
    pub(super) fn ratios(&self, country: &str) -> GuardRatios {
        self.countries.get(country).copied().unwrap_or(self.ratios)
    }
}

impl From<&Settings> for GuardRules {
    fn from(settings: &Settings) -> Self {
        Self { mode: settings.mode, ratios: settings.ratios, countries: settings.countries.clone() }
    }
}

#[derive(Debug, Default)]
struct SafeList {
    numbers: HashSet<String>,
    prefixes: Vec<String>,
    countries: HashSet<String>,
    networks: Vec<IpNet>,
}

impl SafeList {
    fn add(&mut self, entry: SafeListEntry) {
        match entry.kind {
            SafeKind::Number => {
                self.numbers.insert(Address::stored(entry.value).folded().into_owned());
            }
            SafeKind::Prefix => self.prefixes.push(entry.value),
            SafeKind::Country => {
                self.countries.insert(entry.value);
            }
            SafeKind::Network => self.networks.extend(entry.value.parse::<IpNet>().ok()),
        }
    }

    /// Whichever form the number is written in.
    fn has_prefix(&self, to: &Address) -> bool {
        let is_begun = |form: &String| self.prefixes.iter().any(|prefix| form.starts_with(prefix));
        !self.prefixes.is_empty() && to.forms().iter().any(is_begun)
    }

    /// An IPv4 address is meant in whichever way it is written.
    fn has_network(&self, ip: IpAddr) -> bool {
        let ip = Some(device_network(ip)).filter(IpAddr::is_ipv4).unwrap_or(ip);
        self.networks.iter().any(|net| net.contains(&ip))
    }

    fn has(&self, to: &Address, country: &str, device_ip: Option<IpAddr>) -> bool {
        self.numbers.contains(&*to.folded())
            || self.countries.contains(country)
            || self.has_prefix(to)
            || device_ip.is_some_and(|ip| self.has_network(ip))
    }
}

/// All of all clients. What is the operator's holds for everybody.
#[derive(Debug, Default)]
pub(super) struct GuardLists {
    safe: HashMap<ClientId, SafeList>,
    rules: HashMap<ClientId, GuardRules>,
}

impl GuardLists {
    pub(super) async fn read(store: &Store) -> store::Result<Self> {
        let mut lists = Self::default();
        for entry in all(store).await? {
            lists.safe.entry(entry.client).or_default().add(entry);
        }
        for StoredGuardSettings { client, settings } in all_settings(store).await? {
            match serde_json::from_str(&settings) {
                Ok(rules) => drop(lists.rules.insert(client, rules)),
                Err(error) => tracing::error!(%client, %error, "how the guard is set for a client cannot be read"),
            }
        }
        Ok(lists)
    }

    pub(super) fn is_safe(&self, client: ClientId, to: &Address, country: &str, device_ip: Option<IpAddr>) -> bool {
        let lists = [self.safe.get(&client), self.safe.get(&ClientId::OPERATOR)];
        lists.into_iter().flatten().any(|list| list.has(to, country, device_ip))
    }

    /// A client's own, else the operator's, else those of the configuration.
    pub(super) fn rules(&self, client: ClientId, settings: &Settings) -> GuardRules {
        let own = self.rules.get(&client).or_else(|| self.rules.get(&ClientId::OPERATOR));
        own.cloned().unwrap_or_else(|| settings.into())
    }

    /// Whether a client has its own.
    pub(super) fn has_own(&self, client: ClientId) -> bool {
        self.rules.contains_key(&client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SafeListEntryId;

    fn lists(entries: &[(ClientId, SafeKind, &str)]) -> GuardLists {
        let mut lists = GuardLists::default();
        for (client, kind, value) in entries.iter().copied() {
            let (id, value) = (SafeListEntryId::new(0), value.to_owned());
            lists.safe.entry(client).or_default().add(SafeListEntry { id, client, kind, value, created_ms: 0 });
        }
        lists
    }

    #[test]
    fn countries_are_named_as_they_are_counted() {
        let read = |name: &str| {
            let settings = serde_json::json!({
                "mode": "enforce", "ratios": {"day": 0.3, "hour": 0.2}, "countries": {name: {"day": 1, "hour": 1}},
                "remember": "90d", "keep_decisions": "30d",
            });
            serde_json::from_value::<Settings>(settings).map_err(|error| error.to_string())
        };
        for name in ["FR", "XK", "+883"] {
            assert!(read(name).is_ok_and(|settings| settings.countries.contains_key(name)), "{name}");
        }
        for name in ["fr", "UK", "+", "+8835", "883"] {
            assert!(read(name).is_err_and(|error| error.contains(COUNTRY)), "{name}");
        }
    }

    #[test]
    fn each_kind_is_safe_and_the_operators_for_everybody() {
        let lists = lists(&[
            (ClientId::OPERATOR, SafeKind::Country, "FR"),
            (ClientId::DEMO, SafeKind::Number, "+525512345678"),
            (ClientId::DEMO, SafeKind::Prefix, "+1206555"),
            (ClientId::DEMO, SafeKind::Prefix, "+5281"),
            (ClientId::DEMO, SafeKind::Network, "192.0.2.0/24"),
            (ClientId::DEMO, SafeKind::Network, "2001:db8::7/128"),
        ]);
        let is_safe = |client, to: &str, country: &str, ip: Option<&str>| {
            let ip = ip.and_then(|ip| ip.parse().ok());
            lists.is_safe(client, &Address::stored(to), country, ip)
        };
        let other = ClientId::new(7);
        assert!(is_safe(other, "+33612345678", "FR", None) && !is_safe(other, "+12065550110", "US", None));
        assert!(is_safe(ClientId::DEMO, "+5215512345678", "MX", None), "in its other form");
        assert!(is_safe(ClientId::DEMO, "+12065550110", "US", None));
        assert!(is_safe(ClientId::DEMO, "+5218112345678", "MX", None));
        assert!(is_safe(ClientId::DEMO, "+4915112345678", "DE", Some("::ffff:192.0.2.9")));
        assert!(is_safe(ClientId::DEMO, "+4915112345678", "DE", Some("64:ff9b::192.0.2.9")));
        assert!(is_safe(ClientId::DEMO, "+4915112345678", "DE", Some("2001:db8::7")));
        for ip in ["192.0.3.9", "2001:db8::8", "64:ff9b::192.0.3.9"] {
            assert!(!is_safe(ClientId::DEMO, "+4915112345678", "DE", Some(ip)), "{ip}");
        }
    }
}
