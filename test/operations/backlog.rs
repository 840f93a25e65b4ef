//! What `/metrics` says of messages: what waits, how calls of providers end, and which accounts rest.

use serde_json::json;
use switchboard::store::Change;

use super::openmetrics::{self, Exposition};
use crate::harness::{self, Layout, Result, Server};
use crate::inbound::play::{OURS, PERSON, builder, loopback, number, send};
use crate::on_both_engines;

/// Waits until the metrics are as they should be: they are measured every five seconds.
async fn until(server: &Server, what: &str, holds: impl Fn(&Exposition) -> bool) -> Result<Exposition> {
    harness::until(what, async || Ok(Some(openmetrics::of(server).await?).filter(&holds))).await
}

fn lanes(metrics: &Exposition, phase: &str) -> i64 {
    metrics.value("switchboard_outbox_lanes", &[("phase", phase)])
}

fn calls(metrics: &Exposition, outcome: &str) -> i64 {
    metrics.value("switchboard_provider_calls_total", &[("provider", "loopback"), ("outcome", outcome)])
}

/// How often the log has a line with these words.
fn told(server: &Server, words: &str) -> Result<usize> {
    Ok(server.log()?.lines().filter(|line| line.contains(words) && line.contains("loopback")).count())
}

async fn what_waits_and_who_rests_is_seen(layout: Layout) -> Result {
    // lanes that are due are not taken up: the second that is sent goes out from where it is accepted
    let builder = builder(layout).await?.set("outbox.poll_every", "10m").set("outbox.retry_first", "100ms");
    let server = builder.set("outbox.breaker_failures", 1).set("outbox.breaker_rest", "100ms").start().await?;
    let account = loopback(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    let rests = |metrics: &Exposition| metrics.value("switchboard_breakers_open", &[("account", &account)]);
    let none = until(&server, "a breaker's gauge", |all| {
        all.label_values("switchboard_breakers_open", "account").contains(&*account)
    });
    let none = none.await?;
    assert_eq!((lanes(&none, "waiting"), calls(&none, "accepted"), rests(&none)), (0, 0, 0));

    // nobody is ever there: the first is to be tried again, the second waits behind it
    for body in ["first", "second"] {
        assert_eq!(send(&server, "+15005550014", body).await?.0, 202);
    }
    let row = "INSERT INTO sb_inbound (id, account_id, kind, provider_key, payload, owner, ready_ms, tries, received_ms) \
               VALUES (X'01', X'01', 'sms', '1', '', X'01', 99999999999999, 0, 0)";
    server.home().databases.store()?.commit(Change::new().one(row, vec![])).await?;
    let stuck = until(&server, "a backlog", |all| {
        let waits = |family| all.value(family, &[]) > 0;
        waits("switchboard_outbox_oldest_due_seconds") && waits("switchboard_inbound_waiting") && rests(all) == 1
    });
    let stuck = stuck.await?;
    assert_eq!((lanes(&stuck, "waiting"), lanes(&stuck, "calling"), lanes(&stuck, "unknown")), (1, 0, 0));
    assert_eq!(stuck.value("switchboard_outbox_waiting", &[]), 2);
    assert_eq!(stuck.value("switchboard_inbound_waiting", &[]), 1);
    assert_eq!((calls(&stuck, "unreachable"), calls(&stuck, "accepted")), (1, 0));
    assert_eq!((told(&server, "an account rests")?, told(&server, "an account is used again")?), (1, 0));

    assert_eq!(send(&server, PERSON, "third").await?.0, 202);
    let awake = until(&server, "an account in use", |all| rests(all) == 0).await?;
    assert_eq!(calls(&awake, "accepted"), 1);
    for (family, kind) in [("outbox_lanes", "gauge"), ("outbox_waiting", "gauge"), ("provider_calls", "counter")] {
        assert_eq!(awake.kind(&format!("switchboard_{family}")), Some(kind), "{family}");
    }
    assert_eq!((told(&server, "an account rests")?, told(&server, "an account is used again")?), (1, 1));
    Ok(())
}

on_both_engines!(what_waits_and_who_rests_is_seen);
