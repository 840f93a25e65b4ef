//! Codes by the command line.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::scene::{ANN, code_in, consistent, ready, texts};
use crate::harness::{Builder, Layout, Result, Server};
use crate::operations::command::{Said, run};

async fn on(server: &Server, words: &[&str]) -> Result<Said> {
    run(server.builder(), &[words, &["--url", &server.url("")]].concat()).await
}

async fn json(server: &Server, words: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&on(server, &[words, &["--json"]].concat()).await?.well()?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_sent_looked_at_and_given_up() -> Result {
    let server = ready(Builder::new(Layout::SqliteShared).await?).await?;
    ensure!(on(&server, &["verify", "list"]).await?.well()?.starts_with("no verifications"));
    let made = json(&server, &["verify", "services", "create", "Shop", "--code-length", "8"]).await?;
    let service = made["id"].as_str().context("no id")?.to_owned();
    let sent = json(&server, &["verify", "send", ANN, "--service", &service, "--ttl", "5m"]).await?;
    let id = sent["id"].as_str().context("no id")?;
    ensure!(sent["code_length"] == 8 && sent["name"] == "Shop", "{sent}");
    let again = json(&server, &["verify", "resend", id]).await?;
    ensure!(again["sends"] == 2, "{again}");
    let code = code_in(texts(&server, ANN).await?.first().context("no text")?);
    let wrong = if code == "12345678" { "87654321" } else { "12345678" };
    let said = on(&server, &["verify", "check", id, wrong]).await?.well()?;
    ensure!(said.contains("4 left"), "{said}");
    let answer = json(&server, &["verify", "check", ANN, &code, "--service", &service]).await?;
    ensure!(answer["valid"] == true, "{answer}");
    let other = json(&server, &["verify", "send", ANN]).await?;
    let other = other["id"].as_str().context("no id")?;
    let canceled = json(&server, &["verify", "cancel", other]).await?;
    ensure!(canceled["status"] == "canceled", "{canceled}");
    let listed = json(&server, &["verify", "list", "--to", ANN, "--status", "approved"]).await?;
    ensure!(listed["data"][0]["id"] == id, "{listed}");
    ensure!(on(&server, &["verify", "guard", "show"]).await?.well()?.contains("record_only"));
    on(&server, &["verify", "services", "delete", &service]).await?.well()?;
    consistent(&server).await
}
