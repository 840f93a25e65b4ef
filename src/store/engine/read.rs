//! Rows read as types: a type's fields are the columns of a row, one after the other.

use std::fmt;

use serde::de::value::SeqDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, SeqAccess, Visitor};

use super::{Error, Result, Row, Value};

/// Bytes of a hash.
const HASH: usize = 32;

impl de::Error for Error {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Self::Data(said.to_string())
    }
}

impl Row {
    /// Reads what one column holds (a hash is an array of its bytes), or a struct or tuple of such, in the order of the columns. A field that is a struct
    /// itself has as many columns as it has fields; one that may be missing stands last.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        self.read_from(0)
    }

    /// The same from a column on.
    pub fn read_from<T: DeserializeOwned>(&self, column: usize) -> Result<T> {
        T::deserialize(&mut RowReader { row: self, next: column })
    }
}

/// Reads bytes at once: serde takes a [`Vec`] one by one.
pub(in crate::store) fn read_bytes<'de, D: de::Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }

    from.deserialize_bytes(Bytes)
}

/// What is left to read of a row.
struct RowReader<'a> {
    row: &'a Row,
    next: usize,
}

impl RowReader<'_> {
    /// Takes the next column.
    fn take(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }
}

impl<'de> de::Deserializer<'de> for &mut RowReader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value> {
        Err(Error::Data("no column is of a type like that".into()))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let column = self.take();
        visitor.visit_bool(self.row.int(column)? != 0)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let column = self.take();
        visitor.visit_i64(self.row.int(column)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let column = self.take();
        visitor.visit_str(self.row.text(column)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let column = self.take();
        visitor.visit_bytes(self.row.bytes(column)?)
    }

    /// A list is one of bytes.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let column = self.take();
        visitor.visit_seq(SeqDeserializer::new(self.row.bytes(column)?.iter().copied()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.row.0.get(self.next) == Some(&Value::Null) {
            self.next += 1;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    /// So many as a hash has bytes are those of one column.
    fn deserialize_tuple<V: Visitor<'de>>(self, fields: usize, visitor: V) -> Result<V::Value> {
        if fields == HASH { self.deserialize_seq(visitor) } else { visitor.visit_seq(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_seq(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let column = self.take();
        visitor.visit_enum(self.row.text(column)?.into_deserializer())
    }

    /// What has a shorter form than its text is kept in that.
    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char byte_buf unit unit_struct newtype_struct tuple_struct map
        identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for RowReader<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        seed.deserialize(self).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::model::{ClientId, FromBytes as _, Money};

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        count: i64,
        name: Option<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Outer {
        id: ClientId,
        amount: Money,
        is_open: bool,
        sealed: Option<Vec<u8>>,
        #[serde(deserialize_with = "read_bytes")]
        secret: Vec<u8>,
        kind: Kind,
        inner: Inner,
        hash: Option<[u8; 32]>,
        last: Option<Inner>,
    }

    #[test]
    fn fields_are_the_columns_in_their_order() {
        let columns = |last: [Value; 2]| {
            let head: [Value; 4] = [[7; 16].into(), 2_500_000.into(), 1.into(), vec![0xff_u8].into()];
            let middle: [Value; 5] = [vec![9_u8, 0].into(), "one".into(), 3.into(), Value::Null, [5; 32].into()];
            Row([head.to_vec(), middle.to_vec(), last.to_vec()].concat())
        };
        let outer = |last| Outer {
            id: ClientId::from_bytes([7; 16]),
            amount: Money::from_micros(2_500_000),
            is_open: true,
            sealed: Some(vec![0xff]),
            secret: vec![9, 0],
            kind: Kind::One,
            inner: Inner { count: 3, name: None },
            hash: Some([5; 32]),
            last,
        };
        assert_eq!(columns([Value::Null, Value::Null]).read::<Outer>().ok(), Some(outer(None)));
        let last = Inner { count: 4, name: Some("x".into()) };
        assert_eq!(columns([4.into(), "x".into()]).read::<Outer>().ok(), Some(outer(Some(last))));
    }

    #[test]
    fn what_is_something_else_is_told_and_not_shown() {
        let row = Row(vec!["secret".into()]);
        assert_eq!(row.read::<String>().ok().as_deref(), Some("secret"));
        for error in [row.read::<i64>().err(), row.read::<(String, i64)>().err(), row.read::<ClientId>().err()] {
            assert!(matches!(&error, Some(Error::Data(said)) if !said.contains("secret")), "{error:?}");
        }
    }
}
