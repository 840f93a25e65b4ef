//! How fast an account or a number may send: so many segments a second, evenly, and not at all
//! while its provider asked for a pause.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::model::lock::lock;

/// Who waited little may send so much at once, in seconds of its rate.
const BURST: Duration = Duration::from_secs(1);

/// Lanes that are remembered for when a place becomes free; what is beyond waits its time out.
const PARKED: usize = 10_000;
/// Of these, lanes at least that a place which is given back lets try again.
const UNPARKED: usize = 64;

/// A leaky bucket as a meter (GCRA): keeps when the next segment is due, and who waits for an earlier one.
/// A [`Gcra`](crate::model::Gcra) takes or refuses; here places are taken ahead of their time, move up when another is
/// given back, and stand still in a pause, so their times are kept instead of one theoretical arrival time.
#[derive(Debug)]
pub struct Pace {
    /// Time of one segment; zero: no limit.
    each: Duration,
    plan: Mutex<Plan>,
}

#[derive(Debug)]
struct Plan {
    due: Instant,
    /// Nobody moves up to a time before this one.
    paused: Instant,
    /// Places whose time has not come, by their turns.
    waiting: BTreeMap<u64, Waiting>,
    /// The turn of the last place that was taken.
    last: u64,
    /// Lanes that found no place near enough, and when they try again in any case.
    parked: VecDeque<(String, Instant)>,
}

#[derive(Debug)]
struct Waiting {
    at: Instant,
    wake: Arc<Notify>,
}

impl Plan {
    /// Wakes the next one that waits behind a turn: it may have moved up.
    fn wake_behind(&self, turn: u64) {
        if let Some((_, next)) = self.waiting.range(turn..).next() {
            next.wake.notify_one();
        }
    }

    /// Those behind a turn move up by so much, but not into a pause.
    fn move_up(&mut self, turn: u64, mut by: Duration) {
        let paused = self.paused;
        let places = self.waiting.range_mut(turn..).map(|(_, one)| &mut one.at);
        for at in places.chain([&mut self.due]) {
            if *at >= paused {
                by = by.min(*at - paused);
            }
            *at = at.checked_sub(by).unwrap_or(*at);
        }
    }
}

impl Pace {
    /// `rate` segments a second; 0: no limit.
    pub fn new(rate: i64) -> Self {
        let each = match u32::try_from(rate) {
            Ok(rate @ 1..) => Duration::from_secs(1) / rate,
            _ => Duration::ZERO,
        };
        let now = Instant::now();
        let plan = Plan { due: now, paused: now, waiting: BTreeMap::new(), last: 0, parked: VecDeque::new() };
        Self { each, plan: Mutex::new(plan) }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        lock(&self.plan)
    }

    /// The earliest time of which something may still be used: a rate of one segment a second has no burst but
    /// that segment.
    fn earliest(&self, now: Instant) -> Instant {
        let burst = if self.each.is_zero() { Duration::ZERO } else { BURST.saturating_sub(self.each) };
        now.checked_sub(burst).unwrap_or(now)
    }

    /// Takes a place for so many segments. `Err`: how long to wait where that would be longer than `most`, and
    /// no place was taken.
    pub fn reserve(self: &Arc<Self>, segments: u32, most: Duration, now: Instant) -> Result<Place, Duration> {
        let mut plan = self.plan();
        let at = plan.due.max(self.earliest(now));
        let wait = at.saturating_duration_since(now);
        if wait > most {
            return Err(wait);
        }
        plan.due = at + self.each * segments;
        plan.last += 1;
        let turn = plan.last;
        let waits = !wait.is_zero();
        if waits {
            plan.waiting.insert(turn, Waiting { at, wake: Arc::default() });
        }
        drop(plan);
        Ok(Place { pace: self.clone(), segments, turn, at, waits, is_used: false })
    }

    /// Remembers a lane that has found no place, and tries again at `until` in any case.
    pub fn park(&self, lane: &str, until: Instant, now: Instant) {
        let mut plan = self.plan();
        while plan.parked.front().is_some_and(|(_, until)| *until <= now) {
            plan.parked.pop_front();
        }
        if plan.parked.len() < PARKED {
            plan.parked.push_back((lane.to_owned(), until));
        }
    }

    /// Goes on where another stands.
    pub fn take_over(&self, other: &Self) {
        let (due, paused) = {
            let theirs = other.plan();
            (theirs.due, theirs.paused)
        };
        let mut plan = self.plan();
        (plan.due, plan.paused) = (due, paused);
    }

    /// Nothing more is sent for so long.
    pub fn pause(&self, span: Duration, now: Instant) {
        let mut plan = self.plan();
        plan.due = plan.due.max(now + span);
        plan.paused = plan.paused.max(now + span);
    }
}

/// A place in a pace. Dropped unused it is given back, and those behind it move up.
#[derive(Debug)]
pub struct Place {
    pace: Arc<Pace>,
    segments: u32,
    turn: u64,
    at: Instant,
    waits: bool,
    is_used: bool,
}

impl Place {
    /// Waits for its time, which comes sooner where a place before it is given back.
    pub async fn come(&mut self) {
        while let Some((at, wake)) = self.look() {
            tokio::select! {
                () = tokio::time::sleep_until(at.into()) => {}
                () = wake.notified() => {}
            }
        }
    }

    /// What it waits for, if it does.
    fn look(&mut self) -> Option<(Instant, Arc<Notify>)> {
        if !self.waits {
            return None;
        }
        let mut plan = self.pace.plan();
        let waiting = plan.waiting.get(&self.turn)?;
        self.at = waiting.at;
        if waiting.at > Instant::now() {
            return Some((waiting.at, waiting.wake.clone()));
        }
        self.waits = false;
        plan.waiting.remove(&self.turn);
        plan.wake_behind(self.turn);
        None
    }

    /// It is used: nobody gets it any more.
    pub fn take(&mut self) {
        self.is_used = true;
    }

    /// Gives the place back: which lanes may find one now.
    pub fn give_back(self) -> Vec<String> {
        let (pace, most) = (self.pace.clone(), UNPARKED.max(self.segments as usize));
        drop(self);
        let (mut plan, now) = (pace.plan(), Instant::now());
        let most = plan.parked.len().min(most);
        plan.parked.drain(..most).filter(|(_, until)| *until > now).map(|(lane, _)| lane).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_used && !self.waits {
            return;
        }
        let mut plan = self.pace.plan();
        let at = plan.waiting.remove(&self.turn).map_or(self.at, |waiting| waiting.at);
        if !self.is_used {
            // what is over is nobody's any more
            let begins = at.max(self.pace.earliest(Instant::now()));
            let left = (at + self.pace.each * self.segments).saturating_duration_since(begins);
            plan.move_up(self.turn, left);
        }
        plan.wake_behind(self.turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn pace(rate: i64) -> Arc<Pace> {
        Arc::new(Pace::new(rate))
    }

    /// Takes a place and uses it: how long it waits.
    fn used(pace: &Arc<Pace>, segments: u32, most: Duration, now: Instant) -> Result<Duration, Duration> {
        let mut taken = pace.reserve(segments, most, now)?;
        taken.take();
        Ok(taken.at.saturating_duration_since(now))
    }

    #[test]
    fn a_rate_holds_over_time() {
        let (pace, begun) = (pace(10), Instant::now());
        let mut now = begun;
        for _ in 0..100 {
            now += used(&pace, 1, LONG, now).unwrap_or(LONG);
        }
        let took = now - begun;
        assert!(took >= Duration::from_secs(9) && took <= Duration::from_secs(10), "{took:?}");
    }

    #[test]
    fn no_place_is_taken_that_is_too_far_away() {
        let (pace, now) = (pace(1), Instant::now());
        assert_eq!(used(&pace, 5, LONG, now), Ok(Duration::ZERO));
        assert!(used(&pace, 1, Duration::from_secs(2), now).is_err_and(|wait| wait > Duration::from_secs(4)));
        assert!(used(&pace, 1, LONG, now).is_ok_and(|wait| wait > Duration::from_secs(4)));
    }

    #[test]
    fn a_pause_holds_even_without_a_rate() {
        let (pace, now) = (pace(0), Instant::now());
        assert_eq!(used(&pace, 1000, Duration::ZERO, now), Ok(Duration::ZERO));
        assert_eq!(used(&pace, 1000, Duration::ZERO, now), Ok(Duration::ZERO));
        pace.pause(Duration::from_secs(30), now);
        assert_eq!(used(&pace, 1, Duration::ZERO, now), Err(Duration::from_secs(30)));
    }

    /// When a place that waits comes, in seconds from a time.
    fn at(place: &Place, from: Instant) -> u128 {
        let at = place.pace.plan().waiting.get(&place.turn).map_or(place.at, |waiting| waiting.at);
        (at.saturating_duration_since(from).as_millis() + 500) / 1000
    }

    #[test]
    fn those_behind_a_place_that_is_given_back_move_up_and_no_two_get_the_same() {
        let (pace, now) = (pace(1), Instant::now());
        let mut places: Vec<Place> =
            [5, 7, 2, 1].map(|segments| pace.reserve(segments, LONG, now)).into_iter().flatten().collect();
        assert_eq!(places.iter().map(|place| at(place, now)).collect::<Vec<_>>(), [0, 5, 12, 14]);
        drop(places.remove(1));
        assert_eq!(places.iter().map(|place| at(place, now)).collect::<Vec<_>>(), [0, 5, 7]);
        let last = pace.reserve(1, LONG, now).map(|place| at(&place, now));
        assert_eq!(last, Ok(8));
    }

    #[test]
    fn nobody_moves_up_into_a_pause() {
        let (pace, now) = (pace(1), Instant::now());
        let mut places: Vec<Place> =
            [5, 7].map(|segments| pace.reserve(segments, LONG, now)).into_iter().flatten().collect();
        pace.pause(Duration::from_secs(20), now);
        places.extend([3, 1].map(|segments| pace.reserve(segments, LONG, now)).into_iter().flatten());
        drop(places.remove(1));
        assert_eq!(places.iter().map(|place| at(place, now)).collect::<Vec<_>>(), [0, 20, 23]);
    }

    #[tokio::test]
    async fn whoever_waits_goes_when_all_before_it_have_given_up() {
        let (pace, now) = (pace(1), Instant::now());
        let mut places: Vec<Place> =
            [1, 20, 20, 1].map(|segments| pace.reserve(segments, LONG, now)).into_iter().flatten().collect();
        let waits = places.pop().map(async |mut place: Place| place.come().await);
        drop(places.split_off(1));
        assert_eq!(places.len(), 1);
        if let Some(waits) = waits {
            assert!(tokio::time::timeout(Duration::from_secs(3), waits).await.is_ok());
        }
    }
}
