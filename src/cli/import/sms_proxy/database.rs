//! The database of the older number proxy, as SQLAlchemy has made it: the tables `virtual_tn` and `session` (of later
//! versions `proxy_session`). Names in any case are taken, and columns may be missing.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// What it is called in one version or another, without `_` and in lower case.
const NUMBERS: [&str; 2] = ["virtualtn", "virtualtns"];
const SESSIONS: [&str; 4] = ["proxysession", "proxysessions", "session", "sessions"];

#[derive(Debug, Default)]
pub(super) struct OlderDatabase {
    pub(super) numbers: Vec<OlderProxyNumber>,
    pub(super) sessions: Vec<OlderProxySession>,
}

#[derive(Debug, Default)]
pub(super) struct OlderProxyNumber {
    pub(super) value: String,
    /// The id of the session that it is in.
    pub(super) session: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct OlderProxySession {
    pub(super) id: String,
    pub(super) created: Option<String>,
    pub(super) number: Option<String>,
    pub(super) people: [Option<String>; 2],
    pub(super) ends: Option<String>,
}

/// What a row has in its columns, by their plain names; what is empty is not there.
type OlderRow = HashMap<String, String>;

/// `virtual_TN` and `VirtualTN` are the same.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

pub(super) fn read(file: &Path) -> anyhow::Result<OlderDatabase> {
    let name = || file.display().to_string();
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).with_context(name)?;
    let (numbers, sessions) =
        (rows(&database, &NUMBERS).with_context(name)?, rows(&database, &SESSIONS).with_context(name)?);
    anyhow::ensure!(
        numbers.is_some() || sessions.is_some(),
        "{}: has neither of the older number proxy's tables, virtual_tn and session",
        name()
    );
    Ok(OlderDatabase {
        numbers: numbers.unwrap_or_default().into_iter().filter_map(number).collect(),
        sessions: sessions.unwrap_or_default().into_iter().filter_map(session).collect(),
    })
}

fn number(mut row: OlderRow) -> Option<OlderProxyNumber> {
    Some(OlderProxyNumber { value: row.remove("value")?, session: row.remove("sessionid") })
}

fn session(mut row: OlderRow) -> Option<OlderProxySession> {
    Some(OlderProxySession {
        id: row.remove("id")?,
        created: row.remove("datecreated"),
        number: row.remove("virtualtn"),
        people: [row.remove("participanta"), row.remove("participantb")],
        ends: row.remove("expirydate"),
    })
}

/// All rows of the first of these tables that is there.
fn rows(database: &Connection, names: &[&str]) -> anyhow::Result<Option<Vec<OlderRow>>> {
    let mut listed = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let tables: Vec<String> = listed.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let Some(table) = names.iter().find_map(|name| tables.iter().find(|table| plain(table) == *name)) else {
        return Ok(None);
    };
    let mut all = database.prepare(&format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")))?;
    let columns: Vec<String> = all.column_names().map(plain).collect();
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<OlderRow> {
        let mut fields = OlderRow::new();
        for (at, column) in columns.iter().enumerate() {
            if let Some(text) = text(row.get_ref(at)?) {
                fields.insert(column.clone(), text);
            }
        }
        Ok(fields)
    };
    let rows = all.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(rows))
}

/// SQLite keeps in a column what is put there: a number may have been a number.
fn text(value: ValueRef<'_>) -> Option<String> {
    let text = match value {
        ValueRef::Null => return None,
        ValueRef::Integer(whole) => whole.to_string(),
        ValueRef::Real(real) => real.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).trim().to_owned(),
    };
    Some(text).filter(|text| !text.is_empty())
}
