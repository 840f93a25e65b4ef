//! An ordered endpoint: the events of one object one after the other, whatever fails and whichever node posts.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use switchboard::model::EventId;
use switchboard::store::Change;
use switchboard::store::delivery::behind;

use super::receiver::{Answer, Post, Receiver};
use super::{builder, delivery, text, well};
use crate::harness::{Layout, Result, Server, until};
use crate::messages::person;
use crate::on_both_engines;

/// What was posted of each object, in the order in which it came: sequence and type.
type Told = BTreeMap<String, Vec<(i64, String)>>;

async fn ordered(server: &Server, receiver: &Receiver) -> Result<String> {
    let body = json!({"url": receiver.url("/"), "event_types": ["message.*"], "ordered": true});
    text(&well(server, "POST", "/v1/endpoints", Some(body)).await?["id"])
}

async fn send(server: &Server, to: &str) -> Result<String> {
    text(&well(server, "POST", "/v1/messages", Some(json!({"to": to, "body": "hello"}))).await?["id"])
}

fn sequence(post: &Post) -> Result<i64> {
    let payload = post.json()?;
    payload["data"]["sequence"].as_i64().with_context(|| format!("no sequence: {payload}"))
}

fn told(receiver: &Receiver) -> Result<Told> {
    let mut told = Told::new();
    for post in receiver.posts() {
        let payload = post.json()?;
        let one = (sequence(&post)?, text(&payload["type"])?);
        told.entry(text(&payload["data"]["id"])?).or_default().push(one);
    }
    Ok(told)
}

/// All that there is to be told of a message has been posted.
fn is_whole(told: &Told, id: &str) -> bool {
    let Some(posts) = told.get(id) else { return false };
    let mut numbers: Vec<i64> = posts.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let is_over = posts.iter().any(|(_, kind)| kind == "message.delivered");
    is_over && numbers.iter().copied().eq((1..).take(numbers.len()))
}

async fn whole(receiver: &Receiver, ids: &[String]) -> Result<Told> {
    until("all events of each message", async || {
        let told = told(receiver)?;
        Ok(ids.iter().all(|id| is_whole(&told, id)).then_some(told))
    })
    .await
}

/// The same one again is another try; one that came before is out of order.
fn in_order(told: &Told) -> Result {
    for (id, posts) in told {
        ensure!(posts.iter().map(|(number, _)| *number).is_sorted(), "{id}: {posts:?}");
    }
    Ok(())
}

async fn the_order_of_each_object_is_kept_whatever_fails(layout: Layout) -> Result {
    let builder = builder(layout).await?.set("event.retries", ["20ms"; 60].join(",")).dev();
    let (one, receiver) = (builder.start().await?, Receiver::start().await?);
    // a third of all posts fail, and some are slow
    let slow = Answer { delay: Duration::from_millis(30), ..Answer::status(200) };
    let some = [Answer::status(500), slow, Answer::status(200)];
    receiver.answer(some.into_iter().cycle().take(300).chain([Answer::status(200)]));
    ordered(&one, &receiver).await?;
    let other = if layout.is_mariadb() { Some(one.builder().clone().start_unseeded().await?) } else { None };
    let nodes: Vec<&Server> = std::iter::once(&one).chain(&other).collect();
    let sent = (0..20).map(|n| (n, nodes[n % nodes.len()]));
    let ids = try_join_all(sent.map(async |(n, node)| send(node, &person(n)).await)).await?;
    whole(&receiver, &ids).await?;
    // the last try of each too
    until("all delivered", async || {
        let open = one.rows("SELECT 1 FROM sb_delivery WHERE state <> 'delivered'").await?;
        Ok(open.is_empty().then_some(()))
    })
    .await?;
    ensure!(one.rows("SELECT 1 FROM sb_delivery_turn").await?.is_empty(), "a turn was left");
    let told = told(&receiver)?;
    in_order(&told)?;
    ensure!(told.values().map(Vec::len).sum::<usize>() > 20 * 3, "some were tried again: {told:?}");
    Ok(())
}

async fn what_is_given_up_lets_the_next_go(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.dev().start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500)]);
    ordered(&server, &receiver).await?;
    let id = send(&server, &person(0)).await?;
    let told = whole(&receiver, std::slice::from_ref(&id)).await?;
    in_order(&told)?;
    let last = receiver.posts().last().context("a post")?.id()?.to_owned();
    ensure!(delivery(&server, &last, "exhausted").await?["tries"] == 3);
    let numbers = told_of(&receiver, &id)?;
    let wanted: Vec<i64> = (1..=3).flat_map(|number| [number; 3]).collect();
    ensure!(numbers == wanted, "{numbers:?}");
    Ok(())
}

async fn a_failed_one_holds_its_own_object_and_a_replay_waits_for_nobody(layout: Layout) -> Result {
    let builder = builder(layout).await?.set("event.retries", "1h,1h,1h").dev();
    let (server, receiver) = (builder.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500), Answer::status(200)]);
    ordered(&server, &receiver).await?;
    let held = send(&server, &person(0)).await?;
    let first = receiver.wait(1).await?.remove(0);
    ensure!(sequence(&first)? == 1 && first.json()?["data"]["id"] == held);
    let others: Vec<String> = try_join_all((1..6).map(async |n| send(&server, &person(n)).await)).await?;
    let told = whole(&receiver, &others).await?;
    in_order(&told)?;
    ensure!(told.get(&held).is_some_and(|posts| posts.len() == 1), "it was not held: {told:?}");
    // the last of its events, asked for by a person, goes before the first
    let last = until("its last event", async || {
        let listed = well(&server, "GET", "/v1/events?type=message.delivered&limit=100", None).await?;
        let of_held = listed["data"].as_array().into_iter().flatten().find(|event| event["data"]["id"] == held);
        of_held.map(|event| text(&event["id"])).transpose()
    })
    .await?;
    let is_posted = |event: &str| receiver.posts().iter().any(|post| post.id().is_ok_and(|id| id == event));
    ensure!(!is_posted(&last));
    well(&server, "POST", &format!("/v1/events/{last}/replay"), None).await?;
    until("the replay", async || Ok(is_posted(&last).then_some(()))).await?;
    ensure!(told_of(&receiver, &held)?.len() == 2, "it holds nobody, and lets nobody by");
    // the first, asked for, holds nobody any more
    well(&server, "POST", &format!("/v1/events/{}/replay", first.id()?), None).await?;
    let mut numbers =
        until("both", async || Ok(Some(told_of(&receiver, &held)?).filter(|told| told.len() > 3))).await?;
    ensure!(numbers[..2] == [1, 3], "{numbers:?}");
    numbers[2..].sort_unstable();
    ensure!(numbers == [1, 3, 1, 2], "{numbers:?}");
    Ok(())
}

fn told_of(receiver: &Receiver, id: &str) -> Result<Vec<i64>> {
    let posts = told(receiver)?.remove(id).unwrap_or_default();
    Ok(posts.into_iter().map(|(number, _)| number).collect())
}

async fn a_disabled_endpoint_leaves_nothing_standing(layout: Layout) -> Result {
    let builder = builder(layout).await?.set("event.retries", "1s,1s,1s,1s,1s").dev();
    let (server, receiver) = (builder.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500)]);
    let endpoint = ordered(&server, &receiver).await?;
    let id = send(&server, &person(0)).await?;
    receiver.wait(1).await?;
    let path = format!("/v1/endpoints/{endpoint}");
    until("its end", async || {
        let message = well(&server, "GET", &format!("/v1/messages/{id}"), None).await?;
        Ok((message["state"] == "delivered").then_some(()))
    })
    .await?;
    well(&server, "PATCH", &path, Some(json!({"state": "disabled"}))).await?;
    let listed = well(&server, "GET", "/v1/events?limit=100", None).await?;
    let events = listed["data"].as_array().context("a list")?;
    ensure!(events.len() > 1, "{listed}");
    for event in events {
        delivery(&server, &text(&event["id"])?, "dropped").await?;
    }
    // enabled again, it is told of what comes
    receiver.answer([Answer::status(200)]);
    well(&server, "PATCH", &path, Some(json!({"state": "enabled"}))).await?;
    let next = send(&server, &person(0)).await?;
    whole(&receiver, &[next]).await?;
    Ok(())
}

async fn one_whose_turn_was_overlooked_is_posted_after_all(layout: Layout) -> Result {
    let builder = builder(layout).await?.set("event.retries", "1h,1h,1h").dev();
    let (mut server, receiver) = (builder.start().await?, Receiver::start().await?);
    receiver.answer([Answer::status(500), Answer::status(200)]);
    ordered(&server, &receiver).await?;
    let message = send(&server, &person(0)).await?;
    let first: EventId = receiver.wait(1).await?.remove(0).id()?.parse()?;
    // the next is parked behind it: when it is tried nobody knows
    let parked = until("one that is parked", async || {
        let sql = "SELECT event_id FROM sb_delivery WHERE ready_ms >= 4611686018427387904";
        Ok(server.rows(sql).await?.concat().pop())
    })
    .await?;
    let waiting = delivery(&server, &format!("evt_{parked}"), "pending").await?;
    ensure!(waiting["next_try_at"].is_null(), "{waiting}");
    server.kill()?;
    let sql = "UPDATE sb_delivery SET ready_ms = ? WHERE event_id = ?";
    let change = Change::new().one(sql, vec![behind(first).into(), first.into()]);
    server.home().databases.store()?.commit(change).await?;
    let server = server.restart().await?;
    let told = whole(&receiver, std::slice::from_ref(&message)).await?;
    in_order(&told)?;
    let numbers = told_of(&receiver, &message)?;
    ensure!(numbers.starts_with(&[1, 1, 2]), "{numbers:?}");
    drop(server);
    Ok(())
}

on_both_engines!(
    the_order_of_each_object_is_kept_whatever_fails,
    what_is_given_up_lets_the_next_go,
    a_failed_one_holds_its_own_object_and_a_replay_waits_for_nobody,
    a_disabled_endpoint_leaves_nothing_standing,
    one_whose_turn_was_overlooked_is_posted_after_all,
);
