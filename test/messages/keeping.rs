//! What has served is removed after its time, on every node at once, and nothing else is.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use switchboard::model::{ClientId, Clock, MessageId, rfc3339};
use switchboard::store::{Change, Value};

use super::{FROM, TO, account, builder, copies, drained, fetch, number, quick, ready, send_id, sms, tried};
use crate::events::receiver::Receiver;
use crate::events::{call, endpoint, text, well};
use crate::harness::{ADMIN, Builder, Carrier, Layout, Result, Server, stored, until};
use crate::{in_foreign_sessions, on_both_engines};

/// A server that keeps nothing for long.
fn brief(builder: Builder) -> Builder {
    builder
        .set("event.allow", "127.0.0.1")
        .set("event.keep_events", "1s")
        .set("inbound.keep", "1s")
        .set("retention.messages", "1s")
        .set("retention.idempotency_keys", "1s")
        .set("retention.remove_every", "200ms")
}

async fn keyed(server: &Server, key: &str, body: &str) -> Result<String> {
    let request = server.http.post(server.url("/v1/messages")).bearer_auth(ADMIN).header("idempotency-key", key);
    let response = request.body(sms(TO, body, json!({})).to_string()).send().await?;
    ensure!(response.status() == 202, "{}", response.status());
    text(&response.json::<serde_json::Value>().await?["id"])
}

/// Waits until nothing is left in these tables.
async fn emptied(server: &Server, tables: &[&'static str]) -> Result {
    for sql in tables {
        let gone = async || Ok((server.rows(*sql).await?.concat() == ["0"]).then_some(()));
        until(sql, gone).await?;
    }
    Ok(())
}

async fn what_has_served_is_gone_after_its_time(layout: Layout) -> Result {
    let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
    let (server, _) = ready(brief(builder(layout, &carrier).await?)).await?;
    let loopback = json!({"provider": "loopback", "credentials": {}});
    let loopback = text(&well(&server, "POST", "/v1/accounts", Some(loopback)).await?["id"])?;
    number(&server, &loopback, "+15005550199", json!({})).await?;
    endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let at = rfc3339(Clock::default().now_ms() + 3_600_000);
    let later = send_id(&server, sms(TO, "later", json!({"send_at": at}))).await?;
    let first = keyed(&server, "k1", "once").await?;
    let played = json!({"from": TO, "to": "+15005550199", "body": "hello"});
    well(&server, "POST", "/v1/loopback/inbound", Some(played)).await?;
    // accepted, sending or sent, and received
    receiver.wait(3).await?;
    emptied(
        &server,
        &[
            "SELECT COUNT(*) FROM sb_idempotency",
            "SELECT COUNT(*) FROM sb_inbound",
            "SELECT COUNT(*) FROM sb_delivery",
            "SELECT COUNT(*) FROM sb_event",
            "SELECT COUNT(*) FROM sb_message WHERE state <> 'scheduled'",
            "SELECT COUNT(*) FROM sb_attempt",
            "SELECT COUNT(*) FROM sb_receipt",
        ],
    )
    .await?;
    assert_eq!(call(&server, "GET", &format!("/v1/messages/{first}"), None).await?.0, 404);
    assert_eq!(fetch(&server, &later).await?["state"], "scheduled");
    // its key is free again
    let second = keyed(&server, "k1", "once").await?;
    assert_ne!(first, second);
    drained(&server).await?;
    assert_eq!(copies(&carrier)?["once"], 2);
    ensure!(!server.log()?.contains("could not remove"), "a sweep failed");
    Ok(())
}

/// A receipt may end a message whose call is in doubt: it stays until that is settled.
async fn what_is_in_doubt_stays(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let doubting = brief(builder(layout, &carrier).await?).set("outbox.look_up_after", "4s,5s,6s");
    let (server, _) = ready(doubting).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "cut"})).await?;
    let id = send_id(&server, sms(TO, "in doubt", json!({}))).await?;
    tried(&server, &id, 1).await?;
    let sql = format!("UPDATE sb_message SET state = 'delivered', changed_ms = 1 WHERE id = X'{}'", &id[4..]);
    server.home().databases.store()?.commit(Change::new().run(sql, vec![])).await?;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(fetch(&server, &id).await?["state"], "delivered");
    drained(&server).await?;
    emptied(&server, &["SELECT COUNT(*) FROM sb_message", "SELECT COUNT(*) FROM sb_attempt"]).await?;
    assert_eq!(copies(&carrier)?["in doubt"], 1);
    Ok(())
}

async fn messages_are_kept_for_ever_where_that_is_wanted(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(brief(builder(layout, &carrier).await?).set("retention.messages", "0s")).await?;
    let id = keyed(&server, "k1", "for ever").await?;
    super::in_state(&server, &id, "sent").await?;
    emptied(&server, &["SELECT COUNT(*) FROM sb_idempotency"]).await?;
    // the messages' turn comes behind the keys'
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(fetch(&server, &id).await?["attempts"].as_array().map(Vec::len), Some(1));
    Ok(())
}

/// So many messages that were delivered long ago, each with its attempt, its receipt and its key.
async fn history(server: &Server, account: &str, count: usize) -> Result {
    let store = server.home().databases.store()?;
    let account = stored(account);
    let day_ms = 86_400_000;
    for _ in 0..count / 50 {
        let ids: Vec<Value> = (0..50).map(|_| MessageId::new(Clock::default().now_ms() - day_ms).into()).collect();
        let at = Value::Int(Clock::default().now_ms() - day_ms);
        let rows = |make: &dyn Fn(Value) -> Vec<Value>| ids.iter().cloned().map(make).collect::<Vec<_>>();
        let message = |id: Value| {
            let mut row: Vec<Value> = vec![id, ClientId::OPERATOR.into(), account.clone()];
            row.extend(["outbound", FROM, TO, "old", "delivered", "gsm7"].map(Value::from));
            row.extend([1.into(), at.clone(), at.clone()]);
            row
        };
        let change = Change::new()
            .insert(
                "INSERT INTO sb_message (id, client_id, account_id, direction, from_address, to_address, body, state, \
                 encoding, segments, created_ms, changed_ms)",
                rows(&message),
            )
            .insert(
                "INSERT INTO sb_attempt (message_id, number, account_id, outcome, started_ms, ended_ms)",
                rows(&|id| vec![id, 1.into(), account.clone(), "accepted".into(), at.clone(), at.clone()]),
            )
            .insert(
                "INSERT INTO sb_receipt (message_id, state, at_ms)",
                rows(&|id| vec![id, "delivered".into(), at.clone()]),
            )
            .insert(
                "INSERT INTO sb_idempotency (id, request_hash, reply, created_ms)",
                rows(&|id| vec![id, [1_u8; 32].into(), "{}".into(), at.clone()]),
            );
        store.commit(change).await?;
    }
    Ok(())
}

/// Both nodes sweep the same rows while both send.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_sweep_at_once_and_go_on_sending() -> Result {
    let carrier = Carrier::start().await?;
    let set =
        |builder| quick(builder, &carrier).set("retention.messages", "1h").set("retention.idempotency_keys", "1h");
    let set = |builder| set(builder).set("retention.remove_every", "2s");
    let one = set(Builder::new(Layout::MariadbShared).await?);
    let other = set(Builder::at(one.home()));
    let one = one.start().await?;
    let account = account(&one, json!({})).await?;
    number(&one, &account, FROM, json!({})).await?;
    history(&one, &account, 3000).await?;
    let other = other.start_unseeded().await?;
    let mut count = 0;
    let gone = "SELECT COUNT(*) FROM sb_message WHERE body = 'old'";
    while one.rows(gone).await?.concat() != ["0"] {
        send_id(if count % 2 == 0 { &one } else { &other }, sms(TO, &format!("new {count}"), json!({}))).await?;
        count += 1;
    }
    emptied(&one, &["SELECT COUNT(*) FROM sb_idempotency"]).await?;
    drained(&one).await?;
    assert_eq!((copies(&carrier)?.len(), copies(&carrier)?.into_values().max()), (count, Some(1)));
    let left = one.rows("SELECT (SELECT COUNT(*) FROM sb_attempt), (SELECT COUNT(*) FROM sb_receipt)").await?.concat();
    assert_eq!(left, [count.to_string(), "0".to_owned()]);
    for node in [&one, &other] {
        ensure!(!node.log()?.contains("could not remove"), "a sweep failed");
    }
    Ok(())
}

on_both_engines!(
    what_has_served_is_gone_after_its_time,
    what_is_in_doubt_stays,
    messages_are_kept_for_ever_where_that_is_wanted
);
in_foreign_sessions!(what_has_served_is_gone_after_its_time);
