//! Whose request it is: `X-Forwarded-*` counts only from trusted proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ::http::HeaderMap;
use ::http::header::HOST;
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
    for hop in list(headers, "x-forwarded-for").iter().rev() {
        let Some(address) = hop_address(hop) else { break };
        client = address;
        if !is_trusted(proxies, client) {
            break;
        }
    }
    client
}

/// The elements of a header that is a list, whether in one line or in several. Empty ones are none (RFC 9110, 5.6.1).
fn list<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|element| !element.is_empty()).collect()
}

/// An address as proxies write it: bare, in brackets, with a port, in quotes.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let hop = hop.strip_prefix('"').and_then(|hop| hop.strip_suffix('"')).unwrap_or(hop).trim();
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    Some(address.ok()?.to_canonical())
}

/// What trusted proxies say in a header of theirs. Where each has added a word of its own, that of the one which the
/// client spoke to counts; of words that cannot be told apart so, the nearest proxy's: no client wrote it.
fn proxy_word<'a>(headers: &'a HeaderMap, name: &str, proxies: &[IpNet]) -> &'a str {
    let (words, hops) = (list(headers, name), list(headers, "x-forwarded-for"));
    let is_proxy = |hop: &&&str| hop_address(hop).is_some_and(|address| is_trusted(proxies, address));
    let between = hops.iter().rev().take_while(is_proxy).count().min(hops.len().saturating_sub(1));
    let from_end = if words.len() == hops.len() { between } else { 0 };
    words.iter().rev().nth(from_end).copied().unwrap_or_default().trim_matches('"')
}

/// Whether the client spoke TLS, to us or to a trusted proxy.
pub(super) fn is_secure(is_proxied: bool, over_tls: bool, headers: &HeaderMap, proxies: &[IpNet]) -> bool {
    if over_tls || !is_proxied {
        return over_tls;
    }
    let word = proxy_word(headers, "x-forwarded-proto", proxies);
    ["https", "wss"].iter().any(|secure| word.eq_ignore_ascii_case(secure))
}

/// The host, with its port, that the client asked: as the request has it, or as a trusted proxy says.
pub(super) fn host<'a>(is_proxied: bool, headers: &'a HeaderMap, proxies: &[IpNet]) -> Option<&'a str> {
    let forwarded = if is_proxied { proxy_word(headers, "x-forwarded-host", proxies) } else { "" };
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    if forwarded.is_empty() { named } else { Some(forwarded) }
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
    fn an_address_is_known_however_its_proxy_writes_it() -> Result<(), Box<dyn std::error::Error>> {
        let (proxies, proxy): (_, IpAddr) = (["10.0.0.0/8".parse()?, "::1/128".parse()?], "10.1.1.1".parse()?);
        let table = [
            ("203.0.113.7:40001", "203.0.113.7"),
            ("\"203.0.113.7:40001\"", "203.0.113.7"),
            ("\"203.0.113.7\"", "203.0.113.7"),
            ("[203.0.113.7]", "203.0.113.7"),
            ("[2001:db8::7]:40001", "2001:db8::7"),
            ("\"[2001:db8::7]:40001\"", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:DB8::7", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
            ("6.6.6.6:1, 203.0.113.7:2, 10.2.2.2:3", "203.0.113.7"),
            ("203.0.113.7:40001,[::1]:9", "203.0.113.7"),
            // an empty element is none
            ("203.0.113.7,", "203.0.113.7"),
            (", 203.0.113.7 , ,10.2.2.2,\t", "203.0.113.7"),
            // what is no address is nobody: the proxy that passed it on is
            ("unknown", "10.1.1.1"),
            ("_hidden", "10.1.1.1"),
            ("203.0.113.7:99999", "10.1.1.1"),
            ("203.0.113.7:", "10.1.1.1"),
            ("\"203.0.113.7", "10.1.1.1"),
            ("2001:db8::7]:1", "10.1.1.1"),
            ("203.0.113.7 10.2.2.2", "10.1.1.1"),
        ];
        for (chain, expected) in table {
            assert_eq!(client(proxy, &forwarded(chain), &proxies).to_string(), expected, "{chain}");
        }
        Ok(())
    }

    #[test]
    fn the_scheme_is_the_word_of_the_proxy_that_the_client_spoke_to() -> Result<(), Box<dyn std::error::Error>> {
        let (proxies, proxy): (_, IpAddr) = (["10.0.0.0/8".parse()?], "10.1.1.1".parse()?);
        let secure = |peer: IpAddr, words: &str, chain: &str| -> Result<bool, Box<dyn std::error::Error>> {
            let mut headers = forwarded(chain);
            headers.insert("x-forwarded-proto", words.parse()?);
            Ok(is_secure(is_trusted(&proxies, peer), false, &headers, &proxies))
        };
        for (words, chain, expected) in [
            ("https", "203.0.113.7", true),
            ("wss", "203.0.113.7", true),
            ("HTTPS", "", true),
            ("Wss", "203.0.113.7, 10.2.2.2", true),
            ("http", "203.0.113.7", false),
            ("ws", "203.0.113.7", false),
            ("https, http", "203.0.113.7, 10.2.2.2", true),
            ("http, https", "203.0.113.7, 10.2.2.2", false),
            ("https, http", "6.6.6.6, 203.0.113.7", false),
            ("https,wss", "10.3.3.3, 10.2.2.2", true),
            ("https, http,", "203.0.113.7, , 10.2.2.2", true),
            ("http,", "203.0.113.7", false),
            ("https, http", "203.0.113.7", false),
            ("http,https", "203.0.113.7", true),
            ("", "203.0.113.7", false),
            ("httpss", "203.0.113.7", false),
        ] {
            assert_eq!(secure(proxy, words, chain)?, expected, "{words} of {chain}");
            assert!(!secure("203.0.113.9".parse()?, words, chain)?, "a stranger says {words}");
        }
        Ok(())
    }

    #[test]
    fn the_host_is_the_one_that_the_client_asked() -> Result<(), Box<dyn std::error::Error>> {
        let proxies = ["10.0.0.0/8".parse()?];
        for (is_proxied, words, chain, expected) in [
            (true, "api.example.org", "203.0.113.7", "api.example.org"),
            (true, "api.example.org:8443, inner", "203.0.113.7, 10.2.2.2", "api.example.org:8443"),
            (true, "", "203.0.113.7", "inner"),
            (false, "api.example.org", "203.0.113.7", "inner"),
        ] {
            let mut headers = forwarded(chain);
            headers.insert("host", "inner".parse()?);
            headers.insert("x-forwarded-host", words.parse()?);
            assert_eq!(host(is_proxied, &headers, &proxies), Some(expected), "{words}");
        }
        assert_eq!(host(true, &HeaderMap::new(), &proxies), None);
        Ok(())
    }

    #[test]
    fn an_ipv6_subscriber_counts_as_one() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(group("2001:db8:1:2:3:4:5:6".parse()?), group("2001:db8:1:2::9".parse()?));
        assert_ne!(group("2001:db8:1:2::1".parse()?), group("2001:db8:1:3::1".parse()?));
        Ok(())
    }
}
