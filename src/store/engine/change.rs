//! What is asked of an engine: queries, and changes that commit as one.

use std::borrow::Cow;

use super::{Error, Result, Row, Value};

/// The text of a statement.
pub(super) type SqlText = Cow<'static, str>;

/// One statement; or one for each of many rows or keys, which a server is sent as one for all of them, while the
/// embedded engine runs it for each: there it costs less than a list does.
#[derive(Clone, Debug)]
pub struct Query {
    sql: SqlText,
    params: Vec<Value>,
    over: QueryListParams,
}

#[derive(Clone, Debug)]
enum QueryListParams {
    Nothing,
    /// Rows of so many values to insert, each written so: they are the parameters.
    Rows(usize, SqlText),
    /// Keys, in the place of `{}`, behind the parameters.
    Keys(Vec<Value>),
}

impl Query {
    pub fn new(sql: impl Into<SqlText>, params: Vec<Value>) -> Self {
        Self { sql: sql.into(), params, over: QueryListParams::Nothing }
    }

    /// Looks many keys up, each for itself: `sql` has `{}` where they go, behind the parameters in `before`.
    pub fn over(sql: impl Into<SqlText>, before: &[Value], mut keys: Vec<Value>) -> Self {
        // none twice, and in an order that is everybody's
        keys.sort_unstable();
        keys.dedup();
        Self { sql: sql.into(), params: before.to_vec(), over: QueryListParams::Keys(keys) }
    }

    /// Inserts rows: `into` is `INSERT INTO table (columns)`, each row so many values, in the places of `row`.
    pub(super) fn rows(into: impl Into<SqlText>, row: impl Into<SqlText>, width: usize, values: Vec<Value>) -> Self {
        Self { sql: into.into(), params: values, over: QueryListParams::Rows(width, row.into()) }
    }

    /// As one statement to read by, with its parameters. Lists are filled up with their last key, so that there are few shapes.
    pub(super) fn whole(&self) -> (Cow<'_, str>, Vec<Value>) {
        match &self.over {
            // rows are only written
            QueryListParams::Nothing | QueryListParams::Rows(..) => (Cow::Borrowed(&*self.sql), self.params.clone()),
            QueryListParams::Keys(keys) => {
                let size = keys.len().next_power_of_two();
                let last = keys.last().unwrap_or(&Value::Null);
                let filled = keys.iter().chain(std::iter::repeat(last)).take(size);
                let params = self.params.iter().chain(filled).cloned().collect();
                (self.sql.replace("{}", &marks(size)).into(), params)
            }
        }
    }

    /// Writes it as one text, with each value where it belongs.
    pub(super) fn spell(&self, text: &mut String, value: impl Fn(&mut String, &Value)) -> Result<()> {
        let list = |text: &mut String, values: &[Value]| {
            for (n, one) in values.iter().enumerate() {
                text.push_str(if n > 0 { ", " } else { "" });
                value(text, one);
            }
        };
        if let QueryListParams::Rows(width, row) = &self.over {
            for (n, values) in self.params.chunks(*width).enumerate() {
                text.push_str(if n > 0 { ", " } else { &self.sql });
                text.push_str(if n > 0 { "" } else { " VALUES " });
                let mut values = values.iter();
                for (n, piece) in row.split('?').enumerate() {
                    if let Some(one) = (n > 0).then(|| values.next()).flatten() {
                        value(text, one);
                    }
                    text.push_str(piece);
                }
            }
            return Ok(());
        }
        let keys = match &self.over {
            QueryListParams::Keys(keys) if !keys.is_empty() => keys.as_slice(),
            _ => &[Value::Null],
        };
        let wrong = || Error::Data("not as many values as places".into());
        let mut params = self.params.iter();
        // every second piece stands between quotes
        for (n, mut piece) in self.sql.split('\'').enumerate() {
            text.push_str(if n > 0 { "'" } else { "" });
            while let Some(at) = piece.find(['?', '{']).filter(|_| n % 2 == 0) {
                text.push_str(&piece[..at]);
                let rest = &piece[at..];
                if let Some(rest) = rest.strip_prefix("{}") {
                    list(text, keys);
                    piece = rest;
                } else if let Some(rest) = rest.strip_prefix('?') {
                    value(text, params.next().ok_or_else(wrong)?);
                    piece = rest;
                } else {
                    text.push('{');
                    piece = &rest[1..];
                }
            }
            text.push_str(piece);
        }
        if params.next().is_some() { Err(wrong()) } else { Ok(()) }
    }

    /// The statement for one row or key.
    pub(super) fn single(&self) -> Cow<'_, str> {
        match &self.over {
            QueryListParams::Nothing => Cow::Borrowed(&*self.sql),
            QueryListParams::Rows(_, row) => format!("{} VALUES {row}", self.sql).into(),
            QueryListParams::Keys(_) => self.sql.replace("{}", "?").into(),
        }
    }

    /// The parameters of each time that [`Query::single`] is run: the former, then the latter.
    pub(super) fn turns(&self) -> Vec<(&[Value], &[Value])> {
        match &self.over {
            QueryListParams::Nothing => vec![(&self.params, &[])],
            QueryListParams::Rows(width, _) => self.params.chunks(*width).map(|row| (row, [].as_slice())).collect(),
            QueryListParams::Keys(keys) => keys.chunks(1).map(|key| (self.params.as_slice(), key)).collect(),
        }
    }
}

/// `?, ?, ?`: so many.
pub(in crate::store) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// One statement of a change and how many rows it must touch.
#[derive(Clone, Debug)]
pub(super) struct TransactionStatement {
    pub(super) query: Query,
    pub(super) rows: Option<u64>,
    /// The rows it touches count with those of the next statement.
    pub(super) with_next: bool,
}

/// Compares what each statement touched with what it must touch.
#[derive(Default)]
pub(super) struct AffectedRowsCheck {
    /// How many rows each statement touched.
    pub(super) touched: Vec<u64>,
    carried: u64,
}

impl AffectedRowsCheck {
    /// Whether the statement before has found all that this one shares with it.
    pub(super) fn is_met(&self, step: &TransactionStatement) -> bool {
        self.carried > 0 && step.rows == Some(self.carried)
    }

    /// Takes down what one statement touched, in their order.
    pub(super) fn add(&mut self, step: &TransactionStatement, touched: u64) -> Result<()> {
        let index = self.touched.len();
        self.touched.push(touched);
        let together = self.carried + touched;
        self.carried = if step.with_next { together } else { 0 };
        match step.rows {
            Some(wanted) if wanted != together => Err(Error::Guard(index)),
            _ => Ok(()),
        }
    }
}

/// Guarded statements that commit together or not at all.
///
/// A change holds no logic: what it depends on stands in its `WHERE` clauses. So it can be
/// run again after a deadlock, and many can share one commit, each answered for itself.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub(super) steps: Vec<TransactionStatement>,
    pub(in crate::store) settled_by: Option<Query>,
    pub(super) then: Option<Query>,
    pub(super) erases: bool,
}

/// What a change has done.
#[derive(Debug, Default)]
pub struct CommitResult {
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
    pub fn run(self, sql: impl Into<SqlText>, params: Vec<Value>) -> Self {
        self.step(sql, params, None)
    }

    /// A statement that must touch exactly one row, or the whole change is [`super::Error::Guard`].
    #[must_use]
    pub fn one(self, sql: impl Into<SqlText>, params: Vec<Value>) -> Self {
        self.step(sql, params, Some(1))
    }

    /// A query that finds a row exactly when this change has committed: settles what became
    /// of it when the connection was lost during the commit.
    #[must_use]
    pub fn settled_by(mut self, sql: impl Into<SqlText>, params: Vec<Value>) -> Self {
        self.settled_by = Some(Query::new(sql, params));
        self
    }

    /// The same by the row with this id, which it inserts.
    #[must_use]
    pub fn settled_by_id(self, table: &str, id: impl Into<Value>) -> Self {
        self.settled_by(format!("SELECT 1 FROM {table} WHERE id = ?"), vec![id.into()])
    }

    /// What it overwrites or deletes is not to be found anywhere afterwards.
    #[must_use]
    pub fn erasing(mut self) -> Self {
        self.erases = true;
        self
    }

    /// A query that is run behind the last statement, and sees what it has done before anybody else changes it.
    #[must_use]
    pub(in crate::store) fn then(mut self, query: Query) -> Self {
        self.then = Some(query);
        self
    }

    /// A statement that must touch exactly so many rows.
    #[must_use]
    pub fn rows(self, rows: u64, sql: impl Into<SqlText>, params: Vec<Value>) -> Self {
        self.step(sql, params, Some(rows))
    }

    fn step(self, sql: impl Into<SqlText>, params: Vec<Value>, rows: Option<u64>) -> Self {
        self.run_query(Query::new(sql, params), rows)
    }

    pub(super) fn run_query(mut self, query: Query, rows: Option<u64>) -> Self {
        self.steps.push(TransactionStatement { query, rows, with_next: false });
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
    pub(in crate::store) fn statements(&self) -> usize {
        self.steps.len()
    }
}
