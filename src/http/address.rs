//! Whose request it is: `X-Forwarded-*` counts only from trusted proxies.

use std::net::{IpAddr, Ipv6Addr};

use ::http::HeaderMap;
use ipnet::IpNet;

pub(super) fn is_trusted(proxies: &[IpNet], address: IpAddr) -> bool {
    proxies.iter().any(|net| net.contains(&address))
}

/// The nearest address in the chain that is not one of our proxies.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_trusted(proxies, client) {
        return client;
    }
    let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in hops.iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(proxies, client) {
            break;
        }
    }
    client
}

/// Whether the client spoke TLS, to us or to a trusted proxy.
pub(super) fn is_secure(peer: IpAddr, over_tls: bool, headers: &HeaderMap, proxies: &[IpNet]) -> bool {
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    over_tls || (is_trusted(proxies, peer.to_canonical()) && forwarded == Some("https"))
}

/// What limits count by: an IPv6 subscriber has a whole /64.
pub(super) fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(chain: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(value) = chain.parse() {
            headers.insert("x-forwarded-for", value);
        }
        headers
    }

    #[test]
    fn only_trusted_proxies_are_believed() -> Result<(), Box<dyn std::error::Error>> {
        let proxies = ["10.0.0.0/8".parse()?];
        let (proxy, stranger): (IpAddr, IpAddr) = ("10.1.1.1".parse()?, "203.0.113.9".parse()?);
        let client = |peer, chain| client(peer, &forwarded(chain), &proxies).to_string();
        assert_eq!(client(stranger, "198.51.100.7"), "203.0.113.9");
        assert_eq!(client(proxy, "198.51.100.7"), "198.51.100.7");
        assert_eq!(client(proxy, "6.6.6.6, 198.51.100.7, 10.2.2.2"), "198.51.100.7", "the client forged the first");
        assert_eq!(client(proxy, "garbage"), "10.1.1.1");
        assert_eq!(client(proxy, ""), "10.1.1.1");
        Ok(())
    }

    #[test]
    fn an_ipv6_subscriber_counts_as_one() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(group("2001:db8:1:2:3:4:5:6".parse()?), group("2001:db8:1:2::9".parse()?));
        assert_ne!(group("2001:db8:1:2::1".parse()?), group("2001:db8:1:3::1".parse()?));
        Ok(())
    }
}
