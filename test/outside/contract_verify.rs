//! Twilio's own description of Verify against our paths for it: every reply must be as it says.

use anyhow::ensure;
use serde_json::{Value, json};

use super::contract::{judge_by, settle};
use crate::harness::{Prism, Result};

/// Checks replies, of which so many at least must be described. Whatever is refused is refused in one form.
pub async fn check(replies: &[Value], least: usize) -> Result {
    settle(judge(replies).await?, replies, least)
}

async fn judge(replies: &[Value]) -> Result<Option<Vec<Value>>> {
    let formats = json!({"date-time": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "uri": "^https?://[^/]+/"});
    let rules = json!({"formats": formats, "ending": "", "null_parts": false});
    judge_by(Prism::verify_description()?, rules, replies).await
}

const SERVICE: &str = "VA0123456789abcdef0123456789abcdef";
const VERIFICATION: &str = "VE0123456789abcdef0123456789abcdef";
const AT: &str = "2023-11-14T22:13:20Z";

/// A verification as Twilio shows one.
fn verification() -> Value {
    let url = format!("https://verify.twilio.com/v2/Services/{SERVICE}/Verifications/{VERIFICATION}");
    json!({
        "sid": VERIFICATION, "service_sid": SERVICE, "account_sid": "AC00000000000000000000000000000111",
        "to": "+14155550100", "channel": "sms", "status": "pending", "valid": false, "date_created": AT,
        "date_updated": AT, "lookup": {}, "amount": null, "payee": null, "sna": null, "url": url,
        "send_code_attempts": [{"time": AT, "channel": "SMS", "attempt_sid": "VL0123456789abcdef0123456789abcdef"}],
    })
}

/// The control: what is good passes, and each way of being wrong is seen.
#[tokio::test]
async fn a_reply_of_verify_that_is_not_as_described_is_seen() -> Result {
    let one = format!("/v2/Services/{SERVICE}/Verifications/{VERIFICATION}");
    let reply = |method: &str, path: &str, status: u16, body: &Value| {
        let body = body.to_string();
        json!({"method": method, "path": path, "status": status, "body": body})
    };
    let error = json!({"code": 60202, "message": "many", "status": 429,
        "more_info": "https://www.twilio.com/docs/errors/60202"});
    let summary = json!({"total_attempts": 11, "total_converted": 9, "total_unconverted": 2,
        "conversion_rate_percentage": "81.82", "url": "https://verify.twilio.com/v2/Attempts/Summary"});
    let good = [
        reply("GET", &one, 200, &verification()),
        reply("GET", &one, 429, &error),
        reply("GET", "/v2/Attempts/Summary", 200, &summary),
    ];
    let Some(verdicts) = judge(&good).await? else { return Ok(()) };
    ensure!(verdicts.iter().all(|verdict| verdict["wrong"] == json!([])), "{verdicts:?}");
    let mut wrong = vec![
        reply("POST", &one, 201, &verification()),
        reply("GET", &one, 200, &json!([])),
        reply("GET", &one, 404, &error),
        reply("GET", "/v2/Attempts/Summary", 200, &verification()),
    ];
    for (field, value) in [
        ("channel", json!("SMS")),
        ("channel", Value::Null),
        ("valid", json!("false")),
        ("sid", json!("ver_0123456789abcdef0123456789abcdef")),
        ("date_created", json!("Tue, 14 Nov 2023 22:13:20 +0000")),
        ("url", json!("/v2/Services")),
        ("send_code_attempts", json!({})),
        ("more", json!(true)),
    ] {
        let mut verification = verification();
        verification[field] = value;
        wrong.push(reply("GET", &one, 200, &verification));
    }
    for field in verification().as_object().into_iter().flatten().map(|(field, _)| field) {
        let mut verification = verification();
        verification.as_object_mut().map(|fields| fields.remove(field));
        wrong.push(reply("GET", &one, 200, &verification));
    }
    let verdicts = judge(&wrong).await?.unwrap_or_default();
    let unseen: Vec<_> = verdicts.iter().zip(&wrong).filter(|(verdict, _)| verdict["wrong"] == json!([])).collect();
    ensure!(verdicts.len() == wrong.len() && unseen.is_empty(), "not seen: {unseen:#?}");
    Ok(())
}
