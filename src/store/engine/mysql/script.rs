//! Many statements sent as one text, their values as literals.
//!
//! Prepared statements would need no literals. `make bench ARGS=values` sends the transaction that accepts 64 (or 29)
//! messages each way, to a MariaDB on the same machine: as one text 18,378 (14,667) messages a second; prepared, row
//! by row, 5,070 (4,711); in a few fixed numbers of rows 25,209 (13,649), at 1.8 times our processor time for 29; in
//! bulk 27,001 (18,323). The text stays all the same. Only MariaDB has bulk execution: for MySQL and TiDB, where what
//! is left costs more than the twentieth that would be given for it (by 29), the literals would have to stay, and
//! each statement would have two ways. And a text is one round trip, where prepared statements are one each, a dozen in
//! such a transaction: nothing on the same machine, milliseconds to another. So a literal is written such that nothing
//! moves its end.

use std::fmt::Write as _;

use crate::store::engine::{Query, Result, Value};

/// A script that has come to so many bytes takes no more statements: servers read 16 MiB at once by default.
const SCRIPT: usize = 1 << 20;

/// Room for an ordinary one.
const ROOM: usize = 16 << 10;

/// How values are read. A proxy may have changed both, or handed on another connection.
pub(super) const SESSION: &str =
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";

/// Statements as text, and how many each holds behind the session's, which comes first: one round trip for all of
/// them. The server stops at the first that fails.
pub(super) fn scripts<'a>(queries: impl IntoIterator<Item = &'a Query>) -> Result<Vec<(String, usize)>> {
    let mut scripts: Vec<(String, usize)> = Vec::new();
    for query in queries {
        match scripts.last_mut() {
            Some((script, count)) if script.len() < SCRIPT => {
                script.push(';');
                query.spell(script, literal)?;
                *count += 1;
            }
            _ => {
                let mut script = String::with_capacity(ROOM);
                script.push_str(SESSION);
                script.push(';');
                query.spell(&mut script, literal)?;
                scripts.push((script, 1));
            }
        }
    }
    Ok(scripts)
}

/// A value as it stands in a statement: it ends at the same place whatever the session's mode and character set are.
fn literal(script: &mut String, value: &Value) {
    match value {
        Value::Null => script.push_str("NULL"),
        Value::Int(int) => {
            // writing to a string cannot fail
            let _ = write!(script, "{int}");
        }
        Value::Text(text) if text.bytes().all(is_plain) => script.extend(["'", text, "'"]),
        // no collation of its own, which would keep a column's index from being used
        Value::Text(text) => script.extend(["_utf8mb4 0x", &hex::encode(text)]),
        // not as 0x, which is a number where one fits; never as text, whatever they are: keys are compared as bytes
        Value::Bytes(bytes) => script.extend(["X'", &hex::encode(bytes), "'"]),
    }
}

/// Whether it is itself between single quotes, and ends nothing there.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\'' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What any server takes a literal for: text of one byte a character without an escape, or hex.
    fn taken(literal: &str) -> Option<Vec<u8>> {
        if let Some(hex) = literal.strip_prefix("X'") {
            return hex::decode(hex.strip_suffix('\'')?).ok();
        }
        if let Some(hex) = literal.strip_prefix("_utf8mb4 ").unwrap_or(literal).strip_prefix("0x") {
            return hex::decode(hex).ok().filter(|bytes| !bytes.is_empty());
        }
        let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
        let is_simple = inner.bytes().all(|byte| (0x20..0x7f).contains(&byte) && !b"'\\".contains(&byte));
        is_simple.then(|| inner.as_bytes().to_vec())
    }

    proptest! {
        #[test]
        fn a_value_ends_where_it_ends(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "(.|[\\\\'\"\0\n\r\x1a])*", plain in "[ -~]*") {
            let (text_bytes, plain_bytes) = (text.clone().into_bytes(), plain.clone().into_bytes());
            for (value, wanted) in [
                (Value::Text(text.clone()), &text_bytes),
                (Value::Text(plain), &plain_bytes),
                (Value::Bytes(text_bytes.clone()), &text_bytes),
                (Value::Bytes(bytes.clone()), &bytes),
            ] {
                let mut ours = String::new();
                literal(&mut ours, &value);
                prop_assert_eq!(taken(&ours), Some(wanted.clone()), "{}", ours);
            }
        }
    }

    #[test]
    fn values_are_written_where_they_belong() {
        let query = |sql: &'static str, values: Vec<Value>| Query::new(sql, values);
        let written = scripts(&[
            query("SELECT '?', a FROM t WHERE b = ? AND c = ?", vec!["it's \\ é".into(), Value::Null]),
            Query::rows(
                "INSERT INTO t (a, b)",
                "(?, ?)",
                2,
                vec![1.into(), vec![0xff_u8].into(), 2.into(), "{\"a\": \"?\"}".into()],
            ),
            Query::over("DELETE FROM t WHERE a = ? AND b IN ({})", &[7.into()], vec![3.into(), 1.into(), 2.into()]),
        ]);
        let wanted = "SELECT '?', a FROM t WHERE b = _utf8mb4 0x69742773205c20c3a9 AND c = NULL;\
                      INSERT INTO t (a, b) VALUES (1, X'ff'), (2, '{\"a\": \"?\"}');\
                      DELETE FROM t WHERE a = 7 AND b IN (1, 2, 3)";
        assert_eq!(written.unwrap(), [(format!("{SESSION};{wanted}"), 3)]);
        for values in [vec![], vec![1.into(), 2.into()]] {
            assert!(scripts(&[query("SELECT ?", values)]).is_err());
        }
    }

    #[test]
    fn much_is_sent_in_several_parts() {
        let long = Query::new("SELECT ?", vec!["x".repeat(SCRIPT / 2).into()]);
        let written = scripts(&vec![long; 7]).unwrap();
        assert_eq!(written.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 2, 2, 1]);
        assert!(written.iter().all(|(script, _)| script.starts_with(SESSION)));
    }
}
