//! Messages from accepted to recorded sent: the highest rate at which the backlog stays flat.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::disk;
use crate::harness::{Layout, Result, Server};
use crate::load::offer;
use crate::meter::{self, Counts};
use crate::plan::Plan;
use crate::stage::{self, Via, messages};
use crate::table::Table;

/// Messages a second through the loopback provider.
pub const TARGET: f64 = 8000.0;
/// Short runs on the way to a rate.
const STEPS: usize = 8;
/// Rates that are tried for long, each a twentieth below what the one before came to.
const HOLDS: usize = 5;

/// What came of offering messages at a rate.
pub struct Held {
    pub offered: f64,
    /// Messages a second, after the first moments.
    pub accepted: f64,
    pub sent: f64,
    seconds: f64,
    /// Accepted and not yet sent: at the beginning and at the end (each the mean of a quarter), and at most.
    begin: f64,
    end: f64,
    largest: f64,
}

impl Held {
    /// Whether this could go on: what is offered is taken, and the backlog grows by less than a hundredth of it.
    /// (A twentieth of a second's worth is allowed for when we happen to look.)
    fn is_flat(&self) -> bool {
        let allowed = self.offered * (0.05 + 0.01 * self.seconds);
        self.accepted >= 0.98 * self.offered && self.end - self.begin <= allowed
    }

    pub fn backlog(&self) -> String {
        let verdict = if self.is_flat() { "flat" } else { "NOT FLAT" };
        format!("backlog {verdict}: {:.0} to {:.0}, at most {:.0}", self.begin, self.end, self.largest)
    }
}

/// The rate, where the part ran to its end.
pub async fn measure(table: &mut Table, plan: &Plan) -> Result<f64> {
    let server = stage::start(Layout::SqliteShared, None).await?;
    let what = "accepted to recorded sent, loopback";
    show(table, plan, &server, Via::Loopback, what, TARGET).await
}

/// Finds a rate, holds it, and adds it to the table.
pub async fn show(table: &mut Table, plan: &Plan, server: &Server, via: Via, what: &str, target: f64) -> Result<f64> {
    let (held, fdatasync) = sustain(server, via, target, plan).await?;
    let (rate, seconds, backlog) = (held.sent, plan.hold.as_secs(), held.backlog());
    let ours = format!("{rate:.0}/s for {seconds} s, {backlog} (fdatasync {fdatasync:.2} ms)");
    table.add(what, ours, format!("{target:.0}/s"), held.is_flat() && rate >= target);
    Ok(rate)
}

/// The highest rate found, held for long, and the median fdatasync beside it. Where none can be held, the last one.
pub async fn sustain(server: &Server, via: Via, target: f64, plan: &Plan) -> Result<(Held, f64)> {
    let mut rate = find(server, via, target, plan).await?;
    let mut tries = 0;
    loop {
        let (held, fdatasync) =
            disk::runs(&server.home(), plan, 1, async || hold(server, via, rate, plan.hold).await).await?;
        let held = held.into_iter().next().context("no run")?;
        tries += 1;
        if held.is_flat() || tries == HOLDS {
            return Ok((held, fdatasync));
        }
        // one bad moment of the machine does not say how far down to go
        rate = held.sent.clamp(rate * 0.9, rate) * 0.95;
    }
}

/// The highest rate at which the backlog stays flat for a short while, to a twentieth.
pub async fn find(server: &Server, via: Via, target: f64, plan: &Plan) -> Result<f64> {
    let held = async |rate: f64| {
        let (held, _) = disk::runs(&server.home(), plan, 1, async || hold(server, via, rate, plan.trial).await).await?;
        let held = held.first().context("no run")?;
        Ok((held.is_flat(), held.sent))
    };
    highest(target, held).await
}

/// The same of whatever is offered: whether it could go on, and how much a second came through.
pub async fn highest(target: f64, held: impl AsyncFn(f64) -> Result<(bool, f64)>) -> Result<f64> {
    // a little above, so that what comes out is not below by a hair
    let (mut rate, mut low, mut high) = (target * 1.02, 0.0, f64::INFINITY);
    for _ in 0..STEPS {
        let (is_flat, through) = held(rate).await?;
        if is_flat {
            low = rate;
        } else {
            high = rate;
        }
        if high < low * 1.05 {
            break;
        }
        rate = if high.is_infinite() {
            rate * 1.25
        } else if low == 0.0 {
            // what came through under too much load is near, but not above half a step
            through.clamp(rate * 0.5, rate * 0.9)
        } else {
            f64::midpoint(low, high)
        };
    }
    ensure!(low > 0.0, "no rate leaves the backlog flat");
    Ok(low)
}

/// Offers messages at a rate, looks at the backlog every second, and waits until it is empty.
async fn hold(server: &Server, via: Via, rate: f64, span: Duration) -> Result<Held> {
    let load = messages("/v1/messages", via, Some(rate));
    let (offered, samples) = tokio::try_join!(offer(server, &load, span), sample(server, span))?;
    let held = judge(rate, &samples)?;
    let (accepted, sent, backlog) = (held.accepted, held.sent, held.backlog());
    eprintln!("offered {rate:.0}/s: {accepted:.0}/s accepted, {sent:.0}/s sent, {backlog}");
    offered.show("  offered");
    meter::drained(server).await?;
    Ok(held)
}

type Sample = (Instant, Counts);

/// The counts of a span, without its first moments, while it passes.
async fn sample(server: &Server, span: Duration) -> Result<Vec<Sample>> {
    let begun = Instant::now();
    let warm = Duration::from_secs(1).min(span / 4);
    // short runs are looked at more often, so that a quarter of them has some samples
    let period = Duration::from_secs(1).min(span / 24);
    let mut samples = Vec::new();
    let mut due = begun + warm;
    while due < begun + span {
        tokio::time::sleep_until(due.into()).await;
        let counts = meter::counts(server).await?;
        samples.push((Instant::now(), counts));
        due += period;
    }
    Ok(samples)
}

fn judge(offered: f64, samples: &[Sample]) -> Result<Held> {
    let (Some((from, first)), Some((until, last))) = (samples.first(), samples.last()) else {
        anyhow::bail!("no samples");
    };
    let seconds = until.duration_since(*from).as_secs_f64();
    let backlogs: Vec<f64> = samples.iter().map(|(_, counts)| counts.backlog()).collect();
    let quarter = backlogs.len().div_ceil(4);
    let mean = |some: &[f64]| some.iter().sum::<f64>() / some.len() as f64;
    Ok(Held {
        offered,
        accepted: (last.accepted - first.accepted) / seconds,
        sent: (last.sent - first.sent) / seconds,
        seconds,
        begin: mean(&backlogs[..quarter]),
        end: mean(&backlogs[backlogs.len() - quarter..]),
        largest: backlogs.iter().copied().fold(0.0, f64::max),
    })
}
