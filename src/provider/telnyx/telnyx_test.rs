//! What Telnyx is asked, what its answers mean, and which posts are believed to be its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;

use super::*;
use crate::crypto::HashKey;
use crate::model::{Channel, Millis};
use crate::provider::mock::{Act, Mock, Result, client, outgoing, reply, settings};
use crate::provider::{CarrierKind, Connector, Credentials, PostKind};

const ACCEPTED: &str = r#"{"data":{"record_type":"message","id":"40385f64-5717-4562-b3fc-2c963f66afa6","parts":2,
    "to":[{"phone_number":"+14155550100","status":"queued"}],"errors":[]}}"#;
const NOW_MS: Millis = 1_700_000_000_000;

fn telnyx(url: &str) -> Result<Telnyx> {
    let settings = settings(url)?;
    let account = TelnyxCredentials {
        api_key: Secret::new("KEY1".into()),
        public_key: Secret::default(),
        messaging_profile_id: None,
    };
    Ok(Telnyx::open(&account, &settings, &client(&settings)?))
}

async fn outcome(act: Act) -> Result<SendOutcome> {
    let mock = Mock::start(vec![act]).await?;
    Ok(telnyx(&mock.url)?.send(&outgoing("+14155550100", "hello")).await)
}

#[tokio::test]
async fn a_send_is_the_document_that_telnyx_documents() -> Result {
    let mock = Mock::start(vec![reply("200 OK", "", ACCEPTED)]).await?;
    let telnyx = Telnyx { messaging_profile_id: Some("profile".into()), ..telnyx(&mock.url)? };
    let sent = telnyx.send(&outgoing("+14155550100", "Ça ✓")).await;
    let provider_id = "40385f64-5717-4562-b3fc-2c963f66afa6".to_owned();
    assert_eq!(sent, SendOutcome::Accepted { provider_id, segments: Some(2) });
    let picture = OutgoingMessage {
        media_urls: vec!["https://a/1".into()],
        status_url: Some("https://gw/status".into()),
        ..outgoing("+14155550100", "")
    };
    telnyx.send(&picture).await;
    let asked = mock.asked();
    assert!(asked[0].starts_with("POST /v2/messages HTTP/1.1\r\n"), "{asked:?}");
    assert!(asked[0].contains("Bearer KEY1\r\n"), "{asked:?}");
    let body = |n: usize| -> Result<Value> {
        let (_, body) = asked[n].split_once("\r\n\r\n").ok_or("no body")?;
        Ok(serde_json::from_str(body)?)
    };
    let text = json!({"from": "+14155550199", "to": "+14155550100", "text": "Ça ✓", "messaging_profile_id": "profile"});
    assert_eq!(body(0)?, text);
    let picture = json!({"from": "+14155550199", "to": "+14155550100", "media_urls": ["https://a/1"],
        "webhook_url": "https://gw/status", "messaging_profile_id": "profile"});
    assert_eq!(body(1)?, picture);
    Ok(())
}

#[tokio::test]
async fn answers_are_told_apart() -> Result {
    let errors = |code: &str| format!(r#"{{"errors":[{{"code":"{code}","title":"No","detail":"not this way"}}]}}"#);
    let (code, reason) = (Some(10_009), "not this way".to_owned());
    assert_eq!(outcome(reply("401 Unauthorized", "", &errors("10009"))).await?, SendOutcome::Denied { code, reason });
    let (code, reason) = (Some(40_300), "not this way".to_owned());
    let refused = outcome(reply("400 Bad Request", "", &errors("40300"))).await?;
    assert_eq!(refused, SendOutcome::Refused { code, reason });
    assert!(matches!(outcome(reply("429 Too Many Requests", "", "")).await?, SendOutcome::Throttled { .. }));
    assert!(matches!(outcome(reply("200 OK", "", "{}")).await?, SendOutcome::Uncertain { .. }));
    let failed = ACCEPTED.replace("queued", "sending_failed");
    assert!(matches!(outcome(reply("200 OK", "", &failed)).await?, SendOutcome::Failed { .. }));
    let call = OutgoingMessage { channel: Channel::Voice, ..outgoing("+14155550100", "") };
    let telnyx = Connector::Telnyx(telnyx("http://127.0.0.1:9")?);
    assert!(matches!(telnyx.send(&call).await, SendOutcome::Refused { .. }));
    Ok(())
}

#[tokio::test]
async fn a_check_sends_nothing() -> Result {
    let mock = Mock::start(vec![reply("401 Unauthorized", "", ""), reply("200 OK", "", r#"{"data":[]}"#)]).await?;
    let telnyx = telnyx(&mock.url)?;
    assert!(matches!(telnyx.check().await, Err(AskError::Denied { .. })));
    assert_eq!(telnyx.check().await, Ok(()));
    assert!(mock.asked()[1].starts_with("GET /v2/messaging_profiles HTTP/1.1\r\n"), "{:?}", mock.asked());
    Ok(())
}

fn public(key: &PKey<Private>) -> Result<Secret> {
    Ok(Secret::new(STANDARD.encode(key.raw_public_key()?)))
}

/// A post as this key signs it.
fn signed(key: &PKey<Private>, timestamp: &str, body: &str) -> Result<ProviderPost> {
    let said = format!("{timestamp}|{body}");
    let signature = Signer::new_without_digest(key)?.sign_oneshot_to_vec(said.as_bytes())?;
    let signature = HeaderValue::from_str(&STANDARD.encode(signature))?;
    let named = [(proof::SIGNATURE, signature), (proof::TIMESTAMP, HeaderValue::from_str(timestamp)?)];
    let headers = named.into_iter().map(|(name, value)| (HeaderName::from_static(name), value)).collect();
    Ok(ProviderPost {
        what: PostKind::Receipt,
        url: String::new(),
        secret: None,
        headers,
        body: body.to_owned().into(),
    })
}

fn verified(public_key: &Secret, post: &ProviderPost) -> Result<std::result::Result<VerifiedPost, BadPost>> {
    let key = HashKey::from_bytes(&[7; 32])?;
    let believes = |fits: &dyn Fn(&Secret) -> bool| fits(public_key);
    let trial = PostVerificationContext { believes: &believes, key: &key, now_ms: NOW_MS };
    Ok(telnyx("http://127.0.0.1:9")?.verify(post, &trial))
}

#[tokio::test]
async fn what_the_key_has_signed_lately_is_believed() -> Result {
    let key = PKey::generate_ed25519()?;
    let public_key = public(&key)?;
    let body = r#"{"data":{"event_type":"message.finalized","occurred_at":"2023-11-14T22:13:20.000+00:00","payload":{
        "id":"1","to":[{"phone_number":"+14155550100","status":"delivery_failed"}],"errors":[{"code":"40300"}]}}}"#;
    let taken = verified(&public_key, &signed(&key, "1699999701", body)?)??;
    let ParsedPost::Receipt(receipt) = &taken.parsed else { return Err("no receipt".into()) };
    assert_eq!((receipt.provider_id.as_str(), receipt.state), ("1", Some(MessageState::Undelivered)));
    assert_eq!((receipt.error_code, receipt.at_ms), (Some(40_300), Some(NOW_MS)));
    assert_eq!(Telnyx::read_receipt(&taken.payload)?, *receipt);
    assert!(Telnyx::read_text(&taken.payload).is_err());
    // the same body signed again is another signature, for something else
    let again = verified(&public_key, &signed(&key, "1699999702", body)?)??;
    assert_ne!(again.fingerprint, taken.fingerprint);
    let stranger = PKey::generate_ed25519()?;
    let altered = ProviderPost { body: body.replace("40300", "40301").into(), ..signed(&key, "1700000000", body)? };
    for forged in [
        signed(&stranger, "1700000000", body)?,
        signed(&key, "1699999699", body)?,
        signed(&key, "1700000301", body)?,
        signed(&key, "9223372036854775807", body)?,
        signed(&key, "now", body)?,
        altered,
        ProviderPost { headers: HeaderMap::new(), ..signed(&key, "1700000000", body)? },
    ] {
        assert_eq!(verified(&public_key, &forged)?, Err(BadPost::Forged));
    }
    assert!(!Telnyx::has_proof(&ProviderPost { headers: HeaderMap::new(), ..signed(&key, "1700000000", body)? }));
    let other = r#"{"data":{"event_type":"number_order.complete"}}"#;
    let other = verified(&public_key, &signed(&key, "1700000000", other)?)?;
    assert_eq!(other.map(|other| other.parsed), Ok(ParsedPost::Nothing));
    let nameless = verified(&public_key, &signed(&key, "1700000000", "{}")?)?;
    assert_eq!(nameless, Err(BadPost::Unreadable(UnreadableWebhook("event_type"))));
    for odd in ["[]", "null", "{}", "x"] {
        assert!(Telnyx::read_text(odd).is_err() && Telnyx::read_receipt(odd).is_err(), "{odd}");
    }
    Ok(())
}

#[test]
fn a_message_that_came_in_is_read() -> Result {
    let event = json!({"data": {"event_type": "message.received", "payload": {
        "id": "7ee4241c", "type": "MMS", "from": {"phone_number": "+14155550100", "carrier": "T-MOBILE"},
        "to": [{"phone_number": "+14155550199", "status": "delivered"}], "text": "Ça va ?", "parts": 1,
        "subject": null, "organization_id": "ours", "webhook_url": "https://gw/secret",
        "media": [{"url": "https://a/1", "content_type": "image/png"}]}}});
    let text = Telnyx::read_text(&event.to_string())?;
    assert_eq!((text.from.as_str(), text.to.as_str(), text.body.as_str()), ("+14155550100", "+14155550199", "Ça va ?"));
    assert_eq!((text.media[0].url.as_str(), text.media[0].content_type.as_str()), ("https://a/1", "image/png"));
    let fields: Vec<_> = text.carrier.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("parts", "1"), ("type", "MMS")]);
    assert!(text.also_to.is_empty());
    Ok(())
}

#[test]
fn a_group_text_names_all_to_whom_it_went() -> Result {
    let event = json!({"data": {"event_type": "message.received", "payload": {
        "id": "7ee4241c", "type": "MMS", "from": {"phone_number": "+14155550100"}, "text": "All here?",
        "to": [{"phone_number": "+14155550101"}, {"phone_number": "+14155550199"}],
        "cc": [{"phone_number": "+14155550102"}, {"status": "delivered"}]}}});
    let text = Telnyx::read_text(&event.to_string())?;
    assert_eq!(text.to, "+14155550101");
    assert_eq!(text.also_to, ["+14155550199", "+14155550102"]);
    Ok(())
}

#[test]
fn credentials_are_a_key_and_a_public_key() {
    let good = STANDARD.encode([7_u8; 32]);
    for (json, is_good) in [
        (json!({"api_key": "KEY1", "public_key": good}), true),
        (json!({"api_key": "KEY1", "public_key": good, "messaging_profile_id": "profile"}), true),
        (json!({"api_key": "", "public_key": good}), false),
        (json!({"api_key": "KEY 1", "public_key": good}), false),
        (json!({"api_key": "KEY1", "public_key": "hush"}), false),
        (json!({"api_key": "KEY1", "public_key": good, "messaging_profile_id": ""}), false),
        (json!({"api_key": "KEY1"}), false),
    ] {
        let read = Credentials::from_json(CarrierKind::Telnyx, json.to_string().as_bytes());
        assert_eq!(read.is_ok(), is_good, "{json}");
    }
}
