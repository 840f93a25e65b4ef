//! `[provider]`: where the providers answer, and how long we wait for them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Deserializer};

use super::{CarrierKind, CarrierProfile};
use crate::model::{DurationSetting, read_from_text};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub twilio_base_url: BaseUrl,
    pub twilio_lookup_base_url: BaseUrl,
    pub flowroute_base_url: BaseUrl,
    /// The same of other carriers, by their names; those that are not here are where they always are.
    #[serde(deserialize_with = "base_urls")]
    pub base_urls: BTreeMap<String, BaseUrl>,
    /// For a whole call; what takes longer is uncertain.
    pub timeout: DurationSetting,
    /// For a name, a connection and TLS; shorter than `timeout`, or we cannot tell that nothing was sent.
    pub connect_timeout: DurationSetting,
    /// To one host, busy and idle ones together.
    pub connections_per_host: usize,
    /// How long a loopback send takes.
    pub loopback_latency: DurationSetting,
    /// Whether the loopback provider reports deliveries.
    pub loopback_receipts: bool,
}

impl Settings {
    /// Where a carrier answers that has no setting of its own.
    pub(super) fn base_url(&self, profile: &CarrierProfile) -> BaseUrl {
        let usual = || BaseUrl(profile.base_url.unwrap_or_default().to_owned());
        self.base_urls.get(profile.name).cloned().unwrap_or_else(usual)
    }
}

/// URLs under the names of carriers that look there.
fn base_urls<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, BaseUrl>, D::Error> {
    let urls = BTreeMap::<String, BaseUrl>::deserialize(from)?;
    let looks_there = |name: &str| CarrierKind::parse(name).is_some_and(|kind| kind.profile().base_url.is_some());
    match urls.keys().find(|name| !looks_there(name)) {
        Some(name) => Err(serde::de::Error::custom(format!("no carrier looks for its base URL under `{name}`"))),
        None => Ok(urls),
    }
}

/// `http(s)://host[:port][/path]`, kept without the last slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

#[derive(Debug, thiserror::Error)]
#[error("a base URL is http(s)://host[:port][/path], without login, query or fragment")]
pub struct NotABaseUrl;

impl BaseUrl {
    /// The URL of a path that begins with a slash.
    pub fn join(&self, path: &str) -> String {
        [&self.0, path].concat()
    }

    /// Whether its host is this domain's, or below it.
    pub fn is_at(&self, domain: &str) -> bool {
        let host = self.0.parse::<Url>().ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, NotABaseUrl> {
        let url: Url = text.parse().map_err(|_| NotABaseUrl)?;
        let is_bare = url.username().is_empty() && url.password().is_none() && !text.contains(['?', '#']);
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if is_bare && is_web { Ok(Self(url.as_str().trim_end_matches('/').to_owned())) } else { Err(NotABaseUrl) }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

read_from_text!(BaseUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_takes_paths() -> Result<(), NotABaseUrl> {
        assert_eq!("https://api.twilio.com".parse::<BaseUrl>()?.join("/x"), "https://api.twilio.com/x");
        assert_eq!("http://127.0.0.1:4010/mock/".parse::<BaseUrl>()?.join("/x"), "http://127.0.0.1:4010/mock/x");
        for bad in ["", "api.twilio.com", "ftp://h", "https://u:p@h", "https://h?x", "https://h#", "mailto:x"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
        for (url, is_at) in [
            ("https://api.twilio.com", true),
            ("https://API.dublin.ie1.Twilio.com:443/x", true),
            ("https://twilio.com", true),
            ("https://api.nottwilio.com", false),
            ("https://twilio.com.example.org", false),
            ("http://127.0.0.1:4010", false),
        ] {
            assert_eq!(url.parse::<BaseUrl>()?.is_at("twilio.com"), is_at, "{url}");
        }
        Ok(())
    }
}
