//! The order of a pool's numbers for somebody, and which of them is chosen.

use std::collections::BTreeSet;

use super::*;
use crate::model::pool::PoolSettings;
use crate::model::{AccountId, ClientId, Id as _};
use crate::service::directory::RateLimiter;
use crate::service::number::{InboundTextPolicy, NumberCapability};

const NOW_MS: Millis = 10_000_000;

fn number(nth: u32) -> Number {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&nth.to_be_bytes());
    Number {
        id: crate::model::FromBytes::from_bytes(bytes),
        client: ClientId::OPERATOR,
        account: AccountId::new(1),
        address: String::new(),
        capabilities: NumberCapability::ALL.to_vec(),
        meaning: InboundTextPolicy::Forward,
        rate: 0,
        platform: None,
        country: None,
        pool: None,
        created_ms: 1,
        is_reserved: false,
    }
}

fn sender(nth: u32, address: &str, country: Option<&str>) -> Arc<SenderNumber> {
    let number = Number { address: address.to_owned(), country: country.map(str::to_owned), ..number(nth) };
    Arc::new(SenderNumber { number, limiter: Arc::new(RateLimiter::new(0)), refused_ms: Arc::default() })
}

fn pool(settings: PoolSettings, numbers: Vec<Arc<SenderNumber>>) -> PoolIndex {
    let (mut by_country, mut by_area) = (HashMap::<String, Vec<u32>>::new(), HashMap::<AreaCode, Vec<u32>>::new());
    for (place, one) in (0..).zip(&numbers) {
        if let Some(country) = &one.number.country {
            by_country.entry(country.clone()).or_default().push(place);
        }
        if let Some(area) = AreaCode::of(&one.number.address) {
            by_area.entry(area).or_default().push(place);
        }
    }
    PoolIndex { settings, client: ClientId::OPERATOR, numbers, by_country, by_area }
}

fn mixed(settings: PoolSettings) -> PoolIndex {
    let all = [
        ("+447700900123", Some("GB")),
        ("+14155550100", Some("US")),
        ("+12125550100", Some("US")),
        ("+12125550101", Some("US")),
        ("+18005550100", Some("US")),
        ("+14165550100", Some("CA")),
        ("+999123456789", None),
    ];
    pool(settings, (0..).zip(all).map(|(nth, (address, country))| sender(nth, address, country)).collect())
}

fn addresses(index: &PoolIndex, person: &PersonPlace, start: u64) -> Vec<String> {
    candidates(index, person, start).map(|one| one.number.address.clone()).collect()
}

fn place(area: Option<&str>, country: Option<&str>) -> PersonPlace {
    PersonPlace { area: area.and_then(AreaCode::of), country: country.map(str::to_owned) }
}

#[test]
fn every_place_comes_once_wherever_it_begins() {
    for count in [0, 1, 2, 3, 64, 100, 1_000] {
        for start in [0, 1, 7, u64::MAX] {
            let all: BTreeSet<u64> = shuffled(count, start).collect();
            assert_eq!(
                (shuffled(count, start).count() as u64, all.len() as u64),
                (count, count),
                "{count} from {start}"
            );
            assert!(all.iter().all(|place| *place < count));
        }
    }
}

#[test]
fn what_is_near_goes_before_what_is_far_and_each_comes_once() {
    let index = mixed(PoolSettings::default());
    let (new_york, start) = (place(Some("+12125550199"), Some("US")), 3);
    let all = addresses(&index, &new_york, start);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
    let is_of = |one: &String, area: &str| one.starts_with(area);
    assert!(all[..2].iter().all(|one| is_of(one, "+1212")), "{all:?}");
    assert!(all[2..4].iter().all(|one| is_of(one, "+1415") || is_of(one, "+1800")), "{all:?}");
    assert_eq!(all.len(), 6, "all but the one beyond the border: {all:?}");
    let british = addresses(&index, &place(None, Some("GB")), start);
    assert_eq!((british[0].as_str(), british.len()), ("+447700900123", 7), "{british:?}");
}

#[test]
fn nobody_gets_a_number_across_the_border() {
    for settings in [PoolSettings::default(), PoolSettings { order: PoolOrder::Any, ..PoolSettings::default() }] {
        let index = mixed(settings);
        let canadian = addresses(&index, &place(None, Some("CA")), 1);
        assert!(canadian.contains(&"+14165550100".to_owned()) && canadian.contains(&"+447700900123".to_owned()));
        assert!(!canadian.contains(&"+12125550100".to_owned()), "{canadian:?}");
    }
}

#[test]
fn those_who_choose_at_the_same_time_begin_elsewhere() {
    let index = pool(
        PoolSettings { order: PoolOrder::Any, ..PoolSettings::default() },
        (0..100).map(|nth| sender(nth, &format!("+1212555{nth:04}"), Some("US"))).collect(),
    );
    let here = place(Some("+12125550199"), Some("US"));
    let first: BTreeSet<String> = (0..100).map(|start| addresses(&index, &here, start)[0].clone()).collect();
    assert_eq!(first.len(), 100);
}

/// What is chosen of three numbers where this is known of them: nothing, that one is taken, or since when it is free.
#[expect(clippy::option_option, reason = "not had, had and kept, and had and let go are three things")]
fn chosen(settings: PoolSettings, known: [Option<Option<Millis>>; 3]) -> Result<usize, NumberShortage> {
    chosen_beside(settings, known, None)
}

/// The same while another caller is about to give one of them.
#[expect(clippy::option_option, reason = "as above")]
fn chosen_beside(
    settings: PoolSettings,
    known: [Option<Option<Millis>>; 3],
    held: Option<usize>,
) -> Result<usize, NumberShortage> {
    let numbers: Vec<_> = (0..3).map(|nth| sender(nth, &format!("+1212555010{nth}"), Some("US"))).collect();
    let index = pool(settings, numbers.clone());
    let held = held.map(|held| numbers[held].number.id);
    let known = numbers
        .iter()
        .zip(known)
        .filter_map(|(one, known)| known.map(|ended_ms| StickyNumber { number: one.number.id, used_ms: 1, ended_ms }));
    let memory = PersonMemory::of(&known.collect::<Vec<_>>());
    let mut search = NumberSearch::default();
    let found = search.first(&numbers, &memory, &index, NOW_MS, |id| held == Some(id));
    let found = found.map_or_else(|| search.rest(&index, |_| true), Ok)?;
    let place = numbers.iter().position(|one| one.number.id.bytes() == found.number.id.bytes());
    Ok(place.unwrap_or(usize::MAX))
}

#[test]
fn what_is_taken_is_not_chosen_and_what_rests_comes_last() {
    let (taken, rests, had) = (Some(None), Some(Some(NOW_MS - 1_000)), Some(Some(1)));
    let usual = PoolSettings::default;
    assert_eq!(chosen(usual(), [taken, None, None]), Ok(1));
    assert_eq!(chosen(usual(), [taken, rests, None]), Ok(2));
    assert_eq!(chosen(usual(), [taken, rests, taken]), Ok(1), "an order, never a refusal");
    assert_eq!(chosen(usual(), [taken, taken, taken]), Err(NumberShortage::Taken));
    assert_eq!(chosen_beside(usual(), [None, None, None], Some(0)), Ok(1));
    assert_eq!(chosen_beside(usual(), [None, rests, taken], Some(0)), Ok(1), "who holds it may get it");
    assert_eq!(chosen_beside(usual(), [None, taken, taken], Some(0)), Ok(0), "and may not");
    let avoiding = || PoolSettings { choice: PoolChoice::AvoidSticky, ..PoolSettings::default() };
    assert_eq!(chosen(usual(), [had, None, None]), Ok(0));
    assert_eq!(chosen(avoiding(), [had, None, None]), Ok(1));
    assert_eq!(chosen(avoiding(), [rests, had, taken]), Ok(1));
}

#[test]
fn what_its_carrier_has_no_more_comes_last_of_all() {
    let numbers: Vec<_> = (0..2).map(|nth| sender(nth, &format!("+1212555010{nth}"), Some("US"))).collect();
    let index = pool(PoolSettings::default(), numbers.clone());
    let memory = PersonMemory::default();
    let first = |now_ms: Millis| {
        let mut search = NumberSearch::default();
        let found = search.first(&numbers, &memory, &index, now_ms, |_| false);
        found.map_or_else(|| search.rest(&index, |_| true), Ok).map(|one| one.number.address.clone())
    };
    let of = |nth: usize| Ok(numbers[nth].number.address.clone());
    assert!(numbers[0].refuse(NOW_MS), "that is news");
    assert_eq!(first(NOW_MS), of(1));
    assert!(!numbers[0].refuse(NOW_MS) && numbers[1].refuse(NOW_MS));
    assert_eq!(first(NOW_MS), of(0), "an order, never a refusal");
    numbers[1].accept();
    assert_eq!(first(NOW_MS), of(1), "a text was taken from it");
    assert_eq!(first(NOW_MS + 60 * 60 * 1_000), of(0), "after an hour it is tried again");
}

#[test]
fn a_shortage_says_why() {
    let shortage = |index: &PoolIndex, fits: bool| NumberSearch::default().rest(index, |_| fits).err();
    assert_eq!(shortage(&pool(PoolSettings::default(), Vec::new()), true), Some(NumberShortage::Empty));
    assert_eq!(shortage(&mixed(PoolSettings::default()), false), Some(NumberShortage::Unfit));
    assert_eq!(shortage(&mixed(PoolSettings::default()), true), Some(NumberShortage::Country));
}

#[test]
fn the_areas_of_a_pool_are_named_the_nearest_first() {
    let index = mixed(PoolSettings::default());
    let (names, is_all) = areas(&index, &place(Some("+12125550199"), Some("US")));
    assert_eq!((names, is_all), (vec!["212".to_owned(), "415".to_owned()], false));
    assert_eq!(areas(&index, &place(None, Some("GB"))), (vec!["GB".to_owned()], false));
    let index = mixed(PoolSettings { bound: PoolBound::Radius, ..PoolSettings::default() });
    assert_eq!(areas(&index, &place(Some("+12125550199"), Some("US"))), (vec!["212".to_owned()], true));
    let of_each: Vec<&str> = index.numbers.iter().map(|one| area_name(&one.number)).collect();
    assert_eq!(of_each, ["GB", "415", "212", "212", "800", "416", ""]);
}

#[test]
fn a_bound_leaves_out_what_is_beyond() {
    let of = |bound: PoolBound, order: PoolOrder, person: &PersonPlace| {
        let mut all = addresses(&mixed(PoolSettings { order, bound, ..PoolSettings::default() }), person, 5);
        all.sort_unstable();
        all
    };
    let (new_york, british) = (place(Some("+12125550199"), Some("US")), place(None, Some("GB")));
    for order in PoolOrder::ALL {
        for bound in [PoolBound::AreaCode, PoolBound::Overlay, PoolBound::Radius] {
            assert_eq!(of(bound, order, &new_york), ["+12125550100", "+12125550101"], "{bound:?} {order:?}");
            assert_eq!(of(bound, order, &british), ["+447700900123"], "{bound:?} {order:?}");
        }
        let own = ["+12125550100", "+12125550101", "+14155550100", "+18005550100"];
        assert_eq!(of(PoolBound::Country, order, &new_york), own, "{order:?}");
        assert_eq!(of(PoolBound::Country, order, &british), ["+447700900123"], "{order:?}");
        assert_eq!(of(PoolBound::Country, order, &place(None, None)), [""; 0], "{order:?}");
        assert_eq!(of(PoolBound::None, order, &new_york).len(), 6, "{order:?}");
    }
}

/// Whether somebody may have a number, for each bound in the order of its width.
fn may(person: &str, address: &str, country: Option<&str>) -> [bool; 5] {
    let person = PersonPlace::of(person);
    let one = Number { address: address.to_owned(), country: country.map(str::to_owned), ..number(1) };
    [PoolBound::AreaCode, PoolBound::Overlay, PoolBound::Radius, PoolBound::Country, PoolBound::None]
        .map(|bound| person.may_have(&one, bound))
}

#[test]
fn a_bound_keeps_what_is_too_far() {
    let new_york = |address: &str, country: &str| may("+12125550199", address, Some(country));
    assert_eq!(new_york("+12125550100", "US"), [true; 5]);
    assert_eq!(new_york("+16465550100", "US"), [false, true, true, true, true], "over the same place");
    assert_eq!(new_york("+12155550100", "US"), [false, false, true, true, true], "Philadelphia");
    assert_eq!(new_york("+14155550100", "US"), [false, false, false, true, true]);
    assert_eq!(new_york("+442071838750", "GB"), [false, false, false, false, true]);
    assert_eq!(new_york("+14165550100", "CA"), [false; 5], "beyond the border");
}

#[test]
fn who_has_no_place_is_bound_by_their_country() {
    assert_eq!(may("+447400123456", "+442071838750", Some("GB")), [true; 5]);
    assert_eq!(may("+447400123456", "+33612345678", Some("FR")), [false, false, false, false, true]);
    assert_eq!(may("+18765550123", "+18765550100", Some("JM")), [true; 5]);
    assert_eq!(may("+999123456789", "+999123456780", None), [false, false, false, false, true]);
}
