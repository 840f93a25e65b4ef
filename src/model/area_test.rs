//! That the table agrees with the public numbering plan, and that what is near is near.

use std::collections::HashSet;

use phonenumber::Type;
use phonenumber::metadata::DATABASE;
use proptest::prelude::*;

use super::*;
use crate::model::Country;

fn code(digits: &str) -> AreaCode {
    AreaCode::parse(digits).unwrap_or_else(|| panic!("{digits} is not in the table"))
}

/// The first codes that are nearest.
fn nearest(digits: &str, count: usize) -> Vec<String> {
    code(digits).nearest().take(count).map(|code| code.to_string()).collect()
}

/// What the public plan says of a number with a code: its country, and what kind it is of.
fn planned(code: u16) -> Option<(String, Type)> {
    let number = phonenumber::parse(None, format!("+1{code}2341234")).ok()?;
    let country: String = number.country().id()?.as_ref().to_owned();
    Some((country, number.number_type(&DATABASE)))
}

#[test]
fn the_public_plan_and_the_table_agree() {
    let mut seen = 0;
    for digits in 200..1000_u16 {
        let Some((country, kind)) = planned(digits) else { continue };
        let is_of_a_place = matches!(kind, Type::FixedLine | Type::Mobile | Type::FixedLineOrMobile);
        match AreaCode::parse(&digits.to_string()) {
            Some(code) => {
                assert_eq!(code.country(), country, "{digits}");
                seen += 1;
            }
            None => assert!(!is_of_a_place, "{digits} of {country} is missing"),
        }
    }
    // newer overlays are in the table only
    assert!(seen > 430 && seen <= AreaCode::all().count(), "{seen} codes are in both");
}

#[test]
fn each_code_is_in_the_table_once() {
    let codes: Vec<u16> = AREAS.iter().map(|area| area.code).collect();
    assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    assert!(codes.iter().all(|code| (200..1000).contains(code)));
    let listed: Vec<AreaCode> = AreaCode::all().collect();
    assert!(listed.is_sorted() && listed.len() == codes.len());
    assert!(listed.iter().all(|code| AreaCode::parse(&code.to_string()) == Some(*code)));
}

#[test]
fn facts_are_of_the_right_places() {
    for area in AreaCode::all() {
        assert!(area.country().parse::<Country>().is_ok(), "{area}: {}", area.country());
        assert_eq!(area.region().is_some(), area.position().is_some(), "{area}");
        let Some(GeoPoint { latitude, longitude }) = area.position() else { continue };
        let (south, north, west, east) = match (area.country(), area.region()) {
            ("US", Some("AK" | "HI")) => (18.0, 72.0, -180.0, -130.0),
            ("US", _) => (24.5, 49.5, -125.0, -66.5),
            _ => (41.6, 83.2, -141.1, -52.6),
        };
        assert!((south..north).contains(&latitude) && (west..east).contains(&longitude), "{area}");
    }
    for (digits, country, region) in [
        ("212", "US", Some("NY")),
        ("907", "US", Some("AK")),
        ("202", "US", Some("DC")),
        ("679", "US", Some("MI")),
        ("416", "CA", Some("ON")),
        ("257", "CA", Some("BC")),
        ("782", "CA", Some("NS")),
        ("787", "PR", None),
        ("658", "JM", None),
        ("849", "DO", None),
        ("888", "US", None),
    ] {
        assert_eq!((code(digits).country(), code(digits).region()), (country, region), "{digits}");
    }
}

#[test]
fn phones_tell_their_area_code() {
    let of = |text: &str| AreaCode::of(text).map(|code| code.to_string());
    assert_eq!(of("+12125550100").as_deref(), Some("212"));
    assert_eq!(of("+18005550100").as_deref(), Some("800"));
    assert_eq!(of("+18765550100").as_deref(), Some("876"));
    for other in [
        "",
        "+1",
        "+1212",
        "+1212555010",
        "+121255501000",
        "12125550100",
        "+442125550100",
        "+1212555010x",
        // of nobody, of no place
        "+19995550100",
        "+15005550006",
        "+19005550100",
        "+1é5550100",
        "40404",
        "Acme",
    ] {
        assert_eq!(of(other), None, "{other}");
    }
    for other in ["", "21", "0212", "+12", "2125", "abc", "999", "٢١٢"] {
        assert_eq!(AreaCode::parse(other), None, "{other}");
    }
}

#[test]
fn distances_are_those_of_a_map() {
    for (one, other, km) in [
        // New York to Los Angeles, Toronto to Vancouver, Anchorage to Miami
        ("212", "213", 3940.0),
        ("416", "604", 3350.0),
        ("907", "305", 6440.0),
        // Calgary to Edmonton, New York to Philadelphia, San Francisco to San Jose
        ("403", "780", 280.0),
        ("212", "215", 117.0),
        ("415", "408", 122.0),
        // over a border: Seattle to Vancouver
        ("206", "604", 193.0),
    ] {
        let distance = code(one).distance_km(code(other)).unwrap_or_default();
        assert!((distance - km).abs() < km / 50.0, "{one} to {other}: {distance} km");
    }
    for unplaced in ["800", "787", "876"] {
        assert_eq!(code(unplaced).distance_km(code("212")), None);
        assert_eq!(code("212").distance_km(code(unplaced)), None);
    }
}

#[test]
fn what_is_nearest_comes_first() {
    assert_eq!(nearest("212", 8), ["212", "332", "646", "917", "347", "465", "718", "929"]);
    assert_eq!(nearest("332", 3), ["332", "212", "646"]);
    assert_eq!(nearest("416", 4), ["416", "437", "647", "942"]);
    // Detroit is across the river from Windsor
    assert!(code("313").nearest().all(|code| code.country() == "US"));
    assert!(code("519").nearest().all(|code| code.country() == "CA"));
    for unplaced in ["800", "787", "876", "809"] {
        assert_eq!(nearest(unplaced, 5), [unplaced]);
    }
}

#[test]
fn all_of_a_country_are_near_in_order() {
    for area in AreaCode::all().filter(|area| area.position().is_some()) {
        let near: Vec<AreaCode> = area.nearest().collect();
        let of_country =
            AreaCode::all().filter(|other| other.country() == area.country() && other.position().is_some());
        assert_eq!(near.first(), Some(&area));
        assert_eq!(near.iter().copied().collect::<HashSet<_>>(), of_country.collect::<HashSet<_>>(), "{area}");
        assert_eq!(near.len(), near.iter().collect::<HashSet<_>>().len(), "{area}");
        assert!(near.is_sorted_by_key(|other| area.distance_km(*other)), "{area}");
    }
}

#[test]
fn bounds_keep_to_the_country() {
    for (one, other, is_over, is_around) in [
        ("212", "332", true, true),
        ("212", "718", true, true),
        ("602", "480", true, true),
        ("416", "905", true, true),
        ("604", "257", true, true),
        ("706", "404", false, true),
        ("212", "215", false, true),
        ("514", "450", false, true),
        ("415", "408", false, true),
        ("212", "213", false, false),
        // near, and abroad
        ("313", "519", false, false),
        ("716", "905", false, false),
        // who has no position has the country; whoever has one is not reached by what has none
        ("800", "212", true, true),
        ("212", "800", false, false),
        ("800", "416", false, false),
        ("876", "658", true, true),
        ("787", "939", true, true),
        ("787", "340", false, false),
        ("876", "876", true, true),
    ] {
        let (one, other) = (code(one), code(other));
        assert_eq!((one.overlay(other), one.radius(other)), (is_over, is_around), "{one} {other}");
    }
}

proptest! {
    #[test]
    fn only_whole_phones_have_an_area_code(text in "\\+1[0-9]{8,12}|\\+[0-9]{0,15}|\\PC{0,14}") {
        if let Some(code) = AreaCode::of(&text) {
            prop_assert_eq!(text.len(), 12);
            prop_assert_eq!(&text[2..5], code.to_string());
        }
    }

    #[test]
    fn a_distance_is_the_same_both_ways(one in 0..400_usize, other in 0..400_usize) {
        let all: Vec<AreaCode> = AreaCode::all().collect();
        let (one, other) = (all[one], all[other]);
        prop_assert_eq!(one.distance_km(other), other.distance_km(one));
        prop_assert!(one.distance_km(other).is_none_or(|distance| (0.0..10_000.0).contains(&distance)));
        prop_assert!(!one.overlay(other) || one.radius(other));
    }
}
