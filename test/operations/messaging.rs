//! Accounts, numbers, messages, endpoints and events by the command line, on a running server.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use switchboard::model::event::EventType;
use switchboard::model::rfc3339;

use super::command::{Said, finish_with, run};
use crate::harness::time::now;
use crate::harness::{Builder, Layout, Result, Server, until};

async fn on(server: &Server, words: &[&str]) -> Result<Said> {
    run(server.builder(), &[words, &["--url", &server.url("")]].concat()).await
}

async fn json(server: &Server, words: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&on(server, &[words, &["--json"]].concat()).await?.well()?)?)
}

fn id(value: &Value) -> Result<&str> {
    value["id"].as_str().context("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_out_and_is_told_of() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let none = on(&server, &["number", "add", "+14155550100"]).await?.refusal()?;
    ensure!(none.contains("there are 0 accounts"), "{none}");
    let account = json(&server, &["account", "add", "loopback", "--name", "mine"]).await?;
    let number =
        json(&server, &["number", "add", "+14155550100", "--capability", "sms", "--capability", "mms"]).await?;
    ensure!(number["account_id"] == account["id"] && number["capabilities"][1] == "mms", "{number}");
    on(&server, &["account", "check", id(&account)?]).await?.well()?;
    let changed = json(&server, &["account", "change", id(&account)?, "--rate", "100"]).await?;
    ensure!(changed["rate"] == 100 && changed["name"] == "mine", "{changed}");
    let changed = on(&server, &["number", "change", id(&number)?, "--rate", "7"]).await?.well()?;
    ensure!(changed.contains("+14155550100"), "{changed}");

    let send =
        ["message", "send", "+14155550123", "hello\u{1b}[2J", "--metadata", "order=17", "--idempotency-key", "a"];
    let message = json(&server, &send).await?;
    ensure!(json(&server, &send).await? == message, "one request, one message");
    ensure!(message["from"] == "+14155550100" && message["metadata"]["order"] == "17", "{message}");
    until("a sent message", async || {
        let shown = json(&server, &["message", "show", id(&message)?]).await?;
        Ok((shown["state"] == "sent" || shown["state"] == "delivered").then_some(()))
    })
    .await?;
    let shown = on(&server, &["message", "show", id(&message)?]).await?.well()?;
    ensure!(shown.contains("attempt 1") && !shown.contains('\u{1b}'), "{shown}");
    let listed = json(&server, &["message", "list", "--to", "+14155550123", "--direction", "outbound"]).await?;
    ensure!(listed["data"].as_array().is_some_and(|all| all.len() == 1), "{listed}");

    let tomorrow = rfc3339(i64::try_from(now()?.as_millis())? + 86_400_000);
    let later = json(&server, &["message", "send", "+14155550124", "later", "--at", &tomorrow]).await?;
    let canceled = on(&server, &["message", "cancel", id(&later)?]).await?.well()?;
    ensure!(canceled.contains("canceled"), "{canceled}");
    ensure!(on(&server, &["message", "cancel", id(&message)?]).await?.refusal()?.contains("409"));

    let known = json(&server, &["number", "lookup", "+33612345678"]).await?;
    ensure!(known["country"] == "FR" && known["is_valid"] == true && known["account_id"] == account["id"], "{known}");
    ensure!(on(&server, &["number", "lookup", "+19995550100"]).await?.well()?.contains("not valid"));
    ensure!(on(&server, &["opt-out", "list"]).await?.well()?.starts_with("nobody"));
    let out = json(&server, &["opt-out", "add", "+14155550100", "+14155550123"]).await?;
    ensure!(out["is_out"] == true && out["reason"] == "administrator", "{out}");
    ensure!(on(&server, &["message", "send", "+14155550123", "no"]).await?.refusal()?.contains("opted out"));
    let listed = on(&server, &["opt-out", "list", "--person", "+14155550123"]).await?.well()?;
    ensure!(listed.contains("+14155550100") && listed.contains("administrator"), "{listed}");
    let back = on(&server, &["opt-out", "remove", "+14155550100", "+14155550123"]).await?.well()?;
    ensure!(back.contains("+14155550123"), "{back}");
    on(&server, &["message", "send", "+14155550123", "yes"]).await?.well()?;

    let refused = on(&server, &["account", "delete", id(&account)?]).await?.refusal()?;
    ensure!(refused.contains("has numbers"), "{refused}");
    on(&server, &["number", "delete", id(&number)?]).await?.well()?;
    on(&server, &["account", "delete", id(&account)?]).await?.well()?;
    ensure!(on(&server, &["account", "list"]).await?.well()?.starts_with("no accounts"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_added_tested_rotated_and_an_event_replayed() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("event.allow", "127.0.0.1").start().await?;
    let url = server.url("/nobody");
    let made = json(&server, &["endpoint", "add", &url, "--type", "message.*", "--type", "endpoint.test"]).await?;
    ensure!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{made}");
    let listed = on(&server, &["endpoint", "list"]).await?.well()?;
    ensure!(listed.contains(&url) && listed.contains("enabled") && !listed.contains("whsec_"), "{listed}");
    let rotated = on(&server, &["endpoint", "rotate", id(&made)?]).await?.well()?;
    ensure!(rotated.contains("not shown again: whsec_"), "{rotated}");
    let event = json(&server, &["endpoint", "test", id(&made)?]).await?;
    let event = event["event_id"].as_str().context("an event")?;
    let shown = on(&server, &["event", "show", event]).await?.well()?;
    ensure!(shown.contains("endpoint.test") && shown.contains(id(&made)?), "{shown}");
    ensure!(json(&server, &["event", "list"]).await?["data"][0]["id"] == event);
    let told = json(&server, &["event", "replay", event, "--endpoint", id(&made)?]).await?;
    ensure!(told["id"] == event && told["deliveries"][0]["state"] == "pending", "{told}");
    on(&server, &["endpoint", "delete", id(&made)?]).await?.well()?;
    ensure!(on(&server, &["endpoint", "list"]).await?.well()?.starts_with("no endpoints"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_event_is_listed() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let types = json(&server, &["event", "types"]).await?;
    let names = types["data"].as_array().into_iter().flatten().map(|one| one["name"].as_str());
    ensure!(names.eq(EventType::all().map(|kind| Some(kind.name()))), "{types}");
    let said = on(&server, &["event", "types"]).await?.well()?;
    for (line, kind) in said.lines().zip(EventType::all()) {
        ensure!(line.starts_with(kind.name()) && line.ends_with(kind.when()), "{kind}: {said}");
    }
    ensure!(said.lines().count() == EventType::all().count(), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_from_the_environment_a_file_or_the_input() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let url = server.url("");
    let add = ["account", "add", "twilio", "--unchecked", "--json", "--url", &url];
    let environment = server.builder().clone().environment("SWITCHBOARD_TWILIO_ACCOUNT_SID", "AC1");
    run(&environment.environment("SWITCHBOARD_TWILIO_AUTH_TOKEN", "hush"), &add).await?.well()?;
    let said = finish_with(server.builder().command(&add), b"AC2\nhush\n").await?;
    ensure!(!said.all().contains("hush"), "{said:?}");
    let added: Value = serde_json::from_str(&said.well()?)?;
    let change = ["account", "change", id(&added)?, "--credentials", "--unchecked", "--json", "--url", &url];
    let said = finish_with(server.builder().command(&change), b"AC2\nhush-hush\n").await?;
    ensure!(!said.all().contains("hush"), "{said:?}");
    said.well()?;
    let other = finish_with(server.builder().command(&change), b"AC3\nhush\n").await?.refusal()?;
    ensure!(other.contains("account_sid"), "{other}");
    let file = server.builder().path("flowroute.json");
    let flowroute = r#"{"access_key": "1", "secret_key": "hush", "webhook_token": "hush-hush-hush-hush"}"#;
    std::fs::write(&file, flowroute)?;
    let file = file.display().to_string();
    on(&server, &["account", "add", "flowroute", "--unchecked", "--file", &file]).await?.well()?;
    let accounts = json(&server, &["account", "list"]).await?;
    let providers: Vec<_> = accounts["data"].as_array().into_iter().flatten().map(|one| &one["provider"]).collect();
    ensure!(providers == ["twilio", "twilio", "flowroute"], "{accounts}");
    let named = ["account", "add", "http", "--description", "africas-talking"];
    let described = [&named[..], &["--unchecked", "--json", "--url", &url]].concat();
    let entered = b"{\"api_key\": \"hush\", \"username\": \"me\"}\na-secret-path-segment\n";
    let said = finish_with(server.builder().command(&described), entered).await?;
    ensure!(!said.all().contains("hush"), "{said:?}");
    let added: Value = serde_json::from_str(&said.well()?)?;
    ensure!(added["provider"] == "http", "{added}");
    std::fs::write(
        &file,
        r#"{"secrets": {"api_key": "hush-hush", "username": "me"}, "webhook_token": "a-secret-path-segment"}"#,
    )?;
    let change = ["account", "change", id(&added)?, "--file", &file, "--description", "africas-talking", "--unchecked"];
    on(&server, &change).await?.well()?;
    let useless = ["account", "add", "loopback", "--description", "termii"];
    ensure!(on(&server, &useless).await?.refusal()?.contains("--description"));
    std::fs::write(&file, "hush")?;
    let said = on(&server, &["account", "add", "flowroute", "--file", &file]).await?;
    ensure!(!said.all().contains("hush"), "{said:?}");
    said.refusal()?;
    std::fs::write(&file, r#"{"access_key": "1", "secret_key": "hush", "secret_key": "hush-hush"}"#)?;
    let said = on(&server, &["account", "add", "flowroute", "--file", &file]).await?;
    ensure!(!said.all().contains("hush"), "{said:?}");
    ensure!(said.refusal()?.contains("says secret_key twice"));
    let none = finish_with(server.builder().command(&add), b"").await?.refusal()?;
    ensure!(none.contains("SWITCHBOARD_TWILIO_ACCOUNT_SID"), "{none}");
    Ok(())
}
