//! What is wrong at HTTP's own level, told in the log: hyper answers it with an empty 400, and no request is made of it.
//!
//! The first line that a connection brings is remembered until it is read. Of later requests on the same connection
//! only hyper's own words are known: what they begin with may be the rest of a body.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::path;
use crate::model::lock::lock;

/// Bytes of a line that are kept.
const MOST: usize = 1024;
/// Characters of a method that is shown.
const LONGEST_METHOD: usize = 16;

/// The beginning of the first line of a connection.
#[derive(Default)]
pub(super) struct RawRequestLine {
    is_over: AtomicBool,
    bytes: Mutex<Vec<u8>>,
}

impl RawRequestLine {
    /// What was read next.
    pub(super) fn add(&self, read: &[u8]) {
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        let mut bytes = lock(&self.bytes);
        // empty lines before it are none
        let read = if bytes.is_empty() { read.trim_ascii_start() } else { read };
        let end = read.iter().position(|byte| *byte == b'\n');
        let line = &read[..end.unwrap_or(read.len())];
        let room = MOST - bytes.len();
        bytes.extend_from_slice(&line[..line.len().min(room)]);
        if end.is_some() || bytes.len() == MOST {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    /// It was read: it is a request, and nothing to tell of.
    pub(super) fn forget(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        let mut bytes = lock(&self.bytes);
        if !bytes.is_empty() {
            *bytes = Vec::new();
        }
    }
}

/// Says what was refused, and what its client is to do.
pub(super) fn tell(peer: SocketAddr, line: &RawRequestLine, error: &hyper::Error) {
    let bytes = lock(&line.bytes);
    let MalformedHttpRequestLine { method, path, reason } = wrong(&bytes);
    let reason = reason.unwrap_or_else(|| error.to_string());
    tracing::warn!(address = %peer.ip(), method, path, reason, "refused what is no HTTP request");
}

/// What a first line says, as far as it may be shown.
#[derive(Debug, PartialEq, Eq)]
struct MalformedHttpRequestLine {
    method: String,
    path: String,
    reason: Option<String>,
}

fn wrong(line: &[u8]) -> MalformedHttpRequestLine {
    if line.starts_with(&[22, 3]) {
        let reason = "it speaks TLS, and this port does not: set tls.cert and tls.key, or use http://";
        return MalformedHttpRequestLine {
            method: String::new(),
            path: String::new(),
            reason: Some(reason.to_owned()),
        };
    }
    let line = line.trim_ascii_end();
    let (method, rest) = line.iter().position(|byte| *byte == b' ').map_or((line, &[][..]), |at| line.split_at(at));
    let is_method = method.len() <= LONGEST_METHOD && method.iter().all(u8::is_ascii_uppercase);
    let method = if is_method { String::from_utf8_lossy(method).into_owned() } else { "?".to_owned() };
    let target = rest.get(1..).unwrap_or_default();
    let version = target.windows(6).rposition(|end| end == b" HTTP/");
    let target = &target[..version.unwrap_or(target.len())];
    // bytes of other alphabets are taken where they are UTF-8: what is of ours comes first
    let odd = target.iter().find(|byte| byte.is_ascii() && !may_stand(**byte));
    let odd = odd.or_else(|| target.iter().find(|byte| !byte.is_ascii()));
    let reason = odd.filter(|_| is_method).map(|byte| encode(*byte));
    MalformedHttpRequestLine { method, path: shown(target), reason }
}

/// Whether a byte may stand in the target of a request as it is (RFC 3986, appendix A).
fn may_stand(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)
}

fn encode(byte: u8) -> String {
    match byte {
        b' ' => "encode a blank in the URL as %20".to_owned(),
        _ if byte.is_ascii_graphic() => format!("encode `{}` in the URL as %{byte:02X}", char::from(byte)),
        _ => format!("encode the byte {byte:#04X} in the URL as %{byte:02X}"),
    }
}

/// The path as far as it may stand in a request.
fn shown(target: &[u8]) -> String {
    // a whole URL may begin with a login
    if !target.starts_with(b"/") {
        return "…".to_owned();
    }
    let end = target.iter().position(|byte| *byte == b'?' || !may_stand(*byte)).unwrap_or(target.len());
    path::LoggedPath(&String::from_utf8_lossy(&target[..end])).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_encoded_is_told_and_nothing_that_is_a_secret() {
        for (line, method, path, reason) in [
            ("GET /v1/messages?created_from>=2020 HTTP/1.1", "GET", "/v1/messages", "encode `>` in the URL as %3E"),
            ("GET /v1/calls?a=\"b\" HTTP/1.1", "GET", "/v1/calls", "encode `\"` in the URL as %22"),
            (
                "POST /webhooks/flowroute/secret/a b HTTP/1.1",
                "POST",
                "/webhooks/flowroute/…/…",
                "encode a blank in the URL as %20",
            ),
            (
                "DELETE /v1/opt-outs/+14155550100/<x> HTTP/1.1",
                "DELETE",
                "/v1/opt-outs/…/",
                "encode `<` in the URL as %3C",
            ),
            ("GET /v1/méssages HTTP/1.1", "GET", "/v1/…", "encode the byte 0xC3 in the URL as %C3"),
            ("GET /v1/calls?a=é&b=<", "GET", "/v1/calls", "encode `<` in the URL as %3C"),
            ("GET /<", "GET", "/", "encode `<` in the URL as %3C"),
        ] {
            let wanted =
                MalformedHttpRequestLine { method: method.into(), path: path.into(), reason: Some(reason.into()) };
            assert_eq!(wrong(line.as_bytes()), wanted, "{line}");
        }
        for (line, method) in [("GET / HTTP/1.1", "GET"), ("secret", "?"), ("get /<a> HTTP/1.1", "?"), ("", "")] {
            let MalformedHttpRequestLine { method: shown, reason, .. } = wrong(line.as_bytes());
            assert_eq!((shown.as_str(), reason), (method, None), "{line}");
        }
        assert!(wrong(b"\x16\x03\x01\x02\x00").reason.is_some_and(|reason| reason.contains("TLS")));
    }

    #[test]
    fn only_the_first_line_is_remembered_and_no_longer_than_it_must_be() {
        let line = RawRequestLine::default();
        for part in ["\r\n", "GE", "T /<", "> HTTP/1.1\r\nAuthorization", ": secret"] {
            line.add(part.as_bytes());
        }
        let bytes = || lock(&line.bytes).clone();
        assert_eq!(bytes(), b"GET /<> HTTP/1.1\r");
        line.forget();
        line.add(b"a body");
        assert!(bytes().is_empty() && bytes().capacity() == 0);
        let long = RawRequestLine::default();
        long.add(&[b'x'; 5000]);
        assert_eq!(lock(&long.bytes).len(), MOST);
    }
}
