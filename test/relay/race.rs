//! Whoever ends a paid message first, a cancel, a carrier, a receipt or the clock: it is given back once, or kept.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use switchboard::model::MessageId;
use switchboard::model::message::State;
use switchboard::store::event::Told;
use switchboard::store::inbound::finish::{self, Folded};
use switchboard::store::message::{self, Message};

use super::books::{buy, closed, moment, quiet, routed, say, tally};
use super::client::{By, now_ms, status};
use super::{Client, client, loopback, post};
use crate::events::text;
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::messages::schedule::in_time;
use crate::messages::{FROM, copies, drained, person, with};
use crate::on_both_engines;

async fn take_back(server: &Server, client: &Client, id: &str) -> Result<bool> {
    let status = status(server, By::Proxy(&client.key), "DELETE", &format!("/v1/messages/{id}")).await?;
    ensure!(status == 200 || status == 409, "{status}");
    Ok(status == 200)
}

/// Recipients of the loopback provider, and what comes of a text to them that nobody takes back.
const ENDS: [(&str, &str); 6] = [
    ("+15005550001", "failed"),
    ("+15005550011", "undelivered"),
    ("+15005550012", "failed"),
    // nobody is there, until its validity ends
    ("+15005550014", "expired"),
    ("+15005550018", "sent"),
    ("+14155550100", "delivered"),
];

async fn taken_back_while_it_comes_to_nothing(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("provider.loopback_latency", "50ms").set("outbox.poll_every", "20ms");
    let builder = builder.set("outbox.retry_first", "50ms").set("outbox.retry_most", "200ms");
    let server = builder.set("outbox.breaker_failures", "1000000").start().await?;
    loopback(&server).await?;
    let client = client(&server, "10").await?;
    let one = async |count: usize| -> Result<(String, bool, &str)> {
        let (to, end) = ENDS[count % ENDS.len()];
        // two to a lane
        let mut body = json!({"to": to, "from": format!("+1500557{:04}", count % 150), "body": format!("{count}")});
        if end == "expired" {
            body["valid_for"] = "1s".into();
        }
        if count.is_multiple_of(5) {
            body["send_at"] = in_time(Duration::from_millis(700))?.into();
        }
        let id = buy(&server, &client, body).await?;
        // some go their way, so that there is some of each end
        if count.is_multiple_of(4) {
            return Ok((id, false, end));
        }
        moment(Duration::from_millis(1200)).await;
        let cancels = tokio::join!(take_back(&server, &client, &id), take_back(&server, &client, &id));
        let (first, second) = (cancels.0?, cancels.1?);
        ensure!(!(first && second), "{id} was taken back twice");
        Ok((id, first || second, end))
    };
    let told = try_join_all((0..300).map(one)).await?;
    quiet(&server).await?;
    // a receipt of the loopback provider may be on its way yet
    let open = "SELECT COUNT(*) FROM sb_message WHERE state = 'sent' AND to_address <> '+15005550018'";
    until("all receipts", async || Ok((server.rows(open).await?.concat() == ["0"]).then_some(()))).await?;
    quiet(&server).await?;
    let bought = closed(&server, &client, "10").await?;
    println!("{:?}", tally(&bought));
    for (id, was_taken_back, end) in told {
        let wanted = if was_taken_back { "canceled" } else { end };
        let one = &bought[id.trim_start_matches("msg_")];
        ensure!(one.state == wanted, "{id}: {one:?}, wanted {wanted}");
    }
    let ends = tally(&bought);
    ensure!(ENDS.iter().all(|(_, end)| ends.contains_key(end)) && ends.contains_key("canceled"), "{ends:?}");
    Ok(())
}

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
        let third = if count.is_multiple_of(3) { "delivered" } else { "failed" };
        let told = tokio::join!(
            say(one, sid, "undelivered"),
            say(other, sid, "failed"),
            say(if count.is_multiple_of(2) { one } else { other }, sid, third),
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

/// What the carrier does wrong with a text, once; the last two until their end.
fn faults() -> [Value; 9] {
    [
        json!({"times": 1, "do": "cut"}),
        json!({"times": 1, "do": "cut_before"}),
        json!({"times": 1, "do": "garbage"}),
        json!({"times": 1, "do": "status", "status": 504, "recorded": true}),
        json!({"times": 1, "do": "status", "status": 503}),
        json!({"times": 1, "do": "silent"}),
        json!({"times": 1, "hold_ms": 300, "do": "accept"}),
        json!({"do": "refuse", "code": 21211}),
        json!({"do": "status", "status": 503}),
    ]
}

async fn what_the_carrier_has_is_paid_for_and_nothing_else(layout: Layout) -> Result {
    const PEOPLE: usize = 72;
    let carrier = Carrier::start().await?;
    let server = routed(Builder::new(layout).await?.set("outbox.call_timeout", "1s"), &carrier).await?;
    let client = client(&server, "10").await?;
    let faults = faults();
    for who in 0..PEOPLE {
        carrier.behave(with(json!({"to": person(who)}), faults[who % faults.len()].clone())).await?;
    }
    let one = async |count: usize| -> Result {
        let who = count % PEOPLE;
        let mut body = json!({"to": person(who), "from": FROM, "body": format!("{count}")});
        if who % faults.len() == faults.len() - 1 {
            body["valid_for"] = "2s".into();
        }
        let id = buy(&server, &client, body).await?;
        if count % 5 < 2 {
            moment(Duration::from_millis(1500)).await;
            take_back(&server, &client, &id).await?;
        }
        Ok(())
    };
    // two of a lane
    try_join_all((0..PEOPLE * 2).map(one)).await?;
    drained(&server).await?;
    let half = carrier.messages(None).await?.into_iter().step_by(2);
    try_join_all(
        half.map(|message| {
            let server = &server;
            async move {
                say(server, &message.sid, if message.seq.is_multiple_of(3) { "failed" } else { "delivered" }).await
            }
        }),
    )
    .await?;
    quiet(&server).await?;
    let bought = closed(&server, &client, "10").await?;
    let (ends, copies) = (tally(&bought), copies(&carrier)?);
    println!("{ends:?}");
    for one in bought.values() {
        let has = copies.get(&one.body).copied().unwrap_or_default();
        let is_refused = (one.body.parse::<usize>()? % PEOPLE) % faults.len() == faults.len() - 2;
        // what failed else was reported so, of what it had
        let wanted = match one.state.as_str() {
            "sent" | "delivered" => 1,
            "failed" => usize::from(!is_refused),
            _ => 0,
        };
        ensure!(has == wanted, "the carrier has {has} of {one:?}");
    }
    let wanted = ["canceled", "delivered", "expired", "failed", "sent"];
    ensure!(ends.keys().copied().collect::<Vec<_>>() == wanted, "{ends:?}");
    Ok(())
}

/// Whoever writes an end that another has written meanwhile gives nothing back, nor does a wrong word of one.
async fn who_comes_late_gives_nothing_back(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("outbox.poll_every", "20ms").start().await?;
    loopback(&server).await?;
    let client = client(&server, "10").await?;
    for (to, _) in ENDS.iter().filter(|(_, end)| matches!(*end, "failed" | "delivered")) {
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
        read.push(Message { state: State::Sent, refunded_ms: None, ..message });
    }
    ensure!(read.len() == 3, "{bought:?}");
    let folded = Folded { refunded: read, ..Folded::default() };
    finish::receipts(&store, "late", &folded, &Told::default(), now_ms()).await?;
    closed(&server, &client, "10").await.map(drop)
}

on_both_engines!(
    who_comes_late_gives_nothing_back,
    taken_back_while_it_comes_to_nothing,
    reports_contradict_each_other,
    what_the_carrier_has_is_paid_for_and_nothing_else,
);
