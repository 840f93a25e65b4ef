//! Both shapes of an inbound message, and every spelling of a receipt.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn both_inbound_shapes_are_read() -> Result<(), UnreadableWebhook> {
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
    assert_eq!(parse_inbound(b"{}"), Err(UnreadableWebhook("id")));
    assert_eq!(parse_inbound(b"to=1"), Err(UnreadableWebhook("JSON body")));
    Ok(())
}

#[test]
fn numbers_and_ids_are_read_in_any_form() -> Result<(), UnreadableWebhook> {
    for (given, read) in [
        (json!("2025559003"), "+12025559003"),
        (json!(2_025_559_003), "+12025559003"),
        (json!("12025559003"), "+12025559003"),
        (json!(12_025_559_003_u64), "+12025559003"),
        (json!("+12025559003"), "+12025559003"),
        (json!("447700900123"), "+447700900123"),
        (json!("2021559003"), "+12021559003"),
        (json!("(202) 555-9003"), "+12025559003"),
        (json!("01112025550150"), "+12025550150"),
        (json!("202555900"), "202555900"),
        (json!(""), ""),
        (json!(null), ""),
        (json!("40404"), "40404"),
        (json!(40404), "40404"),
        (json!("Acme"), "Acme"),
    ] {
        let body = json!({"id": 17, "from": given, "to": "14155550199", "body": 1234});
        let inbound = parse_inbound(body.to_string().as_bytes())?;
        assert_eq!(inbound.from, read, "{given}");
        assert_eq!((inbound.provider_id.as_str(), inbound.body.as_str()), ("17", "1234"));
    }
    let receipt = parse_receipt(br#"{"data": {"id": 17, "attributes": {"status": "delivered"}}}"#)?;
    assert_eq!(receipt.provider_id, "17");
    Ok(())
}

#[test]
fn what_is_written_in_another_shape_is_kept() -> Result<(), UnreadableWebhook> {
    let one = json!({"data": {"id": "mdr2-1", "attributes": {"to": "14155550199", "from": "14155550100",
        "body": {"text": "hello"}}}, "included": {"attributes": {"url": "https://a/1"}}});
    let inbound = parse_inbound(one.to_string().as_bytes())?;
    assert_eq!((inbound.body.as_str(), inbound.media.len()), (r#"{"text":"hello"}"#, 1));
    let nobody = json!({"id": 17, "to": "14155550199", "body": "x"});
    assert_eq!(parse_inbound(nobody.to_string().as_bytes()), Err(UnreadableWebhook("from")));
    Ok(())
}

#[test]
fn a_receipts_code_may_be_of_any_type() {
    for (code, expected) in
        [(json!("50"), Some(50)), (json!(50), Some(50)), (json!(null), None), (json!("0"), None), (json!("x"), None)]
    {
        let body = json!({"data": {"type": "delivery_receipt", "id": "mdr2-1", "attributes": {
            "level": 2, "status": "smsc reject", "status_code": code, "timestamp": "2023-11-14T22:13:20.50"}}});
        let receipt = DeliveryReceipt {
            message: None,
            provider_id: "mdr2-1".into(),
            state: Some(MessageState::Failed),
            word: "smsc reject".into(),
            hop: Some("2".into()),
            error_code: expected,
            at_ms: Some(1_700_000_000_500),
            call: None,
        };
        assert_eq!(parse_receipt(body.to_string().as_bytes()), Ok(receipt));
    }
    assert_eq!(parse_receipt(br#"{"data": {"id": "mdr2-1"}}"#), Err(UnreadableWebhook("status")));
}

#[test]
fn its_words_are_understood() {
    for (word, expected) in [
        ("delivered", Some(MessageState::Delivered)),
        ("DELIVRD", Some(MessageState::Delivered)),
        ("message delivered", Some(MessageState::Delivered)),
        ("delivery success", Some(MessageState::Delivered)),
        ("Undelivered", Some(MessageState::Undelivered)),
        ("undeliverable", Some(MessageState::Undelivered)),
        ("Delivery Failure", Some(MessageState::Undelivered)),
        ("EXPIRED", Some(MessageState::Undelivered)),
        ("message buffered", Some(MessageState::Sending)),
        ("smsc submit", Some(MessageState::Sent)),
        ("SMSC Submit", Some(MessageState::Sent)),
        ("ACCEPTD", Some(MessageState::Sent)),
        ("smsc reject", Some(MessageState::Failed)),
        ("REJECTD", Some(MessageState::Failed)),
        // not that the phone has it
        ("delivered to smsc", None),
        ("smsc intermediate notifications", Some(MessageState::Sending)),
        ("", None),
        ("teleported", None),
    ] {
        assert_eq!(state(word), expected, "{word}");
    }
}

#[test]
fn a_success_has_no_error_code() {
    let body = br#"{"data":{"id":"m","attributes":{"status":"delivered","status_code":1001,"timestamp":null}}}"#;
    let receipt = parse_receipt(body).map(|read| (read.state, read.error_code));
    assert_eq!(receipt, Ok((Some(MessageState::Delivered), None)));
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
