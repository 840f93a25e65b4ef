//! `switchboard admin key`: made in the store, known to a running server at once, gone when revoked.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::command::run;
use crate::harness::{Builder, Layout, Result, Server};
use crate::on_both_engines;

/// One path of each resource under `/v1`.
const PATHS: [&str; 6] =
    ["/v1/messages", "/v1/accounts", "/v1/numbers", "/v1/endpoints", "/v1/events", "/v1/users/111/devices"];

async fn statuses(server: &Server, key: &str) -> Result<Vec<u16>> {
    let mut statuses = Vec::new();
    for path in PATHS {
        let answer = server.http.get(server.url(path)).bearer_auth(key).send().await?;
        statuses.push(answer.status().as_u16());
    }
    Ok(statuses)
}

/// Waits until a path answers so, and says how long it took; then every path does.
async fn until_all(server: &Server, key: &str, status: u16) -> Result<Duration> {
    let begun = Instant::now();
    let took = loop {
        let asked = begun.elapsed();
        let answer = server.http.get(server.url(PATHS[0])).bearer_auth(key).send().await?;
        if answer.status() == status {
            // an answer that a busy machine held up was true when it was asked for
            break asked;
        }
        ensure!(asked < Duration::from_secs(10), "not {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let all = statuses(server, key).await?;
    ensure!(all.iter().all(|one| *one == status), "{all:?}");
    Ok(took)
}

async fn a_key_opens_every_path_until_it_is_revoked(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let made = run(server.builder(), &["admin", "key", "create", "Ada's laptop", "--json"]).await?.well()?;
    let made: Value = serde_json::from_str(&made)?;
    let (id, key) = (made["id"].as_str().context("id")?, made["key"].as_str().context("key")?);
    ensure!(key.starts_with("sbadm_") && key.len() == 54, "{key}");
    let took = until_all(&server, key, 200).await?;
    ensure!(took < Duration::from_millis(1500), "known after {took:?}");
    ensure!(statuses(&server, &format!("{key}0")).await?.iter().all(|status| *status == 401));

    let listed = run(server.builder(), &["admin", "key", "list"]).await?.well()?;
    ensure!(listed.contains(id) && listed.contains("live") && listed.contains("Ada's laptop"), "{listed}");
    ensure!(!listed.contains(key), "a key is shown once");
    let rows = server.rows("SELECT id, key_hash, prefix, name FROM sb_admin_key").await?;
    let secret = key.trim_start_matches("sbadm_");
    ensure!(rows.len() == 1 && !rows.concat().iter().any(|column| column.contains(secret)), "{rows:?}");

    run(server.builder(), &["admin", "key", "revoke", id]).await?.well()?;
    let took = until_all(&server, key, 401).await?;
    ensure!(took < Duration::from_secs(2), "refused after {took:?}");
    let again = run(server.builder(), &["admin", "key", "revoke", id]).await?.refusal()?;
    ensure!(again.contains("no such key in force"), "{again}");
    let listed = run(server.builder(), &["admin", "key", "list"]).await?.well()?;
    ensure!(listed.contains("revoked 20"), "{listed}");
    ensure!(!server.log()?.contains(secret), "a key in the log");
    Ok(())
}

async fn the_first_key_is_made_before_the_first_start(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("admin.token", "");
    let said = run(&builder, &["admin", "key", "create", "first"]).await?;
    ensure!(said.err.contains("not shown again"), "{said:?}");
    let key = said.well()?.trim().to_owned();
    let server = builder.start().await?;
    ensure!(statuses(&server, &key).await?.iter().all(|status| *status == 200));
    Ok(())
}

on_both_engines!(a_key_opens_every_path_until_it_is_revoked, the_first_key_is_made_before_the_first_start);
