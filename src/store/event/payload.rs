//! What is posted of an event, which may be less than was written.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use crate::model::{Millis, carrier};

/// What is told of a message, or was: without its text once that has been redacted, however late the event was written.
pub(in crate::store) fn payload(text: &str, redacted_ms: Option<Millis>) -> String {
    if redacted_ms.is_some() { emptied(text) } else { shown(text) }
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

/// The JSON of a message, or of an event about one, without what was said.
pub(in crate::store) fn emptied(text: &str) -> String {
    // what cannot be read is not kept either
    let mut all = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
    let said = [
        ("/body", json!("")),
        ("/media_urls", json!([])),
        ("/media_types", json!([])),
        ("/carrier", json!({})),
        ("/carrier_omitted", json!(0)),
        ("/recording_url", json!(null)),
        ("/recording_sid", json!(null)),
    ];
    for (path, empty) in said {
        for prefix in ["", "/data"] {
            if let Some(said) = Json::pointer_mut(&mut all, &[prefix, path].concat()) {
                *said = empty.clone();
            }
        }
    }
    all.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_goes_and_the_rest_stays() {
        let message = json!({"id": "msg_1", "body": "secret", "media_urls": ["u"], "media_types": ["image/png"],
            "carrier": {"ProfileName": "secret"}, "carrier_omitted": 1, "metadata": {"body": "theirs"}});
        let bare = json!({"id": "msg_1", "body": "", "media_urls": [], "media_types": [],
            "carrier": {}, "carrier_omitted": 0, "metadata": {"body": "theirs"}});
        assert_eq!(emptied(&message.to_string()), bare.to_string());
        let event = |data: &Json| json!({"type": "message.sent", "data": data}).to_string();
        assert_eq!(emptied(&event(&message)), event(&bare));
        assert_eq!(emptied("no JSON: secret"), "{}");
        let call = json!({"id": "call_1", "recording_url": "https://x/RE1", "recording_sid": "RE1", "duration": 7});
        let bare = json!({"id": "call_1", "recording_url": null, "recording_sid": null, "duration": 7});
        assert_eq!(emptied(&event(&call)), event(&bare));
    }
}
