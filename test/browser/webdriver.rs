//! A browser for a test: one chromedriver and one headless Chromium each, driven by fantoccini.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

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

/// How often a driver is started before it is given up.
const STARTS: usize = 5;

/// A browser with a profile of its own; it ends when dropped.
pub struct Browser {
    client: Client,
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
        let profile = tempfile::tempdir()?;
        let mut flags = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted: Capabilities = serde_json::from_value(json!({
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {"binary": tool::program("chromium", "CHROMIUM")?, "args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
            // a page that draws for long answers no question meanwhile: the test's own patience decides
            "timeouts": {"script": LONG.as_millis(), "pageLoad": LONG.as_millis()},
        }))?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(wanted);
        let client = within(builder.connect(&format!("http://127.0.0.1:{port}/"))).await?;
        let begun = client.session_creation_response().context("no session")?;
        let session = begun.session_id().to_owned();
        let chromium = begun.capabilities().and_then(|found| found.get("goog:processID")?.as_u64());
        Ok(Self { client, port, session, chromium, _driver: driver, _profile: profile })
    }

    async fn issue(&self, path: String, body: Option<Value>) -> Result<Value> {
        within(self.client.issue_cmd(Extra { path, body })).await
    }

    /// Opens an address and waits until its page has loaded.
    pub async fn go(&self, url: &str) -> Result {
        within(self.client.goto(url)).await
    }

    /// Runs a function body in the page and returns what it returns.
    pub async fn run(&self, script: &str) -> Result<Value> {
        within(self.client.execute(script, Vec::new())).await
    }

    pub async fn run_with(&self, script: &str, arguments: Value) -> Result<Value> {
        within(self.client.execute(script, serde_json::from_value(arguments)?)).await
    }

    /// Runs a script in every page before its own.
    pub async fn run_first(&self, script: &str) -> Result {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await?;
        Ok(())
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.issue("goog/cdp/execute".to_owned(), Some(json!({"cmd": command, "params": parameters}))).await
    }

    async fn element(&self, selector: &str) -> Result<Element> {
        within(self.client.find(Locator::Css(selector))).await
    }

    /// Clicks as a person would: what is hidden or covered is an error.
    pub async fn click(&self, selector: &str) -> Result {
        within(self.element(selector).await?.click()).await
    }

    /// What assistive technology is told of an element: its role and its name.
    pub async fn role_and_name(&self, selector: &str) -> Result<(String, String)> {
        let element = self.element(selector).await?.element_id();
        let role = self.issue(format!("element/{}/computedrole", &*element), None).await?;
        let name = self.issue(format!("element/{}/computedlabel", &*element), None).await?;
        Ok((role.as_str().context("no role")?.to_owned(), name.as_str().context("no name")?.to_owned()))
    }

    /// What of the page is in view, as PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        within(self.client.screenshot()).await
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
        let entries = self.issue("se/log".to_owned(), Some(json!({"type": "browser"}))).await?;
        let entries = entries.as_array().context("no log")?;
        Ok(entries.iter().map(|entry| format!("{} {}", entry["level"], entry["message"])).collect())
    }
}

/// A command that only Chromium's driver knows, or not yet the client.
#[derive(Debug)]
struct Extra {
    path: String,
    /// Posted; what has none is asked for.
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, driver: &Url, session: Option<&str>) -> std::result::Result<Url, ParseError> {
        driver.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let method = if self.body.is_some() { Method::POST } else { Method::GET };
        (method, self.body.as_ref().map(Value::to_string))
    }
}

/// The client waits for ever for a browser that has stopped.
async fn within<T, E>(work: impl Future<Output = std::result::Result<T, E>>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    Ok(tokio::time::timeout(LONG, work).await??)
}

impl Drop for Browser {
    /// Closes the session, so that Chromium ends by itself: without its driver it would stay. The client closes it too
    /// when it is dropped, but in a task that ends with its test.
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
