//! Offers load: posts over kept connections, as fast as answers come or at a pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::harness::{Result, Server};
use crate::process;
use crate::wire::Wire;

pub const CONNECTIONS: usize = 64;

/// What is posted: more lines of the head, and the body.
pub struct Post {
    pub head: String,
    pub body: String,
}

#[derive(Clone)]
pub struct Load {
    pub path: &'static str,
    /// Makes the post of this number; no number comes twice within an offer.
    pub make: Arc<dyn Fn(usize) -> Post + Send + Sync>,
    /// Posts a second; as fast as answers come where it is not given.
    pub pace: Option<f64>,
    pub connections: usize,
}

/// What was answered well, and what that took.
pub struct Offered {
    pub count: usize,
    pub rate: f64,
    /// How long each answer took, in milliseconds, the quickest first; those too that came when it was over. What has a
    /// pace and is late, since others were not answered before it, has waited from when it was due.
    pub times_ms: Vec<f64>,
    /// Processor time of each, in microseconds: the server's and our own.
    pub server_us: f64,
    pub generator_us: f64,
}

/// Milliseconds that so many of a hundred answers took at most, of those that are given, the quickest first.
pub fn percentile(times_ms: &[f64], share: usize) -> f64 {
    let place = (times_ms.len() * share / 100).min(times_ms.len().saturating_sub(1));
    times_ms.get(place).copied().unwrap_or(f64::NAN)
}

impl Offered {
    pub fn show(&self, what: &str) {
        let Self { rate, server_us, generator_us, .. } = self;
        eprintln!(
            "{what}: {rate:.0}/s, processor time of each: server {server_us:.0} us, generator {generator_us:.0} us"
        );
    }
}

pub async fn offer(server: &Server, load: &Load, span: Duration) -> Result<Offered> {
    let end = async {
        tokio::time::sleep(span).await;
        Result::Ok(())
    };
    offer_until(server, load, end).await
}

/// The same until something has come to its end.
pub async fn offer_until(server: &Server, load: &Load, end: impl Future<Output = Result>) -> Result<Offered> {
    let (count, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let cpu = || Result::Ok((process::cpu_seconds(server.pid())?, process::cpu_seconds(std::process::id())?));
    // connecting is no part of what is measured
    let mut wires = Vec::new();
    for _ in 0..load.connections {
        wires.push(Wire::connect(server.port).await?);
    }
    let before = cpu()?;
    let begun = Instant::now();
    let mut workers = Vec::new();
    for (worker, wire) in wires.into_iter().enumerate() {
        let (load, count, is_over) = (load.clone(), count.clone(), is_over.clone());
        workers.push(tokio::spawn(async move { press(wire, &load, worker, begun, &count, &is_over).await }));
    }
    let ended = end.await;
    is_over.store(true, Ordering::Relaxed);
    let (done, spent, after) = (count.load(Ordering::Relaxed), begun.elapsed().as_secs_f64(), cpu()?);
    let mut times_ms = Vec::new();
    for worker in workers {
        times_ms.extend(worker.await??);
    }
    ended?;
    times_ms.sort_by(f64::total_cmp);
    ensure!(done > 0, "nothing was answered within {spent:.1} s");
    let each = |after: f64, before: f64| (after - before) * 1e6 / done as f64;
    Ok(Offered {
        count: done,
        rate: done as f64 / spent,
        times_ms,
        server_us: each(after.0, before.0),
        generator_us: each(after.1, before.1),
    })
}

/// One connection's share, until it is over; how long each answer took.
async fn press(
    mut wire: Wire,
    load: &Load,
    worker: usize,
    begun: Instant,
    count: &AtomicUsize,
    is_over: &AtomicBool,
) -> Result<Vec<f64>> {
    let (mut number, mut times_ms) = (worker, Vec::new());
    loop {
        let mut late = None;
        if let Some(pace) = load.pace {
            let due = begun + Duration::from_secs_f64(number as f64 / pace);
            // one that is late goes at once, without a detour over the timer
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            } else {
                late = Some(due);
            }
        }
        if is_over.load(Ordering::Relaxed) {
            return Ok(times_ms);
        }
        let Post { head, body } = (load.make)(number);
        let since = late.unwrap_or_else(Instant::now);
        let answer = wire.post_with(load.path, &head, &body).await?;
        times_ms.push(since.elapsed().as_secs_f64() * 1000.0);
        let is_well = (200..300).contains(&answer.status);
        ensure!(is_well, "{}: {}: {}", load.path, answer.status, String::from_utf8_lossy(&answer.body));
        count.fetch_add(1, Ordering::Relaxed);
        number += load.connections;
    }
}
