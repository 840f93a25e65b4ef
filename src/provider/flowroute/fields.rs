//! What Flowroute says of a message that came in, besides what we read of it.

use serde_json::Value;

use crate::model::CarrierFields;

/// What is read, or says the same again.
const READ: [&str; 5] = ["id", "type", "from", "to", "body"];
/// What is the operator's: the path that Flowroute posts to is its proof, and what it takes for a message is theirs.
const OURS: [&str; 5] = ["message_callback_url", "callback_url", "amount_display", "amount_nanodollars", "links"];

/// The attributes of a message; texts as they are, all else as JSON. Nulls say nothing.
pub(super) fn carrier(attributes: &Value) -> CarrierFields {
    let texts: Vec<(&str, String)> = attributes
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !value.is_null() && !READ.contains(&name.as_str()) && !OURS.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    CarrierFields::of(texts.iter().map(|(name, value)| (*name, value.as_str())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_we_do_not_read_is_passed_on_and_what_is_ours_is_not() {
        let attributes = json!({
            "to": "1", "from": "2", "body": "hello", "is_mms": true, "direction": "inbound", "status": null,
            "timestamp": "2030-01-31T12:00:00.00Z", "message_callback_url": "https://sms.example.org/webhooks/x",
            "amount_nanodollars": 4_000_000, "delivery_receipts": [], "message_encoding": 0, "auth_token": "hush",
        });
        let expected = [
            ("delivery_receipts", "[]"),
            ("direction", "inbound"),
            ("is_mms", "true"),
            ("message_encoding", "0"),
            ("timestamp", "2030-01-31T12:00:00.00Z"),
        ];
        let passed = carrier(&attributes);
        assert_eq!(
            passed.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(carrier(&json!("text")), CarrierFields::default());
    }
}
