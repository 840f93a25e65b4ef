//! Many at once: each pair of a person and a number is given once, on any number of nodes.

use std::time::Duration;

use anyhow::ensure;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{SESSIONS, close, consistent, made, order, pool};
use crate::events::call;
use crate::harness::{ADMIN, Builder, Layout, Result, Server};
use crate::messages::person;
use crate::on_both_engines;

const ANN: &str = "+14155559999";

/// Makes so many sessions at once, by turns on these nodes, each of one person and somebody else: how each is answered.
async fn flurry(nodes: &[&Server], pool: &str, count: usize) -> Result<Vec<(u16, Value)>> {
    let mut all = JoinSet::new();
    for nth in 0..count {
        let node = nodes[nth % nodes.len()];
        let (http, url) = (node.http.clone(), node.url(SESSIONS));
        let body = order(pool, &[ANN, &person(nth)], json!({})).to_string();
        all.spawn(async move {
            let request = http.post(url).bearer_auth(ADMIN).header("content-type", "application/json");
            let answer = request.body(body).send().await?;
            anyhow::Ok((answer.status().as_u16(), answer.json().await?))
        });
    }
    all.join_all().await.into_iter().collect()
}

/// How many were made; all others were told that there is no number, or that it is busy.
async fn held(server: &Server, answers: &[(u16, Value)]) -> Result<usize> {
    let made = answers.iter().filter(|(status, _)| *status == 201).count();
    for (status, answer) in answers {
        ensure!([201, 409, 503].contains(status), "{status} {answer}");
    }
    let sessions = server.rows("SELECT id FROM sb_session").await?.len();
    ensure!(sessions == made, "{sessions} are there, {made} were answered");
    let sql = "SELECT COUNT(*) FROM sb_participant";
    ensure!(server.rows(sql).await?.concat() == [(2 * made).to_string()], "nothing is left of the refused");
    consistent(server).await?;
    Ok(made)
}

async fn a_crowd_that_shares_one_person(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 20).await?;
    let answers = flurry(&[&server], &pool, 200).await?;
    let made = held(&server, &answers).await?;
    ensure!(made == 20, "{made} of 20");
    Ok(())
}

async fn where_there_is_room_for_all_of_them_all_are_made(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 60).await?;
    let answers = flurry(&[&server], &pool, 60).await?;
    let made = held(&server, &answers).await?;
    ensure!(made == 60, "{made} of 60: {:?}", answers.iter().find(|(status, _)| *status != 201));
    let one_more = flurry(&[&server], &pool, 1).await?;
    ensure!(one_more[0].0 == 409, "{one_more:?}");
    Ok(())
}

async fn two_nodes_give_no_pair_twice(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 30).await?;
    let other = Builder::at(server.home()).start_unseeded().await?;
    let answers = flurry(&[&server, &other], &pool, 120).await?;
    let made = held(&server, &answers).await?;
    ensure!(made == 30, "{made} of 30");
    Ok(())
}

/// Whichever comes first, the pool's or the sessions', the other gives way.
async fn a_pool_that_becomes_exclusive_meanwhile_gives_no_number_twice(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 4).await?;
    let path = format!("/v1/pools/{pool}");
    let exclusive =
        async |exclusive: bool| call(&server, "PATCH", &path, Some(json!({ "exclusive": exclusive }))).await;
    let is_alone = async || -> Result<bool> {
        let twice = "SELECT number_id FROM sb_pair GROUP BY number_id HAVING COUNT(DISTINCT session_id) > 1";
        Ok(server.rows(twice).await?.is_empty())
    };
    // by how many milliseconds the pool and the sessions come later
    let delays = [(0, 8), (0, 4), (0, 2), (0, 1), (0, 0), (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (8, 0), (16, 0)];
    for (round, (of_change, of_couples)) in delays.into_iter().enumerate() {
        let change = async {
            tokio::time::sleep(Duration::from_millis(of_change)).await;
            exclusive(true).await
        };
        let couples = async {
            tokio::time::sleep(Duration::from_millis(of_couples)).await;
            couples(&server, &pool, 100 * round, 12).await
        };
        let ((status, problem), answers) = tokio::try_join!(change, couples)?;
        ensure!([200, 409, 503].contains(&status), "{status} {problem}");
        for (status, answer) in &answers {
            ensure!([201, 409, 503].contains(status), "{status} {answer}");
        }
        ensure!(status != 200 || is_alone().await?, "one number has two sessions");
        consistent(&server).await?;
        for (_, session) in answers.iter().filter(|(status, _)| *status == 201) {
            close(&server, session).await?;
        }
        ensure!(exclusive(false).await?.0 == 200, "all are over");
        consistent(&server).await?;
    }
    // one after the other, each is first for sure
    let session = made(&server, &pool, &[&person(2_000), &person(2_050)], json!({})).await?;
    let (status, problem) = exclusive(true).await?;
    ensure!(status == 409, "{status} {problem}");
    close(&server, &session).await?;
    let (status, problem) = exclusive(true).await?;
    ensure!(status == 200, "{status} {problem}");
    let answers = couples(&server, &pool, 2_100, 12).await?;
    let held = answers.iter().filter(|(status, _)| *status == 201).count();
    ensure!((1..=4).contains(&held) && is_alone().await?, "{held} have a number: {answers:?}");
    consistent(&server).await
}

/// Makes so many sessions at once, each of two people who are in no other: how each is answered.
async fn couples(server: &Server, pool: &str, first: usize, count: usize) -> Result<Vec<(u16, Value)>> {
    let one = |nth: usize| {
        let body = order(pool, &[&person(first + nth), &person(first + 50 + nth)], json!({}));
        async move { call(server, "POST", SESSIONS, Some(body)).await }
    };
    join_all((0..count).map(one)).await.into_iter().collect()
}

on_both_engines!(
    a_pool_that_becomes_exclusive_meanwhile_gives_no_number_twice,
    a_crowd_that_shares_one_person,
    where_there_is_room_for_all_of_them_all_are_made,
    two_nodes_give_no_pair_twice,
);
