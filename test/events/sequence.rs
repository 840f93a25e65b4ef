//! What puts the events of one message or call in order, however they arrive.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{builder, endpoint, text, well};
use crate::harness::{Layout, Result, Server, until};
use crate::messages::person;
use crate::on_both_engines;

/// What was told of each object, by sequence: the types.
type Told = BTreeMap<String, BTreeMap<i64, String>>;

fn told(receiver: &Receiver) -> Result<Told> {
    let mut told = Told::new();
    for post in receiver.posts() {
        let payload = post.json()?;
        let (id, kind) = (text(&payload["data"]["id"])?, text(&payload["type"])?);
        let sequence = payload["data"]["sequence"].as_i64().with_context(|| format!("no sequence: {payload}"))?;
        let twin = told.entry(id).or_default().insert(sequence, kind.clone());
        ensure!(twin.as_ref().is_none_or(|twin| *twin == kind), "two have number {sequence}: {payload} and {twin:?}");
    }
    Ok(told)
}

/// A message has come as far as that, told or not.
fn rank(kind: &str) -> usize {
    let life = ["accepted", "scheduled", "queued", "sending", "initiated", "sent", "ringing", "in-progress"];
    let state = kind.split('.').next_back().unwrap_or_default();
    life.iter().position(|one| *one == state).unwrap_or(life.len())
}

fn in_order(told: &Told) -> Result {
    for (id, events) in told {
        let numbers: Vec<i64> = events.keys().copied().collect();
        let all: Vec<i64> = (1..).take(numbers.len()).collect();
        ensure!(numbers == all, "{id}: {events:?}");
        // a receipt may be written before the answer that its message was sent, and a step of a call before another:
        // then that is how they were committed
        let certain = events.values().filter(|kind| kind.starts_with("message.") && *kind != "message.sent");
        ensure!(certain.map(|kind| rank(kind)).is_sorted(), "{id}: {events:?}");
        let first = events.values().map(|kind| rank(kind)).min();
        ensure!(events.get(&1).map(|kind| rank(kind)) == first, "{id}: {events:?}");
    }
    Ok(())
}

async fn send(server: &Server, to: &str, set: Value) -> Result<String> {
    let mut body = json!({"to": to, "body": "hello"});
    body.as_object_mut().context("an object")?.extend(set.as_object().cloned().unwrap_or_default());
    text(&well(server, "POST", "/v1/messages", Some(body)).await?["id"])
}

async fn call(server: &Server, to: &str) -> Result<String> {
    let body = json!({"to": to, "twiml": "<Response><Say>Hello</Say></Response>"});
    text(&well(server, "POST", "/v1/calls", Some(body)).await?["id"])
}

async fn events_of_one_object_can_be_put_in_order(layout: Layout) -> Result {
    let (one, receiver) = (builder(layout).await?.dev().start().await?, Receiver::start().await?);
    let some = Receiver::start().await?;
    endpoint(&one, &receiver.url("/"), &["message.*", "call.*"]).await?;
    endpoint(&one, &some.url("/"), &["message.delivered"]).await?;
    // another node may tell the next step of what this one has accepted
    let other = if layout.is_mariadb() { Some(one.builder().clone().start_unseeded().await?) } else { None };
    let nodes: Vec<&Server> = std::iter::once(&one).chain(&other).collect();
    let texts = (0..30).map(|n| (n, nodes[n % nodes.len()]));
    let mut ids = try_join_all(texts.map(async |(n, node)| send(node, &person(n % 7), json!({})).await)).await?;
    let later = time::OffsetDateTime::now_utc() + time::Duration::milliseconds(1500);
    let later = json!({"send_at": later.format(&time::format_description::well_known::Rfc3339)?});
    ids.push(send(&one, &person(8), later).await?);
    let calls = try_join_all((20..23).map(async |n| call(&one, &person(n)).await)).await?;
    let inbound = json!({"from": "+14155550177", "to": "+15005550006", "body": "hi"});
    ids.push(text(&well(&one, "POST", "/v1/loopback/inbound", Some(inbound)).await?["id"])?);
    ids.extend(calls);

    let is_over = |events: &BTreeMap<i64, String>| {
        // what was told before its end may be on its way yet
        let is_whole = events.keys().copied().eq((1..).take(events.len()));
        let ends = ["message.delivered", "message.received", "call.completed"];
        is_whole && events.values().any(|kind| ends.contains(&kind.as_str()))
    };
    let all = until("the end of each", async || {
        let told = told(&receiver)?;
        Ok(ids.iter().all(|id| told.get(id).is_some_and(is_over)).then_some(told))
    })
    .await?;
    in_order(&all)?;
    ensure!(ids.iter().filter(|id| id.starts_with("msg_")).count() == 32);

    // who listens for one type sees the same number, not a first one
    let seen = until("the one type of each text", async || {
        let mut seen = told(&some)?;
        seen.retain(|id, _| ids.contains(id));
        Ok((seen.len() == 31).then_some(seen))
    })
    .await?;
    for (id, events) in &seen {
        ensure!(events.iter().all(|(number, kind)| all[id].get(number) == Some(kind)), "{events:?} of {:?}", all[id]);
        ensure!(events.keys().all(|number| *number > 1), "{events:?}");
    }
    // and whoever reads the list, or has it told again
    let listed = well(&one, "GET", "/v1/events?type=message.delivered&limit=1", None).await?["data"][0].clone();
    let (id, number) = (text(&listed["data"]["id"])?, listed["data"]["sequence"].as_i64().context("a number")?);
    ensure!(all[&id].get(&number).is_some_and(|kind| kind == "message.delivered"), "{listed} of {:?}", all[&id]);
    let event = text(&listed["id"])?;
    let copies = || some.posts().into_iter().filter(|post| post.id().is_ok_and(|id| id == event)).collect::<Vec<_>>();
    until("its post", async || Ok((!copies().is_empty()).then_some(()))).await?;
    well(&one, "POST", &format!("/v1/events/{event}/replay"), None).await?;
    let again = until("its replay", async || Ok(Some(copies()).filter(|posts| posts.len() > 1))).await?;
    for post in again {
        ensure!(post.json()?["data"]["sequence"] == number);
    }
    Ok(())
}

on_both_engines!(events_of_one_object_can_be_put_in_order);
