//! Complete one-step handshakes, verified and committed, against what OpenSSL signs on the same cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use switchboard::store::seed::load_user;

use crate::harness::{Builder, Layout, PASSWORD, Phone, Result, Server};
use crate::table::{Table, median};
use crate::wire::Wire;
use crate::{disk, process};

const USERS: usize = 2000;
const CONNECTIONS: usize = 32;
const HANDSHAKES: usize = 6000;
const ROUNDS: usize = 3;

/// OpenSSL without AVX-512 IFMA, which makes RSA three times as fast where a processor has it
/// (bit 21 of the second word, see `OPENSSL_ia32cap(3)`).
const WITHOUT_IFMA: (&str, &str) = ("OPENSSL_ia32cap", ":~0x200000");

pub async fn measure(table: &mut Table) -> Result {
    compare(table, "one-step handshakes", None).await?;
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if cpu.contains("avx512ifma") {
        compare(table, "the same, OpenSSL without AVX-512 IFMA", Some(WITHOUT_IFMA)).await?;
    }
    Ok(())
}

/// Our handshakes and OpenSSL's signatures, taking turns, both under the same environment.
async fn compare(table: &mut Table, what: &str, environment: Option<(&str, &str)>) -> Result {
    let mut builder = Builder::new(Layout::SqliteShared).await?.set("log.level", "warn").users(USERS);
    if let Some((name, value)) = environment {
        builder = builder.environment(name, value);
    }
    let server = Arc::new(builder.start().await?);
    let (mut ratios, mut rates, mut signs, mut disks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut tries = 0;
    while ratios.len() < ROUNDS {
        tries += 1;
        ensure!(tries < ROUNDS * 4, "the disk stays slow: no figure");
        let fdatasync = disk::fdatasync_ms(server.home().folder.path())?;
        let before = openssl_signs(environment)?;
        let rate = round(&server).await?;
        let sign = f64::midpoint(before, openssl_signs(environment)?);
        eprintln!("{what}: {rate:.0}/s beside {sign:.0} signs/s, fdatasync {fdatasync:.2} ms");
        if fdatasync > disk::SLOW_MS {
            eprintln!("discarded: the disk is in a slow phase");
            continue;
        }
        ratios.push(rate / sign);
        rates.push(rate);
        signs.push(sign);
        disks.push(fdatasync);
    }
    let ratio = median(ratios);
    let ours = format!("{:.0}/s = {ratio:.2} (fdatasync {:.2} ms)", median(rates), median(disks));
    table.add(what, ours, format!("0.75 of {:.0} signs/s", median(signs)), ratio >= 0.75);
    Ok(())
}

/// RSA-2048 signatures a second on all cores, by `openssl speed`.
fn openssl_signs(environment: Option<(&str, &str)>) -> Result<f64> {
    let cores = std::thread::available_parallelism()?.to_string();
    let output = std::process::Command::new("openssl")
        .args(["speed", "-seconds", "3", "-multi", &cores, "rsa2048"])
        .envs(environment)
        .output()
        .context("openssl speed")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.trim_start().starts_with("rsa 2048")).context("no rsa 2048 line")?;
    let fields: Vec<&str> = line.split_whitespace().collect();
    Ok(fields.get(fields.len() - 2).context("no figure")?.parse()?)
}

/// Handshakes a second over kept connections; sids are fetched beforehand, as pages do.
async fn round(server: &Arc<Server>) -> Result<f64> {
    let sids = sids(server.port).await?;
    let posts: Arc<Vec<(String, String)>> = Arc::new(posts(server, sids)?);
    let next = Arc::new(AtomicUsize::new(0));
    let own = std::process::id();
    let cpu = (process::cpu_seconds(server.pid())?, process::cpu_seconds(own)?);
    let begun = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..CONNECTIONS {
        let (posts, next, port) = (posts.clone(), next.clone(), server.port);
        workers.push(tokio::spawn(async move { work(port, &posts, &next).await }));
    }
    for worker in workers {
        worker.await??;
    }
    let rate = HANDSHAKES as f64 / begun.elapsed().as_secs_f64();
    let each = |now: f64, before: f64| (now - before) * 1e6 / HANDSHAKES as f64;
    let (ours, theirs) = (each(process::cpu_seconds(server.pid())?, cpu.0), each(process::cpu_seconds(own)?, cpu.1));
    eprintln!("processor time of a handshake: server {ours:.0} us, generator {theirs:.0} us");
    Ok(rate)
}

async fn sids(port: u16) -> Result<Vec<String>> {
    let mut wire = Wire::connect(port).await?;
    let mut sids = Vec::with_capacity(HANDSHAKES);
    for n in 0..HANDSHAKES {
        let answer = wire.get(&format!("/v2/sync/users/{}", user(n))).await?;
        let url = String::from_utf8(answer.body)?;
        sids.push(url.rsplit('/').next().context("no sid")?.to_owned());
    }
    Ok(sids)
}

/// Where each handshake is posted, and its body: every password is encrypted anew, as none is taken twice.
fn posts(server: &Server, sids: Vec<String>) -> Result<Vec<(String, String)>> {
    let phone = Phone::new()?;
    let post =
        |(n, sid)| Ok((format!("/v2/sync/users/{}/sessions/{sid}/", user(n)), phone.one_step(server, PASSWORD)?));
    sids.into_iter().enumerate().map(post).collect()
}

fn user(n: usize) -> String {
    load_user(n % USERS + 1)
}

async fn work(port: u16, posts: &[(String, String)], next: &AtomicUsize) -> Result {
    let phone = Phone::new()?;
    let mut wire = Wire::connect(port).await?;
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let Some((path, body)) = posts.get(n) else { return Ok(()) };
        let answer = wire.post(path, body).await?;
        let text = std::str::from_utf8(&answer.body)?;
        ensure!(answer.status == 200, "{}: {text}", answer.status);
        if n.is_multiple_of(100) {
            phone.open(text)?;
        }
    }
}

/// The median milliseconds of handshakes, one after the other.
pub async fn latency_ms(server: &Server, users: std::ops::Range<usize>) -> Result<f64> {
    let phone = Phone::new()?;
    let mut wire = Wire::connect(server.port).await?;
    let mut times = Vec::new();
    for n in users {
        let (sid, body) = (server.sid(&user(n)).await?, phone.one_step(server, PASSWORD)?);
        let begun = Instant::now();
        let answer = wire.post(&format!("/v2/sync/users/{}/sessions/{sid}/", user(n)), &body).await?;
        ensure!(answer.status == 200, "{}", answer.status);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(median(times))
}
