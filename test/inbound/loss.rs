//! kill -9: what a carrier got a 200 for takes effect exactly once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;

use super::play::{OURS, PERSON, end_leases, form, post_twilio, received, settled, with_twilio};
use crate::harness::carrier::TOKEN;
use crate::harness::{Layout, Result, Server, until};
use crate::on_both_engines;

const POSTERS: usize = 8;

/// `make soak` asks for more.
fn rounds() -> usize {
    std::env::var("SWITCHBOARD_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// Posts texts until the server dies; notes those that it took.
async fn post(server: Arc<Server>, next: Arc<AtomicUsize>, taken: Arc<Mutex<BTreeSet<String>>>) {
    loop {
        let body = format!("text {:06}", next.fetch_add(1, Ordering::Relaxed));
        let sid = body.replace("text ", "SM");
        let posted = post_twilio(&server, "/webhooks/twilio/sms", &form(&sid, &body), TOKEN).await;
        match posted {
            Ok((200, _)) => drop(taken.lock().map(|mut taken| taken.insert(body))),
            _ => return,
        }
    }
}

async fn what_was_answered_takes_effect_once(layout: Layout) -> Result {
    let mut server = Arc::new(with_twilio(layout).await?);
    let (next, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(BTreeSet::new())));
    for round in 0..rounds() {
        let before = taken.lock().map(|taken| taken.len()).unwrap_or_default();
        let posters: Vec<_> =
            (0..POSTERS).map(|_| tokio::spawn(post(server.clone(), next.clone(), taken.clone()))).collect();
        let has_begun = async || Ok(taken.lock().is_ok_and(|taken| taken.len() > before + 20).then_some(()));
        until("the first answers", has_begun).await?;
        tokio::time::sleep(Duration::from_millis(rand::random::<u64>() % 60)).await;
        server.signal("KILL")?;
        for poster in posters {
            poster.await?;
        }
        let owned = Arc::try_unwrap(server).ok().context("a poster still holds the server")?;
        server = Arc::new(owned.restart().await?);
        println!("round {round}: {} answered", taken.lock().map(|taken| taken.len()).unwrap_or_default());
    }
    end_leases(&server).await?;
    settled(&server).await?;
    let rows = received(&server).await?;
    let bodies: BTreeSet<String> = rows.iter().map(|row| row[2].clone()).collect();
    let taken = taken.lock().map(|taken| taken.clone()).unwrap_or_default();
    assert_eq!(bodies.len(), rows.len(), "one took effect twice");
    assert!(taken.is_subset(&bodies), "lost: {:?}", taken.difference(&bodies).take(5).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| row[0] == PERSON && row[1] == OURS));
    Ok(())
}

async fn what_is_under_way_at_a_stop_is_handled(layout: Layout) -> Result {
    let mut server = with_twilio(layout).await?;
    for n in 0..50 {
        let sid = format!("SM{n}");
        assert_eq!(post_twilio(&server, "/webhooks/twilio/sms", &form(&sid, &sid), TOKEN).await?.0, 200);
    }
    server.signal("TERM")?;
    assert!(server.ended(Duration::from_secs(60)).await?.success());
    let left = server.rows("SELECT id FROM sb_inbound WHERE ready_ms IS NOT NULL").await?;
    assert!(left.is_empty(), "{} jobs were left", left.len());
    assert_eq!(received(&server).await?.len(), 50);
    Ok(())
}

on_both_engines!(what_was_answered_takes_effect_once, what_is_under_way_at_a_stop_is_handled);
