//! Other people's programs: their absence fails a test, with a word on how to get them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use crate::harness::{LONG, Result};

const MISSING: &str = "is missing: run the tests by `make test`, which installs what they need";

/// A program's path: what its variable names, else where PATH finds it.
pub fn program(name: &str, variable: &str) -> Result<PathBuf> {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    match named {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => bail!("{variable} names {}, which {MISSING}", path.display()),
        None => find(name),
    }
}

fn find(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} {MISSING}"))
}

/// Runs a program to its end, whatever its status.
pub async fn run(mut command: Command) -> Result<Output> {
    find(&command.get_program().to_string_lossy())?;
    let named = format!("{command:?}");
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output()).await?.context(named)
}

/// Runs a program that must succeed, and returns what it printed.
pub async fn output(command: Command) -> Result<String> {
    let named = format!("{command:?}");
    let output = run(command).await?;
    let (printed, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{named}: {}\n{printed}{told}", output.status);
    Ok(printed.into_owned())
}

/// What the one QR code in a picture says.
pub async fn read_code(picture: &[u8], ending: &str) -> Result<String> {
    let file = tempfile::Builder::new().suffix(ending).tempfile()?;
    std::fs::write(file.path(), picture)?;
    let mut command = Command::new("zbarimg");
    command.args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]).arg(file.path());
    let read = run(command).await?;
    ensure!(read.status.success(), "zbarimg finds no code in this {ending}");
    let text = String::from_utf8(read.stdout)?;
    let codes: Vec<&str> = text.lines().collect();
    ensure!(codes.len() == 1, "{} codes in one picture: {codes:?}", codes.len());
    Ok(codes.concat())
}

/// An SVG as a PNG.
pub async fn rasterised(svg: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let (from, to) = (folder.path().join("code.svg"), folder.path().join("code.png"));
    std::fs::write(&from, svg)?;
    let mut command = Command::new("rsvg-convert");
    command.arg("--output").arg(&to).arg(&from);
    output(command).await?;
    Ok(std::fs::read(to)?)
}

/// A program that goes on running, its input held open; ended when dropped.
pub struct Running {
    child: Child,
    _input: Option<ChildStdin>,
    folder: TempDir,
}

impl Running {
    pub fn start(mut command: Command) -> Result<Self> {
        if command.get_program().to_string_lossy().contains('/') {
            ensure!(Path::new(command.get_program()).is_file(), "{command:?} {MISSING}");
        } else {
            find(&command.get_program().to_string_lossy())?;
        }
        let folder = tempfile::tempdir()?;
        let printed = File::create(folder.path().join("printed"))?;
        let told = File::create(folder.path().join("told"))?;
        command.stdin(Stdio::piped()).stdout(printed).stderr(told);
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let input = child.stdin.take();
        Ok(Self { child, _input: input, folder })
    }

    /// All that it has printed up to now.
    pub fn printed(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.folder.path().join("printed"))?).into_owned())
    }

    /// Waits for what it prints to hold something.
    pub async fn prints<T>(&self, what: &str, found: impl Fn(&str) -> Option<T>) -> Result<T> {
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            if let Some(found) = found(&self.printed()?) {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let told = std::fs::read_to_string(self.folder.path().join("told"))?;
        bail!("no {what} in:\n{}{told}", self.printed()?)
    }

    /// Waits for it to end by itself, and returns all that it printed.
    pub async fn ends(&mut self) -> Result<String> {
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            if self.child.try_wait()?.is_some() {
                return self.printed();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("still running; it printed:\n{}", self.printed()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
