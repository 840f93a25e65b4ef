//! Segments a second, of an account and of a number.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;

use super::{account, builder, copies, drained, in_state, number, person, ready, send, send_id, sms, tried, with};
use crate::harness::{Carrier, Layout, Result};
use crate::on_both_engines;

/// What arrived within any whole second, and from first to last.
fn most_in_a_second(arrived: &[i64]) -> usize {
    let within = |from: &i64| arrived.iter().filter(|at| (*from..*from + 1000).contains(*at)).count();
    arrived.iter().map(within).max().unwrap_or(0)
}

async fn rates_hold(layout: Layout) -> Result {
    const A: &str = "+15005550111";
    const B: &str = "+15005550112";
    let carrier = Carrier::start().await?;
    let server = builder(layout, &carrier).await?.start().await?;
    let made = account(&server, json!({"rate": 20})).await?;
    number(&server, &made, A, json!({"rate": 4})).await?;
    number(&server, &made, B, json!({})).await?;
    // two segments each
    let text =
        |from: &str, count: usize| with(json!({"from": from, "to": person(count)}), json!({"body": "x".repeat(200)}));
    let posts = (0..10).map(|count| text(A, count)).chain((0..40).map(|count| text(B, count)));
    try_join_all(posts.map(|message| send(&server, message))).await?;
    drained(&server).await?;
    let recorded = carrier.recorded()?;
    let times = |from: &str| -> Vec<i64> {
        recorded
            .iter()
            .filter(|one| from.is_empty() || one.from.as_deref() == Some(from))
            .map(|one| one.arrived_ms)
            .collect()
    };
    let (all, slow) = (times(""), times(A));
    assert_eq!((all.len(), slow.len()), (50, 10));
    let span = |times: &[i64]| times.iter().max().zip(times.iter().min()).map_or(0, |(last, first)| last - first);
    // 100 segments at 20 a second, 20 at 4: a second's worth may go at once
    ensure!(span(&all) >= 3_500, "{} ms for 100 segments", span(&all));
    ensure!(span(&slow) >= 3_500, "{} ms for 20 segments", span(&slow));
    // a burst, a second of its rate, and what a busy machine pushes together
    ensure!(most_in_a_second(&all) <= 30, "{} texts in a second", most_in_a_second(&all));
    println!("100 segments in {} ms, {} texts a second at most", span(&all), most_in_a_second(&all));
    Ok(())
}

/// What one has sent and taken back again holds nobody up, on the same number or another one of the account; and the
/// rate holds all the same.
async fn canceled_texts_delay_nobody(layout: Layout) -> Result {
    const A: &str = "+15005550111";
    const B: &str = "+15005550112";
    let carrier = Carrier::start().await?;
    let server = builder(layout, &carrier).await?.start().await?;
    let made = account(&server, json!({"rate": 2})).await?;
    number(&server, &made, A, json!({"rate": 2})).await?;
    number(&server, &made, B, json!({})).await?;
    let text = |from: &str, to: usize, body: &str| json!({"from": from, "to": person(to), "body": body});
    // seven segments each: 42 seconds of the rate
    let long = "x".repeat(1000);
    send_id(&server, text(A, 0, &long)).await?;
    let others = try_join_all((1..12).map(|count| send_id(&server, text(A, count, &long)))).await?;
    let begun = Instant::now();
    let mut short = vec![send_id(&server, text(A, 20, "before")).await?];
    let paths: Vec<String> = others.iter().map(|id| format!("/v1/messages/{id}")).collect();
    try_join_all(paths.iter().map(|path| crate::events::well(&server, "DELETE", path, None))).await?;
    short.push(send_id(&server, text(A, 21, "behind")).await?);
    short.push(send_id(&server, text(B, 22, "beside")).await?);
    for id in &short {
        in_state(&server, id, "sent").await?;
    }
    ensure!(begun.elapsed() < Duration::from_secs(9), "sent after {:?}", begun.elapsed());
    drained(&server).await?;
    let copies = copies(&carrier)?;
    assert!(copies.len() == 4 && copies.values().all(|count| *count == 1), "{copies:?}");
    // a second's worth may go at once: the first one takes three seconds, the others half a second each
    let mut arrived: Vec<i64> = carrier.recorded()?.iter().map(|one| one.arrived_ms).collect();
    arrived.sort_unstable();
    ensure!(arrived[1] - arrived[0] >= 2_000 && arrived[3] - arrived[0] >= 3_000, "{arrived:?}");
    println!("behind eleven canceled ones after {:?}", begun.elapsed());
    Ok(())
}

/// Its name is ours; that the provider asked for patience stays as it is.
async fn a_renamed_account_stays_patient(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = ready(builder(layout, &carrier).await?).await?;
    carrier.behave(json!({"times": 1, "do": "status", "status": 429, "retry_after": 4})).await?;
    let first = send_id(&server, sms(&person(1), "first", json!({}))).await?;
    tried(&server, &first, 1).await?;
    let throttled = Instant::now();
    for change in [json!({"name": "renamed", "replies_to_keywords": true}), json!({"rate": 100})] {
        crate::events::well(&server, "PATCH", &format!("/v1/accounts/{account}"), Some(change)).await?;
    }
    let second = send_id(&server, sms(&person(2), "second", json!({}))).await?;
    in_state(&server, &second, "sent").await?;
    ensure!(throttled.elapsed() >= Duration::from_secs(3), "sent after {:?}", throttled.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_has_the_rate_that_its_provider_allows() -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(Layout::SqliteShared, &carrier).await?).await?;
    let keys = json!({"access_key": "1", "secret_key": "2", "webhook_token": "a-secret-path-segment"});
    let new = json!({"provider": "flowroute", "credentials": keys, "check": false});
    crate::events::well(&server, "POST", "/v1/accounts", Some(new)).await?;
    let accounts = crate::events::well(&server, "GET", "/v1/accounts", None).await?;
    assert_eq!((&accounts["data"][0]["rate"], &accounts["data"][1]["rate"]), (&json!(0), &json!(5)));
    Ok(())
}

on_both_engines!(rates_hold, canceled_texts_delay_nobody, a_renamed_account_stays_patient);
