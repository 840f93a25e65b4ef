//! `X-Twilio-Signature`: HMAC-SHA1 over the public URL and, for a form, its sorted parameters
//! (<https://www.twilio.com/docs/usage/security>).

mod form;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::crypto::hash::{hmac, sha256_hex};

/// What Twilio writes for a request to `url` with these form parameters; none for a JSON body.
pub fn sign(token: &str, url: &str, params: &[(String, String)]) -> String {
    TwilioSignedPost::form(url, &sorted(params)).seal(token, url)
}

/// The parameters in the order in which they are signed, none twice.
pub fn sorted(params: &[(String, String)]) -> Vec<(&str, &str)> {
    let mut sorted: Vec<_> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// Whether this has the shape of one: base64 of so many bytes as SHA-1 has.
pub fn is_signature(given: &str) -> bool {
    given.len() == 28 && STANDARD.decode(given).is_ok_and(|bytes| bytes.len() == 20)
}

/// What a post's signature is over, made once: a URL has many forms, an account several tokens, and whoever posts need
/// not be Twilio.
pub struct TwilioSignedPost<'a> {
    url: &'a str,
    said: String,
}

impl<'a> TwilioSignedPost<'a> {
    /// A form, its parameters [`sorted`].
    pub fn form(url: &'a str, sorted: &[(&str, &str)]) -> Self {
        Self { url, said: sorted.iter().flat_map(|(name, value)| [*name, *value]).collect() }
    }

    /// JSON: the URL is signed. `None`: its `bodySHA256` is not the body's.
    pub fn json(url: &'a str, body: &[u8]) -> Option<Self> {
        let claimed = form::digest(url)?;
        let is_whole: bool = sha256_hex(body).as_bytes().ct_eq(claimed.as_bytes()).into();
        is_whole.then(|| Self { url, said: String::new() })
    }

    /// Whether `given` signs it, to any form of the URL; a login in it may have been signed or not.
    pub fn is_by(&self, token: &str, given: &str) -> bool {
        let urls = || [Some(self.url.to_owned()), form::without_login(self.url)].into_iter().flatten();
        let mut tried: Vec<String> = Vec::new();
        let mut is_signed = |form: String| {
            let is_new = !tried.contains(&form);
            let is_it = is_new && self.seal(token, &form).as_bytes().ct_eq(given.as_bytes()).into();
            tried.push(form);
            is_it
        };
        // most are signed as they are written: what costs more is for those that are not
        urls().any(|url| form::written(&url).into_iter().any(&mut is_signed))
            || urls().any(|url| form::browsed(&url).into_iter().any(&mut is_signed))
    }

    fn seal(&self, token: &str, url: &str) -> String {
        let mut mac: Hmac<Sha1> = hmac(token.as_bytes());
        mac.update(url.as_bytes());
        mac.update(self.said.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::crypto::vectors;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    fn verify_form(token: &str, url: &str, params: &[(String, String)], given: &str) -> bool {
        TwilioSignedPost::form(url, &sorted(params)).is_by(token, given)
    }

    fn verify_json(token: &str, url: &str, body: &[u8], given: &str) -> bool {
        TwilioSignedPost::json(url, body).is_some_and(|signed| signed.is_by(token, given))
    }

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
            assert!(is_signature(signature), "{case}");
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
    fn a_digest_stands_where_twilio_writes_it() {
        let pair = format!("bodySHA256={}", sha256_hex(b"{}"));
        for (query, is_it) in [
            (pair.clone(), true),
            (format!("a=1&{pair}"), true),
            // fetched by GET, which signs the URL alone
            (format!("{pair}&CallSid=CA1"), false),
            (format!("{pair}&bodySHA256="), false),
            (format!("{pair}&"), false),
        ] {
            assert_eq!(
                TwilioSignedPost::json(&format!("https://example.org/?{query}"), b"{}").is_some(),
                is_it,
                "{query}"
            );
        }
    }

    #[test]
    fn a_signature_has_a_shape() {
        let good = STANDARD.encode([0xff; 20]);
        assert!(is_signature(&good));
        let (short, long) = (STANDARD.encode([0xff; 19]), STANDARD.encode([0xff; 21]));
        for bad in ["", "guess", &good[1..], &format!("{good}="), &good.replace('/', "_"), &short, &long] {
            assert!(!is_signature(bad), "{bad}");
        }
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

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_else_verifies(url in "\\PC{0,60}", given in "\\PC{0,40}", body in any::<Vec<u8>>()) {
            prop_assert!(!verify_json("token", &url, &body, &given));
            prop_assert!(!verify_form("token", &url, &[], &given));
            // an empty query is none
            prop_assume!(!url.ends_with('?'));
            prop_assert!(verify_form("token", &url, &[], &sign("token", &url, &[])));
        }
    }
}
