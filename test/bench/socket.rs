//! Fifteen thousand idle sync sockets: what each holds, and what rotating them all costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::harness::{Builder, Layout, Result};
use crate::process;
use crate::table::Table;
use crate::wire::Wire;

const SOCKETS: usize = 15_000;
const WATCHED: Duration = Duration::from_secs(45);

pub async fn measure(table: &mut Table) -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("log.level", "warn");
    let builder = builder.set("sync.rotations", 100_000).set("sync.session_ttl", "1h").set("sync.rotate_every", "15s");
    let server = builder.start().await?;
    // warm: what the first sockets allocate once is not what a socket costs
    drop(open(server.port, 0, 200, &Arc::default()).await?);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = process::resident(server.pid())?;
    let frames = Arc::new(AtomicUsize::new(0));
    let readers = open(server.port, 200, SOCKETS, &frames).await?;
    while frames.load(Ordering::Relaxed) < SOCKETS {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = (process::resident(server.pid())? - before) / SOCKETS as f64 / 1024.0;
    table.add("resident memory of an idle socket", format!("{each:.2} KiB"), "at most 4 KiB", each <= 4.0);

    let (cpu, seen, begun) = (process::cpu_seconds(server.pid())?, frames.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(WATCHED).await;
    let cores = (process::cpu_seconds(server.pid())? - cpu) / begun.elapsed().as_secs_f64();
    let shown = (frames.load(Ordering::Relaxed) - seen) as f64 / begun.elapsed().as_secs_f64();
    ensure!(shown > SOCKETS as f64 / 15.0 * 0.9, "only {shown:.0} frames a second came");
    let ours = format!("{cores:.3} cores ({shown:.0} frames/s)");
    table.add("rotating 15,000 sockets every 15 s", ours, "below 0.5 cores", cores < 0.5);
    let after = (process::resident(server.pid())? - before) / SOCKETS as f64 / 1024.0;
    table.add("the same after three rotations", format!("{after:.2} KiB"), "at most 4 KiB", after <= 4.0);
    drop(readers);
    Ok(())
}

/// Opens sockets of distinct users; each frame that comes is counted.
async fn open(port: u16, first: usize, count: usize, frames: &Arc<AtomicUsize>) -> Result<Readers> {
    let mut readers = Readers(Vec::with_capacity(count));
    for n in first..first + count {
        let stream = Wire::connect(port).await?.upgrade(&format!("/v2/sync/init/user-{n}")).await?;
        readers.0.push(tokio::spawn(read(stream, frames.clone())));
    }
    Ok(readers)
}

/// Ends its readers, and with them their sockets.
struct Readers(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Readers {
    fn drop(&mut self) {
        for reader in &self.0 {
            reader.abort();
        }
    }
}

/// Counts rotation frames by the address that stands in each once; one read holds whole frames,
/// as they come seconds apart.
async fn read(mut stream: TcpStream, frames: Arc<AtomicUsize>) {
    let mut buffer = [0; 512];
    loop {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => {
                let shown = buffer[..read].windows(8).filter(|eight| eight == b"\"qr_url\"").count();
                frames.fetch_add(shown, Ordering::Relaxed);
            }
            _ => return,
        }
    }
}
