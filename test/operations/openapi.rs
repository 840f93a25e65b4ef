//! The description at `/v1/openapi.json` and the routes that are served are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::receiver::Receiver;
use crate::events::well;
use crate::harness::server::root;
use crate::harness::{ADMIN, Layout, Result, Server};
use crate::messages::TO;
use crate::relay::acts::{self, Act, LASTING, Target};
use crate::relay::client::{client, key_text};

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Methods by path, as described.
type Routes = BTreeMap<String, BTreeSet<String>>;

pub async fn description(server: &Server) -> Result<Value> {
    let answer = server.http.get(server.url("/v1/openapi.json")).send().await?;
    ensure!(answer.status() == 200, "it is open to all: {}", answer.status());
    Ok(answer.json().await?)
}

fn routes(description: &Value) -> Result<Routes> {
    let paths = description["paths"].as_object().context("no paths")?;
    let methods =
        |item: &Value| item.as_object().into_iter().flat_map(|item| item.keys()).map(|m| m.to_uppercase()).collect();
    Ok(paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect())
}

async fn ask(server: &Server, method: &str, target: &Target<'_>) -> Result<(u16, String, String)> {
    let request = server.http.request(method.parse()?, server.url(&target.path)).bearer_auth(ADMIN);
    let request = match target.client {
        Some(client) => request.header("switchboard-client", client),
        None => request,
    };
    let answer = request.header("content-type", "application/json").body("{}").send().await?;
    let allow = answer.headers().get("allow").and_then(|allow| allow.to_str().ok()).unwrap_or_default().to_owned();
    Ok((answer.status().as_u16(), allow, answer.text().await?))
}

/// A server with one of everything, and something that the operator has sent, but without the account at a carrier:
/// nobody outside is to be asked anything.
pub async fn furnished() -> Result<(Server, Receiver, Vec<Act>)> {
    let (server, receiver, acts) = acts::furnished(Layout::SqliteShared).await?;
    let deletion = acts.iter().find(|act| act.action == "account.delete").context("accounts are not deleted")?;
    let (status, answer) = deletion.play(&server).await?;
    ensure!(status == 204, "{status} {answer}");
    let (message, call) = (json!({"to": TO, "body": "hello"}), json!({"to": LASTING, "twiml": "<Response/>"}));
    for (path, body) in [("/v1/messages", message), ("/v1/calls", call)] {
        well(&server, "POST", path, Some(body)).await?;
    }
    Ok((server, receiver, acts))
}

/// Described as answering 404 everywhere else.
const ONLY_UNDER_DEV: &str = "/v1/loopback/publications";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_described_is_served_and_nothing_else() -> Result {
    let (server, _receiver, acts) = furnished().await?;
    let described = routes(&description(&server).await?)?;
    ensure!(described.len() > 15, "{described:?}");
    for (path, methods) in &described {
        let target = Target::of(&acts, path)?;
        for method in METHODS.into_iter().filter(|method| !methods.contains(*method)) {
            let (status, allow, _) = ask(&server, method, &target).await?;
            ensure!(status == 405, "{method} {path} is not described, and answers {status}");
            let allowed: BTreeSet<String> = allow.split(", ").map(str::to_owned).collect();
            ensure!(allowed == *methods, "{path} allows {allow}, and {methods:?} are described");
        }
    }
    // what takes things away comes last
    for method in METHODS {
        let mut paths: Vec<&String> =
            described.iter().filter(|(_, methods)| methods.contains(method)).map(|(path, _)| path).collect();
        if method == "DELETE" {
            // what is part of another goes before it
            paths.reverse();
        }
        for path in paths {
            let (status, _, answer) = ask(&server, method, &Target::of(&acts, path)?).await?;
            let is_absent = path == ONLY_UNDER_DEV && status == 404;
            let is_served = ![401, 404, 405].contains(&status) && status < 500;
            ensure!(is_served || is_absent, "{method} {path}: {status} {answer}");
        }
    }
    Ok(())
}

/// Answered whoever asks: a program reads there how to ask.
const OPEN: &str = "/v1/openapi.json";
/// The paths whose handlers ask what a client may, besides those of what is done in a client's name; what begins with
/// none of these is for administrators.
const CLIENTS: [&str; 10] = [
    OPEN,
    "/v1/numbers",
    "/v1/endpoints",
    "/v1/events",
    "/v1/event-types",
    "/v1/opt-outs",
    "/v1/guard/countries",
    "/v1/balance",
    "/v1/clients/{id}/ledger",
    "/v1/clients/{id}/statement.csv",
];

/// What a path is of: the first word of it.
fn resource(path: &str) -> Option<&str> {
    path.split('/').nth(2)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_is_told_so_on_every_path() -> Result {
    let (server, _receiver, acts) = furnished().await?;
    let key = key_text(&server, &client(&server, "Ann", json!({})).await?, json!({})).await?;
    let described = routes(&description(&server).await?)?;
    let acting: BTreeSet<_> =
        acts.iter().filter(|act| act.client.is_some()).map(|act| resource(act.template)).collect();
    // whoever lets clients into more says so here
    ensure!(
        acting
            == [
                "calls",
                "messages",
                "pools",
                "sessions",
                "verification-rate-limits",
                "verification-services",
                "verification-templates",
                "verifications",
            ]
            .map(Some)
            .into(),
        "{acting:?}"
    );
    for (path, methods) in &described {
        let of_clients = CLIENTS.iter().any(|begin| path.starts_with(begin)) || acting.contains(&resource(path));
        let filled = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let url = server.url(&filled.collect::<Vec<_>>().join("/"));
        for method in methods {
            for (key, wanted) in [(None, 401_u16), (Some("wrong"), 401), (Some(key.as_str()), 403)] {
                let request = server.http.request(method.parse()?, &url).body("{}");
                let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
                let status = request.send().await?.status();
                let is_right = if path == OPEN { status == 200 } else { status == wanted };
                ensure!(is_right || (of_clients && wanted == 403), "{method} {path} by {key:?}: {status}");
            }
        }
    }
    Ok(())
}

/// The routes that the docs of handlers name: ``/// `GET /v1/…` ``.
fn named(folder: &Path, found: &mut BTreeSet<(String, String)>) -> Result {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            named(&path, found)?;
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("/// `")) {
            let Some((method, rest)) = line.split_once(" /v1/") else { continue };
            let route = rest.split(['`', '?']).next().unwrap_or_default().replace('<', "{").replace('>', "}");
            found.insert((format!("/v1/{route}"), method.to_owned()));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_handler_is_described() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let described = routes(&description(&server).await?)?;
    let mut found = BTreeSet::new();
    named(&root().join("src/http"), &mut found)?;
    let described: BTreeSet<(String, String)> =
        described.into_iter().flat_map(|(path, methods)| methods.into_iter().map(move |m| (path.clone(), m))).collect();
    let missing: Vec<_> = found.difference(&described).collect();
    ensure!(missing.is_empty(), "served and not described: {missing:?}");
    ensure!(described == found, "handlers say in their docs which route they are");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_says_what_a_client_must_know() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let all = description(&server).await?;
    ensure!(all["openapi"] == "3.1.0" && all["components"]["securitySchemes"]["administrator"]["scheme"] == "bearer");
    let mut ids = BTreeSet::new();
    for (path, item) in all["paths"].as_object().context("no paths")? {
        for (method, operation) in item.as_object().context("no item")? {
            let place = format!("{method} {path}");
            let id = operation["operationId"].as_str().context(place.clone())?;
            ensure!(ids.insert(id.to_owned()), "{id} twice");
            ensure!(operation["summary"].as_str().is_some_and(|words| words.len() > 10), "{place}: no summary");
            let responses = operation["responses"].as_object().context(place.clone())?;
            let has = |status: &str| responses.contains_key(status);
            let is_open = path.ends_with("openapi.json");
            ensure!(is_open || has("401") && has("429") && has("503"), "{place}: {:?}", responses.keys());
            ensure!(operation["requestBody"].is_null() || has("400") && has("413") && has("415"), "{place}");
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                ensure!(schema == "#/components/schemas/Problem", "{place}: {status} is no problem: {response}");
            }
        }
    }
    Ok(())
}
