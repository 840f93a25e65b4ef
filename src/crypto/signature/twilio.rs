//! `X-Twilio-Signature`: HMAC-SHA1 over the public URL and, for a form, its sorted parameters
//! (<https://www.twilio.com/docs/usage/security>).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use percent_encoding::percent_decode_str;
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::crypto::hash::{hmac, sha256_hex};

/// What Twilio writes for a request to `url` with these form parameters; none for a JSON body.
pub fn sign(token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in params {
        sorted.entry(name).or_default().insert(value);
    }
    let mut mac: Hmac<Sha1> = hmac(token.as_bytes());
    mac.update(url.as_bytes());
    for (name, values) in sorted {
        for value in values {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Whether `given` signs this form post, the port of the URL written or not.
pub fn verify_form(token: &str, url: &str, params: &[(String, String)], given: &str) -> bool {
    let (bare, ported) = port_variants(url);
    // each is computed, whatever the one before said
    let matches = [url, &bare, &ported].map(|url| sign(token, url, params).as_bytes().ct_eq(given.as_bytes()));
    (matches[0] | matches[1] | matches[2]).into()
}

/// Whether `given` signs this JSON post: the URL is signed, and its `bodySHA256` is the body's.
pub fn verify_json(token: &str, url: &str, body: &[u8], given: &str) -> bool {
    let Some(claimed) = body_digest(url) else { return false };
    let is_whole: bool = sha256_hex(body).as_bytes().ct_eq(claimed.as_bytes()).into();
    verify_form(token, url, &[], given) && is_whole
}

/// `bodySHA256` of the query.
fn body_digest(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or(query);
    let claimed = query.split('&').find_map(|pair| pair.strip_prefix("bodySHA256="))?;
    percent_decode_str(claimed).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The URL without a port, and with one. Twilio signs either, depending on its product.
fn port_variants(url: &str) -> (String, String) {
    let same = || (url.to_owned(), url.to_owned());
    let Some((scheme, rest)) = url.split_once("://") else { return same() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // the colons of an IPv6 address are inside brackets
    let port_at = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let default = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    match port_at {
        Some(at) => (format!("{scheme}://{}{path}", &authority[..at]), url.to_owned()),
        None => (url.to_owned(), format!("{scheme}://{authority}:{default}{path}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::crypto::vectors;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().unwrap_or_default()
    }

    fn params(case: &Value) -> Vec<(String, String)> {
        let mut params = Vec::new();
        for (name, value) in case["params"].as_object().into_iter().flatten() {
            match value {
                Value::Array(values) => {
                    params.extend(values.iter().map(|v| (name.clone(), v.as_str().unwrap_or_default().to_owned())));
                }
                value => params.push((name.clone(), value.as_str().unwrap_or_default().to_owned())),
            }
        }
        params
    }

    #[test]
    fn what_twilios_library_signs_is_ours() -> Result {
        let vectors = vectors("twilio_signatures.json")?;
        let (token, cases) = (text(&vectors, "auth_token"), vectors["cases"].as_array().ok_or("no cases")?);
        assert!(cases.len() >= 6);
        for case in cases {
            let (url, signature, mut params) = (text(case, "url"), text(case, "signature"), params(case));
            assert_eq!(sign(token, url, &params), signature, "{case}");
            params.reverse();
            if let Some(body) = case["body"].as_str() {
                assert!(verify_json(token, url, body.as_bytes(), signature), "{case}");
                assert!(!verify_json(token, url, format!("{body} ").as_bytes(), signature), "{case}");
            } else {
                assert!(verify_form(token, url, &params, signature), "{case}");
                assert!(!verify_json(token, url, b"", signature), "{case}");
            }
            assert!(!verify_form("another", url, &params, signature), "{case}");
            assert!(!verify_form(token, &format!("{url}x"), &params, signature), "{case}");
            params.push(("Extra".into(), String::new()));
            assert!(!verify_form(token, url, &params, signature), "{case}");
        }
        Ok(())
    }

    #[test]
    fn ports_are_taken_as_twilios_validator_takes_them() -> Result {
        let vectors = vectors("twilio_signatures.json")?;
        let token = text(&vectors, "auth_token");
        let cases = vectors["cases"].as_array().ok_or("no cases")?;
        for variant in vectors["port_variants"].as_array().ok_or("no variants")? {
            let case = cases.iter().find(|case| case["name"] == variant["name"]).ok_or("no such case")?;
            let params = params(case);
            let signature = sign(token, text(variant, "signed_url"), &params);
            let is_accepted = verify_form(token, text(variant, "seen_url"), &params, &signature);
            assert_eq!(Some(is_accepted), variant["accepted"].as_bool(), "{variant}");
        }
        Ok(())
    }

    #[test]
    fn ports_are_found_in_every_host() {
        for (url, bare, ported) in [
            ("https://h/a:b?c=:1", "https://h/a:b?c=:1", "https://h:443/a:b?c=:1"),
            ("http://h:8080", "http://h", "http://h:8080"),
            ("http://[::1]/x", "http://[::1]/x", "http://[::1]:80/x"),
            ("http://[::1]:81/x", "http://[::1]/x", "http://[::1]:81/x"),
            ("nonsense", "nonsense", "nonsense"),
        ] {
            assert_eq!(port_variants(url), (bare.to_owned(), ported.to_owned()), "{url}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_else_verifies(url in "\\PC{0,60}", given in "\\PC{0,40}", body in any::<Vec<u8>>()) {
            prop_assert!(!verify_json("token", &url, &body, &given));
            prop_assert!(!verify_form("token", &url, &[], &given));
            prop_assert!(verify_form("token", &url, &[], &sign("token", &url, &[])));
        }
    }
}
