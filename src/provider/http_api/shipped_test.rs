//! The descriptions that come with this program, held against what their carriers document.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::tests::{TOKEN, body, moved, opened, termii, verified};
use super::*;
use crate::model::message::MessageState;
use crate::provider::OPTED_OUT;
use crate::provider::client::ProviderAnswer;
use crate::provider::mock::{Mock, Result, outgoing, reply};

fn talking(url: &str) -> Result<HttpApiProvider> {
    let talking = moved(include_str!("africas-talking.json"), "https://api.africastalking.com", url)?;
    opened(&talking, &json!({"api_key": "atsk", "username": "me&you"}))
}

fn esendex(url: &str) -> Result<HttpApiProvider> {
    let esendex = moved(include_str!("esendex.json"), "https://api.esendex.com", url)?;
    opened(&esendex, &json!({"username": "me", "password": "hush", "account_reference": "EX<1>"}))
}

#[tokio::test]
async fn shipped_descriptions_send_what_their_carriers_document() -> Result {
    let text = "Ça <&> \"va\"?\r\n+1=1";
    let mock = Mock::start(vec![reply("200 OK", "", r#"{"message_id":"9122821270554876574","balance":9}"#)]).await?;
    let sent = termii(&mock.url)?.send(&outgoing("+2347880234567", text)).await;
    assert_eq!(sent, SendOutcome::Accepted { provider_id: "9122821270554876574".into(), segments: None });
    let asked = mock.asked().concat();
    assert!(asked.starts_with("POST /api/sms/send HTTP/1.1\r\n"), "{asked}");
    let wanted = json!({"api_key": "TL-key", "to": "2347880234567", "from": "14155550199", "sms": text, "type": "plain",
        "channel": "dnd"});
    assert_eq!(serde_json::from_str::<Value>(body(&asked))?, wanted);

    let answer = r#"{"SMSMessageData":{"Message":"Sent to 1/1","Recipients":[{"statusCode":101,"number":"+254711000000",
        "status":"Success","cost":"KES 0.8000","messageId":"ATXid_1"}]}}"#;
    let mock = Mock::start(vec![reply("201 Created", "", answer)]).await?;
    let sent = talking(&mock.url)?.send(&outgoing("+254711000000", text)).await;
    assert_eq!(sent, SendOutcome::Accepted { provider_id: "ATXid_1".into(), segments: None });
    let asked = mock.asked().concat();
    assert!(asked.starts_with("POST /version1/messaging HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("\r\napikey: atsk\r\n"), "{asked}");
    let fields: Vec<_> = form_urlencoded::parse(body(&asked).as_bytes()).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!([field("username"), field("to"), field("message")], [Some("me&you"), Some("+254711000000"), Some(text)]);

    let answer = r#"<?xml version="1.0" encoding="utf-8"?><messageheaders batchid="B1"
        xmlns="http://api.esendex.com/ns/">
        <messageheader uri="https://api.esendex.com/v1.0/messageheaders/M1" id="M1" /></messageheaders>"#;
    let mock = Mock::start(vec![reply("200 OK", "", answer)]).await?;
    let sent = esendex(&mock.url)?.send(&outgoing("+447700900123", text)).await;
    assert_eq!(sent, SendOutcome::Accepted { provider_id: "M1".into(), segments: None });
    let asked = mock.asked().concat();
    assert!(asked.starts_with("POST /v1.0/messagedispatcher HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("Basic bWU6aHVzaA==\r\n"), "{asked}");
    let document = roxmltree::Document::parse(body(&asked))?;
    let said = |name: &str| document.descendants().find(|node| node.has_tag_name(name)).and_then(|node| node.text());
    assert_eq!([said("accountreference"), said("to"), said("body")], [Some("EX<1>"), Some("447700900123"), Some(text)]);
    // else what GSM's alphabet does not have becomes question marks
    assert_eq!(said("characterset"), Some("Auto"));
    Ok(())
}

/// `POST /version1/messaging`: what Africa's Talking says of the only recipient.
#[tokio::test]
async fn africas_talking_s_answers_are_read() -> Result {
    let talking = talking("http://127.0.0.1:9")?;
    let api = talking.opened.as_ref().map_err(String::as_str)?;
    let outcome = |message: &str, recipients: Value| {
        let body = json!({"SMSMessageData": {"Message": message, "Recipients": recipients}}).to_string();
        let answer = ProviderAnswer { status: StatusCode::CREATED, retry_after: None, body: body.into() };
        api.described.answer.outcome(&answer, &api.echoes)
    };
    let of_one = |code: i64, status: &str, id: &str| {
        let recipient = json!({"statusCode": code, "number": "+254711000000", "status": status, "cost": "0",
            "messageId": id});
        outcome("Sent to 1/1 Total Cost: KES 0.8000", json!([recipient]))
    };
    for (code, status) in [(100, "Processed"), (101, "Success"), (102, "Queued")] {
        let accepted = SendOutcome::Accepted { provider_id: "ATXid_1".to_owned(), segments: None };
        assert_eq!(of_one(code, status, "ATXid_1"), accepted, "{code}");
    }
    for (code, status, said) in [
        (401, "RiskHold", 401),
        (402, "InvalidSenderId", 402),
        (403, "InvalidPhoneNumber", 403),
        (404, "UnsupportedNumberType", 404),
        (406, "UserInBlacklist", OPTED_OUT),
        (407, "CouldNotRoute", 407),
        (409, "DoNotDisturbRejection", 409),
        (502, "RejectedByGateway", 502),
    ] {
        let refused = SendOutcome::Refused { code: Some(said), reason: status.to_owned() };
        assert_eq!(of_one(code, status, "None"), refused, "{code}");
    }
    let denied = SendOutcome::Denied { code: Some(405), reason: "InsufficientBalance".to_owned() };
    assert_eq!(of_one(405, "InsufficientBalance", "None"), denied);
    for (sent, words) in [
        (of_one(500, "InternalServerError", "None"), "InternalServerError"),
        (of_one(501, "GatewayError", "None"), "GatewayError"),
        // of nobody it says only why
        (outcome("InvalidSenderId", json!([])), "InvalidSenderId"),
    ] {
        assert!(matches!(&sent, SendOutcome::Uncertain { reason } if reason.ends_with(words)), "{sent:?}");
    }
    Ok(())
}

/// What a carrier posts that proves it by its path alone.
fn posted(what: PostKind, content_type: &'static str, body: &str) -> ProviderPost {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    ProviderPost { what, url: String::new(), secret: Some(TOKEN.to_owned()), headers, body: body.to_owned().into() }
}

/// A receipt, which is read again from what is kept of it.
fn receipt(api: &HttpApiProvider, content_type: &'static str, body: &str) -> Result<DeliveryReceipt> {
    let taken = verified(api, &posted(PostKind::Receipt, content_type, body))??;
    let ParsedPost::Receipt(read) = taken.parsed else { return Err("no receipt".into()) };
    assert_eq!(HttpApiProvider::read_receipt(&taken.payload)?, read);
    Ok(read)
}

/// The same of a text.
fn text(api: &HttpApiProvider, content_type: &'static str, body: &str) -> Result<InboundMessage> {
    let taken = verified(api, &posted(PostKind::Text, content_type, body))??;
    let ParsedPost::Text(read) = taken.parsed else { return Err("no text".into()) };
    assert_eq!(HttpApiProvider::read_text(&taken.payload)?, read);
    Ok(read)
}

/// <http://docs.africastalking.com/sms/deliveryreports>, <http://docs.africastalking.com/sms/notifications>.
#[tokio::test]
async fn africas_talking_s_posts_are_read() -> Result {
    const FORM: &str = "application/x-www-form-urlencoded";
    let talking = talking("http://127.0.0.1:9")?;
    for (status, state, code) in [
        ("Sent", MessageState::Sent, None),
        ("Submitted", MessageState::Sent, None),
        ("Buffered", MessageState::Sending, None),
        ("Success", MessageState::Delivered, None),
        ("Rejected&failureReason=InsufficientCredit", MessageState::Failed, None),
        ("Failed&failureReason=DeliveryFailure", MessageState::Undelivered, None),
        ("Failed&failureReason=UserInBlackList", MessageState::Undelivered, Some(OPTED_OUT)),
    ] {
        let body = format!("id=ATXid_1&phoneNumber=%2B254711000000&networkCode=63902&retryCount=0&status={status}");
        let read = receipt(&talking, FORM, &body)?;
        assert_eq!(
            (read.provider_id.as_str(), read.state, read.error_code),
            ("ATXid_1", Some(state), code),
            "{status}"
        );
    }
    let body = "date=2030-01-31+09%3A00%3A00&from=%2B254711000000&id=bf1c2d9e&linkId=28a92cdf&text=Karibu+%26+asante\
                &to=22384&networkCode=63902";
    let read = text(&talking, FORM, body)?;
    assert_eq!(
        [read.provider_id, read.from, read.to, read.body],
        ["bf1c2d9e", "+254711000000", "22384", "Karibu & asante"]
    );
    assert_eq!(read.carrier.fields.get("networkCode").map(String::as_str), Some("63902"));
    Ok(())
}

/// <http://developers.esendex.com/APIs/Push-Notifications>.
#[tokio::test]
async fn esendex_s_posts_are_read() -> Result {
    const XML: &str = "application/xml; charset=utf-8";
    let esendex = esendex("http://127.0.0.1:9")?;
    let ids = "<Id>4d7b1c2e-0001</Id><MessageId>8be1f2a4-0002</MessageId><AccountId>a1c3e5d7-0003</AccountId>";
    for (name, state) in [("MessageDelivered", MessageState::Delivered), ("MessageFailed", MessageState::Undelivered)] {
        let body = format!("<{name}>{ids}<OccurredAt>2023-11-14T22:13:20</OccurredAt></{name}>");
        let read = receipt(&esendex, XML, &body)?;
        assert_eq!((read.provider_id.as_str(), read.state), ("8be1f2a4-0002", Some(state)), "{name}");
        assert_eq!(read.at_ms, Some(1_700_000_000_000), "{name}");
    }
    let body = format!(
        "<InboundMessage>{ids}<MessageText>Tea &amp; cake?</MessageText><From>447700900123</From><To>447860027000</To>\
         </InboundMessage>"
    );
    let read = text(&esendex, XML, &body)?;
    assert_eq!(
        [read.provider_id, read.from, read.to, read.body],
        ["8be1f2a4-0002", "+447700900123", "+447860027000", "Tea & cake?"]
    );
    Ok(())
}
