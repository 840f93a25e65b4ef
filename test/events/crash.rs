//! kill -9 while events are on their way: none is lost, and each keeps its id.

use std::collections::BTreeSet;
use std::time::Duration;

use super::receiver::{Answer, Receiver};
use super::{builder, endpoint, test_event};
use crate::harness::{Layout, Result};
use crate::on_both_engines;

const ROUNDS: usize = 3;
const EVENTS: usize = 12;

async fn a_kill_loses_no_event(layout: Layout) -> Result {
    // a dead node's leases end four time-outs later, and are taken over five seconds after that
    let builder = builder(layout).await?.set("event.timeout", "500ms").set("event.retries", ["100ms"; 30].join(","));
    let (mut server, receiver) = (builder.start().await?, Receiver::start().await?);
    receiver.answer([Answer { delay: Duration::from_millis(40), ..Answer::status(200) }]);
    let (id, secret) = endpoint(&server, &receiver.url("/"), &["*"]).await?;
    let mut told = BTreeSet::new();
    for _ in 0..ROUNDS {
        for _ in 0..EVENTS {
            told.insert(test_event(&server, &id).await?);
        }
        server.signal("KILL")?;
        server = server.restart().await?;
    }
    for event in &told {
        super::delivery(&server, event, "delivered").await?;
    }
    let posts = receiver.posts();
    let heard: BTreeSet<String> = posts.iter().filter_map(|post| post.id().ok().map(str::to_owned)).collect();
    assert_eq!(heard, told);
    for post in &posts {
        assert!(post.is_signed_by(&secret)?);
    }
    println!("{ROUNDS} kills: {} events, {} posts", told.len(), posts.len());
    Ok(())
}

on_both_engines!(a_kill_loses_no_event);
