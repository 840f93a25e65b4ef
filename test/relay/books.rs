//! The books closed: whatever became of each message that was paid for, what the ledger must say of it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use switchboard::model::Money;

use super::client::{By, ask, status};
use super::{Client, balance, route, verified};
use crate::events::{text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Carrier, Result, Server, stored, until};
use crate::inbound::play::{PUBLIC, post_twilio};
use crate::messages::{FROM, account, number, quick};

/// A message that was paid for.
#[derive(Clone, Debug)]
pub struct Bought {
    pub state: String,
    pub body: String,
    pub cost: i64,
}

impl Bought {
    /// It has come to nothing, and cost nothing.
    pub fn is_lost(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "undelivered" | "canceled" | "expired")
    }
}

/// A server whose carrier is ours, with a route for everything to it.
pub async fn routed(builder: Builder, carrier: &Carrier) -> Result<Server> {
    let builder = quick(builder, carrier).set("http.public_url", PUBLIC).set("inbound.receipt_patience", "3s");
    let server = builder.start().await?;
    let account = account(&server, json!({})).await?;
    number(&server, &account, FROM, json!({})).await?;
    route(&server, &account).await?;
    Ok(server)
}

/// Buys a message; its id.
pub async fn buy(server: &Server, client: &Client, message: Value) -> Result<String> {
    let (status, _, told) = ask(server, By::Proxy(&client.key), "POST", "/v1/messages", Some(message)).await?;
    ensure!(status == 202, "{status} {told}");
    text(&told["id"])
}

/// A node has heard of a client's key, and of a way for its messages, that another has made.
pub async fn known(node: &Server, client: &Client) -> Result {
    until("the other node to know the key and a route", async || {
        if status(node, By::Proxy(&client.key), "GET", "/v1/messages").await? != 200 {
            return Ok(None);
        }
        let said =
            well(node, "GET", &format!("/v1/routes/explain?to=%2B14155550100&client={}", client.id), None).await?;
        // a route may be heard of before its account
        Ok(said["routes"][0]["verdict"].as_str().is_some_and(|verdict| verdict != "deleted").then_some(()))
    })
    .await
}

/// What a carrier says of a message.
pub async fn say(node: &Server, sid: &str, word: &str) -> Result {
    let form = [("MessageSid", sid), ("MessageStatus", word), ("AccountSid", ACCOUNT), ("ErrorCode", "30003")];
    let (status, told) = post_twilio(node, "/webhooks/twilio/status", &form, TOKEN).await?;
    ensure!((200..300).contains(&status), "{status} {told}");
    Ok(())
}

/// Some moment within so long.
pub async fn moment(most: Duration) {
    tokio::time::sleep(most.mul_f64(rand::random())).await;
}

/// Nothing is under way: no lane, no schedule, no receipt.
pub async fn quiet(server: &Server) -> Result {
    until("all to be over", async || {
        let sql = "SELECT (SELECT COUNT(*) FROM sb_outbox) + (SELECT COUNT(*) FROM sb_lane) \
                   + (SELECT COUNT(*) FROM sb_schedule) \
                   + (SELECT COUNT(*) FROM sb_inbound WHERE ready_ms IS NOT NULL)";
        Ok((server.rows(sql).await?.concat() == ["0"]).then_some(()))
    })
    .await
}

/// What a client bought, by the ids of its messages in hex: each with one debit, with one refund exactly where it came
/// to nothing, and the balance what all that makes of the one that it began with.
pub async fn closed(server: &Server, client: &Client, began: &str) -> Result<BTreeMap<String, Bought>> {
    let store = server.home().databases.store()?;
    let of_client = || vec![stored(&client.id)];
    let sql = "SELECT id, state, body, cost, refunded_ms FROM sb_message WHERE client_id = ? AND cost > 0";
    let (mut bought, mut marked) = (BTreeMap::new(), BTreeMap::new());
    for row in store.query(sql, of_client()).await? {
        let text = |column| row.text(column).map(str::to_owned);
        let one = Bought { state: text(1)?, body: text(2)?, cost: row.int(3)? };
        let id = hex::encode(row.bytes(0)?);
        marked.insert(id.clone(), row.maybe_int(4)?.is_some());
        bought.insert(id, one);
    }
    let mut entries: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let sql = "SELECT message_id, amount FROM sb_ledger WHERE client_id = ? AND message_id IS NOT NULL";
    for row in store.query(sql, of_client()).await? {
        entries.entry(hex::encode(row.bytes(0)?)).or_default().push(row.int(1)?);
    }
    for (id, one) in &bought {
        let mut moved = entries.remove(id).unwrap_or_default();
        moved.sort_unstable();
        let wanted = if one.is_lost() { vec![-one.cost, one.cost] } else { vec![-one.cost] };
        ensure!(moved == wanted && marked[id] == one.is_lost(), "{id}: {one:?}, but {moved:?} and {}", marked[id]);
    }
    ensure!(entries.is_empty(), "paid for, but not there: {entries:?}");
    let kept: i64 = bought.values().filter(|one| !one.is_lost()).map(|one| one.cost).sum();
    let wanted = Money::from_micros(began.parse::<Money>()?.micros() - kept).to_string();
    let left = balance(server, client).await?;
    ensure!(left == wanted, "{left} left, {wanted} wanted");
    verified(&Builder::at(server.home())).await?;
    Ok(bought)
}

/// How many came to each state.
pub fn tally(bought: &BTreeMap<String, Bought>) -> BTreeMap<&str, usize> {
    let mut tally = BTreeMap::new();
    for one in bought.values() {
        *tally.entry(one.state.as_str()).or_default() += 1;
    }
    tally
}
