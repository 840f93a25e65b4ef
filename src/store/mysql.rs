//! The engine for many nodes: anything that speaks the MySQL protocol.

mod script;

use std::time::Duration;

use mysql_async::consts::ColumnType;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, TxOpts};

use self::script::scripts;
use super::change::Tally;
use super::{Change, Committed, Error, Query, Result, Row, Value};

/// Deadlocks and lock time-outs are answered by running the whole change again.
const TRIES: u32 = 8;

/// How long a connection is kept that nobody needs.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// What every connection begins with. Values stand in scripts as UTF-8, whatever the server presumes of its clients, and
/// a backslash escapes. A process that was stopped within a transaction must not keep
/// its row locks: MariaDB ends it (MySQL has no such setting, and reads a comment).
const SESSION: [&str; 3] = [
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00' \
     /*M! , idle_transaction_timeout = 10 */",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
];

#[derive(Clone)]
pub(super) struct Mysql {
    pool: Pool,
    opts: Opts,
}

/// Why a change did not go through, where that decides what is done next.
enum Failure {
    /// 1213 or 1205: nothing was written, another try may go through.
    Again(Error),
    /// The connection was lost during `COMMIT`: it may have been written.
    Unsettled(Error),
    Final(Error),
}

impl Mysql {
    pub(super) fn open(url: &str, connections: usize) -> Result<Self> {
        let opts = Opts::from_url(url).map_err(|e| Error::Refused(e.to_string()))?;
        let constraints = PoolConstraints::new(1, connections.max(1)).unwrap_or_default();
        // closing what is idle for a moment, or a reset, would cost round trips and every prepared statement
        let pool = PoolOpts::default().with_constraints(constraints).with_reset_connection(false);
        let pool = pool.with_inactive_connection_ttl(IDLE_FOR);
        let builder = OptsBuilder::from_opts(opts)
            // or an UPDATE that changes nothing reports no row
            .client_found_rows(true)
            .stmt_cache_size(256)
            .setup(SESSION.to_vec())
            .pool_opts(pool);
        let opts = Opts::from(builder);
        Ok(Self { pool: Pool::new(opts.clone()), opts })
    }

    pub(super) fn opts(&self) -> Opts {
        self.opts.clone()
    }

    pub(super) fn pool(&self) -> Pool {
        self.pool.clone()
    }

    pub(super) async fn close(&self) {
        let _ = self.pool.clone().disconnect().await;
    }

    pub(super) async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
        let mut connection = self.pool.get_conn().await?;
        if let [query] = queries {
            return Ok(vec![select(&mut connection, query).await?]);
        }
        let mut found = Vec::with_capacity(queries.len());
        for (script, count) in scripts(queries)? {
            let mut answers = connection.query_iter(script).await?;
            for _ in 0..count {
                found.push(rows(answers.collect().await?)?);
            }
        }
        Ok(found)
    }

    pub(super) async fn commit(&self, change: &Change) -> Result<Committed> {
        let mut last = Error::Unavailable("not tried".into());
        for round in 0..TRIES {
            if round > 0 {
                let jitter = rand::random::<u64>() % 8;
                tokio::time::sleep(Duration::from_millis((2 << round) + jitter)).await;
            }
            match self.attempt(change).await {
                Ok(committed) => return Ok(committed),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Again(error)) => last = error,
                Err(Failure::Unsettled(error)) => {
                    let Some(probe) = &change.settled_by else { return Err(error) };
                    if !self.read(std::slice::from_ref(probe)).await?.concat().is_empty() {
                        return Ok(Committed::default());
                    }
                    last = error;
                }
            }
        }
        Err(Error::Unavailable(last.to_string()))
    }

    async fn attempt(&self, change: &Change) -> Result<Committed, Failure> {
        let mut connection = self.pool.get_conn().await.map_err(classify)?;
        let mut transaction = connection.start_transaction(TxOpts::default()).await.map_err(classify)?;
        let (mut tally, mut found) = (Tally::default(), Vec::new());
        let mut steps = change.steps.iter();
        let queries = change.steps.iter().map(|step| &step.query).chain(&change.then);
        for (script, count) in scripts(queries).map_err(Failure::Final)? {
            let mut answers = transaction.query_iter(script).await.map_err(classify)?;
            for _ in 0..count {
                let touched = answers.affected_rows();
                // here it says so if this very statement has failed, and the next one's answer is waited for
                found = answers.collect().await.map_err(classify)?;
                if let Some(Err(guard)) = steps.next().map(|step| tally.add(step, touched)) {
                    // what came behind it is taken back with the rest
                    let _ = answers.drop_result().await;
                    transaction.rollback().await.map_err(classify)?;
                    return Err(Failure::Final(guard));
                }
            }
        }
        let found = rows(found).map_err(Failure::Final)?;
        transaction.commit().await.map_err(|error| match classify(error) {
            Failure::Final(error @ Error::Unavailable(_)) => Failure::Unsettled(error),
            other => other,
        })?;
        Ok(Committed { touched: tally.into_touched(), found })
    }
}

async fn select(connection: &mut Conn, query: &Query) -> Result<Vec<Row>> {
    let (sql, values) = query.whole();
    rows(connection.exec(sql.as_ref(), params(values)).await?)
}

fn rows(rows: Vec<mysql_async::Row>) -> Result<Vec<Row>> {
    let value = |(value, column): (mysql_async::Value, &Column)| match value {
        // answers to a script are text
        mysql_async::Value::Bytes(text) if is_integer(column.column_type()) => {
            let int = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
            int.map(Value::Int).ok_or_else(|| Error::Data("an integer that is none of ours".into()))
        }
        other => other.try_into(),
    };
    let row = |row: mysql_async::Row| {
        let columns = row.columns();
        row.unwrap().into_iter().zip(columns.iter()).map(value).collect::<Result<_>>().map(Row)
    };
    rows.into_iter().map(row).collect()
}

fn is_integer(column: ColumnType) -> bool {
    use ColumnType::{MYSQL_TYPE_INT24, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_SHORT, MYSQL_TYPE_TINY};
    let integers = [MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_INT24, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG];
    integers.contains(&column)
}

fn params(values: Vec<Value>) -> Params {
    if values.is_empty() {
        return Params::Empty;
    }
    Params::Positional(values.into_iter().map(Into::into).collect())
}

fn classify(error: mysql_async::Error) -> Failure {
    match &error {
        mysql_async::Error::Server(server) if matches!(server.code, 1213 | 1205) => Failure::Again(error.into()),
        _ => Failure::Final(error.into()),
    }
}

impl From<Value> for mysql_async::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Int(int) => Self::Int(int),
            Value::Text(text) => Self::Bytes(text.into_bytes()),
            Value::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl TryFrom<mysql_async::Value> for Value {
    type Error = Error;

    fn try_from(value: mysql_async::Value) -> Result<Self> {
        Ok(match value {
            mysql_async::Value::NULL => Self::Null,
            mysql_async::Value::Int(int) => Self::Int(int),
            mysql_async::Value::UInt(int) => Self::Int(i64::try_from(int).map_err(|e| Error::Data(e.to_string()))?),
            mysql_async::Value::Bytes(bytes) => Self::Bytes(bytes),
            _ => return Err(Error::Data("a column type that no table of ours has".into())),
        })
    }
}

/// Server errors that mean "not now": too many connections, shutting down, read-only, disk full,
/// a Galera node that is not ready.
const NOT_NOW: [u16; 11] = [1021, 1040, 1047, 1053, 1114, 1158, 1159, 1161, 1290, 1836, 1927];

impl From<mysql_async::Error> for Error {
    fn from(error: mysql_async::Error) -> Self {
        match &error {
            mysql_async::Error::Server(server) => match server.code {
                1062 => Self::Conflict,
                1213 | 1205 => Self::Unavailable(server.message.clone()),
                code if NOT_NOW.contains(&code) => Self::Unavailable(server.message.clone()),
                _ => Self::Refused(error.to_string()),
            },
            mysql_async::Error::Io(_) | mysql_async::Error::Driver(_) => Self::Unavailable(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}
