//! What calls have besides their messages: `sb_call`.

use std::collections::HashMap;

use super::{Change, Result, Row, Store, Value, params};
use crate::model::{CallStatus, MessageId, Millis};

/// How a call stands at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Call {
    /// The provider's last word.
    pub status: CallStatus,
    /// When it was answered, and when it was over.
    pub started_ms: Option<Millis>,
    pub ended_ms: Option<Millis>,
    /// Seconds.
    pub duration: Option<i64>,
}

pub(super) const INSERT: &str = "INSERT INTO sb_call (message_id, status)";

/// The values of [`INSERT`]: every call begins so, with its message.
pub(super) fn values(message: MessageId) -> Vec<Value> {
    params![message, CallStatus::Queued.name()]
}

impl Default for Call {
    fn default() -> Self {
        Self { status: CallStatus::Queued, started_ms: None, ended_ms: None, duration: None }
    }
}

impl Call {
    /// The call after one more word of its provider's. `None`: that comes too late.
    pub fn after(self, status: CallStatus, duration: Option<i64>, at_ms: Millis) -> Option<Self> {
        if !self.status.may_become(status) {
            return None;
        }
        let mut call = Self { status, ..self };
        if status == CallStatus::InProgress {
            call.started_ms = Some(at_ms);
        }
        if status.is_final() {
            call.ended_ms = Some(at_ms);
            call = call.measured(duration);
        }
        Some(call)
    }

    /// The call after a word that came later than it should: what went before what is known. `None`: it says nothing
    /// that can have been.
    pub fn before(self, status: CallStatus, at_ms: Millis) -> Option<Self> {
        if status.rank() >= self.status.rank() {
            return None;
        }
        let mut call = self;
        if status == CallStatus::InProgress {
            if self.status != CallStatus::Completed {
                // nobody had answered
                return None;
            }
            // one without a time of its own has that of its arrival
            call.started_ms = self.started_ms.or(Some(self.ended_ms.map_or(at_ms, |ended_ms| at_ms.min(ended_ms))));
        }
        Some(call)
    }

    /// A call that is over, with its length.
    #[must_use]
    pub fn measured(self, duration: Option<i64>) -> Self {
        let duration = self.duration.or(duration);
        let mut call = Self { duration, ..self };
        if self.status == CallStatus::Completed {
            // that it was answered may never have been told
            let length_ms = duration.map(|secs| secs.saturating_mul(1000));
            let started_ms = self.ended_ms.zip(length_ms).map(|(ended_ms, length_ms)| ended_ms - length_ms);
            call.started_ms = self.started_ms.or(started_ms);
        }
        call
    }
}

pub async fn find(store: &Store, message: MessageId) -> Result<Option<Call>> {
    Ok(list(store, &[message]).await?.remove(&message))
}

/// The calls among these messages.
pub async fn list(store: &Store, messages: &[MessageId]) -> Result<HashMap<MessageId, Call>> {
    let sql = "SELECT message_id, status, started_ms, ended_ms, duration FROM sb_call WHERE message_id IN ({})";
    let rows = store.look_up_each(sql, messages.iter().map(Value::from).collect()).await?;
    rows.iter().map(Row::read).collect()
}

/// Moves a call on from where it was seen. [`crate::store::Error::Guard`]: it has moved meanwhile.
#[must_use]
pub(super) fn step(change: Change, message: MessageId, seen: CallStatus, to: &Call) -> Change {
    // what another node has filled in meanwhile stays
    let sql = "UPDATE sb_call SET status = ?, started_ms = COALESCE(?, started_ms), \
               ended_ms = COALESCE(?, ended_ms), duration = COALESCE(?, duration) WHERE message_id = ? AND status = ?";
    let params = params![to.status.name(), to.started_ms, to.ended_ms, to.duration, message, seen.name()];
    change.one(sql, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_keeps_its_times() {
        let call = Call::default();
        let answered = call.after(CallStatus::InProgress, None, 5_000);
        let over = answered.and_then(|call| call.after(CallStatus::Completed, Some(7), 12_000));
        let expected =
            Call { status: CallStatus::Completed, started_ms: Some(5_000), ended_ms: Some(12_000), duration: Some(7) };
        assert_eq!(over, Some(expected));
        assert_eq!(over.and_then(|call| call.after(CallStatus::Ringing, None, 13_000)), None);
        let untold = call.after(CallStatus::Completed, Some(7), 12_000);
        assert_eq!(untold, Some(expected));
        // its end came first
        let over = Call { started_ms: None, duration: None, ..expected };
        assert_eq!(call.after(CallStatus::Completed, None, 12_000), Some(over));
        assert_eq!(over.before(CallStatus::InProgress, 5_000).map(|call| call.measured(Some(7))), Some(expected));
        assert_eq!(over.before(CallStatus::InProgress, 99_000).and_then(|call| call.started_ms), Some(12_000));
        assert_eq!(over.measured(Some(7)), expected);
        assert_eq!(over.before(CallStatus::Ringing, 1_000), Some(over));
        assert_eq!(over.before(CallStatus::Busy, 1_000), None);
        let busy = call.after(CallStatus::Busy, Some(0), 1_000);
        assert_eq!(busy.and_then(|call| call.before(CallStatus::InProgress, 500)), None, "nobody answered");
        assert_eq!(busy.map(|call| (call.started_ms, call.ended_ms)), Some((None, Some(1_000))));
    }
}
