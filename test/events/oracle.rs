//! A client that has us post to names of its choice does not learn from the answers what stands in our network.

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::receiver::{Answer, Receiver};
use super::{builder, text};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::on_both_engines;
use crate::relay::client::{By, ask};
use crate::relay::scene::act_well;
use crate::relay::{Client, client, loopback, post};

const SAID: &str = "could not be reached";

async fn well(server: &Server, ann: &Client, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
    let (status, _, said) = ask(server, By::Basic(&ann.sid, &ann.token), method, path, body).await?;
    ensure!((200..300).contains(&status), "{method} {path}: {status} {said}");
    Ok(said)
}

async fn endpoint(server: &Server, ann: &Client, url: &str) -> Result<String> {
    text(&well(server, ann, "POST", "/v1/endpoints", Some(json!({"url": url}))).await?["id"])
}

async fn names_and_private_addresses_read_alike(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500)]);
    let ann = client(&server, "1").await?;
    let nameless = endpoint(&server, &ann, "http://no-such-name.invalid/").await?;
    let private = endpoint(&server, &ann, &receiver.url("/")).await?;
    let home = server.home();
    drop(server);
    // it is private again: names that lead to it are refused in the same place
    let settings = [("event.retries", "50ms"), ("event.timeout", "3s"), ("event.disable_after", "1ms")];
    let again = settings.into_iter().fold(Builder::at(home), |builder, (key, value)| builder.set(key, value));
    let server = again.start().await?;
    let mut of_operator = Vec::new();
    for id in [&nameless, &private] {
        let event = text(&well(&server, &ann, "POST", &format!("/v1/endpoints/{id}/test"), None).await?["event_id"])?;
        let path = format!("/v1/events/{event}");
        let told = until("the end of a delivery", async || {
            let told = well(&server, &ann, "GET", &path, None).await?;
            let delivery = &told["deliveries"][0];
            ensure!(delivery["tries"] == 0 || delivery["last_reason"] == SAID, "{told}");
            Ok((delivery["state"] == "exhausted").then(|| told.clone()))
        })
        .await?;
        assert_eq!(told["deliveries"][0]["last_status"], Value::Null);
        let shown = well(&server, &ann, "GET", &format!("/v1/endpoints/{id}"), None).await?;
        assert_eq!(shown["disabled_reason"], format!("it has failed for 1ms; the last time: {SAID}"), "{shown}");
        let whole = act_well(&server, &ann.id, "GET", &path, None).await?;
        let reason = text(&whole["deliveries"][0]["last_reason"])?;
        let whole = act_well(&server, &ann.id, "GET", &format!("/v1/endpoints/{id}"), None).await?;
        ensure!(text(&whole["disabled_reason"])?.ends_with(&reason), "{whole}");
        of_operator.push(reason);
    }
    ensure!(of_operator[1].contains("not a public address"), "{of_operator:?}");
    ensure!(of_operator[0] != of_operator[1] && of_operator[0] != SAID, "{of_operator:?}");
    let listed = well(&server, &ann, "GET", "/v1/endpoints", None).await?;
    ensure!(!listed.to_string().contains("public address"), "{listed}");
    Ok(())
}

/// What a place has answered is no secret, nor why nothing is posted there.
async fn an_answer_is_told_as_it_was(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500)]);
    let ann = client(&server, "1").await?;
    let id = endpoint(&server, &ann, &receiver.url("/")).await?;
    let event = text(&well(&server, &ann, "POST", &format!("/v1/endpoints/{id}/test"), None).await?["event_id"])?;
    let last = async |state: &str| {
        until(state, async || {
            let told = well(&server, &ann, "GET", &format!("/v1/events/{event}"), None).await?;
            Ok((told["deliveries"][0]["state"] == state).then(|| told["deliveries"][0]["last_reason"].clone()))
        })
        .await
    };
    assert_eq!(last("exhausted").await?, "HTTP 500");
    well(&server, &ann, "DELETE", &format!("/v1/endpoints/{id}"), None).await?;
    let other = endpoint(&server, &ann, &receiver.url("/")).await?;
    let replay = json!({"endpoint_id": other});
    receiver.answer([Answer::status(410)]);
    well(&server, &ann, "POST", &format!("/v1/events/{event}/replay"), Some(replay)).await?;
    let gone = until("410", async || {
        let told = well(&server, &ann, "GET", &format!("/v1/events/{event}"), None).await?;
        let deliveries = told["deliveries"].as_array().cloned().unwrap_or_default();
        Ok(deliveries.into_iter().find(|delivery| delivery["state"] == "dropped"))
    })
    .await?;
    assert_eq!(gone["last_reason"], "410 Gone");
    let shown = well(&server, &ann, "GET", &format!("/v1/endpoints/{other}"), None).await?;
    assert_eq!(shown["disabled_reason"], "it answered 410 Gone");
    Ok(())
}

/// Answers one post with 500, then nobody is there; its URL.
async fn fleeting() -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/told", listener.local_addr()?);
    tokio::spawn(async move {
        let (mut post, _) = listener.accept().await?;
        drop(listener);
        let mut bytes = [0; 16 << 10];
        ensure!(post.read(&mut bytes).await? > 0, "nobody asks");
        post.write_all(b"HTTP/1.1 500 Fault\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
        post.shutdown().await?;
        while post.read(&mut bytes).await? > 0 {}
        Result::Ok(())
    });
    Ok(url)
}

/// What a callback was answered says nothing of the tries behind it.
async fn a_callback_that_is_answered_once_reads_alike_afterwards(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    loopback(&server).await?;
    let ann = client(&server, "1").await?;
    let sms = json!({"to": "+14155550100", "from": "+15005550006", "body": "x", "callback_url": fleeting().await?});
    let (status, sent) = post(&server, &ann.key, "/v1/messages", &sms).await?;
    ensure!(status == 202, "{status} {sent}");
    let events = async |by: By<'_>| -> Result<Vec<Value>> {
        let (_, _, events) = ask(&server, by, "GET", "/v1/events", None).await?;
        let mut deliveries = Vec::new();
        for event in events["data"].as_array().into_iter().flatten() {
            let (_, _, told) = ask(&server, by, "GET", &format!("/v1/events/{}", text(&event["id"])?), None).await?;
            deliveries.extend(told["deliveries"].as_array().cloned().unwrap_or_default());
        }
        Ok(deliveries)
    };
    let told = until("callbacks that are given up", async || {
        let told = events(By::Basic(&ann.sid, &ann.token)).await?;
        let may_be = [Value::Null, json!("HTTP 500"), json!(SAID)];
        ensure!(told.iter().all(|one| may_be.contains(&one["last_reason"])), "{told:?}");
        let is_over = !told.is_empty() && told.iter().all(|one| one["state"] == "exhausted");
        Ok(is_over.then_some(told))
    })
    .await?;
    ensure!(told.iter().all(|one| one["last_reason"] == SAID && one["last_status"].is_null()), "{told:?}");
    let whole = events(By::AdminFor(&ann.id)).await?;
    ensure!(whole.iter().all(|one| one["last_reason"].is_string() && one["last_reason"] != SAID), "{whole:?}");
    Ok(())
}

on_both_engines!(
    names_and_private_addresses_read_alike,
    an_answer_is_told_as_it_was,
    a_callback_that_is_answered_once_reads_alike_afterwards,
);
