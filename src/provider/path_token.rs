//! The secret segment of the path that a carrier posts to: the `webhook_token` of an account at a carrier that signs
//! nothing, or not for everybody.

use subtle::ConstantTimeEq as _;

use super::{BadCredentials, BadPost, PostVerificationContext, ProviderPost};
use crate::crypto::hash;
use crate::model::Secret;

/// Whoever guesses a token can make messages up.
const SHORTEST: usize = 16;

fn is_token(text: &str) -> bool {
    text.len() >= SHORTEST && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Whether a path with this token is one that nobody guesses.
pub(super) fn check(token: &Secret) -> Result<(), BadCredentials> {
    if is_token(token.expose()) {
        return Ok(());
    }
    Err(BadCredentials::Field("webhook_token must be 16 letters, digits, - and _ or more"))
}

/// Whether a post has come to a path that can be an account's.
pub(super) fn has_token(post: &ProviderPost) -> bool {
    post.secret.as_deref().is_some_and(is_token)
}

/// Whether a post has come to the path of this account: how long it takes to tell says nothing of its tokens.
pub(super) fn prove(post: &ProviderPost, trial: &PostVerificationContext<'_>) -> Result<(), BadPost> {
    let hashed = |path: &str| hash::sha256_hex(path.as_bytes());
    let given = hashed(post.secret.as_deref().unwrap_or_default());
    let is_it = |path: &Secret| bool::from(hashed(path.expose()).as_bytes().ct_eq(given.as_bytes()));
    if (trial.believes)(&is_it) { Ok(()) } else { Err(BadPost::Forged) }
}
