//! What is taken of a database, and what is not.

use super::database::OlderProxyNumber;
use super::*;

const NOW_MS: Millis = 1_900_000_000_000;
const LATER: &str = "2040-01-31 09:00:00.123456";
const EARLIER: &str = "2020-01-31 09:00:00";

fn session(id: &str, number: &str, people: [&str; 2], ends: Option<&str>) -> OlderProxySession {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    OlderProxySession {
        id: id.to_owned(),
        created: some("2019-05-01 12:00:00.000000"),
        number: some(number),
        people: people.map(some),
        ends: ends.map(str::to_owned),
    }
}

fn of(numbers: &[(&str, &str)], sessions: Vec<OlderProxySession>) -> NumberProxyPlan {
    let number = |(value, session): &(&str, &str)| OlderProxyNumber {
        value: (*value).to_owned(),
        session: Some((*session).to_owned()).filter(|session| !session.is_empty()),
    };
    let older = OlderDatabase { numbers: numbers.iter().map(number).collect(), sessions };
    plan(older, ClientId::OPERATOR, NOW_MS)
}

#[test]
fn a_live_session_is_taken_as_it_is() {
    let id = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d";
    let numbers = [("12062992129", id), ("12062992130", "")];
    let plan = of(&numbers, vec![session(id, "12062992129", ["12065550101", "+12065550102"], Some(LATER))]);
    assert_eq!((plan.over, plan.refused.len()), (0, 0));
    let addresses: Vec<&str> = plan.pool.numbers.iter().map(|number| number.address.as_str()).collect();
    assert_eq!(addresses, ["+12062992129", "+12062992130"]);
    let taken = &plan.pool.sessions[0];
    assert_eq!((taken.id.as_str(), taken.numbers.concat()), (id, "+12062992129".to_owned()));
    let people = ["+12065550101", "+12065550102"].map(|one| json!({"address": one, "number": "+12062992129"}));
    assert_eq!(
        taken.body,
        json!({
            "door": "number_proxy",
            "created_at": "2019-05-01T12:00:00.000Z",
            "written": ["12065550101", "+12065550102"],
            "session": {"participants": people, "mode": "message", "ends_at": "2040-01-31T09:00:00.000Z"},
        })
    );
}

#[test]
fn what_is_over_or_broken_is_left_and_named() {
    let two = ["12065550101", "12065550102"];
    let sessions = vec![
        session("1", "12062992129", two, Some(EARLIER)),
        session("2", "12062992129", two, Some("soon")),
        session("3", "", two, None),
        session("4", "12062992129", ["12065550101", ""], None),
        session("5", "12062992129", ["12065550101", "+12065550101"], None),
        session("6", "12062992130", two, None),
        session("7", "12062992131", two, None),
        session("8", "+12062992131", two, None),
    ];
    let plan = of(&[("12062992130", "another")], sessions);
    assert_eq!(plan.over, 1);
    let refused: Vec<&str> = plan.refused.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(refused, ["session 2", "session 3", "session 4", "session 5", "session 6", "session 8"]);
    let taken: Vec<&str> = plan.pool.sessions.iter().map(|taken| taken.what.as_str()).collect();
    assert_eq!(taken, ["session 7"]);
    // one that only its session knows comes too, once
    assert_eq!(plan.pool.numbers.len(), 2);
}

#[test]
fn a_number_knows_its_session_where_that_does_not_know_its_number() {
    let plan = of(&[("12062992129", "7")], vec![session("7", "", ["12065550101", "12065550102"], None)]);
    assert_eq!((plan.refused.len(), plan.pool.sessions.len()), (0, 1));
    let taken = &plan.pool.sessions[0];
    assert_eq!(taken.numbers, ["+12062992129"]);
    assert_eq!((taken.id.len(), taken.id == session_id("7")), (32, true), "the same each time");
}

#[test]
fn times_are_read_as_they_were_written() {
    for text in ["2020-01-31 09:00:00", "2020-01-31 09:00:00.999999", "2020-01-31T09:00:00Z"] {
        assert_eq!(time(text), Some(1_580_461_200_000), "{text}");
    }
    assert_eq!(time("soon"), None);
}
