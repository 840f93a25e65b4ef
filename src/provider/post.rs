//! A post to one of our webhooks: as it came, and as an account has proved it.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::{DeliveryReceipt, InboundCall, InboundMessage, PostKind, UnreadableWebhook};
use crate::crypto::HashKey;
use crate::model::{Millis, Secret, bom, json, text};

/// A post as it came.
pub struct ProviderPost {
    pub what: PostKind,
    /// The public URL, with its query, that it came to.
    pub url: String,
    /// The secret segment of its path, where the carrier's paths have one.
    pub secret: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl ProviderPost {
    /// A header, if it is text.
    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        self.headers.get(wanted).and_then(|value| value.to_str().ok())
    }
}

/// Which accounts of its carrier may have sent a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountClaim {
    /// The one of this name at the carrier: it says so itself.
    Account(String),
    Any,
}

/// Whether a token proves a post.
pub type TokenProves<'a> = &'a dyn Fn(&Secret) -> bool;

/// What a post is held against: the tokens of one account, at this moment.
pub struct PostVerificationContext<'a> {
    /// Whether one of the tokens that are believed now is such as this.
    pub believes: &'a dyn Fn(TokenProves<'_>) -> bool,
    /// Under which signatures are remembered.
    pub key: &'a HashKey,
    pub now_ms: Millis,
}

/// A post that an account has proved to be its own.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedPost {
    pub parsed: ParsedPost,
    /// What is kept of it: read again, it gives the same.
    pub payload: String,
    /// By which its signature is taken once.
    pub fingerprint: Option<SignatureFingerprint>,
}

/// What is kept of it stays out of logs.
impl fmt::Debug for VerifiedPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedPost({} bytes)", self.payload.len())
    }
}

/// What a post says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedPost {
    Text(InboundMessage),
    Receipt(DeliveryReceipt),
    Call(InboundCall),
    /// It tells of something that is not ours to know.
    Nothing,
}

/// A signature as it is remembered, and what it was for: the same signature for anything else is forged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFingerprint {
    pub signature: [u8; 16],
    pub content: [u8; 16],
}

impl SignatureFingerprint {
    pub(super) fn of<'a>(key: &HashKey, signature: &str, content: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let short = |mac: [u8; 32]| std::array::from_fn(|nth| mac[nth]);
        Self { signature: short(key.mac(&[signature.as_bytes()])), content: short(key.mac_all(content)) }
    }
}

/// Why a post is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPost {
    /// No account of ours has sent it, whatever it says.
    #[error("no account of ours has sent this")]
    Forged,
    /// It is for an account to which nobody posts such things.
    #[error("nobody posts this here")]
    Unwanted,
    /// Its account cannot be opened as it was sealed: what is posted now is to be posted again.
    #[error("this account cannot be used now")]
    Unopened,
    /// It is such as its carrier does not write: whoever has posted it need not be the carrier.
    #[error("{0}")]
    Invalid(String),
    /// It is theirs, and not what they document.
    #[error(transparent)]
    Unreadable(#[from] UnreadableWebhook),
}

/// Whether a body is JSON. Forms begin with the name of a field, which no carrier begins with a brace.
pub(super) fn is_json(body: &[u8]) -> bool {
    bom::skip(body).trim_ascii_start().starts_with(b"{")
}

/// What came, as a column of text holds it: read again, it gives the same fields.
pub(super) fn storable(body: &[u8]) -> String {
    if is_json(body) {
        return String::from_utf8_lossy(&json::repaired(bom::skip(body))).into_owned();
    }
    let text = text::lossy(body);
    if text.contains('\0') { text.replace('\0', "%00") } else { text.into_owned() }
}

/// What is kept of a receipt. What it repeats of its message goes: that may be a code, and nobody reads it there.
pub(super) fn without_words(payload: String) -> String {
    const FIELD: &str = "Body=";
    if let Ok(mut said) = serde_json::from_str::<Value>(&payload) {
        return if silence(&mut said) { said.to_string() } else { payload };
    }
    if !payload.contains(FIELD) {
        return payload;
    }
    let others: Vec<&str> = payload.split('&').filter(|field| !field.starts_with(FIELD)).collect();
    others.join("&")
}

/// Empties texts; whether there were any.
fn silence(said: &mut Value) -> bool {
    match said {
        // each of them, and not only up to the first
        Value::Array(all) => all.iter_mut().filter_map(|one| silence(one).then_some(())).count() > 0,
        Value::Object(fields) => fields.iter_mut().fold(false, |any, (name, value)| match value {
            Value::String(text) if name.eq_ignore_ascii_case("body") || name.eq_ignore_ascii_case("text") => {
                text.clear();
                true
            }
            other => silence(other) || any,
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receipt_repeats_of_its_message_is_not_kept() {
        for (said, kept) in [
            (r#"{"data":{"payload":{"id":"1","text":"048213"}}}"#, r#"{"data":{"payload":{"id":"1","text":""}}}"#),
            (r#"[{"Body":"048213","to":[{"status":"sent"}]}]"#, r#"[{"Body":"","to":[{"status":"sent"}]}]"#),
            (r#"{"id" : 1, "text": 7}"#, r#"{"id" : 1, "text": 7}"#),
            ("MessageSid=SM1&Body=048213&To=%2B1", "MessageSid=SM1&To=%2B1"),
            ("MessageSid=SM1&MessageStatus=sent", "MessageSid=SM1&MessageStatus=sent"),
            ("", ""),
        ] {
            assert_eq!(without_words(said.to_owned()), kept);
        }
    }
}
