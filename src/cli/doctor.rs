//! `switchboard doctor`: looks at everything that a start depends on, and says how to mend it.

mod account;
mod finding;
mod rights;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use self::finding::Findings;
use super::CommandResult;
use crate::config::Config;
use crate::gateway::keyring::{self, ServerKeyring};
use crate::gateway::{self, StoreAndUserDatabase, UserDatabaseAccess};
use crate::model::{Clock, Secret};
use crate::store::{Error, Metrics, Store, StoreUrl, backend};

/// Check configuration, keys, store, user database, clock and limits; say how to mend what is wrong
///
/// Exits 1 when something keeps the server from serving.
#[derive(Args)]
pub(super) struct DoctorCommand {
    /// For a script
    #[arg(long)]
    json: bool,
}

impl DoctorCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let mut findings = Findings::default();
        // a configuration that does not load never gets here
        findings.good("configuration", "every setting is known and has a good value");
        check_address(&config, &mut findings);
        let keys = check_keys(&config, &mut findings);
        rights::check(&config, &mut findings);
        check_stores(&config, keys.as_ref(), &mut findings).await;
        check_redis(&config, &mut findings).await;
        check_files(&config, &mut findings);
        findings.print(self.json);
        Ok(if findings.is_bad() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn check_address(config: &Config, findings: &mut Findings) {
    match gateway::origin(config) {
        Err(error) => findings.bad("public address", error, "set http.public_url to what phones can reach"),
        Ok(origin) if config.http.public_url.is_empty() => {
            let advice = "right for this machine alone; set http.public_url before phones are to reach it";
            findings.careful("public address", origin, advice);
        }
        Ok(origin) => findings.good("public address", origin),
    }
    if let Err(error) = config.tls.acceptor() {
        findings.bad("TLS", error, "give a certificate chain and its key, both PEM");
    }
    if config.admin.token.is_empty() {
        let advice = "set admin.token (such as from `openssl rand -hex 32`) to use /v1 and /metrics";
        findings.careful("administrator", "no key is set: those paths answer 401", advice);
    } else {
        findings.good("administrator", "a key is set");
    }
}

const NO_BACKEND: &str = "point backend.url at the user database, or `switchboard seed` for a sample";

/// The embedded file of a URL where it does not exist: a look must not make it.
fn missing_file(url: &StoreUrl) -> Option<&Path> {
    match url {
        StoreUrl::Sqlite(path) if !path.exists() => Some(path),
        _ => None,
    }
}

/// Whether a file could be made there: its nearest folder that exists can be written.
fn can_be_made(path: &Path) -> bool {
    let folder =
        path.ancestors().skip(1).map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let nearest = folder.into_iter().find_map(|folder| std::fs::metadata(folder).ok());
    nearest.is_some_and(|meta| meta.is_dir() && !meta.permissions().readonly())
}

async fn check_stores(config: &Config, keys: Option<&ServerKeyring>, findings: &mut Findings) {
    if let Some(path) = missing_file(&config.store.url) {
        let found = format!("{} is not there yet", config.store.url);
        if can_be_made(path) {
            let advice = "the first start makes it; `switchboard seed` fills it with sample users";
            return findings.careful("store", found, advice);
        }
        return findings.bad("store", found, "set store.url to a place that can be written");
    }
    let mut config = config.clone();
    let backend: Option<StoreUrl> = config.backend.url.expose().parse().ok();
    let missing = backend.filter(|url| missing_file(url).is_some());
    let backend_is_missing = missing.is_some();
    if let Some(url) = missing {
        findings.bad("user database", format!("{url} is not there"), NO_BACKEND);
        config.backend.url = Secret::default();
    }
    match gateway::open(&config, UserDatabaseAccess::Read, &Metrics::default()) {
        Ok(databases) => {
            check_store(&config, &databases, keys, findings).await;
            if !backend_is_missing {
                check_backend(&config, &databases.backend, findings).await;
            }
        }
        Err(error) => findings.bad("store", error, "set store.url to a place that can be written"),
    }
}

fn check_keys(config: &Config, findings: &mut Findings) -> Option<ServerKeyring> {
    if keyring::uses_own_identity(config) && !ServerKeyring::exists(config) {
        findings.careful("keys", "not made yet", "the first start makes them, or `switchboard keys generate`");
        return None;
    }
    let keys = match ServerKeyring::open(config) {
        Ok(keys) => keys,
        Err(error) => {
            findings.bad("keys", error, "see keys/README.md; `switchboard keys generate` makes missing ones");
            return None;
        }
    };
    findings
        .good("identity", format!("{} ({})", keys.identity_path.display(), keys.identities.current().fingerprint()));
    findings.good("master key", format!("{} ({})", keys.master_origin, keys.master.fingerprint()));
    for path in [keys.identity_path.clone(), config.keys.dir.join("master.key")] {
        if keyring::is_open_to_others(&path) == Some(true) {
            let found = format!("others may read {}", path.display());
            findings.careful("key files", found, format!("chmod 600 {}", path.display()));
        }
    }
    Some(keys)
}

async fn check_store(
    config: &Config,
    databases: &StoreAndUserDatabase,
    keys: Option<&ServerKeyring>,
    findings: &mut Findings,
) {
    let url = config.store.url.to_string();
    if let Err(error) = databases.store.ping().await {
        return findings.bad("store", format!("{url}: {error}"), "start the database, or mend store.url");
    }
    findings.good("store", &url);
    if let Err(error @ Error::TooOld) = databases.store.check_age().await {
        return findings.bad("schema", error, "name an empty one in store.url");
    }
    match databases.store.has_table("sb_device").await {
        Ok(true) => {
            if let Some(keys) = keys {
                match keys.compare_store(&databases.store).await {
                    Ok(()) => findings.good("store's keys", "the store was written under these keys"),
                    Err(error) => findings.bad("store's keys", error, "the message says what to copy"),
                }
            }
        }
        Ok(false) => {
            findings.careful("schema", "the store has no tables yet", "`switchboard migrate`, or just `serve`");
        }
        Err(error) => findings.bad("schema", error, "give the store's user rights on its database"),
    }
    account::check(&databases.store, findings).await;
    check_clock(&databases.store, findings).await;
    check_journal(&databases.store, findings).await;
}

/// Another program that has begun to read and does not end keeps what was erased in the embedded store's journal.
async fn check_journal(store: &Store, findings: &mut Findings) {
    for _ in 0..20 {
        match store.empty_journal().await {
            Err(Error::Busy(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => return,
        }
    }
    let found = "another program has begun to read the store: what was redacted can still be read in its -wal file";
    findings.careful("journal", found, "end that program, or its transaction");
}

async fn check_backend(config: &Config, store: &Store, findings: &mut Findings) {
    for table in ["users", "usersInfos", "wallets"] {
        match store.has_table(table).await {
            Ok(true) => {}
            Ok(false) => return findings.bad("user database", format!("no table {table}"), NO_BACKEND),
            Err(error) => return findings.bad("user database", error, "start the database, or mend backend.url"),
        }
    }
    findings.good("user database", "users, usersInfos and wallets are there");
    if !config.backend.hashing_salt.is_empty() || !config.backend.hashing_salt_file.is_empty() {
        match gateway::salt(config) {
            Ok(_) => findings.good("hashing salt", "from the configuration"),
            Err(error) => findings.bad("hashing salt", error, "give a file that the server may read"),
        }
    } else if matches!(backend::hashing_salt(store).await, Ok(Some(_))) {
        findings.good("hashing salt", "from the user database");
    } else {
        findings.bad("hashing salt", "none", "set backend.hashing_salt or backend.hashing_salt_file");
    }
}

/// A database server has a clock of its own; sessions that two nodes share want them together.
async fn check_clock(store: &Store, findings: &mut Findings) {
    if !store.is_shared() {
        return findings.good("clock", "the store has none but this machine's");
    }
    let Ok(rows) = store.query("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)", Vec::new()).await else {
        return;
    };
    let theirs = rows.first().and_then(|row| row.int(0).ok()).unwrap_or_default();
    let apart = (Clock::default().now_ms() - theirs).abs();
    let found = format!("{apart} ms from the database's");
    if apart <= 2_000 {
        return findings.good("clock", found);
    }
    findings.careful("clock", found, "run an NTP client on both machines");
}

async fn check_redis(config: &Config, findings: &mut Findings) {
    if config.redis.url.is_empty() {
        return;
    }
    let ping = async {
        let client = redis::Client::open(config.redis.url.expose())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    let advice = "nodes look into the store every 2 s meanwhile";
    match tokio::time::timeout(Duration::from_secs(3), ping).await {
        Ok(Ok(_)) => findings.good("redis", "answers"),
        Ok(Err(error)) => findings.careful("redis", error, advice),
        Err(_) => findings.careful("redis", "no answer", advice),
    }
}

/// Connections, and a few files besides, must fit the limit of open files.
fn check_files(config: &Config, findings: &mut Findings) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = soft.and_then(|line| line.split_whitespace().nth(3)).and_then(|limit| limit.parse::<usize>().ok());
    let Some(soft) = soft else { return };
    let (wanted, found) =
        (config.http.connections + 200, format!("{soft} for {} connections", config.http.connections));
    if soft >= wanted {
        return findings.good("open files", found);
    }
    let advice = format!("`ulimit -n {wanted}` (LimitNOFILE= under systemd), or lower http.connections");
    findings.careful("open files", found, advice);
}
