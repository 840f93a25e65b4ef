//! When a breaker opens, whom it lets through, and when it closes.

use super::*;

const REST: Duration = Duration::from_secs(30);
const MOST: Duration = Duration::from_secs(100);

fn breaker() -> (Breaker, Instant) {
    (Breaker::new(3, REST, MOST), Instant::now())
}

#[test]
fn failures_in_a_row_open_it_and_one_success_closes_it() {
    let (breaker, mut now) = breaker();
    for is_success in [false, false, true, false, false] {
        let ended = if is_success { BreakerRequestOutcome::Well } else { BreakerRequestOutcome::Failed };
        assert_eq!(breaker.record(ended, now), None);
    }
    assert_eq!(breaker.permit(now, 0), Ok(()));
    assert_eq!(breaker.record(BreakerRequestOutcome::Failed, now), Some(BreakerChange::Opened));
    assert_eq!(breaker.record(BreakerRequestOutcome::Failed, now), None, "a call that was under way");
    assert_eq!(breaker.permit(now, 9), Err(REST));
    now += REST;
    assert_eq!(breaker.permit(now, 9), Ok(()), "one tries it out");
    assert_eq!(breaker.permit(now, 0), Err(REST), "and the others wait for it");
    assert_eq!(breaker.record(BreakerRequestOutcome::Failed, now), None, "it stays open");
    assert_eq!(breaker.permit(now, 0), Err(REST));
    now += REST;
    assert_eq!(breaker.permit(now, 0), Ok(()));
    assert_eq!(breaker.record(BreakerRequestOutcome::Well, now), Some(BreakerChange::Closed));
    assert_eq!(breaker.permit(now, 0), Ok(()));
    assert!(!breaker.is_open());
}

#[test]
fn one_refusal_of_the_account_opens_it_and_rests_grow() {
    let (breaker, mut now) = breaker();
    assert_eq!(breaker.record(BreakerRequestOutcome::Denied, now), Some(BreakerChange::Opened));
    assert_eq!(
        breaker.record(BreakerRequestOutcome::Denied, now),
        Some(BreakerChange::Denied),
        "a call that was under way"
    );
    assert_eq!(breaker.record(BreakerRequestOutcome::Well, now), None, "another");
    assert!(breaker.is_denied());
    let mut rest = REST;
    for longer in [REST * 2, MOST, MOST] {
        assert_eq!(breaker.permit(now, 0), Err(rest));
        now += rest;
        assert_eq!(breaker.permit(now, 0), Ok(()));
        assert_eq!(breaker.permit(now, 0), Err(rest));
        assert_eq!(breaker.record(BreakerRequestOutcome::Denied, now), Some(BreakerChange::Denied));
        rest = longer;
    }
    now += MOST;
    assert_eq!(breaker.permit(now, 0), Ok(()));
    assert_eq!(breaker.record(BreakerRequestOutcome::Failed, now), None, "nobody there is no better");
    now += MOST;
    assert_eq!(breaker.permit(now, 0), Ok(()));
    assert_eq!(breaker.record(BreakerRequestOutcome::Well, now), Some(BreakerChange::Closed));
    assert_eq!(breaker.record(BreakerRequestOutcome::Denied, now), Some(BreakerChange::Opened), "from the beginning");
    assert_eq!(breaker.permit(now, 0), Err(REST));
}

#[test]
fn another_message_tries_a_refused_account_out_each_time() {
    let (breaker, mut now) = breaker();
    breaker.record(BreakerRequestOutcome::Denied, now);
    now += REST;
    for tries in 1..20 {
        assert!(breaker.permit(now, tries).is_err(), "{tries}: one that was not tried may be there");
    }
    assert_eq!(breaker.permit(now, 0), Ok(()));
    breaker.record(BreakerRequestOutcome::Denied, now);
    now += REST * 2;
    assert_eq!(breaker.permit(now, 1), Err(REST / TURNS));
    assert_eq!(breaker.wait(now, 1), REST / TURNS);
    now += REST / TURNS;
    assert!(breaker.permit(now, 2).is_err());
    assert_eq!(breaker.permit(now, 1), Ok(()), "nobody else was");
}

#[test]
fn what_is_known_from_elsewhere_counts() {
    let (breaker, now) = breaker();
    breaker.deny(now, Duration::ZERO);
    assert!(breaker.is_denied());
    assert_eq!(breaker.permit(now, 0), Ok(()));
    breaker.wake();
    assert!(!breaker.is_open());
    breaker.record(BreakerRequestOutcome::Denied, now);
    breaker.deny(now, Duration::ZERO);
    assert_eq!(breaker.permit(now, 0), Err(REST), "it knew");
}
