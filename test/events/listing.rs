//! What was told, listed by type, and counted.

use anyhow::ensure;
use serde_json::{Value, json};

use super::receiver::{Answer, Receiver};
use super::{builder, call, delivery, endpoint, test_event, text, well};
use crate::harness::{ADMIN, Layout, Result, Server, until};
use crate::on_both_engines;

fn types(listed: &Value) -> Vec<&str> {
    listed["data"].as_array().into_iter().flatten().filter_map(|event| event["type"].as_str()).collect()
}

async fn events_are_listed_by_type(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.dev().start().await?, Receiver::start().await?);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    for _ in 0..3 {
        test_event(&server, &id).await?;
    }
    let sent = json!({"to": "+14155550100", "body": "hello"});
    well(&server, "POST", "/v1/messages", Some(sent)).await?;
    // three tests, accepted, sent, delivered
    receiver.wait(6).await?;
    let all = well(&server, "GET", "/v1/events", None).await?;
    ensure!(types(&all).len() >= 6, "{all}");
    let tests = well(&server, "GET", "/v1/events?type=endpoint.test", None).await?;
    assert_eq!(types(&tests), ["endpoint.test"; 3]);
    let one = well(&server, "GET", "/v1/events?type=message.sent", None).await?;
    assert_eq!(types(&one), ["message.sent"]);
    assert_eq!(types(&well(&server, "GET", "/v1/events?type=device.paired", None).await?), [""; 0]);
    // pages stay with the type
    let first = well(&server, "GET", "/v1/events?type=endpoint.test&limit=2", None).await?;
    let cursor = text(&first["next_cursor"])?;
    let second = well(&server, "GET", &format!("/v1/events?type=endpoint.test&limit=2&cursor={cursor}"), None).await?;
    assert_eq!((types(&first).len(), types(&second).len(), &second["next_cursor"]), (2, 1, &Value::Null));
    for unknown in ["message.*", "message", "", "Message.sent"] {
        let (status, problem) = call(&server, "GET", &format!("/v1/events?type={unknown}"), None).await?;
        ensure!(status == 400 && problem["field"] == "type", "{unknown}: {status} {problem}");
    }
    let url = server.url("");
    let run = async |kind: &str| {
        let arguments = ["event", "list", "--json", "--type", kind, "--url", &url];
        server.builder().run(&arguments).await
    };
    let said = run("message.sent").await?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    ensure!(said.contains("message.sent") && !said.contains("endpoint.test"), "{said}");
    ensure!(!run("message.eaten").await?.status.success());
    Ok(())
}

/// What `/metrics` says of this, nothing where it is not there yet.
async fn metric(server: &Server, name: &str) -> Result<String> {
    let text = server.http.get(server.url("/metrics")).bearer_auth(ADMIN).send().await?.text().await?;
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(found.unwrap_or_default().to_owned())
}

async fn shows(server: &Server, name: &str, value: &str) -> Result {
    until(&format!("{name} {value}"), async || Ok((metric(server, name).await? == value).then_some(()))).await
}

async fn deliveries_are_counted(layout: Layout) -> Result {
    let counter = |result: &str| format!("switchboard_webhook_deliveries_total{{result=\"{result}\"}}");
    let builder = builder(layout).await?.set("event.retries", "50ms,1h");
    let (server, receiver) = (builder.start().await?, Receiver::start().await?);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    receiver.answer([500, 200, 500].map(Answer::status));
    let event = test_event(&server, &id).await?;
    delivery(&server, &event, "delivered").await?;
    test_event(&server, &id).await?;
    shows(&server, &counter("failed"), "3").await?;
    assert_eq!(metric(&server, &counter("delivered")).await?, "1");
    shows(&server, "switchboard_webhook_waiting", "1").await?;
    receiver.answer([Answer::status(410)]);
    let gone = test_event(&server, &id).await?;
    delivery(&server, &gone, "dropped").await?;
    shows(&server, "switchboard_webhook_endpoints_disabled", "1").await?;
    assert_eq!(metric(&server, &counter("dropped")).await?, "1");
    // every method that we serve has a name there
    let (status, _) = call(&server, "PATCH", &format!("/v1/endpoints/{id}"), Some(json!({"description": "x"}))).await?;
    assert_eq!(status, 200);
    shows(&server, "switchboard_http_requests_total{method=\"PATCH\",status=\"200\"}", "1").await
}

on_both_engines!(events_are_listed_by_type, deliveries_are_counted);
