//! What was sent of codes: `sb_verification_send`, a row for each text or call, under its message's id.

use super::Verification;
use crate::model::message::MessageState;
use crate::model::{AccountId, ClientId, CodeChannel, MessageId, Millis, Money, VerificationId, VerificationServiceId};
use crate::store::engine::{SqlConditions, below};
use crate::store::{Result, Store, Value, params};

pub(super) const INSERT: &str = "INSERT INTO sb_verification_send (message_id, verification_id, client_id, \
     service_id, number, channel, address, country, at_ms)";

/// The values of [`INSERT`]. `number`: how many it is of its verification.
pub(super) fn values(
    message: MessageId,
    of: &Verification,
    channel: CodeChannel,
    country: Option<&str>,
    number: i64,
    at_ms: Millis,
) -> Vec<Value> {
    params![
        message,
        of.id,
        of.client,
        of.service,
        number,
        channel.name(),
        of.address.as_str(),
        country.map(str::to_owned),
        at_ms,
    ]
}

/// Marks what was sent of verifications that a code has opened.
pub(super) const CONVERT: &str =
    "UPDATE sb_verification_send SET converted_ms = ? WHERE converted_ms IS NULL AND verification_id IN ({})";

/// One text or call that told a code, with what became of it.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct VerificationAttempt {
    /// Twilio's attempts are called so.
    pub message: MessageId,
    pub verification: VerificationId,
    pub service: Option<VerificationServiceId>,
    pub number: i64,
    pub channel: CodeChannel,
    pub address: String,
    /// The region of its number.
    pub country: Option<String>,
    pub at_ms: Millis,
    /// When a code opened its verification.
    pub converted_ms: Option<Millis>,
    /// When it had failed at its carrier.
    pub failed_ms: Option<Millis>,
    /// Of its message, while that is kept.
    pub state: Option<MessageState>,
    pub cost: Option<Money>,
    pub from: Option<String>,
    pub segments: Option<i64>,
    pub error_code: Option<i64>,
    pub changed_ms: Option<Millis>,
    pub refunded_ms: Option<Millis>,
}

const COLUMNS: &str = "SELECT s.message_id, s.verification_id, s.service_id, s.number, s.channel, s.address, s.country, \
     s.at_ms, s.converted_ms, s.failed_ms, m.state, m.cost, m.from_address, m.segments, m.error_code, m.changed_ms, \
     m.refunded_ms FROM sb_verification_send s LEFT JOIN sb_message m ON m.id = s.message_id";

/// Which attempts are asked for.
#[derive(Clone, Debug, Default)]
pub struct AttemptFilter {
    pub id: Option<MessageId>,
    pub service: Option<VerificationServiceId>,
    pub verification: Option<VerificationId>,
    /// All forms of a number.
    pub addresses: Vec<String>,
    pub channel: Option<CodeChannel>,
    pub country: Option<String>,
    pub is_converted: Option<bool>,
    pub from_ms: Option<Millis>,
    pub before_ms: Option<Millis>,
    pub after: Option<MessageId>,
}

impl AttemptFilter {
    fn conditions(&self, client: ClientId) -> SqlConditions {
        // ids are in the order of time, and a message is made a moment before its row
        let first = self.from_ms.map(|from_ms| MessageId::first_of((from_ms - SLACK_MS).max(0)));
        let mut those = SqlConditions::of("s.client_id = ? AND s.message_id < ?", params![client, below(self.after)])
            .and_some("s.message_id >= ?", first)
            .and_some("s.message_id = ?", self.id)
            .and_some("s.service_id = ?", self.service)
            .and_some("s.verification_id = ?", self.verification)
            .and_some("s.channel = ?", self.channel.map(CodeChannel::name))
            .and_some("s.country = ?", self.country.as_deref())
            .and_some("s.at_ms >= ?", self.from_ms)
            .and_some("s.at_ms < ?", self.before_ms);
        if !self.addresses.is_empty() {
            let all: Vec<Value> = self.addresses.iter().map(|one| one.as_str().into()).collect();
            those = those.one_of("s.address", &all);
        }
        match self.is_converted {
            Some(true) => those.and("s.converted_ms IS NOT NULL", Vec::new()),
            Some(false) => those.and("s.converted_ms IS NULL", Vec::new()),
            None => those,
        }
    }
}

/// How much older than its row a message may be.
const SLACK_MS: Millis = 600_000;

/// A client's attempts, newest first.
pub async fn list(
    store: &Store,
    client: ClientId,
    filter: &AttemptFilter,
    limit: usize,
) -> Result<Vec<VerificationAttempt>> {
    let (sql, params) = filter.conditions(client).page(COLUMNS, "ORDER BY s.message_id DESC LIMIT ?", limit);
    store.all(sql, params).await
}

/// How many attempts there were, and how many of them led to a right code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct AttemptSummary {
    pub total: i64,
    pub converted: i64,
}

impl AttemptSummary {
    pub fn unconverted(self) -> i64 {
        self.total - self.converted
    }
}

pub async fn summary(store: &Store, client: ClientId, filter: &AttemptFilter) -> Result<AttemptSummary> {
    let count = "SELECT COUNT(*), COUNT(s.converted_ms) FROM sb_verification_send s";
    let (sql, params) = filter.conditions(client).all(count);
    Ok(store.first(sql, params).await?.unwrap_or_default())
}

/// What went out of a verification, oldest first: by which message, on what, and how that stands.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct SentText {
    pub message: MessageId,
    pub channel: CodeChannel,
    pub at_ms: Millis,
    pub failed_ms: Option<Millis>,
    /// Of its message, while that is kept.
    pub state: Option<MessageState>,
}

impl SentText {
    /// Whether its carrier may have it: it was called, or is being called.
    pub fn has_left(&self) -> bool {
        !matches!(
            self.state,
            Some(MessageState::Accepted | MessageState::Scheduled | MessageState::Queued | MessageState::Canceled)
        )
    }
}

pub async fn of(store: &Store, verification: VerificationId) -> Result<Vec<SentText>> {
    let sql = "SELECT s.message_id, s.channel, s.at_ms, s.failed_ms, m.state FROM sb_verification_send s \
               LEFT JOIN sb_message m ON m.id = s.message_id WHERE s.verification_id = ? ORDER BY s.message_id";
    store.all(sql, params![verification]).await
}

/// The accounts by which a verification's code did not arrive.
pub async fn failed_by(store: &Store, verification: VerificationId) -> Result<Vec<AccountId>> {
    let sql = "SELECT m.account_id FROM sb_verification_send s JOIN sb_message m ON m.id = s.message_id \
               WHERE s.verification_id = ? AND s.failed_ms IS NOT NULL";
    store.all(sql, params![verification]).await
}
