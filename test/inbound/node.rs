//! Two nodes on one MariaDB, and a carrier that repeats itself to both at once: everything takes effect once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use serde_json::json;

use super::play::{self, ELSEWHERE, OURS, PERSON, PUBLIC, form, get, number, post_twilio, received, settled, twilio};
use crate::events::endpoint;
use crate::events::receiver::Receiver;
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::messages::{copies, drained, quick};

const TEXTS: usize = 40;
/// Posts of each text, half of them to either node.
const REPEATS: usize = 6;
const NEW_NUMBERS: usize = 8;

/// Posts a text to both nodes at once, again and again; each is answered 200.
async fn repeat(nodes: [&Server; 2], sid: &str, body: &str) -> Result {
    let form = form(sid, body);
    let posts = (0..REPEATS).map(|post| post_twilio(nodes[post % 2], "/webhooks/twilio/sms", &form, TOKEN));
    let statuses: Vec<u16> = try_join_all(posts).await?.into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, [200; REPEATS], "{sid}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_at_both_nodes_takes_effect_once() -> Result {
    let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
    let set = |builder| quick(builder, &carrier).set("http.public_url", PUBLIC).set("event.allow", "127.0.0.1");
    let one = set(Builder::new(Layout::MariadbShared).await?);
    let other = set(Builder::at(one.home()));
    let one = one.start().await?;
    let account = twilio(&one).await?;
    number(&one, &account, OURS, json!({})).await?;
    endpoint(&one, &receiver.url("/"), &["message.received"]).await?;
    let other = other.start_unseeded().await?;
    let texts: Vec<(String, String)> = (0..TEXTS).map(|n| (format!("SM{n:04}"), format!("text {n:04}"))).collect();
    try_join_all(texts.iter().map(|(sid, body)| repeat([&one, &other], sid, body))).await?;
    repeat([&other, &one], "SMstop", "STOP").await?;
    settled(&one).await?;
    let rows = received(&one).await?;
    let bodies: BTreeSet<&str> = rows.iter().map(|row| row[2].as_str()).collect();
    assert_eq!((rows.len(), bodies.len()), (TEXTS + 1, TEXTS + 1));
    // one opt-out, one confirmation
    let ledger = one.rows("SELECT number, person, is_out, reason FROM sb_opt_out").await?;
    assert_eq!(ledger, [[OURS, PERSON, "1", "keyword"]]);
    drained(&one).await?;
    let replies: Vec<(String, usize)> = copies(&carrier)?.into_iter().collect();
    assert!(matches!(&replies[..], [(reply, 1)] if reply.starts_with("You are unsubscribed")), "{replies:?}");
    // each is told under one id, however often it is posted; the keyword too
    until("all to be told", async || Ok((told(&receiver)?.len() > TEXTS).then_some(()))).await?;
    let told = told(&receiver)?;
    assert!(told.len() == TEXTS + 1 && told.values().all(|ids| ids.len() == 1), "{told:?}");
    assert_eq!(one.rows("SELECT id FROM sb_event").await?.len(), TEXTS + 1);
    for node in [&one, &other] {
        assert_eq!(play::send(node, PERSON, "more").await?.0, 403);
    }
    let listed = get(&one, "/v1/messages?direction=inbound&limit=200").await?;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(TEXTS + 1));
    Ok(())
}

/// What one node has just added, the other one may not have read yet: it asks before it drops a text.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_added_at_one_node_is_texted_at_the_other() -> Result {
    let set = |builder: Builder| builder.set("http.public_url", PUBLIC).set(ELSEWHERE.0, ELSEWHERE.1);
    let one = set(Builder::new(Layout::MariadbShared).await?);
    let other = set(Builder::at(one.home()));
    let one = one.start().await?;
    let account = twilio(&one).await?;
    let other = other.start_unseeded().await?;
    let numbers: Vec<String> = (0..NEW_NUMBERS).map(|n| format!("+1415556{n:04}")).collect();
    for (n, address) in numbers.iter().enumerate() {
        let sid = format!("SMnew{n}");
        number(&one, &account, address, json!({})).await?;
        let form = [("MessageSid", &*sid), ("AccountSid", ACCOUNT), ("From", PERSON), ("To", address), ("Body", "hi")];
        assert_eq!(post_twilio(&other, "/webhooks/twilio/sms", &form, TOKEN).await?.0, 200);
    }
    settled(&one).await?;
    let to: Vec<String> = received(&one).await?.into_iter().map(|mut row| row.remove(1)).collect();
    assert_eq!(to, numbers);
    Ok(())
}

/// Under which ids each message was told.
fn told(receiver: &Receiver) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for post in receiver.posts() {
        let message = post.json()?["data"]["id"].as_str().unwrap_or_default().to_owned();
        told.entry(message).or_default().insert(post.id()?.to_owned());
    }
    Ok(told)
}
