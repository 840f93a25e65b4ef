//! Sessions by the command line.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{consistent, pool};
use crate::harness::{Layout, Result, Server};
use crate::operations::command::{Said, run};

async fn on(server: &Server, words: &[&str]) -> Result<Said> {
    run(server.builder(), &[words, &["--url", &server.url("")]].concat()).await
}

async fn json(server: &Server, words: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&on(server, &[words, &["--json"]].concat()).await?.well()?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_made_shown_changed_and_ended() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let pool = pool(&server, 2).await?;
    ensure!(on(&server, &["session", "list"]).await?.well()?.starts_with("no sessions"));
    let create = [
        "session",
        "create",
        "+14155550101",
        "+14155550102",
        "--pool",
        pool.as_str(),
        "--name",
        "lesson",
        "--ttl",
        "1d",
    ];
    let made = json(&server, &create).await?;
    let id = made["id"].as_str().context("no id")?;
    ensure!(made["name"] == "lesson" && made["ttl"] == "1d", "{made}");
    let shown = on(&server, &["session", "show", id]).await?.well()?;
    ensure!(shown.contains("+14155550101") && shown.contains("lesson"), "{shown}");
    let added = json(&server, &["session", "add", id, "+14155550103", "--name", "Cem"]).await?;
    ensure!(added["name"] == "Cem", "{added}");
    let participant = added["id"].as_str().context("no id")?;
    on(&server, &["session", "remove", id, participant]).await?.well()?;
    for (word, state) in [("pause", "inactive"), ("resume", "in_progress")] {
        let changed = json(&server, &["session", word, id]).await?;
        ensure!(changed["state"] == state, "{word}: {changed}");
    }
    on(&server, &["session", "close", id]).await?.well()?;
    let listed = json(&server, &["session", "list", "--state", "closed", "--participant", "+14155550101"]).await?;
    ensure!(listed["data"][0]["id"] == id, "{listed}");
    let refused = on(&server, &["session", "add", id, "+14155550104"]).await?.refusal()?;
    ensure!(refused.contains("409"), "{refused}");
    consistent(&server).await
}
