//! Proving phones by codes: `sb_verification`, and beside it which of them is pending for whom, what was sent for each,
//! and how often codes for a person were wrong.
//!
//! Of all that are pending for one name there is one: the key of `sb_verification_pending` decides. It is replaced as it
//! was read, and gone with what it names.

pub mod check;
mod end;
mod extra;
pub mod failure;
pub mod fallback;
pub mod intake;
pub mod limit;
mod list;
mod old;
mod pending;
pub mod send;
pub mod service;
pub mod template;

pub use end::{VerificationEnd, approve, end};
pub use extra::{ServiceSettings, VerificationExtra};
pub use list::{VerificationFilter, by_id, find, list};
pub use old::{OVERDUE, OldVerifications, OverdueVerification, expire, overdue};
pub use pending::{PendingKey, PendingName, PendingReader};

use serde::Deserialize;

use self::extra::read_extra;
use crate::crypto::hash;
use crate::model::{
    Address, ClientId, CodeChannel, Millis, VerificationDoor, VerificationId, VerificationServiceId, VerificationStatus,
};
use crate::store::{Value, params};

/// One attempt to prove a phone. Its code is read by nobody who does not compare it, speak it, or write it into a text.
#[derive(Clone, Debug, Deserialize)]
pub struct Verification {
    pub id: VerificationId,
    pub client: ClientId,
    pub service: Option<VerificationServiceId>,
    /// As it was given.
    pub address: String,
    /// On which its code went last.
    pub channel: CodeChannel,
    pub status: VerificationStatus,
    pub code_length: i64,
    /// Codes that were tried.
    pub tries: i64,
    pub max_tries: i64,
    /// How often its code was sent; what failed at the carrier does not count.
    pub sends: i64,
    pub max_sends: i64,
    pub door: VerificationDoor,
    /// The caller's own name of it, at the older door.
    pub auth_id: Option<String>,
    #[serde(deserialize_with = "read_extra")]
    pub extra: VerificationExtra,
    pub created_ms: Millis,
    pub changed_ms: Millis,
    /// From then on no code opens it.
    pub expires_ms: Millis,
    pub ended_ms: Option<Millis>,
    /// How many events it has had.
    pub sequence: i64,
}

/// The fields of [`Verification`].
const COLUMNS: &str = "v.id, v.client_id, v.service_id, v.address, v.channel, v.status, v.code_length, v.tries, \
     v.max_tries, v.sends, v.max_sends, v.door, v.auth_id, v.extra, v.created_ms, v.changed_ms, v.expires_ms, \
     v.ended_ms, v.sequence";

/// How many columns [`COLUMNS`] are.
const WIDTH: usize = 19;

const INSERT: &str = "INSERT INTO sb_verification (id, client_id, service_id, address, channel, status, code, \
     code_length, tries, max_tries, sends, max_sends, door, auth_id, person, extra, created_ms, changed_ms, \
     expires_ms, ended_ms, sequence)";

/// Whom wrong codes are counted for, whatever verification they were meant to open.
pub fn person(client: ClientId, to: &Address) -> [u8; 32] {
    hash::sha256(format!("switchboard verification person\0{}\0{}", client.hex(), to.folded()).as_bytes())
}

impl Verification {
    /// Whether no code opens it at that time; what has expired may not be said to be so yet.
    pub fn is_over_at(&self, now_ms: Millis) -> bool {
        self.status.is_over() || self.expires_ms <= now_ms
    }

    /// What it is at that time, whether or not that has been written down.
    pub fn status_at(&self, now_ms: Millis) -> VerificationStatus {
        if self.status == VerificationStatus::Pending && self.expires_ms <= now_ms {
            VerificationStatus::Expired
        } else {
            self.status
        }
    }

    /// How many codes may still be tried.
    pub fn tries_left(&self) -> i64 {
        (self.max_tries - self.tries).max(0)
    }

    /// The key under which it is pending.
    pub fn pending_key(&self) -> PendingKey {
        let to = Address::stored(self.address.as_str());
        let name = self.auth_id.as_deref().map_or(PendingName::Number(&to), PendingName::AuthId);
        PendingKey::of(self.client, self.service, name)
    }

    /// The values of [`INSERT`]. `code`: sealed.
    fn values(&self, code: &[u8]) -> Vec<Value> {
        params![
            self.id,
            self.client,
            self.service,
            self.address.as_str(),
            self.channel.name(),
            self.status.name(),
            code.to_vec(),
            self.code_length,
            self.tries,
            self.max_tries,
            self.sends,
            self.max_sends,
            self.door.name(),
            self.auth_id.clone(),
            person(self.client, &Address::stored(self.address.as_str())),
            self.extra.text(),
            self.created_ms,
            self.changed_ms,
            self.expires_ms,
            self.ended_ms,
            self.sequence,
        ]
    }
}
