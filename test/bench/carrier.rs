//! What the carrier itself can take, as it must not be what a measurement of the gateway measures; then
//! what is sent to it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Layout, Result};
use crate::plan::Plan;
use crate::stage::{self, Via};
use crate::table::Table;
use crate::wire::Wire;
use crate::{flow, process};

const CONNECTIONS: usize = 64;
/// What its share of the processor is measured at.
const PACE: usize = 5000;
/// Messages a second of ours to it.
pub const TARGET: f64 = 3500.0;

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    alone(table, if plan.is_short { 6400 } else { 64_000 }).await?;
    let carrier = Carrier::start().await?;
    let server = stage::start(Layout::SqliteShared, Some(&carrier)).await?;
    let what = "accepted to recorded sent, carrier over HTTP";
    flow::show(table, plan, &server, Via::Carrier, what, TARGET).await?;
    Ok(())
}

async fn alone(table: &mut Table, messages: usize) -> Result {
    let carrier = Carrier::start().await?;
    // warm
    send(&carrier, CONNECTIONS * 20, None).await?;
    let begun = Instant::now();
    send(&carrier, messages, None).await?;
    let rate = messages as f64 / begun.elapsed().as_secs_f64();
    table.add("the carrier, as fast as it goes", format!("{rate:.0} messages/s"), "more than 5,000/s", rate > 5000.0);

    let (cpu, begun) = (process::cpu_seconds(carrier.pid())?, Instant::now());
    send(&carrier, messages, Some(PACE)).await?;
    let spent = begun.elapsed().as_secs_f64();
    let cores = (process::cpu_seconds(carrier.pid())? - cpu) / spent;
    let ours = format!("{cores:.2} cores ({:.0}/s)", messages as f64 / spent);
    table.add("the carrier at 5,000 messages/s", ours, "at most 0.5 cores", cores <= 0.5);
    let recorded = carrier.recorded()?.len();
    ensure!(recorded == CONNECTIONS * 20 + 2 * messages, "{recorded} are on disk");
    Ok(())
}

/// Posts so many messages over kept connections, so many a second where that is given.
async fn send(carrier: &Carrier, count: usize, pace: Option<usize>) -> Result {
    let mut senders = Vec::new();
    for connection in 0..CONNECTIONS {
        let mut wire = Wire::connect(carrier.port).await?;
        senders.push(tokio::spawn(async move {
            let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
            let credentials = STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
            let head =
                format!("Authorization: Basic {credentials}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
            let begun = Instant::now();
            for n in 0..count / CONNECTIONS {
                if let Some(pace) = pace {
                    let due = (n * CONNECTIONS + connection) as f64 / pace as f64;
                    tokio::time::sleep_until((begun + Duration::from_secs_f64(due)).into()).await;
                }
                let to = 14_155_550_000_u64 + (n % 1000) as u64;
                let body = format!("To=%2B{to}&From=%2B14155550199&Body=message+{n}+over+connection+{connection}");
                let answer = wire.post_with(&path, &head, &body).await?;
                ensure!(answer.status == 201, "{}", String::from_utf8_lossy(&answer.body));
            }
            Result::Ok(())
        }));
    }
    for sender in senders {
        sender.await??;
    }
    Ok(())
}
