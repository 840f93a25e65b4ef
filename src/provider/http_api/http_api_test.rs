//! What a described carrier is asked, what its answers mean, and which posts are believed to be its own.

use hmac::{Hmac, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha512;

use super::*;
use crate::crypto::HashKey;
use crate::model::Channel;
use crate::model::message::MessageState;
use crate::provider::mock::{Act, Mock, Result, client, outgoing, reply, settings};
use crate::provider::{AccountCredentials as _, Connector};

pub(super) const TOKEN: &str = "a-secret-path-segment";
const TERMII: &str = include_str!("termii.json");
const TERMII_URL: &str = "https://api.ng.termii.com";

/// A shipped description, and what it wants, at another place.
pub(super) fn moved(description: &str, from: &str, to: &str) -> Result<Value> {
    Ok(serde_json::from_str(&description.replace(from, to))?)
}

fn credentials(description: &Value, secrets: &Value) -> Result<HttpCredentials> {
    let json = json!({"description": description, "secrets": secrets, "webhook_token": TOKEN});
    let read: HttpCredentials = serde_json::from_value(json)?;
    read.check()?;
    Ok(read)
}

pub(super) fn opened(description: &Value, secrets: &Value) -> Result<HttpApiProvider> {
    let http = client(&settings("http://127.0.0.1:9")?)?;
    Ok(HttpApiProvider::open(&credentials(description, secrets)?, &http))
}

pub(super) fn termii(url: &str) -> Result<HttpApiProvider> {
    let secrets = json!({"api_key": "TL-key", "secret_key": "tsk-hush", "channel": "dnd"});
    opened(&moved(TERMII, TERMII_URL, url)?, &secrets)
}

async fn outcome(act: Act) -> Result<SendOutcome> {
    let mock = Mock::start(vec![act]).await?;
    Ok(termii(&mock.url)?.send(&outgoing("+2347880234567", "hello")).await)
}

pub(super) fn body(asked: &str) -> &str {
    asked.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[tokio::test]
async fn what_cannot_be_read_in_an_answer_is_in_doubt() -> Result {
    for answer in ["", "{}", "[]", "Successfully Sent", r#"{"message_id":""}"#, r#"{"message_id":["1"]}"#] {
        assert!(matches!(outcome(reply("200 OK", "", answer)).await?, SendOutcome::Uncertain { .. }), "{answer}");
    }
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"message_id\":\"1\"}";
    assert!(matches!(outcome(Act::SayAndClose(cut.into())).await?, SendOutcome::Uncertain { .. }));
    let words = r#"{"message":"Invalid sender"}"#;
    let reason = "Invalid sender".to_owned();
    let refused = outcome(reply("400 Bad Request", "", words)).await?;
    assert_eq!(refused, SendOutcome::Refused { code: None, reason: reason.clone() });
    assert_eq!(outcome(reply("401 Unauthorized", "", words)).await?, SendOutcome::Denied { code: None, reason });
    // followed by nobody, and what was taken is not known
    let mock = Mock::start(vec![reply("200 OK", "", r#"{"message_id":"1"}"#)]).await?;
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let elsewhere = reply(status, &format!("Location: {}/\r\n", mock.url), "");
        assert!(matches!(outcome(elsewhere).await?, SendOutcome::Uncertain { .. }), "{status}");
    }
    assert_eq!(mock.asked(), Vec::<String>::new());
    assert!(matches!(outcome(reply("503 Unavailable", "", "")).await?, SendOutcome::Uncertain { .. }));
    let throttled = outcome(reply("429 Too Many", "Retry-After: 7\r\n", "")).await?;
    let after = Some(std::time::Duration::from_secs(7));
    assert_eq!(throttled, SendOutcome::Throttled { after, reason: "HTTP 429".to_owned() });
    let call = OutgoingMessage { channel: Channel::Voice, ..outgoing("+1", "") };
    let connector = Connector::Http(termii("http://127.0.0.1:9")?);
    assert!(matches!(connector.send(&call).await, SendOutcome::Refused { .. }));
    let picture = OutgoingMessage { media_urls: vec!["https://a/1".into()], ..outgoing("+1", "") };
    assert!(matches!(termii("http://127.0.0.1:9")?.send(&picture).await, SendOutcome::Refused { .. }));
    Ok(())
}

#[tokio::test]
async fn a_secret_that_is_repeated_is_not_shown() -> Result {
    for said in ["no key TL-key", "in tsk-hush: dnd"] {
        let words = json!({"message": said}).to_string();
        let (refused, denied) = (reply("400 Bad Request", "", &words), reply("401 Unauthorized", "", &words));
        let sent = outcome(refused).await?;
        assert!(matches!(&sent, SendOutcome::Refused { reason, .. } if reason.contains("(hidden)")), "{sent:?}");
        let mock = Mock::start(vec![denied]).await?;
        let checked = termii(&mock.url)?.check().await;
        assert!(matches!(&checked, Err(AskError::Denied { reason }) if reason.contains("(hidden)")), "{checked:?}");
        let shown = format!("{sent:?} {checked:?}");
        assert!(["TL-key", "tsk-hush", "dnd"].iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
    // nor is the path that it was told
    let words = json!({"message": format!("no URL: https://gw/webhooks/http/{TOKEN}/receipt")}).to_string();
    let mock = Mock::start(vec![reply("400 Bad Request", "", &words)]).await?;
    let sent = Connector::Http(termii(&mock.url)?).send(&outgoing("+2347880234567", "hello")).await;
    let reason = "no URL: https://gw/webhooks/http/(hidden)/receipt".to_owned();
    assert_eq!(sent, SendOutcome::Refused { code: None, reason });
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_opened_says_so_and_takes_nothing_yet() -> Result {
    let http = client(&settings("http://127.0.0.1:9")?)?;
    let description = moved(TERMII, TERMII_URL, "http://127.0.0.1:9")?;
    let secrets = json!({"api_key": "TL-key", "channel": "dnd"});
    for (description, secrets) in [(description, secrets), (json!({"send": {"method": "hush"}}), json!({}))] {
        let sealed = json!({"description": description, "secrets": secrets, "webhook_token": TOKEN});
        let sealed: HttpCredentials = serde_json::from_value(sealed)?;
        assert!(sealed.check().is_err() && sealed.check_sealed().is_ok());
        let api = HttpApiProvider::open(&sealed, &http);
        let denied = api.send(&outgoing("+1", "x")).await;
        assert!(matches!(&denied, SendOutcome::Denied { reason, .. } if !reason.contains("hush")), "{denied:?}");
        assert!(matches!(api.check().await, Err(AskError::Denied { .. })));
        let post = signed(PostKind::Text, TOKEN, "tsk-hush", "{}")?;
        assert_eq!(verified(&api, &post)?, Err(BadPost::Unopened));
        let elsewhere = ProviderPost { secret: Some("another-path-segment".to_owned()), ..post };
        assert_eq!(verified(&api, &elsewhere)?, Err(BadPost::Forged));
    }
    Ok(())
}

#[tokio::test]
async fn a_get_is_sent_and_a_header_is_not_split() -> Result {
    let mock = Mock::start(vec![reply("200 OK", "", "OK m1")]).await?;
    let description = json!({"send": {"method": "GET", "url": format!("{}/send?to={{to}}&text={{body}}", mock.url),
        "headers": {"X-From": "{from}"}}, "answer": {"format": "text", "id": "^OK ([a-z0-9]+)$"}});
    let api = opened(&description, &json!({}))?;
    assert!(matches!(api.send(&outgoing("+1", "a&b")).await, SendOutcome::Accepted { .. }));
    assert!(mock.asked()[0].starts_with("GET /send?to=%2B1&text=a%26b HTTP/1.1\r\n"), "{:?}", mock.asked());
    let split = OutgoingMessage { from: "1\r\nX-Admin: 1".into(), ..outgoing("+1", "x") };
    assert!(matches!(api.send(&split).await, SendOutcome::Refused { .. }));
    assert_eq!(mock.asked().len(), 1);
    // without a request for it, credentials cannot be checked
    assert_eq!(api.check().await, Ok(()));
    Ok(())
}

#[tokio::test]
async fn a_check_sends_nothing() -> Result {
    let mock = Mock::start(vec![reply("401 Unauthorized", "", ""), reply("200 OK", "", r#"{"balance":9}"#)]).await?;
    let termii = termii(&mock.url)?;
    assert!(matches!(termii.check().await, Err(AskError::Denied { .. })));
    assert_eq!(termii.check().await, Ok(()));
    assert!(mock.asked()[1].starts_with("GET /api/get-balance?api_key=TL-key HTTP/1.1\r\n"), "{:?}", mock.asked());
    Ok(())
}

/// A post as Termii signs it.
fn signed(what: PostKind, secret: &str, key: &str, body: &str) -> Result<ProviderPost> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key.as_bytes()).map_err(|error| error.to_string())?;
    mac.update(body.as_bytes());
    let signature = HeaderValue::from_str(&hex::encode(mac.finalize().into_bytes()))?;
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-termii-signature"), signature)]);
    Ok(ProviderPost {
        what,
        url: String::new(),
        secret: Some(secret.to_owned()),
        headers,
        body: body.to_owned().into(),
    })
}

pub(super) fn verified(
    api: &HttpApiProvider,
    post: &ProviderPost,
) -> Result<std::result::Result<VerifiedPost, BadPost>> {
    let (key, token) = (HashKey::from_bytes(&[7; 32])?, Secret::new(TOKEN.into()));
    let believes = |fits: &dyn Fn(&Secret) -> bool| fits(&token);
    let trial = PostVerificationContext { believes: &believes, key: &key, now_ms: 1_700_000_000_000 };
    Ok(api.verify(post, &trial))
}

#[tokio::test]
async fn what_is_proved_at_its_own_path_is_believed() -> Result {
    let termii = termii("http://127.0.0.1:9")?;
    let receipt = r#"{"type":"outbound","message_id":"1","status":"DELIVERED | Message delivered to handset"}"#;
    let text =
        r#"{"type":"inbound","message_id":"2","sender":"2347069549231","receiver":"12022214836","message":"Great "}"#;
    for what in [PostKind::Receipt, PostKind::Text] {
        let taken = verified(&termii, &signed(what, TOKEN, "tsk-hush", receipt)?)??;
        let ParsedPost::Receipt(read) = &taken.parsed else { return Err("no receipt".into()) };
        assert_eq!((read.provider_id.as_str(), read.state), ("1", Some(MessageState::Delivered)));
        assert_eq!(HttpApiProvider::read_receipt(&taken.payload)?, *read);
        let taken = verified(&termii, &signed(what, TOKEN, "tsk-hush", text)?)??;
        let ParsedPost::Text(read) = &taken.parsed else { return Err("no text".into()) };
        assert_eq!(
            (read.from.as_str(), read.to.as_str(), read.body.as_str()),
            ("+2347069549231", "+12022214836", "Great ")
        );
        assert_eq!(HttpApiProvider::read_text(&taken.payload)?, *read);
    }
    let receipts = PostKind::Receipt;
    for forged in [
        signed(receipts, TOKEN, "tsk-other", receipt)?,
        signed(receipts, "another-path-segment", "tsk-hush", receipt)?,
        ProviderPost { secret: None, ..signed(receipts, TOKEN, "tsk-hush", receipt)? },
        ProviderPost { headers: HeaderMap::new(), ..signed(receipts, TOKEN, "tsk-hush", receipt)? },
        ProviderPost {
            body: receipt.replace("\"1\"", "\"2\"").into(),
            ..signed(receipts, TOKEN, "tsk-hush", receipt)?
        },
    ] {
        assert_eq!(verified(&termii, &forged)?, Err(BadPost::Forged));
    }
    for (secret, can_be) in
        [(Some(TOKEN), true), (Some("short"), false), (Some("no/path-of-anybody"), false), (None, false)]
    {
        let post = ProviderPost { secret: secret.map(str::to_owned), ..signed(receipts, TOKEN, "tsk-hush", receipt)? };
        assert_eq!(HttpApiProvider::has_proof(&post), can_be, "{secret:?}");
    }
    for what in [PostKind::Receipt, PostKind::Text] {
        let other = verified(&termii, &signed(what, TOKEN, "tsk-hush", r#"{"type":"balance"}"#)?)??;
        assert_eq!(other.parsed, ParsedPost::Nothing);
        // nobody knows what that was
        let cut = verified(&termii, &signed(what, TOKEN, "tsk-hush", r#"{"type":"inbound""#)?)?;
        assert_eq!(cut, Err(BadPost::Unreadable(UnreadableWebhook("body"))));
    }
    Ok(())
}

#[tokio::test]
async fn what_nobody_has_read_is_not_taken() -> Result {
    let secrets = json!({"api_key": "TL-key", "secret_key": "tsk-hush", "channel": "dnd"});
    let mut description = moved(TERMII, TERMII_URL, "http://127.0.0.1:9")?;
    // its path alone says what a receipt is
    description["receipts"]["when"] = json!({});
    let both = opened(&description, &secrets)?;
    let post = |what, body: &str| signed(what, TOKEN, "tsk-hush", body);
    // half of an emoji, as a phone may cut it, is no reason to lose the rest
    let half = r#"{"type":"inbound","message_id":"2","sender":"1","receiver":"40404","message":"STOP \ud83d"}"#;
    let taken = verified(&both, &post(PostKind::Text, half)?)??.parsed;
    assert!(matches!(&taken, ParsedPost::Text(text) if text.body == "STOP \u{fffd}"), "{taken:?}");
    let cut = Err(BadPost::Unreadable(UnreadableWebhook("body")));
    assert_eq!(verified(&both, &post(PostKind::Text, r#"{"type":"inbound","message_id""#)?)?, cut);
    assert_eq!(verified(&both, &post(PostKind::Receipt, "{")?)?, cut);
    assert_eq!(verified(&both, &post(PostKind::Text, r#"{"type":"balance"}"#)?)??.parsed, ParsedPost::Nothing);
    description["inbound"] = Value::Null;
    let receipts = opened(&description, &secrets)?;
    let text = r#"{"type":"inbound","message_id":"2","sender":"2347069549231","receiver":"40404","message":"STOP"}"#;
    assert_eq!(verified(&receipts, &post(PostKind::Text, text)?)?, Err(BadPost::Unwanted));
    let receipt = post(PostKind::Receipt, r#"{"message_id":"1","status":"Delivered"}"#)?;
    assert!(matches!(verified(&receipts, &receipt)??.parsed, ParsedPost::Receipt(_)));
    Ok(())
}

#[tokio::test]
async fn without_a_proof_nothing_is_posted() -> Result {
    let mut description = moved(TERMII, TERMII_URL, "http://127.0.0.1:9")?;
    description["proof"] = Value::Null;
    let secrets = json!({"api_key": "TL-key", "channel": "dnd"});
    let post = signed(PostKind::Receipt, TOKEN, "tsk-hush", r#"{"message_id":"1","status":"Delivered"}"#)?;
    assert_eq!(verified(&opened(&description, &secrets)?, &post)?, Err(BadPost::Unwanted));
    let mut description = moved(TERMII, TERMII_URL, "http://127.0.0.1:9")?;
    description["receipts"] = Value::Null;
    let secrets = json!({"api_key": "TL-key", "secret_key": "tsk-hush", "channel": "dnd"});
    let api = opened(&description, &secrets)?;
    assert_eq!(verified(&api, &post)??.parsed, ParsedPost::Nothing);
    let forged = signed(PostKind::Receipt, TOKEN, "tsk-other", r#"{"message_id":"1","status":"Delivered"}"#)?;
    assert_eq!(verified(&api, &forged)?, Err(BadPost::Forged));
    Ok(())
}
