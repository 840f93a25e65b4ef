//! Who acts, and for whom: what administrators do in a client's name, at the console, or twice.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::acts::{with_the_log, without_the_log};
use super::client::{By, TO, ask};
use super::{Client, client, loopback};
use crate::events::{builder, call, endpoint, text, well};
use crate::harness::{ADMIN, Builder, Layout, Result, Server, until};
use crate::on_both_engines;

/// What was written down, oldest first: the action, and what it was done to.
async fn log(server: &Server) -> Result<Vec<(String, String)>> {
    let rows = server.rows("SELECT action, object FROM sb_audit ORDER BY id").await?;
    rows.into_iter().map(|row| <[String; 2]>::try_from(row).ok().map(Into::into).context("two columns")).collect()
}

/// What was written down of messages and calls.
async fn sent(server: &Server) -> Result<Vec<(String, String)>> {
    let all = log(server).await?.into_iter();
    Ok(all.filter(|(action, _)| action.starts_with("message.") || action.starts_with("call.")).collect())
}

/// A form, posted by an administrator in a client's name.
async fn form(server: &Server, client: &Client, path: &str, fields: &[(&str, &str)]) -> Result<Value> {
    let request = server.http.post(server.url(path)).bearer_auth(ADMIN).header("switchboard-client", &client.id);
    let answer = request.form(fields).send().await?;
    let (status, said) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{path}: {status} {said}");
    Ok(serde_json::from_str(&said)?)
}

async fn delivered(server: &Server, client: &Client, id: &str) -> Result {
    let path = format!("/v1/messages/{id}");
    until("the message to be over", async || {
        let (.., found) = ask(server, By::AdminFor(&client.id), "GET", &path, None).await?;
        Ok((found["state"] == "delivered").then_some(()))
    })
    .await
}

async fn what_is_sent_in_a_client_s_name_is_written_down(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let capabilities = json!(["sms", "voice"]);
    let number = json!({"number": "+15005550100", "account_id": account, "capabilities": capabilities});
    well(&server, "POST", "/v1/numbers", Some(number)).await?;
    let ann = client(&server, "5").await?;
    let from = "+15005550101";
    let sms = json!({"from": from, "to": TO, "body": "Secret words", "media_urls": ["https://example.org/secret"]});
    let dial = json!({"from": from, "to": TO, "twiml": "<Response><Say>Secret words</Say></Response>"});
    // the operator's daily work, and a client's own
    well(&server, "POST", "/v1/messages", Some(json!({"to": TO, "body": "Secret words"}))).await?;
    well(&server, "POST", "/v1/calls", Some(json!({"to": TO, "twiml": "<Response/>"}))).await?;
    for (path, body) in [("/v1/messages", &sms), ("/v1/calls", &dial)] {
        let (status, _, answer) = ask(&server, By::Proxy(&ann.key), "POST", path, Some(body.clone())).await?;
        ensure!(status == 202, "{path}: {status} {answer}");
    }
    assert_eq!(sent(&server).await?, []);

    // once, however often it comes; and not where it is refused
    let mut wanted = Vec::new();
    for _ in 0..2 {
        let request = server.http.post(server.url("/v1/messages")).bearer_auth(ADMIN);
        let request = request.header("switchboard-client", &ann.id).header("idempotency-key", "once");
        let answer = request.header("content-type", "application/json").body(sms.to_string()).send().await?;
        ensure!(answer.status() == 202, "{}", answer.status());
        let id = text(&answer.json::<Value>().await?["id"])?;
        wanted.dedup();
        wanted.push(("message.send".to_owned(), id));
    }
    wanted.dedup();
    let (refused, ..) = ask(&server, By::AdminFor(&ann.id), "POST", "/v1/messages", Some(json!({"to": "+1"}))).await?;
    assert_eq!(refused, 400);
    let (status, _, placed) = ask(&server, By::AdminFor(&ann.id), "POST", "/v1/calls", Some(dial)).await?;
    ensure!(status == 202, "{status} {placed}");
    wanted.push(("call.place".to_owned(), text(&placed["id"])?));
    assert_eq!(sent(&server).await?, wanted);

    // the older doors
    let fields = [("To", TO), ("From", from), ("Body", "Secret words")];
    let by_form = form(&server, &ann, "/relay/api/sms", &fields).await?;
    wanted.push(("message.send".to_owned(), text(&by_form["sid"])?.replace("SM", "msg_")));
    let messages = format!("/2010-04-01/Accounts/{}/Messages", ann.sid);
    let sid = text(&form(&server, &ann, &format!("{messages}.json"), &fields).await?["sid"])?;
    let id = sid.replace("SM", "msg_");
    wanted.push(("message.send".to_owned(), id.clone()));
    delivered(&server, &ann, &id).await?;
    form(&server, &ann, &format!("{messages}/{sid}.json"), &[("Body", "")]).await?;
    wanted.push(("message.redact".to_owned(), id.clone()));
    let (status, ..) = ask(&server, By::AdminFor(&ann.id), "DELETE", &format!("{messages}/{sid}.json"), None).await?;
    assert_eq!(status, 204);
    wanted.push(("message.delete".to_owned(), id));
    assert_eq!(sent(&server).await?, wanted);

    let page = well(&server, "GET", &format!("/v1/audit?object={}", wanted[0].1), None).await?;
    let entry = &page["data"][0];
    ensure!(entry["who"] == "config token" && entry["address"] == "127.0.0.1" && entry["before"].is_null(), "{entry}");
    ensure!(entry["after"]["to"] == TO && entry["after"]["from"] == from && entry["after"]["body"] == "", "{entry}");
    // nobody could redact it there
    let all = server.rows("SELECT before_text, after_text FROM sb_audit").await?.concat().join("\n").to_lowercase();
    ensure!(!all.contains("secret"), "{all}");
    Ok(())
}

async fn what_is_done_to_the_operator_s_own_messages_is_written_down(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    well(&server, "POST", "/v1/numbers", Some(json!({"number": "+15005550100", "account_id": account}))).await?;
    let later = json!({"to": TO, "body": "x", "send_at": "2026-01-01T00:00:00Z"});
    assert_eq!(call(&server, "POST", "/v1/messages", Some(later)).await?.0, 400);
    let at = switchboard::model::rfc3339(switchboard::model::Clock::default().now_ms() + 3_600_000);
    let later = json!({"to": TO, "body": "x", "send_at": at});
    let id = text(&well(&server, "POST", "/v1/messages", Some(later)).await?["id"])?;
    let path = format!("/v1/messages/{id}");
    well(&server, "DELETE", &path, None).await?;
    assert_eq!(call(&server, "DELETE", &path, None).await?.0, 409, "it is canceled already");
    well(&server, "PATCH", &path, Some(json!({"body": ""}))).await?;
    let wanted = ["message.cancel", "message.redact"].map(|action| (action.to_owned(), id.clone()));
    assert_eq!(sent(&server).await?, wanted);
    let page = well(&server, "GET", &format!("/v1/audit?object={id}"), None).await?;
    let canceled = &page["data"][1];
    let states = [&canceled["before"]["state"], &canceled["after"]["state"]];
    assert_eq!(states, ["scheduled", "canceled"], "{canceled}");
    Ok(())
}

/// Twice is once, where the second time changes nothing.
async fn what_changes_nothing_is_not_written_down(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let account = loopback(&server).await?;
    well(&server, "POST", "/v1/numbers", Some(json!({"number": "+15005550100", "account_id": account}))).await?;
    let ann = client(&server, "0").await?;
    let (gone, _) = endpoint(&server, "http://127.0.0.1:9/", &["*"]).await?;
    let key = well(&server, "GET", &format!("/v1/clients/{}/keys", ann.id), None).await?["data"][0]["id"].clone();
    let key = format!("/v1/clients/{}/keys/{}", ann.id, text(&key)?);
    for (method, path, body, again) in [
        ("DELETE", key, None, 404),
        ("DELETE", format!("/v1/endpoints/{gone}"), None, 404),
        ("PUT", format!("/v1/opt-outs/+15005550100/{TO}"), Some(json!({"is_out": true})), 200),
        ("DELETE", format!("/v1/accounts/{account}"), None, 409),
        ("PATCH", format!("/v1/clients/{}", ann.id), Some(json!({"credit_limit": -1})), 400),
    ] {
        let first = call(&server, method, &path, body.clone()).await?.0;
        let entries = log(&server).await?;
        let (status, answer) = call(&server, method, &path, body).await?;
        ensure!(status == again, "{method} {path}: {first}, then {status} {answer}");
        assert_eq!(log(&server).await?, entries, "{method} {path}");
    }
    Ok(())
}

async fn what_is_done_at_the_console_is_written_down(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.environment("SUDO_USER", "eve");
    let server = builder.clone().start().await?;
    let create = ["admin", "key", "create", "Operations", "--json"];
    without_the_log(&server).await?;
    let refused = builder.run(&create).await?;
    ensure!(!refused.status.success(), "{}", String::from_utf8_lossy(&refused.stdout));
    assert_eq!(server.rows("SELECT id FROM sb_admin_key").await?.len(), 0, "a key that is not written down");
    with_the_log(&server).await?;

    let made: Value = serde_json::from_slice(&builder.run(&create).await?.stdout)?;
    let (id, secret) = (text(&made["id"])?, text(&made["key"])?);
    for works in [true, false] {
        assert_eq!(builder.run(&["admin", "key", "revoke", &id]).await?.status.success(), works);
    }
    let wanted = ["admin_key.create", "admin_key.revoke"].map(|action| (action.to_owned(), id.clone()));
    assert_eq!(log(&server).await?, wanted);
    let page = well(&server, "GET", &format!("/v1/audit?object={id}"), None).await?;
    let (revoked, created) = (&page["data"][0], &page["data"][1]);
    for entry in [revoked, created] {
        ensure!(entry["who"] == "console eve" && entry["address"].is_null(), "{entry}");
    }
    ensure!(created["before"].is_null() && created["after"]["name"] == "Operations", "{created}");
    ensure!(revoked["before"]["revoked_at"].is_null() && revoked["after"]["revoked_at"].is_string(), "{revoked}");
    ensure!(!page.to_string().contains(&secret), "{page}");
    Ok(())
}

/// Each finds what the one before has left: their entries are links of one chain.
async fn those_who_change_one_thing_at_once_are_written_down_in_turn(layout: Layout) -> Result {
    let server = builder(layout).await?.start().await?;
    let account = loopback(&server).await?;
    let ann = client(&server, "0").await?;
    let id = async |path: &str, body: Value| text(&well(&server, "POST", path, Some(body)).await?["id"]);
    let number = json!({"number": "+15005550100", "account_id": account});
    let route = json!({"priority": 7, "pattern": "\\+99", "account_id": account});
    let (keys, one) = (format!("/v1/clients/{}/keys", ann.id), format!("/v1/clients/{}", ann.id));
    let things = [
        (format!("/v1/numbers/{}", id("/v1/numbers", number).await?), "rate"),
        (format!("/v1/routes/{}", id("/v1/routes", route).await?), "priority"),
        (
            format!("/v1/rates/{}", id("/v1/rates", json!({"channel": "sms", "prefix": "1", "price": "9"})).await?),
            "price",
        ),
        (format!("{keys}/{}", id(&keys, json!({})).await?), "rate"),
        (format!("/v1/pools/{}", id("/v1/pools", json!({"name": "a pool"})).await?), "name"),
        (format!("/v1/endpoints/{}", endpoint(&server, "http://127.0.0.1:9/", &["*"]).await?.0), "description"),
        (format!("/v1/accounts/{account}"), "name"),
        (one.clone(), "name"),
        (one.clone(), "credit_limit"),
        (one, "notes"),
    ];
    for (path, field) in things {
        let first = well(&server, "GET", &path, None).await?[field].clone();
        let value = |at: u64| if first.is_number() { Value::from(at) } else { at.to_string().into() };
        let each = (20..26).map(|at| well(&server, "PATCH", &path, Some(json!({field: value(at)}))));
        futures_util::future::try_join_all(each).await?;
        let last = well(&server, "GET", &path, None).await?[field].clone();
        let object = path.rsplit('/').next().unwrap_or_default();
        let log = well(&server, "GET", &format!("/v1/audit?object={object}"), None).await?;
        let entries = log["data"].as_array().context("data")?.iter();
        let links =
            entries.filter(|entry| entry["before"].is_object() && entry["before"][field] != entry["after"][field]);
        let links: Vec<_> = links.map(|entry| (&entry["before"][field], &entry["after"][field])).collect();
        let mut at = &first;
        for _ in &links {
            let next: Vec<_> = links.iter().filter(|(before, _)| *before == at).collect();
            ensure!(next.len() == 1, "{path} {field}: {} go on from {at}: {links:?}", next.len());
            at = next[0].1;
        }
        ensure!(links.len() == 6 && *at == last, "{path} {field}: {last} of {links:?}");
    }
    Ok(())
}

on_both_engines!(
    those_who_change_one_thing_at_once_are_written_down_in_turn,
    what_is_sent_in_a_client_s_name_is_written_down,
    what_is_done_to_the_operator_s_own_messages_is_written_down,
    what_changes_nothing_is_not_written_down,
    what_is_done_at_the_console_is_written_down,
);
