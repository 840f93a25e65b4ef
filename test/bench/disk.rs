//! What one durable write costs on this disk now: figures that commit are worth nothing without it.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::harness::Result;
use crate::harness::server::Home;
use crate::plan::Plan;
use crate::table::median;

/// Above this the disk is in a slow phase, and a run says nothing about us.
pub const SLOW_MS: f64 = 1.0;
/// Runs that fell into a slow phase, before there is no figure.
const DISCARDED: usize = 12;
/// How often a slow phase is waited out, and how long each time: ten minutes in all.
const WAITS: usize = 60;
const WAIT: Duration = Duration::from_secs(10);

/// Median milliseconds of an fdatasync after a 4 KiB write.
pub fn fdatasync_ms(folder: &Path) -> Result<f64> {
    let mut file = std::fs::File::create(folder.join("fdatasync.probe"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(times))
}

/// Runs until so many runs fell into fast phases of the disk: what they came to, and the median fdatasync
/// in milliseconds. A run's is the slower one of before and after it.
pub async fn runs<T>(
    home: &Home,
    plan: &Plan,
    count: usize,
    mut one: impl AsyncFnMut() -> Result<T>,
) -> Result<(Vec<T>, f64)> {
    let is_slow = |fdatasync: f64| fdatasync > SLOW_MS && !plan.is_short;
    let (mut results, mut disks, mut discarded, mut waited) = (Vec::new(), Vec::new(), 0, 0);
    while results.len() < count {
        ensure!(discarded < DISCARDED && waited < WAITS, "the disk stays slow: no figure");
        let before = fdatasync_ms(home.folder.path())?;
        if is_slow(before) {
            eprintln!("not begun: the disk is in a slow phase, fdatasync {before:.2} ms");
            waited += 1;
            tokio::time::sleep(WAIT).await;
            continue;
        }
        let result = one().await?;
        let fdatasync = before.max(fdatasync_ms(home.folder.path())?);
        eprintln!("  fdatasync {fdatasync:.2} ms");
        if is_slow(fdatasync) {
            eprintln!("discarded: the disk is in a slow phase");
            discarded += 1;
            continue;
        }
        results.push(result);
        disks.push(fdatasync);
    }
    Ok((results, median(disks)))
}
