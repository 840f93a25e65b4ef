//! Messages from one number to one person leave in the order of their acceptance; all else in parallel.

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;

use super::{FROM, TO, account, bodies, builder, copies, drained, number, person, quick, ready, send, send_id, sms};
use crate::events::call;
use crate::harness::{Builder, Carrier, Layout, Result, until};
use crate::on_both_engines;

const BATCHES: usize = 10;
const EACH: usize = 20;
/// Who are not held up.
const PEOPLE: usize = 30;

/// What is posted in parallel has no order; what is posted after an answer stands behind it.
async fn one_pair_keeps_its_order(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    for batch in 0..BATCHES {
        let posts = (0..EACH).map(|count| send_id(&server, sms(TO, &format!("{batch:02} {count:02}"), json!({}))));
        try_join_all(posts).await?;
    }
    drained(&server).await?;
    let arrived = bodies(&carrier, TO).await?;
    let batches: Vec<&str> = arrived.iter().filter_map(|body| body.split(' ').next()).collect();
    assert_eq!(batches.len(), BATCHES * EACH);
    assert!(batches.is_sorted(), "{arrived:?}");
    assert!(copies(&carrier)?.into_values().all(|count| count == 1));
    Ok(())
}

async fn one_slow_pair_holds_up_no_other(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"to": TO, "times": 1, "hold_ms": 8000, "do": "accept"})).await?;
    let slow = send_id(&server, sms(TO, "slow 0", json!({}))).await?;
    let behind = send_id(&server, sms(TO, "slow 1", json!({}))).await?;
    for round in 0..4 {
        try_join_all((0..PEOPLE).map(|who| send(&server, sms(&person(who), &format!("{who} {round}"), json!({})))))
            .await?;
    }
    until("all others", async || Ok((carrier.recorded()?.len() >= PEOPLE * 4).then_some(()))).await?;
    for who in 0..PEOPLE {
        let wanted: Vec<String> = (0..4).map(|round| format!("{who} {round}")).collect();
        until("its four", async || Ok((bodies(&carrier, &person(who)).await? == wanted).then_some(()))).await?;
    }
    super::in_state(&server, &slow, "sent").await?;
    super::in_state(&server, &behind, "sent").await?;
    assert_eq!(bodies(&carrier, TO).await?, ["slow 0", "slow 1"]);
    drained(&server).await
}

/// A lane that is just becoming empty takes the next message without an error.
async fn a_conversation_never_stumbles(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    let talks = (0..8).map(|who| {
        let server = &server;
        async move {
            for count in 0..25 {
                let (status, answer) =
                    call(server, "POST", "/v1/messages", Some(sms(&person(who), &format!("{count:02}"), json!({}))))
                        .await?;
                ensure!(status == 202, "{status} {answer}");
                // about as long as sending takes, so that some come just when the one before has left
                tokio::time::sleep(std::time::Duration::from_millis(rand::random::<u64>() % 30)).await;
            }
            Ok(())
        }
    });
    try_join_all(talks).await?;
    drained(&server).await?;
    for who in 0..8 {
        let wanted: Vec<String> = (0..25).map(|count| format!("{count:02}")).collect();
        assert_eq!(bodies(&carrier, &person(who)).await?, wanted);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_keep_the_order_of_a_pair() -> Result {
    let carrier = Carrier::start().await?;
    let one = builder(Layout::MariadbShared, &carrier).await?;
    let other = quick(Builder::at(one.home()), &carrier);
    let (one, _) = ready(one).await?;
    let other = other.start_unseeded().await?;
    let nodes = [&one, &other];
    let mut wanted = Vec::new();
    for count in 0..60 {
        let text = format!("{count:02}");
        send(nodes[count % 2], sms(TO, &text, json!({}))).await?;
        wanted.push(text);
    }
    drained(&one).await?;
    assert_eq!(bodies(&carrier, TO).await?, wanted);
    Ok(())
}

/// A number that one node has just been given is no reason for another to give its messages up.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_sends_for_an_account_that_it_has_not_heard_of() -> Result {
    let carrier = Carrier::start().await?;
    let one = builder(Layout::MariadbShared, &carrier).await?;
    let other = quick(Builder::at(one.home()), &carrier);
    // this one accepts, and holds nothing in memory: the other one sends
    let one = one.set("outbox.held", 0).start().await?;
    let other = other.start_unseeded().await?;
    for round in 0..5 {
        let made = account(&one, json!({})).await?;
        number(&one, &made, FROM, json!({})).await?;
        let id = send_id(&one, sms(TO, &format!("{round}"), json!({}))).await?;
        super::in_state(&other, &id, "sent").await?;
        let numbers = crate::events::well(&one, "GET", "/v1/numbers", None).await?;
        let number = crate::events::text(&numbers["data"][0]["id"])?;
        crate::events::well(&one, "DELETE", &format!("/v1/numbers/{number}"), None).await?;
        crate::events::well(&one, "DELETE", &format!("/v1/accounts/{made}"), None).await?;
    }
    Ok(())
}

on_both_engines!(one_pair_keeps_its_order, one_slow_pair_holds_up_no_other, a_conversation_never_stumbles);
