//! The description drawn at `/docs`: all of it from here, under a policy that lets nothing else in.

use anyhow::ensure;
use serde_json::{Map, Value};

use super::view::View;
use crate::harness::{Layout, Result, Server, until};

const SEND: &str = "#operations-messages-send_message";
const OPENED: &str = "document.querySelector('#operations-messages-send_message.is-open')";

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_drawn_without_asking_anybody_else() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let answer = server.http.get(server.url("/docs")).send().await?;
    let policy = answer.headers().get("content-security-policy").and_then(|policy| policy.to_str().ok());
    let policy = policy.unwrap_or_default();
    ensure!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    for outside in ["http:", "https:", "*", "unsafe-eval"] {
        ensure!(!policy.contains(outside), "{outside} in {policy}");
    }
    let description: Value = server.http.get(server.url("/v1/openapi.json")).send().await?.json().await?;
    let mut operations = 0;
    for path in ["paths", "webhooks"].iter().filter_map(|part| description[part].as_object()).flat_map(Map::values) {
        let methods = path.as_object().into_iter().flat_map(Map::values);
        operations += methods.filter(|method| method["responses"].is_object()).count() as u64;
    }
    ensure!(operations >= 100, "{operations}");
    let slashed = server.http.get(server.url("/docs/")).send().await?;
    // its links lead to the same files with a slash behind it and without
    let page = answer.text().await?;
    ensure!(page == slashed.text().await? && !page.contains("\"./"), "what is drawn depends on a slash");
    let view = View::new().await?;
    view.browser.go(&server.url("/docs")).await?;
    let count = "return document.querySelectorAll('.opblock').length;";
    until("all operations", async || {
        let drawn = view.browser.run(count).await?.as_u64().unwrap_or_default();
        Ok((drawn == operations).then_some(()))
    })
    .await?;
    // an operation opened draws its parameters and schemas too; a click misses where the page still moves
    until("its body", async || {
        let found = view.browser.run(&format!("return {OPENED} !== null;")).await?;
        if found == false {
            view.browser.click(&format!("{SEND} .opblock-summary-control")).await?;
        }
        let drawn = format!("return {OPENED}?.querySelector('.opblock-section-request-body') != null;");
        Ok((view.browser.run(&drawn).await? == true).then_some(()))
    })
    .await?;
    let loaded = view.loaded_from().await?;
    ensure!(loaded.len() >= 6, "{loaded:?}");
    ensure!(loaded.iter().all(|origin| *origin == server.url("") || origin == "null"), "{loaded:?}");
    ensure!(view.breaches().await?.is_empty(), "{:?}", view.breaches().await?);
    Ok(())
}
