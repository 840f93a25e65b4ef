//! By what a described carrier's posts are proved to be its own, besides the path that they come to.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use http::HeaderName;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use super::escape::EscapeContext;
use super::login::{LoginDescription, LoginTemplate};
use super::template::{FillSource, Template, secret};
use crate::crypto::hash;
use crate::model::Secret;
use crate::provider::ProviderPost;

/// A proof as a description writes it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ProofDescription {
    /// Whoever knows the account's path is believed.
    SecretPath,
    Hmac(HmacDescription),
    Basic(LoginDescription),
    Bearer(BearerDescription),
}

/// A keyed hash of the body, to the byte.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HmacDescription {
    hash: HmacHash,
    encoding: HmacEncoding,
    header: String,
    /// What stands before it in the header.
    #[serde(default)]
    prefix: String,
    key: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BearerDescription {
    token: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum HmacHash {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum HmacEncoding {
    Hex,
    Base64,
}

/// A proof of which the secrets are not known yet.
#[derive(Clone)]
pub(super) enum ProofTemplate {
    SecretPath,
    Hmac(HmacShape, Template),
    Basic(LoginTemplate),
    Bearer(Template),
}

/// Where and how a keyed hash is written.
#[derive(Clone, Debug)]
pub(super) struct HmacShape {
    hash: HmacHash,
    encoding: HmacEncoding,
    header: HeaderName,
    prefix: String,
}

/// What posts of one account are held against.
#[derive(Clone)]
pub(super) enum PostProof {
    SecretPath,
    Hmac(HmacShape, Secret),
    /// A scheme of `Authorization`, and what follows it.
    Authorization(&'static str, Secret),
}

impl ProofDescription {
    pub(super) fn compile(&self, field: &str) -> Result<ProofTemplate, String> {
        match self {
            Self::SecretPath => Ok(ProofTemplate::SecretPath),
            Self::Hmac(described) => {
                let field = format!("{field}.hmac");
                let header: HeaderName =
                    described.header.parse().map_err(|_| format!("{field}.header is no name of a header"))?;
                let HmacDescription { hash, encoding, prefix, key, .. } = described.clone();
                let key = secret(&format!("{field}.key"), &key)?;
                Ok(ProofTemplate::Hmac(HmacShape { hash, encoding, header, prefix }, key))
            }
            Self::Basic(login) => Ok(ProofTemplate::Basic(login.compile(&format!("{field}.basic"))?)),
            Self::Bearer(described) => {
                Ok(ProofTemplate::Bearer(secret(&format!("{field}.bearer.token"), &described.token)?))
            }
        }
    }
}

impl ProofTemplate {
    pub(super) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::SecretPath => Vec::new(),
            Self::Hmac(_, key) => vec![key],
            Self::Basic(login) => login.templates().collect(),
            Self::Bearer(token) => vec![token],
        }
    }

    pub(super) fn add_secrets(&self, names: &mut BTreeSet<String>) {
        self.templates().into_iter().for_each(|template| template.add_secrets(names));
    }

    /// The proof with an account's secrets. What is empty proves nothing: whoever reads the description knows it.
    pub(super) fn open(&self, source: &FillSource<'_>) -> Result<PostProof, String> {
        let filled = |template: &Template| match template.fill(source, EscapeContext::Whole)? {
            empty if empty.is_empty() => Err("proof must have no part that is empty".to_owned()),
            text => Ok(Secret::new(text)),
        };
        for template in self.templates() {
            filled(template)?;
        }
        Ok(match self {
            Self::SecretPath => PostProof::SecretPath,
            Self::Hmac(shape, key) => PostProof::Hmac(shape.clone(), filled(key)?),
            Self::Basic(login) => PostProof::Authorization("basic", login.fill(source)?),
            Self::Bearer(token) => PostProof::Authorization("bearer", filled(token)?),
        })
    }
}

impl PostProof {
    /// Whether a post that has come to the account's own path brings it.
    pub(super) fn holds(&self, post: &ProviderPost) -> bool {
        match self {
            Self::SecretPath => true,
            Self::Hmac(shape, key) => shape.holds(key, post).unwrap_or(false),
            Self::Authorization(scheme, wanted) => {
                let given = post.header("authorization").and_then(|given| given.split_once(' '));
                given.is_some_and(|(named, rest)| {
                    named.eq_ignore_ascii_case(scheme) && is_same(wanted.expose(), rest.trim())
                })
            }
        }
    }
}

impl HmacShape {
    /// `None`: there is no hash of this shape.
    fn holds(&self, key: &Secret, post: &ProviderPost) -> Option<bool> {
        let given = post.header(self.header.as_str())?.trim().strip_prefix(self.prefix.as_str())?;
        let given = match self.encoding {
            HmacEncoding::Hex => hex::decode(given).ok()?,
            HmacEncoding::Base64 => STANDARD.decode(given).ok()?,
        };
        let key = key.expose().as_bytes();
        Some(match self.hash {
            HmacHash::Sha1 => is_mac::<Hmac<Sha1>>(key, &post.body, &given),
            HmacHash::Sha256 => is_mac::<Hmac<Sha256>>(key, &post.body, &given),
            HmacHash::Sha512 => is_mac::<Hmac<Sha512>>(key, &post.body, &given),
        })
    }
}

/// Compares in constant time. Only the whole hash will do.
fn is_mac<M: Mac + KeyInit>(key: &[u8], body: &[u8], given: &[u8]) -> bool {
    let Ok(mut mac) = <M as Mac>::new_from_slice(key) else { return false };
    mac.update(body);
    mac.verify_slice(given).is_ok()
}

/// Whether two secrets are the same: how long it takes to tell says nothing of them.
fn is_same(one: &str, other: &str) -> bool {
    let hashed = |text: &str| hash::sha256_hex(text.as_bytes());
    hashed(one).as_bytes().ct_eq(hashed(other).as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use super::*;
    use crate::provider::PostKind;
    use crate::provider::http_api::template::NamedSecrets;

    fn opened(description: Value) -> Result<PostProof, String> {
        let read: ProofDescription = serde_json::from_value(description).map_err(|error| error.to_string())?;
        let named = [("key", "Jefe"), ("empty", "")];
        let secrets: NamedSecrets =
            named.into_iter().map(|(name, text)| (name.to_owned(), Secret::new(text.to_owned()))).collect();
        read.compile("proof")?.open(&FillSource::secrets(&secrets))
    }

    fn post(header: &'static str, value: &str, body: &'static str) -> ProviderPost {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(header), HeaderValue::from_str(value).unwrap())]);
        ProviderPost { what: PostKind::Text, url: String::new(), secret: None, headers, body: body.into() }
    }

    /// RFC 2202 and RFC 4231: the second test case of each.
    const BODY: &str = "what do ya want for nothing?";
    const SHA1: &str = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
    const SHA256: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const SHA512: &str = concat!(
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554",
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    );

    #[test]
    fn the_body_is_hashed_to_the_byte() {
        for (hash, mac) in [("sha1", SHA1), ("sha256", SHA256), ("sha512", SHA512)] {
            let hmac = |encoding: &str, prefix: &str| {
                opened(json!({"hmac": {"hash": hash, "encoding": encoding, "header": "X-Signature", "prefix": prefix,
                    "key": "{secret.key}"}}))
                .unwrap()
            };
            let in_base64 = STANDARD.encode(hex::decode(mac).unwrap());
            assert!(hmac("hex", "").holds(&post("x-signature", mac, BODY)), "{hash}");
            assert!(hmac("hex", "").holds(&post("x-signature", &mac.to_uppercase(), BODY)), "{hash}");
            assert!(hmac("base64", "").holds(&post("x-signature", &in_base64, BODY)), "{hash}");
            assert!(hmac("hex", "mac=").holds(&post("x-signature", &format!("mac={mac}"), BODY)), "{hash}");
            for (header, value, body) in [
                ("x-signature", mac, "what do ya want for nothing!"),
                ("x-signature", &mac[2..], BODY),
                ("x-signature", "", BODY),
                ("x-signature", "zz", BODY),
                ("x-signature", in_base64.as_str(), BODY),
                ("x-other", mac, BODY),
            ] {
                assert!(!hmac("hex", "").holds(&post(header, value, body)), "{hash} {header}: {value}");
            }
            assert!(!hmac("hex", "mac=").holds(&post("x-signature", mac, BODY)), "{hash}");
        }
    }

    #[test]
    fn logins_are_compared_whole() {
        let basic = opened(json!({"basic": {"user": "me", "password": "{secret.key}"}})).unwrap();
        let bearer = opened(json!({"bearer": {"token": "{secret.key}"}})).unwrap();
        let login = STANDARD.encode("me:Jefe");
        for (proof, value, holds) in [
            (&basic, format!("Basic {login}"), true),
            (&basic, format!("basic  {login}"), true),
            (&basic, format!("Bearer {login}"), false),
            (&basic, format!("Basic {}", STANDARD.encode("me:jefe")), false),
            (&basic, format!("Basic {}", STANDARD.encode("me")), false),
            (&basic, login.clone(), false),
            (&bearer, "Bearer Jefe".to_owned(), true),
            (&bearer, "Bearer Jef".to_owned(), false),
            (&bearer, "Bearer ".to_owned(), false),
            (&bearer, "Basic Jefe".to_owned(), false),
        ] {
            assert_eq!(proof.holds(&post("authorization", &value, "")), holds, "{value}");
        }
        assert!(!basic.holds(&post("x-other", "", "")));
        assert!(opened(json!("secret_path")).unwrap().holds(&post("x-other", "", "")));
    }

    #[test]
    fn a_proof_that_a_reader_of_the_description_knows_is_none() {
        let hmac = |header: &str, key: &str| {
            let shape = json!({"hash": "sha256", "encoding": "hex", "header": header, "key": key});
            json!({"hmac": shape})
        };
        for (wrong, field) in [
            (hmac("X-Sig", "hush"), "proof.hmac.key "),
            (hmac("X Sig", "{secret.key}"), "proof.hmac.header "),
            (json!({"basic": {"user": "{secret.key}", "password": "hush"}}), "proof.basic.password "),
            (json!({"bearer": {"token": ""}}), "proof.bearer.token "),
            (hmac("X-Sig", "{secret.empty}"), "proof must have no part that is empty"),
            (json!({"bearer": {"token": "{secret.empty}"}}), "proof must have no part that is empty"),
            (json!({"basic": {"user": "me", "password": "{secret.empty}"}}), "proof must have no part that is empty"),
            (hmac("X-Sig", "{secret.other}"), "no secret of the account is other"),
            (json!("nothing"), "unknown variant"),
        ] {
            let said = opened(wrong.clone()).err().unwrap_or_default();
            assert!(said.starts_with(field), "{wrong}: {said}");
        }
    }
}
