//! Masked conversations as an older system has them: two to fifty people, numbers chosen from a pool, texts and calls.

pub(super) mod signature;

use serde::Deserialize;

use crate::model::Secret;

/// `[compat.masked]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskedDoorSettings {
    /// Whose the conversations are that are made with the login.
    pub client: String,
    /// The pool that people get their numbers of, by its name.
    pub pool: String,
    pub username: String,
    pub password: Secret,
    /// An account at Twilio, and its token.
    pub account_sid: String,
    pub auth_token: Secret,
}

impl MaskedDoorSettings {
    /// Whether anybody uses this door.
    pub fn is_on(&self) -> bool {
        !self.username.is_empty() || !self.account_sid.is_empty()
    }
}

/// Whether Twilio posts to a path: it comes from few addresses, and proves itself.
pub(super) fn is_carriers(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path == "/conversations-post-event" || path == "/inbound-call" || path.starts_with("/inbound-call/")
}
