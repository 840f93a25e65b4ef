//! What happened reaches whoever listens, signed, at least once, and nobody else.

mod callback;
mod crash;
mod delivery;
mod device;
mod edge;
mod endpoint;
mod keeping;
mod listing;
mod oracle;
mod ordered;
mod parked;
pub mod receiver;
mod sequence;
mod table;
mod tenant;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::harness::{ADMIN, Builder, LONG, Layout, Result, Server};

/// A server that may post to this machine, and is quick to try again.
pub async fn builder(layout: Layout) -> Result<Builder> {
    let builder = Builder::new(layout).await?;
    Ok(builder.set("event.allow", "127.0.0.1").set("event.retries", "50ms,50ms").set("event.timeout", "3s"))
}

/// An administrator's call: status and answer (null where it is empty).
pub async fn call(server: &Server, method: &str, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
    let mut request = server.http.request(method.parse()?, server.url(path)).bearer_auth(ADMIN);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    let answer = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).context(text)? };
    Ok((status, answer))
}

/// The same, where it must go well.
pub async fn well(server: &Server, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
    let (status, answer) = call(server, method, path, body).await?;
    ensure!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    Ok(answer)
}

pub fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("no text: {value}"))?.to_owned())
}

/// An endpoint for these types: its id and its secret.
pub async fn endpoint(server: &Server, url: &str, types: &[&str]) -> Result<(String, String)> {
    let made = well(server, "POST", "/v1/endpoints", Some(json!({"url": url, "event_types": types}))).await?;
    Ok((text(&made["id"])?, text(&made["secret"])?))
}

/// Sends a test event and returns its id.
pub async fn test_event(server: &Server, endpoint: &str) -> Result<String> {
    let path = format!("/v1/endpoints/{endpoint}/test");
    text(&well(server, "POST", &path, None).await?["event_id"])
}

/// The only delivery of an event, once it is in that state.
pub async fn delivery(server: &Server, event: &str, state: &str) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let told = well(server, "GET", &format!("/v1/events/{event}"), None).await?;
        let one = told["deliveries"][0].clone();
        if one["state"] == state {
            return Ok(one);
        }
        ensure!(begun.elapsed() < LONG, "not {state}: {told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
