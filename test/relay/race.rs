//! Whoever ends a paid message first, a cancel, a carrier, a receipt or the clock: it is given back once, or kept.

use std::time::Duration;

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::books::{buy, closed, known, moment, quiet, routed, say, tally};
use super::client::{By, status};
use super::{Client, client, loopback};
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

/// Ahead enough that the last of three hundred at once does not come too late.
const SCHEDULED: Duration = Duration::from_secs(4);

async fn nimble(layout: Layout) -> Result<Builder> {
    let builder = Builder::new(layout).await?.set("provider.loopback_latency", "50ms").set("outbox.poll_every", "20ms");
    let builder = builder.set("outbox.retry_first", "50ms").set("outbox.retry_most", "200ms");
    Ok(builder.set("outbox.breaker_failures", "1000000"))
}

/// Each is sent through one node, and taken back through all at once.
async fn taken_back(nodes: &[&Server]) -> Result {
    let server = nodes[0];
    loopback(server).await?;
    let client = client(server, "10").await?;
    for node in nodes {
        known(node, &client).await?;
    }
    let one = async |count: usize| -> Result<(String, bool, &str)> {
        let (to, end) = ENDS[count % ENDS.len()];
        // two to a lane
        let mut body = json!({"to": to, "from": format!("+1500557{:04}", count % 150), "body": format!("{count}")});
        if end == "expired" {
            body["valid_for"] = "1s".into();
        }
        let is_scheduled = count.is_multiple_of(5);
        if is_scheduled {
            body["send_at"] = in_time(SCHEDULED)?.into();
        }
        let (node, other) = (nodes[count % nodes.len()], nodes[(count + 1) % nodes.len()]);
        let id = buy(node, &client, body).await?;
        // some go their way, so that there is some of each end
        if (count / ENDS.len()).is_multiple_of(4) {
            return Ok((id, false, end));
        }
        if is_scheduled {
            sleep(SCHEDULED.mul_f64(0.85)).await;
        }
        moment(Duration::from_millis(1200)).await;
        let cancels = tokio::join!(take_back(node, &client, &id), take_back(other, &client, &id));
        let (first, second) = (cancels.0?, cancels.1?);
        ensure!(!(first && second), "{id} was taken back twice");
        Ok((id, first || second, end))
    };
    let told = try_join_all((0..300).map(one)).await?;
    quiet(server).await?;
    // a receipt of the loopback provider may be on its way yet
    let open = "SELECT COUNT(*) FROM sb_message WHERE state = 'sent' AND to_address <> '+15005550018'";
    until("all receipts", async || Ok((server.rows(open).await?.concat() == ["0"]).then_some(()))).await?;
    quiet(server).await?;
    let bought = closed(server, &client, "10").await?;
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

async fn taken_back_while_it_comes_to_nothing(layout: Layout) -> Result {
    taken_back(&[&nimble(layout).await?.start().await?]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_back_on_two_nodes() -> Result {
    let one = nimble(Layout::MariadbShared).await?.start().await?;
    let other = one.builder().clone().start_unseeded().await?;
    taken_back(&[&one, &other]).await
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

on_both_engines!(taken_back_while_it_comes_to_nothing, what_the_carrier_has_is_paid_for_and_nothing_else,);
