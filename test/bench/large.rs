//! `make bench-large`: the same with millions of messages stored, beside an empty store in the same run.

use anyhow::Context as _;

use crate::disk;
use crate::harness::{Carrier, Layout, Result, Server};
use crate::plan::Plan;
use crate::stage::{self, Via};
use crate::table::{Table, median};
use crate::{carrier, fill, flow, inbound, message};

/// What is left at least of what an empty store does.
const LEFT: f64 = 0.8;

/// Two servers, one of which is idle while the other is measured.
struct Pair {
    empty: Server,
    large: Server,
}

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let carrier = Carrier::start().await?;
    let empty = stage::start(Layout::SqliteShared, Some(&carrier)).await?;
    let large = fill::filled(&empty, &carrier, plan).await?;
    let pair = Pair { empty, large };
    let rounds = async |server: &Server| message::round(server, plan).await.map(|(rate, _)| rate);
    pair.taken(table, plan, "accepting messages", rounds).await?;
    pair.sent(table, plan, "accepted to recorded sent, loopback", Via::Loopback, flow::TARGET).await?;
    pair.sent(table, plan, "accepted to recorded sent, carrier", Via::Carrier, carrier::TARGET).await?;
    let rounds = async |server: &Server| inbound::round(server, plan).await.map(|(rate, _)| rate);
    pair.taken(table, plan, "inbound webhooks", rounds).await
}

impl Pair {
    /// A rate of both, taking turns.
    async fn taken(
        &self,
        table: &mut Table,
        plan: &Plan,
        what: &str,
        round: impl AsyncFn(&Server) -> Result<f64>,
    ) -> Result {
        let both = async || {
            eprintln!("{what}, empty store, then {} messages stored", plan.stored);
            Ok((round(&self.empty).await?, round(&self.large).await?))
        };
        let (rounds, fdatasync) = disk::runs(&self.empty.home(), plan, plan.rounds, both).await?;
        let (empty, large) = rounds.into_iter().unzip();
        show(table, plan, what, [median(empty), median(large)], fdatasync);
        Ok(())
    }

    /// The rate that each can hold.
    async fn sent(&self, table: &mut Table, plan: &Plan, what: &str, via: Via, target: f64) -> Result {
        let (mut rates, mut disks) = (Vec::new(), Vec::new());
        for (which, server) in [("empty store", &self.empty), ("large store", &self.large)] {
            eprintln!("{what}, {which}");
            let (held, fdatasync) = flow::sustain(server, via, target, plan).await?;
            rates.push(held.sent);
            disks.push(fdatasync);
        }
        let rates = rates.try_into().ok().context("two rates")?;
        show(table, plan, what, rates, disks.into_iter().fold(0.0, f64::max));
        Ok(())
    }
}

fn show(table: &mut Table, plan: &Plan, what: &str, [empty, large]: [f64; 2], fdatasync: f64) {
    let ratio = large / empty;
    let ours = format!("{large:.0}/s = {ratio:.2} (fdatasync {fdatasync:.2} ms)");
    let what = format!("{what}, {} stored", plan.stored);
    table.add(&what, ours, format!("{LEFT} of {empty:.0}/s, empty store"), ratio >= LEFT);
}
