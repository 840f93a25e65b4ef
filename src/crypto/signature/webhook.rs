//! Standard Webhooks: how what we send is signed (<https://www.standardwebhooks.com>, symmetric).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::crypto::hash::hmac;
use crate::crypto::random;
use crate::model::Secret;

const PREFIX: &str = "whsec_";
const NEW_LENGTH: usize = 32;

/// The key of an endpoint: 24 to 64 bytes, written `whsec_` and base64.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct WebhookSecret(Vec<u8>);

#[derive(Debug, thiserror::Error)]
#[error("a webhook secret is whsec_ and 24 to 64 bytes in base64")]
pub struct NotAWebhookSecret;

impl WebhookSecret {
    pub fn generate() -> Self {
        Self(Zeroizing::new(random::<NEW_LENGTH>()).to_vec())
    }

    /// `whsec_…`: to show once, and to seal.
    pub fn to_text(&self) -> Secret {
        let encoded = Zeroizing::new(STANDARD.encode(&self.0));
        Secret::new([PREFIX, &encoded].concat())
    }
}

impl FromStr for WebhookSecret {
    type Err = NotAWebhookSecret;

    fn from_str(text: &str) -> Result<Self, NotAWebhookSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotAWebhookSecret)?;
        let key = STANDARD.decode(encoded).map(Self).map_err(|_| NotAWebhookSecret)?;
        if (24..=64).contains(&key.0.len()) { Ok(key) } else { Err(NotAWebhookSecret) }
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// One value of `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
/// While a secret is replaced, both signatures are sent with a space between.
pub fn sign(secret: &WebhookSecret, id: &str, timestamp_secs: i64, body: &[u8]) -> String {
    let mut mac: Hmac<Sha256> = hmac(&secret.0);
    mac.update(format!("{id}.{timestamp_secs}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::vectors;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    #[test]
    fn what_their_library_signs_is_ours() -> Result {
        let vectors = vectors("standard_webhooks.json")?;
        let text = |name: &str| vectors[name].as_str().ok_or(name.to_owned());
        let at = vectors["timestamp"].as_i64().ok_or("no timestamp")?;
        let secret: WebhookSecret = text("secret")?.parse()?;
        assert_eq!(sign(&secret, text("id")?, at, text("payload")?.as_bytes()), text("signature")?);
        assert_eq!(secret.to_text().expose(), text("secret")?);
        Ok(())
    }

    #[test]
    fn a_secret_is_24_to_64_bytes_and_is_not_printed() -> Result {
        let secret = WebhookSecret::generate();
        assert_eq!(secret.to_text().expose().parse::<WebhookSecret>()?, secret);
        assert_ne!(WebhookSecret::generate(), secret);
        assert_eq!(format!("{secret:?} {:?}", secret.to_text()), "(hidden) (hidden)");
        let of = |length: usize| format!("whsec_{}", STANDARD.encode(vec![7; length]));
        for (length, is_good) in [(0, false), (23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(of(length).parse::<WebhookSecret>().is_ok(), is_good, "{length}");
        }
        for bad in [&of(32)[6..], "whsec_!", "", "whsec_", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(bad.parse::<WebhookSecret>().is_err(), "{bad}");
        }
        Ok(())
    }
}
