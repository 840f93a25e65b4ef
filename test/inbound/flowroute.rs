//! Flowroute's webhooks: both inbound shapes, receipts, and the secret path that is all their proof.

use serde_json::{Value, json};
use switchboard::store::Change;

use super::play::{FLOWROUTE_TOKEN, OURS, PERSON, builder, flowroute, in_state, number, post_json, received, settled};
use crate::harness::{Layout, Result, Server, stored};
use crate::on_both_engines;

async fn scene(layout: Layout) -> Result<Server> {
    let server = builder(layout).await?.set("provider.flowroute_base_url", "http://127.0.0.1:9").start().await?;
    let account = flowroute(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    Ok(server)
}

fn path(what: &str) -> String {
    format!("/webhooks/flowroute/{FLOWROUTE_TOKEN}/{what}")
}

async fn both_shapes_become_messages(layout: Layout) -> Result {
    let server = scene(layout).await?;
    let newer = json!({"data": {"id": "mdr2-1", "type": "message", "attributes":
        {"to": &OURS[1..], "from": &PERSON[1..], "body": "newer", "is_mms": true}},
        "included": [{"attributes": {"url": "https://media.example.org/1", "mime_type": "image/png"}}]});
    let older = json!({"to": &OURS[1..], "from": &PERSON[1..], "body": "older", "id": "mdr1-1"});
    for shape in [&newer, &older] {
        for _ in 0..2 {
            assert_eq!(post_json(&server, &path("sms"), shape).await?, 200);
        }
        settled(&server).await?;
    }
    assert_eq!(received(&server).await?, [[PERSON, OURS, "newer"], [PERSON, OURS, "older"]]);
    let extra = server.rows("SELECT extra FROM sb_message WHERE body = 'newer'").await?;
    assert!(extra[0][0].contains("https://media.example.org/1"));
    Ok(())
}

/// As its own programs, and those of others that speak like it, write numbers, ids and letters.
async fn what_is_written_otherwise_is_read(layout: Layout) -> Result {
    let server = scene(layout).await?;
    let (own, person) = (&OURS[1..], "+12025559003");
    let json = "application/json";
    let latin = "application/json; charset=ISO-8859-1";
    let text =
        |from: &str, id: &str, body: &str| format!(r#"{{"to": {own}, "from": {from}, "id": {id}, "body": "{body}"}}"#);
    let bytes = |text: String| text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect::<Vec<u8>>();
    let posts: [(Vec<u8>, &str, &str, &str); 12] = [
        (text("\"2025559003\"", "\"a\"", "ten digits").into(), json, person, "ten digits"),
        (text("2025559003", "1", "a number").into(), json, person, "a number"),
        (text("12025559003", "2", "eleven").into(), json, person, "eleven"),
        (format!("\u{feff}{}", text("12025559003", "3", "ça ✓")).into(), json, person, "ça ✓"),
        (bytes(text("12025559003", "4", "ça va")), latin, person, "ça va"),
        (bytes(text("12025559003", "5", "ça va bien")), json, person, "ça va bien"),
        (text("12025559003", "6", "été ✓").into(), "application/vnd.api+json; charset=utf-8", person, "été ✓"),
        (text("\"447700900123\"", "7", "from abroad").into(), json, "+447700900123", "from abroad"),
        (text("\"(202) 555-9003\"", "8", "as people write it").into(), json, person, "as people write it"),
        (text("\"202555900\"", "9", "no number").into(), json, "202555900", "no number"),
        (text("\"\"", "10", "withheld").into(), json, "", "withheld"),
        (text("null", "11", "withheld too").into(), json, "", "withheld too"),
    ];
    for (body, content_type, from, read) in posts {
        let request = server.http.post(server.url(&path("sms"))).header("Content-Type", content_type);
        assert_eq!(request.body(body).send().await?.status(), 200, "{read}");
        settled(&server).await?;
        assert_eq!(received(&server).await?.pop(), Some(vec![from.to_owned(), OURS.to_owned(), read.to_owned()]));
    }
    Ok(())
}

async fn whoever_does_not_know_the_path_is_refused(layout: Layout) -> Result {
    let server = scene(layout).await?;
    let body = json!({"to": &OURS[1..], "from": &PERSON[1..], "body": "x", "id": "mdr1-1"});
    for wrong in ["/webhooks/flowroute/guess/sms", "/webhooks/flowroute/guess/receipt"] {
        assert_eq!(post_json(&server, wrong, &body).await?, 403);
    }
    for bad in [json!({"id": "mdr2-1"}), json!([]), json!("text")] {
        assert_eq!(post_json(&server, &path("sms"), &bad).await?, 400, "{bad}");
        assert_eq!(post_json(&server, &path("receipt"), &bad).await?, 400, "{bad}");
    }
    assert_eq!(post_json(&server, &path("other"), &body).await?, 404);
    assert!(server.rows("SELECT id FROM sb_inbound").await?.is_empty());
    assert!(!server.log()?.contains(FLOWROUTE_TOKEN), "the path is a secret");
    Ok(())
}

async fn both_levels_of_a_receipt_fold_into_one_state(layout: Layout) -> Result {
    let server = scene(layout).await?;
    let (status, message) = super::play::send(&server, PERSON, "hello").await?;
    assert_eq!(status, 202);
    let id = message["id"].as_str().unwrap_or_default();
    // as if Flowroute had taken it: there is none here that could
    let sql = "INSERT INTO sb_attempt (message_id, number, account_id, outcome, provider_id, started_ms, ended_ms) \
               SELECT id, 99, account_id, 'accepted', 'mdr2-77', 1, 1 FROM sb_message WHERE id = ?";
    let change = Change::new().run(sql, vec![stored(id)]);
    server.home().databases.store()?.commit(change).await?;
    let receipt = |level: u8, code: Value| {
        json!({"data": {"id": "mdr2-77", "type": "delivery_receipt", "attributes":
            {"level": level, "status": "delivered", "status_code": code, "timestamp": "2030-01-31T12:00:00.00Z"}}})
    };
    for body in [receipt(1, json!("0")), receipt(2, json!(null)), receipt(2, json!(null))] {
        assert_eq!(post_json(&server, &path("receipt"), &body).await?, 200);
    }
    let message = in_state(&server, id, "delivered").await?;
    settled(&server).await?;
    assert_eq!(
        message["receipts"],
        json!([{"state": "delivered", "word": "delivered", "error_code": null, "at": "2030-01-31T12:00:00.000Z"}])
    );
    assert_eq!(server.rows("SELECT id FROM sb_inbound").await?.len(), 2);
    Ok(())
}

on_both_engines!(
    both_shapes_become_messages,
    what_is_written_otherwise_is_read,
    whoever_does_not_know_the_path_is_refused,
    both_levels_of_a_receipt_fold_into_one_state,
);
