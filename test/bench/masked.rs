//! Texts that are said in sessions of two: how many are taken, against those of nobody's session; and how many copies
//! are written a second while no text waits longer than the one before it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use switchboard::model::{NumberId, PoolId};
use switchboard::store::Change;

use crate::harness::{Carrier, Layout, Result, Server};
use crate::inbound::{self, webhooks};
use crate::load::{Load, offer};
use crate::mask::{self, Seat};
use crate::plan::Plan;
use crate::stage::{self, NUMBERS, RECIPIENTS, Via, recipient};
use crate::table::{Table, median};
use crate::{disk, flow, meter};

/// What is left at least of what is taken without sessions, and of it passed on.
const TAKEN: f64 = 0.8;
const COPIED: f64 = 0.35;
/// Rates that are tried for long, each a twentieth below the one before.
const HOLDS: usize = 5;

/// What came of two servers, one of them without sessions.
struct Figures {
    plain: f64,
    masked: f64,
    ratio: f64,
    copied: f64,
    is_flat: bool,
    fdatasync: f64,
}

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let found = compare(plan, Layout::SqliteShared).await?;
    let Figures { plain, ratio, copied, is_flat, .. } = found;
    table.add("texts in sessions taken", found.taken(), format!("{TAKEN} of {plain:.0}/s"), ratio >= TAKEN);
    let holds = is_flat && copied >= COPIED * plain;
    table.add("texts in sessions passed on", found.passed_on(plan), format!("{COPIED} of {plain:.0}/s"), holds);
    Ok(())
}

pub async fn on_mariadb(table: &mut Table, plan: &Plan) -> Result {
    let found = compare(plan, Layout::MariadbShared).await?;
    table.add_unbounded("texts in sessions taken, MariaDB", found.taken());
    table.add_unbounded("texts in sessions passed on, MariaDB", found.passed_on(plan));
    Ok(())
}

impl Figures {
    fn taken(&self) -> String {
        let Self { plain, masked, ratio, fdatasync, .. } = self;
        format!("{masked:.0}/s = {ratio:.2} of {plain:.0}/s (fdatasync {fdatasync:.2} ms)")
    }

    fn passed_on(&self, plan: &Plan) -> String {
        let (rate, ratio, seconds) = (self.copied, self.copied / self.plain, plan.hold.as_secs());
        let verdict = if self.is_flat { "flat" } else { "NOT FLAT" };
        format!("{rate:.0} copies/s = {ratio:.2} for {seconds} s, backlog {verdict}")
    }
}

async fn compare(plan: &Plan, layout: Layout) -> Result<Figures> {
    let carrier = Carrier::start().await?;
    let (unmasked, masked) = (stage::start(layout, Some(&carrier)).await?, furnished(layout, &carrier).await?);
    // by turns, so that both stores grow alike
    let both = async || Ok((inbound::round(&unmasked, plan).await?.0, taken(&masked, plan).await?));
    let (rounds, fdatasync) = disk::runs(&unmasked.home(), plan, plan.rounds, both).await?;
    let ratio = median(rounds.iter().map(|(unmasked, masked)| masked / unmasked).collect());
    let (unmasked, masked_rates): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
    let unmasked = median(unmasked);
    let (is_flat, copied) = sustain(&masked, COPIED * unmasked, plan).await?;
    Ok(Figures { plain: unmasked, masked: median(masked_rates), ratio, copied, is_flat, fdatasync })
}

/// A server on which each of those who text is in a session with somebody else. They text the carrier's numbers, as
/// without sessions; the copies leave from others, so that what the carrier can take is not what is measured.
async fn furnished(layout: Layout, carrier: &Carrier) -> Result<Server> {
    let server = stage::start(layout, Some(carrier)).await?;
    let made = stage::add(&server, "/v1/pools", &json!({"name": "masks"})).await?;
    let pool: PoolId = made["id"].as_str().context("no id")?.parse()?;
    let of = |via: Via| format!("address LIKE '{}%'", via.sender(0).trim_end_matches('0'));
    let (theirs, ours) = (numbers(&server, &of(Via::Carrier)).await?, numbers(&server, &of(Via::Loopback)).await?);
    let store = server.home().databases.store()?;
    let change = Change::new()
        .run("UPDATE sb_number SET pool_id = ?", vec![pool.into()])
        .run("UPDATE sb_meta SET value = 'filled' WHERE name = 'book'", Vec::new());
    store.commit(change).await?;
    let seats = |nth: u64| {
        let at = usize::try_from(nth % NUMBERS).unwrap_or_default();
        let other = format!("+237671{nth:06}");
        [Seat { person: recipient(nth), number: theirs[at].clone() }, Seat { person: other, number: ours[at].clone() }]
    };
    mask::fill(&server, pool, RECIPIENTS, seats).await?;
    // every node reads what has changed within two seconds
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(server)
}

/// The thousand of one account, each at the place that its address ends with.
async fn numbers(server: &Server, those: &str) -> Result<Vec<(NumberId, String)>> {
    let found = mask::numbers(server, those).await?;
    ensure!(found.len() == usize::try_from(NUMBERS)?, "{} numbers where {those}", found.len());
    Ok(found)
}

/// Posts texts as fast as answers come: so many a second.
async fn taken(server: &Server, plan: &Plan) -> Result<f64> {
    let before = meter::counts(server).await?.accepted;
    let taken = offer(server, &webhooks(server, inbound::PATH, true)?, plan.span).await?;
    taken.show("texts in sessions taken");
    inbound::handled(server).await?;
    meter::drained(server).await?;
    let copied = meter::counts(server).await?.accepted - before;
    ensure!(copied >= taken.count as f64, "{} were taken, {copied:.0} are passed on", taken.count);
    Ok(taken.rate)
}

/// The highest rate found, held for long: whether no backlog grew, and copies a second. Where none can be held, that of
/// the last try.
async fn sustain(server: &Server, target: f64, plan: &Plan) -> Result<(bool, f64)> {
    let held = async |rate: f64, span: Duration| {
        let (runs, _) = disk::runs(&server.home(), plan, 1, async || hold(server, rate, span).await).await?;
        runs.into_iter().next().context("no run")
    };
    let mut rate = flow::highest(target, async |rate| held(rate, plan.trial).await).await?;
    let mut tries = 0;
    loop {
        let (is_flat, copied) = held(rate, plan.hold).await?;
        tries += 1;
        if is_flat || tries == HOLDS {
            return Ok((is_flat, copied));
        }
        rate *= 0.95;
    }
}

/// Offers texts at a rate: whether all are answered, and as many copies are written and sent meanwhile; copies a
/// second.
async fn hold(server: &Server, rate: f64, span: Duration) -> Result<(bool, f64)> {
    let load = Load { pace: Some(rate), ..webhooks(server, inbound::PATH, true)? };
    let warm = Duration::from_secs(1).min(span / 4);
    let counted = async {
        tokio::time::sleep(warm).await;
        let (from, first) = (Instant::now(), meter::counts(server).await?);
        // the last moments are those of the load's own end
        tokio::time::sleep(span.saturating_sub(warm).mul_f64(0.95)).await;
        let (until, last) = (Instant::now(), meter::counts(server).await?);
        let seconds = until.duration_since(from).as_secs_f64();
        Result::Ok(((last.accepted - first.accepted) / seconds, (last.sent - first.sent) / seconds))
    };
    let (offered, (copied, sent)) = tokio::try_join!(offer(server, &load, span), counted)?;
    let is_flat = [offered.rate, copied, sent].iter().all(|one| *one >= 0.98 * rate);
    let verdict = if is_flat { "flat" } else { "NOT FLAT" };
    eprintln!(
        "offered {rate:.0}/s: {:.0}/s taken, {copied:.0} copies/s, {sent:.0}/s sent, backlog {verdict}",
        offered.rate
    );
    inbound::handled(server).await?;
    meter::drained(server).await?;
    Ok((is_flat, copied))
}
