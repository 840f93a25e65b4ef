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

/// A leaky bucket as a meter (GCRA): keeps when the next segment is due, and who waits for an earlier one.
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
    waiting: BTreeMap<u64, RateLimitWaiter>,
    /// The turn of the last reservation that was taken.
    last: u64,
    /// Lanes that found no turn near enough, and when they try again in any case.
    parked: VecDeque<(LaneKey, Instant)>,
}

#[derive(Debug)]
struct RateLimitWaiter {
    at: Instant,
    wake: Arc<Notify>,
}

impl SegmentSchedule {
    /// Wakes the next one that waits behind a turn: it may have moved up.
    fn wake_behind(&self, turn: u64) {
        if let Some((_, next)) = self.waiting.range(turn..).next() {
            next.wake.notify_one();
        }
    }

    /// Those behind a turn move up by so much, but not into a pause.
    fn move_up(&mut self, turn: u64, mut by: Duration) {
        let paused = self.paused;
        let reservations = self.waiting.range_mut(turn..).map(|(_, one)| &mut one.at);
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
            SegmentSchedule { due: now, paused: now, waiting: BTreeMap::new(), last: 0, parked: VecDeque::new() };
        Self { each, schedule: Mutex::new(schedule) }
    }

    /// The earliest time of which something may still be used: a rate of one segment a second has no burst but
    /// that segment.
    fn earliest(&self, now: Instant) -> Instant {
        let burst = if self.each.is_zero() { Duration::ZERO } else { BURST.saturating_sub(self.each) };
        now.checked_sub(burst).unwrap_or(now)
    }

    /// Reserves so many segments. `Err`: how long to wait, which is longer than `most`, and nothing was reserved.
    pub fn reserve(self: &Arc<Self>, segments: u32, most: Duration, now: Instant) -> Result<RateReservation, Duration> {
        let mut schedule = lock(&self.schedule);
        let at = schedule.due.max(self.earliest(now));
        let wait = at.saturating_duration_since(now);
        if wait > most {
            return Err(wait);
        }
        schedule.due = at + self.each * segments;
        schedule.last += 1;
        let turn = schedule.last;
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
    turn: u64,
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
            schedule.move_up(self.turn, left);
        }
        schedule.wake_behind(self.turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn limiter(rate: i64) -> Arc<RateLimiter> {
        Arc::new(RateLimiter::new(rate))
    }

    /// Reserves and uses it: how long it waits.
    fn used(limiter: &Arc<RateLimiter>, segments: u32, most: Duration, now: Instant) -> Result<Duration, Duration> {
        let mut taken = limiter.reserve(segments, most, now)?;
        taken.take();
        Ok(taken.at.saturating_duration_since(now))
    }

    #[test]
    fn a_rate_holds_over_time() {
        let (limiter, begun) = (limiter(10), Instant::now());
        let mut now = begun;
        for _ in 0..100 {
            now += used(&limiter, 1, LONG, now).unwrap_or(LONG);
        }
        let took = now - begun;
        assert!(took >= Duration::from_secs(9) && took <= Duration::from_secs(10), "{took:?}");
    }

    #[test]
    fn no_place_is_taken_that_is_too_far_away() {
        let (limiter, now) = (limiter(1), Instant::now());
        assert_eq!(used(&limiter, 5, LONG, now), Ok(Duration::ZERO));
        assert!(used(&limiter, 1, Duration::from_secs(2), now).is_err_and(|wait| wait > Duration::from_secs(4)));
        assert!(used(&limiter, 1, LONG, now).is_ok_and(|wait| wait > Duration::from_secs(4)));
    }

    #[test]
    fn a_pause_holds_even_without_a_rate() {
        let (limiter, now) = (limiter(0), Instant::now());
        assert_eq!(used(&limiter, 1000, Duration::ZERO, now), Ok(Duration::ZERO));
        assert_eq!(used(&limiter, 1000, Duration::ZERO, now), Ok(Duration::ZERO));
        limiter.pause(Duration::from_secs(30), now);
        assert_eq!(used(&limiter, 1, Duration::ZERO, now), Err(Duration::from_secs(30)));
    }

    /// When a reservation that waits comes, in seconds from a time.
    fn at(reservation: &RateReservation, from: Instant) -> u128 {
        let at = lock(&reservation.limiter.schedule)
            .waiting
            .get(&reservation.turn)
            .map_or(reservation.at, |waiting| waiting.at);
        (at.saturating_duration_since(from).as_millis() + 500) / 1000
    }

    #[test]
    fn those_behind_a_place_that_is_given_back_move_up_and_no_two_get_the_same() {
        let (limiter, now) = (limiter(1), Instant::now());
        let mut reservations: Vec<RateReservation> =
            [5, 7, 2, 1].map(|segments| limiter.reserve(segments, LONG, now)).into_iter().flatten().collect();
        assert_eq!(reservations.iter().map(|reservation| at(reservation, now)).collect::<Vec<_>>(), [0, 5, 12, 14]);
        drop(reservations.remove(1));
        assert_eq!(reservations.iter().map(|reservation| at(reservation, now)).collect::<Vec<_>>(), [0, 5, 7]);
        let last = limiter.reserve(1, LONG, now).map(|reservation| at(&reservation, now));
        assert_eq!(last, Ok(8));
    }

    #[test]
    fn nobody_moves_up_into_a_pause() {
        let (limiter, now) = (limiter(1), Instant::now());
        let mut reservations: Vec<RateReservation> =
            [5, 7].map(|segments| limiter.reserve(segments, LONG, now)).into_iter().flatten().collect();
        limiter.pause(Duration::from_secs(20), now);
        reservations.extend([3, 1].map(|segments| limiter.reserve(segments, LONG, now)).into_iter().flatten());
        drop(reservations.remove(1));
        assert_eq!(reservations.iter().map(|reservation| at(reservation, now)).collect::<Vec<_>>(), [0, 20, 23]);
    }

    #[tokio::test]
    async fn whoever_waits_goes_when_all_before_it_have_given_up() {
        let (limiter, now) = (limiter(1), Instant::now());
        let mut reservations: Vec<RateReservation> =
            [1, 20, 20, 1].map(|segments| limiter.reserve(segments, LONG, now)).into_iter().flatten().collect();
        let waits = reservations.pop().map(async |mut reservation: RateReservation| reservation.come().await);
        drop(reservations.split_off(1));
        assert_eq!(reservations.len(), 1);
        if let Some(waits) = waits {
            assert!(tokio::time::timeout(Duration::from_secs(3), waits).await.is_ok());
        }
    }
}
