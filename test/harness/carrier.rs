//! A carrier of our own, in a process of its own: see `test/carrier/`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Result;

#[path = "../carrier/signature.rs"]
pub mod signature;

/// The one account of every carrier here.
pub const ACCOUNT: &str = "ACc0ffee00c0ffee00c0ffee00c0ffee00";
pub const TOKEN: &str = "carrier-auth-token";

/// A running carrier; killed when dropped.
pub struct Carrier {
    child: Child,
    pub port: u16,
    pub http: reqwest::Client,
    folder: TempDir,
}

/// What the carrier wrote down of a message before it answered.
#[derive(Clone, Debug, Deserialize)]
pub struct Recorded {
    /// Its place among all, from 1.
    pub seq: u64,
    pub sid: String,
    pub arrived_ms: i64,
    pub to: String,
    pub from: Option<String>,
    pub messaging_service_sid: Option<String>,
    pub body: String,
    pub media_urls: Vec<String>,
    pub status_callback: Option<String>,
    pub other: std::collections::BTreeMap<String, String>,
    /// `accept`, or the fault that its sender met.
    pub told: String,
    pub is_listed: bool,
    pub status: String,
}

impl Carrier {
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // a second test finds it installed, which is as good
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        let (child, port) = spawn(folder.path().join("messages.jsonl"), 0).await?;
        Ok(Self { child, port, http, folder })
    }

    /// Ends the process as a power cut would.
    pub fn kill(&mut self) -> Result {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again, after a kill, on the same port and file. Its rules are gone.
    pub async fn restart(&mut self) -> Result {
        self.kill()?;
        (self.child, self.port) = spawn(self.file(), self.port).await?;
        Ok(())
    }

    /// Closes its standard input, as the end of this process would.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The base URL of its API, in place of Twilio's own.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where messages are posted and listed.
    pub fn messages_url(&self) -> String {
        format!("{}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", self.url())
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("messages.jsonl")
    }

    /// Adds a rule, such as `{"to": "+14155550100", "times": 1, "do": "cut"}` (`test/carrier/behaviour.rs`).
    pub async fn behave(&self, rule: Value) -> Result {
        self.command(Method::POST, "behaviour", Some(rule)).await.map(drop)
    }

    /// Forgets all rules.
    pub async fn clear(&self) -> Result {
        self.command(Method::DELETE, "behaviour", None).await.map(drop)
    }

    /// Sets the receipts that follow, such as `{"states": ["sent", "delivered"], "delay_ms": 50}`.
    pub async fn receipts(&self, wanted: Value) -> Result {
        self.command(Method::POST, "receipts", Some(wanted)).await.map(drop)
    }

    /// Posts one receipt now; the gateway's status.
    pub async fn receipt(&self, sid: &str, state: &str, error_code: Option<u32>) -> Result<u16> {
        let receipt = json!({ "sid": sid, "state": state, "error_code": error_code });
        status(&self.command(Method::POST, "receipt", Some(receipt)).await?)
    }

    /// Posts a message from a person, `{"url", "from", "to", "body", "sid"?, "times"?, …}`; its SID and
    /// the gateway's status each time.
    pub async fn inbound(&self, message: Value) -> Result<(String, Vec<u16>)> {
        let told = self.command(Method::POST, "inbound", Some(message)).await?;
        let sid = told["sid"].as_str().context("no sid")?.to_owned();
        let answers = told["answers"].as_array().context("no answers")?;
        Ok((sid, answers.iter().map(status).collect::<Result<_>>()?))
    }

    /// What it accepted, in the order of arrival: all, or what went to one number.
    pub async fn messages(&self, to: Option<&str>) -> Result<Vec<Recorded>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(to.map(|to| ("to", to)));
        let path = format!("messages?{}", query.finish());
        Ok(serde_json::from_value(self.command(Method::GET, &path, None).await?)?)
    }

    /// The same from its file, whether it runs or not.
    pub fn recorded(&self) -> Result<Vec<Recorded>> {
        let text = std::fs::read_to_string(self.file())?;
        // a line without its end was never answered
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        Ok(whole.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?)
    }

    /// `{"recorded", "syncs", "in_flight", "in_flight_most", "counts": {…}}`.
    pub async fn stats(&self) -> Result<Value> {
        self.command(Method::GET, "stats", None).await
    }

    async fn command(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}/carrier/{path}", self.url()));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let is_done = response.status() == 200;
        let told: Value = response.json().await?;
        ensure!(is_done, "carrier: {path}: {told}");
        Ok(told)
    }
}

fn status(answer: &Value) -> Result<u16> {
    let status = answer["status"].as_u64().with_context(|| format!("no answer came: {answer}"))?;
    Ok(u16::try_from(status)?)
}

async fn spawn(file: PathBuf, port: u16) -> Result<(Child, u16)> {
    // beside the folder of this very program
    let here = std::env::current_exe()?;
    let program = here.ancestors().nth(2).context("no target folder")?.join("examples/carrier");
    ensure!(program.exists(), "{} is missing: cargo build --example carrier", program.display());
    let mut child = Command::new(program)
        .args(["--until-stdin-closes", "--account", ACCOUNT, "--token", TOKEN])
        .args(["--listen", &format!("127.0.0.1:{port}"), "--file"])
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("no stdout")?;
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map(|_| line)
    });
    let line = line.await??;
    let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
    Ok((child, port.with_context(|| format!("the carrier did not start: {line:?}"))?))
}

impl Drop for Carrier {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
