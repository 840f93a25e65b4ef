//! An import that is cut short, or meets another: nothing of it is there, what it has written is removed, and it can be
//! repeated.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{bail, ensure};
use serde_json::json;

use super::number_import::{file, import, settled};
use super::scene::{everything, tamper};
use crate::events::{text, well};
use crate::harness::{ADMIN, Builder, LONG, Layout, Result, Server};
use crate::on_both_engines;

/// So many take a while.
const COUNT: usize = 5_000;

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
    let new = json!({"name": "one each", "exclusive": true});
    let pool = text(&well(&server, "POST", "/v1/pools", Some(new)).await?["id"])?;
    let (query, all) = (format!("?account_id={account}&pool_id={pool}"), file(COUNT)?);
    let request = server.http.post(server.url(&format!("/v1/numbers/import{query}"))).bearer_auth(ADMIN);
    let posted = tokio::spawn(request.header("content-type", "text/csv").body(all.clone()).send());
    half_written(&server).await?;
    server.kill()?;
    ensure!(posted.await?.is_err(), "it was answered");
    let free = server.rows("SELECT COUNT(*) FROM sb_pool_number WHERE free_ms IS NOT NULL").await?.concat();
    ensure!(free == ["0"], "sessions may choose {free:?}");

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
    ensure!(server.rows("SELECT COUNT(*) FROM sb_pool_number").await?.concat() == ["0"]);
    let (status, done) = import(&server, None, &query, &all).await?;
    ensure!(status == 200 && done["added"] == COUNT, "{status} {done}");
    settled(&server).await
}

/// A node that is told to stop gives its import up, so that nobody waits until its lease is over.
async fn a_node_that_stops_gives_its_import_up(layout: Layout) -> Result {
    let mut server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let request = server.http.post(server.url(&format!("/v1/numbers/import?account_id={account}"))).bearer_auth(ADMIN);
    let posted = tokio::spawn(request.header("content-type", "text/csv").body(file(COUNT)?).send());
    half_written(&server).await?;
    server.signal("TERM")?;
    server.ended(LONG).await?;
    if let Ok(answer) = posted.await? {
        ensure!(answer.status() == 503, "{}", answer.status());
    }
    let left = server.rows("SELECT state, owner FROM sb_number_import").await?;
    ensure!(left == [["failed", "NULL"]], "{left:?}");
    let server = server.restart().await?;
    settled(&server).await?;
    ensure!(server.rows("SELECT COUNT(*) FROM sb_number").await?.concat() == ["1"]);
    Ok(())
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

/// Two files have one number in common, with which the one begins and the other ends.
async fn of_two_with_a_number_in_common_one_is_taken(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let other = Builder::at(server.home()).start_unseeded().await?;
    let query = format!("?account_id={account}");
    let (mut first, mut second) = ("number\n+13056000000\n".to_owned(), "number\n".to_owned());
    for at in 0..2_000 {
        writeln!(first, "+1415{}", 6_000_000 + at)?;
        writeln!(second, "+1212{}", 6_000_000 + at)?;
    }
    second.push_str("+13056000000\n");
    let (one, two) = tokio::join!(import(&server, None, &query, &first), import(&other, None, &query, &second));
    let (one, two) = (one?, two?);
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    ensure!(statuses[0] == 200 && [400, 409].contains(&statuses[1]), "{} and {}", one.1, two.1);
    settled(&server).await?;
    let of = "SELECT DISTINCT SUBSTR(address, 3, 3) FROM sb_number WHERE address LIKE '+1___6%' ORDER BY 1";
    let taken = server.rows(of).await?.concat();
    let wanted = if one.0 == 200 { ["305", "415"] } else { ["212", "305"] };
    ensure!(taken == wanted, "{taken:?}");
    ensure!(server.rows("SELECT COUNT(*) FROM sb_number").await?.concat() == ["2002"]);
    Ok(())
}

on_both_engines!(
    a_kill_leaves_no_number_of_an_import,
    a_node_that_stops_gives_its_import_up,
    a_sender_that_hangs_up_leaves_no_half_of_its_file,
    of_two_that_race_one_has_it_all,
    of_two_with_a_number_in_common_one_is_taken,
);
