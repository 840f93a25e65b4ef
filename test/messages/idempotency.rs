//! `Idempotency-Key`: a request counts once, however often and however parallel it comes.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{TO, builder, copies, drained, ready, sms};
use crate::events::text;
use crate::harness::{ADMIN, Carrier, Layout, Result, Server};
use crate::on_both_engines;

/// Posts under a key: status, whether it was a replay, and the answer.
async fn keyed(server: &Server, key: &str, body: Value) -> Result<(u16, bool, Value)> {
    let request = server.http.post(server.url("/v1/messages")).bearer_auth(ADMIN).header("idempotency-key", key);
    let response = request.header("content-type", "application/json").body(body.to_string()).send().await?;
    let (status, is_replay) = (response.status().as_u16(), response.headers().contains_key("idempotent-replayed"));
    Ok((status, is_replay, response.json().await?))
}

async fn a_repeat_is_answered_as_the_first_was(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    let body = sms(TO, "once", json!({"metadata": {"a": 1}}));
    let (status, is_replay, first) = keyed(&server, "k1", body.clone()).await?;
    ensure!(status == 202 && !is_replay, "{status} {first}");
    drained(&server).await?;
    let (status, is_replay, again) = keyed(&server, "k1", body.clone()).await?;
    ensure!(status == 202 && is_replay && again == first, "{status} {again}");
    let (status, _, problem) = keyed(&server, "k1", sms(TO, "other", json!({}))).await?;
    ensure!(status == 409, "{status} {problem}");
    let (status, is_replay, second) = keyed(&server, "k2", body).await?;
    ensure!(status == 202 && !is_replay && second["id"] != first["id"], "{second}");
    for bad in ["", &"k".repeat(256)] {
        let (status, _, problem) = keyed(&server, bad, sms(TO, "x", json!({}))).await?;
        ensure!(status == 400 && problem["field"] == "Idempotency-Key", "{status} {problem}");
    }
    drained(&server).await?;
    assert_eq!(copies(&carrier)?.into_iter().collect::<Vec<_>>(), [("once".to_owned(), 2)]);
    Ok(())
}

async fn parallel_twins_make_one_message(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    for round in 0..5 {
        let (key, body) = (format!("twins-{round}"), sms(TO, &format!("twins {round}"), json!({})));
        let twins = (0..20).map(|_| keyed(&server, &key, body.clone()));
        let answers = futures_util::future::try_join_all(twins).await?;
        let mut ids = BTreeSet::new();
        for (status, _, answer) in &answers {
            ensure!(*status == 202, "{status} {answer}");
            ids.insert(text(&answer["id"])?);
        }
        assert_eq!(ids.len(), 1);
        assert_eq!(answers.iter().filter(|(_, is_replay, _)| !is_replay).count(), 1);
    }
    drained(&server).await?;
    assert_eq!(copies(&carrier)?.into_values().collect::<Vec<_>>(), [1; 5]);
    Ok(())
}

/// What was good when it came first may be refused by now: its time has passed, its number has gone.
async fn a_repeat_is_answered_though_it_would_be_refused_now(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?).await?;
    let at: OffsetDateTime = (SystemTime::now() + Duration::from_secs(3)).into();
    let body = sms(TO, "at three", json!({"send_at": at.format(&Rfc3339)?}));
    let (status, _, first) = keyed(&server, "later", body.clone()).await?;
    ensure!(status == 202 && first["state"] == "scheduled", "{status} {first}");
    super::in_state(&server, &text(&first["id"])?, "sent").await?;
    let (status, is_replay, again) = keyed(&server, "later", body.clone()).await?;
    ensure!(status == 202 && is_replay && again == first, "{status} {again}");
    let mut other = body;
    other["body"] = json!("at four");
    assert_eq!(keyed(&server, "later", other.clone()).await?.0, 409);
    assert_eq!(keyed(&server, "never seen", other).await?.0, 400);
    Ok(())
}

on_both_engines!(
    a_repeat_is_answered_as_the_first_was,
    parallel_twins_make_one_message,
    a_repeat_is_answered_though_it_would_be_refused_now,
);
