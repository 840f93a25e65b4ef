//! Participants: who comes, by which number, who leaves, and that there are two at most.

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{ProxyDoor, ours};
use crate::events::{text, well};
use crate::harness::{Layout, Result};
use crate::on_both_engines;
use crate::relay::scene::act_well;
use crate::session::talk::{ANN, BOB, CID};

/// Its method, its path and its form.
type RefusedRequest<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

async fn people_come_and_go(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 2).await?;
    let session = door.hold(&[], &[]).await?;
    let people = text(&session["links"]["participants"])?;
    let form = [("Identifier", ANN), ("FriendlyName", "Ann"), ("FailOnParticipantConflict", "true")];
    let (status, ann) = door.ask("POST", &people, &form).await?;
    ensure!(status == 201 && ann["identifier"] == ANN && ann["friendly_name"] == "Ann", "{status} {ann}");
    ensure!(ann["session_sid"] == session["sid"] && ann["date_deleted"].is_null(), "{ann}");
    ensure!(ann["proxy_identifier"] == ours(0) || ann["proxy_identifier"] == ours(1), "{ann}");
    ensure!(door.well("GET", &text(&ann["url"])?, &[]).await? == ann);
    for (form, with) in [
        (vec![("Identifier", ANN)], 80103),
        (vec![("Identifier", "+1 (415) 555-0101")], 80103),
        (vec![("Identifier", "nobody")], 80404),
        (vec![("Identifier", "40404")], 80404),
        (vec![("Identifier", "whatsapp:+14155550102")], 80404),
        (vec![("FriendlyName", "Bob")], 20001),
        (vec![("Identifier", BOB), ("ProxyIdentifier", "+12125559999")], 80605),
        (vec![("Identifier", BOB), ("ProxyIdentifierSid", "PN1")], 80407),
        (vec![("Identifier", BOB), ("ProxyIdentifierSid", "PN00000000000000000000000000000000")], 80605),
    ] {
        door.refused("POST", &people, &form, (400, with)).await?;
    }
    let own = ours(0);
    door.refused("POST", &people, &[("Identifier", &own)], (400, 80404)).await?;
    door.refused("POST", &people, &[("Identifier", &own), ("ProxyIdentifier", &own)], (400, 80402)).await?;
    let sid = text(&ann["proxy_identifier_sid"])?;
    let other = if ann["proxy_identifier"] == ours(0) { ours(1) } else { ours(0) };
    let two = [("Identifier", BOB), ("ProxyIdentifier", other.as_str()), ("ProxyIdentifierSid", sid.as_str())];
    door.refused("POST", &people, &two, (400, 80402)).await?;
    let bob = door.well("POST", &people, &[("Identifier", BOB), ("ProxyIdentifierSid", &sid)]).await?;
    ensure!(bob["proxy_identifier"] == ann["proxy_identifier"], "{bob}");
    door.refused("POST", &people, &[("Identifier", CID)], (400, 80609)).await?;
    // the same pair in another session
    let rest = door.hold(&[], &[]).await?;
    let others = text(&rest["links"]["participants"])?;
    let pair = [("Identifier", ANN), ("ProxyIdentifierSid", sid.as_str())];
    door.refused("POST", &others, &pair, (400, 80604)).await?;
    let (status, empty) = door.ask("DELETE", &text(&ann["url"])?, &[]).await?;
    ensure!(status == 200 && empty.is_null(), "{status} {empty}");
    let left = door.well("GET", &text(&ann["url"])?, &[]).await?;
    ensure!(left["date_deleted"].is_string() && door.people(&session).await?.len() == 1, "{left}");
    door.refused("DELETE", &text(&ann["url"])?, &[], (404, 20404)).await?;
    door.refused("GET", &format!("{people}/KP{}", "0".repeat(32)), &[], (404, 20404)).await?;
    door.well("POST", &others, &pair).await?;
    door.well("POST", &people, &[("Identifier", CID)]).await?;
    door.well("POST", &text(&session["url"])?, &[("Status", "closed")]).await?;
    door.refused("POST", &people, &[("Identifier", ANN)], (400, 80607)).await?;
    door.refused("DELETE", &text(&bob["url"])?, &[], (400, 80607)).await?;
    let page = door.well("GET", &format!("{people}?PageSize=1"), &[]).await?;
    ensure!(page["participants"][0]["identifier"] == CID && page["meta"]["key"] == "participants", "{page}");
    let page = door.well("GET", &text(&page["meta"]["next_page_url"])?, &[]).await?;
    ensure!(page["participants"][0]["identifier"] == BOB && page["meta"]["next_page_url"].is_null(), "{page}");
    door.close(15).await
}

async fn all_come_with_their_session_or_nobody(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 2).await?;
    let sessions = door.path("Sessions");
    let json = |one: Value| one.to_string();
    let (ann, long) = (json(json!({"Identifier": ANN})), "b".repeat(255));
    let bob = json(json!({"identifier": BOB, "friendlyName": long, "proxyIdentifier": ours(1)}));
    for (people, with) in [
        (vec![ann.clone(), json(json!({"Identifier": "nobody"}))], 80404),
        (vec![ann.clone(), ann.clone()], 80103),
        (vec![ann.clone(), bob.clone(), json(json!({"Identifier": CID}))], 80609),
        (vec![ann.clone(), json(json!({"Identifier": BOB, "ProxyIdentifier": "+12125559999"}))], 80605),
        (vec![ann.clone(), json(json!({"FriendlyName": "Bob"}))], 20001),
        (vec![ann.clone(), BOB.to_owned()], 20001),
    ] {
        let form: Vec<(&str, &str)> = people.iter().map(|one| ("Participants", one.as_str())).collect();
        door.refused("POST", &sessions, &form, (400, with)).await?;
    }
    for (form, with) in [
        ([("Mode", "video")], 80616),
        ([("Status", "closed")], 80608),
        ([("Ttl", "long")], 20001),
        ([("DateExpiry", "2020-01-01T00:00:00Z")], 20001),
    ] {
        door.refused("POST", &sessions, &form, (400, with)).await?;
    }
    ensure!(door.well("GET", &sessions, &[]).await?["sessions"] == json!([]), "nothing is left of the refused");
    let form = [("Participants", ann.as_str()), ("Participants", bob.as_str()), ("Status", "open")];
    let made = door.well("POST", &sessions, &form).await?;
    let people = door.people(&made).await?;
    let bob = people.iter().find(|one| one["identifier"] == BOB).context("no Bob")?;
    ensure!(people.len() == 2 && bob["proxy_identifier"] == ours(1), "{people:?}");
    ensure!(bob["friendly_name"] == long, "{bob}");
    door.close(3).await
}

async fn two_come_at_once_and_no_third(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 3).await?;
    let session = door.hold(&[], &[]).await?;
    let people = text(&session["links"]["participants"])?;
    let coming = [ANN, BOB, CID].map(|one| [("Identifier", one)]);
    let answers = join_all(coming.iter().map(|form| door.ask("POST", &people, form))).await;
    let mut statuses = Vec::new();
    for answer in answers {
        let (status, answer) = answer?;
        ensure!(status == 201 || answer["code"] == 80609, "{status} {answer}");
        statuses.push(status);
    }
    statuses.sort_unstable();
    ensure!(statuses == [201, 201, 400] && door.people(&session).await?.len() == 2, "{statuses:?}");
    door.close(2).await
}

async fn a_larger_session_is_shown_as_it_is(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 2).await?;
    let people: Vec<Value> = [ANN, BOB, CID].iter().map(|one| json!({ "address": one })).collect();
    let body = json!({"pool_id": door.pool(), "participants": people});
    let made = act_well(&door.server, &door.client.id, "POST", "/v1/sessions", Some(body)).await?;
    let session = door.well("GET", &door.path(&format!("Sessions/KC{}", &text(&made["id"])?[4..])), &[]).await?;
    let shown = door.people(&session).await?;
    ensure!(shown.len() == 3 && session["mode"] == "voice-and-message", "{shown:?}");
    let path = text(&session["links"]["participants"])?;
    door.refused("POST", &path, &[("Identifier", "+14155550177")], (400, 80609)).await?;
    let paused = json!({"state": "inactive"});
    let native = format!("/v1/sessions/{}", text(&made["id"])?);
    act_well(&door.server, &door.client.id, "PATCH", &native, Some(paused)).await?;
    let resting = door.well("GET", &text(&session["url"])?, &[]).await?;
    ensure!(resting["status"] == "in-progress", "{resting}");
    door.close(3).await
}

/// It may text one of the two.
async fn a_key_changes_only_what_it_may_text(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 2).await?;
    let session = door.hold(&[ANN, BOB], &[]).await?;
    let key = json!({"scopes": ["sessions"], "destinations": ANN.replace('+', r"\+")});
    let key = well(&door.server, "POST", &format!("/v1/clients/{}/keys", door.client.id), Some(key)).await?;
    let key = text(&key["key"])?;
    let (url, people) = (text(&session["url"])?, text(&session["links"]["participants"])?);
    let shown = door.people(&session).await?;
    let ann = shown.iter().find(|one| one["identifier"] == ANN).context("no Ann")?;
    let (her, told) = (text(&ann["url"])?, text(&ann["links"]["message_interactions"])?);
    let asks: [RefusedRequest; 5] = [
        ("POST", &url, &[("Status", "closed")]),
        ("DELETE", &url, &[]),
        ("POST", &people, &[("Identifier", ANN)]),
        ("DELETE", &her, &[]),
        ("POST", &told, &[("Body", "x")]),
    ];
    for (method, at, form) in asks {
        let (status, answer) = door.ask_as((&door.client.sid, &key), method, at, form).await?;
        ensure!(status == 403 && text(&answer["message"])?.contains("all in this session"), "{method} {at}: {answer}");
    }
    ensure!(door.people(&session).await?.len() == 2);
    door.well("DELETE", &url, &[]).await?;
    door.close(5).await
}

on_both_engines!(
    people_come_and_go,
    all_come_with_their_session_or_nobody,
    two_come_at_once_and_no_third,
    a_larger_session_is_shown_as_it_is,
    a_key_changes_only_what_it_may_text,
);
