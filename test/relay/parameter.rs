//! Parameters of Twilio's on the older paths: obeyed, or refused by name, never taken and passed over.

use anyhow::ensure;
use serde_json::{Value, json};

use super::doors::{Doors, TO, said};
use crate::harness::{Layout, Result};

/// What every request to a path says.
fn usual(path: &str) -> Value {
    if path.ends_with("call") {
        json!({"To": TO, "Twiml": "<Response/>"})
    } else {
        json!({"To": TO, "Body": "“x”"})
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_paths_refuse_by_name_what_they_do_not_carry() -> Result {
    let doors = Doors::open(Layout::SqliteShared).await?;
    let texts = ["/relay/sms", "/relay/api/sms", "/relay/api/whatsapp"];
    let calls = ["/relay/api/call"];
    let rows = [
        (&texts[..], "ContentRetention", json!("discard"), false),
        (&texts, "ContentSid", json!("HX00000000000000000000000000000000"), false),
        (&texts, "ForceDelivery", json!(true), false),
        (&texts, "MessagingServiceSid", json!("MG00000000000000000000000000000000"), false),
        (&texts, "SendAsMms", json!("True"), false),
        (&texts, "SendAt", json!("2030-01-31T09:00:00Z"), false),
        (&texts, "SmartEncoded", json!("maybe"), false),
        (&texts, "ValidityPeriod", json!(60), false),
        (&calls, "ApplicationSid", json!("AP00000000000000000000000000000000"), false),
        (&calls, "Record", json!(true), false),
        (&calls, "SendDigits", json!("12"), false),
        (&calls, "StatusCallbackEvent", json!("answered"), false),
        (&calls, "TimeLimit", json!(5), false),
        (&texts, "ContentRetention", json!("Retain"), true),
        (&texts, "ForceDelivery", json!(false), true),
        (&texts, "MessagingServiceSid", json!(""), true),
        (&texts, "SendAt", Value::Null, true),
        (&texts, "MediaUrl", json!(""), true),
        (&texts, "Colour", json!({"red": 1}), true),
        (&calls, "Record", json!("False"), true),
        (&calls, "StatusCallbackEvent", json!("completed"), true),
    ];
    let before = doors.stored().await?;
    for (paths, name, value, _) in rows.iter().filter(|row| !row.3) {
        for path in *paths {
            let mut asked = usual(path);
            asked[*name] = value.clone();
            let (status, answer) = doors.json(path, &asked).await?;
            ensure!(status == 400 && said(&answer).contains(name), "{path} {name}={value}: {status} {answer}");
        }
    }
    ensure!(doors.stored().await? == before, "something was taken");
    for (paths, name, value, _) in rows.iter().filter(|row| row.3) {
        for path in *paths {
            let mut asked = usual(path);
            asked[*name] = value.clone();
            let (status, answer) = doors.json(path, &asked).await?;
            ensure!(status == 200, "{path} {name}={value}: {status} {answer}");
        }
    }
    let form = [("To", TO), ("Body", "x"), ("SendAsMms", "false"), ("SendAsMms", "true")];
    let (status, answer) = doors.form("/relay/sms", &form).await?;
    ensure!(status == 400 && said(&answer).contains("SendAsMms"), "{status} {answer}");
    let form = [("To", TO), ("Body", "x"), ("MediaUrl", ""), ("SendAsMms", "FALSE")];
    let (status, answer) = doors.form("/relay/sms", &form).await?;
    ensure!(status == 200, "{status} {answer}");
    let smart = json!({"To": TO, "Body": "“x”", "SmartEncoded": "True"});
    let (status, answer) = doors.json("/relay/api/sms", &smart).await?;
    ensure!(status == 200, "{status} {answer}");
    let (_, newest) = doors.get("/v1/messages?limit=1").await?;
    ensure!(newest["data"][0]["body"] == "\"x\"", "{newest}");
    Ok(())
}
