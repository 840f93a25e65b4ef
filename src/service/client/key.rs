//! A key in force, ready to be asked: networks parsed, patterns shared with the keys that have the same.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ipnet::IpNet;

use super::KeyScope;
use super::pattern::{KeyAddressPattern, KeyPatternCache};
use super::request_limiter::RequestLimiter;
use crate::model::{AccountId, AllowedTwiml, ClientId, KeyId, Millis};
use crate::store::key::ApiKey;

/// What a key in force may do.
#[derive(Debug)]
pub struct ActiveKey {
    pub id: KeyId,
    pub client: ClientId,
    pub scopes: Vec<KeyScope>,
    /// The only account that it sends through.
    pub account: Option<AccountId>,
    /// The networks that it may come from; none: all.
    pub sources: Vec<IpNet>,
    /// Of senders; `None`: all.
    pub senders: Option<Arc<KeyAddressPattern>>,
    /// Of destinations; `None`: all.
    pub destinations: Option<Arc<KeyAddressPattern>>,
    /// What its calls may say; `None`: nobody has said so.
    pub twiml: Option<AllowedTwiml>,
    pub expires_ms: Option<Millis>,
    pub(super) limiter: RequestLimiter,
    used_ms: AtomicI64,
    written_ms: AtomicI64,
    row: ApiKey,
}

impl ActiveKey {
    /// What an older version of it did is its own. `Err`: what it holds cannot be read, so it may do nothing.
    pub(super) fn open(row: ApiKey, older: Option<&Self>, patterns: &KeyPatternCache) -> Result<Self, String> {
        // whoever wrote a list meant less than everything: one that cannot be read opens nothing
        let scopes = row.scopes.split(',').filter_map(KeyScope::parse).collect();
        let sources = row.sources.as_deref().map(serde_json::from_str).transpose();
        let sources: Option<Vec<IpNet>> = sources.map_err(|error| format!("sources: {error}"))?;
        let pattern = |pattern: &Option<String>| pattern.as_deref().map(|text| patterns.share(text));
        let mark =
            |of: fn(&Self) -> &AtomicI64| AtomicI64::new(older.map_or(0, |older| of(older).load(Ordering::Relaxed)));
        Ok(Self {
            id: row.id,
            client: row.client,
            scopes,
            account: row.account,
            sources: sources.unwrap_or_default(),
            senders: pattern(&row.senders),
            destinations: pattern(&row.destinations),
            twiml: row.twiml,
            expires_ms: row.expires_ms,
            limiter: RequestLimiter::new(row.rate, older.map(|older| &older.limiter)),
            used_ms: mark(|key| &key.used_ms),
            written_ms: mark(|key| &key.written_ms),
            row,
        })
    }

    /// Whether it still says what the store does; when it was used last is no part of that.
    pub(super) fn says(&self, row: &ApiKey) -> bool {
        let known = ApiKey { last_used_ms: None, ..self.row.clone() };
        known == ApiKey { last_used_ms: None, ..row.clone() }
    }

    pub fn is_expired(&self, now_ms: Millis) -> bool {
        self.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms)
    }

    /// Whether it may come from there.
    pub fn may_come_from(&self, address: IpAddr) -> bool {
        // an IPv4 address in the clothes of IPv6 is the same address
        let address = address.to_canonical();
        self.sources.is_empty() || self.sources.iter().any(|network| network.contains(&address))
    }

    /// Remembers that it is used.
    pub fn use_at(&self, now_ms: Millis) {
        self.used_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// When it was used, where that is not written down yet.
    pub(super) fn unwritten_ms(&self) -> Option<Millis> {
        let used_ms = self.used_ms.load(Ordering::Relaxed);
        (used_ms > self.written_ms.load(Ordering::Relaxed)).then_some(used_ms)
    }

    pub(super) fn written(&self, at_ms: Millis) {
        self.written_ms.fetch_max(at_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn row() -> ApiKey {
        ApiKey {
            id: KeyId::new(1),
            client: ClientId::new(1),
            prefix: String::new(),
            name: String::new(),
            scopes: "sms,read".to_owned(),
            account: None,
            sources: None,
            senders: None,
            destinations: None,
            rate: 0,
            created_ms: 1,
            expires_ms: None,
            last_used_ms: None,
            revoked_ms: None,
            twiml: None,
        }
    }

    fn open(row: ApiKey) -> Result<ActiveKey, String> {
        ActiveKey::open(row, None, &KeyPatternCache::default())
    }

    #[test]
    fn a_key_comes_from_its_networks() -> Result<(), Box<dyn std::error::Error>> {
        let sources = Some(r#"["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"]"#.to_owned());
        let key = open(ApiKey { sources, ..row() })?;
        for good in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:1::1", "192.0.2.7"] {
            assert!(key.may_come_from(good.parse()?), "{good}");
        }
        for bad in ["11.0.0.1", "192.0.2.8", "::1", "2001:db9::1"] {
            assert!(!key.may_come_from(bad.parse()?), "{bad}");
        }
        assert!(open(row())?.may_come_from("11.0.0.1".parse()?));
        Ok(())
    }

    #[test]
    fn what_cannot_be_read_opens_nothing() {
        for bad in [
            ApiKey { sources: Some("10.0.0.0/8".to_owned()), ..row() },
            ApiKey { sources: Some(r#"["ten"]"#.to_owned()), ..row() },
        ] {
            assert!(open(bad.clone()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_ends_at_its_time_and_scopes_are_what_is_written() -> Result<(), String> {
        let key = open(ApiKey { expires_ms: Some(100), ..row() })?;
        assert!(!key.is_expired(99) && key.is_expired(100));
        assert_eq!(key.scopes, [KeyScope::Sms, KeyScope::Read]);
        assert!(key.says(&ApiKey {
            last_used_ms: Some(7),
            expires_ms: Some(100),
            id: key.id,
            client: key.client,
            ..row()
        }));
        assert!(!key.says(&ApiKey { expires_ms: Some(101), id: key.id, client: key.client, ..row() }));
        Ok(())
    }
}
