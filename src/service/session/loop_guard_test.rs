//! What is cut off as a loop, and what is not.

use super::LoopVerdict::{Begins, Passes, Stopped};
use super::*;

fn people() -> [ParticipantId; 3] {
    [1, 2, 3].map(ParticipantId::new)
}

/// Another text each time.
fn at(at_ms: Millis) -> CountedText {
    CountedText { id: InboundId::new(at_ms), at_ms }
}

#[test]
fn what_two_programs_say_to_each_other_is_cut_and_passes_again_later() {
    let (guard, [one, other, third]) = (LoopGuard::default(), people());
    for n in 0..30 {
        let (from, to) = if n % 2 == 0 { (one, other) } else { (other, one) };
        assert_eq!(guard.pass(from, to, at(1_000 + n * 900)), Passes, "{n}");
    }
    assert_eq!(guard.pass(one, other, at(28_000)), Begins);
    assert_eq!(guard.pass(other, one, at(28_001)), Stopped);
    assert_eq!(guard.pass(one, third, at(28_002)), Passes, "others go on");
    assert_eq!(guard.pass(one, other, at(28_000 + STOP_MS - 1)), Stopped);
    assert_eq!(guard.pass(one, other, at(28_000 + STOP_MS)), Passes);
}

#[test]
fn a_text_that_is_handled_again_is_told_what_it_was_told() {
    let (guard, [one, other, _]) = (LoopGuard::default(), people());
    let texts: Vec<CountedText> = (0..33).map(|n| at(n * 100)).collect();
    let told: Vec<LoopVerdict> = texts.iter().map(|text| guard.pass(one, other, *text)).collect();
    assert_eq!(told.iter().filter(|verdict| **verdict == Passes).count(), 30);
    assert_eq!(told[30..], [Begins, Stopped, Stopped]);
    for (text, verdict) in texts.iter().zip(told) {
        assert_eq!(guard.pass(one, other, *text), verdict);
    }
}

#[test]
fn texts_that_are_handled_out_of_order_are_counted_by_when_they_came_in() {
    let (guard, [one, other, _]) = (LoopGuard::default(), people());
    // a talk of hours, from its end
    assert!((0..200).rev().all(|n| guard.pass(one, other, at(n * 2_000)) == Passes));
    // a late text that came in long before a burst is none of it
    let guard = LoopGuard::default();
    assert!((0..30).all(|n| guard.pass(one, other, at(100_000 + n)) == Passes));
    assert_eq!(guard.pass(one, other, at(50_000)), Passes);
    assert_eq!(guard.pass(one, other, at(100_010)), Begins);
    assert_eq!(guard.pass(one, other, at(100_005)), Stopped, "it is told once");
}

#[test]
fn people_who_type_fast_are_no_programs() {
    let (guard, [one, other, _]) = (LoopGuard::default(), people());
    for n in 0..20 {
        let text = at(n * 100);
        assert_eq!((guard.say(one, &n, text), guard.pass(one, other, text)), (Passes, Passes), "{n}");
    }
    // thirty in thirty seconds, for hours
    let (guard, step) = (LoopGuard::default(), 1_001);
    assert!((0..5_000).all(|n| guard.pass(one, other, at(n * step)) == Passes));
}

#[test]
fn the_same_again_and_again_stops_whoever_says_it() {
    let (guard, [one, other, _]) = (LoopGuard::default(), people());
    for n in 0..10 {
        assert_eq!(guard.say(one, &("I am away", [""; 0]), at(n * 5_000)), Passes, "{n}");
        assert_eq!(guard.say(other, &"I am away", at(n * 5_000)), Passes, "each for themselves");
    }
    assert_eq!(guard.say(one, &("I am away", [""; 0]), at(50_000)), Begins);
    assert_eq!(guard.say(one, &"something else", at(50_001)), Stopped);
    assert_eq!(guard.say(other, &"something else", at(50_001)), Passes);
    assert_eq!(guard.say(one, &"something else", at(50_000 + STOP_MS)), Passes);
    // ten a minute are no more than that
    let guard = LoopGuard::default();
    assert!((0..500).all(|n| guard.say(one, &"yes", at(n * 6_001)) == Passes));
}

#[test]
fn what_we_tell_somebody_is_counted_as_a_copy_is() {
    let (guard, number) = (LoopGuard::default(), NumberId::new(1));
    assert!((0..30).all(|n| guard.tell("+14155550100", number, at(n)) == Passes));
    assert_eq!(guard.tell("+14155550100", number, at(31)), Begins);
    assert_eq!(guard.tell("+14155550101", number, at(32)), Passes);
}

#[test]
fn a_slow_loop_is_cut_among_very_many_talks_which_take_no_more_room_than_they_may() {
    let (guard, [one, other, _]) = (LoopGuard::default(), people());
    let mut verdicts = Vec::new();
    for n in 0..50_000 {
        // two thousand others each second; a copy of the loop each nine hundred milliseconds
        let (id, at_ms) = (ParticipantId::new(n), n / 2);
        guard.say(id, &n, at(at_ms));
        guard.pass(id, other, at(at_ms));
        if n % 1_500 == 0 {
            verdicts.push(guard.pass(one, other, at(at_ms)));
        }
    }
    assert_eq!(verdicts.iter().position(|verdict| *verdict == Begins), Some(30));
    for n in 50_000..260_000 {
        guard.say(ParticipantId::new(n), &n, at(25_000));
    }
    let watched = lock(&guard.watched);
    assert!(watched.now.len() <= GENERATION && watched.before.len() <= GENERATION);
}
