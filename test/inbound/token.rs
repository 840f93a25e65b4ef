//! While a carrier's token is being changed, nothing that it posts is lost: the one before is believed for a while, the
//! next one ahead; neither calls the carrier, and neither is shown.

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::play::{
    OURS, PERSON, PUBLIC, account, builder, call, form, get, number, post_twilio, received, settled, twilio,
};
use crate::harness::carrier::{ACCOUNT, TOKEN, signature::sign};
use crate::harness::{Layout, Result, Server, until};
use crate::on_both_engines;
use crate::operations::openmetrics;

const SMS: &str = "/webhooks/twilio/sms";

pub async fn change(server: &Server, account: &str, body: Value) -> Result<(u16, Value)> {
    let body = crate::messages::with(json!({"check": false}), body);
    call(server, Method::PATCH, &format!("/v1/accounts/{account}"), Some(body)).await
}

/// The same, where it must go well.
pub async fn changed(server: &Server, account: &str, body: Value) -> Result<Value> {
    let (status, answer) = change(server, account, body).await?;
    ensure!(status == 200, "{status} {answer}");
    Ok(answer)
}

pub fn token(token: &str) -> Value {
    json!({"credentials": {"account_sid": ACCOUNT, "auth_token": token}})
}

pub fn and(body: Value, more: Value) -> Value {
    crate::messages::with(body, more)
}

/// What each of these tokens gets at the door of texts, receipts, and a JSON post.
pub async fn believed(server: &Server, tokens: &[&str]) -> Result<Vec<u16>> {
    let mut answers = Vec::new();
    for token in tokens {
        let sid = format!("SM{:032x}", rand::random::<u128>());
        let text = post_twilio(server, SMS, &form(&sid, "hello"), token).await?.0;
        let receipt = [("MessageSid", &*sid), ("AccountSid", ACCOUNT), ("MessageStatus", "sent")];
        let receipt = post_twilio(server, "/webhooks/twilio/status", &receipt, token).await?.0;
        // one may be the last that is believed
        answers.push(if matches!((text, receipt), (200, 204) | (403, 403)) { text } else { 0 });
    }
    Ok(answers)
}

fn millis(at: &Value) -> Result<i64> {
    let at = at.as_str().context("a time")?;
    Ok(i64::try_from(OffsetDateTime::parse(at, &Rfc3339)?.unix_timestamp_nanos() / 1_000_000)?)
}

fn ends_in(token: &Value, seconds: i64) -> Result {
    let left = millis(&token["until"])? - switchboard::model::Clock::default().now_ms();
    ensure!((seconds - 60) * 1000 < left && left <= seconds * 1000, "{token}: {left} ms");
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "one story")]
async fn the_token_before_is_believed_for_a_while(layout: Layout) -> Result {
    let server = builder(layout)
        .await?
        .set("retention.remove_every", "200ms")
        .set("inbound.receipt_patience", "100ms")
        .start()
        .await?;
    let made = account(&server, "twilio", token("first")["credentials"].clone(), json!({})).await?;
    number(&server, &made, OURS, json!({})).await?;
    let path = format!("/v1/accounts/{made}");
    assert_eq!(get(&server, &path).await?["earlier_tokens"], json!([]));
    let shown = changed(&server, &made, token("second")).await?;
    ends_in(&shown["earlier_tokens"][0], 15 * 60)?;
    assert_eq!(believed(&server, &["first", "second", "third", ""]).await?, [200, 200, 403, 403]);
    // changed again before the carrier has it, or mistyped: what came before is good still
    let shown = changed(&server, &made, and(token("typo"), json!({"previous_valid_for": "24h"}))).await?;
    ends_in(&shown["earlier_tokens"][1], 24 * 3600)?;
    let shown = changed(&server, &made, token("third")).await?;
    ensure!(shown["earlier_tokens"].as_array().map(Vec::len) == Some(3), "{shown}");
    assert_eq!(believed(&server, &["first", "second", "typo", "third"]).await?, [200; 4]);
    // the same again is no change, and what becomes the account's own is none of the others
    let shown = changed(&server, &made, token("third")).await?;
    ensure!(shown["earlier_tokens"].as_array().map(Vec::len) == Some(3), "{shown}");
    changed(&server, &made, token("first")).await?;
    assert_eq!(believed(&server, &["first", "second", "typo", "third"]).await?, [200; 4]);

    // each use is counted, and seen some seconds later
    until("the uses", async || {
        let tokens = get(&server, &path).await?["earlier_tokens"].clone();
        let used = tokens
            .as_array()
            .context("tokens")?
            .iter()
            .all(|token| token["uses"].as_i64() >= Some(2) && token["last_used_at"].is_string());
        Ok(used.then_some(()))
    })
    .await?;
    let metrics = openmetrics::of(&server).await?;
    let earlier = [("account", &*made), ("token", "earlier")];
    ensure!(metrics.value("switchboard_inbound_other_tokens_total", &earlier) >= 8);

    // whatever is wrong is named, and changes nothing
    for (body, field) in [
        (json!({"previous_valid_for": "25h"}), "previous_valid_for"),
        (json!({"previous_valid_for": "soon"}), "previous_valid_for"),
        (json!({"previous_valid_for": ""}), "previous_valid_for"),
        (json!({"promote": true}), "promote"),
        (and(token("x"), json!({"promote": true})), "promote"),
        (json!({"next_token": "first"}), "next_token"),
        (json!({"next_token": "next\n"}), "next_token"),
        (json!({"next_token": " next"}), "next_token"),
    ] {
        let (status, problem) = change(&server, &made, body.clone()).await?;
        ensure!(status == 400 && problem["field"] == field, "{body}: {status} {problem}");
    }
    assert_eq!(believed(&server, &["first", "second"]).await?, [200; 2]);

    // they can be given another end, and are erased when it has come
    changed(&server, &made, json!({"previous_valid_for": "1s"})).await?;
    until("the end of the earlier ones", async || {
        Ok((believed(&server, &["second", "typo", "third"]).await? == [403; 3]).then_some(()))
    })
    .await?;
    until("their removal", async || Ok(server.rows("SELECT id FROM sb_account_token").await?.is_empty().then_some(())))
        .await?;
    assert_eq!(get(&server, &path).await?["earlier_tokens"], json!([]));
    let (status, problem) = change(&server, &made, json!({"previous_valid_for": "1h"})).await?;
    ensure!(status == 400 && problem["field"] == "previous_valid_for", "there is none: {status} {problem}");

    // one that has leaked is good no longer, nor are those before it
    changed(&server, &made, token("fourth")).await?;
    changed(&server, &made, and(token("fifth"), json!({"previous_valid_for": "0s"}))).await?;
    assert_eq!(believed(&server, &["first", "fourth", "fifth"]).await?, [403, 403, 200]);

    // nothing of them is shown, and all is written down
    let log = get(&server, "/v1/audit?limit=200").await?;
    let actions = log["data"].as_array().into_iter().flatten().filter(|entry| entry["action"] == "account.credentials");
    ensure!(actions.clone().count() == 8, "{log}");
    ensure!(actions.filter(|entry| entry["before"] != entry["after"]).count() >= 6, "{log}");
    let said = format!("{log}{}{}", get(&server, &path).await?, server.log()?);
    for secret in ["second", "typo", "third", "fourth"] {
        ensure!(!said.contains(&format!("\"{secret}\"")), "{secret} in {said}");
    }
    settled(&server).await
}

async fn the_next_token_is_believed_ahead(layout: Layout) -> Result {
    let server = builder(layout).await?.set("inbound.receipt_patience", "100ms").start().await?;
    let made = twilio(&server).await?;
    number(&server, &made, OURS, json!({})).await?;
    let path = format!("/v1/accounts/{made}");
    assert_eq!(get(&server, &path).await?["next_token"], Value::Null);
    let shown = changed(&server, &made, json!({"next_token": "mistyped"})).await?;
    ends_in(&shown["next_token"], 7 * 24 * 3600)?;
    // one takes the place of the other; an empty one takes it away
    changed(&server, &made, json!({"next_token": "next"})).await?;
    assert_eq!(believed(&server, &[TOKEN, "next", "mistyped"]).await?, [200, 200, 403]);
    let shown = changed(&server, &made, json!({"next_token": ""})).await?;
    assert_eq!((&shown["next_token"], believed(&server, &["next"]).await?), (&Value::Null, vec![403]));
    // JSON is signed by its URL
    changed(&server, &made, json!({"next_token": "next"})).await?;
    let body = json!({"MessageSid": "SMjson", "AccountSid": ACCOUNT, "From": PERSON, "To": OURS, "Body": "in JSON"});
    let digest = switchboard::crypto::hash::sha256_hex(body.to_string().as_bytes());
    let json_path = format!("{SMS}?bodySHA256={digest}");
    let posted = server.http.post(server.url(&json_path)).header("content-type", "application/json");
    let posted = posted.header("X-Twilio-Signature", sign("next", &format!("{PUBLIC}{json_path}"), &[]));
    assert_eq!(posted.body(body.to_string()).send().await?.status(), 200);
    // it takes its place: the one before is believed for a while
    let shown = changed(&server, &made, json!({"promote": true})).await?;
    assert_eq!(shown["next_token"], Value::Null);
    ends_in(&shown["earlier_tokens"][0], 15 * 60)?;
    assert_eq!(believed(&server, &[TOKEN, "next"]).await?, [200, 200]);
    let (status, problem) = change(&server, &made, json!({"promote": true})).await?;
    ensure!(status == 400 && problem["field"] == "promote", "{status} {problem}");
    // entered as credentials, it is promoted as well
    changed(&server, &made, json!({"next_token": "last"})).await?;
    let shown = changed(&server, &made, and(token("last"), json!({"previous_valid_for": "0s"}))).await?;
    assert_eq!((&shown["next_token"], &shown["earlier_tokens"]), (&Value::Null, &json!([])));
    assert_eq!(believed(&server, &[TOKEN, "next", "last"]).await?, [403, 403, 200]);
    settled(&server).await?;
    ensure!(received(&server).await?.iter().any(|row| row[2] == "in JSON"));
    assert_eq!(
        call(&server, Method::DELETE, &format!("/v1/numbers/{}", only_number(&server).await?), None).await?.0,
        204
    );
    changed(&server, &made, json!({"next_token": "more"})).await?;
    assert_eq!(call(&server, Method::DELETE, &path, None).await?.0, 204);
    assert_eq!(server.rows("SELECT id FROM sb_account_token").await?.len(), 0, "forgotten with their account");
    Ok(())
}

async fn only_number(server: &Server) -> Result<String> {
    let numbers = get(server, "/v1/numbers").await?;
    Ok(numbers["data"][0]["id"].as_str().context("a number")?.to_owned())
}

on_both_engines!(the_token_before_is_believed_for_a_while, the_next_token_is_believed_ahead,);
