//! Rates over time, turns that are given back, pauses, and codes that go first.

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn limiter(rate: i64) -> Arc<RateLimiter> {
    Arc::new(RateLimiter::new(rate))
}

/// Reserves and uses it: how long it waits.
fn used(limiter: &Arc<RateLimiter>, segments: u32, most: Duration, now: Instant) -> Result<Duration, Duration> {
    let mut taken = limiter.reserve(segments, false, most, now)?;
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
    let at =
        lock(&reservation.limiter.schedule).waiting.get(&reservation.turn).map_or(reservation.at, |waiting| waiting.at);
    (at.saturating_duration_since(from).as_millis() + 500) / 1000
}

#[test]
fn those_behind_a_place_that_is_given_back_move_up_and_no_two_get_the_same() {
    let (limiter, now) = (limiter(1), Instant::now());
    let mut reservations: Vec<RateReservation> =
        [5, 7, 2, 1].map(|segments| limiter.reserve(segments, false, LONG, now)).into_iter().flatten().collect();
    assert_eq!(reservations.iter().map(|reservation| at(reservation, now)).collect::<Vec<_>>(), [0, 5, 12, 14]);
    drop(reservations.remove(1));
    assert_eq!(reservations.iter().map(|reservation| at(reservation, now)).collect::<Vec<_>>(), [0, 5, 7]);
    let last = limiter.reserve(1, false, LONG, now).map(|reservation| at(&reservation, now));
    assert_eq!(last, Ok(8));
}

#[test]
fn nobody_moves_up_into_a_pause() {
    let (limiter, now) = (limiter(1), Instant::now());
    let mut reservations: Vec<RateReservation> =
        [5, 7].map(|segments| limiter.reserve(segments, false, LONG, now)).into_iter().flatten().collect();
    limiter.pause(Duration::from_secs(20), now);
    reservations.extend([3, 1].map(|segments| limiter.reserve(segments, false, LONG, now)).into_iter().flatten());
    drop(reservations.remove(1));
    assert_eq!(reservations.iter().map(|reservation| at(reservation, now)).collect::<Vec<_>>(), [0, 20, 23]);
}

#[tokio::test]
async fn whoever_waits_goes_when_all_before_it_have_given_up() {
    let (limiter, now) = (limiter(1), Instant::now());
    let mut reservations: Vec<RateReservation> =
        [1, 20, 20, 1].map(|segments| limiter.reserve(segments, false, LONG, now)).into_iter().flatten().collect();
    let waits = reservations.pop().map(async |mut reservation: RateReservation| reservation.come().await);
    drop(reservations.split_off(1));
    assert_eq!(reservations.len(), 1);
    if let Some(waits) = waits {
        assert!(tokio::time::timeout(Duration::from_secs(3), waits).await.is_ok());
    }
}

#[test]
fn codes_go_before_all_that_wait_and_one_after_the_other() {
    let (limiter, now) = (limiter(1), Instant::now());
    let reserve = |segments, is_code| limiter.reserve(segments, is_code, LONG, now).unwrap();
    let mut campaign = [5, 7, 2].into_iter().map(|segments| reserve(segments, false)).collect::<Vec<_>>();
    let mut codes = [1, 3].into_iter().map(|segments| reserve(segments, true)).collect::<Vec<_>>();
    let stands = |all: &[RateReservation]| all.iter().map(|one| at(one, now)).collect::<Vec<_>>();
    // what is under way stays; behind it come both codes, and then the others as they stood
    assert_eq!((stands(&campaign), stands(&codes)), (vec![0, 9, 16], vec![5, 6]));
    assert_eq!(at(&reserve(1, false), now), 18);
    drop(codes.remove(0));
    assert_eq!((stands(&campaign), stands(&codes)), (vec![0, 8, 15], vec![5]));
    drop(campaign.remove(1));
    assert_eq!((stands(&campaign), stands(&codes)), (vec![0, 8], vec![5]), "no code moves for what is behind it");
}

#[test]
fn a_code_goes_first_but_not_into_a_pause() {
    let (limiter, now) = (limiter(1), Instant::now());
    let reserve = |segments, is_code| limiter.reserve(segments, is_code, LONG, now).unwrap();
    let campaign = [5, 7].map(|segments| reserve(segments, false));
    limiter.pause(Duration::from_secs(20), now);
    let late = reserve(2, false);
    let code = reserve(1, true);
    assert_eq!(campaign.each_ref().map(|one| at(one, now)), [0, 5]);
    assert_eq!((at(&code, now), at(&late, now)), (20, 21));
}
