//! How fast an account or a number may send: so many segments a second, evenly, and not at all
//! while its provider asked for a pause.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::model::LaneKey;
use crate::model::lock::lock;

/// Who waited little may send so much at once, in seconds of its rate.
const BURST: Duration = Duration::from_secs(1);

/// Lanes that are remembered for when a turn becomes free; what is beyond waits its time out.
const PARKED: usize = 10_000;
/// Of these, lanes at least that one reservation given back lets try again.
const UNPARKED: usize = 64;

/// A leaky bucket as a meter (GCRA): keeps when the next segment is due, and who waits for an earlier one. What tells a
/// code goes before all else that waits.
/// A [`Gcra`](crate::model::Gcra) takes or refuses; here turns are reserved ahead of their time, move up when another
/// is given back, and stand still in a pause, so their times are kept instead of one theoretical arrival time.
#[derive(Debug)]
pub struct RateLimiter {
    /// Time of one segment; zero: no limit.
    each: Duration,
    schedule: Mutex<SegmentSchedule>,
}

#[derive(Debug)]
struct SegmentSchedule {
    due: Instant,
    /// Nobody moves up to a time before this one.
    paused: Instant,
    /// Reservations whose time has not come, by their turns.
    waiting: BTreeMap<RateLimitTurn, RateLimitWaiter>,
    /// How many reservations were taken.
    count: u64,
    /// Lanes that found no turn near enough, and when they try again in any case.
    parked: VecDeque<(LaneKey, Instant)>,
}

/// Codes first, and each in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RateLimitTurn {
    is_ordinary: bool,
    number: u64,
}

#[derive(Debug)]
struct RateLimitWaiter {
    at: Instant,
    wake: Arc<Notify>,
}

impl SegmentSchedule {
    /// Wakes the next one that waits behind a turn: it may have moved up.
    fn wake_behind(&self, turn: RateLimitTurn) {
        if let Some((_, next)) = self.waiting.range(turn..).next() {
            next.wake.notify_one();
        }
    }

    /// The time of the first that a code goes before: those whose time has come are under way, and what waits for the
    /// end of a pause is not let into it.
    fn first_ordinary(&self, now: Instant) -> Option<Instant> {
        let begin = now.max(self.paused);
        let ordinary = self.waiting.range(RateLimitTurn { is_ordinary: true, number: 0 }..);
        ordinary.map(|(_, one)| one.at).find(|at| *at > now && *at >= begin)
    }

    /// All that are ordinary and not before a time come so much later.
    fn make_way(&mut self, from: Instant, by: Duration) {
        let ordinary = self.waiting.range_mut(RateLimitTurn { is_ordinary: true, number: 0 }..);
        for (_, one) in ordinary.filter(|(_, one)| one.at >= from) {
            one.at += by;
        }
        self.due += by;
    }

    /// Those behind a turn, which was at `from`, move up by so much, but not into a pause.
    fn move_up(&mut self, turn: RateLimitTurn, from: Instant, mut by: Duration) {
        let paused = self.paused;
        let behind = self.waiting.range_mut(turn..).map(|(_, one)| &mut one.at);
        // before a code stand ordinary ones that are under way
        let reservations = behind.filter(|at| **at >= from);
        for at in reservations.chain([&mut self.due]) {
            if *at >= paused {
                by = by.min(*at - paused);
            }
            *at = at.checked_sub(by).unwrap_or(*at);
        }
    }
}

impl RateLimiter {
    /// `rate` segments a second; 0: no limit.
    pub fn new(rate: i64) -> Self {
        let each = match u32::try_from(rate) {
            Ok(rate @ 1..) => Duration::from_secs(1) / rate,
            _ => Duration::ZERO,
        };
        let now = Instant::now();
        let schedule =
            SegmentSchedule { due: now, paused: now, waiting: BTreeMap::new(), count: 0, parked: VecDeque::new() };
        Self { each, schedule: Mutex::new(schedule) }
    }

    /// The earliest time of which something may still be used: a rate of one segment a second has no burst but
    /// that segment.
    fn earliest(&self, now: Instant) -> Instant {
        let burst = if self.each.is_zero() { Duration::ZERO } else { BURST.saturating_sub(self.each) };
        now.checked_sub(burst).unwrap_or(now)
    }

    /// Reserves so many segments, before all that wait where they tell a code. `Err`: how long to wait, which is longer
    /// than `most`, and nothing was reserved.
    pub fn reserve(
        self: &Arc<Self>,
        segments: u32,
        is_code: bool,
        most: Duration,
        now: Instant,
    ) -> Result<RateReservation, Duration> {
        let mut schedule = lock(&self.schedule);
        let before = is_code.then(|| schedule.first_ordinary(now)).flatten();
        let at = before.unwrap_or_else(|| schedule.due.max(self.earliest(now)));
        let wait = at.saturating_duration_since(now);
        if wait > most {
            return Err(wait);
        }
        if before.is_some() {
            schedule.make_way(at, self.each * segments);
        } else {
            schedule.due = at + self.each * segments;
        }
        schedule.count += 1;
        let turn = RateLimitTurn { is_ordinary: !is_code, number: schedule.count };
        let waits = !wait.is_zero();
        if waits {
            schedule.waiting.insert(turn, RateLimitWaiter { at, wake: Arc::default() });
        }
        drop(schedule);
        Ok(RateReservation { limiter: self.clone(), segments, turn, at, waits, is_used: false })
    }

    /// Remembers a lane that has found no turn, and tries again at `until` in any case.
    pub fn park(&self, lane: LaneKey, until: Instant, now: Instant) {
        let mut schedule = lock(&self.schedule);
        while schedule.parked.front().is_some_and(|(_, until)| *until <= now) {
            schedule.parked.pop_front();
        }
        if schedule.parked.len() < PARKED {
            schedule.parked.push_back((lane, until));
        }
    }

    /// Goes on where another stands.
    pub fn take_over(&self, other: &Self) {
        let (due, paused) = {
            let theirs = lock(&other.schedule);
            (theirs.due, theirs.paused)
        };
        let mut schedule = lock(&self.schedule);
        (schedule.due, schedule.paused) = (due, paused);
    }

    /// Nothing more is sent for so long.
    pub fn pause(&self, span: Duration, now: Instant) {
        let mut schedule = lock(&self.schedule);
        schedule.due = schedule.due.max(now + span);
        schedule.paused = schedule.paused.max(now + span);
    }
}

/// Segments reserved of a rate. Dropped unused it is given back, and those behind it move up.
#[derive(Debug)]
pub struct RateReservation {
    limiter: Arc<RateLimiter>,
    segments: u32,
    turn: RateLimitTurn,
    at: Instant,
    waits: bool,
    is_used: bool,
}

impl RateReservation {
    /// Waits for its time, which comes sooner where a reservation before it is given back.
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
        let mut schedule = lock(&self.limiter.schedule);
        let waiting = schedule.waiting.get(&self.turn)?;
        self.at = waiting.at;
        if waiting.at > Instant::now() {
            return Some((waiting.at, waiting.wake.clone()));
        }
        self.waits = false;
        schedule.waiting.remove(&self.turn);
        schedule.wake_behind(self.turn);
        None
    }

    /// It is used: nobody gets it any more.
    pub fn take(&mut self) {
        self.is_used = true;
    }

    /// Gives the reservation back: which lanes may find one now.
    pub fn give_back(self) -> Vec<LaneKey> {
        let (limiter, most) = (self.limiter.clone(), UNPARKED.max(self.segments as usize));
        drop(self);
        let (mut schedule, now) = (lock(&limiter.schedule), Instant::now());
        let most = schedule.parked.len().min(most);
        schedule.parked.drain(..most).filter(|(_, until)| *until > now).map(|(lane, _)| lane).collect()
    }
}

impl Drop for RateReservation {
    fn drop(&mut self) {
        if self.is_used && !self.waits {
            return;
        }
        let mut schedule = lock(&self.limiter.schedule);
        let at = schedule.waiting.remove(&self.turn).map_or(self.at, |waiting| waiting.at);
        if !self.is_used {
            // what is over is nobody's any more
            let begins = at.max(self.limiter.earliest(Instant::now()));
            let left = (at + self.limiter.each * self.segments).saturating_duration_since(begins);
            schedule.move_up(self.turn, at, left);
        }
        schedule.wake_behind(self.turn);
    }
}

#[cfg(test)]
#[path = "rate_limiter_test.rs"]
mod tests;
