//! Two nodes that charge one client, and one of them dies under load, again and again: the books are in order.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rand::Rng as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::books::{buy, closed, known, quiet, tally};
use super::client::{By, status};
use super::{Client, client, loopback, verified};
use crate::events::call;
use crate::harness::{Builder, Layout, Result, Server};
use crate::inbound::play::end_leases;
use crate::messages::drained;
use crate::messages::schedule::in_time;
use crate::on_both_engines;

const SENDERS: usize = 6;
const MONEY: &str = "1000";

/// `make soak` asks for more.
fn kills() -> usize {
    std::env::var("SWITCHBOARD_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Whose texts get no answer at first.
const IN_DOUBT: &str = "+15005550017";

/// Whom texts go to by turns: some are refused, some fail by receipt, some are in doubt.
const PEOPLE: [&str; 7] =
    ["+14155550100", "+15005550001", "+14155550101", "+15005550012", "+14155550102", IN_DOUBT, "+15005550011"];

/// Sends one after the other until the node is gone; the ids in hex of what was accepted.
fn load(node: &Server, client: &Client, sender: usize) -> impl Future<Output = Result<Vec<String>>> + use<> {
    let (http, url, key) = (node.http.clone(), node.url("/v1/messages"), client.key.clone());
    async move {
        let mut accepted = Vec::new();
        for count in 0..70 {
            let to = PEOPLE[count % PEOPLE.len()];
            // what is in doubt holds up nobody else
            let lane = if to == IN_DOUBT { count } else { 0 };
            let from = format!("+1500{sender:03}{lane:04}");
            let mut body = json!({"to": to, "from": from, "body": format!("{sender} {count}")});
            let begun = Instant::now();
            if count.is_multiple_of(9) {
                body["send_at"] = in_time(Duration::from_secs(1))?.into();
            }
            let request = http.post(&url).header("x-proxy-auth", &key).body(body.to_string());
            let Ok(response) = request.send().await else { break };
            match response.status().as_u16() {
                202 => {
                    let Ok(told) = response.json::<Value>().await else { break };
                    accepted.extend(told["id"].as_str().map(|id| id.trim_start_matches("msg_").to_owned()));
                }
                503 => {}
                // its time has gone by while the node stood still
                400 if body["send_at"].is_string() && begun.elapsed() >= Duration::from_secs(1) => {
                    let said = response.text().await?;
                    ensure!(said.contains("lies in the past"), "{said}");
                }
                other => bail!("{other}: {}", response.text().await.unwrap_or_default()),
            }
        }
        Ok(accepted)
    }
}

/// Two nodes that are quick in everything, and a client of theirs.
async fn scene() -> Result<(Server, Server, Client)> {
    let builder = Builder::new(Layout::MariadbShared).await?;
    let builder = builder.set("outbox.lease", "3s").set("outbox.call_timeout", "1s").set("outbox.poll_every", "20ms");
    let builder = builder.set("outbox.look_up_after", "300ms,600ms").set("provider.loopback_latency", "20ms");
    let one = builder.clone().start().await?;
    loopback(&one).await?;
    let client = client(&one, MONEY).await?;
    let other = builder.start_unseeded().await?;
    known(&other, &client).await?;
    Ok((one, other, client))
}

/// All that was accepted is paid for, and nothing else is out of order.
async fn in_order(other: &Server, client: &Client, accepted: &BTreeSet<String>) -> Result {
    // receipts that the other node had taken; what it was sending ends by itself
    end_leases(other).await?;
    quiet(other).await?;
    let bought = closed(other, client, MONEY).await?;
    let lost: Vec<_> = accepted.iter().filter(|id| !bought.contains_key(*id)).collect();
    println!("{} accepted, {} paid for: {:?}", accepted.len(), bought.len(), tally(&bought));
    ensure!(lost.is_empty(), "accepted, but not paid for: {lost:?}");
    ensure!(accepted.len() > SENDERS * 20, "hardly a load: {}", accepted.len());
    Ok(())
}

/// Some moment under load.
async fn moment() {
    tokio::time::sleep(Duration::from_millis(rand::thread_rng().gen_range(300..800))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_dies_and_the_books_are_in_order() -> Result {
    let (mut one, other, client) = scene().await?;
    let mut accepted = BTreeSet::new();
    for round in 0..kills() {
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let node = if sender.is_multiple_of(2) { &one } else { &other };
            senders.spawn(load(node, &client, round * SENDERS + sender));
        }
        moment().await;
        one.kill()?;
        // as they stand at the kill, while the other goes on
        verified(&Builder::at(one.home())).await?;
        for answered in senders.join_all().await {
            accepted.extend(answered?);
        }
        if round + 1 < kills() {
            one = one.restart().await?;
        }
    }
    in_order(&other, &client, &accepted).await
}

/// It has lost its leases while it stood still, and its transaction: what it goes on with then moves no money twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_stands_still_and_the_books_are_in_order() -> Result {
    let (one, other, client) = scene().await?;
    let (mut still, mut senders) = (JoinSet::new(), JoinSet::new());
    for sender in 0..SENDERS {
        let (node, set) = if sender.is_multiple_of(2) { (&one, &mut still) } else { (&other, &mut senders) };
        set.spawn(load(node, &client, sender));
    }
    moment().await;
    one.signal("STOP")?;
    let mut accepted = BTreeSet::new();
    for answered in senders.join_all().await {
        accepted.extend(answered?);
    }
    // all that it held is taken over
    drained(&other).await?;
    verified(&Builder::at(one.home())).await?;
    one.signal("CONT")?;
    for answered in still.join_all().await {
        accepted.extend(answered?);
    }
    in_order(&other, &client, &accepted).await
}

/// How often there were more than before.
fn grown(seen: &[u64]) -> usize {
    seen.windows(2).filter(|two| two[0] < two[1]).count()
}

/// Whoever looks at the books while others write in them finds nothing wrong.
async fn the_check_finds_nothing_wrong_under_load(layout: Layout) -> Result {
    const ROUNDS: usize = 12;
    let builder = Builder::new(layout).await?.set("outbox.poll_every", "20ms");
    let server = builder.set("outbox.look_up_after", "300ms,600ms").start().await?;
    loopback(&server).await?;
    let client = client(&server, MONEY).await?;
    let stop = AtomicBool::new(false);
    let is_over = || stop.load(Ordering::Relaxed);
    let keep_on = async |sender: usize| -> Result<usize> {
        let mut sent = 0;
        while !is_over() {
            let to = PEOPLE[sent % PEOPLE.len()];
            let mut body = json!({"to": to, "from": format!("+15005502{sender:03}"), "body": format!("{sent}")});
            if sent.is_multiple_of(3) {
                body["send_at"] = in_time(Duration::from_secs(3600))?.into();
            }
            let id = buy(&server, &client, body).await?;
            if sent.is_multiple_of(3) {
                let path = format!("/v1/messages/{id}");
                assert_eq!(status(&server, By::Proxy(&client.key), "DELETE", &path).await?, 200);
            }
            sent += 1;
        }
        Ok(sent)
    };
    let pay_in = async || -> Result {
        while !is_over() {
            let path = format!("/v1/clients/{}/ledger", client.id);
            call(&server, "POST", &path, Some(json!({"kind": "credit", "amount": "1"}))).await?;
            let (status, told) = call(&server, "POST", &path, Some(json!({"set": MONEY, "reason": "a test"}))).await?;
            // whoever else moved it meanwhile
            ensure!(status != 201 || told["balance"] == "1000.0000", "{told}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    let look = async || -> Result<Vec<u64>> {
        let mut seen: Vec<u64> = Vec::new();
        // on a busy machine it takes a while until there is a load
        while seen.len() < ROUNDS || (grown(&seen) < ROUNDS / 2 && seen.len() < 20 * ROUNDS) {
            let output = server.builder().run(&["ledger", "verify", "--json"]).await?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            ensure!(output.status.success(), "{said}");
            seen.extend(serde_json::from_str::<Value>(&said)?["entries"].as_u64());
        }
        Ok(seen)
    };
    let look = async {
        let seen = look().await;
        stop.store(true, Ordering::Relaxed);
        seen
    };
    let (seen, paid_in, sent) = tokio::join!(look, pay_in(), futures_util::future::join_all((0..6).map(keep_on)));
    let seen = seen?;
    paid_in?;
    let sent: Vec<usize> = sent.into_iter().collect::<Result<_>>()?;
    println!("{sent:?} sent, {seen:?} entries seen");
    ensure!(grown(&seen) >= ROUNDS / 2, "hardly a load while it looked: {seen:?}");
    quiet(&server).await?;
    verified(&Builder::at(server.home())).await
}

on_both_engines!(the_check_finds_nothing_wrong_under_load);
