//! A Twilio that nobody here wrote: Prism, answering from Twilio's own OpenAPI description.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Result;
use super::port::free_port;
use super::server::root;
use super::skip::skip;

/// A running Prism; ended when dropped. A request that the description does not allow is answered 422
/// with the reasons under `validation`, one without credentials 401.
pub struct Prism {
    child: Child,
    pub port: u16,
    folder: TempDir,
}

/// Where Twilio's own description is, beside the repository.
const DESCRIPTION: &str = "../shared/specs/twilio_api_v2010_messages_calls.json";
const PROXY: &str = "../shared/specs/twilio_proxy_v1.json";
const VERIFY: &str = "../shared/specs/twilio_verify_v2_codes.json";

fn described(file: &str) -> Result<Option<Value>> {
    let path = root().join(file);
    if !path.exists() {
        skip(file)?;
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&std::fs::read(path)?)?))
}

/// Ends a command when its standard input ends, so that nothing is left over where the test was killed.
pub(super) const KEEPER: &str = r#""$@" & cat >/dev/null; kill $!; wait $!"#;

impl Prism {
    /// `None` where the description is not beside the repository; the caller's test says so and passes.
    pub async fn start() -> Result<Option<Self>> {
        let Some(description) = Self::description()? else { return Ok(None) };
        let prism = std::env::var("SWITCHBOARD_TEST_PRISM").context("SWITCHBOARD_TEST_PRISM: run `make test`")?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("twilio.json");
        std::fs::write(&file, answerable(description).to_string())?;
        let port = free_port()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = Command::new("sh")
            .args(["-c", KEEPER, "sh", &prism, "mock", "--errors", "--host", "127.0.0.1", "--port"])
            .arg(port.to_string())
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut prism = Self { child, port, folder };
        prism.await_ready().await?;
        Ok(Some(prism))
    }

    /// Twilio's own description.
    pub fn description() -> Result<Option<Value>> {
        described(DESCRIPTION)
    }

    /// The same of its Proxy.
    pub fn proxy_description() -> Result<Option<Value>> {
        described(PROXY)
    }

    /// The same of its Verify, as far as it is about codes.
    pub fn verify_description() -> Result<Option<Value>> {
        described(VERIFY)
    }

    async fn await_ready(&mut self) -> Result {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("Prism did not start:\n{}", self.log()?)
    }

    /// The base URL of its API, in place of Twilio's own.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Each request it got and what it found wrong with it.
    pub fn log(&self) -> Result<String> {
        let path: PathBuf = self.folder.path().join("log");
        Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
    }
}

/// Drops a format that Twilio's own lists break (`…_uri` is a path there), or Prism would not answer them, and writes
/// OpenAPI's default for lists in forms out (a repeated name), which Prism does not know. It looks at the last only.
fn answerable(mut description: Value) -> Value {
    let mut open = vec![&mut description];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if fields.get("format").is_some_and(|format| format == "uri") {
                    fields.remove("format");
                }
                if let Some(form) = fields.get_mut("application/x-www-form-urlencoded") {
                    spell_lists_out(form);
                }
                open.extend(fields.values_mut());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    description
}

fn spell_lists_out(form: &mut Value) {
    let properties = form["schema"]["properties"].as_object().into_iter().flatten();
    let lists = properties.filter(|(_, schema)| schema["type"] == "array");
    let encoding = lists.map(|(name, _)| (name.clone(), json!({ "style": "form", "explode": true }))).collect();
    form["encoding"] = Value::Object(encoding);
}

impl Drop for Prism {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
