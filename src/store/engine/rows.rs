//! Set-based statements: many rows in few statements.

use super::change::marks;
use super::{Change, Query, Value};

/// Rows that one statement inserts at most.
const ROWS: usize = 1024;
/// Bytes of their values: in hex they are far from what a server reads at once.
const BYTES: usize = 1 << 20;
/// Keys of one: MariaDB makes a subquery of a list of a thousand.
const KEYS: usize = 512;

impl Change {
    /// Inserts rows: `into` is `INSERT INTO table (columns)`, each row a value for every column.
    #[must_use]
    pub fn insert(self, into: &str, rows: Vec<Vec<Value>>) -> Self {
        let row = format!("({})", marks(rows.first().map_or(0, Vec::len)));
        self.insert_as(into, &row, rows)
    }

    /// The same where a row is more than its values: `row` has a mark where each of them goes.
    #[must_use]
    pub(in crate::store) fn insert_as(mut self, into: &str, row: &str, rows: Vec<Vec<Value>>) -> Self {
        let Some(width) = rows.first().map(Vec::len) else { return self };
        let written = row.to_owned();
        let (mut values, mut bytes, mut count) = (Vec::with_capacity(rows.len().min(ROWS) * width), 0, 0);
        for row in rows {
            let more: usize = row.iter().map(Value::bytes).sum();
            if count == ROWS || (count > 0 && bytes + more > BYTES) {
                let full = Query::rows(into.to_owned(), written.clone(), width, std::mem::take(&mut values));
                self = self.run_query(full, Some(count as u64));
                (bytes, count) = (0, 0);
            }
            bytes += more;
            count += 1;
            values.extend(row);
        }
        self.run_query(Query::rows(into.to_owned(), written, width, values), Some(count as u64))
    }

    /// Runs a statement over keys, of which it must find every one: `sql` has `{}` where the list of keys goes,
    /// behind the parameters in `before`. Keys must differ.
    #[must_use]
    pub fn each(self, sql: &str, before: &[Value], keys: &[Value]) -> Self {
        keys.chunks(KEYS).fold(self, |change, some| {
            change.run_query(Query::over(sql.to_owned(), before, some.to_vec()), Some(some.len() as u64))
        })
    }

    /// Runs two statements over keys, of which each must be found by exactly one.
    #[must_use]
    pub fn either(self, first: &str, second: &str, before: &[Value], keys: &[Value]) -> Self {
        let run = |change: Self, some: &[Value]| {
            let change = change.run_query(Query::over(first.to_owned(), before, some.to_vec()), None).with_next();
            change.run_query(Query::over(second.to_owned(), before, some.to_vec()), Some(some.len() as u64))
        };
        keys.chunks(KEYS).fold(self, run)
    }

    /// A statement that must find one row, and that as it was read: `sql` ends in a `WHERE`, and gets what its columns
    /// held.
    #[must_use]
    pub(in crate::store) fn one_as_read(
        self,
        sql: impl Into<String>,
        mut params: Vec<Value>,
        before: ColumnValues,
    ) -> Self {
        let mut sql = sql.into();
        for (column, value) in before {
            sql.push_str(" AND ");
            sql.push_str(column);
            if value == Value::Null {
                sql.push_str(" IS NULL");
            } else {
                sql.push_str(" = ?");
                params.push(value);
            }
        }
        self.one(sql, params)
    }

    /// Inserts one row. [`super::Error::Conflict`]: it is there.
    #[must_use]
    pub(in crate::store) fn insert_row(self, table: &str, columns: ColumnValues) -> Self {
        let (names, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        self.one(format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), marks(values.len())), values)
    }

    /// The same where there is a row of another table with this id, which `owner` names.
    #[must_use]
    pub(in crate::store) fn insert_row_of(self, table: &str, columns: ColumnValues, owner: (&str, Value)) -> Self {
        let (names, mut values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let select = format!("SELECT {} FROM {} WHERE id = ?", marks(values.len()), owner.0);
        values.push(owner.1);
        self.one(format!("INSERT INTO {table} ({}) {select}", names.join(", ")), values)
    }

    /// Sets columns of one row, found by its key and as it was read. Where there are none, it is only looked at.
    #[must_use]
    pub(in crate::store) fn rewrite<const N: usize>(
        self,
        table: &str,
        columns: ColumnValues,
        key: [(&'static str, Value); N],
        before: ColumnValues,
    ) -> Self {
        let (names, mut params): (Vec<_>, Vec<_>) =
            columns.into_iter().map(|(name, value)| (format!("{name} = ?"), value)).unzip();
        let keys = key.each_ref().map(|(name, _)| format!("{name} = ?")).join(" AND ");
        let set = if names.is_empty() { format!("{0} = {0}", key[0].0) } else { names.join(", ") };
        params.extend(key.into_iter().map(|(_, value)| value));
        self.one_as_read(format!("UPDATE {table} SET {set} WHERE {keys}"), params, before)
    }

    /// Like [`Change::each`], but finds as many as there are.
    #[must_use]
    pub fn any(self, sql: &str, before: &[Value], keys: &[Value]) -> Self {
        keys.chunks(KEYS)
            .fold(self, |change, some| change.run_query(Query::over(sql.to_owned(), before, some.to_vec()), None))
    }
}

/// Columns by their names, each with a value.
pub(in crate::store) type ColumnValues = Vec<(&'static str, Value)>;

/// Of columns that may get a value: those that do; and what these held when they were read.
pub(in crate::store) fn patched<const N: usize>(
    columns: [(&'static str, Option<Value>, Value); N],
) -> (ColumnValues, ColumnValues) {
    columns.into_iter().filter_map(|(name, value, was)| Some(((name, value?), (name, was)))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_as_it_was_read() {
        let sql = "DELETE FROM t WHERE id = ?";
        let change = Change::new().one_as_read(sql, vec![7.into()], vec![("a", Value::Null), ("b", "x".into())]);
        let (sql, params) = change.steps[0].query.whole();
        assert_eq!(sql, "DELETE FROM t WHERE id = ? AND a IS NULL AND b = ?");
        assert_eq!(params, [Value::Int(7), Value::Text("x".into())]);
    }

    #[test]
    fn only_what_gets_a_value_is_set_and_looked_at() {
        let rewritten = |name: Option<Value>, rate: Option<Value>| {
            let (columns, before) = patched([("name", name, Value::Null), ("rate", rate, 1.into())]);
            let change = Change::new().rewrite("t", columns, [("id", 7.into())], before);
            let (sql, params) = change.steps[0].query.whole();
            (sql.into_owned(), params)
        };
        let (sql, params) = rewritten(Some("x".into()), None);
        assert_eq!(sql, "UPDATE t SET name = ? WHERE id = ? AND name IS NULL");
        assert_eq!(params, [Value::Text("x".into()), Value::Int(7)]);
        let (sql, params) = rewritten(None, Some(2.into()));
        assert_eq!(sql, "UPDATE t SET rate = ? WHERE id = ? AND rate = ?");
        assert_eq!(params, [2, 7, 1].map(Value::Int));
        assert_eq!(rewritten(None, None).0, "UPDATE t SET id = id WHERE id = ?");
    }

    #[test]
    fn a_row_is_inserted_by_the_names_of_its_columns() {
        let columns = || -> ColumnValues { vec![("id", 7.into()), ("name", "x".into())] };
        let change = Change::new().insert_row("t", columns());
        let (sql, params) = change.steps[0].query.whole();
        assert_eq!(sql, "INSERT INTO t (id, name) VALUES (?, ?)");
        assert_eq!(params, [Value::Int(7), Value::Text("x".into())]);
        let owned = Change::new().insert_row_of("t", columns(), ("o", 8.into()));
        let (sql, params) = owned.steps[0].query.whole();
        assert_eq!(sql, "INSERT INTO t (id, name) SELECT ?, ? FROM o WHERE id = ?");
        assert_eq!(params, [Value::Int(7), Value::Text("x".into()), Value::Int(8)]);
    }

    #[test]
    fn a_list_is_filled_up_with_its_last_key() {
        let query =
            Query::over("SELECT a FROM t WHERE b = ? AND a IN ({})", &[7.into()], vec![1.into(), 2.into(), 3.into()]);
        let (sql, params) = query.whole();
        assert_eq!(sql, "SELECT a FROM t WHERE b = ? AND a IN (?, ?, ?, ?)");
        assert_eq!(params, [7, 1, 2, 3, 3].map(Value::Int));
        assert_eq!(query.single(), "SELECT a FROM t WHERE b = ? AND a IN (?)");
        let turns: Vec<Vec<Value>> =
            query.turns().into_iter().map(|(former, latter)| [former, latter].concat()).collect();
        assert_eq!(turns, [[7, 1], [7, 2], [7, 3]].map(|turn| turn.map(Value::Int).to_vec()));
    }

    #[test]
    fn rows_are_one_statement_or_one_each() {
        let change =
            Change::new().insert("INSERT INTO t (a, b)", vec![vec![1.into(), 2.into()], vec![3.into(), 4.into()]]);
        let query = &change.steps[0].query;
        let mut text = String::new();
        query.spell(&mut text, |text, _| text.push('?')).unwrap();
        assert_eq!(text, "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)");
        assert_eq!(query.single(), "INSERT INTO t (a, b) VALUES (?, ?)");
        let turns: Vec<Vec<Value>> =
            query.turns().into_iter().map(|(former, latter)| [former, latter].concat()).collect();
        assert_eq!(turns, [[1, 2], [3, 4]].map(|turn| turn.map(Value::Int).to_vec()));
        let alone = Query::new("BEGIN", Vec::new());
        assert_eq!(alone.turns().len(), 1, "once, with nothing");
    }
}
