//! The forms of a URL under which Twilio may have signed it. It signs what its customer has written there, or what its
//! own client made of that; which of the two depends on its product. Taken is what twilio-python's or twilio-node's
//! validator takes.

use std::collections::HashMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

/// What Node's `querystring.stringify` leaves as it is.
const KEPT: AsciiSet = NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// Pairs that Node's `querystring.parse` reads at most.
const PAIRS: usize = 1000;

/// As it is written, without a port and with one. An empty query is none.
pub(super) fn written(url: &str) -> [String; 2] {
    let url = if url.find('?').is_some_and(|at| at + 1 == url.len()) { url.trim_end_matches('?') } else { url };
    let same = || [url.to_owned(), url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return same() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host_at = authority.rfind('@').map_or(0, |at| at + 1);
    // the colons of an IPv6 address are inside brackets
    let port_at = authority.rfind(':').filter(|at| *at >= host_at && !authority[*at..].contains(']'));
    match port_at {
        Some(at) => [format!("{scheme}://{}{path}", &authority[..at]), url.to_owned()],
        None => [url.to_owned(), format!("{scheme}://{authority}:{}{path}", default_port(scheme))],
    }
}

fn default_port(scheme: &str) -> &'static str {
    if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" }
}

/// As a browser writes it (<https://url.spec.whatwg.org>), without a port and with one, and both with a query that is
/// read and written anew.
pub(super) fn browsed(url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(url) else { return Vec::new() };
    let mut bare = url.clone();
    if bare.set_port(None).is_err() {
        return Vec::new();
    }
    let anew = [rewritten(&bare), rewritten(&url)];
    let ported = if url.port().is_some() { url.into() } else { with_port(&url) };
    let mut forms = vec![bare.into(), ported];
    forms.extend(anew.into_iter().flatten());
    forms
}

/// With the port that its scheme implies, which a browser never writes.
fn with_port(url: &Url) -> String {
    let [_, ported] = written(url.as_str());
    ported
}

/// With the query as Node's older library reads and writes it; nothing where there is none.
fn rewritten(url: &Url) -> Option<String> {
    let query = url.query().filter(|query| !query.is_empty())?;
    let mut base = url.clone();
    base.set_query(None);
    Some(format!("{base}?{}", stringify(query)))
}

/// Reads pairs, brings the values of one name together, names that are numbers first, and writes them.
fn stringify(query: &str) -> String {
    let mut pairs: Vec<(String, Vec<String>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for pair in query.split('&').take(PAIRS).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        let at = *known.entry(name.clone()).or_insert(pairs.len());
        match pairs.get_mut(at) {
            Some((_, values)) => values.push(value),
            None => pairs.push((name, vec![value])),
        }
    }
    // the others keep their order
    pairs.sort_by_key(|(name, _)| index(name).map_or((1, 0), |index| (0, index)));
    let encode = |text: &str| utf8_percent_encode(text, &KEPT).to_string();
    let written = pairs.iter().flat_map(|(name, values)| {
        let name = encode(name);
        values.iter().map(move |value| format!("{name}={}", encode(value)))
    });
    written.collect::<Vec<_>>().join("&")
}

/// A name under which JavaScript keeps the elements of an array.
fn index(name: &str) -> Option<u32> {
    name.parse::<u32>().ok().filter(|index| *index < u32::MAX && index.to_string() == name)
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// What a query says of a body's digest in its last pair, where Twilio writes it. What stands before others may be of
/// an address that somebody has had a call fetched from by GET, which signs no body.
pub(super) fn digest(url: &str) -> Option<String> {
    let (name, value) = url.split_once('?')?.1.rsplit('&').next()?.split_once('=')?;
    (decoded(name) == "bodySHA256").then(|| decoded(value))
}

/// The same URL without its login.
pub(super) fn without_login(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let at = authority.rfind('@')?;
    Some(format!("{scheme}://{}", &rest[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_in_every_host() {
        for (url, bare, ported) in [
            ("https://h/a:b?c=:1", "https://h/a:b?c=:1", "https://h:443/a:b?c=:1"),
            ("http://h:8080", "http://h", "http://h:8080"),
            ("http://[::1]/x", "http://[::1]/x", "http://[::1]:80/x"),
            ("http://[::1]:81/x", "http://[::1]/x", "http://[::1]:81/x"),
            ("https://u:p@h/x?", "https://u:p@h/x", "https://u:p@h:443/x"),
            ("https://u:p@h:1/x", "https://u:p@h/x", "https://u:p@h:1/x"),
            ("nonsense", "nonsense", "nonsense"),
        ] {
            assert_eq!(written(url), [bare, ported], "{url}");
        }
    }

    #[test]
    fn a_query_is_written_anew_as_node_does() {
        for (query, anew) in [
            ("a=b", "a=b"),
            ("x=%c3%a9", "x=%C3%A9"),
            ("x=a+b%20c", "x=a%20b%20c"),
            ("b&a=", "b=&a="),
            ("&&a=1&&b=2&", "a=1&b=2"),
            ("a=1&b=2&a=3", "a=1&a=3&b=2"),
            ("b=1&10=2&9=3&01=4", "9=3&10=2&b=1&01=4"),
            ("=1&=2", "=1&=2"),
            ("x=it's(fine)*~!", "x=it's(fine)*~!"),
            ("x=%zz%41", "x=%25zzA"),
            ("x=%ff", "x=%EF%BF%BD"),
            ("x=a=b;c/d:e", "x=a%3Db%3Bc%2Fd%3Ae"),
            ("&", ""),
        ] {
            assert_eq!(stringify(query), anew, "{query}");
        }
    }

    #[test]
    fn logins_go() {
        assert_eq!(without_login("https://u:p@h:1/a@b?c@d").as_deref(), Some("https://h:1/a@b?c@d"));
        assert_eq!(without_login("https://h/a@b"), None);
    }
}
