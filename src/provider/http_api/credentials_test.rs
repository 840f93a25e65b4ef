//! What accounts are opened with is checked, kept whole and shown to nobody.

use serde_json::json;

use super::*;
use crate::provider::mock::Result;
use crate::provider::{CarrierKind, Credentials};

const TOKEN: &str = "a-secret-path-segment";

#[test]
fn credentials_are_sealed_and_told_apart() -> Result {
    let secrets = json!({"api_key": "hush-1", "username": "hush-2"});
    let given = json!({"description": "africas-talking", "secrets": secrets, "webhook_token": TOKEN});
    let read = Credentials::from_json(CarrierKind::Http, given.to_string().as_bytes())?;
    assert!(!format!("{read:?}").contains("hush"), "{read:?}");
    let sealed = read.to_json();
    // the text, which is to stay as it is, not the name
    assert!(sealed.contains("https://api.africastalking.com/version1/messaging"));
    assert_eq!(Credentials::from_json(CarrierKind::Http, sealed.as_bytes())?, read);
    assert_eq!(Credentials::from_json(CarrierKind::Http, sealed.as_bytes())?.to_json().as_str(), sealed.as_str());
    assert_eq!(read.secret_path().map(Secret::expose), Some(TOKEN));
    let other = read.clone().with_proof(Secret::new("another-path-segment".into()))?;
    assert_ne!(other.external_id(), read.external_id());
    for (field, value, said) in [
        ("description", json!("hush"), "description: must be a JSON object"),
        ("description", json!({"send": {}}), "description: send: missing field `method`"),
        ("secrets", json!({"api_key": "hush"}), "secrets: must say username"),
        ("secrets", json!({"api_key": "hush", "username": ""}), "secrets: username must not be empty"),
        ("secrets", json!({"api_key": "hush\r\nX: y", "username": "hush"}), "secrets: api_key must not be empty, nor"),
        ("secrets", json!({"api_key": "hush", "username": "hush", "hush": "x"}), "secrets: says what"),
        ("secrets", json!("hush"), "secrets: must be a JSON object"),
        ("secrets", json!("{\"hush\": \"a\", \"hush\": \"b\"}"), "secrets: must say each name once"),
        ("webhook_token", json!("hush"), "webhook_token must be"),
        ("webhook_token", json!(""), "webhook_token must be"),
        ("webhook_token", json!("hush/hush/hush/hush"), "webhook_token must be"),
    ] {
        let mut wrong = given.clone();
        wrong[field] = value;
        let error = Credentials::from_json(CarrierKind::Http, wrong.to_string().as_bytes()).err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with(said) && !error.contains("hush"), "{wrong}: {error}");
    }
    // a carrier that posts nothing needs no path
    let silent = json!({"description": {"send": {"method": "GET", "url": "https://h/?to={to}&text={body}"},
        "answer": {"format": "text", "id": "^([0-9]+)$"}}});
    let silent = Credentials::from_json(CarrierKind::Http, silent.to_string().as_bytes())?;
    assert!(silent.proof().is_none());
    // it is stored in clear, and says nothing of the secrets
    assert_ne!(silent.external_id(), silent.external_id());
    Ok(())
}
