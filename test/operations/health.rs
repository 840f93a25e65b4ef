//! Probes, and what every reply has in common: a request id, and problems in one shape.

use mysql_async::Opts;
use serde_json::Value;

use super::command::run;
use super::wire::Wire;
use crate::harness::database::redis;
use crate::harness::port::free_port;
use crate::harness::proxy::Proxy;
use crate::harness::{ADMIN, Builder, Layout, Result, Server, until};
use crate::on_every_layout;

async fn readiness(server: &Server) -> Result<(u16, Value)> {
    let response = server.http.get(server.url("/readyz")).send().await?;
    assert_eq!(response.headers()["content-type"], "application/json");
    let status = response.status().as_u16();
    Ok((status, serde_json::from_str(&response.text().await?)?))
}

async fn until_ready(server: &Server, wanted: u16) -> Result<Value> {
    let look = async || Ok(readiness(server).await.map(|(status, body)| (status == wanted).then_some(body))?);
    until(&format!("{wanted} from /readyz"), look).await
}

async fn probes_answer(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    for (path, body) in [("/", "Switchboard\n"), ("/healthz", "ok\n")] {
        let response = server.http.get(server.url(path)).send().await?;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.text().await?, body);
    }
    let (status, body) = readiness(&server).await?;
    assert_eq!(status, 200);
    assert_eq!(body, serde_json::json!({"status": "ready", "store": "up", "backend": "up", "redis": "none"}));
    let url = server.url("");
    run(server.builder(), &["health", "--url", &url]).await?.well()?;
    Ok(())
}

on_every_layout!(probes_answer);

/// A URL that goes through a wire which can be cut.
async fn through(url: &str) -> Result<(Proxy, String)> {
    let opts = Opts::from_url(url)?;
    let proxy = Proxy::to("127.0.0.1", opts.tcp_port()).await?;
    let cuttable = url.replacen(&format!(":{}/", opts.tcp_port()), &format!(":{}/", proxy.port), 1);
    anyhow::ensure!(cuttable != url, "no port in the URL");
    Ok((proxy, cuttable))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_makes_it_unready_until_it_is_back() -> Result {
    let builder = Builder::new(Layout::MariadbShared).await?;
    let (wire, url) = through(&builder.home().databases.store_url).await?;
    let server = builder.set("store.url", url).set("store.timeout", "2s").start().await?;
    assert_eq!(readiness(&server).await?.0, 200);
    let here = server.url("");
    wire.cut().await;
    let body = until_ready(&server, 503).await?;
    assert_eq!(body, serde_json::json!({"status": "not ready", "store": "down", "backend": "down", "redis": "none"}));
    let said = run(server.builder(), &["health", "--url", &here]).await?.refusal()?;
    assert!(said.contains("503"), "{said}");
    // it lives all the same: nobody should start it anew for that
    let alive = server.http.get(server.url("/healthz")).send().await?;
    assert_eq!(alive.status(), 200);
    wire.mend();
    assert_eq!(until_ready(&server, 200).await?["status"], "ready");
    run(server.builder(), &["health", "--url", &here]).await?.well()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_database_that_is_away_makes_it_unready_too() -> Result {
    let builder = Builder::new(Layout::MariadbSeparate).await?;
    let (wire, url) = through(&builder.home().databases.backend_url).await?;
    let server = builder.set("backend.url", url).set("store.timeout", "2s").start().await?;
    wire.cut().await;
    let body = until_ready(&server, 503).await?;
    assert_eq!((&body["store"], &body["backend"]), (&Value::from("up"), &Value::from("down")));
    wire.mend();
    until_ready(&server, 200).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_told_of_but_not_needed() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("redis.url", redis()?).start().await?;
    until("Redis that is up", async || Ok((readiness(&server).await?.1["redis"] == "up").then_some(()))).await?;
    let away = format!("redis://127.0.0.1:{}", free_port()?);
    let server = Builder::new(Layout::SqliteShared).await?.set("redis.url", away).start().await?;
    let (status, body) = readiness(&server).await?;
    assert_eq!((status, &body["redis"]), (200, &Value::from("down")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_fails_where_nobody_listens_and_asks_its_own_address() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for host in ["127.0.0.1", "0.0.0.0"] {
        let listen = format!("{host}:{}", server.port);
        // what the world calls it does not matter
        let builder = server.builder().clone().set("http.listen", listen).set("http.public_url", "http://h.invalid");
        run(&builder, &["health"]).await?.well()?;
    }
    let nobody = server.builder().clone().set("http.listen", format!("127.0.0.1:{}", free_port()?));
    let said = run(&nobody, &["health"]).await?.refusal()?;
    assert!(said.contains("is the server running there?"), "{said}");
    Ok(())
}

/// Method, path, status, what `Allow` says.
const ODD: [(&str, &str, u16, &str); 16] = [
    ("GET", "/nosuch", 404, ""),
    ("POST", "/nosuch", 404, ""),
    ("GET", "/v1", 404, ""),
    ("GET", "/v2/sync", 404, ""),
    ("GET", "/v2/sync/pause/111/x", 404, ""),
    ("GET", "/healthz/x", 404, ""),
    ("PUT", "/", 405, "GET, POST"),
    ("DELETE", "/healthz", 405, "GET"),
    ("POST", "/readyz", 405, "GET"),
    ("POST", "/metrics", 405, "GET"),
    ("PUT", "/v2/sync/users/111", 405, "GET, OPTIONS"),
    ("GET", "/v2/sync/users/111/sessions/x/", 405, "POST, OPTIONS"),
    ("PUT", "/v2/sync/users/111/sessions/x/handshake", 405, "POST, OPTIONS"),
    ("POST", "/v2/sync/init/111", 405, "GET"),
    ("POST", "/v1/users/111/devices", 405, "GET"),
    ("POST", "/pair/111", 405, "GET"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_done_is_a_problem_in_json() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for (method, path, status, allow) in ODD {
        let request = server.http.request(method.parse()?, server.url(path));
        let response = request.bearer_auth(ADMIN).send().await?;
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{method} {path}");
        let allowed = response.headers().get("allow").map(|value| value.to_str()).transpose()?;
        assert_eq!(allowed.unwrap_or_default(), allow, "{method} {path}");
        let problem: Value = serde_json::from_str(&response.text().await?)?;
        assert_eq!(problem["status"], status, "{method} {path}");
        assert!(problem["title"].is_string() && problem["detail"].is_string() && problem["type"].is_string());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reply_has_a_request_id_of_its_own() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let mut seen = std::collections::BTreeSet::new();
    let paths = ["/", "/healthz", "/readyz", "/metrics", "/nosuch", "/v2/sync/users/111", "/v2/sync/init/111"];
    for path in paths.into_iter().chain(["/v1/users/111/devices", "/pair/111", "/v2/sync/users/111?format=png"]) {
        let response = server.http.get(server.url(path)).send().await?;
        let id = response.headers()["x-request-id"].to_str()?.to_owned();
        assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{path}: {id}");
        assert!(seen.insert(id), "{path}: an id twice");
    }
    // on one that becomes a socket as well, and never one that the client chose
    let mut wire = Wire::open(&server).await?;
    let upgrade = "GET /v2/sync/init/111 HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   X-Request-Id: mine\r\n\r\n";
    wire.send(upgrade).await?;
    let answer = wire.answer().await?;
    assert_eq!(answer.status, 101);
    assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 16), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_a_get_without_its_body() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for path in ["/", "/healthz", "/readyz", "/v2/sync/users/111", "/pair/111"] {
        let response = server.http.head(server.url(path)).send().await?;
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.bytes().await?.is_empty(), "{path}");
    }
    Ok(())
}
