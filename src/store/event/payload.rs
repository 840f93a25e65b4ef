//! What is posted of an event, which may be less than was written.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::model::{Millis, carrier};
use crate::store::message;

/// What is told of a message, or was: without its text once that has been redacted, however late the event was written.
pub(in crate::store) fn payload(text: &str, redacted_ms: Option<Millis>) -> String {
    if redacted_ms.is_some() { message::redaction::emptied(text) } else { shown(text) }
}

/// What was told while carriers' words were told as they came.
fn shown(text: &str) -> String {
    if !carrier::names_operator(text) {
        return text.to_owned();
    }
    let mut all: Json = serde_json::from_str(text).unwrap_or_default();
    let mut is_changed = false;
    for path in ["/data/error/reason", "/data/carrier"] {
        is_changed |= all.pointer_mut(path).is_some_and(take_ids);
    }
    if is_changed { all.to_string() } else { text.to_owned() }
}

/// Whether there were any.
fn take_ids(said: &mut Json) -> bool {
    match said {
        Json::String(words) => {
            let Cow::Owned(shown) = carrier::shown(words) else { return false };
            *words = shown;
            true
        }
        Json::Object(fields) => fields.values_mut().map(take_ids).filter(|is_changed| *is_changed).count() > 0,
        _ => false,
    }
}

/// What is told, with the place that it has among the events of its object: known only since it was committed.
pub(in crate::store) fn numbered(payload: String, sequence: Option<i64>) -> String {
    const DATA: &str = r#""data":{"#;
    match (sequence, payload.split_once(DATA)) {
        (Some(sequence), Some((before, rest))) => format!(r#"{before}{DATA}"sequence":{sequence},{rest}"#),
        _ => payload,
    }
}
