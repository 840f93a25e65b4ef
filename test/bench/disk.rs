//! What one durable write costs on this disk now: figures that commit are worth nothing without it.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::harness::Result;
use crate::table::median;

/// Above this the disk is in a slow phase, and a run says nothing about us.
pub const SLOW_MS: f64 = 1.0;

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
