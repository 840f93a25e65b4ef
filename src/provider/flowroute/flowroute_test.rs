//! What Flowroute is asked, and what its answers mean.

use super::*;
use crate::model::Channel;
use crate::provider::Connector;
use crate::provider::mock::{Act, Mock, Result, client, outgoing, reply, settings};

fn flowroute(url: &str) -> Result<Flowroute> {
    let settings = settings(url)?;
    let account = FlowrouteCredentials {
        access_key: "key".into(),
        secret_key: Secret::new("secret".into()),
        webhook_token: Secret::new("0123456789abcdef".into()),
    };
    Ok(Flowroute::open(&account, &settings, &client(&settings)?))
}

#[tokio::test]
async fn a_send_is_the_document_that_flowroute_wants() -> Result {
    let accepted = r#"{"data":{"type":"message","id":"mdr2-1","links":{"self":"…"}}}"#;
    let mock = Mock::start(vec![reply("202 Accepted", "", accepted)]).await?;
    let flowroute = flowroute(&mock.url)?;
    let sent = flowroute.send(&outgoing("+14155550100", "Ça\n✓")).await;
    assert_eq!(sent, SendOutcome::Accepted { provider_id: "mdr2-1".into(), segments: None });
    let picture = OutgoingMessage {
        media_urls: vec!["https://a/1".into()],
        status_url: Some("https://gw/dlr".into()),
        ..outgoing("+14155550100", "")
    };
    flowroute.send(&picture).await;
    let asked = mock.asked();
    assert!(asked[0].starts_with("POST /v2.1/messages HTTP/1.1\r\n"), "{asked:?}");
    // key:secret
    assert!(asked[0].contains("Basic a2V5OnNlY3JldA==\r\n"), "{asked:?}");
    assert!(asked[0].contains("content-type: application/vnd.api+json\r\n"), "{asked:?}");
    let attributes = |n: usize| -> Result<Value> {
        let (_, body) = asked[n].split_once("\r\n\r\n").ok_or("no body")?;
        let body: Value = serde_json::from_str(body)?;
        assert_eq!(body["data"]["type"], "message");
        Ok(body["data"]["attributes"].clone())
    };
    let plain = json!({"to": "14155550100", "from": "14155550199", "body": "Ça\n✓", "is_mms": false});
    assert_eq!(attributes(0)?, plain);
    let pictured = json!({"to": "14155550100", "from": "14155550199", "body": "", "is_mms": true,
        "media_urls": ["https://a/1"], "dlr_callback": "https://gw/dlr"});
    assert_eq!(attributes(1)?, pictured);
    Ok(())
}

#[tokio::test]
async fn it_takes_texts_alone() -> Result {
    let mock = Mock::start(vec![reply("202 Accepted", "", "{}")]).await?;
    let flowroute = Connector::Flowroute(flowroute(&mock.url)?);
    for channel in [Channel::Whatsapp, Channel::Voice] {
        let sent = flowroute.send(&OutgoingMessage { channel, ..outgoing("+14155550100", "x") }).await;
        assert!(matches!(sent, SendOutcome::Refused { code: None, .. }), "{channel}: {sent:?}");
    }
    assert!(mock.asked().is_empty());
    Ok(())
}

#[tokio::test]
async fn the_path_that_it_was_told_is_not_shown() -> Result {
    let told = "no callback https://gw/webhooks/flowroute/0123456789abcdef/receipt";
    let long = "x".repeat(290);
    for (said, shown) in [
        (told.to_owned(), told.replace("0123456789abcdef", "(hidden)")),
        // words are cut off after 300 characters
        (format!("{long}0123456789abcdef"), format!("{long}(hidden)")),
        (format!("{long}wrong: 012"), format!("{long}wrong: 012")),
    ] {
        let error = json!({"errors": [{"status": 422, "detail": said}]}).to_string();
        let mock = Mock::start(vec![reply("422 Unprocessable Entity", "", &error)]).await?;
        let sent = Connector::Flowroute(flowroute(&mock.url)?).send(&outgoing("+14155550100", "hello")).await;
        assert_eq!(sent, SendOutcome::Refused { code: Some(422), reason: shown });
    }
    Ok(())
}

#[tokio::test]
async fn its_errors_are_told_apart() -> Result {
    let error = r#"{"errors":[{"id":"1","status":422,"title":"Unprocessable","detail":"'to' is not valid"}]}"#;
    for (act, expected) in [
        (
            reply("422 Unprocessable Entity", "", error),
            SendOutcome::Refused { code: Some(422), reason: "'to' is not valid".into() },
        ),
        (reply("429 Too Many", "", ""), SendOutcome::Throttled { after: None, reason: "HTTP 429".into() }),
        (reply("503 Unavailable", "", ""), SendOutcome::Unreachable { after: None, reason: "HTTP 503".into() }),
        (reply("502 Bad Gateway", "", ""), SendOutcome::Uncertain { reason: "HTTP 502".into() }),
        (
            reply("202 Accepted", "", "{}"),
            SendOutcome::Uncertain { reason: "Flowroute's answer names no message".into() },
        ),
    ] {
        let mock = Mock::start(vec![act]).await?;
        assert_eq!(flowroute(&mock.url)?.send(&outgoing("+14155550100", "hello")).await, expected);
    }
    let mock = Mock::start(vec![Act::SayAndClose(String::new())]).await?;
    let sent = flowroute(&mock.url)?.send(&outgoing("+14155550100", "hello")).await;
    assert!(matches!(sent, SendOutcome::Uncertain { .. }), "{sent:?}");
    Ok(())
}

#[tokio::test]
async fn credentials_are_checked() -> Result {
    let mock = Mock::start(vec![reply("403 Forbidden", "", ""), reply("200 OK", "", "{}")]).await?;
    let flowroute = flowroute(&mock.url)?;
    assert!(matches!(flowroute.check().await, Err(AskError::Denied { .. })));
    assert_eq!(flowroute.check().await, Ok(()));
    assert!(mock.asked()[0].starts_with("GET /v2.1/messages?start_date="));
    Ok(())
}
