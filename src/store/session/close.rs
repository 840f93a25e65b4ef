//! Ending a session: its numbers are free again, and those who were in it are told where they are to be.

use super::change::forget;
use super::{Session, SessionWithParticipants};
use crate::model::{Millis, SessionState};
use crate::store::{Change, Value, params};

/// How a session ends.
#[derive(Clone, Debug)]
pub struct SessionEnd {
    pub state: SessionState,
    pub reason: Option<&'static str>,
    pub at_ms: Millis,
    /// When its people are to be told, where they are to be.
    pub tell_ms: Option<Millis>,
    /// It ends only where its time is over still.
    pub is_expiry: bool,
}

impl SessionEnd {
    /// The session as it then is.
    pub fn of(&self, before: &Session) -> Session {
        Session {
            state: self.state,
            reason: self.reason.map(str::to_owned),
            expires_ms: None,
            tell_ms: self.tell_ms,
            sequence: before.sequence + 1,
            changed_ms: self.at_ms,
            closed_ms: Some(self.at_ms),
            ..before.clone()
        }
    }
}

/// Ends a session that is open. `memory`: the hash under which it is remembered which numbers a person had.
/// [`crate::store::Error::Guard`]: it is another than was read.
pub fn close(
    change: Change,
    before: &SessionWithParticipants,
    end: &SessionEnd,
    memory: impl Fn(&str) -> [u8; 32],
) -> Change {
    let (session, at_ms) = (&before.session, end.at_ms);
    let due = if end.is_expiry { " AND expires_ms <= ?" } else { "" };
    let sql = format!(
        "UPDATE sb_session SET state = ?, reason = ?, tell_ms = ?, expires_ms = NULL, rests_ms = NULL, \
         sequence = sequence + 1, changed_ms = ?, closed_ms = ? \
         WHERE id = ? AND sequence = ? AND closed_ms IS NULL{due}"
    );
    let mut values = params![end.state.name(), end.reason, end.tell_ms, at_ms, at_ms, session.id, session.sequence];
    values.extend(end.is_expiry.then(|| Value::from(at_ms)));
    let mut change = change.one(sql, values).run("DELETE FROM sb_pair WHERE session_id = ?", params![session.id]).run(
        "UPDATE sb_participant SET left_ms = ? WHERE session_id = ? AND left_ms IS NULL",
        params![at_ms, session.id],
    );
    if let Some(name) = session.unique_name.as_deref() {
        let sql = "DELETE FROM sb_session_name WHERE scope_id = ? AND unique_name = ?";
        change = change.run(sql, params![session.name_scope(), name]);
    }
    let mut numbers: Vec<Value> = before.participants.iter().map(|one| one.number_id.into()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if let [number] = numbers.as_slice() {
        // where each is one session's, all of its people have the same
        change = freed(change, session, number, at_ms);
    }
    let present = before.participants.iter().filter(|one| one.left_ms.is_none());
    present.fold(change, |change, one| forget(change, one, memory(&one.person), at_ms))
}

/// Says of a session that is over why it ended. [`crate::store::Error::Guard`]: it is another than was read.
pub fn give_reason(before: &Session, reason: &'static str, now_ms: Millis) -> Change {
    let sql = "UPDATE sb_session SET reason = ?, sequence = sequence + 1, changed_ms = ? \
               WHERE id = ? AND sequence = ? AND closed_ms IS NOT NULL";
    Change::new().one(sql, params![reason, now_ms, before.id, before.sequence])
}

/// Lets a number go that was this session's alone. One that is reserved is not free: it is held first, or it might be
/// reserved in between.
fn freed(change: Change, session: &Session, number: &Value, at_ms: Millis) -> Change {
    let held = "UPDATE sb_number SET reserved = reserved WHERE id = ? \
                AND EXISTS (SELECT 1 FROM sb_pool_number p WHERE p.number_id = ? AND p.session_id = ?)";
    let free = "UPDATE sb_pool_number SET session_id = NULL, free_ms = CASE WHEN EXISTS (SELECT 1 FROM sb_number n \
                WHERE n.id = sb_pool_number.number_id AND n.reserved = 0) THEN ? END \
                WHERE number_id = ? AND session_id = ?";
    change
        .run(held, params![number.clone(), number.clone(), session.id])
        .run(free, params![at_ms, number.clone(), session.id])
}
