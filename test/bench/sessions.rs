//! Sessions of two people made while 100,000 are open, with and without a text that each is told, against messages that
//! are accepted in the same run.

use anyhow::{Context as _, ensure};
use serde_json::json;
use switchboard::model::PoolId;

use crate::harness::{Layout, Result, Server};
use crate::load::offer;
use crate::mask::{self, AREAS, Newcomers, Seat};
use crate::plan::Plan;
use crate::stage;
use crate::table::{Table, median};
use crate::{disk, message, meter};

const NUMBERS: u64 = 10_000;
const OPEN: u64 = 100_000;
const FEW_OPEN: u64 = 5_000;
/// What is told as a session begins.
const TOLD: &str = r#","start_text":"Your conversation has begun.""#;

/// So many a second.
struct Rates {
    messages: f64,
    silent: f64,
    told: f64,
}

/// What is made, how much of it, and how much that is at least beside messages.
type Figure = (&'static str, fn(&Rates) -> f64, f64);

const FIGURES: [Figure; 2] = [
    ("sessions of two people made", |rates: &Rates| rates.silent, 0.2),
    ("sessions of two people made, both told", |rates: &Rates| rates.told, 0.12),
];

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let (rounds, fdatasync) = rounds(plan, Layout::SqliteShared).await?;
    for (what, of, wanted) in FIGURES {
        let (shown, messages, ratio) = shown(&rounds, of, fdatasync);
        table.add(what, shown, format!("{wanted} of {messages:.0} messages/s"), ratio >= wanted);
    }
    Ok(())
}

pub async fn on_mariadb(table: &mut Table, plan: &Plan) -> Result {
    let (rounds, fdatasync) = rounds(plan, Layout::MariadbShared).await?;
    for (what, of, _) in FIGURES {
        let (shown, messages, _) = shown(&rounds, of, fdatasync);
        table.add_unbounded(&format!("{what}, MariaDB"), format!("{shown} of {messages:.0} messages/s"));
    }
    Ok(())
}

/// The middle rate in words, that of messages, and the middle ratio.
fn shown(rounds: &[Rates], of: fn(&Rates) -> f64, fdatasync: f64) -> (String, f64, f64) {
    let rate = median(rounds.iter().map(of).collect());
    let messages = median(rounds.iter().map(|rates| rates.messages).collect());
    let ratio = median(rounds.iter().map(|rates| of(rates) / rates.messages).collect());
    (format!("{rate:.0}/s = {ratio:.2} (fdatasync {fdatasync:.2} ms)"), messages, ratio)
}

async fn rounds(plan: &Plan, layout: Layout) -> Result<(Vec<Rates>, f64)> {
    let server = stage::start(layout, None).await?;
    let all = (0..NUMBERS).zip(AREAS.iter().cycle()).map(|(nth, area)| mask::number(area, nth));
    let pool = mask::pool(&server, &json!({"name": "masks"}), all).await?;
    let numbers = mask::numbers(&server, &format!("pool_id = X'{}'", pool.hex())).await?;
    let open = if plan.is_short { FEW_OPEN } else { OPEN };
    let people = Newcomers::come(2 * open);
    let seat = |nth: u64| {
        let at = usize::try_from(nth).unwrap_or_default() % numbers.len();
        Seat { person: people.one(nth), number: numbers[at].clone() }
    };
    mask::fill(&server, pool, open, |nth| [seat(2 * nth), seat(2 * nth + 1)]).await?;
    disk::runs(&server.home(), plan, plan.rounds, async || round(&server, plan, pool).await).await
}

async fn round(server: &Server, plan: &Plan, pool: PoolId) -> Result<Rates> {
    let (messages, _) = message::round(server, plan).await?;
    let before = made(server).await?;
    let silent = offer(server, &mask::sessions(pool, ""), plan.span).await?;
    silent.show("sessions made");
    let told = offer(server, &mask::sessions(pool, TOLD), plan.span).await?;
    told.show("sessions made, both told");
    meter::drained(server).await?;
    let (made, answered) = (made(server).await? - before, silent.count + told.count);
    ensure!(made >= answered, "{answered} were answered, {made} are there");
    Ok(Rates { messages, silent: silent.rate, told: told.rate })
}

async fn made(server: &Server) -> Result<usize> {
    let rows = server.rows("SELECT COUNT(*) FROM sb_session").await?.concat();
    Ok(rows.first().context("no count")?.parse()?)
}
