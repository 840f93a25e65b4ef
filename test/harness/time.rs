//! Waiting: for a condition, for a session's end. What passes never waits for all of [`LONG`].

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};

use super::Result;

/// Far above what anything here takes, however busy the machine is.
pub const LONG: Duration = Duration::from_secs(120);

/// Looks again and again until there is what is waited for.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("{what} did not come about within {LONG:?}")
}

/// When a session id says that it expires.
pub fn expiry(sid: &str) -> Result<Duration> {
    Ok(Duration::from_secs(u32::from_str_radix(sid.get(..8).context("too short")?, 16)?.into()))
}

/// The wall clock.
pub fn now() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?)
}

/// Waits until a session id has expired.
pub async fn outlive(sid: &str) -> Result {
    let left = expiry(sid)?.saturating_sub(now()?);
    tokio::time::sleep(left + Duration::from_millis(20)).await;
    Ok(())
}
