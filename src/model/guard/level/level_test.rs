//! The rules one by one, and what a start makes of what was written down.

use super::super::{
    DAY_MS, GuardOrigin, GuardRatios, GuardRule, GuardThresholds, HOUR_AFTER_MS, NEAR_MS, VerifiedCounts,
};
use super::{ClientLevels, GuardJudgement, JudgedSend};
use crate::model::{FromBytes as _, Millis, VerificationId};

const BEGIN_MS: Millis = 20_000 * DAY_MS;

fn id(nth: u64) -> VerificationId {
    VerificationId::from_bytes(u128::from(nth).to_be_bytes())
}

fn to(prefix: u64, number: u64, network: Option<&str>) -> GuardOrigin {
    GuardOrigin {
        country: "US".to_owned(),
        prefix: prefix.to_string(),
        number: prefix * 1000 + number,
        network: network.map(str::to_owned),
    }
}

fn judged(origin: &GuardOrigin, nth: u64, at_ms: Millis) -> JudgedSend<'_> {
    JudgedSend {
        verification: id(nth),
        origin,
        thresholds: GuardThresholds::of(&VerifiedCounts::default(), GuardRatios::default()),
        is_network_verified: false,
        weight: 1.0,
        is_refused: false,
        at_ms,
    }
}

fn level(judgement: &GuardJudgement, rule: GuardRule) -> Option<i64> {
    let figure = judgement.figures.iter().find(|figure| figure.rule == rule)?;
    format!("{:.0}", figure.level).parse().ok()
}

/// Sends to so many numbers of a prefix, none near another, a second apart; the last judgement.
fn fill(levels: &mut ClientLevels, prefix: u64, count: u64) -> GuardJudgement {
    let mut last = GuardJudgement::default();
    for nth in 0..count {
        let at_ms = BEGIN_MS + 1000 * Millis::try_from(nth).unwrap();
        last = levels.judge(&judged(&to(prefix, nth * 20, None), prefix * 100 + nth, at_ms));
    }
    last
}

#[test]
fn a_prefix_that_trips_takes_its_sends_out_of_the_country() {
    let mut levels = ClientLevels::default();
    let fifth = fill(&mut levels, 1, 5);
    assert_eq!((fifth.rule, level(&fifth, GuardRule::CountryDay)), (None, Some(5)));
    let at_ms = BEGIN_MS + 10_000;
    let sixth = levels.judge(&judged(&to(1, 500, None), 900, at_ms));
    assert_eq!((sixth.rule, level(&sixth, GuardRule::PrefixDay)), (Some(GuardRule::PrefixDay), Some(6)));
    let elsewhere = levels.judge(&judged(&to(2, 0, None), 901, at_ms));
    assert_eq!((elsewhere.rule, level(&elsewhere, GuardRule::CountryDay)), (None, Some(1)));
    // the refused one counts in the prefix, which it keeps full
    let seventh = levels.judge(&judged(&to(1, 700, None), 902, at_ms));
    assert_eq!(level(&seventh, GuardRule::PrefixDay), Some(7));
}

#[test]
fn what_others_refuse_counts_in_no_country() {
    let mut levels = ClientLevels::default();
    let refused = to(1, 0, None);
    levels.judge(&JudgedSend { is_refused: true, ..judged(&refused, 1, BEGIN_MS) });
    let next = levels.judge(&judged(&to(1, 100, None), 2, BEGIN_MS));
    assert_eq!((level(&next, GuardRule::PrefixDay), level(&next, GuardRule::CountryDay)), (Some(2), Some(1)));
}

#[test]
fn a_neighbour_counts_twice_for_ten_minutes() {
    let mut levels = ClientLevels::default();
    let mut of =
        |number, nth, at_ms| level(&levels.judge(&judged(&to(1, number, None), nth, at_ms)), GuardRule::PrefixDay);
    assert_eq!(of(100, 1, BEGIN_MS), Some(1));
    assert_eq!(of(110, 2, BEGIN_MS), Some(3), "ten further on");
    assert_eq!(of(121, 3, BEGIN_MS), Some(4), "eleven");
    assert_eq!(of(121, 4, BEGIN_MS + NEAR_MS + 1), Some(5), "too late");
}

#[test]
fn an_approval_takes_out_all_sends_and_a_cancellation_what_had_not_left() {
    let mut levels = ClientLevels::default();
    let (one, network) = (to(1, 0, Some("n")), to(1, 500, Some("n")));
    levels.judge(&judged(&one, 1, BEGIN_MS));
    levels.judge(&judged(&one, 1, BEGIN_MS + NEAR_MS + 1));
    levels.judge(&judged(&network, 2, BEGIN_MS + NEAR_MS + 2));
    let now_ms = BEGIN_MS + NEAR_MS + 3;
    let look = |levels: &mut ClientLevels| {
        let found = levels.look(&judged(&network, 9, now_ms));
        [GuardRule::PrefixDay, GuardRule::AddressDay, GuardRule::CountryDay]
            .map(|rule| level(&found, rule).unwrap() - 1)
    };
    assert_eq!(look(&mut levels), [3, 3, 3]);
    let mut canceled = levels.clone();
    canceled.take_back(id(1), &[BEGIN_MS, BEGIN_MS + 1], now_ms);
    assert_eq!(look(&mut canceled), [2, 2, 2]);
    canceled.take_back(id(1), &[BEGIN_MS], now_ms);
    assert_eq!(look(&mut canceled), [2, 2, 2]);
    levels.approve(id(1), now_ms);
    assert_eq!(look(&mut levels), [1, 1, 1]);
    levels.approve(id(1), now_ms);
    assert_eq!(look(&mut levels), [1, 1, 1], "once only");
}

#[test]
fn for_the_hour_a_send_counts_once_it_is_three_minutes_old() {
    let mut levels = ClientLevels::default();
    for prefix in 0..12 {
        let sent = levels.judge(&judged(&to(prefix, 0, None), prefix, BEGIN_MS));
        assert_eq!((sent.rule, level(&sent, GuardRule::CountryHour)), (None, Some(1)));
    }
    levels.approve(id(3), BEGIN_MS + 20_000);
    let later = levels.judge(&judged(&to(50, 0, None), 50, BEGIN_MS + HOUR_AFTER_MS));
    assert_eq!((later.rule, level(&later, GuardRule::CountryHour)), (Some(GuardRule::CountryHour), Some(12)));
}

#[test]
fn an_address_reaches_three_countries_until_somebody_verifies_from_it() {
    let mut levels = ClientLevels::default();
    let of = |country: &str| GuardOrigin { country: country.to_owned(), ..to(1, 0, Some("n")) };
    for (nth, country) in [(1, "US"), (2, "FR"), (3, "DE"), (4, "FR")] {
        let origin = GuardOrigin { prefix: nth.to_string(), ..of(country) };
        assert_eq!(levels.judge(&judged(&origin, nth, BEGIN_MS)).rule, None, "{country}");
    }
    let origin = GuardOrigin { prefix: "5".to_owned(), ..of("GB") };
    let verified = JudgedSend { is_network_verified: true, ..judged(&origin, 5, BEGIN_MS) };
    assert_eq!(levels.clone().judge(&verified).rule, None);
    assert_eq!(levels.judge(&judged(&origin, 5, BEGIN_MS)).rule, Some(GuardRule::AddressCountries));
    // all that came from there counts in its countries no more
    let elsewhere = levels.judge(&judged(&to(9, 0, None), 9, BEGIN_MS));
    assert_eq!(level(&elsewhere, GuardRule::CountryDay), Some(1));
}

#[test]
fn a_start_finds_what_was_written_down_and_what_has_come_since() {
    let mut levels = ClientLevels::default();
    fill(&mut levels, 1, 3);
    let parts = levels.changed_parts();
    assert!(levels.changed_parts().is_empty(), "written once");
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    assert!(names.len() == 2 && names.contains(&"c:US") && names.contains(&"p:1"), "{names:?}");
    let mut started = ClientLevels::default();
    for part in &parts {
        started.restore(&part.name, &part.body);
    }
    started.restore("c:US", "no JSON");
    started.restore("x", "{}");
    // all five are in the log of decisions; the last two are newer than what was written
    let now_ms = BEGIN_MS + 60_000;
    for nth in 0..5 {
        let origin = to(1, nth * 20, None);
        started.recall(&judged(&origin, 100 + nth, BEGIN_MS + 1000 * Millis::try_from(nth).unwrap()), now_ms);
    }
    let origin = to(1, 500, None);
    let found = started.look(&judged(&origin, 9, now_ms));
    assert_eq!((level(&found, GuardRule::PrefixDay), level(&found, GuardRule::CountryDay)), (Some(6), Some(6)));
    for nth in [100, 104] {
        started.approve(id(nth), now_ms);
    }
    let found = started.look(&judged(&origin, 9, now_ms));
    assert_eq!((level(&found, GuardRule::PrefixDay), level(&found, GuardRule::CountryDay)), (Some(4), Some(4)));
}

#[test]
fn what_was_too_young_for_the_hour_when_it_was_written_counts_in_it_after_a_long_stop() {
    let mut levels = ClientLevels::default();
    for prefix in 0..12 {
        levels.judge(&judged(&to(prefix, 0, None), prefix, BEGIN_MS));
    }
    let parts = levels.changed_parts();
    let mut started = ClientLevels::default();
    for part in &parts {
        started.restore(&part.name, &part.body);
    }
    let now_ms = BEGIN_MS + 2 * HOUR_AFTER_MS;
    for prefix in 0..12 {
        started.recall(&judged(&to(prefix, 0, None), prefix, BEGIN_MS), now_ms);
    }
    started.approve(id(3), now_ms);
    let origin = to(50, 0, None);
    assert_eq!(level(&started.look(&judged(&origin, 50, now_ms)), GuardRule::CountryHour), Some(12));
    // and what is in it already is not counted once more
    let parts = started.changed_parts();
    let mut again = ClientLevels::default();
    for part in &parts {
        again.restore(&part.name, &part.body);
    }
    for prefix in (0..12).filter(|prefix| *prefix != 3) {
        again.recall(&judged(&to(prefix, 0, None), prefix, BEGIN_MS), now_ms);
    }
    again.approve(id(5), now_ms);
    assert_eq!(level(&again.look(&judged(&origin, 50, now_ms)), GuardRule::CountryHour), Some(11));
}

#[test]
fn a_reset_and_a_quiet_day_leave_nothing() {
    let mut levels = ClientLevels::default();
    fill(&mut levels, 1, 5);
    fill(&mut levels, 2, 5);
    assert_eq!(levels.reset(Some(&to(1, 0, None))), ["c:US", "p:1"]);
    let found = levels.look(&judged(&to(2, 500, None), 9, BEGIN_MS + 10_000));
    assert_eq!((found.rule, level(&found, GuardRule::CountryDay)), (Some(GuardRule::PrefixDay), Some(1)));
    levels.tidy(BEGIN_MS + 3 * DAY_MS);
    let found = levels.look(&judged(&to(2, 500, None), 9, BEGIN_MS + 3 * DAY_MS));
    assert_eq!(level(&found, GuardRule::PrefixDay), Some(1));
    levels.reset(None);
    assert!(levels.changed_parts().is_empty());
}
