//! Messages accepted, the sender running, against an empty route of the same process.

use crate::harness::{Layout, Result, Server};
use crate::load::offer;
use crate::plan::Plan;
use crate::stage::{self, Via, messages};
use crate::table::{Table, median};
use crate::{disk, meter};

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    accept(table, plan, Layout::SqliteShared, "accepting messages, embedded store", 0.35).await
}

pub async fn on_mariadb(table: &mut Table, plan: &Plan) -> Result {
    accept(table, plan, Layout::MariadbShared, "accepting messages, MariaDB", 0.15).await
}

async fn accept(table: &mut Table, plan: &Plan, layout: Layout, what: &str, wanted: f64) -> Result {
    let server = stage::start(layout, None).await?;
    let (rounds, fdatasync) =
        disk::runs(&server.home(), plan, plan.rounds, async || round(&server, plan).await).await?;
    let middle = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
    let (rate, empty, ratio) = (middle(|round| round.0), middle(|round| round.1), middle(|(rate, empty)| rate / empty));
    let ours = format!("{rate:.0}/s = {ratio:.2} (fdatasync {fdatasync:.2} ms)");
    table.add(what, ours, format!("{wanted} of {empty:.0}/s"), ratio >= wanted);
    Ok(())
}

/// Posts as fast as answers come, to the empty route and then messages: messages and empty requests a second.
pub async fn round(server: &Server, plan: &Plan) -> Result<(f64, f64)> {
    let empty = offer(server, &messages("/empty", Via::Loopback, None), plan.span).await?;
    let accepted = offer(server, &messages("/v1/messages", Via::Loopback, None), plan.span).await?;
    empty.show("empty requests");
    accepted.show("messages accepted");
    meter::drained(server).await?;
    Ok((accepted.rate, empty.rate))
}
