//! From POST to sent: what is told, listed, kept and taken away.

use anyhow::ensure;
use serde_json::json;

use super::{FROM, TO, bodies, builder, drained, fetch, in_state, number, outcomes, ready, send, send_id, sms};
use crate::events::{call, text, well};
use crate::harness::{Carrier, Layout, Result, stored};
use crate::{in_foreign_sessions, on_both_engines};

async fn a_message_reaches_the_carrier_and_is_told_of(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?).await?;
    let extra = json!({"metadata": {"order": 7}, "media_urls": ["https://example.com/a.png"]});
    let told = send(&server, sms(TO, "Grüße €", extra)).await?;
    ensure!(told["state"] == "accepted" && told["encoding"] == "gsm7" && told["segments"] == 1, "{told}");
    ensure!(told["from"] == FROM && told["to"] == TO && told["direction"] == "outbound", "{told}");
    ensure!(told["metadata"]["order"] == 7 && told["media_urls"][0] == "https://example.com/a.png", "{told}");
    let id = text(&told["id"])?;
    let sent = in_state(&server, &id, "sent").await?;
    let recorded = carrier.messages(Some(TO)).await?;
    ensure!(recorded.len() == 1 && recorded[0].body == "Grüße €", "{recorded:?}");
    ensure!(recorded[0].media_urls == ["https://example.com/a.png"], "{recorded:?}");
    let attempt = &sent["attempts"][0];
    ensure!(attempt["provider_id"] == recorded[0].sid.as_str() && attempt["account_id"] == account.as_str(), "{sent}");
    ensure!(outcomes(&sent) == ["accepted"] && attempt["number"] == 1, "{sent}");
    ensure!(sent["to_number"]["country"] == "US" && sent["error"].is_null(), "{sent}");
    let emoji = send(&server, sms(TO, &"😀".repeat(40), json!({}))).await?;
    ensure!(emoji["encoding"] == "ucs2" && emoji["segments"] == 2, "{emoji}");
    // without a sender, the oldest number
    let chosen = send(&server, json!({"to": TO, "body": "from whom?"})).await?;
    ensure!(chosen["from"] == FROM, "{chosen}");
    drained(&server).await
}

async fn lists_are_filtered_and_paged(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?).await?;
    number(&server, &account, "+15005550101", json!({})).await?;
    let mut ids = Vec::new();
    for count in 0..7 {
        let from = if count % 2 == 0 { FROM } else { "+15005550101" };
        let message = json!({"from": from, "to": super::person(count % 3), "body": format!("text {count}")});
        ids.push(send_id(&server, message).await?);
    }
    for id in &ids {
        in_state(&server, id, "sent").await?;
    }
    ids.sort_by(|a, b| b.cmp(a));
    let list = async |query: &str| -> Result<Vec<String>> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = well(&server, "GET", &format!("/v1/messages?limit=2{query}{cursor}"), None).await?;
            let data = page["data"].as_array().cloned().unwrap_or_default();
            ensure!(data.len() <= 2 && !data.is_empty() || all.is_empty(), "{page}");
            for message in data {
                all.push(text(&message["id"])?);
            }
            let Some(next) = page["next_cursor"].as_str() else { return Ok(all) };
            cursor = format!("&cursor={next}");
        }
    };
    assert_eq!(list("").await?, ids);
    assert_eq!(list("&from=%2B15005550101").await?.len(), 3);
    assert_eq!(list("&number=+15005550101").await?.len(), 3, "an unencoded plus");
    assert_eq!(list("&to=%2B14155550000&state=sent").await?.len(), 3);
    assert_eq!(list("&from=%2B15005550101&to=%2B14155550000").await?.len(), 1);
    assert_eq!(list("&state=failed").await?.len(), 0);
    assert_eq!(list("&direction=inbound").await?.len(), 0);
    assert_eq!(list("&created_before=2001-01-01T00:00:00Z").await?.len(), 0);
    assert_eq!(list("&created_from=2001-01-01T00:00:00Z").await?.len(), 7);
    for bad in ["limit=0", "limit=201", "cursor=x", "state=gone", "direction=up", "to=abc%20", "created_from=monday"] {
        let (status, problem) = call(&server, "GET", &format!("/v1/messages?{bad}"), None).await?;
        let field = bad.split('=').next().unwrap_or_default();
        ensure!(status == 400 && problem["field"] == field, "{bad}: {status} {problem}");
    }
    Ok(())
}

async fn redaction_empties_the_text_and_keeps_the_rest(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "hold_ms": 400, "do": "accept"})).await?;
    let extra = json!({"metadata": {"order": 7}, "media_urls": ["https://example.com/a.png"]});
    let id = send_id(&server, sms(TO, "secret words", extra)).await?;
    let path = format!("/v1/messages/{id}");
    let (status, _) = call(&server, "PATCH", &path, Some(json!({"body": ""}))).await?;
    ensure!(status == 409, "not sent yet: {status}");
    in_state(&server, &id, "sent").await?;
    let (status, problem) = call(&server, "PATCH", &path, Some(json!({"body": "other"}))).await?;
    ensure!(status == 400 && problem["field"] == "body", "{status} {problem}");
    let redacted = well(&server, "PATCH", &path, Some(json!({"body": ""}))).await?;
    ensure!(redacted["body"] == "" && redacted["media_urls"] == json!([]), "{redacted}");
    ensure!(redacted["metadata"]["order"] == 7 && redacted["state"] == "sent", "{redacted}");
    ensure!(!redacted["redacted_at"].is_null() && redacted["segments"] == 1, "{redacted}");
    let rows = server.rows("SELECT body FROM sb_message").await?.concat();
    assert_eq!(rows, [""]);
    assert_eq!(bodies(&carrier, TO).await?, ["secret words"]);
    Ok(())
}

async fn unknown_ids_are_not_there(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    let id = send_id(&server, sms(TO, "mine", json!({}))).await?;
    let other = format!("msg_{}", "0".repeat(id.len() - 4));
    for id in [other.as_str(), "msg_1", "x", "acc_00000000000000000000000000000000"] {
        for (method, body) in [("GET", None), ("DELETE", None), ("PATCH", Some(json!({"body": ""})))] {
            let (status, answer) = call(&server, method, &format!("/v1/messages/{id}"), body).await?;
            ensure!(status == 404, "{method} {id}: {status} {answer}");
        }
    }
    // another client's message is as unknown as one that is not there
    in_state(&server, &id, "sent").await?;
    let mine = fetch(&server, &id).await?;
    let store = server.home().databases.store()?;
    let change =
        switchboard::store::Change::new().run("UPDATE sb_message SET client_id = ?", vec![stored(&"f".repeat(32))]);
    store.commit(change).await?;
    let (status, _) = call(&server, "GET", &format!("/v1/messages/{id}"), None).await?;
    assert_eq!(status, 404, "{mine}");
    Ok(())
}

on_both_engines!(
    a_message_reaches_the_carrier_and_is_told_of,
    lists_are_filtered_and_paged,
    redaction_empties_the_text_and_keeps_the_rest,
    unknown_ids_are_not_there,
);
in_foreign_sessions!(a_message_reaches_the_carrier_and_is_told_of, redaction_empties_the_text_and_keeps_the_rest);
