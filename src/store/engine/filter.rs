//! A `WHERE` in the making.

use super::Value;
use super::change::marks;

/// Conditions, all of which must be met, with their parameters.
pub(in crate::store) struct SqlConditions {
    sql: String,
    params: Vec<Value>,
}

impl SqlConditions {
    pub(in crate::store) fn of(condition: &str, params: Vec<Value>) -> Self {
        Self { sql: condition.to_owned(), params }
    }

    /// One more.
    pub(in crate::store) fn and(mut self, condition: &str, params: Vec<Value>) -> Self {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.params.extend(params);
        self
    }

    /// One more where there is a value: each of its marks gets that.
    pub(in crate::store) fn and_some<T: Into<Value>>(self, condition: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.and(condition, vec![value.into(); condition.matches('?').count()]),
            None => self,
        }
    }

    /// One of these keys; their list is filled up with its last one, so that there are few shapes.
    pub(in crate::store) fn one_of(self, column: &str, keys: &[Value]) -> Self {
        let size = keys.len().next_power_of_two();
        let last = keys.last().unwrap_or(&Value::Null);
        let filled = keys.iter().chain(std::iter::repeat(last)).take(size).cloned().collect();
        self.and(&format!("{column} IN ({})", marks(size)), filled)
    }

    /// The statement that begins with `select`, and its parameters.
    pub(in crate::store) fn all(self, select: &str) -> (String, Vec<Value>) {
        (format!("{select} WHERE {}", self.sql), self.params)
    }

    /// The same of so many rows; `order` ends with the place of their number.
    pub(in crate::store) fn page(self, select: &str, order: &str, count: impl TryInto<i64>) -> (String, Vec<Value>) {
        let (sql, mut params) = self.all(select);
        params.push(count.try_into().unwrap_or(i64::MAX).into());
        (format!("{sql} {order}"), params)
    }
}

/// `(state = 'accepted' OR state = 'queued' OR …)`: one of these words, of which there is at least one, and none with a
/// quote. Not as a list: the embedded engine makes a tree of one of three or more, anew each time that the statement is
/// run.
pub(in crate::store) fn is_one_of<'a>(column: &str, words: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<_> = words.map(|word| format!("{column} = '{word}'")).collect();
    format!("({})", all.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_bring_their_values_in_their_order() {
        let conditions = SqlConditions::of("a = ?", vec![1.into()])
            .and_some("b = ?", None::<i64>)
            .and_some("c < ? AND d > ?", Some(2))
            .one_of("e", &[3, 4, 5].map(Value::Int))
            .and("f IS NULL", Vec::new());
        let (sql, params) = conditions.page("SELECT g FROM t", "ORDER BY g LIMIT ?", 6_usize);
        let wanted = "SELECT g FROM t WHERE a = ? AND c < ? AND d > ? AND e IN (?, ?, ?, ?) AND f IS NULL \
                      ORDER BY g LIMIT ?";
        assert_eq!(sql, wanted);
        assert_eq!(params, [1, 2, 2, 3, 4, 5, 5, 6].map(Value::Int));
    }
}
