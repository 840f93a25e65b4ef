//! What a client says in its session itself.

use anyhow::ensure;
use serde_json::{Value, json};

use super::talk::{ANN, BOB, CID, Talk};
use crate::harness::{ADMIN, Layout, Result, until};
use crate::on_both_engines;
use crate::operations::command::run;
use crate::relay::client::{By, ask, key_text};
use crate::snapshots::hold_inline;

async fn a_client_speaks_in_its_session(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], json!({"labels": "name"})).await?;
    let path = format!("{}/messages", held.path()?);
    let (status, said) = talk.act("POST", &path, Some(json!({"body": "Your driver is near."}))).await?;
    ensure!(status == 202 && said["data"].as_array().is_some_and(|all| all.len() == 3), "{status} {said}");
    let first = &said["data"][0];
    ensure!(first["from_participant_id"].is_null() && first["inbound_message_id"].is_null(), "{first}");
    assert_eq!((&first["body"], &first["reason"]), (&json!("Your driver is near."), &Value::Null));
    let arrived = until("the copies to arrive", async || {
        let said = talk.said(&held).await?;
        Ok(said.iter().all(|one| one["status"] == "delivered").then(|| said[0].clone()))
    })
    .await?;
    let wanted = json!({"id": "int_…", "kind": "message", "from_participant_id": null, "to_participant_id": "par_…",
        "inbound_message_id": null, "outbound_message_id": "msg_…", "outbound_call_id": null, "status": "delivered",
        "duration": null, "reason": null,
        "error": null, "body": "Your driver is near.", "media_urls": [], "created_at": "(time)",
        "updated_at": "(time)"});
    hold_inline(&["Interaction"], &arrived, &wanted)?;
    let one = json!({"from_participant": held.id(ANN)?, "to": held.id(BOB)?, "body": "hello"});
    let said = talk.well("POST", &path, Some(one)).await?;
    assert_eq!(said["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(talk.bodies(BOB).await?, ["Your driver is near.", "Ann: hello"]);
    assert_eq!((talk.bodies(ANN).await?.len(), talk.bodies(CID).await?.len()), (1, 1));
    assert_eq!(talk.heard(BOB).await?[0].0, held.number(BOB)?, "from the number that he knows");
    assert_eq!(talk.paid().await?, "4");
    ensure!(talk.state(&held).await?["state"] == "in_progress");
    assert_eq!(talk.said(&held).await?.len(), 4);
    // what the audit log has of it is not what was said
    let log = talk.server.rows("SELECT action, after_text FROM sb_audit WHERE action = 'session.message'").await?;
    ensure!(log.len() == 2 && !log.concat().concat().contains("driver"), "{log:?}");
    talk.end().await
}

async fn what_is_said_again_under_one_name_is_said_once(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let path = format!("{}/messages", held.path()?);
    let post = async |body: &str| -> Result<(u16, Value)> {
        let request = talk.server.http.post(talk.server.url(&path)).bearer_auth(ADMIN);
        let request = request.header("switchboard-client", &talk.client).header("idempotency-key", "one");
        let response = request.json(&json!({ "body": body })).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    };
    let first = post("hello").await?;
    ensure!(first.0 == 202 && first.1["data"].as_array().is_some_and(|all| all.len() == 2), "{first:?}");
    assert_eq!(talk.bodies(BOB).await?, ["hello"]);
    let again = post("hello").await?;
    ensure!(again.0 == 202 && again.1["data"][0]["id"] == first.1["data"][0]["id"], "{again:?}");
    ensure!(again.1["data"][1]["id"] == first.1["data"][1]["id"], "{again:?}");
    assert_eq!(post("something else").await?.0, 409);
    // it is answered so behind the end, too
    talk.well("DELETE", &held.path()?, None).await?;
    assert_eq!(post("hello").await?.0, 202);
    assert_eq!((talk.bodies(BOB).await?.len(), talk.paid().await?), (1, "2".to_owned()));
    talk.end().await
}

async fn what_one_of_them_cannot_get_the_others_get(layout: Layout) -> Result {
    let talk = Talk::start(layout, 3).await?;
    let rate = json!({"channel": "sms", "prefix": "1", "price": "60"});
    crate::events::well(&talk.server, "POST", "/v1/rates", Some(rate)).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], json!({})).await?;
    talk.say(&held, BOB, "stop").await?;
    // of its hundred the client pays for one
    let path = format!("{}/messages", held.path()?);
    let said = talk.well("POST", &path, Some(json!({"body": "hello"}))).await?;
    let mut reasons: Vec<String> =
        said["data"].as_array().into_iter().flatten().map(|one| one["reason"].to_string()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["\"opted_out\"", "\"unpayable\"", "null"], "{said}");
    let written = async || talk.server.rows("SELECT COUNT(*) FROM sb_interaction").await;
    let before = written().await?;
    let one = json!({"body": "hello", "to": held.id(ANN)?});
    assert_eq!(talk.act("POST", &path, Some(one)).await?.0, 402, "nobody pays for any of it");
    assert_eq!(written().await?, before, "and nothing is written");
    talk.end().await
}

async fn what_cannot_be_said_is_refused(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let path = format!("{}/messages", held.path()?);
    let (ann, bob, nobody) = (held.id(ANN)?, held.id(BOB)?, format!("par_{}", "0".repeat(32)));
    for (body, field) in [
        (json!({}), "body"),
        (json!({"body": ""}), "body"),
        (json!({"body": "x".repeat(1601)}), "body"),
        (json!({"body": "x", "to": "Bob"}), "to"),
        (json!({"body": "x", "to": nobody}), "to"),
        (json!({"body": "x", "to": ann, "from_participant": ann}), "to"),
        (json!({"body": "x", "from_participant": nobody}), "from_participant"),
        (json!({"body": "x", "media_urls": ["ftp://x.example/"]}), "media_urls"),
    ] {
        let (status, problem) = talk.act("POST", &path, Some(body.clone())).await?;
        ensure!(status == 400 && problem["field"] == field, "{body}: {status} {problem}");
    }
    let hello = || Some(json!({"body": "hello"}));
    let unknown = format!("/v1/sessions/ses_{}", "0".repeat(32));
    assert_eq!(talk.act("POST", &format!("{unknown}/messages"), hello()).await?.0, 404);
    assert_eq!(talk.act("GET", &format!("{unknown}/interactions"), None).await?.0, 404);
    // another client's is not there, and a key without the scope may not
    let other = crate::relay::scene::customer(&talk.server, "1", json!({})).await?;
    assert_eq!(crate::relay::scene::act(&talk.server, &other, "POST", &path, hello()).await?.0, 404);
    let key = key_text(&talk.server, &json!({"id": talk.client}), json!({"scopes": ["sms", "read"]})).await?;
    assert_eq!(ask(&talk.server, By::Proxy(&key), "POST", &path, hello()).await?.0, 403);
    let calls = talk.hold(&[(CID, "Cid"), (BOB, "Bob")], json!({"mode": "voice"})).await?;
    assert_eq!(talk.act("POST", &format!("{}/messages", calls.path()?), hello()).await?.0, 409);
    talk.well("DELETE", &format!("{}/participants/{bob}", held.path()?), None).await?;
    let alone = json!({"body": "hello", "from_participant": ann});
    assert_eq!(talk.act("POST", &path, Some(alone)).await?.0, 409, "nobody else is in it");
    talk.well("DELETE", &held.path()?, None).await?;
    assert_eq!(talk.act("POST", &path, hello()).await?.0, 409, "it is over");
    assert_eq!(talk.paid().await?, "0");
    talk.end().await
}

async fn the_command_shows_and_says(layout: Layout) -> Result {
    let talk = Talk::start(layout, 2).await?;
    let held = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let id = held.path()?.rsplit('/').next().unwrap_or_default().to_owned();
    let (url, to) = (talk.server.url(""), held.id(BOB)?);
    let common = ["--client", &talk.client, "--url", &url];
    let on = async |words: &[&str]| run(talk.server.builder(), &[words, &common].concat()).await;
    let said = on(&["session", "say", &id, "hello", "--to", &to]).await?.well()?;
    ensure!(said.contains("hello"), "{said}");
    let listed = on(&["session", "interactions", &id]).await?.well()?;
    ensure!(listed.contains(&to), "{listed}");
    assert_eq!(talk.bodies(BOB).await?, ["hello"]);
    talk.end().await
}

on_both_engines!(
    a_client_speaks_in_its_session,
    what_is_said_again_under_one_name_is_said_once,
    what_one_of_them_cannot_get_the_others_get,
    what_cannot_be_said_is_refused,
    the_command_shows_and_says,
);
