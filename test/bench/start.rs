//! From start to serving on a store that exists, and what an idle server holds.

use std::time::{Duration, Instant};

use crate::harness::{Builder, Layout, Result};
use crate::process;
use crate::table::{Table, median};

pub async fn measure(table: &mut Table) -> Result {
    let mut server = Builder::new(Layout::SqliteShared).await?.set("log.level", "info").users(1000).start().await?;
    let (mut times, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        server.kill()?;
        let begun = Instant::now();
        server = server.restart().await?;
        let ready = server.http.get(server.url("/readyz")).send().await?;
        anyhow::ensure!(ready.status() == 200);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(500)).await;
        idle.push(process::resident(server.pid())? / 1024.0 / 1024.0);
    }
    let (time, idle) = (median(times), median(idle));
    table.add("start to ready, existing store", format!("{time:.0} ms"), "below 200 ms", time < 200.0);
    table.add("resident when idle", format!("{idle:.1} MiB"), "below 25 MiB", idle < 25.0);
    Ok(())
}
