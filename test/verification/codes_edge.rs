//! What the older service of codes refuses, each error of its contract.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::codes::{ANN, BOB, CodesDoor, OURS, answered, key, other, unknown, wrong};
use crate::harness::{Builder, Layout, Result};
use crate::inbound::play;
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::scene::{balance, customer, tamper};

/// A number that costs whoever calls or texts it more than others.
const PREMIUM: &str = "19005550110";
/// How many codes somebody gets within an hour.
const HOURLY: usize = 10;

/// What is told of what was refused: that, and nothing else.
pub fn told((status, answer): &(u16, Value), wanted: u16, reason: &str) -> Result {
    let is_told = answer["message"].as_str().is_some_and(|message| !message.is_empty()) && answer["reason"] == reason;
    let has_more = answer.as_object().is_none_or(|fields| fields.len() != 2);
    ensure!(*status == wanted && is_told && !has_more, "not {wanted} {reason}: {status} {answer}");
    Ok(())
}

pub fn ask(auth_id: &str, recipient: &str) -> Value {
    json!({"auth_id": auth_id, "recipient": recipient})
}

async fn what_is_not_as_it_must_be_is_told(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    for body in [
        json!({"auth_id": "user1"}),
        json!({"recipient": ANN.0}),
        ask("", ANN.0),
        ask(" user1", ANN.0),
        ask("user1 ", ANN.0),
        ask(&"x".repeat(121), ANN.0),
        ask("user1", ""),
        ask("user1", ANN.1),
        ask("user1", "2065550110"),
        ask("user1", "22065550110"),
        ask("user1", "120655501100"),
        ask("user1", " 12065550110"),
        ask("user1", "one"),
        json!({"auth_id": null, "recipient": ANN.0}),
        json!({"auth_id": ["user1"], "recipient": ANN.0}),
        json!({"auth_id": "user1", "recipient": [ANN.0]}),
        json!({"auth_id": "user1", "recipient": 2_065_550_110_u64}),
        // of both doors, or of neither
        json!({"auth_id": "user1", "recipient": ANN.0, "to": OURS, "from": ANN.0, "body": "x"}),
        json!({"recipient": ANN.0, "data": {"attributes": {"to": OURS, "from": ANN.0, "body": "x"}}}),
        json!({}),
        json!([ask("user1", ANN.0)]),
        json!("user1"),
    ] {
        told(&door.post(&body).await?, 400, "InvalidAPIUsage").with_context(|| body.to_string())?;
    }
    for body in ["", "{", "auth_id=user1&recipient=12065550110", "\u{0}"] {
        let asked = door.server.http.post(door.server.url("/")).bearer_auth(&door.key).body(body);
        told(&answered(asked).await?, 400, "InvalidAPIUsage").with_context(|| body.to_owned())?;
    }
    ensure!(door.told(ANN.1).await?.is_empty(), "nobody was texted");
    // the longest name there is, and one of other letters
    for auth_id in ["é".repeat(120), "日本 #1 & co".to_owned()] {
        door.create(&auth_id, ANN.0).await?;
        let (status, answer) = door.check(&auth_id, &door.code(ANN.1).await?).await?;
        ensure!(status == 200 && answer["auth_id"] == auth_id.as_str(), "{status} {answer}");
    }
    Ok(())
}

async fn a_question_that_is_none_uses_up_no_try(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    door.create("user1", ANN.0).await?;
    let code = door.code(ANN.1).await?;
    for query in [
        "auth_id=user1",
        "auth_id=user1&code=",
        "auth_id=user1&code=abc",
        "auth_id=user1&code=12a4",
        "auth_id=user1&code=1%2B1",
        "code=1234",
        "auth_id=&code=1234",
        "auth_id=+user1&code=1234",
        &format!("auth_id={}&code=1234", "x".repeat(121)),
    ] {
        let asked = door.server.http.get(door.server.url(&format!("/?{query}"))).bearer_auth(&door.key);
        told(&answered(asked).await?, 400, "InvalidAPIUsage").with_context(|| query.to_owned())?;
    }
    // who asks for the head alone has not asked
    for _ in 0..4 {
        let head = door.server.http.head(door.server.url("/")).query(&[("auth_id", "user1"), ("code", &other(&code))]);
        let head = head.bearer_auth(&door.key).send().await?;
        ensure!(head.status() == 200 && head.headers()["cache-control"] == "no-store", "{head:?}");
        ensure!(head.bytes().await?.is_empty());
    }
    assert_eq!(door.check("user1", &other(&code)).await?, wrong(2));
    let asked = door.asks("user1", &code).send().await?;
    ensure!(asked.status() == 200 && asked.headers()["cache-control"] == "no-store", "{asked:?}");
    let log = door.server.log()?;
    ensure!(!log.contains(&code) && !log.contains("auth_id="), "what was asked is not logged");
    Ok(())
}

async fn whoever_opted_out_gets_no_code(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    play::text(&door.server, ANN.1, OURS, "STOP").await?;
    play::settled(&door.server).await?;
    let heard = door.told(ANN.1).await?.len();
    told(&door.post(&ask("user1", ANN.0)).await?, 403, "NumberOptedOut")?;
    assert_eq!(door.check("user1", "1234").await?, unknown());
    ensure!(door.told(ANN.1).await?.len() == heard && balance(&door.server, &door.client).await? == "100.0000");
    Ok(())
}

async fn what_costs_too_much_or_goes_nowhere_is_told(layout: Layout) -> Result {
    let door = CodesDoor::of(Builder::new(layout).await?, "0.0001").await?;
    told(&door.post(&ask("user1", ANN.0)).await?, 402, "BalanceTooLow")?;
    assert_eq!(door.check("user1", "1234").await?, unknown());
    // there is neither a number for them nor a route
    let server = Builder::new(layout).await?.start().await?;
    let client = customer(&server, "100", json!({})).await?;
    let theirs = key(&server, &client, &["verify"]).await?;
    let asked = server.http.post(server.url("/")).bearer_auth(&theirs).body(ask("user1", ANN.0).to_string());
    told(&answered(asked).await?, 503, "NoRoute")
}

async fn numbers_that_cost_more_are_refused(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    told(&door.post(&ask("user1", PREMIUM)).await?, 403, "CountryNotAllowed")?;
    assert_eq!(balance(&door.server, &door.client).await?, "100.0000");
    Ok(())
}

async fn nobody_gets_more_than_they_may(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    for nth in 0..HOURLY {
        door.create(&format!("user{nth}"), ANN.0).await?;
    }
    let asked = door.server.http.post(door.server.url("/")).bearer_auth(&door.key);
    let refused = asked.body(ask("user77", ANN.0).to_string()).send().await?;
    let wait = refused.headers().get("retry-after").context("no Retry-After")?.to_str()?.parse::<u64>()?;
    // a count lasts up to a minute longer than its hour
    ensure!((1..=3_660).contains(&wait), "{wait}");
    let refused = (refused.status().as_u16(), refused.json().await?);
    told(&refused, 429, "TooManyRequests")?;
    assert_eq!(door.check("user77", "1234").await?, unknown());
    door.create("user78", BOB.0).await?;
    drained(&door.server).await
}

/// Numbers beside each other, of people who never come back.
async fn what_the_guard_blocks_is_told(layout: Layout) -> Result {
    const NUMBERS: usize = 12;
    let builder = Builder::new(layout).await?.set("guard.mode", "enforce");
    let door = CodesDoor::of(builder, "100").await?;
    let mut passed = 0;
    for nth in 0..NUMBERS {
        let answer = door.post(&ask(&format!("user{nth}"), &format!("1206555{:04}", 200 + nth))).await?;
        if answer.0 != 200 {
            told(&answer, 429, "Blocked")?;
            break;
        }
        passed += 1;
    }
    ensure!((1..NUMBERS).contains(&passed), "{passed} passed");
    drained(&door.server).await
}

async fn what_fails_inside_is_told_as_that(layout: Layout) -> Result {
    let door = CodesDoor::long(layout).await?;
    tamper(&door.server, "ALTER TABLE sb_verification RENAME TO sb_nothing").await?;
    let answer = door.post(&ask("user1", ANN.0)).await?;
    tamper(&door.server, "ALTER TABLE sb_nothing RENAME TO sb_verification").await?;
    told(&answer, 500, "InternalError")?;
    ensure!(!answer.1.to_string().contains("sb_"), "{}", answer.1);
    assert_eq!(door.check("user1", "1234").await?, unknown());
    Ok(())
}

on_both_engines!(
    what_is_not_as_it_must_be_is_told,
    a_question_that_is_none_uses_up_no_try,
    whoever_opted_out_gets_no_code,
    what_costs_too_much_or_goes_nowhere_is_told,
    numbers_that_cost_more_are_refused,
    nobody_gets_more_than_they_may,
    what_the_guard_blocks_is_told,
    what_fails_inside_is_told_as_that,
);
