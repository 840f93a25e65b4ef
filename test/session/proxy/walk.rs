//! Sessions: made with their people or without, found by either name, ended, opened again, deleted, and listed.

use std::collections::BTreeSet;

use anyhow::ensure;
use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::model::{Clock, rfc3339};

use super::ProxyDoor;
use crate::events::text;
use crate::harness::{Layout, Result, until};
use crate::on_both_engines;
use crate::relay::scene::act_well;
use crate::session::talk::{ANN, BOB};

async fn a_session_goes_its_way(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 2).await?;
    // a pool's texts are told at our own door alone
    let pool = format!("/v1/pools/{}", door.pool());
    let texts = json!({"start_text": "Welcome!", "end_text": "Bye!"});
    act_well(&door.server, &door.client.id, "PATCH", &pool, Some(texts)).await?;
    let made = door.hold(&[ANN, BOB], &[("UniqueName", "ride 1/2"), ("Ttl", "3600"), ("Mode", "message-only")]).await?;
    ensure!(made["status"] == "open" && made["ttl"] == 3600 && made["mode"] == "message-only", "{made}");
    ensure!(made["date_started"].is_string() && made["date_ended"].is_null(), "{made}");
    ensure!(made["date_expiry"].is_string() && made["closed_reason"].is_null(), "{made}");
    let url = text(&made["url"])?;
    for at in [url.clone(), door.path("Sessions/ride%201%2F2")] {
        let found = door.well("GET", &at, &[]).await?;
        ensure!(found == made, "{at}: {found}");
    }
    ensure!(door.people(&made).await?.len() == 2);
    door.refused("POST", &door.path("Sessions"), &[("UniqueName", "ride 1/2")], (400, 80603)).await?;
    let never = door.well("POST", &url, &[("Ttl", "0")]).await?;
    ensure!(never["ttl"] == 0 && never["date_expiry"].is_null(), "{never}");
    let at = rfc3339(Clock::default().now_ms() + 3_600_000);
    let fixed = door.well("POST", &url, &[("DateExpiry", &at), ("Ttl", "5")]).await?;
    ensure!(text(&fixed["date_expiry"])?[..19] == at[..19] && fixed["ttl"] == 0, "{fixed}");
    let still = door.well("POST", &url, &[("Ttl", "5")]).await?;
    ensure!(still["date_expiry"] == fixed["date_expiry"], "{still}");
    for (form, with) in [
        ([("Status", "open")], 200),
        ([("Status", "in-progress")], 80608),
        ([("Status", "failed")], 80608),
        ([("Status", "gone")], 20001),
        ([("Ttl", "-1")], 20001),
        ([("DateExpiry", "2020-01-01T00:00:00Z")], 20001),
        ([("DateExpiry", "soon")], 20001),
    ] {
        let (status, answer) = door.ask("POST", &url, &form).await?;
        let is_so = if with == 200 { status == 200 } else { status == 400 && answer["code"] == with };
        ensure!(is_so, "{form:?}: {status} {answer}");
    }
    // twice is once
    for _ in 0..2 {
        let closed = door.well("POST", &url, &[("Status", "closed")]).await?;
        ensure!(closed["status"] == "closed" && closed["closed_reason"] == "closed", "{closed}");
        ensure!(closed["date_ended"].is_string(), "{closed}");
    }
    ensure!(door.people(&made).await?.len() == 2, "who was in it to the end");
    door.refused("POST", &url, &[("Ttl", "60")], (400, 80607)).await?;
    door.refused("POST", &url, &[("Status", "open")], (400, 80608)).await?;
    // what is wrong with it is told before anything is done
    let past = [("Status", "in-progress"), ("DateExpiry", "2020-01-01T00:00:00Z")];
    door.refused("POST", &url, &past, (400, 20001)).await?;
    ensure!(door.well("GET", &url, &[]).await?["status"] == "closed");
    let opened = door.well("POST", &url, &[("Status", "in-progress"), ("Ttl", "60")]).await?;
    ensure!(opened["status"] == "in-progress" && opened["date_ended"].is_null(), "{opened}");
    door.well("POST", &url, &[("Status", "closed")]).await?;
    // its name is free again, and means the one that is open
    let next = door.hold(&[], &[("UniqueName", "ride 1/2")]).await?;
    let found = door.well("GET", &door.path("Sessions/ride%201%2F2"), &[]).await?;
    ensure!(found["sid"] == next["sid"] && door.people(&next).await?.is_empty(), "{found}");
    ensure!(door.server.rows("SELECT id FROM sb_message").await?.is_empty(), "somebody was told something");
    gone_once_deleted(&door, &url, &url).await?;
    gone_once_deleted(&door, &text(&next["url"])?, &door.path("Sessions/ride%201%2F2")).await?;
    let list = door.well("GET", &door.path("Sessions"), &[]).await?;
    ensure!(list["sessions"] == json!([]), "{list}");
    door.close(20).await
}

/// Deletes a session, which is found no more by this name.
async fn gone_once_deleted(door: &ProxyDoor, at: &str, name: &str) -> Result {
    let (status, empty) = door.ask("DELETE", at, &[]).await?;
    ensure!(status == 204 && empty.is_null(), "{status} {empty}");
    for method in ["GET", "POST", "DELETE"] {
        door.refused(method, name, &[], (404, 20404)).await?;
    }
    Ok(())
}

async fn a_name_is_one_open_sessions_of_its_service(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 1).await?;
    let (sessions, name) = (door.path("Sessions"), [("UniqueName", "ride-1")]);
    let first = door.hold(&[], &name).await?;
    let others = format!("/v1/Services/{}/Sessions", door.serve("other").await?);
    let other = door.well("POST", &others, &name).await?;
    let body = json!({"pool_id": door.pool(), "participants": [{"address": ANN}], "unique_name": "ride-1"});
    act_well(&door.server, &door.client.id, "POST", "/v1/sessions", Some(body)).await?;
    for at in [&sessions, &others] {
        door.refused("POST", at, &name, (400, 80603)).await?;
    }
    let found = door.well("GET", &format!("{others}/ride-1"), &[]).await?;
    ensure!(found["sid"] == other["sid"], "{found}");
    // who opens one again needs its name
    let url = text(&first["url"])?;
    door.well("POST", &url, &[("Status", "closed")]).await?;
    let second = door.hold(&[], &name).await?;
    door.refused("POST", &url, &[("Status", "in-progress")], (400, 80603)).await?;
    door.well("DELETE", &text(&second["url"])?, &[]).await?;
    let opened = door.well("POST", &url, &[("Status", "in-progress")]).await?;
    ensure!(opened["status"] == "in-progress" && opened["unique_name"] == "ride-1", "{opened}");
    door.close(8).await
}

async fn sessions_are_listed_each_once(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(door.hold(&[], &[]).await?["sid"].clone());
    }
    // newest first; of one millisecond, as their ids have it
    all.sort_by(|one: &Value, other| other.as_str().cmp(&one.as_str()));
    let sids = |page: &Value| -> Vec<Value> {
        page["sessions"].as_array().into_iter().flatten().map(|one| one["sid"].clone()).collect()
    };
    let first = door.well("GET", &door.path("Sessions?PageSize=2"), &[]).await?;
    ensure!(sids(&first) == all[..2] && first["meta"]["previous_page_url"].is_null(), "{first}");
    ensure!(first["meta"]["page_size"] == 2 && first["meta"]["page"] == 0, "{first}");
    // what is newer does not move the pages behind
    let newer = door.hold(&[], &[]).await?;
    let second = door.well("GET", &text(&first["meta"]["next_page_url"])?, &[]).await?;
    ensure!(sids(&second) == all[2..4], "{second}");
    let third = door.well("GET", &text(&second["meta"]["next_page_url"])?, &[]).await?;
    ensure!(sids(&third) == all[4..] && third["meta"]["next_page_url"].is_null(), "{third}");
    let back = door.well("GET", &text(&third["meta"]["previous_page_url"])?, &[]).await?;
    ensure!(sids(&back) == all[2..4] && back["meta"]["page"] == 1, "{back}");
    let forth = door.well("GET", &text(&back["meta"]["next_page_url"])?, &[]).await?;
    ensure!(sids(&forth) == all[4..], "{forth}");
    let start = door.well("GET", &text(&third["meta"]["first_page_url"])?, &[]).await?;
    ensure!(sids(&start)[0] == newer["sid"], "{start}");
    for bad in ["PageSize=0", "PageSize=x", "Page=-1", "Page=1", "PageToken=x"] {
        door.refused("GET", &door.path(&format!("Sessions?{bad}")), &[], (400, 20001)).await?;
    }
    door.refused("GET", &door.path("Sessions?PageSize=1001"), &[], (400, 20007)).await?;
    door.close(10).await
}

async fn a_list_goes_on_while_sessions_are_made(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    let sessions = door.path("Sessions");
    let mut made = BTreeSet::new();
    for _ in 0..20 {
        for answer in join_all((0..50).map(|_| door.well("POST", &sessions, &[]))).await {
            made.insert(text(&answer?["sid"])?);
        }
    }
    let (mut at, mut seen) = (format!("{sessions}?PageSize=40"), Vec::new());
    loop {
        let page = door.well("GET", &at, &[]).await?;
        for one in page["sessions"].as_array().into_iter().flatten() {
            seen.push(text(&one["sid"])?);
        }
        let Some(next) = page["meta"]["next_page_url"].as_str() else { break };
        at = next.to_owned();
        door.hold(&[], &[]).await?;
    }
    let all: BTreeSet<String> = seen.iter().cloned().collect();
    ensure!(seen.len() == 1_000 && all == made, "{} of {}, {} apart", seen.len(), made.len(), all.len());
    door.close(1_000).await
}

async fn its_time_ends_it_and_frees_its_people(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 1).await?;
    door.well("POST", &format!("/v1/Services/{}", door.service), &[("DefaultTtl", "1")]).await?;
    let first = door.hold(&[ANN], &[]).await?;
    let lasting = door.hold(&[BOB], &[("Ttl", "0")]).await?;
    ensure!(first["ttl"] == 1 && lasting["ttl"] == 0, "{first} {lasting}");
    let url = text(&first["url"])?;
    until("the end of a session", async || {
        let now = door.well("GET", &url, &[]).await?;
        Ok((now["status"] == "closed" && now["closed_reason"] == "expired").then_some(()))
    })
    .await?;
    // the one number is theirs in another by now
    let second = door.hold(&[ANN], &[("Ttl", "0")]).await?;
    door.refused("POST", &url, &[("Status", "in-progress")], (400, 80604)).await?;
    door.well("DELETE", &text(&second["url"])?, &[]).await?;
    let opened = door.well("POST", &url, &[("Status", "in-progress"), ("Ttl", "0")]).await?;
    ensure!(opened["status"] == "in-progress", "{opened}");
    ensure!(door.well("GET", &text(&lasting["url"])?, &[]).await?["status"] == "open");
    door.close(6).await
}

on_both_engines!(
    a_session_goes_its_way,
    a_name_is_one_open_sessions_of_its_service,
    sessions_are_listed_each_once,
    a_list_goes_on_while_sessions_are_made,
    its_time_ends_it_and_frees_its_people,
);
