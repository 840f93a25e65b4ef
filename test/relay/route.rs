//! Rules by which destinations go to accounts: made, listed in their order, changed, explained.

use anyhow::ensure;
use serde_json::{Value, json};

use super::acts::Shown::{Changed, Gone, Made};
use super::acts::{Act, Scene, act};
use crate::events::{call, text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

pub async fn loopback(server: &Server) -> Result<String> {
    let body = json!({"provider": "loopback", "credentials": {}, "any_sender": true});
    text(&well(server, "POST", "/v1/accounts", Some(body)).await?["id"])
}

pub async fn route(server: &Server, priority: i64, pattern: &str, account: &str) -> Result<String> {
    let body = json!({"priority": priority, "pattern": pattern, "account_id": account});
    text(&well(server, "POST", "/v1/routes", Some(body)).await?["id"])
}

/// What is done to routes.
pub async fn acts(server: &Server, scene: &Scene) -> Result<Vec<Act>> {
    let other = json!({"priority": 900, "pattern": r"\+99", "account_id": scene.account});
    let id = route(server, 900, r"\+99", &scene.account).await?;
    Ok(vec![
        act("POST", "/v1/routes", &[], other, "route.create", Made),
        act("PATCH", "/v1/routes/{id}", &[&id], json!({"pattern": r"\+98"}), "route.change", Changed),
        act("DELETE", "/v1/routes/{id}", &[&id], Value::Null, "route.delete", Gone),
    ])
}

async fn listed(server: &Server) -> Result<Vec<String>> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = well(server, "GET", &format!("/v1/routes?limit=2{cursor}"), None).await?;
        for route in page["data"].as_array().into_iter().flatten() {
            ids.push(text(&route["id"])?);
        }
        let Some(next) = page["next_cursor"].as_str() else { return Ok(ids) };
        cursor = format!("&cursor={next}");
    }
}

async fn routes_are_listed_in_the_order_in_which_they_are_asked(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let last = route(&server, 1000, ".*", &account).await?;
    let first = route(&server, -5, r"\+1", &account).await?;
    let second = route(&server, 10, r"\+237", &account).await?;
    let third = route(&server, 10, r"\+33", &account).await?;
    ensure!(listed(&server).await? == [first, second.clone(), third.clone(), last.clone()]);
    let path = format!("/v1/routes/{last}");
    let change = json!({"priority": -9, "channel": "voice", "name": "calls"});
    let changed = well(&server, "PATCH", &path, Some(change)).await?;
    ensure!(changed["priority"] == -9 && changed["channel"] == "voice" && changed["name"] == "calls", "{changed}");
    ensure!(changed["pattern"] == ".*" && changed["has_account"] == true, "{changed}");
    let changed = well(&server, "PATCH", &path, Some(json!({"channel": null}))).await?;
    ensure!(changed["channel"].is_null() && changed == well(&server, "GET", &path, None).await?, "{changed}");
    ensure!(listed(&server).await?[0] == last);
    ensure!(call(&server, "DELETE", &format!("/v1/routes/{second}"), None).await?.0 == 204);
    ensure!(listed(&server).await?.len() == 3);
    for method in ["GET", "PATCH", "DELETE"] {
        let body = (method == "PATCH").then(|| json!({"name": "x"}));
        let (status, _) = call(&server, method, &format!("/v1/routes/{second}"), body).await?;
        ensure!(status == 404, "{method}: {status}");
    }
    Ok(())
}

async fn what_is_wrong_with_a_route_is_named(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let id = route(&server, 1, ".*", &account).await?;
    let nobody = format!("acc_{}", "0".repeat(32));
    let long = "x".repeat(256);
    let cases: [(&str, Value); 9] = [
        ("pattern", json!("(")),
        ("pattern", json!("a)(b")),
        ("pattern", json!(r"(\w{100}){100}")),
        ("pattern", json!(long)),
        ("account_id", json!(nobody)),
        ("account_id", json!("loopback")),
        ("channel", json!("pigeon")),
        ("priority", json!("first")),
        ("name", json!(long)),
    ];
    for (field, value) in cases {
        let mut body = json!({"priority": 1, "pattern": ".*", "account_id": account});
        body[field] = value.clone();
        let (status, problem) = call(&server, "POST", "/v1/routes", Some(body)).await?;
        ensure!(status == 400 && problem["field"] == field, "{field} {value}: {status} {problem}");
        let body = json!({ field: value });
        let (status, problem) = call(&server, "PATCH", &format!("/v1/routes/{id}"), Some(body)).await?;
        ensure!(status == 400 && problem["field"] == field, "PATCH {field} {value}: {status} {problem}");
    }
    ensure!(listed(&server).await? == [id]);
    let answer = server.http.get(server.url("/v1/routes")).send().await?;
    ensure!(answer.status() == 401, "{}", answer.status());
    Ok(())
}

on_both_engines!(routes_are_listed_in_the_order_in_which_they_are_asked, what_is_wrong_with_a_route_is_named,);

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_routes_everything_to_the_loopback_once() -> Result {
    let builder = crate::harness::Builder::new(Layout::SqliteShared).await?.dev();
    let server = builder.start().await?;
    let before = listed(&server).await?;
    ensure!(before.len() == 1, "{before:?}");
    let server = server.restart().await?;
    ensure!(listed(&server).await? == before);
    Ok(())
}
