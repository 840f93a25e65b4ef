//! The load with which the older number proxy was tried: 300 sessions of two people, one every 20 ms, each of them told,
//! of a pool that gives each number to one session.

use std::time::Duration;

use serde_json::json;
use switchboard::model::PoolId;

use crate::harness::{Layout, Result, Server};
use crate::load::{offer, percentile};
use crate::mask::{self, AREAS};
use crate::plan::Plan;
use crate::stage;
use crate::table::{Table, median};
use crate::{disk, meter};

/// So many that no round lacks any.
const NUMBERS: u64 = 10_000;
const SESSIONS: f64 = 300.0;
const A_SECOND: f64 = 50.0;
const TOLD: &str = r#","start_text":"Your new session has started, send a message!""#;
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
    let numbers = (0..NUMBERS).zip(AREAS.iter().cycle()).map(|(nth, area)| mask::number(area, nth));
    let pool = mask::pool(&server, &json!({"name": "one each", "exclusive": true}), numbers).await?;
    let (rounds, fdatasync) =
        disk::runs(&server.home(), plan, plan.rounds, async || round(&server, pool).await).await?;
    Ok((median(rounds), fdatasync))
}

async fn round(server: &Server, pool: PoolId) -> Result<f64> {
    let span = Duration::from_secs_f64(SESSIONS / A_SECOND);
    let offered = offer(server, &mask::sessions(pool, TOLD, Some(A_SECOND)), span).await?;
    let times = &offered.times_ms;
    let (half, most) = (percentile(times, 50), percentile(times, 99));
    eprintln!("  {} sessions: p50 {half:.1} ms, p99 {most:.1} ms", times.len());
    meter::drained(server).await?;
    Ok(most)
}
