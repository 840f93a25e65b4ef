//! How sessions go on by what is said in them: they are under way by it, and end, and rest, that much later.

use std::collections::BTreeSet;

use crate::model::{Millis, SessionId};
use crate::store::session::Session;
use crate::store::{Change, Value};

/// That something was said in a session.
#[derive(Clone, Copy, Debug)]
pub struct SessionTouch {
    pub session: SessionId,
    /// Since when it is silent by it.
    pub at_ms: Millis,
    /// Silence ends it, or lets it rest, as it was read.
    pub is_timed: bool,
}

impl Session {
    /// That something was said in it then.
    pub fn touched(&self, at_ms: Millis) -> SessionTouch {
        let is_timed = self.ttl_ms.is_some() || self.settings.rest_after_ms.is_some();
        SessionTouch { session: self.id, at_ms, is_timed }
    }
}

impl SessionTouch {
    /// That more was said in the same.
    pub(super) fn add(&mut self, other: Self) {
        self.at_ms = self.at_ms.max(other.at_ms);
        self.is_timed |= other.is_timed;
    }
}

/// The session is under way from now on, and was not before: which is told.
const BEGIN: &str = "UPDATE sb_session SET state = 'in_progress' WHERE closed_ms IS NULL \
     AND (state = 'open' OR state = 'inactive') AND id IN ({})";

/// Whatever is said, the session is under way by it, and ends that much later. One that is over stays so.
const TOUCH: &str = "UPDATE sb_session SET state = 'in_progress', expires_ms = CASE WHEN ttl_ms IS NULL THEN ends_ms \
     WHEN ends_ms < ? + ttl_ms THEN ends_ms ELSE ? + ttl_ms END, \
     rests_ms = ? + rest_after_ms, last_ms = ?, changed_ms = ? \
     WHERE closed_ms IS NULL AND (last_ms IS NULL OR last_ms < ?) AND id IN ({})";

/// The same of one that silence neither ends nor lets rest. That it ends and rests when it did is not written again: the
/// embedded engine would take it out of two indexes, and put it back.
const TOUCH_UNTIMED: &str = "UPDATE sb_session SET state = 'in_progress', last_ms = ?, changed_ms = ? \
     WHERE ttl_ms IS NULL AND rest_after_ms IS NULL \
     AND closed_ms IS NULL AND (last_ms IS NULL OR last_ms < ?) AND id IN ({})";

/// Texts of one statement came in so close to each other that the last of them may stand for all.
const CLOSE_MS: Millis = 1_000;

/// Adds that to a change; each session stands there once, in the order of their ids. `begun`: those that were not under
/// way. Sessions next to each other share statements where they are alike.
pub(super) fn write(change: Change, touches: &[SessionTouch], begun: &BTreeSet<SessionId>, now_ms: Millis) -> Change {
    let Some(latest) = touches.iter().map(|one| one.at_ms).max() else { return change };
    let is_close = touches.iter().all(|one| latest - one.at_ms <= CLOSE_MS);
    let is_alike = |one: &SessionTouch, next: &SessionTouch| {
        let [begins, begins_too] = [one, next].map(|touch| begun.contains(&touch.session));
        is_close && begins == begins_too && one.is_timed == next.is_timed
    };
    touches.chunk_by(is_alike).fold(change, |mut change, some| {
        let keys: Vec<Value> = some.iter().map(|one| one.session.into()).collect();
        let SessionTouch { session, at_ms, is_timed } = some[0];
        let at_ms = if is_close { latest } else { at_ms };
        if begun.contains(&session) {
            change = change.each(BEGIN, &[], &keys);
        }
        if !is_timed {
            change = change.any(TOUCH_UNTIMED, &[at_ms, now_ms, at_ms].map(Value::from), &keys);
        }
        // it finds those too that were given a time since they were read, and nobody twice
        change.any(TOUCH, &[at_ms, at_ms, at_ms, at_ms, now_ms, at_ms].map(Value::from), &keys)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `texts`: in which session each came in, and when.
    fn statements(texts: &[(Millis, Millis)], is_timed: bool, begun: &[Millis]) -> usize {
        let touch = |(nth, at_ms): &(Millis, Millis)| SessionTouch {
            session: SessionId::first_of(*nth),
            at_ms: *at_ms,
            is_timed,
        };
        let touches: Vec<SessionTouch> = texts.iter().map(touch).collect();
        let begun = begun.iter().map(|nth| SessionId::first_of(*nth)).collect();
        write(Change::new(), &touches, &begun, 0).statements()
    }

    #[test]
    fn sessions_next_to_each_other_go_on_together() {
        let close = [(1, 500), (2, 600), (3, 700), (4, 800)];
        assert_eq!(statements(&close, true, &[]), 1);
        assert_eq!(statements(&close, false, &[]), 2);
        assert_eq!(statements(&close, true, &[1, 2, 3, 4]), 2);
        assert_eq!(statements(&close, true, &[2, 3]), 4, "the first, those two that begin, the last");
        assert_eq!(statements(&[(1, 0), (2, 2_000)], true, &[1]), 3, "their texts are too far apart");
        assert_eq!(statements(&[], true, &[]), 0);
    }

    #[test]
    fn what_is_said_later_counts_and_that_silence_ends_it() {
        let session = SessionId::first_of(1);
        let mut touch = SessionTouch { session, at_ms: 5, is_timed: true };
        touch.add(SessionTouch { session, at_ms: 3, is_timed: false });
        assert!(touch.is_timed && touch.at_ms == 5);
        touch.add(SessionTouch { session, at_ms: 7, is_timed: false });
        assert!(touch.is_timed && touch.at_ms == 7);
    }
}
