//! Calls keep their sessions going: each word of their carrier for so long, and the last word ends that.

use std::collections::HashMap;

use super::Session;
use crate::model::message::MessageState;
use crate::model::{CallStatus, InteractionId, MessageId, Millis, SessionId};
use crate::store::call::{self, Call};
use crate::store::engine::at_most;
use crate::store::event::PendingEvents;
use crate::store::message::{COLUMNS, Message, states_before};
use crate::store::{Change, Result, Row, Store, Value, delivery, ledger, params};

/// For so long a call counts as under way of which nothing more is heard.
pub const UNHEARD_MS: Millis = 4 * 3_600_000;
/// No carrier has calls that are longer.
const LONGEST_MS: Millis = 24 * 3_600_000;

/// When it ends and rests as things are, by the time at which it falls silent, which stands there three times.
const END: &str = "expires_ms = CASE WHEN ttl_ms IS NULL THEN ends_ms WHEN ends_ms < ? + ttl_ms THEN ends_ms \
     ELSE ? + ttl_ms END, \
     rests_ms = CASE WHEN rests_ms IS NOT NULL THEN ? + rest_after_ms END";

impl Session {
    /// When something was said last: of a call under way that is now, and not until when it counts.
    pub fn last_said_ms(&self) -> Option<Millis> {
        self.last_ms.map(|last_ms| last_ms.min(self.changed_ms))
    }
}

/// The sessions that these calls are in: an interaction has its copy's id.
pub async fn sessions(store: &Store, calls: &[MessageId]) -> Result<HashMap<MessageId, SessionId>> {
    let sql = "SELECT id, session_id FROM sb_interaction WHERE id IN ({}) AND kind = 'voice'";
    let rows = store.look_up_each(sql, calls.iter().map(Value::from).collect()).await?;
    rows.iter().map(Row::read).collect()
}

/// Sessions with calls that have gone on. One that is over stays so.
pub fn go_on(change: Change, sessions: &[SessionId], now_ms: Millis) -> Change {
    let sql = format!(
        "UPDATE sb_session SET {END}, last_ms = ?, changed_ms = ? \
         WHERE closed_ms IS NULL AND last_ms < ? AND id IN ({{}})"
    );
    let until_ms = now_ms + UNHEARD_MS;
    let params = [until_ms, until_ms, until_ms, until_ms, now_ms, until_ms].map(Value::from);
    change.any(&sql, &params, &keys(sessions))
}

/// Comes before what calls come to: of two that end at once the second waits for the first, and sees that it has ended.
pub fn hold(change: Change, sessions: &[SessionId]) -> Change {
    change.any("UPDATE sb_session SET changed_ms = changed_ms WHERE id IN ({})", &[], &keys(sessions))
}

/// Sessions with calls that are over: they are silent from now on, where no other call is under way there.
pub fn over(change: Change, sessions: &[SessionId], now_ms: Millis) -> Change {
    let is_under_way = states_before("m.state", MessageState::Delivered);
    let sql = format!(
        "UPDATE sb_session SET {END}, last_ms = ?, changed_ms = ? \
         WHERE closed_ms IS NULL AND last_ms > ? AND NOT EXISTS (SELECT 1 FROM sb_interaction j \
         JOIN sb_message m ON m.id = j.outbound_id WHERE j.session_id = sb_session.id AND j.id > ? \
         AND j.kind = 'voice' AND {is_under_way}) AND id IN ({{}})"
    );
    let first = InteractionId::from(MessageId::first_of(now_ms - LONGEST_MS));
    let times = [now_ms; 6].map(Value::from);
    let params: Vec<Value> = times.into_iter().chain([first.into()]).collect();
    change.any(&sql, &params, &keys(sessions))
}

fn keys(sessions: &[SessionId]) -> Vec<Value> {
    sessions.iter().map(Value::from).collect()
}

/// A call has come to nothing, which is written: its session, if it is in one, rests.
pub async fn rest(store: &Store, call: MessageId, now_ms: Millis) -> Result<()> {
    let sessions: Vec<SessionId> = sessions(store, &[call]).await?.into_values().collect();
    if sessions.is_empty() { Ok(()) } else { store.commit(over(Change::new(), &sessions, now_ms)).await }
}

/// Calls of the last day that a carrier was told to place, and of which it has said nothing for so long as one counts.
pub async fn unheard(store: &Store, now_ms: Millis, limit: usize) -> Result<Vec<Message>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sb_call c JOIN sb_message m ON m.id = c.message_id \
         WHERE c.message_id > ? AND c.status = 'queued' AND m.state = 'sent' AND m.created_ms < ? \
         AND NOT EXISTS (SELECT 1 FROM sb_attempt a WHERE a.message_id = m.id) ORDER BY c.message_id LIMIT ?"
    );
    let first = MessageId::first_of(now_ms - LONGEST_MS);
    store.all(sql, params![first, now_ms - UNHEARD_MS, at_most(limit)]).await
}

/// Ends one of them, and gives back what was paid for it. [`crate::store::Error::Guard`]: its carrier has said something.
pub async fn end_unheard(store: &Store, message: &Message, told: &PendingEvents, now_ms: Millis) -> Result<()> {
    let sql = "UPDATE sb_message SET state = 'canceled', changed_ms = ? WHERE id = ? AND state = 'sent'";
    let change = Change::new().one(sql, params![now_ms, message.id]);
    let over = Call { status: CallStatus::Canceled, ended_ms: Some(now_ms), ..Call::default() };
    let change = call::step(change, message.id, CallStatus::Queued, &over);
    let change = ledger::refund(change, [message], now_ms);
    store.commit(delivery::add(change, told, now_ms)).await
}
