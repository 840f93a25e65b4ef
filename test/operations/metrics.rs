//! `/metrics`: what it says, to whom, and that it moves with what happens.

use anyhow::ensure;
use serde_json::json;

use super::openmetrics::{self, Exposition};
use super::wire::Wire;
use crate::harness::phone::session;
use crate::harness::port::free_port;
use crate::harness::{self, ADMIN, Builder, Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER};
use crate::on_every_layout;

const FAMILIES: [(&str, &str); 10] = [
    ("switchboard_sync_urls_issued", "counter"),
    ("switchboard_sync_sockets", "gauge"),
    ("switchboard_sync_sessions", "gauge"),
    ("switchboard_sync_handshakes", "counter"),
    ("switchboard_sync_handshake_seconds", "histogram"),
    ("switchboard_sync_password_seconds", "histogram"),
    ("switchboard_store_seconds", "histogram"),
    ("switchboard_http_requests", "counter"),
    ("switchboard_http_request_seconds", "histogram"),
    ("switchboard_http_connections", "gauge"),
];

/// Waits until the metrics are as they should be: a socket's end shows a moment later.
async fn until(server: &Server, what: &str, holds: impl Fn(&Exposition) -> bool) -> Result<Exposition> {
    harness::until(what, async || Ok(Some(openmetrics::of(server).await?).filter(&holds))).await
}

fn sockets(metrics: &Exposition) -> (i64, i64, i64) {
    let showing = |state| metrics.value("switchboard_sync_sessions", &[("state", state)]);
    (metrics.value("switchboard_sync_sockets", &[]), showing("waiting"), showing("paused"))
}

fn handshakes(metrics: &Exposition, flavour: &str, result: &str) -> i64 {
    metrics.value("switchboard_sync_handshakes_total", &[("flavour", flavour), ("result", result)])
}

fn commits(metrics: &Exposition) -> i64 {
    metrics.value("switchboard_store_seconds_count", &[("database", "store"), ("operation", "commit")])
}

async fn they_move_when_phones_pair(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let phone = Phone::new()?;
    let before = openmetrics::of(&server).await?;
    assert_eq!(sockets(&before), (0, 0, 0));
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    until(&server, "an open socket", |m| sockets(m) == (1, 1, 0)).await?;
    let offer = json!({"public_key": phone.public_pem}).to_string();
    assert_eq!(server.post(&format!("{}handshake", session(USER, &sid)), offer).await?.0, 200);
    assert_eq!(socket.hear().await?, Heard::Pause);
    until(&server, "a paused socket", |m| sockets(m) == (1, 0, 1)).await?;
    assert_eq!(server.post(&session(USER, &sid), phone.two_step(&server, PASSWORD)?).await?.0, 200);
    assert_eq!(socket.hear().await?, Heard::Ack);
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    let after = until(&server, "a closed socket", |m| sockets(m) == (0, 0, 0)).await?;
    assert_eq!(handshakes(&after, "two", "paired"), 1);
    assert_eq!(after.value("switchboard_sync_handshake_seconds_count", &[]), 1);
    assert_eq!(after.value("switchboard_sync_password_seconds_count", &[]), 1);
    assert!(commits(&after) > commits(&before));
    assert!(
        after.value("switchboard_sync_urls_issued_total", &[])
            > before.value("switchboard_sync_urls_issued_total", &[])
    );

    let sid = server.sid(USER).await?;
    phone.pair(&server, USER, &sid).await?;
    let sid = server.sid(USER).await?;
    assert_eq!(server.post(&session(USER, &sid), phone.one_step(&server, "not-it")?).await?.0, 403);
    let sid = server.sid("stranger").await?;
    assert_eq!(server.post(&session("stranger", &sid), phone.one_step(&server, PASSWORD)?).await?.0, 403);
    let unknown = session(USER, &"0".repeat(32));
    assert_eq!(server.post(&unknown, phone.two_step(&server, PASSWORD)?).await?.0, 400);
    let last = openmetrics::of(&server).await?;
    assert_eq!((handshakes(&last, "one", "paired"), handshakes(&last, "one", "refused")), (1, 2));
    assert_eq!((handshakes(&last, "two", "paired"), handshakes(&last, "two", "invalid_session")), (1, 1));
    assert_eq!(last.value("switchboard_sync_handshake_seconds_count", &[]), 2);
    for (family, kind) in FAMILIES {
        assert_eq!(last.kind(family), Some(kind), "{family}");
    }
    // both databases where there are two
    let databases = last.label_values("switchboard_store_seconds_count", "database");
    let is_separate = !server.home().databases.backend_url.is_empty();
    assert_eq!(databases.contains("backend"), is_separate, "{databases:?}");
    Ok(())
}

on_every_layout!(they_move_when_phones_pair);

#[tokio::test(flavor = "multi_thread")]
async fn they_want_the_administrators_key() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let url = server.url("/metrics");
    for request in [
        server.http.get(&url),
        server.http.get(&url).bearer_auth("not-it"),
        server.http.get(&url).bearer_auth(""),
        server.http.get(&url).basic_auth("admin", Some(ADMIN)),
        server.http.get(format!("{url}?token={ADMIN}")),
    ] {
        let response = request.send().await?;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(!response.text().await?.contains("switchboard_"));
    }
    let response = server.http.get(&url).bearer_auth(ADMIN).send().await?;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    openmetrics::parse(&response.text().await?)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_in_the_settings_nobody_has_it() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("admin.token", "").start().await?;
    for token in ["", "dev-admin", ADMIN] {
        assert_eq!(server.http.get(server.url("/metrics")).bearer_auth(token).send().await?.status(), 401);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_address_of_their_own_they_want_no_key() -> Result {
    let port = free_port()?;
    let own = format!("127.0.0.1:{port}");
    let server = Builder::new(Layout::SqliteShared).await?.set("http.metrics_listen", &own).start().await?;
    let mut wire = Wire::to(port).await?;
    let metrics = wire.get("/metrics").await?;
    ensure!(metrics.status == 200, "{metrics:?}");
    assert_eq!(openmetrics::parse(&metrics.body)?.kind("switchboard_sync_sockets"), Some("gauge"));
    assert_eq!(wire.get("/readyz").await?.status, 200);
    // nothing else is there, least of all what wants a key elsewhere
    for path in ["/", "/v2/sync/users/111", "/v1/users/111/devices", "/pair/111"] {
        assert_eq!(wire.get(path).await?.status, 404, "{path}");
    }
    // and the main address still wants one
    assert_eq!(server.http.get(server.url("/metrics")).send().await?.status(), 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_is_never_what_a_client_made_up() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let mut wire = Wire::open(&server).await?;
    for method in ["BREW", "PATCH", "X-\u{7f}"] {
        let _ = wire.send(&format!("{method} /made-up HTTP/1.1\r\nHost: test\r\n\r\n")).await;
        if wire.answer().await.is_err() {
            wire = Wire::open(&server).await?;
        }
    }
    let sid = server.sid("made-up-user").await?;
    let body = Phone::new()?.one_step(&server, PASSWORD)?;
    server.post(&session("made-up-user", &sid), body).await?;
    let response = server.http.get(server.url("/metrics")).bearer_auth(ADMIN).send().await?;
    let text = response.text().await?;
    openmetrics::parse(&text)?;
    assert!(
        text.contains("method=\"other\"") && !text.contains("BREW") && !text.contains("made-up"),
        "a client's words"
    );
    Ok(())
}
