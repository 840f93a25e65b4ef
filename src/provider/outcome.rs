//! What a carrier's answers come to, whoever the carrier is.

use std::time::Duration;

use super::client::RequestFailure;
use crate::model::Secret;

/// What stands for a secret that a carrier repeated.
pub(super) const HIDDEN: &str = "(hidden)";
/// Of the beginning of a secret so many bytes may be a word.
const WORD: usize = 4;

/// What became of one send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider has taken it, in so many segments if it says so.
    Accepted { provider_id: String, segments: Option<i64> },
    /// Final: the same message would be refused again.
    Refused { code: Option<i64>, reason: String },
    /// Final too, but the provider gave it a name: it will report on that.
    Failed { provider_id: String, code: Option<i64>, reason: String },
    /// The account is refused, whatever it sends: its credentials are no longer good, or it is suspended, or has no
    /// money left. Nothing was sent.
    Denied { code: Option<i64>, reason: String },
    /// 403, and nothing says whose fault it is: the message's, or the account's.
    Forbidden { code: Option<i64>, reason: String },
    /// Nothing was sent: retry after so long.
    Throttled { after: Option<Duration>, reason: String },
    /// Nothing was sent: retry.
    Unreachable { after: Option<Duration>, reason: String },
    /// The request went out and no readable answer came: it may have been sent.
    Uncertain { reason: String },
}

impl SendOutcome {
    fn reason_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Accepted { .. } => None,
            Self::Refused { reason, .. }
            | Self::Failed { reason, .. }
            | Self::Denied { reason, .. }
            | Self::Forbidden { reason, .. }
            | Self::Throttled { reason, .. }
            | Self::Unreachable { reason, .. }
            | Self::Uncertain { reason } => Some(reason),
        }
    }

    /// The same in other words, where it has any.
    #[must_use]
    pub fn reworded(mut self, reword: impl FnOnce(&str) -> String) -> Self {
        if let Some(reason) = self.reason_mut() {
            *reason = reword(reason.as_str());
        }
        self
    }

    /// The same without the secret part of a URL of ours, which its carrier was told and may repeat, whole or cut off
    /// where its words were.
    #[must_use]
    pub(super) fn hiding(mut self, path: &Secret) -> Self {
        let path = path.expose();
        if let Some(reason) = self.reason_mut().filter(|_| !path.is_empty()) {
            *reason = reason.replace(path, HIDDEN);
            let begun = |length: usize| reason.strip_suffix(path.get(..length)?).map(str::len);
            if let Some(rest) = (WORD..path.len()).rev().find_map(begun) {
                reason.replace_range(rest.., HIDDEN);
            }
        }
        self
    }

    /// A refusal as what it is, by the codes that its provider gives where the account is at fault, and where the
    /// recipient has opted out.
    pub(super) fn blaming(self, codes: &[i64], opt_out_codes: &[i64]) -> Self {
        match self {
            Self::Forbidden { code: Some(code), reason } if opt_out_codes.contains(&code) => {
                Self::Refused { code: Some(code), reason }
            }
            Self::Refused { code: Some(code), reason }
            | Self::Failed { code: Some(code), reason, .. }
            | Self::Forbidden { code: Some(code), reason }
                if codes.contains(&code) =>
            {
                Self::Denied { code: Some(code), reason }
            }
            other => other,
        }
    }
}

impl From<RequestFailure> for SendOutcome {
    fn from(failure: RequestFailure) -> Self {
        let reason = failure.to_string();
        match failure {
            RequestFailure::Busy | RequestFailure::Late => Self::Throttled { after: None, reason },
            RequestFailure::NotSent(_) => Self::Unreachable { after: None, reason },
            RequestFailure::NoAnswer(_) => Self::Uncertain { reason },
        }
    }
}

/// Why a question to a provider was not answered. Asking again does no harm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// 401, 402 or 403: whatever is asked.
    #[error("the provider refuses the account: {reason}")]
    Denied { reason: String },
    #[error("the provider refused: {reason}")]
    Refused { code: Option<i64>, reason: String },
    #[error("the provider asks for patience: {reason}")]
    Throttled { after: Option<Duration>, reason: String },
    #[error("the provider did not answer: {reason}")]
    Unreachable { reason: String },
    #[error("this provider cannot be asked that")]
    Unsupported,
}

impl AskError {
    /// Of an account whose list has not ended behind the last page that is read: part of it is not taken for all.
    pub(super) fn too_many_numbers() -> Self {
        Self::Refused { code: None, reason: "the account has more numbers than are read".into() }
    }
}

impl From<RequestFailure> for AskError {
    fn from(failure: RequestFailure) -> Self {
        let reason = failure.to_string();
        match failure {
            RequestFailure::Busy => Self::Throttled { after: None, reason },
            RequestFailure::Late | RequestFailure::NotSent(_) | RequestFailure::NoAnswer(_) => {
                Self::Unreachable { reason }
            }
        }
    }
}

/// What a live check of credentials found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialCheckError {
    #[error("the provider does not take these credentials: {0}")]
    Denied(String),
    #[error("the credentials could not be checked: {0}")]
    Unanswered(String),
}

impl From<AskError> for CredentialCheckError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Denied { reason } => Self::Denied(reason),
            other => Self::Unanswered(other.to_string()),
        }
    }
}
