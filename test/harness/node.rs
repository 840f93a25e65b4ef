//! Other people's libraries in Node: a script takes JSON and gives JSON.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::Result;

/// Runs a script that finds its input in `given` and leaves its answer in `answer`; it may await. `require` finds
/// the packages that `make test` installed: `twilio`.
pub async fn run(script: &str, given: Value) -> Result<Value> {
    let modules = std::env::var("SWITCHBOARD_TEST_TWILIO_NODE");
    let modules = modules.context("SWITCHBOARD_TEST_TWILIO_NODE is not set: run `make test`")?;
    let script = format!("{BEFORE}{script}{AFTER}");
    tokio::task::spawn_blocking(move || {
        let mut child = Command::new("node")
            .args(["-e", &script])
            .env("NODE_PATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // all of it is read before anything is written; a script that failed first says so below
        let _ = child.stdin.take().context("no stdin")?.write_all(given.to_string().as_bytes());
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "the script failed:\n{}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    })
    .await?
}

const BEFORE: &str = "
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
let answer = null;
(async () => {
";
const AFTER: &str = "
})().then(() => process.stdout.write(JSON.stringify(answer)), (error) => { console.error(error); process.exit(1); });
";
