//! Three servers on three Galera nodes that all write: one client's charges are in everybody's way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::mariadb::{Mariadb, galera};
use crate::harness::{Builder, Result, Server, until};
use crate::relay::books::{closed, known, quiet, tally};
use crate::relay::{self, Client};

const SENDERS: usize = 6;
const TEXTS: usize = 30;
const MONEY: &str = "1000";

/// Where a sender's texts go, and what they are paid with.
#[derive(Clone)]
struct Door {
    http: reqwest::Client,
    urls: Vec<String>,
    key: String,
    /// By all senders together.
    accepted: Arc<AtomicUsize>,
}

impl Door {
    /// Sends each text until it is accepted, by whichever server; what was answered, and how often each.
    async fn send(self, sender: usize, are_patient: bool) -> Result<(Vec<Value>, usize)> {
        let (mut accepted, mut refused) = (Vec::new(), 0);
        for count in 0..TEXTS {
            let body = json!({"to": format!("+1202555{sender:04}"), "from": format!("+1500{sender:03}0001"),
                              "body": format!("{are_patient} {sender} {count}")});
            let mut turn = sender;
            loop {
                let request = self.http.post(&self.urls[turn % self.urls.len()]).header("x-proxy-auth", &self.key);
                let request = request.header("idempotency-key", format!("{are_patient} {sender} {count}"));
                let response = request.body(body.to_string()).send().await?;
                let status = response.status();
                let waits = response.headers().contains_key("retry-after");
                let said = response.text().await?;
                if status == 202 {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    accepted.push(serde_json::from_str(&said)?);
                    break;
                }
                ensure!(are_patient && status == 503 && waits, "{status} {said}");
                (refused, turn) = (refused + 1, turn + 1);
                ensure!(refused < 500, "refused again and again: {said}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok((accepted, refused))
    }
}

async fn crowd(door: &Door, are_patient: bool, during: impl Future<Output = Result>) -> Result<(Vec<Value>, usize)> {
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(door.clone().send(sender, are_patient));
    }
    during.await?;
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for done in senders.join_all().await {
        let (some, often) = done?;
        accepted.extend(some);
        refused += often;
    }
    Ok((accepted, refused))
}

/// A server on each node, and a client of theirs. The others start when there is something to charge, and a way.
async fn scene(nodes: &[Mariadb; 3]) -> Result<(Vec<Server>, Client)> {
    let builder = Builder::over(&Mariadb::store_at(nodes[0].port))?;
    let builder = builder.set("outbox.lease", "5s").set("outbox.call_timeout", "1s").set("outbox.poll_every", "50ms");
    // whose node died in the middle of a call is in doubt, and the others ask
    let builder = builder.set("outbox.look_up_after", "1s,2s").set("outbox.retry_most", "2s");
    let mut servers = vec![builder.clone().start().await?];
    relay::loopback(&servers[0]).await?;
    let client = relay::client(&servers[0], MONEY).await?;
    for node in &nodes[1..] {
        let url = Mariadb::store_at(node.port);
        let server = builder.clone().set("store.url", url).start_unseeded().await?;
        known(&server, &client).await?;
        servers.push(server);
    }
    Ok((servers, client))
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_on_three_nodes_are_each_made_once() -> Result {
    let mut nodes = galera().await?;
    let (servers, client) = scene(&nodes).await?;
    let urls = servers.iter().map(|server| server.url("/v1/messages")).collect();
    let door = Door { http: servers[0].http.clone(), urls, key: client.key.clone(), accepted: Arc::default() };
    // nobody is told of others' charges
    let (mut accepted, refused) = crowd(&door, false, async { Ok(()) }).await?;
    assert_eq!(refused, 0);
    let last = nodes.last_mut().context("a node")?;
    let dies = async {
        // in the midst of it: those who begin at that node have texts left
        let some = SENDERS * TEXTS * 5 / 4;
        until("some texts", async || Ok((door.accepted.load(Ordering::Relaxed) >= some).then_some(()))).await?;
        last.kill()
    };
    let (more, refused) = crowd(&door, true, dies).await?;
    assert!(refused > 0, "the node died when all was over");
    accepted.extend(more);
    quiet(&servers[0]).await?;
    let bought = closed(&servers[0], &client, MONEY).await?;
    println!("{} accepted, {refused} refused at a node that died: {:?}", accepted.len(), tally(&bought));
    let mut texts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in bought.values() {
        *texts.entry(&one.body).or_default() += 1;
    }
    assert_eq!(accepted.len(), 2 * SENDERS * TEXTS);
    assert!(texts.len() == accepted.len() && texts.values().all(|count| *count == 1), "{texts:?}");
    Ok(())
}
