//! A thousand sessions at once, of a pool that has numbers for so many and for no more: all are made, and one more is
//! refused.

use std::fmt::Write as _;

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{SESSIONS, consistent, order, ours, tried};
use crate::events::{text, well};
use crate::harness::{ADMIN, Builder, Layout, Result, Server};
use crate::messages::person;
use crate::on_both_engines;
use crate::relay::loopback;
use crate::relay::number_import::{import, settled};

const COUNT: usize = 1_000;
/// Requests under way at any time.
const AT_ONCE: usize = 100;
/// Somebody in all sessions.
const ANN: &str = "+14155559999";

/// A pool of a thousand numbers; its id.
async fn pool(server: &Server, exclusive: bool) -> Result<String> {
    let account = loopback(server).await?;
    let new = json!({"name": "a thousand", "exclusive": exclusive});
    let pool = text(&well(server, "POST", "/v1/pools", Some(new)).await?["id"])?;
    let mut file = String::from("number,capabilities\n");
    for nth in 0..COUNT {
        writeln!(file, "{},sms voice", ours(nth))?;
    }
    let query = format!("?account_id={account}&pool_id={pool}");
    let (status, answer) = import(server, None, &query, &file).await?;
    ensure!(status == 200, "{status} {answer}");
    settled(server).await?;
    Ok(pool)
}

/// Makes a thousand sessions, by turns on these nodes: the orders of those that were not made because others were at the
/// same number, on the other node too often.
async fn flurry(nodes: &[&Server], orders: Vec<Value>) -> Result<Vec<Value>> {
    let mut workers = JoinSet::new();
    for worker in 0..AT_ONCE {
        let node = nodes[worker % nodes.len()];
        let (http, url) = (node.http.clone(), node.url(SESSIONS));
        let mine: Vec<Value> = orders.iter().skip(worker).step_by(AT_ONCE).cloned().collect();
        workers.spawn(async move {
            let mut left = Vec::new();
            for body in mine {
                let request = http.post(&url).bearer_auth(ADMIN).header("content-type", "application/json");
                let answer = request.body(body.to_string()).send().await?;
                let (status, said) = (answer.status(), answer.text().await?);
                match status.as_u16() {
                    201 => {}
                    409 | 503 => left.push(body),
                    _ => anyhow::bail!("{status} {said}"),
                }
            }
            anyhow::Ok(left)
        });
    }
    let left: Vec<Vec<Value>> = workers.join_all().await.into_iter().collect::<Result<_>>()?;
    Ok(left.concat())
}

/// All are there, each whole, and one more is refused with this reason.
async fn full(server: &Server, pool: &str, one_more: [&str; 2], reason: &str) -> Result {
    let sql = "SELECT (SELECT COUNT(*) FROM sb_session), (SELECT COUNT(*) FROM sb_participant), \
               (SELECT COUNT(*) FROM sb_pair)";
    let wanted = [COUNT, 2 * COUNT, 2 * COUNT].map(|count| count.to_string());
    ensure!(server.rows(sql).await? == std::slice::from_ref(&wanted));
    let (status, problem) = tried(server, pool, &one_more).await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    ensure!(status == 409 && detail.contains(reason), "{status} {problem}");
    ensure!(server.rows(sql).await? == [wanted], "nothing is left of it");
    consistent(server).await
}

async fn held(nodes: &[&Server], exclusive: bool) -> Result {
    let server = nodes[0];
    let pool = pool(server, exclusive).await?;
    // every node reads what has changed within two seconds
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let people =
        |nth: usize| if exclusive { [person(nth), person(2_000 + nth)] } else { [ANN.to_owned(), person(nth)] };
    let orders = (0..COUNT).map(people).map(|[one, other]| order(&pool, &[&one, &other], json!({})));
    let left = flurry(nodes, orders.collect()).await?;
    ensure!(left.len() < COUNT / 2 && (nodes.len() > 1 || left.is_empty()), "{} were not made", left.len());
    for body in left {
        well(server, "POST", SESSIONS, Some(body)).await?;
    }
    let reason = if exclusive { "in use by another session" } else { "open session on each" };
    full(server, &pool, [ANN, "+14155559998"], reason).await
}

async fn a_thousand_sessions_have_a_number_each(layout: Layout) -> Result {
    held(&[&Server::start(layout).await?], true).await
}

async fn one_person_has_a_thousand_sessions(layout: Layout) -> Result {
    held(&[&Server::start(layout).await?], false).await
}

async fn a_thousand_sessions_on_two_nodes_have_a_number_each(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let other = Builder::at(server.home()).start_unseeded().await?;
    held(&[&server, &other], true).await
}

async fn one_person_has_a_thousand_sessions_on_two_nodes(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let other = Builder::at(server.home()).start_unseeded().await?;
    held(&[&server, &other], false).await
}

on_both_engines!(
    a_thousand_sessions_have_a_number_each,
    one_person_has_a_thousand_sessions,
    a_thousand_sessions_on_two_nodes_have_a_number_each,
    one_person_has_a_thousand_sessions_on_two_nodes,
);
