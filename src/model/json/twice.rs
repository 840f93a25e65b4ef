//! Names that come twice in a JSON object: which of the two was meant, its readers would decide differently.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Goes before the name in the error by which reading ends.
const TWICE: &str = "twice: ";

/// The name that an object in this JSON has twice. What is no JSON has none: who reads it for what it says, says so.
pub fn twice(json: &[u8]) -> Option<String> {
    let error = serde_json::from_slice::<UniqueJsonKeys>(json).err()?.to_string();
    let (name, _) = error.strip_prefix(TWICE)?.rsplit_once(" at line ")?;
    Some(name.to_owned())
}

/// Any value in which no object names anything twice.
struct UniqueJsonKeys;

impl<'de> Deserialize<'de> for UniqueJsonKeys {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(UniqueJsonKeysVisitor)
    }
}

struct UniqueJsonKeysVisitor;

impl<'de> Visitor<'de> for UniqueJsonKeysVisitor {
    type Value = UniqueJsonKeys;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueJsonKeys, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(format!("{TWICE}{name}")));
            }
            names.insert(name);
            map.next_value::<UniqueJsonKeys>()?;
        }
        Ok(UniqueJsonKeys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<UniqueJsonKeys, A::Error> {
        while list.next_element::<UniqueJsonKeys>()?.is_some() {}
        Ok(UniqueJsonKeys)
    }

    fn visit_unit<E>(self) -> Result<UniqueJsonKeys, E> {
        Ok(UniqueJsonKeys)
    }

    fn visit_bool<E>(self, _: bool) -> Result<UniqueJsonKeys, E> {
        Ok(UniqueJsonKeys)
    }

    fn visit_i64<E>(self, _: i64) -> Result<UniqueJsonKeys, E> {
        Ok(UniqueJsonKeys)
    }

    fn visit_u64<E>(self, _: u64) -> Result<UniqueJsonKeys, E> {
        Ok(UniqueJsonKeys)
    }

    fn visit_f64<E>(self, _: f64) -> Result<UniqueJsonKeys, E> {
        Ok(UniqueJsonKeys)
    }

    fn visit_str<E>(self, _: &str) -> Result<UniqueJsonKeys, E> {
        Ok(UniqueJsonKeys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_is_found_wherever_it_is() {
        for (json, name) in [
            (r#"{"to": 1, "to": 1}"#, Some("to")),
            (r#"{"to": 1, "t\u006f": 2}"#, Some("to")),
            (r#"{"a": [{"b": null, "c": {"d": 1.5, "d": true}}]}"#, Some("d")),
            (r#"{"": 1, "": 2}"#, Some("")),
            (r#"{"a at line 1": 1, "a at line 1": 2}"#, Some("a at line 1")),
            (r#"{"a": {"b": 1}, "b": {"a": 1}, "c": [1, -1, "x", {}]}"#, None),
            (r#"{"a": 1, "A": 1}"#, None),
            (r#"{"a": 1, "a": "#, Some("a")),
            (r#"{"a": 1, "#, None),
            ("twice: x at line 1", None),
            ("", None),
        ] {
            assert_eq!(twice(json.as_bytes()).as_deref(), name, "{json}");
        }
    }
}
