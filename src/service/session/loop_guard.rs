//! Whether those who text look like programs that answer each other: then their copies stop for a while. Each node counts
//! what it handles itself, by when that came in, and a text once however often it is handled.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::mem;
use std::sync::Mutex;

use crate::model::lock::lock;
use crate::model::{InboundId, Millis, NumberId, ParticipantId};

/// So many copies may pass between two people within this time,
const COPIES: (usize, Millis) = (30, 30_000);
/// and so often the same text from one of them within this.
const SAME: (usize, Millis) = (10, 60_000);
/// For how long copies stop.
const STOP_MS: Millis = 300_000;
/// Who is silent is forgotten after this long, or twice that: no less than what is counted over;
const GENERATION_MS: Millis = 60_000;
/// or once so many others have spoken since.
const GENERATION: usize = 100_000;

/// What becomes of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopVerdict {
    Passes,
    /// It is the first that does not.
    Begins,
    /// Copies are stopped still.
    Stopped,
}

/// A text that came in.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct CountedText {
    pub(in crate::service) id: InboundId,
    pub(in crate::service) at_ms: Millis,
}

/// What has passed of late, by when it came in: it need not be handled in that order.
#[derive(Default)]
struct RecentTimes(VecDeque<(Millis, InboundId)>);

impl RecentTimes {
    fn has(&self, id: InboundId) -> bool {
        self.0.iter().any(|(_, known)| *known == id)
    }

    /// Counts one more where it is not too much.
    fn count(&mut self, text: CountedText, (most, within_ms): (usize, Millis)) -> bool {
        let place = self.0.partition_point(|(at_ms, _)| *at_ms <= text.at_ms);
        self.0.insert(place, (text.at_ms, text.id));
        let is_much = self.0.iter().zip(self.0.iter().skip(most)).any(|(first, last)| last.0 - first.0 <= within_ms);
        if is_much {
            self.0.remove(place);
        } else if self.0.len() > 2 * most {
            self.0.pop_front();
        }
        !is_much
    }
}

/// That copies are stopped: since when, and by which text.
#[derive(Clone, Copy)]
struct LoopStop {
    from_ms: Millis,
    by: InboundId,
}

impl LoopStop {
    fn verdict(self, text: CountedText) -> Option<LoopVerdict> {
        if self.by == text.id {
            return Some(LoopVerdict::Begins);
        }
        let is_meant = (self.from_ms..self.from_ms + STOP_MS).contains(&text.at_ms);
        is_meant.then_some(LoopVerdict::Stopped)
    }
}

/// By the hashes of those who speak, and of what they say.
#[derive(Default)]
struct WatchedTexts {
    now: HashMap<u64, RecentTimes>,
    /// Those who have not spoken since `now` began.
    before: HashMap<u64, RecentTimes>,
    /// When `now` began.
    since_ms: Millis,
    stops: HashMap<u64, LoopStop>,
}

impl WatchedTexts {
    /// `stop`: what stops where it is too much of `key`.
    fn take(&mut self, (key, stop): (u64, u64), text: CountedText, limit: (usize, Millis)) -> LoopVerdict {
        if text.at_ms - self.since_ms >= GENERATION_MS || self.now.len() >= GENERATION {
            self.before = mem::take(&mut self.now);
            self.since_ms = self.since_ms.max(text.at_ms);
        }
        let known = self.before.remove(&key);
        let times = self.now.entry(key).or_insert_with(|| known.unwrap_or_default());
        if times.has(text.id) {
            return LoopVerdict::Passes;
        }
        if let Some(verdict) = self.stops.get(&stop).and_then(|stop| stop.verdict(text)) {
            return verdict;
        }
        if times.count(text, limit) {
            return LoopVerdict::Passes;
        }
        self.stops.retain(|_, stop| stop.from_ms + STOP_MS > text.at_ms);
        // one that came in before those that began it is told with them
        let is_told = self.stops.get(&stop).is_some_and(|stop| stop.from_ms > text.at_ms);
        if is_told {
            return LoopVerdict::Stopped;
        }
        self.stops.insert(stop, LoopStop { from_ms: text.at_ms, by: text.id });
        LoopVerdict::Begins
    }
}

/// Watches what is passed on.
#[derive(Default)]
pub struct LoopGuard {
    hashes: RandomState,
    watched: Mutex<WatchedTexts>,
}

impl LoopGuard {
    /// Somebody says something: whether it may be passed on to anybody.
    pub(super) fn say(&self, from: ParticipantId, said: &impl Hash, text: CountedText) -> LoopVerdict {
        let keys = (self.hashes.hash_one((from, said)), self.hashes.hash_one(from));
        lock(&self.watched).take(keys, text, SAME)
    }

    /// The same of one copy.
    pub(super) fn pass(&self, from: ParticipantId, to: ParticipantId, text: CountedText) -> LoopVerdict {
        let pair = self.hashes.hash_one((from.min(to), from.max(to)));
        lock(&self.watched).take((pair, pair), text, COPIES)
    }

    /// The same of what we tell somebody ourselves who texts a number.
    pub(super) fn tell(&self, person: &str, number: NumberId, text: CountedText) -> LoopVerdict {
        let pair = self.hashes.hash_one((person, number));
        lock(&self.watched).take((pair, pair), text, COPIES)
    }
}

#[cfg(test)]
#[path = "loop_guard_test.rs"]
mod tests;
