//! The load with which the older number proxy was tried: 300 sessions of two people, one every 20 ms, each of them
//! told, of a pool that gives each number to one session; by the door that it has here.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ADMIN, Layout, Result, Server};
use crate::load::{CONNECTIONS, Load, Post, offer, percentile};
use crate::mask::{self, AREAS, Newcomers};
use crate::plan::Plan;
use crate::stage;
use crate::table::{Table, median};
use crate::{disk, meter};

const PATH: &str = "/session";
/// More than the sessions of a round.
const NUMBERS: u64 = 400;
const SESSIONS: f64 = 300.0;
const A_SECOND: f64 = 50.0;
/// People who may be in them.
const CROWD: u64 = 2_000;
const WHAT: &str = "300 sessions, one every 20 ms, both told";
/// Milliseconds.
const MOST: f64 = 20.0;

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let (p99, fdatasync) = slowest(plan, Layout::SqliteShared).await?;
    let ours = format!("no error, p99 {p99:.1} ms (fdatasync {fdatasync:.2} ms)");
    table.add(WHAT, ours, format!("no error, p99 below {MOST} ms"), p99 < MOST);
    Ok(())
}

pub async fn on_mariadb(table: &mut Table, plan: &Plan) -> Result {
    let (p99, fdatasync) = slowest(plan, Layout::MariadbShared).await?;
    let ours = format!("no error, p99 {p99:.1} ms (fdatasync {fdatasync:.2} ms)");
    table.add_unbounded(&format!("{WHAT}, MariaDB"), ours);
    Ok(())
}

/// The p99 of the middle round. One that has an error fails.
async fn slowest(plan: &Plan, layout: Layout) -> Result<(f64, f64)> {
    let server = stage::start(layout, None).await?;
    for (nth, area) in (0..NUMBERS).zip(AREAS.iter().cycle()) {
        ask(&server, Method::POST, "/tn", &json!({"value": mask::number(area, nth)})).await?;
    }
    let (rounds, fdatasync) = disk::runs(&server.home(), plan, plan.rounds, async || round(&server).await).await?;
    Ok((median(rounds), fdatasync))
}

async fn ask(server: &Server, method: Method, path: &str, body: &Value) -> Result {
    let answer = server.http.request(method, server.url(path)).bearer_auth(ADMIN).json(body).send().await?;
    let (status, told) = (answer.status(), answer.text().await?);
    ensure!(status == 200, "{path}: {status} {told}");
    Ok(())
}

fn sessions() -> Load {
    let people = Newcomers::come(CROWD);
    let make = move |nth: usize| {
        let first = 2 * nth as u64 % CROWD;
        let (one, other) = (people.one(first), people.one(first + 1));
        Post {
            head: format!("Authorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n"),
            body: format!("{{\"participant_a\":\"{one}\",\"participant_b\":\"{other}\",\"expiry_window\":60}}"),
        }
    };
    Load { path: PATH, make: Arc::new(make), pace: Some(A_SECOND), connections: CONNECTIONS }
}

/// Its p99. The sessions are ended behind it: their numbers serve the next.
async fn round(server: &Server) -> Result<f64> {
    let span = Duration::from_secs_f64(SESSIONS / A_SECOND);
    let offered = offer(server, &sessions(), span).await?;
    let times = &offered.times_ms;
    let (half, most) = (percentile(times, 50), percentile(times, 99));
    eprintln!("  {} sessions: p50 {half:.1} ms, p99 {most:.1} ms", times.len());
    for id in server.rows("SELECT id FROM sb_session WHERE closed_ms IS NULL").await?.concat() {
        ask(server, Method::DELETE, PATH, &json!({ "session_id": id })).await?;
    }
    meter::drained(server).await?;
    Ok(most)
}
