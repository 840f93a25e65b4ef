//! What a request brings to show who makes it.

use ::http::HeaderMap;
use ::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::{ClientId, KeyId};

/// Where older programs put a client's key.
const KEY: &str = "x-proxy-auth";

/// Whose password it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum BasicAuthUser {
    /// `AC` and the 32 hex digits of a client's id.
    Client(ClientId),
    /// `SK` and the 32 hex digits of a key's id.
    Key(KeyId),
}

impl BasicAuthUser {
    fn parse(sid: &str) -> Option<Self> {
        let (prefix, hex) = sid.split_at_checked(2)?;
        match prefix {
            "AC" => ClientId::from_hex(hex).ok().map(Self::Client),
            "SK" => KeyId::from_hex(hex).ok().map(Self::Key),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum GivenCredentials<'a> {
    Nothing,
    /// `X-Proxy-Auth: <key>`.
    Key(&'a str),
    /// `Authorization: Bearer <key>`, a client's or an administrator's.
    Bearer(&'a str),
    /// `Authorization: Basic <user:password>`.
    Basic(BasicAuthUser, String),
    /// Something that is none of these.
    Other,
}

impl<'a> GivenCredentials<'a> {
    pub(in crate::http) fn of(headers: &'a HeaderMap) -> Self {
        if let Some(key) = headers.get(KEY) {
            return key.to_str().map_or(Self::Other, |key| Self::Key(key.trim()));
        }
        let Some(value) = headers.get(AUTHORIZATION) else { return Self::Nothing };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return Self::Other;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(rest.trim());
        }
        if scheme.eq_ignore_ascii_case("basic") {
            return basic(rest.trim()).map_or(Self::Other, |(user, password)| Self::Basic(user, password));
        }
        Self::Other
    }
}

fn basic(encoded: &str) -> Option<(BasicAuthUser, String)> {
    let (user, password) = decoded(encoded)?;
    Some((BasicAuthUser::parse(&user)?, password))
}

/// RFC 7617: `user:password` in base64; the password may hold colons.
fn decoded(encoded: &str) -> Option<(String, String)> {
    let plain = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    plain.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

/// The login, whosever it is, of a request that brings one.
pub(in crate::http) fn login(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") { decoded(rest.trim()) } else { None }
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;

    const HEX: &str = "00000000000000000000000000000111";

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            Some((::http::HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
        };
        all.iter().filter_map(pair).collect()
    }

    fn encoded(plain: &str) -> String {
        format!("Basic {}", STANDARD.encode(plain))
    }

    #[test]
    fn each_way_is_read() -> Result<(), crate::model::id::NotAnId> {
        let client = BasicAuthUser::Client(ClientId::from_hex(HEX)?);
        let key = BasicAuthUser::Key(KeyId::from_hex(HEX)?);
        assert_eq!(
            GivenCredentials::of(&headers(&[("authorization", "bearer  abc ")])),
            GivenCredentials::Bearer("abc")
        );
        assert_eq!(GivenCredentials::of(&headers(&[("x-proxy-auth", "abc")])), GivenCredentials::Key("abc"));
        let both = headers(&[("authorization", "Bearer a"), ("x-proxy-auth", "b")]);
        assert_eq!(GivenCredentials::of(&both), GivenCredentials::Key("b"));
        for (user, sid) in [(client, "AC"), (key, "SK")] {
            let basic = headers(&[("authorization", &encoded(&format!("{sid}{HEX}:pass:word")))]);
            assert_eq!(GivenCredentials::of(&basic), GivenCredentials::Basic(user, "pass:word".to_owned()));
        }
        assert_eq!(GivenCredentials::of(&headers(&[])), GivenCredentials::Nothing);
        Ok(())
    }

    #[test]
    fn what_is_none_of_them_is_something_else() {
        let bad_basic = [
            encoded(""),
            encoded("AC"),
            encoded("no colon"),
            encoded(&format!("AC{}:x", &HEX[1..])),
            encoded(&format!("XX{HEX}:x")),
            encoded("é:x"),
            "Basic !".to_owned(),
        ];
        let others = ["Bearer".to_owned(), "Digest x".to_owned(), "x".to_owned()];
        for text in bad_basic.iter().chain(&others) {
            assert_eq!(GivenCredentials::of(&headers(&[("authorization", text)])), GivenCredentials::Other, "{text}");
        }
    }
}
