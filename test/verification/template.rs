//! Templates: how codes are told, by name and language.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::{call, text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;
use crate::operations::command::{Said, run};
use crate::relay::acts::Shown::{Changed, Gone, Made};
use crate::relay::acts::{Act, Scene, act};
use crate::relay::client::{By, ask, client, key_text};
use crate::relay::scene::{act as act_for, act_well, customer};
use crate::snapshots::hold_inline;

const TEMPLATES: &str = "/v1/verification-templates";
const BODY: &str = "{code} is your {name} code.";

/// How many come with the server.
const SHIPPED: usize = 11;

fn new(name: &str, locale: &str, body: &str) -> Value {
    json!({"name": name, "locale": locale, "body": body})
}

/// What is done to a client's template.
pub async fn acts(server: &Server, scene: &Scene) -> Result<Vec<Act>> {
    const ONE: &str = "/v1/verification-templates/{id}";
    let template = scene.post(server, TEMPLATES, new("sign-in", "en", BODY)).await?;
    Ok(scene.for_client([
        act("POST", TEMPLATES, &[], new("sign-in", "fr", BODY), "verification_template.create", Made),
        act("PATCH", ONE, &[&template], json!({"body": "{code}"}), "verification_template.change", Changed),
        act("DELETE", ONE, &[&template], Value::Null, "verification_template.delete", Gone),
    ]))
}

async fn listed(server: &Server, client: &str) -> Result<Vec<Value>> {
    let list = act_well(server, client, "GET", TEMPLATES, None).await?;
    ensure!(list["next_cursor"].is_null(), "{list}");
    Ok(list["data"].as_array().context("no list")?.clone())
}

async fn a_template_is_made_changed_and_removed(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let ann = customer(&server, "1", json!({})).await?;
    let name = "ж".repeat(64);
    let made = act_well(&server, &ann, "POST", TEMPLATES, Some(new(&name, "PT_br", BODY))).await?;
    let wanted = json!({"id": "vtp_…", "name": name, "locale": "pt-BR", "body": BODY, "owner": "own",
        "created_at": "(time)", "changed_at": "(time)"});
    hold_inline(&["VerificationTemplate"], &made, &wanted)?;
    let path = format!("{TEMPLATES}/{}", text(&made["id"])?);
    ensure!(act_well(&server, &ann, "GET", &path, None).await? == made);

    // what changes nothing is not written
    let same = json!({"name": name, "locale": "pt-br"});
    ensure!(act_well(&server, &ann, "PATCH", &path, Some(same)).await? == made);
    let body = "Seu código de {loja} é {{code}}\nVale {minutes} min";
    let changed = act_well(&server, &ann, "PATCH", &path, Some(json!({"name": "entrar", "body": body}))).await?;
    ensure!(changed["name"] == "entrar" && changed["body"] == body && changed["locale"] == "pt-BR", "{changed}");
    ensure!(changed["created_at"] == made["created_at"] && changed["changed_at"] != made["changed_at"], "{changed}");

    // one for each name and language
    let other = act_well(&server, &ann, "POST", TEMPLATES, Some(new("entrar", "pt", BODY))).await?;
    let (status, problem) = act_for(&server, &ann, "POST", TEMPLATES, Some(new("entrar", "pt", BODY))).await?;
    ensure!(status == 409 && problem["field"] == "name", "{status} {problem}");
    let (status, problem) = act_for(&server, &ann, "PATCH", &path, Some(json!({"locale": "pt"}))).await?;
    ensure!(status == 409 && problem["field"] == "name", "{status} {problem}");
    let all = listed(&server, &ann).await?;
    ensure!(all.len() == 2 + SHIPPED && all[0] == other && all[1] == changed, "{all:?}");

    ensure!(act_for(&server, &ann, "DELETE", &path, None).await?.0 == 204);
    for method in ["GET", "DELETE", "PATCH"] {
        let body = (method == "PATCH").then(|| json!({}));
        ensure!(act_for(&server, &ann, method, &path, body).await?.0 == 404, "{method}");
    }
    act_well(&server, &ann, "POST", TEMPLATES, Some(new("entrar", "pt-BR", BODY))).await?;
    Ok(())
}

async fn what_is_no_template_is_refused(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let made = well(&server, "POST", TEMPLATES, Some(new("a", "en", BODY))).await?;
    let path = format!("{TEMPLATES}/{}", text(&made["id"])?);
    let (marked, many) = ("{code} \u{E0C0}".to_owned(), "x".repeat(65));
    let long = "x".repeat(995) + "{code}";
    for (field, value) in [
        ("name", ""),
        ("name", " a"),
        ("name", "a\nb"),
        ("name", many.as_str()),
        ("locale", ""),
        ("locale", "english"),
        ("locale", "en-"),
        ("body", ""),
        ("body", "without a place"),
        ("body", "{Code} {name}"),
        ("body", "{code"),
        ("body", "{code} \u{7}"),
        ("body", marked.as_str()),
        ("body", long.as_str()),
    ] {
        let mut posted = new("b", "en", BODY);
        posted[field] = value.into();
        for (method, path) in [("POST", TEMPLATES), ("PATCH", path.as_str())] {
            let (status, problem) = call(&server, method, path, Some(posted.clone())).await?;
            ensure!(status == 400 && problem["field"] == field, "{method} {posted}: {status} {problem}");
        }
    }
    let (status, problem) = call(&server, "POST", TEMPLATES, Some(new("b", "en", "no place"))).await?;
    let why = text(&problem["detail"])?;
    ensure!(status == 400 && why.contains("must say where the code stands: {code}"), "{problem}");
    ensure!(well(&server, "GET", &path, None).await? == made, "nothing was done by halves");
    let most = well(&server, "POST", TEMPLATES, Some(new("b", "en", &("x".repeat(994) + "{code}")))).await?;
    ensure!(most["body"].as_str().is_some_and(|body| body.len() == 1_000));
    Ok(())
}

async fn a_client_uses_its_own_the_operators_and_what_comes_with_the_server(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let (ann, bob) = (customer(&server, "1", json!({})).await?, customer(&server, "1", json!({})).await?);
    let ours = well(&server, "POST", TEMPLATES, Some(new("house", "en", BODY))).await?;
    let hers = act_well(&server, &ann, "POST", TEMPLATES, Some(new("house", "en", BODY))).await?;
    let all = listed(&server, &ann).await?;
    ensure!(all.len() == 2 + SHIPPED && all[..2].contains(&hers), "{all:?}");
    let (operators, shipped) = (all[..2].iter().find(|one| one["owner"] == "operator"), &all[2..]);
    ensure!(operators.is_some_and(|one| one["id"] == ours["id"] && one["body"] == BODY), "{all:?}");
    let comes_with_us = |one: &Value| one["owner"] == "shipped" && one["name"] == "default";
    ensure!(shipped.iter().all(|one| comes_with_us(one) && one["created_at"].is_null()), "{shipped:?}");
    let english = shipped.iter().find(|one| one["locale"] == "en").context("no English")?;
    ensure!(english["body"] == "Your {name} verification code is: {code}", "{english}");
    ensure!(listed(&server, &bob).await?[0]["id"] == ours["id"]);
    // page by page the same
    let (mut cursor, mut paged) = (String::new(), Vec::new());
    for _ in 0..20 {
        let page = act_well(&server, &ann, "GET", &format!("{TEMPLATES}?limit=3{cursor}"), None).await?;
        paged.extend(page["data"].as_array().context("no page")?.clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ensure!(paged == all, "{paged:?}");

    // another's is not there; what is not one's own is used, and not changed
    let path = |one: &Value| Ok::<_, anyhow::Error>(format!("{TEMPLATES}/{}", text(&one["id"])?));
    for (one, seen, refused) in [(&hers, 404, 404), (&ours, 200, 409), (english, 200, 409)] {
        ensure!(act_for(&server, &bob, "GET", &path(one)?, None).await?.0 == seen, "{one}");
        for (method, body) in [("PATCH", Some(json!({"name": "mine"}))), ("DELETE", None)] {
            let (status, problem) = act_for(&server, &bob, method, &path(one)?, body).await?;
            ensure!(status == refused, "{method} {one}: {status} {problem}");
        }
    }
    ensure!(listed(&server, &ann).await? == all);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_needs_the_scope() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let ann = client(&server, "Ann", json!({})).await?;
    let verifies = key_text(&server, &ann, json!({"scopes": ["verify"]})).await?;
    let others = key_text(&server, &ann, json!({"scopes": ["sms", "read", "sessions"]})).await?;
    let (status, _, made) = ask(&server, By::Bearer(&verifies), "POST", TEMPLATES, Some(new("a", "en", BODY))).await?;
    ensure!(status == 201, "{status} {made}");
    let path = format!("{TEMPLATES}/{}", text(&made["id"])?);
    for (method, path) in [
        ("GET", TEMPLATES),
        ("POST", TEMPLATES),
        ("GET", path.as_str()),
        ("PATCH", path.as_str()),
        ("DELETE", path.as_str()),
    ] {
        let body = matches!(method, "POST" | "PATCH").then(|| json!({}));
        let (status, _, problem) = ask(&server, By::Bearer(&others), method, path, body).await?;
        ensure!(status == 403, "{method} {path}: {status} {problem}");
    }
    ensure!(ask(&server, By::Bearer(&verifies), "DELETE", &path, None).await?.0 == 204);
    Ok(())
}

async fn on(server: &Server, words: &[&str]) -> Result<Said> {
    run(server.builder(), &[&["verify", "templates"][..], words, &["--url", &server.url("")]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_made_and_changed_by_the_command_line() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let made = on(&server, &["add", "sign-in", BODY, "--locale", "en", "--json"]).await?.well()?;
    let made: Value = serde_json::from_str(&made)?;
    let id = text(&made["id"])?;
    let listed = on(&server, &["list"]).await?.well()?;
    ensure!(listed.contains(BODY) && listed.contains("shipped") && listed.contains(&id), "{listed}");
    let changed = on(&server, &["change", &id, "--body", "Code {code}", "--json"]).await?.well()?;
    ensure!(changed.contains("Code {code}") && changed.contains("sign-in"), "{changed}");
    let shown = on(&server, &["show", &id]).await?.well()?;
    ensure!(shown.contains("Code {code}"), "{shown}");
    let refused = on(&server, &["change", &id, "--body", "no place"]).await?.refusal()?;
    ensure!(refused.contains("must say where the code stands: {code}"), "{refused}");
    on(&server, &["delete", &id]).await?.well()?;
    ensure!(on(&server, &["show", &id]).await?.refusal()?.contains("404"));
    Ok(())
}

on_both_engines!(
    a_template_is_made_changed_and_removed,
    what_is_no_template_is_refused,
    a_client_uses_its_own_the_operators_and_what_comes_with_the_server,
);
