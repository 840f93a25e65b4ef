//! Whether Telnyx has posted it: an Ed25519 signature over `timestamp|body`
//! (<https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::{Id, PKey};
use openssl::sign::Verifier;

use crate::model::{Millis, Secret};
use crate::provider::{BadPost, PostVerificationContext, ProviderPost, SignatureFingerprint};

/// The signature, in base64.
pub(super) const SIGNATURE: &str = "telnyx-signature-ed25519";
/// When it was signed, in seconds since 1970.
pub(super) const TIMESTAMP: &str = "telnyx-timestamp";

/// How far the time of a signature may be from ours: five minutes, as Telnyx advises.
const TOLERANCE_MS: u64 = 5 * 60_000;

/// Whether a public key has the shape of one.
pub(super) fn is_key(key: &Secret) -> bool {
    STANDARD.decode(key.expose()).is_ok_and(|bytes| bytes.len() == 32)
}

/// The signature of a post, if it has the shape of one.
fn signature(post: &ProviderPost) -> Option<Vec<u8>> {
    STANDARD.decode(post.header(SIGNATURE)?).ok().filter(|bytes| bytes.len() == 64)
}

/// Whether a post has what its proof needs.
pub(super) fn has_signature(post: &ProviderPost) -> bool {
    signature(post).is_some() && post.header(TIMESTAMP).is_some()
}

fn is_by(key: &Secret, said: &[u8], signature: &[u8]) -> bool {
    let Ok(raw) = STANDARD.decode(key.expose()) else { return false };
    let Ok(key) = PKey::public_key_from_raw_bytes(&raw, Id::ED25519) else { return false };
    let verified = Verifier::new_without_digest(&key).and_then(|mut verifier| verifier.verify_oneshot(signature, said));
    verified.unwrap_or(false)
}

/// Whether the account's key has signed a post, a short while ago; and the signature as it is remembered.
pub(super) fn prove(post: &ProviderPost, trial: &PostVerificationContext<'_>) -> Result<SignatureFingerprint, BadPost> {
    let signature = signature(post).ok_or(BadPost::Forged)?;
    let (given, timestamp) = post.header(SIGNATURE).zip(post.header(TIMESTAMP)).ok_or(BadPost::Forged)?;
    let seconds: Option<Millis> = timestamp.parse().ok();
    let at_ms = seconds.and_then(|seconds| seconds.checked_mul(1000)).ok_or(BadPost::Forged)?;
    if trial.now_ms.abs_diff(at_ms) > TOLERANCE_MS {
        return Err(BadPost::Forged);
    }
    let said = [timestamp.as_bytes(), b"|", &post.body[..]].concat();
    if !(trial.believes)(&|key: &Secret| is_by(key, &said, &signature)) {
        return Err(BadPost::Forged);
    }
    Ok(SignatureFingerprint::of(trial.key, given, [timestamp.as_bytes(), &post.body[..]]))
}
