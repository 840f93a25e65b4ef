//! What described carriers post is read as their descriptions say, and the same again from what was kept.

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::*;
use crate::provider::ProviderPost;
use crate::provider::http_api::matcher::written;

fn post(what: PostKind, content_type: &'static str, body: impl Into<Vec<u8>>) -> ProviderPost {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    let body: Vec<u8> = body.into();
    ProviderPost { what, url: String::new(), secret: None, headers, body: body.into() }
}

fn receipts(description: Value) -> ReceiptReader {
    serde_json::from_value::<ReceiptDescription>(description).unwrap().compile("receipts").unwrap()
}

fn texts(description: Value) -> InboundTextReader {
    serde_json::from_value::<InboundTextDescription>(description).unwrap().compile("inbound").unwrap()
}

fn receipt(reader: &ReceiptReader, post: &ProviderPost) -> Result<DeliveryReceipt, UnreadableWebhook> {
    reader.read(ReadDocument::parse(reader.format, &written(post)).as_ref())
}

fn text(reader: &InboundTextReader, post: &ProviderPost) -> Result<InboundMessage, UnreadableWebhook> {
    reader.read(ReadDocument::parse(reader.format, &written(post)).as_ref())
}

#[test]
fn receipts_are_read_and_read_again() {
    let form = receipts(json!({"format": "form", "id": "id", "state": "status", "error_code": "code", "at": "when",
        "states": {"Success": "delivered", "User gone": "undelivered"}}));
    for (body, state, code, at_ms) in [
        ("id=1&status=Success&code=0&when=1700000000", Some(MessageState::Delivered), None, Some(1_700_000_000_000)),
        (
            "id=1&status=User+gone&code=7&when=1700000000000",
            Some(MessageState::Undelivered),
            Some(7),
            Some(1_700_000_000_000),
        ),
        // words of the description are read to the letter, those of SMPP in any case
        ("id=1&status=user+gone&code=x", None, None, None),
        (
            "id=1&status=EXPIRED&when=2023-11-14T22:13:20",
            Some(MessageState::Undelivered),
            None,
            Some(1_700_000_000_000),
        ),
        ("id=1&status=teleported&when=soon", None, None, None),
    ] {
        let read = receipt(&form, &post(PostKind::Receipt, "application/x-www-form-urlencoded", body)).unwrap();
        assert_eq!(
            (read.provider_id.as_str(), read.state, read.error_code, read.at_ms),
            ("1", state, code, at_ms),
            "{body}"
        );
        let kept = keep_receipt(&read);
        assert_eq!(kept_receipt(&kept), Ok(read), "{body}");
        assert_eq!(kept_text(&kept).err(), Some(UnreadableWebhook("text")));
    }
    for (body, missing) in [("status=Success", "id"), ("id=1", "state"), ("id=&status=Success", "id"), ("", "state")] {
        let read = receipt(&form, &post(PostKind::Receipt, "application/x-www-form-urlencoded", body));
        assert_eq!(read, Err(UnreadableWebhook(missing)), "{body}");
    }
    let xml = receipts(json!({"format": "xml", "id": "MessageId", "state": "name()", "at": "OccurredAt",
        "states": {"MessageDelivered": "delivered"}}));
    let body = "<MessageDelivered><Id>9</Id><MessageId>m1</MessageId><OccurredAt>2023-11-14T22:13:20</OccurredAt>\
                </MessageDelivered>";
    let read = receipt(&xml, &post(PostKind::Receipt, "application/xml", body)).unwrap();
    assert_eq!(
        (read.provider_id.as_str(), read.state, read.at_ms),
        ("m1", Some(MessageState::Delivered), Some(1_700_000_000_000))
    );
    assert_eq!(receipt(&xml, &post(PostKind::Receipt, "application/xml", "<no")), Err(UnreadableWebhook("body")));
}

#[test]
fn codes_say_who_opted_out() {
    let json = receipts(json!({"format": "json", "id": "id", "state": "s", "error_code": "c",
        "opted_out": ["9", "UserInBlacklist"]}));
    for (code, wanted) in [
        (json!(9), Some(OPTED_OUT)),
        (json!("UserInBlacklist"), Some(OPTED_OUT)),
        (json!("userinblacklist"), None),
        (json!(10), Some(10)),
        // one like ours means something else
        (json!(OPTED_OUT), None),
        (json!(null), None),
    ] {
        let body = json!({"id": 17, "s": "Failed", "c": code}).to_string();
        let read = receipt(&json, &post(PostKind::Receipt, "application/json", body)).unwrap();
        assert_eq!((read.error_code, read.state), (wanted, Some(MessageState::Failed)), "{code}");
    }
    for odd in [json!(0), json!(true), json!(1.5), json!(""), json!(null)] {
        let body = json!({"id": odd, "s": "Failed"}).to_string();
        assert_eq!(receipt(&json, &post(PostKind::Receipt, "", body)).err(), Some(UnreadableWebhook("id")), "{odd}");
    }
    let unsaid = json!({"format": "json", "id": "id", "state": "s", "opted_out": ["9"]});
    let unsaid = serde_json::from_value::<ReceiptDescription>(unsaid).unwrap().compile("receipts").err();
    assert!(unsaid.is_some_and(|said| said.starts_with("receipts.error_code ")));
}

#[test]
fn texts_are_read_and_read_again() {
    let json = texts(json!({"format": "json", "id": "m/id", "from": "m/from", "to": "m/to", "body": "m/text",
        "bare_numbers": true, "passed_on": ["m/network"]}));
    let body =
        json!({"m": {"id": 17, "from": "2347069549231", "to": "40404", "text": "Ça va ?\0", "network": "62120"}});
    let read = text(&json, &post(PostKind::Text, "application/json", body.to_string())).unwrap();
    assert_eq!((read.provider_id.as_str(), read.from.as_str(), read.to.as_str()), ("17", "+2347069549231", "40404"));
    assert_eq!(read.body, "Ça va ?\u{fffd}");
    assert_eq!(read.carrier.fields.get("network").map(String::as_str), Some("62120"));
    let kept = keep_text(&read);
    assert_eq!(kept_text(&kept), Ok(read));
    assert_eq!(kept_receipt(&kept).err(), Some(UnreadableWebhook("receipt")));
    // a sender may be withheld; who it was for, and what it says, may not be
    let withheld = json!({"m": {"id": "1", "from": "", "to": "40404", "text": ""}});
    assert_eq!(text(&json, &post(PostKind::Text, "", withheld.to_string())).map(|read| read.from), Ok(String::new()));
    for missing in ["id", "from", "to", "text"] {
        let mut body = withheld.clone();
        body["m"][missing] = Value::Null;
        assert_eq!(text(&json, &post(PostKind::Text, "", body.to_string())).err(), Some(UnreadableWebhook(missing)));
    }
    let latin = texts(json!({"format": "json", "id": "id", "from": "from", "to": "to", "body": "body"}));
    let body = b"{\"id\":\"1\",\"from\":\"+14155550100\",\"to\":\"+14155550199\",\"body\":\"\xc7a\"}".to_vec();
    let read = text(&latin, &post(PostKind::Text, "application/json; charset=iso-8859-1", body)).unwrap();
    assert_eq!((read.from.as_str(), read.body.as_str()), ("+14155550100", "Ça"));
    for odd in ["", "[]", "null", "{}", "{\"text\":{}}", "x"] {
        assert!(kept_text(odd).is_err() && kept_receipt(odd).is_err(), "{odd}");
    }
}

#[test]
fn a_post_says_what_it_is_or_its_path_does() {
    let by_path = receipts(json!({"format": "json", "id": "id", "state": "s"}));
    let by_type =
        texts(json!({"format": "json", "when": {"type": "in"}, "id": "i", "from": "f", "to": "t", "body": "b"}));
    let takes = |what: PostKind, body: &str| {
        let document = ReadDocument::parse(CarrierBodyFormat::Json, body);
        (by_path.when.takes(what, document.as_ref()), by_type.when.takes(what, document.as_ref()))
    };
    for (what, body, is_receipt, is_text) in [
        (PostKind::Receipt, r#"{"type": "out"}"#, Some(true), false),
        (PostKind::Receipt, r#"{"type": "in"}"#, Some(true), true),
        (PostKind::Text, r#"{"type": "in"}"#, None, true),
        (PostKind::Text, r#"{"type": "out"}"#, None, false),
        (PostKind::Text, "{}", None, false),
        (PostKind::Text, "7", None, false),
    ] {
        assert_eq!(takes(what, body), (is_receipt.map(Ok), Some(Ok(is_text))), "{body}");
    }
    assert_eq!(takes(PostKind::Text, r#"{"type": "in""#), (None, Some(Err(UnreadableWebhook("body")))));
}
