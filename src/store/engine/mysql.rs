//! The engine for many nodes: anything that speaks the MySQL protocol.

mod connections;
mod failure;
mod script;

use std::time::{Duration, Instant};

use mysql_async::consts::{ColumnType, StatusFlags};
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, Opts, Params, Pool, QueryResult, TextProtocol, TxOpts};

use self::connections::{HeldConnection, MysqlConnections};
use self::failure::{MysqlFailure, classify};
use self::script::scripts;
use super::blocking::MANY;
use super::change::AffectedRowsCheck;
use super::{Change, CommitResult, CorePace, Error, Query, Result, Row, Value, blocking};

/// A change that meets another one's waits for at most so long before its next try: somewhere in it, so that those
/// who met do not meet again.
const PAUSE_MS: u64 = 250;

/// How long the server that writes is looked for, where one has just been found that does not.
const SEARCH: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Mysql {
    connections: MysqlConnections,
}

impl Mysql {
    pub(super) fn open(url: &str, connections: usize) -> Result<Self> {
        Ok(Self { connections: MysqlConnections::new(url, connections)? })
    }

    pub(super) fn opts(&self) -> Opts {
        self.connections.opts()
    }

    pub(super) fn pool(&self) -> Pool {
        self.connections.pool()
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }

    pub(super) async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
        match self.read_once(queries).await {
            Err(MysqlFailure::Elsewhere(_)) => self.read_once(queries).await.map_err(MysqlFailure::into_error),
            other => other.map_err(MysqlFailure::into_error),
        }
    }

    async fn read_once(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>, MysqlFailure> {
        let mut held = self.connections.get().await.map_err(classify)?;
        let found = select_all(&mut held.connection, queries).await;
        if matches!(found, Err(MysqlFailure::Elsewhere(_))) {
            self.connections.leave(held).await;
        }
        found
    }

    /// Tries for at most so long while others' changes are in the way. `is_lost`: the server that writes has been
    /// looked for in vain just now.
    pub(super) async fn commit(&self, change: &Change, within: Duration, is_lost: bool) -> Result<CommitResult> {
        let begun = Instant::now();
        let search = if is_lost { Duration::ZERO } else { SEARCH.min(within) };
        let mut held = None;
        for round in 0.. {
            match self.attempt(&mut held, change).await {
                Ok(committed) => return Ok(committed),
                Err(MysqlFailure::Final(error)) => return Err(error),
                Err(MysqlFailure::Again(error)) if begun.elapsed() >= within => return Err(error),
                Err(MysqlFailure::Elsewhere(error)) if begun.elapsed() >= search => return Err(error),
                Err(MysqlFailure::Again(_) | MysqlFailure::Elsewhere(_)) => {}
                Err(MysqlFailure::Unsettled(error)) => {
                    let Some(probe) = &change.settled_by else { return Err(error) };
                    if self.is_settled(probe).await? {
                        return Ok(CommitResult::default());
                    }
                    if begun.elapsed() >= within {
                        return Err(error);
                    }
                }
            }
            pause(round).await;
        }
        Err(Error::Unavailable("not tried".into()))
    }

    /// Runs a statement that changes nothing, but is refused wherever one that does would be.
    pub(super) async fn check(&self, probe: &'static str, is_lost: bool) -> Result<()> {
        self.commit(&Change::new().run(probe, Vec::new()), SEARCH, is_lost).await.map(drop)
    }

    /// One try. The connection is held for the next one where that is to be made on it.
    async fn attempt(&self, held: &mut Option<HeldConnection>, change: &Change) -> Result<CommitResult, MysqlFailure> {
        let mut on = match held.take() {
            Some(on) => on,
            None => self.connections.get().await.map_err(classify)?,
        };
        let done = transact(&mut on.connection, change).await;
        match &done {
            Err(MysqlFailure::Elsewhere(_)) => self.connections.leave(on).await,
            Err(MysqlFailure::Again(_)) => *held = Some(on),
            _ => {}
        }
        done
    }

    /// Whether a change was written whose answer was lost. On Galera this may be asked of another node: it first
    /// takes in what others have written.
    async fn is_settled(&self, probe: &Query) -> Result<bool> {
        let mut held = self.connections.get().await?;
        // one that is built without Galera knows no such setting, and needs none
        let _ = held.connection.query_drop("SET @settling = 1 /*M! , SESSION wsrep_sync_wait = 1 */").await;
        let found = select(&mut held.connection, probe).await;
        // it would be slow for those who get the connection next
        let _ = held.connection.disconnect().await;
        found.map(|rows| !rows.is_empty())
    }
}

/// Longer after each time, and by chance.
async fn pause(round: u32) {
    let most = PAUSE_MS.min(4 << round.min(10));
    tokio::time::sleep(Duration::from_millis(1 + rand::random::<u64>() % most)).await;
}

/// Runs a change as one transaction.
async fn transact(connection: &mut Conn, change: &Change) -> Result<CommitResult, MysqlFailure> {
    let mut transaction = connection.start_transaction(TxOpts::default()).await.map_err(classify)?;
    // one that is alone is whole; those that make tables are, and end the transaction
    let is_watched = change.steps.len() + usize::from(change.then.is_some()) > 1 && is_within(&transaction);
    let (mut tally, mut found) = (AffectedRowsCheck::default(), Vec::new());
    let mut steps = change.steps.iter();
    let queries = change.steps.iter().map(|step| &step.query).chain(&change.then);
    for (script, count) in scripts(queries).map_err(MysqlFailure::Final)? {
        let mut answers = ask(&mut transaction, script).await?;
        for _ in 0..count {
            let touched = answers.affected_rows();
            // here it says so if this very statement has failed, and the next one's answer is waited for
            found = answers.collect().await.map_err(classify)?;
            if let Some(Err(guard)) = steps.next().map(|step| tally.add(step, touched)) {
                // what came behind it is taken back with the rest
                let _ = answers.drop_result().await;
                transaction.rollback().await.map_err(classify)?;
                return Err(MysqlFailure::Final(guard));
            }
        }
    }
    if is_watched && !is_within(&transaction) {
        let _ = transaction.rollback().await;
        let error = Error::Unavailable("the server has given a transaction up, and did not say so".into());
        return Err(MysqlFailure::Unsettled(error));
    }
    let found = rows(found).map_err(MysqlFailure::Final)?;
    transaction.commit().await.map_err(|error| match classify(error) {
        MysqlFailure::Final(error @ Error::Unavailable(_)) => MysqlFailure::Unsettled(error),
        other => other,
    })?;
    Ok(CommitResult { touched: tally.touched, found })
}

/// Whether the last answer says that a transaction is open. A Galera node may roll one back between two statements of
/// one text without an error, and run the rest without.
fn is_within(connection: &Conn) -> bool {
    let last = connection.last_ok_packet();
    last.is_some_and(|ok| ok.status_flags().contains(StatusFlags::SERVER_STATUS_IN_TRANS))
}

/// Sends a script, and takes what is answered to the session that it asks for.
async fn ask(on: &mut impl Queryable, script: String) -> Result<QueryResult<'_, 'static, TextProtocol>, MysqlFailure> {
    let mut answers = on.query_iter(script).await.map_err(classify)?;
    let _: Vec<mysql_async::Row> = answers.collect().await.map_err(classify)?;
    Ok(answers)
}

async fn select_all(connection: &mut Conn, queries: &[Query]) -> Result<Vec<Vec<Row>>, MysqlFailure> {
    if let [query] = queries {
        let (sql, values) = query.whole();
        let found: Vec<mysql_async::Row> = connection.exec(sql.as_ref(), params(values)).await.map_err(classify)?;
        let found = if found.len() > MANY { many_rows(found).await } else { rows(found) };
        return Ok(vec![found.map_err(MysqlFailure::Final)?]);
    }
    let mut found = Vec::with_capacity(queries.len());
    for (script, count) in scripts(queries).map_err(MysqlFailure::Final)? {
        let mut answers = ask(connection, script).await?;
        for _ in 0..count {
            found.push(rows(answers.collect().await.map_err(classify)?).map_err(MysqlFailure::Final)?);
        }
    }
    Ok(found)
}

async fn select(connection: &mut Conn, query: &Query) -> Result<Vec<Row>> {
    let (sql, values) = query.whole();
    rows(connection.exec(sql.as_ref(), params(values)).await?)
}

fn rows(rows: Vec<mysql_async::Row>) -> Result<Vec<Row>> {
    rows.into_iter().map(row).collect()
}

/// So many that they would keep a thread that serves.
async fn many_rows(rows: Vec<mysql_async::Row>) -> Result<Vec<Row>> {
    let read = move || -> Result<Vec<Row>> {
        let mut pace = CorePace::default();
        rows.into_iter().inspect(|_| pace.step()).map(row).collect()
    };
    blocking(read).await?
}

fn row(row: mysql_async::Row) -> Result<Row> {
    let value = |(value, column): (mysql_async::Value, &Column)| match value {
        // answers to a script are text
        mysql_async::Value::Bytes(text) if is_integer(column.column_type()) => {
            let int = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
            int.map(Value::Int).ok_or_else(|| Error::Data("an integer that is none of ours".into()))
        }
        other => other.try_into(),
    };
    let columns = row.columns();
    row.unwrap().into_iter().zip(columns.iter()).map(value).collect::<Result<_>>().map(Row)
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
