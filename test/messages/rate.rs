//! Segments a second, of an account and of a number.

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;

use super::{account, builder, drained, number, person, send, with};
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

on_both_engines!(rates_hold);
