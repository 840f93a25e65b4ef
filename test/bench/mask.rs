//! Pools of many numbers, and open sessions of two people: more of them than could be made one by one.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use switchboard::model::{ClientId, NumberId, ParticipantId, PoolId, SessionId};
use switchboard::store::{self, Change};

use crate::harness::{ADMIN, Result, Server};
use crate::load::{CONNECTIONS, Load, Post};
use crate::stage;

pub const SESSIONS: &str = "/v1/sessions";
/// Where people and numbers are.
pub const AREAS: [&str; 20] = [
    "201", "205", "206", "212", "213", "215", "216", "303", "305", "312", "313", "314", "404", "415", "503", "512",
    "602", "617", "702", "713",
];
/// Sessions of one commit.
const SLICE: u64 = 1_000;
/// People who may be in the sessions of one load.
const CROWD: u64 = 400_000;

/// A number of ours in an area.
pub fn number(area: &str, nth: u64) -> String {
    let nth = nth % 800_000;
    format!("+1{area}{}{:04}", 520 + nth / 10_000, nth % 10_000)
}

/// Somebody who has no number of ours, there; no two of so many are the same.
pub fn person(nth: u64) -> String {
    let (area, place) = (nth % 20, nth / 20 % 1_600_000);
    let exchange = if place < 800_000 { 220 + place / 10_000 } else { 240 + place / 10_000 };
    let area = usize::try_from(area).unwrap_or_default();
    format!("+1{}{exchange}{:04}", AREAS[area], place % 10_000)
}

static NEXT: AtomicU64 = AtomicU64::new(0);
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// The first of so many numbers that no other pool has, whatever their areas.
pub fn first_number(count: u64) -> u64 {
    NEXT_NUMBER.fetch_add(count, Ordering::Relaxed)
}

/// So many people who were in nothing before.
pub struct Newcomers(u64);

impl Newcomers {
    pub fn come(count: u64) -> Self {
        Self(NEXT.fetch_add(count, Ordering::Relaxed))
    }

    pub fn one(&self, nth: u64) -> String {
        person(self.0 + nth)
    }
}

/// Takes a file of numbers in, and waits until the last trace of that is gone.
pub async fn import(server: &Server, query: &str, file: String) -> Result {
    let post = server.http.post(server.url(&format!("/v1/numbers/import?{query}"))).bearer_auth(ADMIN);
    let answer = post.header("content-type", "text/csv").body(file).send().await?;
    let (status, told) = (answer.status(), answer.text().await?);
    ensure!(status == 200, "numbers: {status} {told}");
    let begun = Instant::now();
    while server.rows("SELECT COUNT(*) FROM sb_number_import").await?.concat() != ["0"] {
        ensure!(begun.elapsed() < Duration::from_secs(180), "an import has not ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The id of the account that --dev makes.
pub async fn loopback(server: &Server) -> Result<String> {
    let accounts: Value = server.http.get(server.url("/v1/accounts")).bearer_auth(ADMIN).send().await?.json().await?;
    let accounts = accounts["data"].as_array().context("no accounts")?;
    let found = accounts.iter().find(|one| one["provider"] == "loopback").context("no loopback account")?;
    Ok(found["id"].as_str().context("no id")?.to_owned())
}

/// A pool with these settings and numbers; its id.
pub async fn pool(server: &Server, set: &Value, numbers: impl IntoIterator<Item = String>) -> Result<PoolId> {
    let made = stage::add(server, "/v1/pools", set).await?;
    let pool = made["id"].as_str().context("no id")?;
    let mut file = String::from("number\n");
    for number in numbers {
        writeln!(file, "{number}")?;
    }
    import(server, &format!("account_id={}&pool_id={pool}", loopback(server).await?), file).await?;
    Ok(pool.parse()?)
}

/// Numbers by what is said of them in SQL: each with its address, in the order of those.
pub async fn numbers(server: &Server, those: &str) -> Result<Vec<(NumberId, String)>> {
    let rows = server.rows(format!("SELECT id, address FROM sb_number WHERE {those} ORDER BY address")).await?;
    let read = |row: Vec<String>| {
        let [id, address]: [String; 2] = row.try_into().ok().context("two columns")?;
        Result::Ok((NumberId::from_hex(&id)?, address))
    };
    rows.into_iter().map(read).collect()
}

/// Somebody in a session, and the number by which they know the other.
pub struct Seat {
    pub person: String,
    pub number: (NumberId, String),
}

type Rows = Vec<Vec<store::Value>>;

const INTO_SESSIONS: &str = "INSERT INTO sb_session (id, client_id, pool_id, mode, state, door, settings, sequence, \
     created_ms, changed_ms)";
const INTO_PEOPLE: &str = "INSERT INTO sb_participant (id, session_id, client_id, address, person, number_id, number, \
     joined_ms, place)";
const INTO_PAIRS: &str = "INSERT INTO sb_pair (person, number_id, session_id, participant_id, client_id)";
const INTO_MEMORY: &str = "INSERT INTO sb_sticky (person, number_id, used_ms)";

/// Writes so many open sessions straight into the store. What is remembered of their people is of nobody: it takes the
/// same room.
pub async fn fill(server: &Server, pool: PoolId, count: u64, seats: impl Fn(u64) -> [Seat; 2]) -> Result {
    let (database, begun) = (server.home().databases.store()?, Instant::now());
    let client = ClientId::OPERATOR;
    for first in (0..count).step_by(usize::try_from(SLICE)?) {
        let [mut sessions, mut people, mut pairs, mut memory] = [const { Rows::new() }; 4];
        for nth in first..count.min(first + SLICE) {
            let session = SessionId::new(1);
            sessions.push(vec![
                session.into(),
                client.into(),
                pool.into(),
                "both".into(),
                "open".into(),
                "native".into(),
                "{}".into(),
                1.into(),
                1.into(),
                1.into(),
            ]);
            for (place, Seat { person, number: (number, address) }) in (0_i64..).zip(seats(nth)) {
                let one = ParticipantId::new(1);
                people.push(vec![
                    one.into(),
                    session.into(),
                    client.into(),
                    person.clone().into(),
                    person.clone().into(),
                    number.into(),
                    address.into(),
                    1.into(),
                    place.into(),
                ]);
                memory.push(vec![rand::random::<[u8; 32]>().into(), number.into(), 1.into()]);
                pairs.push(vec![person.into(), number.into(), session.into(), one.into(), client.into()]);
            }
        }
        let change = Change::new().insert(INTO_SESSIONS, sessions).insert(INTO_PEOPLE, people);
        database.commit(change.insert(INTO_PAIRS, pairs).insert(INTO_MEMORY, memory)).await?;
    }
    eprintln!("{count} open sessions are there after {:.0?}", begun.elapsed());
    Ok(())
}

/// Sessions of two people each who are in no other, as they are to be posted; `more`: what else the body says.
pub fn sessions(pool: PoolId, more: &'static str) -> Load {
    let people = Newcomers::come(CROWD);
    let make = move |nth: usize| {
        let first = 2 * nth as u64 % CROWD;
        let (one, other) = (people.one(first), people.one(first + 1));
        Post {
            head: format!("Authorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n"),
            body: format!(
                "{{\"pool_id\":\"{pool}\",\"participants\":[{{\"address\":\"{one}\"}},\
                 {{\"address\":\"{other}\"}}]{more}}}"
            ),
        }
    };
    Load { path: SESSIONS, make: Arc::new(make), pace: None, connections: CONNECTIONS }
}
