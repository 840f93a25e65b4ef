//! Two nodes on one MariaDB: one dies, or is stopped for longer than its leases last, and continued.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;

use super::{account, copies, drained, number, person, quick, sms};
use crate::harness::{ADMIN, Builder, Carrier, Layout, Result, Server, until};

const PEOPLE: usize = 12;
const EACH: usize = 8;

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Killed,
    /// For so long at least.
    Stopped(Duration),
}

/// `make soak` takes the minute that operators are told of.
fn stop() -> Fate {
    let is_soak = std::env::var_os("SWITCHBOARD_SOAK_ROUNDS").is_some();
    Fate::Stopped(Duration::from_secs(if is_soak { 60 } else { 0 }))
}

/// Posts under a key of its own until it is accepted: who was stopped within a transaction holds up its
/// lanes until the database ends that.
async fn insist(node: &Server, who: usize, round: usize) -> Result {
    let text = format!("{who} {round:03}");
    let body = sms(&person(who), &text, json!({})).to_string();
    let accepted = async || {
        let request = node.http.post(node.url("/v1/messages")).bearer_auth(ADMIN).header("idempotency-key", &text);
        let status = request.body(body.clone()).send().await?.status().as_u16();
        ensure!(status == 202 || status == 503, "{status}");
        Ok((status == 202).then_some(()))
    };
    until("a text to be accepted", accepted).await
}

/// Sends so many rounds of texts to everyone, all through one node.
async fn send_rounds(node: &Server, rounds: std::ops::Range<usize>) -> Result {
    for round in rounds {
        try_join_all((0..PEOPLE).map(|who| insist(node, who, round))).await?;
    }
    Ok(())
}

async fn nothing_is_lost_or_sent_twice(fate: Fate) -> Result {
    let carrier = Carrier::start().await?;
    carrier.behave(json!({"delay_ms": 150, "do": "accept"})).await?;
    let short = |builder: Builder| {
        let builder = builder.set("outbox.lease", "3s").set("outbox.call_timeout", "1s");
        quick(builder, &carrier)
    };
    let one = short(Builder::new(Layout::MariadbShared).await?);
    let other = short(Builder::at(one.home()));
    let mut one = one.start().await?;
    let made = account(&one, json!({})).await?;
    number(&one, &made, super::FROM, json!({})).await?;
    let other = other.start_unseeded().await?;
    send_rounds(&one, 0..EACH).await?;
    let halfway = async || Ok((carrier.recorded()?.len() > PEOPLE * 2).then_some(()));
    until("some to be sent", halfway).await?;
    if fate == Fate::Killed {
        one.kill()?;
    } else {
        one.signal("STOP")?;
    }
    let sending = other.rows("SELECT lane FROM sb_lane WHERE phase = 1").await?.len();
    let stopped = Instant::now();
    // the other node takes more for the same lanes meanwhile
    send_rounds(&other, EACH..EACH + 2).await?;
    let mut rounds = EACH + 2;
    // lanes are taken over five seconds after their leases have ended
    let taken_over = async || Ok((carrier.recorded()?.len() >= PEOPLE * rounds).then_some(()));
    let overtaken = until("the other node to go on", taken_over).await;
    if let Fate::Stopped(at_least) = fate {
        while stopped.elapsed() < at_least {
            send_rounds(&other, rounds..rounds + 1).await?;
            rounds += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        one.signal("CONT")?;
    }
    overtaken?;
    drained(&other).await?;
    // whatever the continued node still has in mind comes out now
    tokio::time::sleep(Duration::from_secs(2)).await;
    let copies = copies(&carrier)?;
    let twice = copies.values().filter(|count| **count > 1).count();
    let how = if fate == Fate::Killed { "killed" } else { "stopped" };
    println!(
        "{how} for {:?}: {} messages, {sending} being sent at that moment, {} lost, {twice} twice",
        stopped.elapsed(),
        copies.len(),
        PEOPLE * rounds - copies.len(),
    );
    assert_eq!((copies.len(), twice), (PEOPLE * rounds, 0));
    for who in 0..PEOPLE {
        let wanted: Vec<String> = (0..rounds).map(|round| format!("{who} {round:03}")).collect();
        assert_eq!(super::bodies(&carrier, &person(who)).await?, wanted);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_stopped_sends_nothing_twice() -> Result {
    nothing_is_lost_or_sent_twice(stop()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_killed_is_taken_over() -> Result {
    nothing_is_lost_or_sent_twice(Fate::Killed).await
}
