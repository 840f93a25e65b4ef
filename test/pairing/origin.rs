//! Pages on other hosts: the origins of `sync.allowed_origins` may call the pairing paths, no other.

use reqwest::Method;
use serde_json::json;

use super::play::{self, Answer, handshake, lenient};
use crate::harness::phone::session;
use crate::harness::{Layout, PASSWORD, Phone, Result, Server, USER};

const PAGE: &str = "https://app.example.org";

async fn call(server: &Server, method: Method, path: &str, origin: &str, body: String) -> Result<Answer> {
    Answer::to(server.http.request(method, server.url(path)).header("origin", origin).body(body)).await
}

async fn preflight(server: &Server, path: &str, origin: &str) -> Result<Answer> {
    let asked = server.http.request(Method::OPTIONS, server.url(path)).header("origin", origin);
    let asked = asked.header("access-control-request-method", "POST");
    Answer::to(asked.header("access-control-request-headers", "content-type")).await
}

async fn with_origins(origins: &str) -> Result<Server> {
    lenient(Layout::SqliteShared).await?.set("sync.allowed_origins", origins).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_an_allowed_origin_reads_every_answer() -> Result {
    let server = with_origins(r#"["https://other.example", "https://app.example.org"]"#).await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    let offer = json!({"public_key": phone.public_pem}).to_string();
    let calls = [
        (Method::GET, "/v2/sync/users/111".to_owned(), String::new(), 200),
        (Method::GET, "/v2/sync/users/111?format=gif".to_owned(), String::new(), 400),
        (Method::POST, handshake(USER, &sid), offer, 200),
        (Method::POST, session(USER, &sid), "{".to_owned(), 400),
        (Method::POST, session(USER, &sid), phone.one_step(&server, "wrong")?, 403),
        (Method::POST, session(USER, &sid), " ".repeat(65_537), 413),
        (Method::POST, play::verification(USER, &sid), phone.two_step(&server, PASSWORD)?, 200),
    ];
    for (method, path, body, expected) in calls {
        let allowed = call(&server, method.clone(), &path, PAGE, body.clone()).await?;
        assert_eq!(allowed.status, expected, "{path}: {allowed:?}");
        assert_eq!(allowed.header("access-control-allow-origin"), PAGE, "{path} {expected}");
        assert_eq!(allowed.header("vary"), "Origin");
    }
    for path in ["/v2/sync/users/111".to_owned(), handshake(USER, &sid), session(USER, &sid)] {
        let asked = preflight(&server, &path, PAGE).await?;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, PAGE), "{path}");
        assert!(asked.header("access-control-allow-methods").contains("POST"));
        assert!(asked.header("access-control-allow-headers").eq_ignore_ascii_case("content-type"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_anywhere_else_reads_nothing() -> Result {
    let some = with_origins(r#"["https://app.example.org"]"#).await?;
    let none = with_origins("[]").await?;
    let near = ["https://app.example.org.evil", "http://app.example.org", "https://app.example.org:8443", "null"];
    let others = near.iter().map(|origin| (&some, *origin)).chain([(&none, PAGE)]);
    for (server, origin) in others {
        let path = session(USER, &server.sid(USER).await?);
        for answer in [
            call(server, Method::GET, "/v2/sync/users/111", origin, String::new()).await?,
            call(server, Method::POST, &path, origin, Phone::new()?.one_step(server, PASSWORD)?).await?,
            preflight(server, &path, origin).await?,
        ] {
            assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}: {answer:?}");
            // a cache must not serve this to a page that may read it
            assert_eq!(answer.header("vary"), "Origin");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_star_allows_every_page_and_administrators_paths_none() -> Result {
    let server = with_origins("*").await?;
    let asked = call(&server, Method::GET, "/v2/sync/users/111", "https://anywhere.example", String::new()).await?;
    assert!(["*", "https://anywhere.example"].contains(&asked.header("access-control-allow-origin")), "{asked:?}");
    assert!(!asked.headers.contains_key("access-control-allow-credentials"));
    let admin = preflight(&server, "/v1/users/111/devices", PAGE).await?;
    assert!(!admin.headers.contains_key("access-control-allow-origin"), "{admin:?}");
    Ok(())
}
