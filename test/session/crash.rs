//! kill -9 while sessions are made and ended: each is there with all of its people and its texts, or not at all.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{SESSIONS, all_told, consistent, order, pool};
use crate::harness::{ADMIN, Builder, Layout, Result, Server};
use crate::messages::{drained, person};
use crate::on_both_engines;
use crate::relay::scene::tamper;

const MAKERS: usize = 6;

/// Makes sessions, and ends each second one, until the server is gone; the ids of those that were answered.
fn load(server: &Server, pool: &str, maker: usize) -> impl Future<Output = Vec<String>> + use<> {
    let (http, url, pool) = (server.http.clone(), server.url(SESSIONS), pool.to_owned());
    async move {
        let mut made = Vec::new();
        for count in 0..60 {
            let people = [person(maker * 200 + count), person(maker * 200 + 100 + count)];
            let set = json!({"start_text": "It begins.", "end_text": "It has ended."});
            let body = order(&pool, &[&people[0], &people[1]], set).to_string();
            let request = http.post(&url).bearer_auth(ADMIN).header("content-type", "application/json").body(body);
            let Ok(answer) = request.send().await else { break };
            if answer.status() != 201 {
                continue;
            }
            let Ok(session) = answer.json::<Value>().await else { break };
            let id = session["id"].as_str().unwrap_or_default().to_owned();
            made.push(id.clone());
            if count % 2 == 0 && http.delete(format!("{url}/{id}")).bearer_auth(ADMIN).send().await.is_err() {
                break;
            }
        }
        made
    }
}

async fn a_kill_leaves_no_half_session(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    // a dead node's leases end by themselves on a server
    let builder = builder.set("outbox.lease", "4s").set("outbox.call_timeout", "1s").set("outbox.poll_every", "20ms");
    // what was being sent is asked after soon
    let builder = builder.set("outbox.look_up_after", "1s, 2s, 3s");
    let mut server = builder.start().await?;
    let pool = pool(&server, 8).await?;
    let mut made = Vec::new();
    for _ in 0..3 {
        let mut makers = JoinSet::new();
        for maker in 0..MAKERS {
            makers.spawn(load(&server, &pool, maker));
        }
        tokio::time::sleep(Duration::from_millis(200 + rand::random::<u64>() % 500)).await;
        server.kill()?;
        made.extend(makers.join_all().await.into_iter().flatten());
        // as it stands at the kill
        consistent(&server).await?;
        server = server.restart().await?;
    }
    // whom nobody was left to tell a worker tells, and not once more whom somebody has
    tamper(&server, "UPDATE sb_session SET tell_ms = 1 WHERE tell_ms IS NOT NULL").await?;
    all_told(&server).await?;
    drained(&server).await?;
    consistent(&server).await?;
    let sessions = server.rows("SELECT id FROM sb_session").await?.concat();
    let lost: Vec<_> = made.iter().filter(|id| !sessions.contains(&id.replace("ses_", ""))).collect();
    ensure!(lost.is_empty() && !made.is_empty(), "answered, and not there: {lost:?}");
    let people = server.rows("SELECT id FROM sb_participant").await?.len();
    let begun = server.rows("SELECT id FROM sb_message WHERE body = 'It begins.'").await?.len();
    ensure!(people == 2 * sessions.len() && begun == people, "{} sessions, {people}, {begun}", sessions.len());
    let over = server.rows("SELECT id FROM sb_session WHERE closed_ms IS NOT NULL").await?.len();
    let ended = server.rows("SELECT id FROM sb_message WHERE body = 'It has ended.'").await?.len();
    ensure!(over > 0 && ended == 2 * over, "{over} are over, {ended} were told so");
    Ok(())
}

on_both_engines!(a_kill_leaves_no_half_session);
