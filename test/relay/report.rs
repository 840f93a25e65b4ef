//! What carriers report of paid messages, all at once and against each other: given back once, or kept.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use switchboard::model::MessageId;
use switchboard::model::message::MessageState;
use switchboard::store::event::PendingEvents;
use switchboard::store::inbound::finish::{self, FoldedReceipts};
use switchboard::store::lease::LeaseOwner;
use switchboard::store::message::{self, Message};

use super::books::{buy, closed, quiet, routed, say, tally};
use super::client::{By, now_ms, status};
use super::{client, loopback, post};
use crate::events::text;
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::messages::{FROM, drained, person};
use crate::on_both_engines;

/// Reports of one message that exclude each other, at once, while its client deletes it.
async fn contradicted(nodes: &[&Server], carrier: &Carrier) -> Result {
    const TEXTS: usize = 90;
    let (one, other) = (nodes[0], nodes[nodes.len() - 1]);
    let client = client(one, "10").await?;
    let mut texts = Vec::new();
    for count in 0..TEXTS {
        let body = json!({"To": person(count), "From": FROM, "Body": format!("{count}")});
        let (status, told) = post(one, &client.key, "/relay/sms", &body).await?;
        ensure!(status == 200, "{status} {told}");
        texts.push((count, text(&told["sid"])?));
    }
    drained(one).await?;
    let sids: BTreeMap<String, String> =
        carrier.messages(None).await?.into_iter().map(|message| (message.body, message.sid)).collect();
    let report = async |(count, own): (usize, String)| -> Result {
        let sid = &sids[&count.to_string()];
        let erase = async || {
            let path = format!("/2010-04-01/Accounts/{}/Messages/{own}.json", client.sid);
            let status = status(one, By::Basic(&client.sid, &client.token), "DELETE", &path).await?;
            ensure!(status == 204, "{status}");
            anyhow::Ok(())
        };
        // each node hears the one first, by turns; a third of them hear of nothing but the two ends
        let (here, there) = if count.is_multiple_of(2) { (one, other) } else { (other, one) };
        let is_bare = count.is_multiple_of(3);
        let told = tokio::join!(
            say(here, sid, if is_bare { "delivered" } else { "undelivered" }),
            say(there, sid, "failed"),
            async { if is_bare { Ok(()) } else { say(here, sid, "failed").await } },
            async { if count.is_multiple_of(2) { erase().await } else { Ok(()) } },
        );
        told.0.and(told.1).and(told.2).and(told.3)
    };
    try_join_all(texts.into_iter().map(report)).await?;
    quiet(one).await?;
    let bought = closed(one, &client, "10").await?;
    let ends = tally(&bought);
    println!("{ends:?}");
    ensure!(ends.values().sum::<usize>() == TEXTS && !ends.contains_key("sent"), "{ends:?}");
    ensure!(bought.values().filter(|one| one.is_lost()).count() >= TEXTS * 2 / 3, "{ends:?}");
    Ok(())
}

async fn reports_contradict_each_other(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = routed(Builder::new(layout).await?, &carrier).await?;
    contradicted(&[&server], &carrier).await
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_contradict_each_other_on_two_nodes() -> Result {
    let carrier = Carrier::start().await?;
    let one = routed(Builder::new(Layout::MariadbShared).await?, &carrier).await?;
    let other = one.builder().clone().start_unseeded().await?;
    contradicted(&[&one, &other], &carrier).await
}

/// Whoever writes an end that another has written meanwhile gives nothing back, nor does a wrong word of one.
async fn who_comes_late_gives_nothing_back(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("outbox.poll_every", "20ms").start().await?;
    loopback(&server).await?;
    let client = client(&server, "10").await?;
    for to in ["+14155550100", "+15005550001", "+15005550012"] {
        buy(&server, &client, json!({"to": to, "from": FROM, "body": "x"})).await?;
    }
    let open = "SELECT COUNT(*) FROM sb_message WHERE state NOT IN ('failed', 'delivered')";
    until("all ends", async || Ok((server.rows(open).await?.concat() == ["0"]).then_some(()))).await?;
    quiet(&server).await?;
    let bought = closed(&server, &client, "10").await?;
    let store = server.home().databases.store()?;
    let mut read = Vec::new();
    for id in bought.keys() {
        let id = MessageId::from_hex(id)?;
        let message = message::find(&store, client.id.parse()?, id).await?.context("no message")?;
        // as it was before it came to its end
        read.push(Message { state: MessageState::Sent, refunded_ms: None, ..message });
    }
    ensure!(read.len() == 3, "{bought:?}");
    let folded = FoldedReceipts { refunded: read, ..FoldedReceipts::default() };
    finish::receipts(&store, &LeaseOwner::generate(), &folded, &PendingEvents::default(), now_ms()).await?;
    closed(&server, &client, "10").await.map(drop)
}

on_both_engines!(reports_contradict_each_other, who_comes_late_gives_nothing_back);
