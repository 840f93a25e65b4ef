//! What is known of a call though nobody who waited heard of it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use switchboard::store::Change;

use super::{FROM, account, bodies, builder, in_state, number, outcomes, quick, ready, send_id, sms};
use crate::harness::database::mariadb;
use crate::harness::proxy::Proxy;
use crate::harness::{ADMIN, Builder, Carrier, Layout, Result, until};
use crate::on_both_engines;

const TO: &str = "+14155550177";

/// The first try is refused for now, and its provider's id comes in while the second is waited for.
async fn an_answer_that_is_recorded_late_is_not_sent_again(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let slow = builder(layout, &carrier).await?.set("outbox.retry_first", "3s").set("outbox.retry_most", "3s");
    let (server, _) = ready(slow).await?;
    carrier.behave(json!({"to": TO, "times": 1, "do": "status", "status": 500})).await?;
    let id = send_id(&server, sms(TO, "taken after all", json!({}))).await?;
    let tried = async || Ok((!server.rows("SELECT number FROM sb_attempt").await?.is_empty()).then_some(()));
    until("a first try", tried).await?;
    let late = "UPDATE sb_attempt SET provider_id = 'SM0000000000000000000000000000late'";
    server.home().databases.store()?.commit(Change::new().one(late, vec![])).await?;
    let sent = in_state(&server, &id, "sent").await?;
    ensure!(outcomes(&sent).len() == 1, "{sent}");
    assert!(bodies(&carrier, TO).await?.is_empty(), "it was called again");
    Ok(())
}

/// A node stands still during a call, and hears what came of it when its lease is over, though nobody has taken it yet.
async fn a_refusal_that_is_recorded_late_holds_nothing_up(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let short = builder(layout, &carrier).await?.set("outbox.lease", "3s").set("outbox.call_timeout", "1s");
    let (server, _) = ready(short).await?;
    carrier.behave(json!({"to": TO, "delay_ms": 300, "do": "refuse", "code": 21211})).await?;
    let id = send_id(&server, sms(TO, "no", json!({}))).await?;
    let behind = send_id(&server, sms(TO, "behind it", json!({}))).await?;
    let called = async || Ok((carrier.stats().await?["counts"]["sends"] == 1).then_some(()));
    until("the call", called).await?;
    server.signal("STOP")?;
    // longer than its lease, but not by the five seconds more that it counts for others
    tokio::time::sleep(Duration::from_millis(3500)).await;
    server.signal("CONT")?;
    let refused = in_state(&server, &id, "failed").await?;
    ensure!(outcomes(&refused).last() == Some(&"refused"), "{refused}");
    in_state(&server, &behind, "failed").await?;
    super::drained(&server).await
}

/// The accepting commit succeeds, but neither it nor what became of it is heard of: the lane says that its
/// provider is being called, and nobody calls.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_commit_left_as_called_is_sent_before_its_lease_ends() -> Result {
    let carrier = Carrier::start().await?;
    let url = mariadb()?;
    let port: u16 = url.rsplit(':').next().and_then(|end| end.split('/').next()).context("no port")?.parse()?;
    let proxy = Proxy::to("127.0.0.1", port).await?;
    let builder = quick(Builder::new(Layout::MariadbShared).await?, &carrier);
    ensure!(builder.run(&["seed"]).await?.status.success());
    let through = builder.home().databases.store_url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port));
    let builder = builder.set("store.url", through).set("store.timeout", "1s").set("outbox.lease", "1h");
    let server = builder.start_unseeded().await?;
    let made = account(&server, json!({})).await?;
    number(&server, &made, FROM, json!({})).await?;
    // the wire is cut right behind the commit that holds this text
    proxy.cut_after_commit_of("a text nobody hears of");
    let request = server.http.post(server.url("/v1/messages")).bearer_auth(ADMIN);
    let refused = request.body(sms(TO, "a text nobody hears of", json!({})).to_string()).send().await?;
    assert_eq!(refused.status(), 503);
    let called = server.rows("SELECT phase FROM sb_lane").await?;
    assert_eq!(called, [["1"]], "it was committed, as being called");
    assert!(bodies(&carrier, TO).await?.is_empty());
    proxy.mend();
    let begun = Instant::now();
    let sent = async || Ok((bodies(&carrier, TO).await?.len() == 1).then_some(()));
    until("the text", sent).await?;
    assert!(begun.elapsed() < Duration::from_secs(60), "it waited for more than the looks behind a lost commit");
    Ok(())
}

on_both_engines!(an_answer_that_is_recorded_late_is_not_sent_again, a_refusal_that_is_recorded_late_holds_nothing_up);
