//! A carrier that refuses the account, not the message: the account rests and says why, its messages wait or take the
//! next route, and nothing of it is lost or told to clients.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use super::{
    FROM, TO, account, builder, copies, drained, fetch, in_state, number, outcomes, person, send_id, sms, tried, with,
};
use crate::events::receiver::Receiver;
use crate::events::{call, endpoint, well};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::on_both_engines;
use crate::operations::command::run;
use crate::operations::openmetrics;
use crate::relay::scene::{act_well, balance, customer};

pub async fn show(server: &Server, account: &str) -> Result<Value> {
    well(server, "GET", &format!("/v1/accounts/{account}"), None).await
}

/// The account, once it rests.
pub async fn rests(server: &Server, account: &str) -> Result<Value> {
    until("the account to rest", async || {
        let shown = show(server, account).await?;
        Ok((!shown["resting"].is_null()).then(|| shown["resting"].clone()))
    })
    .await
}

pub async fn check(server: &Server, account: &str) -> Result {
    let (status, answer) = call(server, "POST", &format!("/v1/accounts/{account}/check"), None).await?;
    ensure!(status == 204, "{status} {answer}");
    ensure!(show(server, account).await?["resting"].is_null());
    Ok(())
}

/// Nothing wakes an account but what the test does.
pub async fn slow(layout: Layout, carrier: &Carrier) -> Result<Builder> {
    let builder = builder(layout, carrier).await?.set("outbox.breaker_rest", "10m");
    Ok(builder.set("event.allow", "127.0.0.1"))
}

async fn an_account_s_error_is_not_the_message_s(layout: Layout) -> Result {
    let (carrier, receiver) = (Carrier::start().await?, Receiver::start().await?);
    let (server, account) = super::ready(slow(layout, &carrier).await?).await?;
    endpoint(&server, &receiver.url("/"), &["account.*", "message.failed"]).await?;
    let refused = |status: u16, code: u32| json!({"do": "refuse", "status": status, "code": code});
    let faults = [
        (json!({"do": "status", "status": 401}), 20003),
        (refused(401, 20404), 20404),
        (json!({"do": "status", "status": 402}), 20402),
        (refused(403, 20003), 20003),
        (refused(403, 20005), 20005),
        (refused(403, 20006), 20006),
        (refused(403, 20008), 20008),
        (refused(403, 90010), 90010),
        // it says who is at fault, whatever the status
        (refused(400, 10001), 10001),
        (refused(404, 30002), 30002),
    ];
    for (nth, (fault, code)) in faults.iter().enumerate() {
        let (to, other) = (person(nth * 2), person(nth * 2 + 1));
        carrier.behave(fault.clone()).await?;
        let id = send_id(&server, sms(&to, &format!("first {nth}"), json!({}))).await?;
        let resting = rests(&server, &account).await?;
        ensure!(resting["code"] == *code && resting["reason"].as_str().is_some_and(|it| !it.is_empty()), "{resting}");
        in_state(&server, &id, "sending").await?;
        let waits = tried(&server, &id, 1).await?;
        ensure!(waits["state"] == "sending" && outcomes(&waits) == ["denied"], "{fault}: {waits}");
        ensure!(waits["error"].is_null() && waits["attempts"][0]["code"] == *code, "{waits}");
        // those behind it are not even tried
        let behind = send_id(&server, sms(&to, &format!("second {nth}"), json!({}))).await?;
        let beside = send_id(&server, sms(&other, &format!("third {nth}"), json!({}))).await?;
        if nth == 0 {
            looks(&server, &account).await?;
        }
        carrier.clear().await?;
        check(&server, &account).await?;
        for id in [&id, &behind, &beside] {
            in_state(&server, id, "sent").await?;
        }
        ensure!(outcomes(&fetch(&server, &behind).await?) == ["accepted"]);
        let arrived = super::bodies(&carrier, &to).await?;
        assert_eq!(arrived, [format!("first {nth}"), format!("second {nth}")], "{fault}");
    }
    assert!(copies(&carrier)?.into_values().all(|count| count == 1));
    drained(&server).await?;
    let posts = receiver.wait(faults.len() * 2).await?;
    let mut told: Vec<String> = Vec::new();
    for post in &posts {
        let event = post.json()?;
        ensure!(event["data"]["account_id"] == account.as_str() && event["data"]["provider"] == "twilio", "{event}");
        told.push(format!("{} {}", event["type"].as_str().unwrap_or_default(), event["data"]["code"]));
    }
    let mut wanted: Vec<String> = faults
        .iter()
        .flat_map(|(_, code)| [format!("account.resting {code}"), format!("account.resumed {code}")])
        .collect();
    told.sort();
    wanted.sort();
    assert_eq!(told, wanted, "each once");
    Ok(())
}

/// Everywhere that somebody may look, it says why.
async fn looks(server: &Server, account: &str) -> Result {
    let said = run(server.builder(), &["doctor"]).await?;
    let lines: Vec<&str> = said.out.lines().filter(|line| line.contains("accounts")).collect();
    ensure!(lines.len() == 1 && lines[0].starts_with("careful"), "{said:?}");
    ensure!(lines[0].contains(account) && lines[0].contains("Authenticate (20003)"), "{said:?}");
    ensure!(said.out.contains(&format!("switchboard account check {account}")), "{said:?}");
    let url = server.url("");
    let said = run(server.builder(), &["account", "list", "--url", &url]).await?;
    ensure!(said.out.contains("rests: Authenticate"), "{said:?}");
    ensure!(server.log()?.contains("an account rests: its carrier refuses it"));
    until("the gauges", async || {
        let metrics = openmetrics::of(server).await?;
        let rests = |name| metrics.value(name, &[("account", account)]) == 1;
        Ok((rests("switchboard_accounts_resting") && rests("switchboard_breakers_open")).then_some(()))
    })
    .await
}

/// While it rests, one message an interval tries it out, each time another one.
async fn all_take_turns_to_try_it_out(layout: Layout) -> Result {
    const MANY: usize = 5;
    let carrier = Carrier::start().await?;
    let builder = builder(layout, &carrier).await?.set("outbox.breaker_rest", "400ms");
    let (server, account) = super::ready(builder).await?;
    carrier.behave(json!({"do": "status", "status": 401})).await?;
    let begun = Instant::now();
    let mut ids = vec![send_id(&server, sms(TO, "0", json!({}))).await?];
    rests(&server, &account).await?;
    for nth in 1..=MANY {
        ids.push(send_id(&server, sms(&person(nth), &nth.to_string(), json!({}))).await?);
    }
    let tries = async || {
        let mut tries = Vec::new();
        for id in &ids {
            tries.push(outcomes(&fetch(&server, id).await?).len());
        }
        Result::Ok(tries)
    };
    until("each to have its turn", async || Ok((tries().await?.iter().min() >= Some(&1)).then_some(()))).await?;
    let least = Duration::from_millis(400) * u32::try_from(MANY)?;
    ensure!(begun.elapsed() >= least, "more than one an interval: all were tried in {:?}", begun.elapsed());
    let total: usize = tries().await?.iter().sum();
    ensure!(total <= 3 * ids.len(), "{total} tries of {} messages", ids.len());
    carrier.clear().await?;
    for id in &ids {
        in_state(&server, id, "sent").await?;
    }
    until("the account to be in use", async || Ok(show(&server, &account).await?["resting"].is_null().then_some(())))
        .await?;
    assert!(copies(&carrier)?.into_values().all(|count| count == 1));
    drained(&server).await
}

async fn the_next_route_takes_what_comes_and_what_waits_ends_with_its_validity(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, account) = super::ready(slow(layout, &carrier).await?).await?;
    let spare = crate::relay::route::loopback(&server).await?;
    number(&server, &spare, "+15005550199", json!({})).await?;
    for (priority, account) in [(1, &account), (2, &spare)] {
        crate::relay::route::route(&server, priority, ".*", account).await?;
    }
    let client = customer(&server, "1", json!({})).await?;
    carrier.behave(json!({"do": "status", "status": 402})).await?;
    let text = |to: usize, more: Value| with(json!({"to": person(to), "body": "hello"}), more);
    let first = text(1, json!({"valid_for": "5s"}));
    let first = act_well(&server, &client, "POST", "/v1/messages", Some(first)).await?;
    ensure!(first["from"] == FROM, "{first}");
    rests(&server, &account).await?;
    let second = act_well(&server, &client, "POST", "/v1/messages", Some(text(2, json!({})))).await?;
    ensure!(second["from"] == "+15005550199", "{second}");
    let said = well(&server, "GET", &format!("/v1/routes/explain?to=%2B14155550100&client={client}"), None).await?;
    ensure!(said["routes"][0]["verdict"] == "down" && said["account_id"] == spare.as_str(), "{said}");
    until("the end of its validity", async || {
        let path = format!("/v1/messages/{}", crate::events::text(&first["id"])?);
        let message = act_well(&server, &client, "GET", &path, None).await?;
        Ok((message["state"] == "expired").then_some(()))
    })
    .await?;
    assert_eq!(balance(&server, &client).await?, "0.9925", "the one is given back");
    // after a start it is still known, and the next message tries it out
    let server = server.restart().await?;
    ensure!(show(&server, &account).await?["resting"]["code"] == 20402);
    carrier.clear().await?;
    let id = send_id(&server, sms(TO, "try", json!({}))).await?;
    in_state(&server, &id, "sent").await?;
    until("the account to be in use", async || Ok(show(&server, &account).await?["resting"].is_null().then_some(())))
        .await
}

on_both_engines!(
    an_account_s_error_is_not_the_message_s,
    all_take_turns_to_try_it_out,
    the_next_route_takes_what_comes_and_what_waits_ends_with_its_validity,
);

/// What one node finds out, or is told, the others know.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_rest_and_wake_together() -> Result {
    let carrier = Carrier::start().await?;
    let one = slow(Layout::MariadbShared, &carrier).await?;
    let other = super::quick(Builder::at(one.home()), &carrier).set("outbox.breaker_rest", "10m");
    let one = one.start().await?;
    let wrong = json!({"credentials": {"account_sid": crate::harness::carrier::ACCOUNT, "auth_token": "old"}});
    let account = account(&one, wrong).await?;
    number(&one, &account, FROM, json!({})).await?;
    let other = other.start_unseeded().await?;
    let waits = send_id(&one, sms(TO, "first", json!({}))).await?;
    tried(&one, &waits, 1).await?;
    let open = async |server: &Server| {
        let metrics = openmetrics::of(server).await?;
        Result::Ok(metrics.value("switchboard_breakers_open", &[("account", &account)]) == 1)
    };
    until("the other to rest it", async || Ok(open(&other).await?.then_some(()))).await?;
    let behind = send_id(&other, sms(&person(7), "second", json!({}))).await?;
    let right = json!({"credentials": {"account_sid": crate::harness::carrier::ACCOUNT, "auth_token": crate::harness::carrier::TOKEN}});
    well(&one, "PATCH", &format!("/v1/accounts/{account}"), Some(right)).await?;
    for id in [&waits, &behind] {
        in_state(&other, id, "sent").await?;
    }
    let told = one.rows("SELECT COUNT(*) FROM sb_account_rest").await?.concat();
    assert_eq!(told, ["0"]);
    Ok(())
}
