//! Messages accepted, and sent to the end, against an empty route of the same process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::harness::{ADMIN, Builder, Layout, Result, Server};
use crate::table::{Table, median};
use crate::wire::Wire;
use crate::{disk, process};

const CONNECTIONS: usize = 64;
const NUMBERS: usize = 1000;
const RECIPIENTS: usize = 100_000;
const SPAN: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;

pub async fn measure(table: &mut Table) -> Result {
    accept(table, Layout::SqliteShared, "accepting messages, embedded store", 0.35).await?;
    if std::env::var_os("SWITCHBOARD_TEST_MYSQL").is_some() {
        accept(table, Layout::MariadbShared, "accepting messages, MariaDB", 0.15).await?;
    }
    Ok(())
}

/// Posts as fast as answers come, the empty route and messages taking turns.
async fn accept(table: &mut Table, layout: Layout, what: &str, wanted: f64) -> Result {
    let builder = Builder::new(layout).await?.dev().set("log.level", "warn").set("http.empty_route", "true");
    let builder = builder.set("http.requests_per_address", "0").set("provider.loopback_receipts", "false");
    let server = Arc::new(builder.start().await?);
    numbers(&server).await?;
    let (mut ratios, mut rates, mut empties, mut disks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut tries = 0;
    while ratios.len() < ROUNDS {
        tries += 1;
        ensure!(tries < ROUNDS * 4, "the disk stays slow: no figure");
        let fdatasync = disk::fdatasync_ms(server.home().folder.path())?;
        let empty = rate(&server, "/empty").await?;
        let rate = rate(&server, "/v1/messages").await?;
        eprintln!("{what}: {rate:.0}/s beside {empty:.0}/s on the empty route, fdatasync {fdatasync:.2} ms");
        drained(&server).await?;
        if fdatasync > disk::SLOW_MS {
            eprintln!("discarded: the disk is in a slow phase");
            continue;
        }
        ratios.push(rate / empty);
        rates.push(rate);
        empties.push(empty);
        disks.push(fdatasync);
    }
    let ratio = median(ratios);
    let ours = format!("{:.0}/s = {ratio:.2} (fdatasync {:.2} ms)", median(rates), median(disks));
    table.add(what, ours, format!("{wanted} of {:.0}/s", median(empties)), ratio >= wanted);
    Ok(())
}

/// Takes the sender numbers into use.
async fn numbers(server: &Server) -> Result {
    let accounts: Value = server.http.get(server.url("/v1/accounts")).bearer_auth(ADMIN).send().await?.json().await?;
    let account = accounts["data"][0]["id"].clone();
    for n in 0..NUMBERS {
        let body = json!({"number": sender(n), "account_id": account});
        let answer = server.http.post(server.url("/v1/numbers")).bearer_auth(ADMIN).json(&body).send().await?;
        ensure!(answer.status() == 201, "{}", answer.text().await?);
    }
    Ok(())
}

fn sender(n: usize) -> String {
    format!("+1500600{n:04}")
}

async fn rate(server: &Arc<Server>, path: &'static str) -> Result<f64> {
    let (count, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let own = std::process::id();
    let cpu = (process::cpu_seconds(server.pid())?, process::cpu_seconds(own)?);
    let begun = Instant::now();
    let mut workers = Vec::new();
    for worker in 0..CONNECTIONS {
        let (count, over, port) = (count.clone(), over.clone(), server.port);
        workers.push(tokio::spawn(async move { post(port, path, worker, &count, &over).await }));
    }
    tokio::time::sleep(SPAN).await;
    over.store(true, Ordering::Relaxed);
    let done = count.load(Ordering::Relaxed);
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    for worker in workers {
        worker.await??;
    }
    let each = |now: f64, before: f64| (now - before) * 1e6 / done as f64;
    let (ours, theirs) = (each(process::cpu_seconds(server.pid())?, cpu.0), each(process::cpu_seconds(own)?, cpu.1));
    eprintln!("{path}: processor time of a request: server {ours:.0} us, generator {theirs:.0} us");
    Ok(rate)
}

async fn post(port: u16, path: &str, worker: usize, count: &AtomicUsize, over: &AtomicBool) -> Result {
    let mut wire = Wire::connect(port).await?;
    let head = format!("Authorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n");
    let mut n = worker;
    while !over.load(Ordering::Relaxed) {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (from, to) = (sender((n >> 33) % NUMBERS), (n >> 33) % RECIPIENTS);
        let body = format!("{{\"from\":\"{from}\",\"to\":\"+237670{to:06}\",\"body\":\"Your parcel is on its way\"}}");
        let answer = wire.post_with(path, &head, &body).await?;
        ensure!(answer.status == 202, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits until everything accepted has been sent.
async fn drained(server: &Server) -> Result {
    let begun = Instant::now();
    loop {
        let text = server.http.get(server.url("/metrics")).bearer_auth(ADMIN).send().await?.text().await?;
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or(0.0)
        };
        let (accepted, sent) =
            (value("switchboard_messages_accepted_total"), value("switchboard_messages_over_total{state=\"sent\"}"));
        if sent >= accepted {
            eprintln!("{accepted:.0} accepted and sent; drained after {:.1} s", begun.elapsed().as_secs_f64());
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(120), "{accepted} accepted, {sent} sent");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
