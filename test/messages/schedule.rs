//! Later, or not at all: schedules, and the end of a message's validity.

use std::time::{Duration, SystemTime};

use anyhow::ensure;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{TO, bodies, builder, drained, fetch, in_state, outcomes, ready, send, send_id, sms};
use crate::events::{text, well};
use crate::harness::{Carrier, Layout, Result};
use crate::on_both_engines;

pub fn in_time(span: Duration) -> Result<String> {
    Ok(OffsetDateTime::from(SystemTime::now() + span).format(&Rfc3339)?)
}

async fn scheduled_messages_leave_in_time_even_if_their_node_was_down(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (mut server, _) = ready(builder(layout, &carrier).await?).await?;
    let soon = send(&server, sms(TO, "soon", json!({"send_at": in_time(Duration::from_secs(3))?}))).await?;
    ensure!(soon["state"] == "scheduled" && !soon["send_at"].is_null(), "{soon}");
    let never = send_id(&server, sms(TO, "never", json!({"send_at": in_time(Duration::from_secs(3))?}))).await?;
    let later = send_id(&server, sms(TO, "later", json!({"send_at": in_time(Duration::from_secs(3600))?}))).await?;
    let canceled = well(&server, "DELETE", &format!("/v1/messages/{never}"), None).await?;
    ensure!(canceled["state"] == "canceled", "{canceled}");
    ensure!(fetch(&server, &later).await?["state"] == "scheduled");
    server.kill()?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(carrier.recorded()?.len(), 0);
    let server = server.restart().await?;
    in_state(&server, &text(&soon["id"])?, "sent").await?;
    assert_eq!(bodies(&carrier, TO).await?, ["soon"]);
    assert_eq!(fetch(&server, &later).await?["state"], "scheduled");
    drained(&server).await
}

async fn what_is_no_longer_valid_is_not_sent(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?.set("outbox.retry_most", "1h")).await?;
    carrier.behave(json!({"to": TO, "do": "status", "status": 429, "retry_after": 3600})).await?;
    let first = send_id(&server, sms(TO, "too late", json!({"valid_for": "2s"}))).await?;
    let second = send_id(&server, sms(TO, "behind it", json!({"valid_for": "1s"}))).await?;
    let expired = in_state(&server, &first, "expired").await?;
    ensure!(outcomes(&expired) == ["throttled"] && !expired["error"].is_null(), "{expired}");
    let expired = in_state(&server, &second, "expired").await?;
    ensure!(outcomes(&expired).is_empty(), "{expired}");
    assert_eq!(carrier.recorded()?.len(), 0);
    drained(&server).await
}

on_both_engines!(scheduled_messages_leave_in_time_even_if_their_node_was_down, what_is_no_longer_valid_is_not_sent,);
