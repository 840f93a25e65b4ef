//! A client, or an account, deleted with paid messages under way: they finish or are given back, and none stays.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};

use super::books::{Bought, buy, closed, known, quiet, routed, say};
use super::client::{By, status};
use super::{client, loopback, post};
use crate::events::{call, text, well};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::messages::schedule::in_time;
use crate::messages::{FROM, person, with};
use crate::on_both_engines;

fn sms(to: &str, body: &str, set: Value) -> Value {
    with(json!({"from": FROM, "to": to, "body": body}), set)
}

/// The carrier has begun so many calls.
async fn called(carrier: &Carrier, calls: u64) -> Result {
    until("calls of the carrier", async || {
        Ok((carrier.stats().await?["counts"]["sends"].as_u64() >= Some(calls)).then_some(()))
    })
    .await
}

/// In which states these are.
fn states<'a>(bought: &'a BTreeMap<String, Bought>, begins: &str) -> Vec<&'a str> {
    let mut found: Vec<_> = bought.values().filter(|one| one.body.starts_with(begins)).collect();
    found.sort_by_key(|one| &one.body);
    found.into_iter().map(|one| one.state.as_str()).collect()
}

async fn a_client_s_messages_finish_without_it(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = routed(Builder::new(layout).await?, &carrier).await?;
    let client = client(&server, "10").await?;
    let buy = async |to: &str, body: &str, set| buy(&server, &client, sms(to, body, set)).await;
    for (who, rule) in [
        (0, json!({"times": 1, "hold_ms": 2000, "do": "accept"})),
        (1, json!({"times": 1, "hold_ms": 2000, "do": "refuse", "code": 21211})),
        (2, json!({"times": 1, "hold_ms": 2000, "do": "cut"})),
        (3, json!({"do": "status", "status": 503})),
        (4, json!({"do": "refuse", "code": 21211})),
    ] {
        carrier.behave(with(json!({"to": person(who)}), rule)).await?;
    }
    for who in 0..3 {
        for count in 0..3 {
            buy(&person(who), &format!("{who} {count}"), json!({})).await?;
        }
    }
    buy(&person(3), "in vain", json!({"valid_for": "4s"})).await?;
    let soon = || Ok::<_, anyhow::Error>(json!({"send_at": in_time(Duration::from_millis(2500))?}));
    buy(&person(4), "later, in vain", soon()?).await?;
    buy(&person(5), "later", soon()?).await?;
    let never = buy(&person(6), "never", json!({"send_at": in_time(Duration::from_secs(3600))?})).await?;
    called(&carrier, 4).await?;
    assert_eq!(call(&server, "DELETE", &format!("/v1/clients/{}", client.id), None).await?.0, 204);
    ensure!(carrier.recorded()?.is_empty(), "nothing was sent when it was deleted");
    assert_eq!(post(&server, &client.key, "/relay/sms", &json!({"To": person(9), "Body": "x"})).await?.0, 401);
    // what is not due for long is the operator's to take back
    let path = format!("/v1/messages/{never}");
    assert_eq!(status(&server, By::AdminFor(&client.id), "DELETE", &path).await?, 200);
    quiet(&server).await?;
    let bought = closed(&server, &client, "10").await?;
    assert_eq!(states(&bought, "0"), ["sent"; 3]);
    assert_eq!(states(&bought, "1"), ["failed", "sent", "sent"]);
    assert_eq!(states(&bought, "2"), ["sent"; 3]);
    assert_eq!(states(&bought, "in vain"), ["expired"]);
    assert_eq!(states(&bought, "later"), ["sent", "failed"]);
    assert_eq!(states(&bought, "never"), ["canceled"]);
    // reports still come for it
    let sid = carrier.messages(Some(&person(0))).await?[0].sid.clone();
    say(&server, &sid, "undelivered").await?;
    quiet(&server).await?;
    let bought = closed(&server, &client, "10").await?;
    assert_eq!(states(&bought, "0"), ["undelivered", "sent", "sent"]);
    Ok(())
}

/// A node takes its client's messages, and one, perhaps another, forgets the account that carries them.
async fn forgotten(taker: &Server, other: &Server, carrier: &Carrier) -> Result {
    let client = client(taker, "10").await?;
    known(other, &client).await?;
    let buy = async |to: &str, body: &str, set| buy(taker, &client, sms(to, body, set)).await;
    for (who, rule) in [
        (0, json!({"times": 1, "hold_ms": 3000, "do": "accept"})),
        (1, json!({"times": 1, "hold_ms": 3000, "do": "cut"})),
        (2, json!({"do": "status", "status": 503})),
    ] {
        carrier.behave(with(json!({"to": person(who)}), rule)).await?;
    }
    for who in 0..2 {
        for count in 0..3 {
            buy(&person(who), &format!("{who} {count}"), json!({})).await?;
        }
    }
    let again = buy(&person(2), "in vain", json!({})).await?;
    buy(&person(3), "later", json!({"send_at": in_time(Duration::from_millis(3500))?})).await?;
    called(carrier, 3).await?;
    let attempts = until("an attempt", async || {
        let (_, message) = super::scene::act(taker, &client.id, "GET", &format!("/v1/messages/{again}"), None).await?;
        Ok(message["attempts"].as_array().is_some_and(|all| !all.is_empty()).then_some(()))
    });
    attempts.await?;
    let account = well(other, "GET", "/v1/accounts", None).await?["data"][0]["id"].clone();
    let number = well(other, "GET", "/v1/numbers", None).await?["data"][0]["id"].clone();
    let account = format!("/v1/accounts/{}", text(&account)?);
    assert_eq!(call(other, "DELETE", &account, None).await?.0, 409, "it has a number");
    assert_eq!(call(other, "DELETE", &format!("/v1/numbers/{}", text(&number)?), None).await?.0, 204);
    assert_eq!(call(other, "DELETE", &account, None).await?.0, 204);
    ensure!(carrier.recorded()?.is_empty(), "nothing was sent when it was deleted");
    let late = json!({"To": person(9), "Body": "x"});
    let (status, told) = post(other, &client.key, "/relay/sms", &late).await?;
    ensure!(status == 500 && told["error"] == "No Route Found", "{status} {told}");
    quiet(taker).await?;
    let bought = closed(taker, &client, "10").await?;
    // what it was taking at that moment has been sent; what became of a call without an answer nobody can ask any more
    assert_eq!(states(&bought, "0"), ["sent", "failed", "failed"]);
    assert_eq!(states(&bought, "1"), ["failed"; 3]);
    assert_eq!(states(&bought, "in vain"), ["failed"]);
    assert_eq!(states(&bought, "later"), ["failed"]);
    assert_eq!(bought.len(), 8, "what came too late was not paid for");
    Ok(())
}

async fn an_account_s_messages_fail_without_it(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = routed(Builder::new(layout).await?, &carrier).await?;
    forgotten(&server, &server, &carrier).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_s_messages_fail_on_every_node() -> Result {
    let carrier = Carrier::start().await?;
    let one = routed(Builder::new(Layout::MariadbShared).await?, &carrier).await?;
    let other = one.builder().clone().start_unseeded().await?;
    forgotten(&one, &other, &carrier).await
}

/// What has arrived is paid for, though nobody can be asked any more what became of its call.
async fn what_has_arrived_stays_paid_for(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("outbox.poll_every", "20ms");
    let server = builder.set("outbox.look_up_after", "2s,3s").start().await?;
    let account = loopback(&server).await?;
    let client = client(&server, "1").await?;
    // its call is not answered, but it leaves, and is reported
    buy(&server, &client, json!({"to": "+15005550016", "from": FROM, "body": "x"})).await?;
    let arrived = "SELECT COUNT(*) FROM sb_message WHERE state = 'delivered'";
    until("its receipt", async || Ok((server.rows(arrived).await?.concat() == ["1"]).then_some(()))).await?;
    assert_eq!(server.rows("SELECT phase FROM sb_lane").await?.len(), 1, "it is in doubt");
    assert_eq!(call(&server, "DELETE", &format!("/v1/accounts/{account}"), None).await?.0, 204);
    quiet(&server).await?;
    let bought = closed(&server, &client, "1").await?;
    assert_eq!(states(&bought, "x"), ["delivered"]);
    Ok(())
}

on_both_engines!(
    a_client_s_messages_finish_without_it,
    an_account_s_messages_fail_without_it,
    what_has_arrived_stays_paid_for,
);
