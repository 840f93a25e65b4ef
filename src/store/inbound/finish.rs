//! What came of receipts, and that they are handled, in one commit: that webhooks take effect once is this guard's doing.

use std::collections::HashMap;

use crate::model::message::MessageState;
use crate::model::{CallStatus, InboundId, MessageId, Millis, SessionId, VerificationId};
use crate::store::call::{self, Call};
use crate::store::event::PendingEvents;
use crate::store::lease::LeaseOwner;
use crate::store::ledger;
use crate::store::message::{COLUMNS, Message, states_before};
use crate::store::receipt::{self, NewReceipt};
use crate::store::session::call as session_call;
use crate::store::{Change, Result, Row, Store, Value, code, delivery, params};

/// What receipts come to.
#[derive(Clone, Debug, Default)]
pub struct FoldedReceipts {
    /// What had not been said before.
    pub said: Vec<NewReceipt>,
    /// Codes of receipts that had come without: of which message, under which name.
    pub codes: Vec<(MessageId, String, i64)>,
    /// The same for messages that stand in a state without.
    pub explained: Vec<(MessageId, MessageState, i64)>,
    /// Calls that move on by it: from where, to where.
    pub calls: Vec<(MessageId, CallStatus, Call)>,
    /// Messages that come into a state by it.
    pub moved: HashMap<(MessageState, Option<i64>), Vec<MessageId>>,
    /// Messages that come to nothing by it, and were paid for.
    pub refunded: Vec<Message>,
    /// Messages that fail by it, and the verifications whose codes they were to tell.
    pub untold: Vec<(MessageId, VerificationId)>,
    /// The jobs.
    pub done: Vec<InboundId>,
}

/// Marks jobs done. [`crate::store::Error::Guard`]: one of them is no longer ours.
pub(super) fn done(change: Change, owner: &LeaseOwner, ids: impl Iterator<Item = InboundId>) -> Change {
    let keys: Vec<Value> = ids.map(Value::from).collect();
    let sql = "UPDATE sb_inbound SET owner = NULL, ready_ms = NULL WHERE owner = ? AND ready_ms IS NOT NULL \
               AND id IN ({})";
    let change = change.each(sql, &[owner.into()], &keys);
    match keys.into_iter().next() {
        Some(id) => change.settled_by("SELECT 1 FROM sb_inbound WHERE id = ? AND ready_ms IS NULL", vec![id]),
        None => change,
    }
}

/// Keeps what receipts say, moves their messages on, and marks the jobs done.
/// [`crate::store::Error::is_race`]: a message, or a job, is not as it was read.
pub async fn receipts(
    store: &Store,
    owner: &LeaseOwner,
    folded: &FoldedReceipts,
    told: &PendingEvents,
    now_ms: Millis,
) -> Result<()> {
    let calls: Vec<MessageId> = folded.calls.iter().map(|(id, ..)| *id).collect();
    let held = session_call::sessions(store, &calls).await?;
    let all: Vec<SessionId> = held.values().copied().collect();
    let those = |are_over: bool| -> Vec<SessionId> {
        let calls = folded.calls.iter().filter(|(_, _, to)| to.status.is_final() == are_over);
        calls.filter_map(|(id, ..)| held.get(id).copied()).collect()
    };
    let change = folded.untold.iter().fold(Change::new(), |change, (message, verification)| {
        code::send_failed(change, *message, *verification, now_ms)
    });
    let mut change = receipt::add(session_call::hold(change, &all), &folded.said);
    for (message, name, code) in &folded.codes {
        change = receipt::fill(change, *message, name, *code);
    }
    for (message, state, code) in &folded.explained {
        let sql = "UPDATE sb_message SET error_code = ?, changed_ms = ? \
                   WHERE id = ? AND state = ? AND error_code IS NULL";
        change = change.run(sql, params![*code, now_ms, message, state.name()]);
    }
    for ((state, code), ids) in &folded.moved {
        let sql = format!(
            "UPDATE sb_message SET state = ?, error_code = ?, changed_ms = ? WHERE {} AND id IN ({{}})",
            states_before("state", *state)
        );
        let keys: Vec<Value> = ids.iter().map(Value::from).collect();
        change = change.each(&sql, &[state.name().into(), (*code).into(), now_ms.into()], &keys);
    }
    for (message, seen, to) in &folded.calls {
        change = call::step(change, *message, *seen, to);
    }
    change = session_call::go_on(change, &those(false), now_ms);
    change = session_call::over(change, &those(true), now_ms);
    let change = ledger::refund(change, &folded.refunded, now_ms);
    let change = delivery::add(change, told, now_ms);
    store.commit(done(change, owner, folded.done.iter().copied())).await
}

/// The messages that providers took under these ids.
pub async fn by_provider_id(store: &Store, ids: &[String]) -> Result<HashMap<String, Vec<Message>>> {
    let sql = format!(
        "SELECT {COLUMNS}, a.provider_id FROM sb_attempt a JOIN sb_message m ON m.id = a.message_id \
         WHERE a.provider_id IN ({{}})"
    );
    let mut found: HashMap<String, Vec<Message>> = HashMap::new();
    for row in store.look_up_each(sql, ids.iter().map(|id| id.as_str().into()).collect()).await? {
        let (message, id): (Message, String) = row.read()?;
        found.entry(id).or_default().push(message);
    }
    Ok(found)
}

/// Messages that went out, by their ids in hex.
pub async fn by_message_id(store: &Store, ids: &[String]) -> Result<HashMap<String, Vec<Message>>> {
    let sql = format!("SELECT {COLUMNS} FROM sb_message m WHERE m.direction = 'outbound' AND m.id IN ({{}})");
    // what is no id of ours names no message
    let keys = ids.iter().filter_map(|id| MessageId::from_hex(id).ok()).map(Value::from).collect();
    let found = store.look_up_each(sql, keys).await?;
    let messages = found.iter().map(Row::read).collect::<Result<Vec<Message>>>()?;
    Ok(messages.into_iter().map(|message| (message.id.hex(), vec![message])).collect())
}
