//! A session from its making to its end, and beyond.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{SESSIONS, close, consistent, made, number_of, ours, path, pool};
use crate::events::receiver::Receiver;
use crate::events::{builder, call, endpoint, text, well};
use crate::harness::{Layout, Result, Server, until};
use crate::messages::person;
use crate::on_both_engines;
use crate::snapshots::hold_inline;

const ANN: &str = "+14155550101";
const BEN: &str = "+14155550102";
const CEM: &str = "+14155550103";

async fn ids(server: &Server, query: &str) -> Result<Vec<String>> {
    let listed = well(server, "GET", &format!("{SESSIONS}?{query}"), None).await?;
    listed["data"].as_array().context("no list")?.iter().map(|one| text(&one["id"])).collect()
}

async fn a_session_is_found_by_what_is_known_of_it(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 3).await?;
    let set = json!({"name": "order 17", "unique_name": "17", "metadata": {"order": 17}, "mode": "message"});
    let session = made(&server, &pool, &[ANN, BEN], set).await?;
    let other = made(&server, &pool, &[CEM], json!({})).await?;
    let id = text(&session["id"])?;
    ensure!(session["state"] == "open" && session["mode"] == "message" && session["pool_id"] == pool, "{session}");
    ensure!(session["metadata"] == json!({"order": 17}) && session["expires_at"].is_null(), "{session}");
    ensure!(other["mode"] == "both" && other["labels"] == "off", "{other}");
    ensure!(well(&server, "GET", &path(&session)?, None).await? == session);
    let number = number_of(&session, ANN)?.replace('+', "%2B");
    for query in [
        "state=open&unique_name=17",
        "participant=%2B14155550101",
        &format!("number={number}&participant=%2B14155550102"),
        &format!("pool_id={pool}&unique_name=17"),
    ] {
        ensure!(ids(&server, query).await? == [id.clone()], "{query}");
    }
    ensure!(ids(&server, "limit=200").await? == [text(&other["id"])?, id.clone()], "newest first");
    for query in ["state=closed", "participant=%2B14155550199", "number=%2B15005559999", "unique_name=18"] {
        ensure!(ids(&server, query).await?.is_empty(), "{query}");
    }
    close(&server, &session).await?;
    ensure!(ids(&server, "state=closed").await? == std::slice::from_ref(&id));
    ensure!(ids(&server, &format!("number={number}&participant=%2B14155550101")).await?.is_empty());
    // the name is free again
    made(&server, &pool, &[ANN], json!({"unique_name": "17"})).await?;
    consistent(&server).await
}

async fn a_session_rests_goes_on_ends_and_is_opened_again(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN, BEN], json!({"ttl": "1h"})).await?;
    let path = path(&session)?;
    let change = async |body: Value| call(&server, "PATCH", &path, Some(body)).await;
    let one = |address: &str| {
        json!({"id": "par_…", "address": address, "name": null, "number": ours(0), "joined_at": "(time)",
            "left_at": null})
    };
    let wanted = json!({"id": "ses_…", "state": "open", "reason": null, "mode": "both", "name": null,
        "unique_name": null, "pool_id": "pool_…", "participants": [one(ANN), one(BEN)], "metadata": null,
        "labels": "off", "start_text": null, "end_text": null, "intercept_url": null, "ttl": "1h", "ends_at": null,
        "expires_at": "(time)", "last_interaction_at": null, "created_at": "(time)", "updated_at": "(time)",
        "closed_at": null});
    hold_inline(&["Session", "Participant"], &session, &wanted)?;
    let named = json!({"name": "new", "metadata": {"a": 1}, "ttl": null, "labels": "letter"});
    let (_, changed) = change(named).await?;
    ensure!(changed["name"] == "new" && changed["labels"] == "letter" && changed["expires_at"].is_null(), "{changed}");
    let (_, bare) = change(json!({"name": null, "metadata": null})).await?;
    ensure!(bare["name"].is_null() && bare["metadata"].is_null(), "{bare}");
    ensure!(change(json!({"state": "inactive"})).await?.1["state"] == "inactive");
    ensure!(change(json!({"state": "in_progress"})).await?.1["state"] == "in_progress");
    let (status, closed) = change(json!({"state": "closed"})).await?;
    ensure!(status == 200 && closed["state"] == "closed" && !closed["closed_at"].is_null(), "{closed}");
    ensure!(closed["participants"][0]["left_at"] == closed["closed_at"], "{closed}");
    ensure!(change(json!({"state": "closed"})).await? == (200, closed.clone()), "once is enough");
    ensure!(call(&server, "DELETE", &path, None).await?.0 == 204, "so is this");
    let (status, problem) = change(json!({"ttl": "2h"})).await?;
    ensure!(status == 409, "{status} {problem}");
    consistent(&server).await?;
    let (status, opened) = change(json!({"state": "open"})).await?;
    ensure!(status == 200 && opened["state"] == "in_progress" && opened["closed_at"].is_null(), "{status} {opened}");
    ensure!(number_of(&opened, ANN)? == number_of(&session, ANN)?);
    ensure!(opened["participants"][0]["left_at"].is_null(), "{opened}");
    consistent(&server).await?;
    // what it needs is another's by now
    close(&server, &session).await?;
    let other = made(&server, &pool, &[ANN], json!({})).await?;
    let (status, problem) = change(json!({"state": "in_progress"})).await?;
    ensure!(status == 409, "{status} {problem}");
    close(&server, &other).await?;
    ensure!(change(json!({"state": "in_progress"})).await?.0 == 200);
    consistent(&server).await
}

async fn people_come_and_go(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 2).await?;
    let session = made(&server, &pool, &[ANN, BEN], json!({})).await?;
    let people = format!("{}/participants", path(&session)?);
    let added = well(&server, "POST", &people, Some(json!({"address": CEM, "name": "Cem"}))).await?;
    ensure!(added["name"] == "Cem" && text(&added["number"])?.starts_with("+1212555"), "{added}");
    ensure!(call(&server, "POST", &people, Some(json!({"address": CEM}))).await?.0 == 409, "who is in it");
    let ann = text(&session["participants"][0]["id"])?;
    ensure!(call(&server, "DELETE", &format!("{people}/{ann}"), None).await?.0 == 204);
    ensure!(call(&server, "DELETE", &format!("{people}/{ann}"), None).await?.0 == 204, "gone is gone");
    let shown = well(&server, "GET", &path(&session)?, None).await?;
    let left: Vec<bool> =
        shown["participants"].as_array().context("none")?.iter().map(|one| !one["left_at"].is_null()).collect();
    ensure!(left == [true, false, false], "{shown}");
    consistent(&server).await?;
    // who comes again is somebody new
    let again = well(&server, "POST", &people, Some(json!({"address": ANN}))).await?;
    ensure!(again["id"] != ann.as_str(), "{again}");
    close(&server, &session).await?;
    ensure!(call(&server, "POST", &people, Some(json!({"address": "+14155550104"}))).await?.0 == 409);
    let unknown = format!("{people}/par_{}", "0".repeat(32));
    ensure!(call(&server, "DELETE", &unknown, None).await?.0 == 404);
    consistent(&server).await
}

async fn fifty_people_are_in_a_session_and_no_more(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let pool = pool(&server, 1).await?;
    let people: Vec<String> = (0..50).map(person).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let session = made(&server, &pool, &people, json!({})).await?;
    ensure!(session["participants"].as_array().is_some_and(|all| all.len() == 50), "{session}");
    let people = format!("{}/participants", path(&session)?);
    let add = async || call(&server, "POST", &people, Some(json!({"address": "+14155559999"}))).await;
    let (status, problem) = add().await?;
    ensure!(status == 400 && problem["field"] == "participants", "{status} {problem}");
    let one = text(&session["participants"][0]["id"])?;
    ensure!(call(&server, "DELETE", &format!("{people}/{one}"), None).await?.0 == 204);
    let (status, added) = add().await?;
    ensure!(status == 201 && added["number"] == ours(0), "{status} {added}");
    consistent(&server).await
}

async fn what_happens_to_a_session_is_told_in_its_order(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    endpoint(&server, &receiver.url("/"), &["session.*"]).await?;
    let pool = pool(&server, 1).await?;
    let session = made(&server, &pool, &[ANN, BEN], json!({"name": "told"})).await?;
    let path = path(&session)?;
    let added = well(&server, "POST", &format!("{path}/participants"), Some(json!({"address": CEM}))).await?;
    let cem = text(&added["id"])?;
    call(&server, "DELETE", &format!("{path}/participants/{cem}"), None).await?;
    for state in ["inactive", "in_progress", "closed"] {
        well(&server, "PATCH", &path, Some(json!({ "state": state }))).await?;
    }
    let wanted = [
        "session.created",
        "session.participant_added",
        "session.participant_removed",
        "session.inactive",
        "session.in_progress",
        "session.closed",
    ];
    let told = until("all of it", async || {
        let told: Vec<Value> =
            receiver.posts().iter().map(crate::events::receiver::Post::json).collect::<Result<_>>()?;
        Ok((told.len() >= wanted.len()).then_some(told))
    })
    .await?;
    let mut told: Vec<(i64, &str)> = told
        .iter()
        .map(|one| (one["data"]["sequence"].as_i64().unwrap_or(0), one["type"].as_str().unwrap_or_default()))
        .collect();
    told.sort_unstable();
    ensure!(told.iter().map(|(_, kind)| *kind).eq(wanted), "{told:?}");
    Ok(())
}

on_both_engines!(
    a_session_is_found_by_what_is_known_of_it,
    a_session_rests_goes_on_ends_and_is_opened_again,
    people_come_and_go,
    fifty_people_are_in_a_session_and_no_more,
    what_happens_to_a_session_is_told_in_its_order,
);
