//! What is refused: bad input by the name of its field, private addresses, strangers.

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{builder, call, delivery, endpoint, test_event, text, well};
use crate::harness::{ADMIN, Builder, Layout, Result, Server};
use crate::on_both_engines;

const NO_ENDPOINT: &str = "ep_00000000000000000000000000000000";
const NO_EVENT: &str = "evt_00000000000000000000000000000000";

async fn refused(server: &Server, method: &str, path: &str, body: Value, field: &str) -> Result {
    let shown = body.to_string();
    let (status, problem) = call(server, method, path, Some(body)).await?;
    assert_eq!((status, &problem["field"]), (400, &json!(field)), "{method} {path} {shown}: {problem}");
    assert!(text(&problem["detail"])?.starts_with(field), "{problem}");
    Ok(())
}

async fn bad_input_is_refused_by_name(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let url = "http://127.0.0.1:9/";
    for (body, field) in [
        (json!({}), "url"),
        (json!({"url": 5}), "url"),
        (json!({"url": "ftp://127.0.0.1/"}), "url"),
        (json!({"url": "nonsense"}), "url"),
        (json!({"url": format!("http://127.0.0.1/{}", "x".repeat(3000))}), "url"),
        (json!({"url": url, "event_types": "message.sent"}), "event_types"),
        (json!({"url": url, "event_types": []}), "event_types"),
        (json!({"url": url, "event_types": ["message.sent", "message.eaten"]}), "event_types"),
        (json!({"url": url, "description": "x".repeat(256)}), "description"),
        (json!({"url": url, "secret": "mine"}), "secret"),
    ] {
        refused(&server, "POST", "/v1/endpoints", body, field).await?;
    }
    assert_eq!(well(&server, "GET", "/v1/endpoints", None).await?["data"], json!([]), "nothing is stored");
    let (id, _) = endpoint(&server, url, &["*"]).await?;
    for (body, field) in [
        (json!({"url": "http://[::1]/"}), "url"),
        (json!({"state": "broken"}), "state"),
        (json!({"event_types": []}), "event_types"),
        (json!({"created_at": "now"}), "created_at"),
    ] {
        refused(&server, "PATCH", &format!("/v1/endpoints/{id}"), body, field).await?;
    }
    let event = test_event(&server, &id).await?;
    refused(&server, "POST", &format!("/v1/events/{event}/replay"), json!({"endpoint_id": "x"}), "endpoint_id").await?;
    for (path, field) in [("/v1/endpoints?limit=0", "limit"), ("/v1/events?cursor=x", "cursor")] {
        let (status, problem) = call(&server, "GET", path, None).await?;
        assert_eq!((status, &problem["field"]), (400, &json!(field)));
    }
    for body in ["", "[]", "{", "{} {}", "null", "[\"http://a/\"]"] {
        let (status, problem) = raw(&server, "application/json", body).await?;
        assert!(status == 400 && problem["detail"].is_string(), "{body}: {status} {problem}");
    }
    assert_eq!(raw(&server, "text/plain", "{}").await?.0, 415);
    assert_eq!(raw(&server, "application/json", &" ".repeat(70_000)).await?.0, 413);
    Ok(())
}

async fn raw(server: &Server, media: &str, body: &str) -> Result<(u16, Value)> {
    let request = server.http.post(server.url("/v1/endpoints")).bearer_auth(ADMIN).header("content-type", media);
    let response = request.body(body.to_owned()).send().await?;
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    Ok((status, response.json().await?))
}

async fn strangers_and_wrong_ways_are_refused(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let paths = [
        ("GET", "/v1/endpoints".to_owned()),
        ("POST", "/v1/endpoints".to_owned()),
        ("GET", "/v1/endpoints/callback-secret".to_owned()),
        ("GET", format!("/v1/endpoints/{NO_ENDPOINT}")),
        ("PATCH", format!("/v1/endpoints/{NO_ENDPOINT}")),
        ("DELETE", format!("/v1/endpoints/{NO_ENDPOINT}")),
        ("POST", format!("/v1/endpoints/{NO_ENDPOINT}/rotate")),
        ("POST", format!("/v1/endpoints/{NO_ENDPOINT}/test")),
        ("GET", "/v1/events".to_owned()),
        ("GET", format!("/v1/events/{NO_EVENT}")),
        ("POST", format!("/v1/events/{NO_EVENT}/replay")),
    ];
    for (method, path) in &paths {
        let request = server.http.request(method.parse()?, server.url(path));
        assert_eq!(request.bearer_auth("another").send().await?.status(), 401, "{method} {path}");
        assert_eq!(call(&server, "PUT", path, None).await?.0, 405, "{path}");
        if path.contains('_') {
            let body = (*method != "GET").then(|| json!({}));
            assert_eq!(call(&server, method, path, body).await?.0, 404, "{method} {path}");
        }
    }
    assert_eq!(call(&server, "GET", "/v1/endpoints/nonsense", None).await?.0, 404);
    Ok(())
}

on_both_engines!(bad_input_is_refused_by_name, strangers_and_wrong_ways_are_refused);

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_at_the_edge() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[fd00::1]",
        "[fe80::1]",
        "100.64.0.1",
    ] {
        refused(&server, "POST", "/v1/endpoints", json!({"url": format!("http://{host}/hook")}), "url").await?;
    }
    Ok(())
}

/// Whoever owns a name may point it anywhere later: what counts is where the connection goes.
#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_at_connect() -> Result {
    let (server, receiver) = (builder(Layout::SqliteShared).await?.start().await?, Receiver::start().await?);
    let (id, _) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let home = server.home();
    drop(server);
    let server = Builder::at(home).set("event.retries", "50ms").start().await?;
    let event = test_event(&server, &id).await?;
    let over = delivery(&server, &event, "exhausted").await?;
    assert!(over["last_status"].is_null() && over["last_reason"].is_string(), "{over}");
    assert!(receiver.posts().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_calls_this_machine() -> Result {
    let (server, receiver) = (Builder::new(Layout::SqliteShared).await?.dev().start().await?, Receiver::start().await?);
    let (id, secret) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    test_event(&server, &id).await?;
    assert!(receiver.wait(1).await?[0].is_signed_by(&secret)?);
    Ok(())
}
