//! The log: JSON or text, a request id in every line of a request, levels, and nothing secret.

use anyhow::Context as _;
use serde_json::Value;

use super::words::webhooks;
use crate::harness::phone::session;
use crate::harness::{Builder, Layout, PASSWORD, Phone, Result, Server, USER};
use crate::on_both_engines;

/// Every line of a JSON log.
fn lines(server: &Server) -> Result<Vec<Value>> {
    let log = server.log()?;
    log.lines().map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))).collect()
}

/// The request that a line belongs to.
fn request(line: &Value) -> Option<&str> {
    line["span"]["id"].as_str()
}

fn message<'a>(lines: &'a [Value], words: &str) -> Result<&'a Value> {
    lines.iter().find(|line| line["message"] == words).with_context(|| format!("no line {words:?}"))
}

/// The id that a reply to this post came with.
async fn posted(server: &Server, path: &str, body: String) -> Result<(u16, String)> {
    let response = server.http.post(server.url(path)).body(body).send().await?;
    let id = response.headers()["x-request-id"].to_str()?.to_owned();
    Ok((response.status().as_u16(), id))
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_an_object_a_line() -> Result {
    for format in ["json", "auto"] {
        let server = Builder::new(Layout::SqliteShared).await?.set("log.format", format).start().await?;
        let response = server.http.get(server.url("/healthz")).send().await?;
        let id = response.headers()["x-request-id"].to_str()?.to_owned();
        let lines = lines(&server)?;
        for line in &lines {
            let is_exact = |time: &str| time.len() == "2026-11-21T15:29:58.784Z".len() && time.ends_with('Z');
            assert!(line["timestamp"].as_str().is_some_and(is_exact), "{line}");
            assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
        }
        let mine: Vec<&Value> = lines.iter().filter(|line| request(line) == Some(&id)).collect();
        assert_eq!(mine.len(), 1, "{lines:#?}");
        assert_eq!((&mine[0]["message"], &mine[0]["status"]), (&"answered".into(), &200.into()));
        assert_eq!((&mine[0]["span"]["method"], &mine[0]["span"]["path"]), (&"GET".into(), &"/healthz".into()));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_for_a_person_and_has_the_id_too() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("log.format", "text").start().await?;
    let response = server.http.get(server.url("/healthz")).send().await?;
    let id = response.headers()["x-request-id"].to_str()?.to_owned();
    let log = server.log()?;
    assert!(!log.lines().any(|line| line.starts_with('{')) && !log.contains('\x1b'), "{log}");
    let line = log.lines().find(|line| line.contains(&id)).context("the request's line")?;
    assert!(line.contains("DEBUG") && line.contains("answered") && line.contains("status=200"), "{line}");
    Ok(())
}

async fn every_line_of_a_request_has_its_id(layout: Layout) -> Result {
    // as in the field: what a level of info says must be found by the id in a reply
    let server = Builder::new(layout).await?.set("log.level", "info").start().await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    let (status, refused) = posted(&server, &session(USER, &sid), phone.one_step(&server, "not-it")?).await?;
    assert_eq!(status, 403);
    let (status, malformed) = posted(&server, &session(USER, &sid), "{".to_owned()).await?;
    assert_eq!(status, 400);
    let (status, paired) = posted(&server, &session(USER, &sid), phone.one_step(&server, PASSWORD)?).await?;
    assert_eq!(status, 200);
    let lines = lines(&server)?;
    let of = |id: &str| lines.iter().filter(|line| request(line) == Some(id)).collect::<Vec<_>>();
    let (refusals, broken) = (of(&refused), of(&malformed));
    assert_eq!(refusals.len(), 1, "one line: {lines:#?}");
    assert_eq!(refusals[0]["reason"], "unknown user or wrong password");
    assert_eq!((broken.len(), &broken[0]["reason"]), (1, &"poorly formed json".into()), "{lines:#?}");
    let line = message(&lines, "paired a device")?;
    assert_eq!(request(line), Some(paired.as_str()), "{line}");
    Ok(())
}

on_both_engines!(every_line_of_a_request_has_its_id);

#[tokio::test(flavor = "multi_thread")]
async fn levels_are_kept_and_directives_taken() -> Result {
    for (level, has_answers, has_start) in
        [("debug", true, true), ("info", false, true), ("error", false, false), ("info,switchboard=debug", true, true)]
    {
        let server = Builder::new(Layout::SqliteShared).await?.set("log.level", level).start().await?;
        server.http.get(server.url("/healthz")).send().await?;
        let log = server.log()?;
        assert_eq!(log.contains("\"answered\""), has_answers, "{level}: {log}");
        assert_eq!(log.contains("making the master key"), has_start, "{level}: {log}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_holds_nothing_secret() -> Result {
    let salt = "the-salt-of-this-test";
    let builder = Builder::new(Layout::SqliteShared).await?.set("log.level", "trace").set("log.format", "text");
    let server = builder.start().await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    let body = phone.one_step(&server, PASSWORD)?;
    let (status, answer) = server.post(&session(USER, &sid), body.clone()).await?;
    assert_eq!(status, 200, "{answer}");
    let key = phone.open(&answer)?;
    let sid = server.sid(USER).await?;
    posted(&server, &session(USER, &sid), phone.two_step(&server, "a-wrong-password")?).await?;
    posted(&server, &session(USER, &sid), format!("{{\"password\": {salt}")).await?;
    let metrics = server.http.get(server.url("/metrics")).bearer_auth(crate::harness::ADMIN).send().await?;
    assert_eq!(metrics.status(), 200);
    let log = server.log()?;
    assert!(log.contains("paired a device"), "{log}");
    let master = std::fs::read_to_string(server.builder().path("keys/master.key"))?;
    let identity = std::fs::read_to_string(server.builder().path("keys/identity.pem"))?;
    let sealed: Value = serde_json::from_str(&answer)?;
    let secrets = [
        ("shared key", std::str::from_utf8(key.as_bytes())?),
        ("shared key, encrypted", sealed["shared_key"].as_str().context("a key")?),
        ("password", PASSWORD),
        ("wrong password", "a-wrong-password"),
        ("a body", salt),
        ("master key", master.trim()),
        ("private key", identity.lines().nth(3).context("a line of the key")?),
        ("phone number", "237123456789"),
        ("administrator's key", crate::harness::ADMIN),
    ];
    for (what, secret) in secrets {
        assert!(!log.contains(secret), "the log holds the {what}");
    }
    Ok(())
}

/// Paths of ours that are not described, with what each client writes into them between braces.
const OTHERS: [&str; 20] = [
    "/",
    "/healthz",
    "/docs/{file}",
    "/pair/{uid}",
    "/pair/{uid}/{file}",
    "/pair/{uid}/{sid}/status",
    "/v2/sync/users/{uid}",
    "/v2/sync/users/{uid}/sessions/{sid}/",
    "/v2/sync/users/{uid}/sessions/{sid}/handshake",
    "/v2/sync/init/{uid}/{sid}",
    "/sms/platform/{platform}",
    "/relay/twilio/webhook",
    "/verify-call/{call}",
    "/relay/api/whatsapp",
    "/relay/api/{what}",
    "/2010-04-01/Accounts/{sid}/Messages.json",
    "/2010-04-01/Accounts/{sid}/Messages/{sid}/Media.json",
    "/relay/2010-04-01/Accounts/{sid}/Calls/{file}",
    "/{nothing}",
    "/v1/{nothing}/{nothing}",
];

/// A path with a word for each of its braces.
fn filled(path: &str, word: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { word } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_logged_without_what_its_client_wrote_into_it() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("log.level", "trace").start().await?;
    let described: Value = server.http.get(server.url("/v1/openapi.json")).send().await?.json().await?;
    let described = described["paths"].as_object().context("no paths")?;
    let webhooks = webhooks("{token}");
    let posted_to = webhooks.iter().map(String::as_str);
    let paths: Vec<&str> = described.keys().map(String::as_str).chain(OTHERS).chain(posted_to).collect();
    let mut asked = Vec::new();
    for path in paths {
        let request = server.http.get(server.url(&filled(path, "hushhush-%2B1"))).bearer_auth(crate::harness::ADMIN);
        let answer = request.query(&[("q", "hushhush")]).send().await?;
        asked.push((path, answer.headers()["x-request-id"].to_str()?.to_owned()));
    }
    let lines = lines(&server)?;
    for (path, id) in asked {
        let shown: Vec<&Value> =
            lines.iter().filter(|line| request(line) == Some(&id)).map(|line| &line["span"]["path"]).collect();
        assert!(!shown.is_empty(), "{path}: nothing is logged");
        assert!(shown.iter().all(|shown| **shown == filled(path, "…")), "{path}: {shown:?}");
    }
    let log = server.log()?;
    let line = log.lines().find(|line| line.contains("hushhush"));
    assert!(line.is_none(), "{line:?}");
    Ok(())
}
