//! A hundred thousand open sessions on ten numbers, each of somebody else: whoever comes next gets a number as soon as
//! before, and all are told apart.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use switchboard::model::{ClientId, NumberId, ParticipantId, PoolId, SessionId};
use switchboard::store::Change;

use super::{SESSIONS, made, number_of, path, pool};
use crate::events::{text, well};
use crate::harness::{Layout, Result, Server};
use crate::inbound::play::{self, settled};
use crate::messages::{drained, person};
use crate::on_both_engines;

const OPEN: usize = 100_000;
/// Written at once.
const BATCH: usize = 2_000;
/// Sessions whose making is timed.
const SAMPLES: usize = 21;

const INTO_SESSIONS: &str = "INSERT INTO sb_session (id, client_id, pool_id, mode, state, door, settings, sequence, \
     created_ms, changed_ms)";
const INTO_PEOPLE: &str = "INSERT INTO sb_participant (id, session_id, client_id, address, person, number_id, number, \
     joined_ms, place)";
const INTO_PAIRS: &str = "INSERT INTO sb_pair (person, number_id, session_id, participant_id, client_id)";

/// Somebody who is alone in their session.
fn alone(nth: usize) -> String {
    format!("+1305{}", 2_000_000 + nth)
}

/// The pool's numbers, in the order of their addresses.
async fn numbers(server: &Server) -> Result<Vec<(NumberId, String)>> {
    let rows = server.rows("SELECT id, address FROM sb_number WHERE pool_id IS NOT NULL ORDER BY address").await?;
    rows.into_iter().map(|row| anyhow::Ok((NumberId::from_hex(&row[0])?, row[1].clone()))).collect()
}

/// Writes the sessions straight into the store.
async fn fill(server: &Server, pool: &str, numbers: &[(NumberId, String)]) -> Result {
    let (store, pool, client) = (server.home().databases.store()?, pool.parse::<PoolId>()?, ClientId::OPERATOR);
    for first in (0..OPEN).step_by(BATCH) {
        let (mut sessions, mut people, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        for nth in first..first + BATCH {
            let (number, address) = &numbers[nth % numbers.len()];
            let (session, one, who) = (SessionId::new(1), ParticipantId::new(1), alone(nth));
            sessions.push(vec![
                session.into(),
                client.into(),
                pool.into(),
                "both".into(),
                "open".into(),
                "native".into(),
                "{}".into(),
                1_i64.into(),
                1_i64.into(),
                1_i64.into(),
            ]);
            people.push(vec![
                one.into(),
                session.into(),
                client.into(),
                who.as_str().into(),
                who.as_str().into(),
                (*number).into(),
                address.as_str().into(),
                1_i64.into(),
                0_i64.into(),
            ]);
            pairs.push(vec![who.into(), (*number).into(), session.into(), one.into(), client.into()]);
        }
        let change = Change::new().insert(INTO_SESSIONS, sessions).insert(INTO_PEOPLE, people);
        store.commit(change.insert(INTO_PAIRS, pairs)).await?;
    }
    Ok(())
}

/// How long it takes to make a session of two people who are in no other: the middle one of some.
async fn middle(server: &Server, pool: &str, first: usize) -> Result<Duration> {
    let mut took = Vec::new();
    for nth in first..first + SAMPLES {
        let begun = Instant::now();
        made(server, pool, &[&person(nth), &person(5_000 + nth)], json!({})).await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(took[SAMPLES / 2])
}

async fn a_hundred_thousand_sessions_on_ten_numbers(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 10).await?;
    let before = middle(&server, &pool, 0).await?;
    let numbers = numbers(&server).await?;
    fill(&server, &pool, &numbers).await?;
    let after = middle(&server, &pool, 100).await?;
    // a machine that does much else is not to fail this
    ensure!(after <= 4 * before + Duration::from_millis(20), "{before:?} before, {after:?} now");

    let (ann, ben) = (person(9_000), person(9_001));
    let session = made(&server, &pool, &[&ann, &ben], json!({})).await?;
    play::text(&server, &ann, &number_of(&session, &ann)?, "hello").await?;
    // one of the hundred thousand, at the number that they have
    let (nth, one) = (OPEN / 2, alone(OPEN / 2));
    let number = &numbers[nth % numbers.len()].1;
    play::text(&server, &one, number, "is anybody there?").await?;
    settled(&server).await?;
    drained(&server).await?;
    let heard = well(&server, "GET", &format!("/v1/loopback/messages?to=%2B{}", &ben[1..]), None).await?;
    ensure!(heard["data"][0]["body"] == "hello" && heard["data"][1].is_null(), "{heard}");
    let found = well(&server, "GET", &format!("{SESSIONS}?participant=%2B{}", &one[1..]), None).await?;
    ensure!(found["data"][1].is_null() && text(&found["data"][0]["participants"][0]["number"])? == *number, "{found}");
    let said = well(&server, "GET", &format!("{}/interactions", path(&found["data"][0])?), None).await?;
    ensure!(said["data"][0]["reason"] == "alone" && said["data"][1].is_null(), "{said}");
    Ok(())
}

on_both_engines!(a_hundred_thousand_sessions_on_ten_numbers);
