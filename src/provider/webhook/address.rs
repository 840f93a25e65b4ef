//! Which hosts a customer may have us call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::provider::web::{self, NotAWebUrl};

/// What is not public, though addresses of it could be reached (IANA special-purpose registries).
const CLOSED_V4: [([u8; 4], u8); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // multicast, reserved, broadcast
    ([224, 0, 0, 0], 3),
];

/// Exceptions to the rule that only private addresses are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivateAddressExceptions {
    networks: Vec<IpNet>,
    hosts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhookUrl {
    #[error(transparent)]
    NotWeb(#[from] NotAWebUrl),
    #[error("must hold no login")]
    Login,
    #[error("{0} is not a public address; event.allow can name it")]
    Private(String),
}

impl PrivateAddressExceptions {
    /// Networks, addresses and host names.
    pub fn parse(list: &[String]) -> Result<Self, String> {
        let mut allow = Self::default();
        for text in list {
            if let Ok(network) = text.parse::<IpNet>() {
                allow.networks.push(network);
            } else if let Ok(address) = text.parse::<IpAddr>() {
                allow.networks.push(address.into());
            } else if is_name(text) {
                allow.hosts.push(plain(text));
            } else {
                return Err(format!("{text:?} is no network, address or host name"));
            }
        }
        Ok(allow)
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        self.hosts.contains(&plain(host))
    }

    /// Whether an address is public, or allowed by name of its network.
    pub fn permits(&self, address: IpAddr) -> bool {
        let is_listed = |address: IpAddr| self.networks.iter().any(|network| network.contains(&address));
        is_public(address) || is_listed(address) || is_listed(address.to_canonical())
    }

    /// A URL that may be called, as far as it alone tells.
    pub fn check_url(&self, text: &str) -> Result<Url, BadWebhookUrl> {
        let url = self.check_callback(text)?;
        if !url.username().is_empty() || url.password().is_some() { Err(BadWebhookUrl::Login) } else { Ok(url) }
    }

    /// The same of a callback's, which may bring a login, as Twilio's may: it is sent by HTTP Basic.
    pub fn check_callback(&self, text: &str) -> Result<Url, BadWebhookUrl> {
        let mut url = web::normal(text)?;
        url.set_fragment(None);
        // the parser has turned every spelling of an address (0x7f.1, 2130706433) into the usual one
        let host = url.host_str().unwrap_or_default();
        let is_good = match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => self.permits(address),
            Err(_) => !is_local(host),
        };
        if is_good || self.has_host(host) { Ok(url) } else { Err(BadWebhookUrl::Private(host.to_owned())) }
    }
}

impl<'de> Deserialize<'de> for PrivateAddressExceptions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&Vec::<String>::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// One spelling of a name: lower case, no last dot.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

/// Names that are never in the public DNS (RFC 6761, RFC 8375).
fn is_local(host: &str) -> bool {
    let host = plain(host);
    let is_below = |zone: &str| host == zone || host.strip_suffix(zone).is_some_and(|head| head.ends_with('.'));
    ["localhost", "local", "internal", "home.arpa"].iter().any(|zone| is_below(zone))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !CLOSED_V4.iter().any(|(network, length)| (bits ^ u32::from_be_bytes(*network)) >> (32 - length) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    match (first, second) {
        // behind NAT64 every IPv4 host looks like this (RFC 6052)
        (0x64, 0xff9b) if address.segments()[2..6] == [0; 4] => is_public_v4(Ipv4Addr::from_bits(
            (u32::from(address.segments()[6]) << 16) | u32::from(address.segments()[7]),
        )),
        // protocol assignments with Teredo, documentation, 6to4
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff) => false,
        // global unicast; all else is local, mapped, multicast or unassigned
        _ => first >> 13 == 1,
    }
}

#[cfg(test)]
#[path = "address_test.rs"]
mod tests;
