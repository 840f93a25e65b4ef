//! Any sequence of what can be done to sessions, two things at once on two nodes, leaves every pair of a person and a
//! number theirs alone, and no number leaked or lost.

use anyhow::{Context as _, ensure};
use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::ride::Ride;
use super::{SESSIONS, consistent, order, ours, path};
use crate::events::{call, text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::{number, person};
use crate::on_both_engines;
use crate::relay::scene::tamper;

const NUMBERS: usize = 3;
const PEOPLE: usize = 5;
/// Two things each.
const STEPS: usize = 70;

/// The time of all that are open is over.
const RUN_OUT: &str = "UPDATE sb_session SET expires_ms = 1 WHERE closed_ms IS NULL";

/// Of the numbers of one session each: how many are free, and how many open sessions have one, which those that
/// everybody has left may lose.
const COUNTED: &str = "SELECT (SELECT COUNT(*) FROM sb_pool_number f WHERE f.free_ms IS NOT NULL), \
     (SELECT COUNT(DISTINCT s.id) FROM sb_session s JOIN sb_pool_number n ON n.session_id = s.id \
      WHERE s.closed_ms IS NULL)";

/// What holds of numbers that come and go, each as a query that finds what does not.
const MISPLACED: [(&str, &str); 2] = [
    (
        "numbers of one session each that people of another have",
        "SELECT q.person FROM sb_pair q JOIN sb_pool_number n ON n.number_id = q.number_id \
         WHERE n.session_id IS NULL OR n.session_id <> q.session_id",
    ),
    (
        "people whose number is not in the pool of their session",
        "SELECT q.person FROM sb_pair q JOIN sb_session s ON s.id = q.session_id \
         JOIN sb_number n ON n.id = q.number_id WHERE n.pool_id IS NULL OR n.pool_id <> s.pool_id",
    ),
];

/// Where sessions are made: a shared pool and an exclusive one at our own door, and a service at Twilio Proxy's.
struct Ground {
    ride: Ride,
    node: Server,
    /// Those at our own door: the id of each, and of its numbers.
    pools: Vec<(String, Vec<String>)>,
}

/// One thing to do.
#[derive(Debug)]
struct Deed {
    /// In which pool; behind our own: in the service.
    place: usize,
    /// To which session; to none: one is made.
    session: Option<String>,
    kind: usize,
    people: [String; 2],
    nth: usize,
}

impl Deed {
    fn any(random: &mut StdRng, known: &[Vec<String>; 3]) -> Self {
        let (place, nth) = (random.gen_range(0..known.len()), random.gen_range(0..1_000_usize));
        let sessions = &known[place];
        let session = sessions.get(nth % sessions.len().max(1)).filter(|_| random.gen_range(0..3) > 0).cloned();
        let kind = [0, 0, 1, 2, 3, 4, 5][random.gen_range(0..7_usize)];
        let people = [person(random.gen_range(0..PEOPLE)), person(PEOPLE + random.gen_range(0..PEOPLE))];
        Self { place, session, kind, people, nth }
    }
}

impl Ground {
    async fn open(layout: Layout) -> Result<Self> {
        let ride = Ride::start(layout, NUMBERS, "http://127.0.0.1:9/").await?;
        let accounts = well(&ride.server, "GET", "/v1/accounts", None).await?;
        let account = text(&accounts["data"][0]["id"])?;
        let mut pools = Vec::new();
        for (at, exclusive) in [false, true].into_iter().enumerate() {
            let new = json!({"name": format!("pool {at}"), "exclusive": exclusive});
            let pool = text(&well(&ride.server, "POST", "/v1/pools", Some(new)).await?["id"])?;
            let mut numbers = Vec::new();
            for nth in 0..NUMBERS {
                let id = number(&ride.server, &account, &ours(10 * at + nth), json!({})).await?;
                well(&ride.server, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
                numbers.push(id);
            }
            pools.push((pool, numbers));
        }
        let node = Builder::at(ride.server.home()).start_unseeded().await?;
        Ok(Self { ride, node, pools })
    }

    /// Does one thing on a node; how it was answered.
    async fn step(&self, at: &Server, deed: &Deed) -> Result<(u16, Value)> {
        match self.pools.get(deed.place) {
            Some((pool, numbers)) => natively(at, pool, numbers, deed).await,
            None => self.as_proxy(at, deed).await,
        }
    }

    async fn as_proxy(&self, at: &Server, deed: &Deed) -> Result<(u16, Value)> {
        let (ride, [one, other]) = (&self.ride, &deed.people);
        let Some(path) = &deed.session else {
            let people = [one, other].map(|one| json!({ "Identifier": one }).to_string());
            let form = [("Participants", people[0].as_str()), ("Participants", people[1].as_str())];
            return ride.ask("POST", &at.url(&ride.path("Sessions")), &form).await;
        };
        let (session, people) = (at.url(path), at.url(&format!("{path}/Participants")));
        match deed.kind {
            0 => ride.ask("POST", &session, &[("Status", "closed")]).await,
            1 => ride.ask("POST", &session, &[("Status", "in-progress")]).await,
            2 => ride.ask("POST", &people, &[("Identifier", one.as_str())]).await,
            3 => {
                let (status, listed) = ride.ask("GET", &people, &[]).await?;
                let all = listed["participants"].as_array().cloned().unwrap_or_default();
                if all.is_empty() {
                    return Ok((status, listed));
                }
                let sid = text(&all[deed.nth % all.len()]["sid"])?;
                ride.ask("DELETE", &format!("{people}/{sid}"), &[]).await
            }
            4 => ride.ask("DELETE", &session, &[]).await,
            _ => run_out(at).await,
        }
    }

    /// The path of a session that was made there.
    fn path(&self, place: usize, made: &Value) -> Result<String> {
        if place < self.pools.len() {
            return path(made);
        }
        Ok(format!("{}/{}", self.ride.path("Sessions"), text(&made["sid"])?))
    }

    /// Nothing is half made, no number is leaked or lost, and free ones are as many as they must be.
    async fn is_whole(&self) -> Result {
        let server = &self.ride.server;
        consistent(server).await?;
        for (what, sql) in MISPLACED {
            let found = server.rows(sql).await?;
            ensure!(found.is_empty(), "{what}: {found:?}");
        }
        let counted = server.rows(COUNTED).await?.concat();
        let (free, held): (usize, usize) = (counted[0].parse()?, counted[1].parse()?);
        ensure!(free + held == NUMBERS, "{free} are free, {held} are not");
        Ok(())
    }

    /// Once all are over, each pool has room for as many as at first, and for no more.
    async fn has_its_room(&self) -> Result {
        let (server, ride) = (&self.ride.server, &self.ride);
        tamper(server, RUN_OUT).await?;
        for nth in 0..=NUMBERS {
            let is_full = nth == NUMBERS;
            let wanted = if is_full { 409 } else { 201 };
            for (at, (pool, _)) in self.pools.iter().enumerate() {
                // in the exclusive one somebody else each time
                let who = person(9_000 + at * nth);
                let (status, answer) = call(server, "POST", SESSIONS, Some(order(pool, &[&who], json!({})))).await?;
                ensure!(status == wanted, "{at}, {nth}: {status} {answer}");
            }
            let who = json!({"Identifier": person(9_000)}).to_string();
            let (status, answer) = ride.ask("POST", &ride.path("Sessions"), &[("Participants", who.as_str())]).await?;
            let is_so = if is_full { status == 400 && answer["code"] == 80_206 } else { status == 201 };
            ensure!(is_so, "{nth}: {status} {answer}");
        }
        self.is_whole().await
    }
}

async fn natively(at: &Server, pool: &str, numbers: &[String], deed: &Deed) -> Result<(u16, Value)> {
    let [one, other] = &deed.people;
    let Some(path) = &deed.session else {
        return call(at, "POST", SESSIONS, Some(order(pool, &[one, other], json!({})))).await;
    };
    match deed.kind {
        0 => call(at, "DELETE", path, None).await,
        1 => call(at, "PATCH", path, Some(json!({"state": "in_progress"}))).await,
        2 => call(at, "POST", &format!("{path}/participants"), Some(json!({ "address": one }))).await,
        3 => {
            let shown = well(at, "GET", path, None).await?;
            let all = shown["participants"].as_array().context("no participants")?;
            let id = text(&all[deed.nth % all.len()]["id"])?;
            call(at, "DELETE", &format!("{path}/participants/{id}"), None).await
        }
        4 => out_and_in(at, pool, &numbers[deed.nth % numbers.len()]).await,
        _ => run_out(at).await,
    }
}

async fn run_out(at: &Server) -> Result<(u16, Value)> {
    tamper(at, RUN_OUT).await?;
    Ok((200, Value::Null))
}

/// Takes a number out of its pool, unless somebody has it, and puts it back.
async fn out_and_in(at: &Server, pool: &str, number: &str) -> Result<(u16, Value)> {
    let path = format!("/v1/pools/{pool}/numbers/{number}");
    let answered = call(at, "DELETE", &path, None).await?;
    if answered.0 < 300 {
        until("a number to be back", async || Ok((call(at, "PUT", &path, None).await?.0 < 300).then_some(()))).await?;
    }
    Ok(answered)
}

/// Whether this may be answered: a refusal of Proxy's is one of its own table.
fn may_be(deed: &Deed, status: u16, answer: &Value) -> bool {
    match status {
        200 | 201 | 204 | 404 | 409 | 503 => true,
        400 => deed.place == 2 && answer["code"].as_i64().is_some_and(|code| code > 80_000),
        _ => false,
    }
}

async fn whatever_is_done_every_pair_is_one_persons(layout: Layout) -> Result {
    let ground = Ground::open(layout).await?;
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let (mut random, mut known) = (StdRng::seed_from_u64(seed), [Vec::new(), Vec::new(), Vec::new()]);
    for nth in 0..STEPS {
        let (one, other) = (Deed::any(&mut random, &known), Deed::any(&mut random, &known));
        let (first, second) = tokio::join!(ground.step(&ground.ride.server, &one), ground.step(&ground.node, &other));
        for (deed, answered) in [(one, first), (other, second)] {
            let (status, answer) = answered?;
            ensure!(may_be(&deed, status, &answer), "step {nth}: {deed:?}: {status} {answer}");
            if status == 201 && deed.session.is_none() {
                known[deed.place].push(ground.path(deed.place, &answer)?);
            }
        }
        ground.is_whole().await?;
    }
    ground.has_its_room().await
}

on_both_engines!(whatever_is_done_every_pair_is_one_persons);
