//! The binary run to its end, or read line by line while it runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::harness::{Builder, LONG, Result};

/// A command that should have ended by now serves instead.
const LIMIT: Duration = LONG;

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Said {
    /// What it printed, where it ended well.
    pub fn well(self) -> Result<String> {
        ensure!(self.code == Some(0), "{self:?}");
        Ok(self.out)
    }

    /// What it complained of, where it ended with 1.
    pub fn refusal(self) -> Result<String> {
        ensure!(self.code == Some(1), "{self:?}");
        Ok(self.err)
    }

    /// Everything it said, for what must not be in it.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// Runs a command to its end.
pub async fn finish(command: Command) -> Result<Said> {
    finish_with(command, b"").await
}

/// Runs a command on an input to its end; one that does not end is a failure, not a test that hangs.
pub async fn finish_with(mut command: Command, input: &[u8]) -> Result<Said> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = child.id().to_string();
    // a command that reads nothing may be gone by now; dropped, it ends the input
    let _ = child.stdin.take().context("no stdin")?.write_all(input);
    let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
    match tokio::time::timeout(LIMIT, waiting).await {
        Ok(output) => Ok(output??.into()),
        Err(_) => {
            Command::new("kill").args(["-KILL", &pid]).status()?;
            bail!("still running after {LIMIT:?}: {command:?}")
        }
    }
}

/// A command of a server's, under that server's settings.
pub async fn run(builder: &Builder, arguments: &[&str]) -> Result<Said> {
    finish(builder.command(arguments)).await
}

/// A folder of its own, where the binary runs with no settings but those a test gives it.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> Result {
        Ok(std::fs::write(self.path(name), text)?)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.current_dir(self.0.path()).args(arguments).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Result<Said> {
        finish(self.command(arguments)).await
    }

    pub async fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Said> {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        finish(command).await
    }

    /// The names of what lies here, sorted.
    pub fn files(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.0.path())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

/// A command that runs on while a test reads its lines; killed when dropped.
pub struct Live {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    errors: Option<std::thread::JoinHandle<String>>,
}

impl Live {
    pub fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("no stdout")?;
        let mut err = child.stderr.take().context("no stderr")?;
        let (line, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for text in BufReader::new(out).lines().map_while(std::result::Result::ok) {
                let _ = line.send(text);
            }
        });
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = err.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self { child, lines, errors: Some(errors) })
    }

    /// The next line of its output, `None` at the end.
    pub async fn line(&mut self) -> Result<Option<String>> {
        tokio::time::timeout(LONG, self.lines.recv()).await.context("no line")
    }

    /// Waits for its end, then tells what is left of its output.
    pub async fn ended(mut self) -> Result<Said> {
        let mut out = Vec::new();
        while let Some(line) = self.line().await? {
            out.push(line);
        }
        let errors = self.errors.take().context("no stderr")?;
        let err = tokio::task::spawn_blocking(move || errors.join()).await?;
        let status = self.child.wait()?;
        Ok(Said { code: status.code(), out: out.join("\n"), err: err.unwrap_or_default() })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
