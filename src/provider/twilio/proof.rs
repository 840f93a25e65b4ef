//! Whether Twilio has posted it: `X-Twilio-Signature`, under the account's auth token.
//!
//! A signature runs names and values together, so that who has one signed post can cut its fields elsewhere. What it
//! was for is remembered with it.

use super::Twilio;
use super::fields::{FormField, signed_fields};
use super::webhook::{check_ids, is_name};
use crate::crypto::signature::twilio::{TwilioSignedPost, is_signature, sorted};
use crate::model::Secret;
use crate::provider::post::is_json;
use crate::provider::{BadPost, PostVerificationContext, ProviderPost, SignatureFingerprint};

/// The header that signs.
pub(super) const SIGNATURE: &str = "x-twilio-signature";

/// Whether a post has a signature, as far as its shape tells.
pub(super) fn has_signature(post: &ProviderPost) -> bool {
    post.header(SIGNATURE).is_some_and(is_signature)
}

impl Twilio {
    /// The fields that the account has signed, as they came, and the signature as it is remembered. What costs little
    /// comes first: whoever posts need not be Twilio.
    pub(super) fn signed(
        &self,
        post: &ProviderPost,
        trial: &PostVerificationContext<'_>,
    ) -> Result<(Vec<FormField>, SignatureFingerprint), BadPost> {
        let given = post.header(SIGNATURE).ok_or(BadPost::Forged)?;
        let is_by_it =
            |signed: &TwilioSignedPost<'_>| (trial.believes)(&|token: &Secret| signed.is_by(token.expose(), given));
        // of JSON its digest is signed, with the URL, and no field
        let is_json = is_json(&post.body);
        if is_json && !TwilioSignedPost::json(&post.url, &post.body).is_some_and(|signed| is_by_it(&signed)) {
            return Err(BadPost::Forged);
        }
        let fields = signed_fields(&post.body)?;
        if !fields.iter().all(|(name, _)| is_name(name)) {
            return Err(BadPost::Forged);
        }
        let sorted = sorted(&fields);
        if !is_json && !is_by_it(&TwilioSignedPost::form(&post.url, &sorted)) {
            return Err(BadPost::Forged);
        }
        // it is signed, and may name its message as nobody would but who has cut it from others
        check_ids(&fields, self.is_twilios).map_err(|reason| BadPost::Invalid(reason.to_string()))?;
        let content = sorted.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let fingerprint = SignatureFingerprint::of(trial.key, given, content);
        Ok((fields, fingerprint))
    }
}
