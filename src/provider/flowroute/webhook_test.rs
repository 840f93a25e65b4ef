//! Both shapes of an inbound message, and every spelling of a receipt.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn both_inbound_shapes_are_read() -> Result<(), Unreadable> {
    let newer = json!({"data": {"id": "mdr2-1", "type": "message", "attributes": {
        "to": "14155550199", "from": "14155550100", "body": "hello", "is_mms": true, "direction": "inbound"}},
        "included": [{"type": "media", "id": "1", "attributes": {"url": "https://a/1", "mime_type": "image/png"}}]});
    let inbound = parse_inbound(newer.to_string().as_bytes())?;
    assert_eq!((inbound.from.as_str(), inbound.to.as_str()), ("+14155550100", "+14155550199"));
    assert_eq!((inbound.provider_id.as_str(), inbound.body.as_str()), ("mdr2-1", "hello"));
    assert_eq!((inbound.media[0].url.as_str(), inbound.media[0].content_type.as_str()), ("https://a/1", "image/png"));
    let older = br#"{"to": "14155550199", "from": "40404", "body": "hello", "id": "mdr1-1"}"#;
    let inbound = parse_inbound(older)?;
    assert_eq!((inbound.from.as_str(), inbound.provider_id.as_str()), ("40404", "mdr1-1"));
    assert_eq!(parse_inbound(b"{}"), Err(Unreadable("id")));
    assert_eq!(parse_inbound(b"to=1"), Err(Unreadable("JSON body")));
    Ok(())
}

#[test]
fn a_receipts_code_may_be_of_any_type() {
    for (code, expected) in [(json!("50"), Some(50)), (json!(50), Some(50)), (json!(null), None), (json!("x"), None)] {
        let body = json!({"data": {"type": "delivery_receipt", "id": "mdr2-1", "attributes": {
            "level": 2, "status": "smsc reject", "status_code": code, "timestamp": "2023-11-14T22:13:20.50"}}});
        let receipt = Receipt {
            provider_id: "mdr2-1".into(),
            state: ReceiptState::Failed,
            error_code: expected,
            at_ms: Some(1_700_000_000_500),
            call: None,
        };
        assert_eq!(parse_receipt(body.to_string().as_bytes()), Ok(receipt));
    }
    assert_eq!(parse_receipt(br#"{"data": {"id": "mdr2-1"}}"#), Err(Unreadable("status")));
}

#[test]
fn its_words_are_understood() {
    for (word, expected) in [
        ("delivered", ReceiptState::Delivered),
        ("Undelivered", ReceiptState::Undelivered),
        ("undeliverable", ReceiptState::Undelivered),
        ("message buffered", ReceiptState::Sending),
        ("smsc submit", ReceiptState::Sent),
        ("smsc reject", ReceiptState::Failed),
        ("smsc intermediate notifications", ReceiptState::Sending),
        ("", ReceiptState::Unknown),
        ("teleported", ReceiptState::Unknown),
    ] {
        assert_eq!(state(word), expected, "{word}");
    }
}

#[test]
fn a_success_has_no_error_code() {
    let body = br#"{"data":{"id":"m","attributes":{"status":"delivered","status_code":1001,"timestamp":null}}}"#;
    let receipt =
        Receipt { provider_id: "m".into(), state: ReceiptState::Delivered, error_code: None, at_ms: None, call: None };
    assert_eq!(parse_receipt(body), Ok(receipt));
}

proptest! {
    #[test]
    fn no_body_panics(text in "\\PC{0,40}", at in 0..5_usize) {
        let fields = json!({"id": text, "from": text, "to": [text], "status": text, "timestamp": text, "body": 1});
        let body = [
            text.clone(),
            fields.to_string(),
            json!({"data": fields, "included": [text, {"url": text}]}).to_string(),
            json!({"data": {"id": text, "attributes": fields}}).to_string(),
            json!([fields]).to_string(),
        ][at].clone();
        let _ = (parse_inbound(body.as_bytes()), parse_receipt(body.as_bytes()));
    }
}
