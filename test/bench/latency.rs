//! From the moment a message is posted to the moment the provider has it, at half the rate that can be held.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use switchboard::model::parse_time;

use crate::flow::{self, TARGET};
use crate::harness::{ADMIN, Layout, Result, Server, time};
use crate::load::offer;
use crate::plan::{Plan, whole};
use crate::stage::{self, Via, stamped};
use crate::table::{Table, median};
use crate::{disk, meter};

/// The loopback provider keeps 100,000 messages: a run must not have more.
const KEPT: u32 = 90_000;

/// `found`: the rate that was held before in this run.
pub async fn measure(table: &mut Table, plan: &Plan, found: Option<f64>) -> Result {
    let server = stage::start(Layout::SqliteShared, None).await?;
    let found = match found {
        Some(found) => found,
        None => flow::find(&server, Via::Loopback, TARGET, plan).await?,
    };
    let (rate, which) =
        if found < TARGET { (found / 2.0, "half of what is held") } else { (TARGET / 2.0, "half of 8000/s") };
    let (rounds, fdatasync) =
        disk::runs(&server.home(), plan, plan.rounds, async || round(&server, rate, plan).await).await?;
    let middle = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
    let (half, most) = (middle(|round| round.0), middle(|round| round.1));
    let ours = format!("p50 {half:.0} ms, p99 {most:.0} ms (fdatasync {fdatasync:.2} ms)");
    table.add(&format!("posted to provider, at {rate:.0}/s, {which}"), ours, "p99 below 100 ms", most < 100.0);
    Ok(())
}

/// Milliseconds that half, and all but a hundredth, of the messages took at most.
async fn round(server: &Server, rate: f64, plan: &Plan) -> Result<(f64, f64)> {
    let begun_ms = i64::try_from(time::now()?.as_millis())?;
    let span = (plan.span * 2).min(Duration::from_secs((KEPT / whole(rate)?.max(1)).into()));
    let offered = offer(server, &stamped(Via::Loopback, rate), span).await?;
    meter::drained(server).await?;
    let mut times = times_ms(server, begun_ms).await?;
    ensure!(times.len() >= offered.count, "{} of {} messages are listed", times.len(), offered.count);
    ensure!(offered.rate > rate * 0.98, "only {:.0}/s were accepted of {rate:.0}/s", offered.rate);
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().context("no times");
    let (half, most, largest) = (at(50)?, at(99)?, times.last().copied().unwrap_or_default());
    eprintln!(
        "{} messages at {:.0}/s: p50 {half:.0} ms, p99 {most:.0} ms, {largest:.0} ms at most",
        times.len(),
        offered.rate
    );
    Ok((half, most))
}

/// How long each message took that was posted since then, by what its body says and when the provider got it.
async fn times_ms(server: &Server, since_ms: i64) -> Result<Vec<f64>> {
    let (mut times, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/loopback/messages?limit=200{cursor}");
        let page: Value = server.http.get(server.url(&path)).bearer_auth(ADMIN).send().await?.json().await?;
        let messages = page["data"].as_array().context("no messages")?;
        for message in messages {
            // what else there is, is older
            let body = message["body"].as_str().context("no body")?;
            let Some(posted_ms) = body.rsplit(' ').next().and_then(|stamp| stamp.parse::<i64>().ok()) else {
                return Ok(times);
            };
            if posted_ms < since_ms {
                return Ok(times);
            }
            let at_ms = message["at"].as_str().and_then(parse_time).context("no time")?;
            times.push((at_ms - posted_ms) as f64);
        }
        let Some(next) = page["next_cursor"].as_str() else { return Ok(times) };
        cursor = format!("&cursor={next}");
    }
}
