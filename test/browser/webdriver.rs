//! A small client of the W3C WebDriver protocol: one chromedriver and one headless Chromium each.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::tool::{self, Running};
use crate::harness::{LONG, Result};

/// Quiet, alone, and the same on every machine.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-extensions",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--window-size=1000,900",
];

/// The key of an element reference (WebDriver, section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How often a driver is started before it is given up.
const STARTS: usize = 5;

/// A browser with a profile of its own; it ends when dropped.
pub struct Browser {
    http: reqwest::Client,
    port: u16,
    session: String,
    chromium: Option<u64>,
    /// Ends after the session is closed, and before its profile is removed.
    _driver: Running,
    _profile: TempDir,
}

/// A driver and its port. It chooses one that is free for one family of addresses: where that is taken for the other, it
/// gives up, and another is started.
async fn driver() -> Result<(Running, u16)> {
    for _ in 0..STARTS {
        let mut command = Command::new(tool::program("chromedriver", "CHROMEDRIVER")?);
        command.arg("--port=0");
        let driver = Running::start(command)?;
        let port = driver.prints("port", |text| {
            if text.contains("port not available") {
                return Some(None);
            }
            let (_, rest) = text.split_once("successfully on port ")?;
            rest.split_once('.')?.0.parse::<u16>().ok().map(Some)
        });
        if let Some(port) = port.await? {
            return Ok((driver, port));
        }
    }
    bail!("no port was free in {STARTS} starts")
}

impl Browser {
    pub async fn open() -> Result<Self> {
        let (driver, port) = driver().await?;
        // a second test finds it installed, which is as good
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(LONG).no_proxy().build()?;
        let profile = tempfile::tempdir()?;
        let mut flags = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {"binary": tool::program("chromium", "CHROMIUM")?, "args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let answer = answer(http.post(format!("http://127.0.0.1:{port}/session")).json(&wanted)).await?;
        let session = answer["sessionId"].as_str().context("no session")?.to_owned();
        let chromium = answer["capabilities"]["goog:processID"].as_u64();
        Ok(Self { http, port, session, chromium, _driver: driver, _profile: profile })
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/session/{}/{path}", self.port, self.session)
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        answer(self.http.post(self.url(path)).json(&body)).await
    }

    async fn ask(&self, path: &str) -> Result<Value> {
        answer(self.http.get(self.url(path))).await
    }

    /// Opens an address and waits until its page has loaded.
    pub async fn go(&self, url: &str) -> Result {
        self.post("url", json!({"url": url})).await?;
        Ok(())
    }

    /// Runs a function body in the page and returns what it returns.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.run_with(script, json!([])).await
    }

    pub async fn run_with(&self, script: &str, arguments: Value) -> Result<Value> {
        self.post("execute/sync", json!({"script": script, "args": arguments})).await
    }

    /// Runs a script in every page before its own.
    pub async fn run_first(&self, script: &str) -> Result {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await?;
        Ok(())
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.post("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    async fn element(&self, selector: &str) -> Result<String> {
        let found = self.post("element", json!({"using": "css selector", "value": selector})).await?;
        Ok(found[ELEMENT].as_str().context("no element")?.to_owned())
    }

    /// Clicks as a person would: what is hidden or covered is an error.
    pub async fn click(&self, selector: &str) -> Result {
        let element = self.element(selector).await?;
        self.post(&format!("element/{element}/click"), json!({})).await?;
        Ok(())
    }

    /// What assistive technology is told of an element: its role and its name.
    pub async fn role_and_name(&self, selector: &str) -> Result<(String, String)> {
        let element = self.element(selector).await?;
        let role = self.ask(&format!("element/{element}/computedrole")).await?;
        let name = self.ask(&format!("element/{element}/computedlabel")).await?;
        Ok((role.as_str().context("no role")?.to_owned(), name.as_str().context("no name")?.to_owned()))
    }

    /// What of the page is in view, as PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        let picture = self.ask("screenshot").await?;
        Ok(STANDARD.decode(picture.as_str().context("no picture")?)?)
    }

    /// A screen of this size with one dot a pixel; desktop windows cannot be so narrow.
    pub async fn be_phone(&self, width: u32, height: u32) -> Result {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": true});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await?;
        Ok(())
    }

    /// A person who prefers dark pages.
    pub async fn be_dark(&self) -> Result {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
        self.devtools("Emulation.setEmulatedMedia", features).await?;
        Ok(())
    }

    /// What the page and the browser wrote to the console since the last look.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.post("se/log", json!({"type": "browser"})).await?;
        let entries = entries.as_array().context("no log")?;
        Ok(entries.iter().map(|entry| format!("{} {}", entry["level"], entry["message"])).collect())
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value> {
    let mut answer: Value = request.send().await?.json().await?;
    let value = answer["value"].take();
    if let Some(error) = value["error"].as_str() {
        bail!("{error}: {}", value["message"].as_str().unwrap_or_default());
    }
    Ok(value)
}

impl Drop for Browser {
    /// Closes the session, so that Chromium ends by itself: without its driver it would stay.
    fn drop(&mut self) {
        if close(self.port, &self.session).is_err()
            && let Some(pid) = self.chromium
        {
            let _ = Command::new("kill").arg("-KILL").arg(pid.to_string()).status();
        }
    }
}

/// By hand, as a destructor cannot wait for a client that needs a runtime.
fn close(port: u16, session: &str) -> Result {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )?;
    let mut reply = [0; 12];
    stream.read_exact(&mut reply)?;
    anyhow::ensure!(reply.ends_with(b"200"), "not closed");
    Ok(())
}
