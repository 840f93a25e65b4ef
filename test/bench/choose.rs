//! What it costs to choose a number where that is hard: no more in a pool of 100,000 than in one of 100.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::{AreaCode, PoolId, SessionId};
use switchboard::store::Change;

use crate::disk;
use crate::harness::{ADMIN, Layout, Result, Server};
use crate::mask::{self, Newcomers, SESSIONS};
use crate::plan::Plan;
use crate::stage;
use crate::table::{Table, median};
use crate::wire::Wire;

/// How large pools are.
const SMALL: u64 = 100;
const LARGE: u64 = 100_000;
const NOT_SO_LARGE: u64 = 5_000;
/// The most that a large pool may cost, of a small one.
const MORE: f64 = 2.0;
/// Sessions of a round, in each pool.
const SAMPLES: usize = 15;
/// Numbers that are free where each is one session's.
const FREE: u64 = 10;
/// Area codes next to somebody that are taken; sessions of somebody at most.
const NEAREST: usize = 50;
const MANY: u64 = 1_000;
/// In which the numbers are whose place says nothing.
const AREA: &str = "212";

/// A pool, and who gets a number of it: somebody new each time, unless it is always the same person.
struct Spot {
    pool: PoolId,
    person: Option<String>,
}

/// What makes it hard, in a small pool and in a large one.
struct Case {
    what: &'static str,
    spots: [Spot; 2],
}

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    for (what, [small, large], fdatasync) in figures(plan, Layout::SqliteShared).await? {
        let ratio = large / small;
        let ours = format!("{large:.2} ms = {ratio:.2} (fdatasync {fdatasync:.2} ms)");
        table.add(&what, ours, format!("{MORE} of {small:.2} ms, pool of {SMALL}"), ratio <= MORE);
    }
    Ok(())
}

pub async fn on_mariadb(table: &mut Table, plan: &Plan) -> Result {
    for (what, [small, large], fdatasync) in figures(plan, Layout::MariadbShared).await? {
        let ours = format!("{large:.2} ms = {:.2} of {small:.2} ms (fdatasync {fdatasync:.2} ms)", large / small);
        table.add_unbounded(&format!("{what}, MariaDB"), ours);
    }
    Ok(())
}

/// Of each case the middle milliseconds in either pool, and of an fdatasync beside them.
async fn figures(plan: &Plan, layout: Layout) -> Result<Vec<(String, [f64; 2], f64)>> {
    let server = stage::start(layout, None).await?;
    let large = if plan.is_short { NOT_SO_LARGE } else { LARGE };
    let cases = [
        Case { what: "10 are free", spots: [few_free(&server, SMALL).await?, few_free(&server, large).await?] },
        Case { what: "many sessions", spots: [busy(&server, SMALL).await?, busy(&server, large).await?] },
        Case { what: "none is near", spots: [far(&server, SMALL).await?, far(&server, large).await?] },
    ];
    let mut figures = Vec::new();
    for Case { what, spots } in &cases {
        let (rounds, fdatasync) =
            disk::runs(&server.home(), plan, plan.rounds, async || round(&server, spots).await).await?;
        let middle = |at: usize| median(rounds.iter().map(|times| times[at]).collect());
        figures.push((format!("a session of a pool of {large}, {what}"), [middle(0), middle(1)], fdatasync));
    }
    Ok(figures)
}

/// Each number is one session's, and all but a few have one.
async fn few_free(server: &Server, size: u64) -> Result<Spot> {
    let pool = pool(server, json!({"name": "one each", "exclusive": true}), size).await?;
    let numbers = mask::numbers(server, &format!("pool_id = X'{}'", pool.hex())).await?;
    let taken = "UPDATE sb_pool_number SET free_ms = NULL, session_id = ? WHERE pool_id = ?";
    let mut change = Change::new().run(taken, vec![SessionId::new(1).into(), pool.into()]);
    for (id, _) in numbers.iter().step_by(usize::try_from(size / FREE)?) {
        let free = "UPDATE sb_pool_number SET free_ms = 1, session_id = NULL WHERE number_id = ?";
        change = change.one(free, vec![(*id).into()]);
    }
    server.home().databases.store()?.commit(change).await?;
    Ok(Spot { pool, person: None })
}

/// Somebody has half of the numbers, or a thousand.
async fn busy(server: &Server, size: u64) -> Result<Spot> {
    let set = json!({"name": "anywhere", "order": "any", "choice": "avoid_sticky"});
    let person = Newcomers::come(1).one(0);
    let pool = pool(server, set, size).await?;
    occupy(server, pool, &person, (size / 2).min(MANY)).await?;
    Ok(Spot { pool, person: Some(person) })
}

/// Somebody has what there is in the nearest area codes: a number in each.
async fn far(server: &Server, size: u64) -> Result<Spot> {
    let person = Newcomers::come(1).one(0);
    let areas: Vec<String> = AreaCode::of(&person).context("nowhere")?.nearest().map(|area| area.to_string()).collect();
    ensure!(areas.len() > 2 * NEAREST, "{} area codes", areas.len());
    let (near, others) = areas.split_at(NEAREST);
    let all = near.iter().chain(others.iter().cycle());
    let first = mask::first_number(size);
    let numbers = (first..first + size).zip(all).map(|(nth, area)| mask::number(area, nth));
    let set = json!({"name": "near", "choice": "avoid_sticky"});
    let pool = mask::pool(server, &set, numbers.collect::<Vec<_>>()).await?;
    occupy(server, pool, &person, near.len() as u64).await?;
    Ok(Spot { pool, person: Some(person) })
}

/// A pool of numbers in one area.
async fn pool(server: &Server, set: Value, size: u64) -> Result<PoolId> {
    let first = mask::first_number(size);
    mask::pool(server, &set, (first..first + size).map(|nth| mask::number(AREA, nth))).await
}

/// Makes so many sessions of somebody, who is alone in each.
async fn occupy(server: &Server, pool: PoolId, person: &str, count: u64) -> Result {
    for _ in 0..count {
        stage::add(server, SESSIONS, &json!({"pool_id": pool.to_string(), "participants": [{"address": person}]}))
            .await?;
    }
    Ok(())
}

/// Makes sessions in both pools by turns: the middle milliseconds of each. They are ended behind it.
async fn round(server: &Server, spots: &[Spot; 2]) -> Result<[f64; 2]> {
    let (mut wire, mut times, mut made) = (Wire::connect(server.port).await?, [Vec::new(), Vec::new()], Vec::new());
    let head = format!("Authorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n");
    let people = Newcomers::come(SAMPLES as u64);
    for nth in 0..SAMPLES {
        for (spot, times) in spots.iter().zip(&mut times) {
            let person = spot.person.clone().unwrap_or_else(|| people.one(nth as u64));
            let body = json!({"pool_id": spot.pool.to_string(), "participants": [{"address": person}]}).to_string();
            let begun = Instant::now();
            let answer = wire.post_with(SESSIONS, &head, &body).await?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            ensure!(answer.status == 201, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
            let session: Value = serde_json::from_slice(&answer.body)?;
            made.push(session["id"].as_str().context("no id")?.to_owned());
        }
        if spots[0].person.is_none() {
            // few are free
            end(server, &mut made).await?;
        }
    }
    end(server, &mut made).await?;
    let times = times.map(median);
    eprintln!("  a session: {:.2} ms, {:.2} ms of the large pool", times[0], times[1]);
    Ok(times)
}

async fn end(server: &Server, made: &mut Vec<String>) -> Result {
    for session in made.drain(..) {
        let path = server.url(&format!("{SESSIONS}/{session}"));
        let status = server.http.delete(path).bearer_auth(ADMIN).send().await?.status();
        ensure!(status == 204, "a session was ended with {status}");
    }
    Ok(())
}
