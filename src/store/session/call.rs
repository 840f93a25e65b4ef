//! Calls keep their sessions going: each word of their carrier for so long, and the last word ends that.

use crate::model::{MessageId, Millis};
use crate::store::{Change, Value};

/// For so long a call counts as under way of which nothing more is heard.
pub const UNHEARD_MS: Millis = 4 * 3_600_000;
/// No carrier has calls that are longer.
const LONGEST_MS: Millis = 24 * 3_600_000;

/// Its end as things are, where it has a time to live: so long after the time that stands there twice.
const END: &str = "expires_ms = CASE WHEN ttl_ms IS NULL THEN ends_ms WHEN ends_ms < ? + ttl_ms THEN ends_ms \
     ELSE ? + ttl_ms END";

/// The sessions that calls are in.
const OF_CALLS: &str =
    "id IN (SELECT i.session_id FROM sb_interaction i WHERE i.kind = 'voice' AND i.outbound_id IN ({}))";

/// Calls of which something was heard that go on. A session that is over stays so.
pub fn go_on(change: Change, calls: &[MessageId], now_ms: Millis) -> Change {
    let sql = format!(
        "UPDATE sb_session SET {END}, last_ms = ?, changed_ms = ? \
         WHERE closed_ms IS NULL AND last_ms < ? AND {OF_CALLS}"
    );
    let until_ms = now_ms + UNHEARD_MS;
    let params = [until_ms, until_ms, until_ms, now_ms, until_ms].map(Value::from);
    change.any(&sql, &params, &keys(calls))
}

/// Calls that are over: their sessions are silent from now on, where no other call is under way there.
pub fn over(change: Change, calls: &[MessageId], now_ms: Millis) -> Change {
    let sql = format!(
        "UPDATE sb_session SET {END}, last_ms = ?, changed_ms = ? \
         WHERE closed_ms IS NULL AND last_ms > ? AND NOT EXISTS (SELECT 1 FROM sb_interaction j JOIN sb_message m ON m.id = j.outbound_id WHERE j.session_id = sb_session.id \
         AND j.kind = 'voice' AND j.created_ms > ? AND (m.state = 'accepted' OR m.state = 'queued' \
         OR m.state = 'sending' OR m.state = 'sent')) AND {OF_CALLS}"
    );
    let params = [now_ms, now_ms, now_ms, now_ms, now_ms, now_ms - LONGEST_MS].map(Value::from);
    change.any(&sql, &params, &keys(calls))
}

fn keys(calls: &[MessageId]) -> Vec<Value> {
    calls.iter().map(Value::from).collect()
}
