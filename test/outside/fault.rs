//! The carrier's faults: what the sender sees of each, and what the record says.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{FROM, TO, list, send};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Result};

/// What a sender may see.
#[derive(Debug, PartialEq)]
enum Seen {
    Answer(u16),
    Unreadable(u16),
    /// An answer began and broke off.
    Broken,
    /// The connection ended without one.
    Closed,
    Silence,
}

async fn see(carrier: &Carrier, to: &str) -> Result<Seen> {
    let form = [("To", to), ("From", FROM), ("Body", "hello")];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = carrier.http.post(carrier.messages_url()).basic_auth(ACCOUNT, Some(TOKEN)).body(body);
    let response = match request.timeout(Duration::from_millis(500)).send().await {
        Err(error) if error.is_timeout() => return Ok(Seen::Silence),
        Err(_) => return Ok(Seen::Closed),
        Ok(response) => response,
    };
    let status = response.status().as_u16();
    let Ok(text) = response.text().await else { return Ok(Seen::Broken) };
    let is_readable = serde_json::from_str::<Value>(&text).is_ok();
    Ok(if is_readable { Seen::Answer(status) } else { Seen::Unreadable(status) })
}

#[tokio::test]
async fn every_fault_does_what_its_name_says() -> Result {
    let carrier = Carrier::start().await?;
    let faults = [
        (json!({ "do": "accept", "delay_ms": 20 }), Seen::Answer(201), 1, 1),
        (json!({ "do": "status", "status": 503 }), Seen::Answer(503), 0, 0),
        (json!({ "do": "status", "status": 504, "recorded": true }), Seen::Unreadable(504), 1, 1),
        (json!({ "do": "garbage" }), Seen::Unreadable(201), 1, 1),
        (json!({ "do": "garbage", "status": 200 }), Seen::Unreadable(200), 1, 1),
        (json!({ "do": "cut" }), Seen::Broken, 1, 1),
        (json!({ "do": "cut_before" }), Seen::Closed, 0, 0),
        (json!({ "do": "silent" }), Seen::Silence, 1, 1),
        (json!({ "do": "accept", "delay_ms": 5000 }), Seen::Silence, 1, 1),
        (json!({ "do": "accept", "hold_ms": 5000 }), Seen::Silence, 0, 0),
        (json!({ "do": "refuse", "code": 21610 }), Seen::Answer(400), 0, 0),
        (json!({ "do": "fail", "status": "failed", "code": 30006 }), Seen::Answer(201), 1, 1),
        (json!({ "do": "forget" }), Seen::Answer(201), 0, 0),
        (json!({ "do": "unlisted" }), Seen::Answer(201), 1, 0),
    ];
    for (nth, (fault, seen, recorded, listed)) in faults.into_iter().enumerate() {
        let to = format!("+1415555{:04}", 200 + nth);
        let mut rule = fault.clone();
        rule["to"] = json!(to);
        rule["times"] = json!(1);
        carrier.behave(rule).await?;
        assert_eq!(see(&carrier, &to).await?, seen, "{fault}");
        let messages = carrier.messages(Some(&to)).await?;
        assert_eq!(messages.len(), recorded, "{fault}");
        assert!(messages.iter().all(|message| message.told == fault["do"]), "{fault}");
        let list = list(&carrier, &format!("To=%2B{}", &to[1..])).await?;
        assert_eq!(list["messages"].as_array().map(Vec::len), Some(listed), "{fault}");
        assert_eq!(see(&carrier, &to).await?, Seen::Answer(201), "{fault}, which was for one request");
    }
    Ok(())
}

#[tokio::test]
async fn the_newest_rule_that_fits_decides() -> Result {
    let carrier = Carrier::start().await?;
    carrier.behave(json!({ "do": "status", "status": 500 })).await?;
    carrier.behave(json!({ "prefix": "+1415", "do": "status", "status": 429, "retry_after": 7 })).await?;
    carrier.behave(json!({ "to": TO, "times": 2, "do": "refuse", "code": 21610 })).await?;
    let url = carrier.messages_url();
    let mut statuses = Vec::new();
    for to in [TO, TO, TO, "+33612345678"] {
        let (status, _) = send(&carrier.http, &url, &[("To", to), ("From", FROM), ("Body", "x")]).await?;
        statuses.push(status);
    }
    assert_eq!(statuses, [400, 400, 429, 500]);
    let throttled = [("To", TO), ("From", FROM), ("Body", "x")];
    let request = carrier.http.post(&url).basic_auth(ACCOUNT, Some(TOKEN));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(throttled).finish();
    assert_eq!(request.body(body).send().await?.headers()["retry-after"], "7");
    carrier.clear().await?;
    assert_eq!(see(&carrier, TO).await?, Seen::Answer(201));
    assert!(carrier.behave(json!({ "do": "silent", "too": TO })).await.is_err(), "a misspelt rule is refused");
    Ok(())
}

#[tokio::test]
async fn lists_fail_on_command_too() -> Result {
    let carrier = Carrier::start().await?;
    carrier.behave(json!({ "on": "list", "times": 1, "do": "status", "status": 503 })).await?;
    assert_eq!(see(&carrier, TO).await?, Seen::Answer(201), "sends go on");
    let list = || carrier.http.get(carrier.messages_url()).basic_auth(ACCOUNT, Some(TOKEN)).send();
    assert_eq!(list().await?.status(), 503);
    assert_eq!(list().await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_delay_holds_up_nobody_else() -> Result {
    let carrier = Carrier::start().await?;
    carrier.behave(json!({ "to": TO, "do": "accept", "delay_ms": 250 })).await?;
    let begun = Instant::now();
    let timed = async |to| see(&carrier, to).await.map(|seen| (seen, begun.elapsed()));
    let (slow, quick) = tokio::join!(timed(TO), timed("+14155550102"));
    let ((slow_seen, slow), (quick_seen, quick)) = (slow?, quick?);
    assert_eq!((slow_seen, quick_seen), (Seen::Answer(201), Seen::Answer(201)));
    assert!(slow >= Duration::from_millis(250) && quick < slow, "{quick:?} of {slow:?}");
    Ok(())
}
