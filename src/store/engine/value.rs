//! The few kinds of value that both engines share, and rows of them.

use super::{Error, Result};
use crate::model::{FromBytes, Id, Money};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The parameters of a statement, or the values of a row, each turned into a [`Value`].
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::engine::Value::from($value)),*] };
}

pub(in crate::store) use params;

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl From<Money> for Value {
    fn from(amount: Money) -> Self {
        Self::Int(amount.micros())
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Id> From<T> for Value {
    fn from(id: T) -> Self {
        id.bytes().into()
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(maybe: Option<T>) -> Self {
        maybe.map_or(Self::Null, Into::into)
    }
}

impl Value {
    /// How long it is, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// No id is below the first, nor above the second.
pub(in crate::store) const LOWEST: [u8; 16] = [0; 16];
pub(in crate::store) const HIGHEST: [u8; 16] = [0xff; 16];

/// Below what a list goes on that comes down from the newest, behind the id `after`.
pub(in crate::store) fn below<T: Id>(after: Option<T>) -> Value {
    after.map_or_else(|| HIGHEST.into(), Value::from)
}

/// Above what a list goes on that goes up from the oldest, behind the id `after`.
pub(in crate::store) fn above<T: Id>(after: Option<T>) -> Value {
    after.map_or_else(|| LOWEST.into(), Value::from)
}

/// How many rows a `LIMIT` lets through.
pub(in crate::store) fn at_most(count: usize) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// One row, its columns in the order of the `SELECT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn at(&self, column: usize) -> Result<&Value> {
        self.0.get(column).ok_or_else(|| Error::Data(format!("no column {column}")))
    }

    pub fn int(&self, column: usize) -> Result<i64> {
        match self.at(column)? {
            Value::Int(int) => Ok(*int),
            other => other_kind(column, "an integer", other),
        }
    }

    pub fn text(&self, column: usize) -> Result<&str> {
        match self.at(column)? {
            Value::Text(text) => Ok(text),
            Value::Bytes(bytes) => std::str::from_utf8(bytes).map_err(|_| Error::Data(format!("column {column}"))),
            other => other_kind(column, "text", other),
        }
    }

    pub fn bytes(&self, column: usize) -> Result<&[u8]> {
        match self.at(column)? {
            Value::Text(text) => Ok(text.as_bytes()),
            Value::Bytes(bytes) => Ok(bytes),
            other => other_kind(column, "bytes", other),
        }
    }

    /// As many bytes as that type has.
    pub fn array<const N: usize>(&self, column: usize) -> Result<[u8; N]> {
        let bytes = self.bytes(column)?;
        bytes.try_into().map_err(|_| Error::Data(format!("column {column} has {} bytes, not {N}", bytes.len())))
    }

    pub fn id<T: FromBytes>(&self, column: usize) -> Result<T> {
        self.array(column).map(T::from_bytes)
    }

    /// The bytes of a key, to ask for its row.
    pub fn key(&self, column: usize) -> Result<Value> {
        self.bytes(column).map(|bytes| bytes.to_vec().into())
    }

    pub fn maybe_bytes(&self, column: usize) -> Result<Option<&[u8]>> {
        if *self.at(column)? == Value::Null { Ok(None) } else { self.bytes(column).map(Some) }
    }

    pub fn maybe_int(&self, column: usize) -> Result<Option<i64>> {
        if *self.at(column)? == Value::Null { Ok(None) } else { self.int(column).map(Some) }
    }

    pub fn maybe_text(&self, column: usize) -> Result<Option<&str>> {
        if *self.at(column)? == Value::Null { Ok(None) } else { self.text(column).map(Some) }
    }
}

/// What can be read of rows that are read together, their ids in their first columns: one that cannot be read must not
/// keep the others out, and is said in the log.
pub(in crate::store) fn readable<T>(what: &'static str, rows: &[Row], parse: impl Fn(&Row) -> Result<T>) -> Vec<T> {
    let said = |row: &Row, error: &Error| {
        let id =
            row.bytes(0).map_or_else(|_| "unreadable".to_owned(), |bytes| hex::encode(&bytes[..bytes.len().min(32)]));
        tracing::error!(?id, %error, "a row cannot be read, and is passed over: {what}");
    };
    rows.iter().filter_map(|row| parse(row).inspect_err(|error| said(row, error)).ok()).collect()
}

/// Says the kind found, never the value: it may be a secret.
fn other_kind<T>(column: usize, wanted: &str, found: &Value) -> Result<T> {
    let found = match found {
        Value::Null => "NULL",
        Value::Int(_) => "an integer",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    };
    Err(Error::Data(format!("column {column} is {found}, not {wanted}")))
}
