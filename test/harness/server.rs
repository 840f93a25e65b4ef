//! One server process: the built binary, with databases, keys and port of its own.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use switchboard::crypto::ServerPrivateKey;
use switchboard::store::Value;
use tempfile::TempDir;

use super::database::Databases;
use super::port::free_port;
use super::{LONG, Layout, Result, forgotten, identity};

/// The administrator's key of every server here.
pub const ADMIN: &str = "test-admin-token";

/// What outlives a server process: its databases and its folder with keys and logs.
pub struct Home {
    pub databases: Databases,
    pub folder: TempDir,
}

impl Home {
    pub async fn make(layout: Layout) -> Result<Arc<Self>> {
        let folder = tempfile::tempdir()?;
        let databases = Databases::make(layout, folder.path()).await?;
        Ok(Arc::new(Self { databases, folder }))
    }
}

/// How a server is to be started.
#[derive(Clone)]
pub struct Builder {
    home: Arc<Home>,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    is_dev: bool,
    users: usize,
    /// What a shell does before it becomes the server.
    before: Option<&'static str>,
}

impl Builder {
    /// A server that does not exist yet, its databases empty.
    pub async fn new(layout: Layout) -> Result<Self> {
        Ok(Self::at(Home::make(layout).await?))
    }

    /// A server over a database that is there already.
    pub fn over(url: &str) -> Result<Self> {
        let home = Home { databases: Databases::over(url), folder: tempfile::tempdir()? };
        Ok(Self::at(Arc::new(home)))
    }

    /// Another node over the same databases and keys.
    pub fn at(home: Arc<Home>) -> Self {
        let settings = [("http.requests_per_address", "0"), ("admin.token", ADMIN), ("log.level", "debug")];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        Self { home, settings, environment: Vec::new(), is_dev: false, users: 0, before: None }
    }

    #[must_use]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    /// Without a setting of those that every server here has.
    #[must_use]
    pub fn unset(mut self, key: &str) -> Self {
        self.settings.retain(|(known, _)| known != key);
        self
    }

    /// An environment variable of the server process.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn dev(mut self) -> Self {
        self.is_dev = true;
        self
    }

    /// So many users `load-000001`… besides 111.
    #[must_use]
    pub fn users(mut self, users: usize) -> Self {
        self.users = users;
        self
    }

    /// A line of shell that runs before the server, in its process.
    #[must_use]
    pub fn before(mut self, line: &'static str) -> Self {
        self.before = Some(line);
        self
    }

    pub fn home(&self) -> Arc<Home> {
        self.home.clone()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.folder.path().join(name)
    }

    /// The command line of this server's settings, for any of its commands.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let server = env!("CARGO_BIN_EXE_switchboard");
        let mut command = Command::new(if self.before.is_some() { "sh" } else { server });
        if let Some(line) = self.before {
            command.arg("-c").arg(format!("{line}; exec \"$0\" \"$@\"")).arg(server);
        }
        let databases = &self.home.databases;
        command
            .current_dir(self.home.folder.path())
            .args(arguments)
            .arg("--set")
            .arg(format!("store.url={}", databases.store_url))
            .arg("--set")
            .arg(format!("backend.url={}", databases.backend_url))
            .arg("--set")
            .arg(format!("keys.dir={}", self.path("keys").display()))
            .stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SWITCHBOARD_")) {
            command.env_remove(name);
        }
        for (key, value) in &self.settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = self.command(arguments);
        Ok(tokio::task::spawn_blocking(move || command.output()).await??)
    }

    /// Fills the user database and starts serving, with the key of all servers here unless it names one.
    pub async fn start(self) -> Result<Server> {
        if !self.settings.iter().any(|(key, _)| key == "sync.private_key" || key == "tls.key") {
            identity::put(&self.path("keys"))?;
        }
        let users = self.users.to_string();
        let seeded = self.run(&["seed", "--users", &users]).await?;
        ensure!(seeded.status.success(), "seed: {}", String::from_utf8_lossy(&seeded.stderr));
        self.start_unseeded().await
    }

    pub async fn start_unseeded(self) -> Result<Server> {
        let port = free_port()?;
        Server::spawn(self, port).await
    }
}

/// A running server; killed when dropped, and its test fails where a job was forgotten.
pub struct Server {
    builder: Builder,
    child: Child,
    pub port: u16,
    pub http: reqwest::Client,
    log: PathBuf,
}

impl Server {
    /// The usual server of a test.
    pub async fn start(layout: Layout) -> Result<Self> {
        Builder::new(layout).await?.start().await
    }

    async fn spawn(builder: Builder, port: u16) -> Result<Self> {
        let log = builder.path(&format!("server-{port}.log"));
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let listen = format!("127.0.0.1:{port}");
        let mut arguments = vec!["serve", "--listen", &listen];
        if builder.is_dev {
            arguments.push("--dev");
        }
        let mut command = builder.command(&arguments);
        let child = command.stdout(file.try_clone()?).stderr(file).spawn()?;
        // a second test finds it installed, which is as good
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(LONG).redirect(reqwest::redirect::Policy::none()).build()?;
        let mut server = Self { builder, child, port, http, log };
        server.await_ready().await?;
        Ok(server)
    }

    async fn await_ready(&mut self) -> Result {
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the server ended with {status}:\n{}", self.log()?);
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("the server did not start:\n{}", self.log()?)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn socket_url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }

    pub fn home(&self) -> Arc<Home> {
        self.builder.home()
    }

    pub fn builder(&self) -> &Builder {
        &self.builder
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that the server has logged.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }

    /// A fresh session id of a user.
    pub async fn sid(&self, user: &str) -> Result<String> {
        let response = self.http.get(self.url(&format!("/v2/sync/users/{user}"))).send().await?;
        ensure!(response.status() == 200, "{}", response.status());
        let url = response.text().await?;
        Ok(url.rsplit('/').next().context("no sid")?.to_owned())
    }

    /// Posts a body and returns status and answer.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Result<(u16, String)> {
        let response = self.http.post(self.url(path)).body(body).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// The public key that phones encrypt to.
    pub fn public_pem(&self) -> Result<String> {
        let pem = std::fs::read(self.builder.path("keys/identity.pem"))?;
        Ok(ServerPrivateKey::from_pem(&pem)?.public_pem().to_owned())
    }

    /// What a query on the store finds, as text; ids and hashes in hex.
    pub async fn rows(&self, sql: impl Into<Cow<'static, str>>) -> Result<Vec<Vec<String>>> {
        let rows = self.home().databases.store()?.query(sql, Vec::new()).await?;
        Ok(rows.into_iter().map(|row| row.0.iter().map(text).collect()).collect())
    }

    /// The shared key fingerprints of all live devices, oldest first.
    pub async fn fingerprints(&self) -> Result<Vec<String>> {
        let sql = "SELECT fingerprint FROM sb_device WHERE revoked_ms IS NULL ORDER BY id";
        Ok(self.rows(sql).await?.concat())
    }

    /// Ends the process as a power cut would.
    pub fn kill(&mut self) -> Result {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal such as `TERM`, `STOP` or `CONT`.
    pub fn signal(&self, name: &str) -> Result {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status()?;
        ensure!(sent.success(), "kill -{name}");
        Ok(())
    }

    /// Waits for the process to end by itself, and says how.
    pub async fn ended(&mut self, within: Duration) -> Result<std::process::ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(begun.elapsed() < within, "still running after {within:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the same server again, on the same port.
    pub async fn restart(mut self) -> Result<Self> {
        self.kill()?;
        Self::spawn(self.builder.clone(), self.port).await
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Int(int) => int.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) if is_key(bytes) => hex::encode(bytes),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Whether bytes, which a server calls text too, are an id, a hash or an owner.
fn is_key(bytes: &[u8]) -> bool {
    let is_text = std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(char::is_control));
    matches!(bytes.len(), 8 | 16 | 32) && !is_text
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log().unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("--- the server's last words, newest first ---\n{}", last.join("\n"));
        } else if cfg!(test) {
            // a benchmark's store is too large to look through
            forgotten::assert_none(&self.builder.home.databases.store_url);
        }
    }
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
