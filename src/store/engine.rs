//! One database, whichever engine it runs on.

use std::time::{Duration, Instant};

use super::mysql::Mysql;
use super::serving::Serving;
use super::sqlite::Sqlite;
use super::{Change, Committed, Error, Metrics, Query, Report, Result, Row, Settings, StoreUrl, Value, migrate};

#[derive(Clone)]
enum Engine {
    Sqlite(Sqlite),
    Mysql(Mysql),
}

/// A handle on one database; clones share its connections.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    timeout: Duration,
    metrics: Metrics,
    /// What metrics call this database: `store` or `backend`.
    name: &'static str,
}

impl Store {
    /// Opens a database. An embedded one is created where it is missing; a server is not called yet.
    pub fn open(name: &'static str, settings: &Settings, metrics: Metrics) -> Result<Self> {
        let timeout = settings.timeout.as_duration();
        let engine = match &settings.url {
            StoreUrl::Sqlite(path) => Engine::Sqlite(Sqlite::open(path, settings.connections, timeout)?),
            StoreUrl::Mysql(url) => Engine::Mysql(Mysql::open(url, settings.connections)?),
        };
        Ok(Self { engine, timeout, metrics, name })
    }

    /// Opens another program's database, only to read it: an embedded one has to be there.
    pub fn open_foreign(name: &'static str, settings: &Settings, metrics: Metrics) -> Result<Self> {
        let StoreUrl::Sqlite(path) = &settings.url else { return Self::open(name, settings, metrics) };
        let timeout = settings.timeout.as_duration();
        let engine = Engine::Sqlite(Sqlite::open_foreign(path, settings.connections, timeout)?);
        Ok(Self { engine, timeout, metrics, name })
    }

    /// Brings our tables up to date.
    pub async fn migrate(&self) -> Result<Report> {
        match &self.engine {
            Engine::Sqlite(sqlite) => migrate::sqlite(sqlite.path()).await,
            Engine::Mysql(mysql) => migrate::mysql(mysql.opts(), mysql.pool()).await,
        }
    }

    /// Runs queries one after the other on one connection.
    pub async fn read(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>> {
        let begun = Instant::now();
        let work = async {
            match &self.engine {
                Engine::Sqlite(sqlite) => sqlite.read(queries).await,
                Engine::Mysql(mysql) => mysql.read(&queries).await,
            }
        };
        let result = self.in_time(work).await;
        self.metrics.observe(self.name, "read", begun, &result);
        result
    }

    /// Like [`Store::read`], for look-ups of few rows by their key.
    pub async fn look_up(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>> {
        let Engine::Sqlite(sqlite) = &self.engine else { return self.read(queries).await };
        let begun = Instant::now();
        let result = self.in_time(sqlite.look_up(queries)).await;
        self.metrics.observe(self.name, "read", begun, &result);
        result
    }

    /// Runs one query.
    pub async fn query(&self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>> {
        let mut answers = self.read(vec![Query::new(sql, params)]).await?;
        answers.pop().ok_or_else(|| Error::Data("no answer".into()))
    }

    /// Commits a change: when this returns `Ok`, it is durable.
    pub async fn commit(&self, change: Change) -> Result<()> {
        self.commit_telling(change).await.map(drop)
    }

    /// The same database for what may take longer than [`Settings::timeout`].
    #[must_use]
    pub fn patient(&self, timeout: Duration) -> Self {
        Self { timeout: timeout.max(self.timeout), ..self.clone() }
    }

    /// Commits a change that is larger than most, and may take longer than [`Settings::timeout`].
    pub async fn commit_within(&self, change: Change, timeout: Duration) -> Result<()> {
        self.patient(timeout).commit(change).await
    }

    /// Commits a change, and says what it has done.
    pub async fn commit_telling(&self, change: Change) -> Result<Committed> {
        let begun = Instant::now();
        let work = async {
            match &self.engine {
                Engine::Sqlite(sqlite) => sqlite.commit(change).await,
                Engine::Mysql(mysql) => mysql.commit(&change).await,
            }
        };
        let result = self.in_time(work).await;
        self.metrics.observe(self.name, "commit", begun, &result);
        result
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.query("SELECT 1", Vec::new()).await.map(drop)
    }

    /// Whether a table exists, for what we must not overwrite.
    pub async fn has_table(&self, table: &str) -> Result<bool> {
        let sql = match &self.engine {
            Engine::Sqlite(_) => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
            Engine::Mysql(_) => {
                "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
            }
        };
        Ok(!self.query(sql, vec![table.into()]).await?.is_empty())
    }

    /// Takes a place among the processes that serve an embedded store; servers have leases instead.
    pub async fn serve(&self) -> Result<Option<Serving>> {
        match &self.engine {
            Engine::Sqlite(sqlite) => Serving::of(sqlite.path()).await.map(Some),
            Engine::Mysql(_) => Ok(None),
        }
    }

    /// Whether other processes on other machines may write here too.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Mysql(_))
    }

    /// Lets connections end after what they are doing.
    pub async fn close(&self) {
        if let Engine::Mysql(mysql) = &self.engine {
            mysql.close().await;
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or_else(|_| Err(Error::Unavailable(format!("no answer within {:?}", self.timeout))))
    }
}
