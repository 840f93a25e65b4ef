//! `make dev USERS=100000` on the embedded store.

use std::time::Instant;

use anyhow::ensure;

use crate::disk;
use crate::harness::{Builder, Layout, Result};
use crate::table::Table;

pub async fn measure(table: &mut Table) -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?;
    let fdatasync = disk::fdatasync_ms(builder.home().folder.path())?;
    let begun = Instant::now();
    let output = builder.run(&["seed", "--users", "100000"]).await?;
    let time = begun.elapsed().as_secs_f64();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ours = format!("{time:.1} s (fdatasync {fdatasync:.2} ms)");
    table.add("100,000 users seeded", ours, "below 60 s", time < 60.0);
    Ok(())
}
