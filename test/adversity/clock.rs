//! The clock goes back an hour, as it does when it is set after a start: nothing stands still for as long, and nothing
//! leaves before the time that somebody named.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::events::receiver::{Answer, Receiver};
use crate::events::{delivery, endpoint, text, well};
use crate::harness::{Builder, Carrier, Layout, Result, until};
use crate::messages::schedule::in_time;
use crate::messages::{bodies, builder, fetch, in_state, person, ready, send_id, sms, tried};
use crate::on_both_engines;

/// Debian's libfaketime, wherever this machine's kind has it.
fn shim() -> Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")?.filter_map(std::result::Result::ok);
    let found = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    found.context("libfaketime is missing: run `make test`")
}

/// A server whose clock is as far off as a file says.
fn shifted(builder: Builder) -> Result<Builder> {
    let file = builder.path("clock").display().to_string();
    let shim = shim()?.display().to_string();
    let builder = builder.environment("LD_PRELOAD", &shim).environment("FAKETIME_TIMESTAMP_FILE", &file);
    // what is measured by the monotonic clock stays true
    let builder = builder.environment("FAKETIME_DONT_FAKE_MONOTONIC", "1").environment("DONT_FAKE_MONOTONIC", "1");
    Ok(builder.environment("FAKETIME_NO_CACHE", "1"))
}

async fn goes_back(layout: Layout, is_killed: bool) -> Result {
    let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
    let slow = builder(layout, &carrier).await?.set("outbox.retry_first", "20m").set("outbox.retry_most", "20m");
    let slow = slow.set("outbox.lease", "4s").set("outbox.call_timeout", "1s");
    let slow = shifted(slow.set("event.allow", "127.0.0.1").set("event.retries", "20m"))?;
    let clock = slow.path("clock");
    std::fs::write(&clock, "+1h")?;
    let (mut server, _) = ready(slow).await?;
    endpoint(&server, &receiver.url("/"), &["message.sent"]).await?;
    receiver.answer([Answer::status(500), Answer::status(200), Answer::status(200)]);
    let told = send_id(&server, sms(&person(1), "told later", json!({}))).await?;
    in_state(&server, &told, "sent").await?;
    let first = receiver.wait(1).await?[0].id()?.to_owned();
    until("its failure to be written down", async || {
        let told = well(&server, "GET", &format!("/v1/events/{first}"), None).await?;
        Ok((told["deliveries"][0]["last_status"] == 500).then_some(()))
    })
    .await?;
    carrier.behave(json!({"to": person(2), "times": 1, "do": "status", "status": 503})).await?;
    let again = send_id(&server, sms(&person(2), "again", json!({}))).await?;
    let behind = send_id(&server, sms(&person(2), "behind", json!({}))).await?;
    tried(&server, &again, 1).await?;
    let named = json!({"send_at": in_time(Duration::from_secs(5400))?});
    let named = send_id(&server, sms(&person(4), "at the time", named)).await?;
    let mut sent = vec![again, behind];
    if is_killed {
        carrier.behave(json!({"to": person(3), "times": 1, "do": "silent"})).await?;
        let under_way = send_id(&server, sms(&person(3), "under way", json!({}))).await?;
        until("a call", async || Ok((bodies(&carrier, &person(3)).await?.len() == 1).then_some(()))).await?;
        server.kill()?;
        sent.push(under_way);
    }
    std::fs::write(&clock, "+0")?;
    if is_killed {
        server = server.restart().await?;
    }
    for id in &sent {
        in_state(&server, id, "sent").await?;
    }
    // that very one again: the others' are told too
    delivery(&server, &first, "delivered").await?;
    assert_eq!(bodies(&carrier, &person(2)).await?, ["again", "behind"], "in their order, once");
    assert_eq!(bodies(&carrier, &person(3)).await?.len(), usize::from(is_killed), "once");
    assert_eq!(fetch(&server, &named).await?["state"], "scheduled");
    Ok(())
}

async fn what_waits_while_the_clock_goes_back_is_due(layout: Layout) -> Result {
    goes_back(layout, false).await
}

async fn what_waited_at_a_kill_is_due_an_hour_earlier(layout: Layout) -> Result {
    goes_back(layout, true).await
}

/// A limit that has been lowered since is one for what comes.
async fn what_was_scheduled_leaves_no_sooner_when_less_is_allowed(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let builder = builder(layout, &carrier).await?;
    let (mut server, _) = ready(builder.clone()).await?;
    let named = json!({"send_at": in_time(Duration::from_secs(7200))?});
    let named = send_id(&server, sms(&person(1), "named", named)).await?;
    server.kill()?;
    let server = builder.set("outbox.schedule_most", "20m").start_unseeded().await?;
    let other = send_id(&server, sms(&person(2), "now", json!({}))).await?;
    in_state(&server, &other, "sent").await?;
    let kept = fetch(&server, &named).await?;
    ensure!(kept["state"] == "scheduled" && !text(&kept["send_at"])?.is_empty(), "{kept}");
    assert!(bodies(&carrier, &person(1)).await?.is_empty());
    Ok(())
}

on_both_engines!(
    what_waits_while_the_clock_goes_back_is_due,
    what_waited_at_a_kill_is_due_an_hour_earlier,
    what_was_scheduled_leaves_no_sooner_when_less_is_allowed,
);
