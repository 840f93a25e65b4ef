//! How long messages take to be accepted while 100,000 numbers are taken in, against those before.

use std::fmt::Write as _;

use anyhow::ensure;

use crate::harness::{Layout, Result, Server};
use crate::load::{offer, offer_until, percentile};
use crate::mask::{self, AREAS};
use crate::plan::Plan;
use crate::stage::{self, Via, messages};
use crate::table::{Table, median};
use crate::{disk, meter};

const NUMBERS: u64 = 100_000;
const FEW_NUMBERS: u64 = 10_000;
/// Messages a second.
const PACE: f64 = 2_000.0;
/// The p99 meanwhile, of that before.
const MORE: f64 = 2.0;
const WHAT: &str = "a message accepted during an import of numbers, p99";

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let ([before, during], fdatasync) = middle(plan, Layout::SqliteShared).await?;
    let ratio = during / before;
    let ours = format!("{during:.1} ms = {ratio:.2} (fdatasync {fdatasync:.2} ms)");
    table.add(WHAT, ours, format!("{MORE} of {before:.1} ms"), ratio <= MORE);
    Ok(())
}

pub async fn on_mariadb(table: &mut Table, plan: &Plan) -> Result {
    let ([before, during], fdatasync) = middle(plan, Layout::MariadbShared).await?;
    let ours = format!("{during:.1} ms = {:.2} of {before:.1} ms (fdatasync {fdatasync:.2} ms)", during / before);
    table.add_unbounded(&format!("{WHAT}, MariaDB"), ours);
    Ok(())
}

async fn middle(plan: &Plan, layout: Layout) -> Result<([f64; 2], f64)> {
    // each round has a store of its own: there are as many numbers at its beginning
    let (mut before, mut during, mut disks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let server = stage::start(layout, None).await?;
        let (rounds, fdatasync) = disk::runs(&server.home(), plan, 1, async || round(&server, plan).await).await?;
        for [first, second] in rounds {
            before.push(first);
            during.push(second);
        }
        disks.push(fdatasync);
    }
    Ok(([median(before), median(during)], median(disks)))
}

/// Milliseconds within which all but a hundredth of the messages were answered, before an import and meanwhile.
async fn round(server: &Server, plan: &Plan) -> Result<[f64; 2]> {
    let load = || messages("/v1/messages", Via::Loopback, Some(PACE));
    let before = offer(server, &load(), plan.span).await?;
    meter::drained(server).await?;
    let (query, file) = (format!("account_id={}", mask::loopback(server).await?), file(plan)?);
    let during = offer_until(server, &load(), mask::import(server, &query, file)).await?;
    meter::drained(server).await?;
    ensure!(during.count > 100, "{} messages during an import", during.count);
    let [before, during] = [before, during].map(|offered| percentile(&offered.times_ms, 99));
    eprintln!("p99 {before:.1} ms, {during:.1} ms while numbers are taken in");
    Ok([before, during])
}

/// Numbers that nobody has yet, as a file.
fn file(plan: &Plan) -> Result<String> {
    let count = if plan.is_short { FEW_NUMBERS } else { NUMBERS };
    let mut file = String::from("number\n");
    for (nth, area) in (0..count).zip(AREAS.iter().cycle()) {
        writeln!(file, "{}", mask::number(area, nth))?;
    }
    Ok(file)
}
