//! Changes of those columns alone that are named: somebody else may be changing the rest.

use super::Value;

/// `, a = ?, b = ?` of the columns that have a value, and those.
pub(super) fn named<const N: usize>(columns: [(&str, Option<Value>); N]) -> (String, Vec<Value>) {
    let (mut sql, mut params) = (String::new(), Vec::new());
    for (column, value) in columns {
        let Some(value) = value else { continue };
        sql.push_str(", ");
        sql.push_str(column);
        sql.push_str(" = ?");
        params.push(value);
    }
    (sql, params)
}
