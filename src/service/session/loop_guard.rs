//! Whether those who text look like programs that answer each other: then their copies stop for a while. Each node counts
//! what it handles itself, by when that came in.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use crate::model::lock::lock;
use crate::model::{Millis, ParticipantId};

/// So many copies may pass between two people within this time,
const COPIES: (usize, Millis) = (30, 30_000);
/// and so often the same text from one of them within this.
const SAME: (usize, Millis) = (10, 60_000);
/// For how long copies stop.
const STOP_MS: Millis = 300_000;
/// Of each so many are watched; beyond that those go who have been silent for long.
const WATCHED: usize = 20_000;

/// What becomes of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopVerdict {
    Passes,
    /// It is the first that does not.
    Begins,
    /// Copies are stopped still.
    Stopped,
}

/// When something came of late.
#[derive(Default)]
struct RecentTimes {
    at_ms: VecDeque<Millis>,
    /// Until when nothing passes.
    stopped_ms: Option<Millis>,
}

impl RecentTimes {
    fn take(&mut self, at_ms: Millis, (most, within_ms): (usize, Millis)) -> LoopVerdict {
        if self.stopped_ms.is_some_and(|until_ms| at_ms < until_ms) {
            return LoopVerdict::Stopped;
        }
        self.stopped_ms = None;
        self.at_ms.push_back(at_ms);
        if self.at_ms.len() <= most {
            return LoopVerdict::Passes;
        }
        let first_ms = self.at_ms.pop_front().unwrap_or(at_ms);
        if at_ms - first_ms > within_ms {
            return LoopVerdict::Passes;
        }
        self.at_ms.clear();
        self.stopped_ms = Some(at_ms + STOP_MS);
        LoopVerdict::Begins
    }

    fn is_of_late(&self, at_ms: Millis) -> bool {
        self.stopped_ms.or(self.at_ms.back().copied()).is_some_and(|last_ms| last_ms > at_ms - SAME.1)
    }
}

#[derive(Default)]
struct WatchedTexts {
    /// Between whom copies pass, in either direction.
    pairs: HashMap<(ParticipantId, ParticipantId), RecentTimes>,
    /// By the hash of what somebody says.
    same: HashMap<(ParticipantId, u64), RecentTimes>,
    /// Whose copies are stopped, until when.
    stopped: HashMap<ParticipantId, Millis>,
}

/// Watches what is passed on.
#[derive(Default)]
pub struct LoopGuard(Mutex<WatchedTexts>);

impl LoopGuard {
    /// Somebody says something: whether it may be passed on to anybody.
    pub(super) fn say(&self, from: ParticipantId, said: &impl Hash, at_ms: Millis) -> LoopVerdict {
        let mut hash = DefaultHasher::new();
        said.hash(&mut hash);
        let mut held = lock(&self.0);
        let watched = &mut *held;
        if watched.stopped.get(&from).is_some_and(|until_ms| at_ms < *until_ms) {
            return LoopVerdict::Stopped;
        }
        forget(&mut watched.same, at_ms);
        let verdict = watched.same.entry((from, hash.finish())).or_default().take(at_ms, SAME);
        if verdict == LoopVerdict::Begins {
            watched.stopped.retain(|_, until_ms| *until_ms > at_ms);
            watched.stopped.insert(from, at_ms + STOP_MS);
        }
        verdict
    }

    /// The same of one copy.
    pub(super) fn pass(&self, from: ParticipantId, to: ParticipantId, at_ms: Millis) -> LoopVerdict {
        let mut held = lock(&self.0);
        let watched = &mut *held;
        forget(&mut watched.pairs, at_ms);
        watched.pairs.entry((from.min(to), from.max(to))).or_default().take(at_ms, COPIES)
    }
}

/// Makes room, where there is little, for those who speak.
fn forget<K: Eq + Hash>(watched: &mut HashMap<K, RecentTimes>, at_ms: Millis) {
    if watched.len() < WATCHED {
        return;
    }
    watched.retain(|_, times| times.is_of_late(at_ms));
    if watched.len() >= WATCHED {
        watched.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LoopVerdict::{Begins, Passes, Stopped};

    fn people() -> [ParticipantId; 3] {
        [1, 2, 3].map(ParticipantId::new)
    }

    #[test]
    fn what_two_programs_say_to_each_other_is_cut_and_passes_again_later() {
        let (guard, [one, other, third]) = (LoopGuard::default(), people());
        for n in 0..30 {
            let (from, to) = if n % 2 == 0 { (one, other) } else { (other, one) };
            assert_eq!(guard.pass(from, to, 1_000 + n * 900), Passes, "{n}");
        }
        assert_eq!(guard.pass(one, other, 28_000), Begins);
        assert_eq!(guard.pass(other, one, 28_001), Stopped);
        assert_eq!(guard.pass(one, third, 28_002), Passes, "others go on");
        assert_eq!(guard.pass(one, other, 28_000 + STOP_MS - 1), Stopped);
        assert_eq!(guard.pass(one, other, 28_000 + STOP_MS), Passes);
    }

    #[test]
    fn people_who_type_fast_are_no_programs() {
        let (guard, [one, other, _]) = (LoopGuard::default(), people());
        for n in 0..20 {
            assert_eq!((guard.say(one, &n, n * 100), guard.pass(one, other, n * 100)), (Passes, Passes), "{n}");
        }
        // thirty in thirty seconds, for hours
        let (guard, step) = (LoopGuard::default(), 1_001);
        assert!((0..5_000).all(|n| guard.pass(one, other, n * step) == Passes));
    }

    #[test]
    fn the_same_again_and_again_stops_whoever_says_it() {
        let (guard, [one, other, _]) = (LoopGuard::default(), people());
        for n in 0..10 {
            assert_eq!(guard.say(one, &("I am away", [""; 0]), n * 5_000), Passes, "{n}");
            assert_eq!(guard.say(other, &"I am away", n * 5_000), Passes, "each for themselves");
        }
        assert_eq!(guard.say(one, &("I am away", [""; 0]), 50_000), Begins);
        assert_eq!(guard.say(one, &"something else", 50_001), Stopped);
        assert_eq!(guard.say(other, &"something else", 50_001), Passes);
        assert_eq!(guard.say(one, &"something else", 50_000 + STOP_MS), Passes);
        // ten a minute are no more than that
        let guard = LoopGuard::default();
        assert!((0..500).all(|n| guard.say(one, &"yes", n * 6_001) == Passes));
    }

    #[test]
    fn many_talks_take_no_more_room_than_they_may() {
        let guard = LoopGuard::default();
        for n in 0..50_000 {
            let id = ParticipantId::new(n);
            assert_eq!(guard.say(id, &n, n), Passes);
            guard.pass(id, people()[0], n);
        }
        let watched = lock(&guard.0);
        assert!(watched.pairs.len() <= WATCHED && watched.same.len() <= WATCHED);
    }
}
