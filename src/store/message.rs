//! Messages, in and out: `sb_message`, with what providers did and said of them.

pub(super) mod address;
mod known;
mod list;
pub mod run;
mod unsent;

pub use known::{going_with, made};
pub use list::{Filter, MessagePage, list};
pub use unsent::unsent;

use std::collections::HashMap;

use super::engine::is_one_of;
use super::{Query, Result, Row, Store, Value, params};
use crate::model::message::{AttemptOutcome, Direction, MessageState};
use crate::model::{
    AccountId, ArcMessageContent, Channel, ClientId, MessageId, Millis, Money, TextEncoding, VerificationId,
};

/// A message as it is written and read.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub client: ClientId,
    pub account: AccountId,
    pub direction: Direction,
    pub from: String,
    pub to: String,
    pub body: String,
    pub state: MessageState,
    pub encoding: TextEncoding,
    pub segments: i64,
    /// What is seldom there; its column, `extra`, holds it as JSON.
    pub content: ArcMessageContent,
    pub error_code: Option<i64>,
    pub error_reason: Option<String>,
    pub created_ms: Millis,
    pub changed_ms: Millis,
    /// When it is too late to send it.
    pub expires_ms: Option<Millis>,
    pub redacted_ms: Option<Millis>,
    pub channel: Channel,
    /// What its client was charged, if it was.
    pub cost: Option<Money>,
    /// When that was given back.
    pub refunded_ms: Option<Millis>,
}

/// Keys of one look-up.
const KEYS: usize = 64;

pub(super) const INSERT: &str = "INSERT INTO sb_message (id, client_id, account_id, direction, from_address, \
     to_address, body, state, encoding, segments, extra, created_ms, changed_ms, expires_ms, \
     channel, cost, sequence)";

/// The fields of [`Message`].
pub(super) const COLUMNS: &str = "m.id, m.client_id, m.account_id, m.direction, m.from_address, m.to_address, \
     m.body, m.state, m.encoding, m.segments, m.extra, m.error_code, m.error_reason, m.created_ms, m.changed_ms, \
     m.expires_ms, m.redacted_ms, COALESCE(m.channel, 'sms'), m.cost, m.refunded_ms";

/// How many columns [`COLUMNS`] are.
pub(super) const WIDTH: usize = 20;

impl Message {
    /// The verification whose code it tells.
    pub fn verification(&self) -> Option<VerificationId> {
        self.content.secret.as_ref()?.verification()
    }

    /// The values of [`INSERT`]; so many events are told of it in the same change.
    pub(super) fn values(&self, told: i64) -> Vec<Value> {
        params![
            self.id,
            self.client,
            self.account,
            self.direction.name(),
            self.from.as_str(),
            self.to.as_str(),
            self.body.as_str(),
            self.state.name(),
            self.encoding.name(),
            self.segments,
            self.content.text(),
            self.created_ms,
            self.changed_ms,
            self.expires_ms,
            // most are texts, and say nothing
            (self.channel != Channel::Sms).then(|| self.channel.name()),
            self.cost,
            told,
        ]
    }
}

pub async fn find(store: &Store, client: ClientId, id: MessageId) -> Result<Option<Message>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_message m WHERE m.id = ? AND m.client_id = ? AND m.deleted_ms IS NULL");
    store.first(sql, params![id, client]).await
}

/// What came with a text, and by which account, whoever's it is; of one that was taken back, nothing.
pub async fn came_with(store: &Store, id: MessageId) -> Result<Option<(AccountId, ArcMessageContent)>> {
    let sql = "SELECT account_id, extra FROM sb_message WHERE id = ? AND direction = 'inbound' \
               AND redacted_ms IS NULL AND deleted_ms IS NULL";
    store.first(sql, params![id]).await
}

/// When providers took messages, where one has.
pub async fn taken_at(store: &Store, ids: &[MessageId]) -> Result<HashMap<MessageId, Millis>> {
    let keys: Vec<Value> = ids.iter().map(Value::from).collect();
    let sql = "SELECT message_id, MIN(ended_ms) FROM sb_attempt WHERE outcome IN ('accepted', 'adopted') \
               AND message_id IN ({}) GROUP BY message_id";
    let queries = keys.chunks(KEYS).map(|keys| Query::over(sql, &[], keys.to_vec())).collect();
    let rows = store.read(queries).await?.concat();
    rows.iter().map(Row::read).collect()
}

/// One call of a provider, and what came of it.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct SendAttempt {
    pub number: i64,
    pub account: AccountId,
    pub outcome: AttemptOutcome,
    pub provider_id: Option<String>,
    pub code: Option<i64>,
    pub reason: Option<String>,
    pub started_ms: Millis,
    pub ended_ms: Millis,
}

pub(super) const INSERT_ATTEMPT: &str = "INSERT INTO sb_attempt (message_id, number, account_id, outcome, \
     provider_id, code, reason, started_ms, ended_ms)";

impl SendAttempt {
    pub(super) fn values(&self, message: MessageId) -> Vec<Value> {
        params![
            message,
            self.number,
            self.account,
            self.outcome.name(),
            self.provider_id.clone(),
            self.code,
            self.reason.as_deref().map(|reason| reason.chars().take(255).collect::<String>()),
            self.started_ms,
            self.ended_ms,
        ]
    }
}

/// The attempts of a message, first to last.
pub async fn attempts(store: &Store, id: MessageId) -> Result<Vec<SendAttempt>> {
    let sql = "SELECT number, account_id, outcome, provider_id, code, reason, started_ms, ended_ms \
               FROM sb_attempt WHERE message_id = ? ORDER BY number";
    store.all(sql, params![id]).await
}

/// The states of messages of which nothing more is to be done; a receipt may still come.
fn over_states() -> impl Iterator<Item = MessageState> {
    MessageState::ALL.into_iter().filter(|state| state.is_final() || *state == MessageState::Sent)
}

pub(super) fn is_over(state: &str) -> bool {
    over_states().any(|over| over.name() == state)
}

/// The same as a guard.
pub(super) fn over() -> String {
    is_one_of("state", over_states().map(MessageState::name))
}

/// Whether a message stands where it may still come into the state `next`, as a guard.
pub(super) fn states_before(column: &str, next: MessageState) -> String {
    is_one_of(column, next.before().map(MessageState::name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_names_each_state_for_itself() {
        let before = "(m.state = 'accepted' OR m.state = 'scheduled' OR m.state = 'queued')";
        assert_eq!(states_before("m.state", MessageState::Sending), before);
        assert!(MessageState::ALL.into_iter().all(|state| over().contains(state.name()) == is_over(state.name())));
    }
}
