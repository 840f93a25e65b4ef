//! kill -9 in the middle of an import: nothing of it is there, what it has written is removed, and it can be repeated.

use std::time::Duration;

use anyhow::{bail, ensure};

use super::number_import::{file, import, settled};
use super::scene::{everything, tamper};
use crate::events::well;
use crate::harness::{ADMIN, Builder, Layout, Result, Server};
use crate::on_both_engines;

/// So many take a while.
const COUNT: usize = 30_000;

/// Waits until an import has written some of its numbers, and not all.
async fn half_written(server: &Server) -> Result {
    for _ in 0..2_000 {
        let open = well(server, "GET", "/v1/number-imports", None).await?;
        if open["data"][0]["written"].as_u64().is_some_and(|written| written > 0) {
            ensure!(open["data"][0]["state"] == "writing", "it was too quick: {open}");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    bail!("nothing was written")
}

async fn a_kill_leaves_no_number_of_an_import(layout: Layout) -> Result {
    let mut server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let (query, all) = (format!("?account_id={account}"), file(COUNT)?);
    let request = server.http.post(server.url(&format!("/v1/numbers/import{query}"))).bearer_auth(ADMIN);
    let posted = tokio::spawn(request.header("content-type", "text/csv").body(all.clone()).send());
    half_written(&server).await?;
    server.kill()?;
    ensure!(posted.await?.is_err(), "it was answered");

    let server = server.restart().await?;
    let written = server.rows("SELECT COUNT(*) FROM sb_number WHERE import_id IS NOT NULL").await?.concat();
    ensure!(written != ["0"], "nothing was left to remove");
    let listed = well(&server, "GET", "/v1/numbers", None).await?;
    ensure!(listed["data"].as_array().is_some_and(|all| all.len() == 1), "{listed}");
    let (status, problem) = import(&server, None, &query, &all).await?;
    let first = &problem["lines"][0];
    ensure!(status == 400 && first["detail"] == "is held by another import, which has not ended", "{status} {first}");
    // its lease is over
    tamper(&server, "UPDATE sb_number_import SET ready_ms = 0").await?;
    settled(&server).await?;
    ensure!(server.rows("SELECT COUNT(*) FROM sb_number").await?.concat() == ["1"]);
    let (status, done) = import(&server, None, &query, &all).await?;
    ensure!(status == 200 && done["added"] == COUNT, "{status} {done}");
    settled(&server).await
}

/// Whoever sends a file and hangs up has it taken all the same.
async fn a_sender_that_hangs_up_leaves_no_half_of_its_file(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let request = server.http.post(server.url(&format!("/v1/numbers/import?account_id={account}"))).bearer_auth(ADMIN);
    let posted = tokio::spawn(request.header("content-type", "text/csv").body(file(COUNT)?).send());
    half_written(&server).await?;
    posted.abort();
    settled(&server).await?;
    let found = server.rows("SELECT COUNT(*) FROM sb_number").await?.concat();
    ensure!(found == [(COUNT + 1).to_string()], "{found:?}");
    Ok(())
}

/// Two nodes take the same file at once: one of them does.
async fn of_two_that_race_one_has_it_all(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let other = Builder::at(server.home()).start_unseeded().await?;
    let (query, all) = (format!("?account_id={account}"), file(2_000)?);
    let (one, two) = tokio::join!(import(&server, None, &query, &all), import(&other, None, &query, &all));
    let (one, two) = (one?, two?);
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    ensure!(statuses[0] == 200 && [400, 409].contains(&statuses[1]), "{} and {}", one.1, two.1);
    settled(&server).await?;
    ensure!(server.rows("SELECT COUNT(*) FROM sb_number").await?.concat() == ["2001"]);
    Ok(())
}

on_both_engines!(
    a_kill_leaves_no_number_of_an_import,
    a_sender_that_hangs_up_leaves_no_half_of_its_file,
    of_two_that_race_one_has_it_all,
);
