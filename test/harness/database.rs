//! Databases for one test: a file in its folder, or a schema of its own on the test's MariaDB.

use std::path::Path;

use anyhow::Context as _;
use mysql_async::prelude::Queryable as _;
use switchboard::model::DurationSetting;
use switchboard::store::{Metrics, Settings, Store, Value};

use super::Result;
use super::meddler::{Meddler, Meddling};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    SqliteShared,
    SqliteSeparate,
    MariadbShared,
    MariadbSeparate,
    /// As shared, behind a proxy that says this before each script.
    MariadbBehind(&'static str),
}

impl Layout {
    pub fn is_mariadb(self) -> bool {
        matches!(self, Self::MariadbShared | Self::MariadbSeparate | Self::MariadbBehind(_))
    }

    fn is_separate(self) -> bool {
        matches!(self, Self::SqliteSeparate | Self::MariadbSeparate)
    }
}

/// Where one test's store and user database are. MariaDB schemas are dropped with it.
pub struct Databases {
    pub store_url: String,
    /// Empty: the store's.
    pub backend_url: String,
    schemas: Vec<String>,
    /// What the store is behind.
    meddler: Option<Meddler>,
}

/// The MariaDB that `make test` started. Its absence fails a test: a skipped one would look green.
pub fn mariadb() -> Result<String> {
    std::env::var("SWITCHBOARD_TEST_MYSQL").context("SWITCHBOARD_TEST_MYSQL is not set: run `make test`")
}

pub fn redis() -> Result<String> {
    std::env::var("SWITCHBOARD_TEST_REDIS").context("SWITCHBOARD_TEST_REDIS is not set: run `make test`")
}

/// How long a test waits for its database.
const TIMEOUT: DurationSetting = DurationSetting::from_millis(10_000);

impl Databases {
    pub async fn make(layout: Layout, folder: &Path) -> Result<Self> {
        let mut schemas = Vec::new();
        let mut urls = Vec::new();
        let meddler = match layout {
            Layout::MariadbBehind(sql) => Some(Meddler::start(Meddling::Before(sql)).await?),
            _ => None,
        };
        for name in ["store", "backend"].iter().take(if layout.is_separate() { 2 } else { 1 }) {
            if layout.is_mariadb() {
                let schema = format!("sb_test_{name}_{:016x}", rand::random::<u64>());
                execute(&mariadb()?, &format!("CREATE DATABASE {schema}")).await?;
                let server = meddler.as_ref().map_or_else(mariadb, Meddler::url)?;
                urls.push(format!("{server}/{schema}"));
                schemas.push(schema);
            } else {
                urls.push(format!("sqlite:{}", folder.join(format!("{name}.db")).display()));
            }
        }
        let backend_url = if layout.is_separate() { urls.pop().unwrap_or_default() } else { String::new() };
        Ok(Self { store_url: urls.pop().unwrap_or_default(), backend_url, schemas, meddler })
    }

    /// What is there already, for the store and the users.
    pub fn over(url: &str) -> Self {
        Self { store_url: url.to_owned(), backend_url: String::new(), schemas: Vec::new(), meddler: None }
    }

    /// A handle on the store, to look at what the server wrote.
    pub fn store(&self) -> Result<Store> {
        open(&self.store_url, TIMEOUT)
    }

    /// A handle on the user database.
    pub fn backend(&self) -> Result<Store> {
        open(if self.backend_url.is_empty() { &self.store_url } else { &self.backend_url }, TIMEOUT)
    }
}

/// A handle on a database.
pub fn open(url: &str, timeout: DurationSetting) -> Result<Store> {
    let settings = Settings { url: url.parse()?, connections: 1, timeout };
    Ok(Store::open("test", &settings, Metrics::default())?)
}

/// The names of all tables that are where a store is.
pub async fn tables(store: &Store, layout: Layout) -> Result<Vec<String>> {
    let list = if layout.is_mariadb() {
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    };
    store.query(list, Vec::new()).await?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// An id, with its prefix or without, or a hash in hex, as a column holds it.
pub fn stored(id: &str) -> Value {
    let hex = id.rsplit('_').next().unwrap_or(id);
    let bytes = hex::decode(hex);
    assert!(bytes.is_ok(), "{id} is no key");
    bytes.unwrap_or_default().into()
}

/// Runs one statement on a MariaDB server.
pub async fn execute(url: &str, sql: &str) -> Result {
    let mut connection = mysql_async::Conn::from_url(url).await?;
    connection.query_drop(sql).await?;
    connection.disconnect().await?;
    Ok(())
}

impl Drop for Databases {
    fn drop(&mut self) {
        let schemas = std::mem::take(&mut self.schemas);
        let Ok(url) = mariadb() else { return };
        // a thread of its own: the test's runtime may be ending
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                for schema in schemas {
                    execute(&url, &format!("DROP DATABASE IF EXISTS {schema}")).await?;
                }
                anyhow::Ok(())
            })
        });
        let _ = dropped.join();
        if let Some(meddler) = &self.meddler
            && !std::thread::panicking()
        {
            assert!(meddler.scripts() > 0, "no script was meddled with");
        }
    }
}
