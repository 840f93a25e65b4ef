//! One database, whichever engine it runs on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::change::SqlText;
use super::condition::StoreHealth;
use super::migrate::{self, StoreSchema};
use super::mysql::Mysql;
use super::serving::ServingLock;
use super::sqlite::Sqlite;
use super::{
    Change, CommitResult, Error, Metrics, MigrationReport, Query, Result, Row, Settings, StoreUrl, Value, params,
};

/// Keys of one look-up.
const LOOK_UPS: usize = 64;
/// So many keys are those of a batch: what has more is asked by a reader, or it would hold up a thread that serves.
const BATCH_KEYS: usize = 1_024;

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
    condition: Arc<StoreHealth>,
}

impl Store {
    /// Opens a database. An embedded one is created where it is missing; a server is not called yet.
    pub fn open(name: &'static str, settings: &Settings, metrics: Metrics) -> Result<Self> {
        let timeout = settings.timeout.as_duration();
        let engine = match &settings.url {
            StoreUrl::Sqlite(path) => Engine::Sqlite(Sqlite::open(path, settings.connections, timeout)?),
            StoreUrl::Mysql(url) => Engine::Mysql(Mysql::open(url, settings.connections)?),
        };
        Ok(Self { engine, timeout, metrics, name, condition: Arc::new(StoreHealth::new()) })
    }

    /// Opens another program's database, only to read it: an embedded one has to be there.
    pub fn open_foreign(name: &'static str, settings: &Settings, metrics: Metrics) -> Result<Self> {
        let StoreUrl::Sqlite(path) = &settings.url else { return Self::open(name, settings, metrics) };
        let timeout = settings.timeout.as_duration();
        let engine = Engine::Sqlite(Sqlite::open_foreign(path, settings.connections, timeout)?);
        Ok(Self { engine, timeout, metrics, name, condition: Arc::new(StoreHealth::new()) })
    }

    /// Runs the migrations that it has not been through.
    pub(in crate::store) async fn bring_up_to(&self, schema: StoreSchema) -> Result<MigrationReport> {
        match &self.engine {
            Engine::Sqlite(sqlite) => migrate::sqlite(&sqlite.path, schema).await,
            Engine::Mysql(mysql) => migrate::mysql(mysql.opts(), mysql.pool(), &schema).await,
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

    /// Like [`Store::look_up`], of many keys, as many at once as a batch of writes has: few shapes of statements. `sql`
    /// has `{}` where they go.
    pub(in crate::store) async fn look_up_each(&self, sql: impl Into<SqlText>, keys: Vec<Value>) -> Result<Vec<Row>> {
        let is_batch = keys.len() <= BATCH_KEYS;
        let (sql, mut keys, mut found): (SqlText, _, _) = (sql.into(), keys.into_iter(), Vec::new());
        loop {
            let some: Vec<Value> = keys.by_ref().take(LOOK_UPS).collect();
            if some.is_empty() {
                return Ok(found);
            }
            let queries = vec![Query::over(sql.clone(), &[], some)];
            let rows = if is_batch { self.look_up(queries).await? } else { self.read(queries).await? };
            found.extend(rows.into_iter().flatten());
        }
    }

    /// Runs one query.
    pub async fn query(&self, sql: impl Into<SqlText>, params: Vec<Value>) -> Result<Vec<Row>> {
        let mut answers = self.read(vec![Query::new(sql, params)]).await?;
        answers.pop().ok_or_else(|| Error::Data("no answer".into()))
    }

    /// All rows of a query, each read as a type: see [`Row::read`].
    pub async fn all<T: DeserializeOwned>(&self, sql: impl Into<SqlText>, params: Vec<Value>) -> Result<Vec<T>> {
        self.query(sql, params).await?.iter().map(Row::read).collect()
    }

    /// The first row of a query, read as a type.
    pub async fn first<T: DeserializeOwned>(&self, sql: impl Into<SqlText>, params: Vec<Value>) -> Result<Option<T>> {
        self.query(sql, params).await?.first().map(Row::read).transpose()
    }

    /// Commits a change: when this returns `Ok`, it is durable.
    pub async fn commit(&self, change: Change) -> Result<()> {
        self.commit_telling(change).await.map(drop)
    }

    /// Commits an insertion that another may have made before.
    pub async fn commit_once(&self, change: Change) -> Result<()> {
        match self.commit(change).await {
            Err(Error::Conflict) => Ok(()),
            done => done,
        }
    }

    /// The same database for what may take longer than [`Settings::timeout`].
    #[must_use]
    pub fn patient(&self, timeout: Duration) -> Self {
        Self { timeout: timeout.max(self.timeout), ..self.clone() }
    }

    /// Commits a change, and says what it has done.
    pub async fn commit_telling(&self, change: Change) -> Result<CommitResult> {
        let begun = Instant::now();
        let work = async {
            match &self.engine {
                Engine::Sqlite(sqlite) => sqlite.commit(change).await,
                // the caller waits a little longer: what was in the way is to be told
                Engine::Mysql(mysql) => mysql.commit(&change, self.timeout * 4 / 5, self.condition.is_down()).await,
            }
        };
        let result = self.in_time(work).await;
        self.metrics.observe(self.name, "commit", begun, &result);
        // a change that has found nothing to change has written nothing: it says nothing of a full disk
        let is_idle = matches!(&result, Ok(done) if done.touched.iter().all(|rows| *rows == 0));
        if !is_idle {
            self.condition.wrote(begun, &result);
        }
        result
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.query("SELECT 1", Vec::new()).await.map(drop)
    }

    /// Whether it does what it is for, as of the last write or check.
    pub fn is_up(&self) -> bool {
        !self.condition.is_down()
    }

    /// Whether nothing has been written for so long, nor checked.
    pub fn is_quiet(&self, since: Duration) -> bool {
        self.condition.is_quiet(since)
    }

    /// Looks whether it can be written; a server is asked by a statement that changes nothing.
    pub(in crate::store) async fn check_writes_by(&self, probe: &'static str) -> Result<()> {
        let work = async {
            match &self.engine {
                Engine::Sqlite(sqlite) => sqlite.check().await,
                Engine::Mysql(mysql) => mysql.check(probe, self.condition.is_down()).await,
            }
        };
        self.checked(work).await
    }

    /// Looks whether it can be read.
    pub async fn check_reads(&self) -> Result<()> {
        self.checked(self.ping()).await
    }

    async fn checked(&self, work: impl Future<Output = Result<()>>) -> Result<()> {
        let begun = Instant::now();
        let result = self.in_time(work).await;
        match &result {
            Ok(()) => self.condition.up(),
            // it answers, at least
            Err(Error::Busy(_)) => {}
            Err(_) => self.condition.failed(begun),
        }
        result
    }

    /// Whether a table exists, for what we must not overwrite.
    pub async fn has_table(&self, table: &str) -> Result<bool> {
        let sql = match &self.engine {
            Engine::Sqlite(_) => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
            Engine::Mysql(_) => {
                "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
            }
        };
        Ok(!self.query(sql, params![table]).await?.is_empty())
    }

    /// Takes a place among the processes that serve an embedded store; servers have leases instead.
    pub async fn serve(&self) -> Result<Option<ServingLock>> {
        match &self.engine {
            Engine::Sqlite(sqlite) => ServingLock::of(&sqlite.path).await.map(Some),
            Engine::Mysql(_) => Ok(None),
        }
    }

    /// Whether other processes on other machines may write here too.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Mysql(_))
    }

    /// What was erased is erased in the journal too, where that is due.
    pub async fn tidy(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => self.in_time(sqlite.tidy(false)).await,
            Engine::Mysql(_) => Ok(()),
        }
    }

    /// Empties the journal of an embedded store. [`Error::Busy`]: somebody reads or writes it just now.
    pub async fn empty_journal(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => self.in_time(sqlite.tidy(true)).await,
            Engine::Mysql(_) => Ok(()),
        }
    }

    /// Lets connections end after what they are doing.
    pub async fn close(&self) {
        match &self.engine {
            // whoever reads it meanwhile keeps it from that
            Engine::Sqlite(_) => drop(self.empty_journal().await),
            Engine::Mysql(mysql) => mysql.close().await,
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or_else(|_| Err(Error::Unavailable(format!("no answer within {:?}", self.timeout))))
    }
}
