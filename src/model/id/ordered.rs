//! Ids whose order within one millisecond is that in which they were made.

use std::sync::Mutex;

use super::{AuditId, InboundId, time_ordered};
use crate::model::Millis;
use crate::model::lock::lock;

/// Above what was made last within the same millisecond, by `step`.
fn above(last: &Mutex<u128>, now_ms: Millis, step: u128) -> u128 {
    let mut last = lock(last);
    let made = time_ordered(now_ms);
    *last = if made >> 80 == *last >> 80 { *last + step } else { made };
    *last
}

impl InboundId {
    /// Above all that this process made within the same millisecond: a person may text twice in one. They are so far apart
    /// that no two have the same reply, or the same answers.
    pub fn next(now_ms: Millis) -> Self {
        static LAST: Mutex<u128> = Mutex::new(0);
        Self(above(&LAST, now_ms, 1 << 16))
    }
}

impl AuditId {
    /// Above all that this process made within the same millisecond: a script does several things in one.
    pub fn next(now_ms: Millis) -> Self {
        static LAST: Mutex<u128> = Mutex::new(0);
        Self(above(&LAST, now_ms, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    #[test]
    fn what_is_done_within_a_millisecond_is_in_order() {
        let ids: Vec<AuditId> = (0..100).map(|_| AuditId::next(1_000)).collect();
        assert!(ids.is_sorted() && ids.first() < ids.last(), "{ids:?}");
        assert!(ids.iter().all(|id| id.made_ms() == 1_000));
        let texts: Vec<InboundId> = (0..100).map(|_| InboundId::next(1_000)).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        let mut all: Vec<MessageId> = texts.iter().flat_map(|id| [id.message(), id.reply(), id.answer(255)]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 300, "each has its own");
    }
}
