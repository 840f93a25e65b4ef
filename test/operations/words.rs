//! Every answer is fit to be read: no refusal without words, and JSON ends as a line does.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use switchboard::provider::CarrierKind;

use crate::harness::{ADMIN, Builder, Layout, Result, Server};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"];
const AT_ONCE: usize = 16;

/// What is served beside what `/v1/openapi.json` tells of.
const OTHERS: &[&str] = &[
    "/",
    "/nothing",
    "/healthz",
    "/readyz",
    "/metrics",
    "/docs",
    "/favicon.ico",
    "/v1",
    "/v1/nothing",
    "/v1/messages/nothing/at/all",
    "/v1/loopback/nothing",
    "/2010-04-01/nothing",
    "/2010-04-01/Accounts/AC00000000000000000000000000000000.json",
    "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json",
    "/2010-04-01/Accounts/AC00000000000000000000000000000001/Calls.json",
    "/relay/2010-04-01/Accounts/AC00000000000000000000000000000000/Calls/CA1.json",
    "/relay/sms",
    "/relay/api/sms",
    "/relay/api/whatsapp",
    "/relay/api/call",
    "/relay/api/fax",
    "/relay/api/health",
    "/relay/nothing",
    "/relay/twilio/webhook",
    "/verify-call/nothing",
    "/?auth_id=a&code=1",
    "/webhooks/twilio/nothing",
    "/webhooks/flowroute/secret/nothing",
    "/v2/nothing",
    "/v2/sync/users/111",
    "/v2/sync/init/111",
    "/v2/sync/init/111/000",
    "/v2/sync/users/111/sessions/000",
    "/v2/sync/users/111/sessions/000/",
    "/v2/sync/users/111/sessions/000/handshake",
    "/v2/sync/users/111?format=json",
    "/sms/platform/gmail",
    "/sms/platform/twilio",
    "/sms/nothing",
];

/// Whom a request is from, and what it brings.
#[derive(Clone, Copy, Debug)]
struct Asked {
    key: Option<&'static str>,
    kind: Option<&'static str>,
    body: &'static str,
}

const ASKED: [Asked; 8] = [
    Asked { key: None, kind: None, body: "" },
    Asked { key: Some("wrong"), kind: Some("application/json"), body: "{}" },
    Asked { key: Some(ADMIN), kind: None, body: "" },
    Asked { key: Some(ADMIN), kind: Some("application/json"), body: "{}" },
    Asked { key: Some(ADMIN), kind: Some("application/json"), body: "{\"" },
    Asked { key: Some(ADMIN), kind: Some("text/xml"), body: "<a/>" },
    Asked { key: Some(ADMIN), kind: Some("application/x-www-form-urlencoded"), body: "a=%zz" },
    Asked { key: Some(ADMIN), kind: Some("multipart/form-data"), body: "--" },
];

/// The paths of phones: their contract is older than this.
fn is_phones(path: &str) -> bool {
    path.starts_with("/v2/sync/") || path.starts_with("/sms/platform/")
}

/// One answer; its status.
async fn look(server: &Server, method: &str, path: &str, asked: Asked) -> Result<u16> {
    let Asked { key, kind, body } = asked;
    let mut request = server.http.request(method.parse()?, server.url(path)).body(body);
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().map(str::to_owned)).transpose()?;
    let text = answer.text().await?;
    let seen = || format!("{method} {path} {asked:?}: {status} {kind:?} {text:?}");
    // what the phones' contract says has no body
    let is_bare = status == 403 && is_phones(path);
    ensure!(status < 400 || !text.is_empty() || is_bare, "no words: {}", seen());
    ensure!(status != 500, "{}", seen());
    if kind.as_deref().is_some_and(|kind| kind.ends_with("json")) {
        serde_json::from_str::<Value>(&text).with_context(seen)?;
        let lines = text.len() - text.trim_end_matches('\n').len();
        ensure!(lines == usize::from(!is_phones(path)), "its end: {}", seen());
    }
    Ok(status)
}

/// Where every carrier posts to, with `secret` where its path has one.
pub fn webhooks(secret: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for carrier in CarrierKind::ALL.map(CarrierKind::profile) {
        let secret = if carrier.has_secret_path { format!("/{secret}") } else { String::new() };
        let posted = carrier.webhooks.iter().map(|webhook| webhook.path);
        paths.extend(posted.map(|path| format!("/webhooks/{}{secret}/{path}", carrier.name)));
    }
    paths
}

async fn paths(server: &Server) -> Result<BTreeSet<String>> {
    let described: Value = server.http.get(server.url("/v1/openapi.json")).send().await?.json().await?;
    let described = described["paths"].as_object().context("no paths")?.keys();
    let filled = described.map(|path| path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }));
    let filled = filled.map(|parts| parts.collect::<Vec<_>>().join("/"));
    Ok(filled.chain(OTHERS.iter().map(|path| (*path).to_owned())).chain(webhooks("secret")).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refusal_is_without_words_and_json_ends_in_a_newline() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("sync.refusal_delay", "1ms");
    let server = server.set("sync.sms_refusal_delay", "1ms").start().await?;
    let paths = paths(&server).await?;
    let all = paths.iter().flat_map(|path| METHODS.map(|method| (path, method)));
    let all = all.flat_map(|(path, method)| ASKED.map(|asked| (path, method, asked)));
    // a GET with a body is asked for once
    let all = all.filter(|(_, method, asked)| *method != "GET" || asked.body.is_empty());
    let asked = stream::iter(all).map(|(path, method, asked)| look(&server, method, path, asked));
    let statuses: BTreeSet<u16> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
    let wanted = BTreeSet::from([200, 400, 401, 404, 405, 415, 426]);
    ensure!(wanted.is_subset(&statuses), "{statuses:?}");
    // what is too long, and who comes too often, at each kind of door
    let long = "x".repeat(2 << 20);
    for path in
        ["/v1/messages", "/relay/sms", "/webhooks/twilio/sms", "/v2/sync/users/111/sessions/000", "/sms/platform/x"]
    {
        let request = server.http.post(server.url(path)).bearer_auth(ADMIN).body(long.clone());
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        ensure!(status == 413 && !answer.text().await?.is_empty(), "{path}: {status}");
    }
    let busy = Builder::at(server.home()).set("http.requests_per_address", "1").start_unseeded().await?;
    busy.http.get(busy.url("/")).send().await?;
    for path in ["/v1/messages", "/relay/sms", "/2010-04-01/Accounts/AC1.json", "/v2/sync/users/111", "/sms/platform/x"]
    {
        let status = look(&busy, "POST", path, ASKED[0]).await?;
        ensure!(status == 429, "{path}: {status}");
    }
    Ok(())
}

/// What some editors, shells and libraries write before a text.
#[tokio::test(flavor = "multi_thread")]
async fn a_mark_before_json_is_passed_over() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for (path, body, status, said) in [
        ("/v1/clients", r#"{"name": "somebody"}"#, 201, "cli_"),
        ("/v1/messages", r#"{"to": "+14155550100", "body": "x", "channel": "fax"}"#, 400, "must be sms or whatsapp"),
        ("/v1/messages", "", 400, "must be a JSON object"),
        ("/relay/sms", r#"{"To": "+14155550100"}"#, 400, "Missing required field: Body"),
        ("/v2/sync/users/111/sessions/000/handshake", "{}", 400, "missing public key"),
        ("/v2/sync/users/111/sessions/000/", r#"{"public_key": "x"}"#, 400, "missing password"),
        ("/sms/platform/gmail", "\n{}", 400, "missing text"),
        ("/sms/platform/twilio", "{}", 400, "missing text"),
    ] {
        for mark in ["\u{feff}", ""] {
            let request = server.http.post(server.url(path)).bearer_auth(ADMIN).body(format!("{mark}{body}"));
            let answer = request.send().await?;
            let (found, text) = (answer.status().as_u16(), answer.text().await?);
            ensure!(found == status && text.contains(said), "{path} {mark:?}{body}: {found} {text}");
        }
    }
    Ok(())
}
