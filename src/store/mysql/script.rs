//! Many statements sent as one text.

use std::fmt::Write as _;

use crate::store::{Query, Result, Value};

/// A script that has come to so many bytes takes no more statements: servers read 16 MiB at once by default.
const SCRIPT: usize = 1 << 20;

/// Room for an ordinary one.
const ROOM: usize = 16 << 10;

/// Statements as text, and how many each holds: one round trip for all of them. The server stops at the first that
/// fails.
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
                query.spell(&mut script, literal)?;
                scripts.push((script, 1));
            }
        }
    }
    Ok(scripts)
}

/// A value as it stands in a statement. That a backslash escapes, and that this is UTF-8, the session sees to.
fn literal(script: &mut String, value: &Value) {
    match value {
        Value::Null => script.push_str("NULL"),
        // writing to a string cannot fail
        Value::Int(int) => drop(write!(script, "{int}")),
        Value::Text(text) => quote(script, text),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => quote(script, text),
            Err(_) => drop(write!(script, "0x{}", hex::encode_upper(bytes))),
        },
    }
}

fn quote(script: &mut String, mut text: &str) {
    const SPECIAL: [(char, &str); 7] =
        [('\\', "\\\\"), ('\'', "\\'"), ('"', "\\\""), ('\0', "\\0"), ('\n', "\\n"), ('\r', "\\r"), ('\x1a', "\\Z")];
    script.push('\'');
    while let Some(at) = text.find(SPECIAL.map(|(special, _)| special)) {
        let (plain, rest) = text.split_at(at);
        script.push_str(plain);
        let (special, escaped) = SPECIAL.iter().find(|(special, _)| rest.starts_with(*special)).unwrap_or(&SPECIAL[0]);
        script.push_str(escaped);
        text = &rest[special.len_utf8()..];
    }
    script.push_str(text);
    script.push('\'');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As the driver's own library writes it.
        #[test]
        fn a_value_is_written_as_the_library_does(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "(.|[\\\\'\"\0\n\r\x1a])*", int: i64) {
            for value in [Value::Null, Value::Int(int), Value::Text(text), Value::Bytes(bytes)] {
                let mut ours = String::new();
                literal(&mut ours, &value);
                prop_assert_eq!(ours, mysql_async::Value::from(value).as_sql(false));
            }
        }
    }

    #[test]
    fn values_are_written_where_they_belong() {
        let query = |sql: &'static str, values: Vec<Value>| Query::new(sql, values);
        let written = scripts(&[
            query("SELECT '?', a FROM t WHERE b = ? AND c = ?", vec!["it's \\ a \"?\"".into(), Value::Null]),
            Query::rows(
                "INSERT INTO t (a, b)",
                "(?, ?)",
                2,
                vec![1.into(), vec![0xff_u8].into(), 2.into(), "\0\n".into()],
            ),
            Query::over("DELETE FROM t WHERE a = ? AND b IN ({})", &[7.into()], vec![3.into(), 1.into(), 2.into()]),
        ]);
        let wanted = "SELECT '?', a FROM t WHERE b = 'it\\'s \\\\ a \\\"?\\\"' AND c = NULL;\
                      INSERT INTO t (a, b) VALUES (1, 0xFF), (2, '\\0\\n');\
                      DELETE FROM t WHERE a = 7 AND b IN (1, 2, 3)";
        assert_eq!(written.unwrap(), [(wanted.to_owned(), 3)]);
        for values in [vec![], vec![1.into(), 2.into()]] {
            assert!(scripts(&[query("SELECT ?", values)]).is_err());
        }
    }

    #[test]
    fn much_is_sent_in_several_parts() {
        let long = Query::new("SELECT ?", vec!["x".repeat(SCRIPT / 2).into()]);
        let counts: Vec<usize> = scripts(&vec![long; 7]).unwrap().iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 2, 2, 1]);
    }
}
