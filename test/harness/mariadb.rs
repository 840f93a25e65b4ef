//! MariaDB servers of a test's own, to be broken: alone, a writer with its replica, or a Galera cluster.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use mysql_async::prelude::Queryable as _;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::database::execute;
use super::port::free_port;
use super::{Result, until};

/// A schema that the plain user may do all in.
pub const SCHEMA: &str = "sb_test";

/// `plain` has no rights on the server itself: read-only holds for it.
const USERS: &str = "FLUSH PRIVILEGES;
CREATE OR REPLACE USER 'root'@'127.0.0.1' IDENTIFIED BY 'test';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
CREATE OR REPLACE USER 'plain'@'127.0.0.1' IDENTIFIED BY 'test';
GRANT ALL PRIVILEGES ON `sb\\_test%`.* TO 'plain'@'127.0.0.1';
CREATE DATABASE sb_test;
";

const SMALL: [&str; 7] = [
    "--innodb-log-file-size=8M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-autoextend-increment=1",
    "--innodb-buffer-pool-size=32M",
    "--performance-schema=OFF",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
];

const GALERA: &str = "/usr/lib/galera/libgalera_smm.so";

/// Nodes begin as copies of one: what has happened since comes from the others by itself.
const TRANSFER: &str = "#!/bin/sh
at=$(dirname \"$0\")
position=$(awk '/^uuid/ { uuid = $2 } /^seqno/ { print uuid \":\" $2 }' \"$at/position\")
case \"$*\" in
    *joiner*) echo \"ready 127.0.0.1:1/none\"; echo \"$position\" ;;
    *) echo continue; echo \"done $position\" ;;
esac
";

/// A server; killed when dropped.
pub struct Mariadb {
    pub port: u16,
    child: Child,
    folder: TempDir,
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin")).arg("--no-defaults");
    // it refuses to be root unless it is told to
    if std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0) {
        command.arg("--user=root");
    }
    command.args(SMALL).stdin(Stdio::null());
    command
}

/// A data folder that others are copied from; it stays with the build, for the next run.
async fn template() -> Result<PathBuf> {
    static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
    let make = async || {
        let version = program("mariadbd").arg("--version").output().context("mariadbd")?.stdout;
        let mut hash = DefaultHasher::new();
        (version, USERS, SMALL).hash(&mut hash);
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mariadb-{:016x}", hash.finish()));
        if made.exists() {
            return anyhow::Ok(made);
        }
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let (users, data) = (folder.path().join("users.sql"), folder.path().join("data"));
        std::fs::write(&users, USERS)?;
        let mut install = program("mariadb-install-db");
        install.args(["--skip-test-db", "--auth-root-authentication-method=normal"]);
        install.arg(format!("--datadir={}", data.display())).arg(format!("--extra-file={}", users.display()));
        let done = tokio::task::spawn_blocking(move || install.output()).await??;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        // another process may have been quicker
        ensure!(std::fs::rename(&data, &made).is_ok() || made.exists(), "no data folder");
        Ok(made)
    };
    TEMPLATE.get_or_try_init(make).await.cloned()
}

fn copy(from: &Path, to: &Path) -> Result {
    std::fs::create_dir_all(to)?;
    let copied = Command::new("cp").arg("-r").arg(from.join(".")).arg(to).status()?;
    ensure!(copied.success(), "cp");
    Ok(())
}

impl Mariadb {
    /// A server with further settings.
    pub async fn start(settings: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        copy(&template().await?, &folder.path().join("data"))?;
        let server = Self::launch(folder, settings)?;
        server.answers().await?;
        Ok(server)
    }

    fn launch(folder: TempDir, settings: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let data: PathBuf = folder.path().join("data");
        let path = std::env::var("PATH").unwrap_or_default();
        let child = program("mariadbd")
            .env("PATH", format!("{path}:/usr/sbin:{}", data.display()))
            .arg(format!("--datadir={}", data.display()))
            .args(["--socket=socket", &format!("--port={port}")])
            .args(settings)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("mariadbd")?;
        Ok(Self { port, child, folder })
    }

    async fn answers(&self) -> Result {
        let answers = async || Ok(self.run("SELECT 1").await.is_ok().then_some(()));
        let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        until("a MariaDB that answers", answers).await.with_context(log)
    }

    fn root(&self) -> String {
        format!("mysql://root:test@127.0.0.1:{}", self.port)
    }

    /// As the server's own administrator.
    pub async fn run(&self, sql: &str) -> Result {
        execute(&self.root(), sql).await
    }

    /// The second column of the first row.
    pub async fn status(&self, sql: &str) -> Result<String> {
        let mut connection = mysql_async::Conn::from_url(self.root()).await?;
        let found: Option<(String, String)> = connection.query_first(sql).await?;
        connection.disconnect().await?;
        Ok(found.context("nothing")?.1)
    }

    /// Where a server of ours keeps its store, through a port that leads here.
    pub fn store_at(port: u16) -> String {
        format!("mysql://plain:test@127.0.0.1:{port}/{SCHEMA}")
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) -> Result {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A writer, and another server that takes over what it writes; read-only until it is told otherwise.
pub async fn pair() -> Result<(Mariadb, Mariadb)> {
    let logged = ["--log-bin=log", "--server-id=1", "--binlog-format=ROW"];
    let writer = Mariadb::start(&logged).await?;
    let replica =
        Mariadb::start(&[&logged[..1], &["--server-id=2", "--log-slave-updates", "--read-only"]].concat()).await?;
    let follow = format!(
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = 'root', MASTER_PASSWORD = 'test', \
         MASTER_USE_GTID = slave_pos",
        writer.port
    );
    replica.run(&follow).await?;
    replica.run("START SLAVE").await?;
    Ok((writer, replica))
}

/// Three nodes that all write.
pub async fn galera() -> Result<[Mariadb; 3]> {
    ensure!(Path::new(GALERA).exists(), "{GALERA} is missing: run `make test`");
    let ports = [free_port()?, free_port()?, free_port()?];
    // the first run gives the data a position in the cluster's history
    let first = tempfile::tempdir()?;
    let data = first.path().join("data");
    copy(&template().await?, &data)?;
    let one = node(first, ports, 0, true)?;
    synced(&one).await?;
    // it is gone before it has said good-bye
    let _ = one.run("SHUTDOWN").await;
    let mut one = one;
    tokio::task::block_in_place(|| one.child.wait())?;
    let _ = std::fs::remove_file(data.join("galera.cache"));
    // where the script finds the position that all begin at: a server overwrites its own file
    std::fs::copy(data.join("grastate.dat"), data.join("position"))?;
    let transfer = data.join("wsrep_sst_ours");
    std::fs::write(&transfer, TRANSFER)?;
    std::fs::set_permissions(&transfer, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let mut nodes = Vec::new();
    for number in 0..3 {
        let folder = tempfile::tempdir()?;
        copy(&data, &folder.path().join("data"))?;
        nodes.push(node(folder, ports, number, number == 0)?);
    }
    for node in &nodes {
        synced(node).await?;
    }
    nodes.try_into().ok().context("three nodes")
}

fn node(folder: TempDir, ports: [u16; 3], number: usize, is_first: bool) -> Result<Mariadb> {
    let [here, transfer] = [ports[number], free_port()?];
    let all = ports.map(|port| format!("127.0.0.1:{port}")).join(",");
    let options = format!(
        "base_host=127.0.0.1;base_port={here};gmcast.listen_addr=tcp://127.0.0.1:{here};\
         ist.recv_addr=127.0.0.1:{transfer};gcache.size=16M"
    );
    let mut settings = vec![
        "--wsrep-on=ON".to_owned(),
        format!("--wsrep-provider={GALERA}"),
        format!("--wsrep-cluster-address=gcomm://{all}"),
        format!("--wsrep-node-address=127.0.0.1:{here}"),
        format!("--wsrep-provider-options={options}"),
        "--wsrep-sst-method=ours".to_owned(),
        "--wsrep-slave-threads=2".to_owned(),
        "--binlog-format=ROW".to_owned(),
        "--innodb-autoinc-lock-mode=2".to_owned(),
        // a node dies with its disk unflushed: the others have what it had
        "--innodb-flush-log-at-trx-commit=2".to_owned(),
    ];
    if is_first {
        settings.push("--wsrep-new-cluster".to_owned());
    }
    Mariadb::launch(folder, &settings.iter().map(String::as_str).collect::<Vec<_>>())
}

async fn synced(node: &Mariadb) -> Result {
    let is_synced = async || {
        let state = node.status("SHOW STATUS LIKE 'wsrep_local_state_comment'").await;
        Ok(state.is_ok_and(|state| state == "Synced").then_some(()))
    };
    let log = || std::fs::read_to_string(node.folder.path().join("log")).unwrap_or_default();
    until("a Galera node that is synced", is_synced).await.with_context(log)
}
