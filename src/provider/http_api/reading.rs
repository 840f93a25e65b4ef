//! Where values are in what a carrier writes: forms, JSON, XML and plain text.

use regex::{Regex, RegexBuilder};
use roxmltree::Document as XmlDocument;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{form, json};

/// How a carrier writes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum CarrierBodyFormat {
    Form,
    Json,
    Xml,
    Text,
}

/// Where a value is in documents of one format. What is not there, or is there more than once, has no value.
#[derive(Clone, Debug)]
pub(super) enum ValuePath {
    /// A field of a form.
    Field(String),
    /// Steps from the whole inwards.
    Steps(Vec<String>),
    /// What the first group of a pattern finds in a text.
    Pattern(Regex),
}

/// Bytes of what is read at most: no carrier has more to say of one message.
const LONGEST: usize = 64 * 1024;
/// Bytes that a pattern may come to.
const LARGEST_PATTERN: usize = 256 * 1024;
/// The only element, whatever its name or place.
const ONLY: &str = "*";
/// The name of an element of XML, in place of what is in it.
const NAME: &str = "name()";

impl ValuePath {
    /// Reads a path as a description writes it; or what is wrong with it.
    pub(super) fn parse(format: CarrierBodyFormat, text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("must not be empty: leave it out".to_owned());
        }
        match format {
            CarrierBodyFormat::Form => Ok(Self::Field(text.to_owned())),
            CarrierBodyFormat::Text => {
                let pattern = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build().ok();
                let pattern = pattern.filter(|pattern| pattern.captures_len() > 1);
                let wrong = "must be a regular expression with a group, and no large one, such as ^OK ([0-9]+)$";
                pattern.map(Self::Pattern).ok_or_else(|| wrong.to_owned())
            }
            CarrierBodyFormat::Json | CarrierBodyFormat::Xml => {
                let steps: Vec<String> =
                    text.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
                if steps.iter().any(String::is_empty) {
                    return Err("must be names with a / between them, such as messages/0/id".to_owned());
                }
                let is_last = |step: &String| step.starts_with('@') || step == NAME;
                let before_last = &steps[..steps.len() - 1];
                if format == CarrierBodyFormat::Xml && before_last.iter().any(is_last) {
                    return Err("must end with @attribute or name(), which nothing is below".to_owned());
                }
                Ok(Self::Steps(steps))
            }
        }
    }
}

/// What a carrier wrote, read as far as all values need.
pub(super) enum ReadDocument<'a> {
    Form(Vec<(String, String)>),
    Json(Value),
    Xml(XmlDocument<'a>),
    Text(&'a str),
}

impl<'a> ReadDocument<'a> {
    /// `None`: it is not of this format, or too long. XML may bring no DTD, nor JSON a name twice.
    pub(super) fn parse(format: CarrierBodyFormat, text: &'a str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        Some(match format {
            CarrierBodyFormat::Form => Self::Form(form::fields(text.as_bytes())),
            CarrierBodyFormat::Json => Self::Json(only_json(text)?),
            CarrierBodyFormat::Xml => Self::Xml(XmlDocument::parse(text.trim_start()).ok()?),
            CarrierBodyFormat::Text => Self::Text(text.trim()),
        })
    }

    /// A value as a text; numbers and truths as they are written.
    pub(super) fn value(&self, path: &ValuePath) -> Option<String> {
        match (self, path) {
            (Self::Form(fields), ValuePath::Field(wanted)) => {
                only(fields.iter().filter(|(name, _)| name == wanted)).map(|(_, value)| value.clone())
            }
            (Self::Json(whole), ValuePath::Steps(steps)) => match in_json(whole, steps)? {
                Value::String(text) => Some(text.clone()),
                other @ (Value::Number(_) | Value::Bool(_)) => Some(other.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
            },
            (Self::Xml(document), ValuePath::Steps(steps)) => in_xml(document, steps),
            (Self::Text(text), ValuePath::Pattern(pattern)) => {
                Some(pattern.captures(text)?.get(1)?.as_str().to_owned())
            }
            _ => None,
        }
    }

    /// A carrier's name for a message: in JSON a text, or a whole number above 0.
    pub(super) fn id(&self, path: &ValuePath) -> Option<String> {
        let number = match (self, path) {
            (Self::Json(whole), ValuePath::Steps(steps)) => match in_json(whole, steps)? {
                Value::String(_) => None,
                other => Some(other.as_u64().filter(|number| *number > 0)?.to_string()),
            },
            _ => None,
        };
        number.or_else(|| self.value(path)).filter(|id| !id.is_empty())
    }
}

/// JSON whose texts are mended where they are none: what a person writes is read. Of what is named twice nobody knows
/// which was meant.
fn only_json(text: &str) -> Option<Value> {
    let repaired = json::repaired(text.as_bytes());
    if json::twice(&repaired).is_some() { None } else { serde_json::from_slice(&repaired).ok() }
}

/// What there is one of.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    if all.next().is_some() { None } else { Some(first) }
}

/// Names of members, and places in lists from 0.
fn in_json<'v>(whole: &'v Value, steps: &[String]) -> Option<&'v Value> {
    steps.iter().try_fold(whole, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(list) if step == ONLY => only(list.iter()),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Names of elements below the root, of whatever namespace.
fn in_xml(document: &XmlDocument<'_>, steps: &[String]) -> Option<String> {
    let mut node = document.root_element();
    for step in steps {
        if step == NAME {
            return Some(node.tag_name().name().to_owned());
        }
        if let Some(attribute) = step.strip_prefix('@') {
            return node.attribute(attribute).map(str::to_owned);
        }
        let is_it = |name: &str| step == ONLY || step == name;
        node = only(node.children().filter(|child| child.is_element() && is_it(child.tag_name().name())))?;
    }
    let is_text = !node.children().any(|child| child.is_element());
    is_text.then(|| node.children().filter_map(|child| child.text().filter(|_| child.is_text())).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(format: CarrierBodyFormat, text: &str, path: &str) -> Option<String> {
        ReadDocument::parse(format, text)?.value(&ValuePath::parse(format, path).unwrap())
    }

    #[test]
    fn values_are_found_in_json() {
        let one = r#"{"a": {"b/c": [{"id": "x"}, {"id": 17, "ok": true, "none": null}]}, "d": [{"id": "y"}]}"#;
        for (path, found) in [
            ("a/b~1c/0/id", Some("x")),
            ("a/b~1c/1/id", Some("17")),
            ("a/b~1c/1/ok", Some("true")),
            ("a/b~1c/1/none", None),
            ("a/b~1c/2/id", None),
            ("a/b~1c/*/id", None),
            ("a/b~1c/-1/id", None),
            ("d/*/id", Some("y")),
            ("d/id", None),
            ("d", None),
            ("e", None),
        ] {
            assert_eq!(value(CarrierBodyFormat::Json, one, path).as_deref(), found, "{path}");
        }
        let broken = r#"{"a": "x\ud83dy", "b": "x\u0000y"}"#;
        for path in ["a", "b"] {
            assert_eq!(value(CarrierBodyFormat::Json, broken, path).as_deref(), Some("x\u{fffd}y"), "{path}");
        }
        for odd in ["", "x", "[", "{\"a\": 1} {}", "{\"a\": 1, \"a\": 1}", "{\"b\": [{\"a\": 1, \"a\": 2}]}"] {
            assert!(ReadDocument::parse(CarrierBodyFormat::Json, odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn values_are_found_in_xml() {
        let one = concat!(
            " <?xml version=\"1.0\"?><r xmlns='http://x/' id='7'><a id='1'>x &amp; <!-- no --><![CDATA[<y>]]></a>",
            "<b><c/></b><b>2</b><e><f>z</f></e></r>"
        );
        for (path, found) in [
            ("name()", Some("r")),
            ("@id", Some("7")),
            ("a", Some("x & <y>")),
            ("a/@id", Some("1")),
            ("a/name()", Some("a")),
            ("e/*", Some("z")),
            ("e/*/name()", Some("f")),
            ("e", None),
            ("b", None),
            ("b/c", None),
            ("*", None),
            ("a/@none", None),
            ("none/a", None),
        ] {
            assert_eq!(value(CarrierBodyFormat::Xml, one, path).as_deref(), found, "{path}");
        }
        let bomb = "<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>";
        for odd in ["", "<r>", "<r/><r/>", bomb] {
            assert!(ReadDocument::parse(CarrierBodyFormat::Xml, odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn values_are_found_in_forms_and_texts() {
        for (path, found) in [("a", Some("1 2")), ("b", None), ("c", Some("")), ("d", None)] {
            assert_eq!(value(CarrierBodyFormat::Form, "a=1+2&b=3&b=4&c=", path).as_deref(), found, "{path}");
        }
        for (text, found) in
            [("OK: 17", Some("17")), ("\n OK: 17\r\n", Some("17")), ("ERR: 17", None), ("OK: ", None), ("", None)]
        {
            assert_eq!(value(CarrierBodyFormat::Text, text, "^OK: ([0-9]+)$").as_deref(), found, "{text}");
        }
    }

    #[test]
    fn paths_that_lead_nowhere_are_refused() {
        for (format, path) in [
            (CarrierBodyFormat::Json, ""),
            (CarrierBodyFormat::Json, "/a"),
            (CarrierBodyFormat::Json, "a//b"),
            (CarrierBodyFormat::Xml, "@id/a"),
            (CarrierBodyFormat::Xml, "name()/a"),
            (CarrierBodyFormat::Text, "OK"),
            (CarrierBodyFormat::Text, "("),
            (CarrierBodyFormat::Text, "((\\w{200}){200})"),
            (CarrierBodyFormat::Form, ""),
        ] {
            assert!(ValuePath::parse(format, path).is_err(), "{format:?} {path}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let long = |length: usize| format!("id={}", "x".repeat(length - 3));
        assert!(ReadDocument::parse(CarrierBodyFormat::Form, &long(LONGEST)).is_some());
        for format in
            [CarrierBodyFormat::Form, CarrierBodyFormat::Json, CarrierBodyFormat::Xml, CarrierBodyFormat::Text]
        {
            assert!(ReadDocument::parse(format, &long(LONGEST + 1)).is_none(), "{format:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[<>{}\\[\\]\"':,&=/a-z0-9 ]{0,40}|\\PC{0,40}", path in "[a-z@*/~()0-9]{1,12}") {
            for format in [CarrierBodyFormat::Form, CarrierBodyFormat::Json, CarrierBodyFormat::Xml, CarrierBodyFormat::Text] {
                let found = ValuePath::parse(format, &path).ok();
                let _ = found.and_then(|path| ReadDocument::parse(format, &text)?.value(&path));
            }
        }
    }
}
