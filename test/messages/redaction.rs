//! What is redacted is gone wherever it lay: in the kept reply, in what was told, in what is still to be told.

use anyhow::ensure;
use serde_json::{Value, json};
use switchboard::crypto::hash::sha256_hex;

use super::{FROM, TO, builder, in_state, ready, sms};
use crate::events::receiver::{Answer, Receiver};
use crate::events::{endpoint, text, well};
use crate::harness::{ADMIN, Carrier, Layout, Result, Server, until};
use crate::on_both_engines;

const SECRET: &str = "secret words";

fn request() -> String {
    sms(TO, SECRET, json!({"metadata": {"order": 7}, "media_urls": ["https://example.com/secret"]})).to_string()
}

async fn keyed(server: &Server) -> Result<Value> {
    let request = server.http.post(server.url("/v1/messages")).bearer_auth(ADMIN).header("idempotency-key", "k1");
    let response = request.body(self::request()).send().await?;
    ensure!(response.status() == 202, "{}", response.status());
    Ok(response.json().await?)
}

/// All that the store still has of replies, events, messages and webhooks.
async fn kept(server: &Server) -> Result<String> {
    let mut kept = String::new();
    for sql in [
        "SELECT reply FROM sb_idempotency",
        "SELECT payload FROM sb_event",
        "SELECT body, extra FROM sb_message",
        "SELECT payload FROM sb_inbound",
    ] {
        kept.extend(server.rows(sql).await?.concat());
    }
    Ok(kept)
}

async fn a_redacted_text_lies_nowhere_and_is_told_no_more(layout: Layout) -> Result {
    let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
    let builder = builder(layout, &carrier).await?.set("event.allow", "127.0.0.1").set("event.retries", "3s,1s");
    let (server, _) = ready(builder).await?;
    let (_, secret) = endpoint(&server, &receiver.url("/"), &["message.sent"]).await?;
    receiver.answer([Answer::status(500), Answer::status(200)]);
    let first = keyed(&server).await?;
    let id = text(&first["id"])?;
    in_state(&server, &id, "sent").await?;
    let told = receiver.wait(1).await?;
    ensure!(told[0].json()?["data"]["body"] == SECRET, "{:?}", told[0].json()?);
    ensure!(kept(&server).await?.contains("secret"));
    well(&server, "PATCH", &format!("/v1/messages/{id}"), Some(json!({"body": ""}))).await?;
    let left = kept(&server).await?;
    ensure!(!left.contains("secret"), "{left}");
    // nor can it be guessed and tried
    let hashes = server.rows("SELECT request_hash FROM sb_idempotency").await?.concat();
    ensure!(hashes.len() == 1 && hashes[0] != sha256_hex(request().as_bytes()), "{hashes:?}");
    // the repeat is answered as before, but for what was said
    let again = keyed(&server).await?;
    let mut bare = first;
    (bare["body"], bare["media_urls"]) = (json!(""), json!([]));
    assert_eq!(again, bare);
    // the try that was to come tells no more either, and is signed for what it tells
    let told = receiver.wait(2).await?;
    let (payload, event) = (told[1].json()?, told[1].id()?.to_owned());
    assert_eq!((&payload["data"]["body"], &payload["data"]["metadata"]["order"]), (&json!(""), &json!(7)));
    ensure!(told[1].is_signed_by(&secret)? && event == told[0].id()?, "another event, or a bad signature");
    let shown = well(&server, "GET", &format!("/v1/events/{event}"), None).await?;
    assert_eq!(shown["data"], payload["data"]);
    Ok(())
}

/// What is written of a message after it was redacted, by whoever had read it before, is not told either.
async fn an_event_that_comes_late_is_told_without_the_text(layout: Layout) -> Result {
    let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
    let builder = builder(layout, &carrier).await?.set("event.allow", "127.0.0.1").set("event.retries", "3s,1s");
    let (server, _) = ready(builder).await?;
    endpoint(&server, &receiver.url("/"), &["message.sent"]).await?;
    receiver.answer([Answer::status(500), Answer::status(200)]);
    let id = text(&keyed(&server).await?["id"])?;
    in_state(&server, &id, "sent").await?;
    receiver.wait(1).await?;
    let sql = "UPDATE sb_message SET redacted_ms = 1";
    server.home().databases.store()?.commit(switchboard::store::Change::new().run(sql, vec![])).await?;
    let told = receiver.wait(2).await?;
    assert_eq!(told[1].json()?["data"]["body"], "");
    let listed = well(&server, "GET", "/v1/events", None).await?;
    ensure!(!listed.to_string().contains("secret"), "{listed}");
    let payloads = server.rows("SELECT payload FROM sb_event").await?.concat();
    ensure!(!payloads.is_empty() && !payloads.concat().contains("secret"), "{payloads:?}");
    Ok(())
}

async fn a_text_that_came_in_is_redacted_as_well(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let server = crate::events::builder(layout).await?.start().await?;
    let loopback = json!({"provider": "loopback", "credentials": {}});
    let account = text(&well(&server, "POST", "/v1/accounts", Some(loopback)).await?["id"])?;
    super::number(&server, &account, FROM, json!({})).await?;
    endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let played = json!({"from": TO, "to": FROM, "body": SECRET});
    well(&server, "POST", "/v1/loopback/inbound", Some(played)).await?;
    let told = receiver.wait(1).await?;
    let id = text(&told[0].json()?["data"]["id"])?;
    well(&server, "PATCH", &format!("/v1/messages/{id}"), Some(json!({"body": ""}))).await?;
    until("nothing kept", async || Ok((!kept(&server).await?.contains("secret")).then_some(()))).await
}

on_both_engines!(
    a_redacted_text_lies_nowhere_and_is_told_no_more,
    an_event_that_comes_late_is_told_without_the_text,
    a_text_that_came_in_is_redacted_as_well,
);
