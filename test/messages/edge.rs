//! Bad input: named by its field, and nothing stored.

use anyhow::ensure;
use serde_json::{Value, json};

use super::{FROM, TO, builder, number, ready, with};
use crate::events::call;
use crate::harness::{Carrier, Layout, Result, Server};
use crate::on_both_engines;

async fn refused(server: &Server, body: Value, field: &str) -> Result {
    let (status, problem) = call(server, "POST", "/v1/messages", Some(body.clone())).await?;
    ensure!(status == 400 && problem["field"] == field, "{body}: {status} {problem}");
    ensure!(problem["title"] == "Bad Request" && problem["detail"].is_string(), "{problem}");
    Ok(())
}

async fn bad_input_is_named_and_nothing_is_stored(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?).await?;
    number(&server, &account, "+15005550199", json!({"capabilities": ["voice"]})).await?;
    let good = json!({"from": FROM, "to": TO, "body": "x"});
    let wrong = [
        ("to", json!("12")),
        ("to", json!("+1415555010000000")),
        ("to", json!("SENDER")),
        ("to", json!(FROM)),
        ("to", json!(7)),
        ("to", Value::Null),
        ("from", json!("+15005559999")),
        ("from", json!("+15005550199")),
        ("from", json!("not a number")),
        ("body", json!("")),
        ("body", json!(7)),
        ("body", json!("x".repeat(1601))),
        ("body", json!("€".repeat(1601))),
        ("body", json!("😀".repeat(801))),
        ("send_at", json!("2001-01-01T00:00:00Z")),
        ("send_at", json!("tomorrow")),
        ("send_at", json!("2999-01-01T00:00:00Z")),
        ("valid_for", json!("0s")),
        ("valid_for", json!("11h")),
        ("valid_for", json!("long")),
        ("media_urls", json!("https://example.com/a")),
        ("media_urls", json!(["ftp://example.com/a"])),
        ("media_urls", json!(["https://example.com/a", "https://exa mple.com/b"])),
        ("media_urls", json!(["https://example.com:99999/"])),
        ("media_urls", json!(["https://"])),
        ("media_urls", json!(vec!["https://example.com/a"; 11])),
        ("metadata", json!("text")),
        ("metadata", json!({"long": "x".repeat(5000)})),
        ("callback_url", json!("http://127.0.0.1:1/")),
        ("callback_url", json!("http://10.0.0.1/")),
        ("callback_url", json!("nonsense")),
    ];
    for (field, value) in wrong {
        // of a list, the item is named too
        let mut body = good.clone();
        body[field] = value;
        refused(&server, body, field).await?;
    }
    refused(&server, json!({"from": FROM, "body": "x"}), "to").await?;
    let (status, problem) = call(&server, "POST", "/v1/messages", Some(with(good, json!({"colour": "red"})))).await?;
    ensure!(status == 400 && problem["detail"].to_string().contains("colour"), "{status} {problem}");
    for body in ["[]", "{", "7", "{\"to\": \"+14155550100\", \"body\": \"\\ud800\"}", ""] {
        let posted = server.http.post(server.url("/v1/messages")).bearer_auth(crate::harness::ADMIN);
        let response = posted.header("content-type", "application/json").body(body).send().await?;
        assert_eq!(response.status(), 400, "{body}");
    }
    let count = "SELECT (SELECT COUNT(*) FROM sb_message) + (SELECT COUNT(*) FROM sb_outbox) + \
                 (SELECT COUNT(*) FROM sb_idempotency)";
    assert_eq!(server.rows(count).await?.concat(), ["0"]);
    assert!(carrier.recorded()?.is_empty());
    Ok(())
}

async fn a_sender_name_only_sends_texts(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?).await?;
    let voice = json!({"number": "SENDER", "account_id": account, "capabilities": ["sms", "voice"]});
    let (status, problem) = call(&server, "POST", "/v1/numbers", Some(voice.clone())).await?;
    ensure!(status == 400 && problem["field"] == "capabilities", "{status} {problem}");
    let id = number(&server, &account, "SENDER", json!({"capabilities": ["sms"]})).await?;
    let change = json!({"capabilities": voice["capabilities"]});
    let (status, problem) = call(&server, "PATCH", &format!("/v1/numbers/{id}"), Some(change)).await?;
    ensure!(status == 400 && problem["field"] == "capabilities", "{status} {problem}");
    Ok(())
}

async fn nobody_sends_without_a_key(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    let body = json!({"from": FROM, "to": TO, "body": "x"}).to_string();
    let (status, _) = server.post("/v1/messages", body).await?;
    assert_eq!(status, 401);
    assert_eq!(server.rows("SELECT COUNT(*) FROM sb_message").await?.concat(), ["0"]);
    Ok(())
}

on_both_engines!(bad_input_is_named_and_nothing_is_stored, a_sender_name_only_sends_texts, nobody_sends_without_a_key);
