//! Two nodes on one MariaDB: one is stopped for longer than its leases last, and continued.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::json;

use super::{account, copies, drained, number, person, quick, send, sms};
use crate::harness::{Builder, Carrier, Layout, Result, until};

const PEOPLE: usize = 12;
const EACH: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_stopped_sends_nothing_twice() -> Result {
    let carrier = Carrier::start().await?;
    carrier.behave(json!({"delay_ms": 150, "do": "accept"})).await?;
    let short = |builder: Builder| {
        let builder = builder.set("outbox.lease", "3s").set("outbox.call_timeout", "1s");
        quick(builder, &carrier)
    };
    let one = short(Builder::new(Layout::MariadbShared).await?);
    let other = short(Builder::at(one.home()));
    let one = one.start().await?;
    let made = account(&one, json!({})).await?;
    number(&one, &made, super::FROM, json!({})).await?;
    let other = other.start_unseeded().await?;
    let text = |who: usize, count: usize| sms(&person(who), &format!("{who} {count}"), json!({}));
    for count in 0..EACH {
        // all of them on the node that is to be stopped
        try_join_all((0..PEOPLE).map(|who| send(&one, text(who, count)))).await?;
    }
    let halfway = async || Ok((carrier.recorded()?.len() > PEOPLE * 2).then_some(()));
    until("some to be sent", halfway).await?;
    one.signal("STOP")?;
    let stopped = Instant::now();
    // its lanes are taken over five seconds after their leases have ended
    let taken_over = async || Ok((carrier.recorded()?.len() >= PEOPLE * EACH).then_some(()));
    let overtaken = until("the other node to go on", taken_over).await;
    one.signal("CONT")?;
    overtaken?;
    drained(&other).await?;
    // whatever the continued node still has in mind comes out now
    tokio::time::sleep(Duration::from_secs(2)).await;
    let copies = copies(&carrier)?;
    let twice = copies.values().filter(|count| **count > 1).count();
    println!("stopped for {:?}: {} messages, {twice} of them twice", stopped.elapsed(), copies.len());
    assert_eq!((copies.len(), twice), (PEOPLE * EACH, 0));
    for who in 0..PEOPLE {
        let wanted: Vec<String> = (0..EACH).map(|count| format!("{who} {count}")).collect();
        assert_eq!(super::bodies(&carrier, &person(who)).await?, wanted);
    }
    Ok(())
}
