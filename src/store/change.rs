//! What is asked of an engine: queries, and changes that commit as one.

use std::borrow::Cow;

use super::{Error, Result, Row, Value};

/// One `SELECT`.
#[derive(Clone, Debug)]
pub struct Query {
    pub(super) sql: Cow<'static, str>,
    pub(super) params: Vec<Value>,
}

impl Query {
    pub fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        Self { sql: sql.into(), params }
    }
}

/// One statement of a change and how many rows it must touch.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) query: Query,
    pub(super) rows: Option<u64>,
    /// The rows it touches count with those of the next statement.
    pub(super) with_next: bool,
}

/// Compares what each statement touched with what it must touch.
#[derive(Default)]
pub(super) struct Tally {
    touched: Vec<u64>,
    carried: u64,
}

impl Tally {
    /// Takes down what one statement touched, in their order.
    pub(super) fn add(&mut self, step: &Step, touched: u64) -> Result<()> {
        let index = self.touched.len();
        self.touched.push(touched);
        let together = self.carried + touched;
        self.carried = if step.with_next { together } else { 0 };
        match step.rows {
            Some(wanted) if wanted != together => Err(Error::Guard(index)),
            _ => Ok(()),
        }
    }

    /// How many rows each statement touched.
    pub(super) fn into_touched(self) -> Vec<u64> {
        self.touched
    }
}

/// Guarded statements that commit together or not at all.
///
/// A change holds no logic: what it depends on stands in its `WHERE` clauses. So it can be
/// run again after a deadlock, and many can share one commit, each answered for itself.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub(super) steps: Vec<Step>,
    pub(super) settled_by: Option<Query>,
    pub(super) then: Option<Query>,
}

/// What a change has done.
#[derive(Debug, Default)]
pub struct Committed {
    /// How many rows each statement touched; nothing where that was lost with the connection.
    pub touched: Vec<u64>,
    /// What the query behind the last statement found.
    pub found: Vec<Row>,
}

impl Change {
    pub fn new() -> Self {
        Self::default()
    }

    /// A statement that may touch any number of rows.
    #[must_use]
    pub fn run(self, sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        self.step(sql, params, None)
    }

    /// A statement that must touch exactly one row, or the whole change is [`super::Error::Guard`].
    #[must_use]
    pub fn one(self, sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        self.step(sql, params, Some(1))
    }

    /// A query that finds a row exactly when this change has committed: settles what became
    /// of it when the connection was lost during the commit.
    #[must_use]
    pub fn settled_by(mut self, sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        self.settled_by = Some(Query::new(sql, params));
        self
    }

    /// A query that is run behind the last statement, and sees what it has done before anybody else changes it.
    #[must_use]
    pub(super) fn then(mut self, query: Query) -> Self {
        self.then = Some(query);
        self
    }

    /// A statement that must touch exactly so many rows.
    #[must_use]
    pub fn rows(self, rows: u64, sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        self.step(sql, params, Some(rows))
    }

    fn step(mut self, sql: impl Into<Cow<'static, str>>, params: Vec<Value>, rows: Option<u64>) -> Self {
        self.steps.push(Step { query: Query::new(sql, params), rows, with_next: false });
        self
    }

    /// Counts what the last statement touches with what the next one does.
    #[must_use]
    pub(super) fn with_next(mut self) -> Self {
        if let Some(last) = self.steps.last_mut() {
            last.with_next = true;
        }
        self
    }

    /// How many statements there are so far.
    pub(super) fn statements(&self) -> usize {
        self.steps.len()
    }
}
