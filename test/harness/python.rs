//! Other people's libraries in Python: a script takes JSON and gives JSON.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::Result;

/// The Python that `make test` installed, with `twilio`, `standardwebhooks`, `schemathesis` and Django.
pub fn python() -> Result<String> {
    std::env::var("SWITCHBOARD_TEST_PYTHON").context("SWITCHBOARD_TEST_PYTHON is not set: run `make test`")
}

/// Runs a script that finds its input in `given` and leaves its answer in `answer`.
pub async fn run(script: &str, given: Value) -> Result<Value> {
    let (python, script) = (python()?, format!("{BEFORE}{script}{AFTER}"));
    tokio::task::spawn_blocking(move || {
        let mut child = Command::new(python)
            .args(["-c", &script])
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

/// A script that serves until it says its answer, ended when dropped, or when this process ends.
pub struct Serving(Child);

impl Serving {
    /// Starts a script that finds its input in `given` and leaves its answer in `answer`.
    pub fn start(script: &str, given: &Value) -> Result<Self> {
        let mut command = Command::new(python()?);
        command.args(["-c", &format!("{KEPT}{script}{AFTER}")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        writeln!(child.stdin.as_mut().context("no stdin")?, "{given}")?;
        Ok(Self(child))
    }

    pub async fn answer(mut self) -> Result<Value> {
        tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            self.0.stdout.take().context("no stdout")?.read_to_string(&mut text)?;
            ensure!(self.0.wait()?.success(), "the script failed");
            Ok(serde_json::from_str(&text)?)
        })
        .await?
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const KEPT: &str = "import json, os, sys, threading
given, answer = json.loads(sys.stdin.readline()), None
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
";
const BEFORE: &str = "import json, sys\ngiven = json.load(sys.stdin)\nanswer = None\n";
const AFTER: &str = "\njson.dump(answer, sys.stdout)\n";
