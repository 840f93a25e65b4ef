//! What is changed of a session: each change finds it as it was read, or does nothing.

use super::join::{JoinRows, PoolTerms};
use super::{NewParticipant, Participant, Session, metadata_text};
use crate::model::{Millis, NumberId, SessionId};
use crate::store::{Change, Value, params};

/// Counts one more event of an open session, as it was read: so many. [`crate::store::Error::Guard`]: it is another by
/// now. It rests that much later, unless people call each other: then it rests after that.
pub(super) fn touch(change: Change, (id, sequence): (SessionId, i64), now_ms: Millis) -> Change {
    let sql = "UPDATE sb_session SET sequence = sequence + 1, changed_ms = ?, \
               rests_ms = CASE WHEN rests_ms IS NULL THEN NULL WHEN last_ms > ? THEN last_ms + rest_after_ms \
               ELSE ? + rest_after_ms END \
               WHERE id = ? AND sequence = ? AND closed_ms IS NULL";
    change.one(sql, params![now_ms, now_ms, now_ms, id, sequence])
}

/// Writes what may be changed of an open session. [`crate::store::Error::Guard`]: it is another than was read.
pub fn update(change: Change, before: &Session, after: &Session) -> Change {
    let columns = vec![
        ("name", after.name.clone().into()),
        ("state", after.state.name().into()),
        ("settings", after.settings.text().into()),
        ("metadata", metadata_text(after.metadata.as_ref()).into()),
        ("ttl_ms", after.ttl_ms.into()),
        ("ends_ms", after.ends_ms.into()),
        ("expires_ms", after.expires_ms.into()),
        ("rest_after_ms", after.settings.rest_after_ms.into()),
        ("rests_ms", after.rest().into()),
        ("sequence", after.sequence.into()),
        ("changed_ms", after.changed_ms.into()),
    ];
    let read = vec![
        ("sequence", before.sequence.into()),
        ("last_ms", before.last_ms.into()),
        ("closed_ms", before.closed_ms.into()),
    ];
    change.rewrite("sb_session", columns, [("id", before.id.into())], read)
}

/// Somebody leaves an open session. `memory`: the hash under which it is remembered which numbers they had.
pub fn leave(before: &Session, one: &Participant, memory: [u8; 32], now_ms: Millis) -> Change {
    let change = touch(Change::new(), (before.id, before.sequence), now_ms)
        .one("UPDATE sb_participant SET left_ms = ? WHERE id = ? AND left_ms IS NULL", params![now_ms, one.id])
        .one("DELETE FROM sb_pair WHERE person = ? AND number_id = ?", params![one.person.as_str(), one.number_id]);
    forget(change, one, memory, now_ms)
}

/// A number is free for a person again, and it is remembered since when.
pub(super) fn forget(change: Change, one: &Participant, memory: [u8; 32], now_ms: Millis) -> Change {
    let sql = "UPDATE sb_sticky SET ended_ms = ? WHERE person = ? AND number_id = ?";
    change.run(sql, params![now_ms, memory, one.number_id])
}

/// Opens a session again that was over, for those of its people who were in it to the end. `claimed`: the number of all
/// of them, where it has to be theirs alone. [`crate::store::Error::Conflict`], or [`crate::store::Error::Guard`]:
/// another has what it needs, or has changed it.
pub fn reopen(
    before: &Session,
    after: &Session,
    people: &[NewParticipant],
    pool: PoolTerms,
    claimed: Option<NumberId>,
) -> Change {
    let (now_ms, id) = (after.changed_ms, after.id);
    let sql = "UPDATE sb_session SET state = ?, reason = NULL, ends_ms = ?, expires_ms = ?, rests_ms = ?, \
               tell_ms = NULL, last_ms = ?, sequence = sequence + 1, changed_ms = ?, closed_ms = NULL \
               WHERE id = ? AND sequence = ? AND closed_ms IS NOT NULL";
    let params = params![
        after.state.name(),
        after.ends_ms,
        after.expires_ms,
        after.rest(),
        after.last_ms,
        now_ms,
        id,
        before.sequence,
    ];
    let mut change = Change::new().one(sql, params);
    if let Some(name) = after.unique_name.as_deref() {
        let sql = "INSERT INTO sb_session_name (scope_id, unique_name, session_id) VALUES (?, ?, ?)";
        change = change.one(sql, params![after.name_scope(), name, id]);
    }
    let mut rows = JoinRows::default();
    if let Some(number) = claimed {
        rows.claim(number, pool, id);
    }
    for one in people {
        rows.take(one, pool, now_ms);
    }
    let ids: Vec<Value> = people.iter().map(|one| one.participant.id.into()).collect();
    rows.write(change, now_ms).each("UPDATE sb_participant SET left_ms = NULL WHERE id IN ({})", &[], &ids)
}
