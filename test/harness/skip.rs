//! What a test says when something that it needs is not here: only `../shared/specs` may be missing.

use std::io::Write as _;

use super::Result;

/// Says that the test on this thread was skipped. `scripts/test.sh` shows it, and fails where it may not be: what
/// a test prints is hidden once it has passed, so it is written where that script looks too.
pub fn skip(missing: &str) -> Result {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {missing}\n", thread.name().unwrap_or("?"));
    eprint!("{line}");
    if let Some(file) = std::env::var_os("SWITCHBOARD_TEST_SKIPPED") {
        std::fs::OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())?;
    }
    Ok(())
}
