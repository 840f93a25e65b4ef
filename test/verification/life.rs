//! A verification from its first code to its end.

use anyhow::ensure;
use serde_json::{Value, json};

use super::scene::{
    ANN, BEN, CODE, VERIFICATIONS, WRONG, asked, checked, checked_of, code_in, consistent, made, of_code, path, ready,
    shown, texts, verdict,
};
use crate::events::receiver::Receiver;
use crate::events::{self, call, endpoint, text, well};
use crate::harness::{Builder, Layout, Result, until};
use crate::on_both_engines;
use crate::snapshots::hold_inline;

async fn a_code_is_texted_and_opens_it_once(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let verification = made(&server, ANN, json!({"name": "Acme", "metadata": {"user": 7}})).await?;
    let wanted = json!({"id": "ver_…", "service_id": null, "to": ANN, "channel": "sms", "status": "pending",
        "attempts_left": 5, "sends": 1, "sends_left": 4, "code_length": 6, "name": "Acme", "locale": null,
        "fallback": [], "metadata": {"user": 7}, "warnings": [], "expires_at": "(time)", "created_at": "(time)",
        "updated_at": "(time)", "ended_at": null});
    hold_inline(&["Verification"], &verification, &wanted)?;
    ensure!(shown(&server, &verification).await? == verification);
    let told = texts(&server, ANN).await?;
    ensure!(told.len() == 1 && told[0].contains("Acme"), "{told:?}");
    let code = code_in(&told[0]);
    ensure!(code.len() == 6, "{told:?}");
    let wrong = if code == "123456" { "654321" } else { "123456" };
    let answer = checked(&server, &verification, wrong).await?;
    ensure!(verdict("pending", false, 4)(&answer), "{answer}");
    let answer = checked(&server, &verification, &code).await?;
    let wanted = json!({"id": "ver_…", "to": ANN, "status": "approved", "valid": true, "attempts_left": 0});
    hold_inline(&["VerificationCheck"], &answer, &wanted)?;
    let again = checked(&server, &verification, &code).await?;
    ensure!(verdict("approved", false, 0)(&again), "{again}");
    ensure!(shown(&server, &verification).await?["status"] == "approved");
    ensure!(checked_of(&server, ANN, &code).await?.0 == 404, "nothing is pending for it");
    // the text that told it does so no more
    let told = texts(&server, ANN).await?;
    ensure!(!told[0].contains(&code) && told[0].contains("••••"), "{told:?}");
    consistent(&server).await
}

async fn a_code_is_sent_again_the_same_and_not_too_often(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let first = made(&server, ANN, json!({})).await?;
    let second = made(&server, ANN, json!({})).await?;
    ensure!(second["id"] == first["id"] && second["sends"] == 2, "{second}");
    ensure!(second["expires_at"] == first["expires_at"], "it lives no longer for that");
    let resend = format!("{}/resend", path(&first)?);
    for sends in 3..=5 {
        let sent = well(&server, "POST", &resend, None).await?;
        ensure!(sent["sends"] == sends, "{sent}");
    }
    let (status, problem) = call(&server, "POST", &resend, None).await?;
    ensure!(status == 429, "{status} {problem}");
    ensure!(asked(&server, ANN, json!({})).await?.0 == 429);
    let told = texts(&server, ANN).await?;
    let codes: Vec<String> = told.iter().map(|text| code_in(text)).collect();
    ensure!(codes.len() == 5 && codes.iter().all(|code| *code == codes[0]), "{codes:?}");
    let answer = checked(&server, &first, &codes[4]).await?;
    ensure!(answer["valid"] == true, "{answer}");
    // another may begin at once
    let third = made(&server, ANN, json!({})).await?;
    ensure!(third["id"] != first["id"] && third["sends"] == 1, "{third}");
    consistent(&server).await
}

async fn one_that_is_canceled_opens_nothing_and_makes_way(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let first = of_code(&server, ANN).await?;
    let after = well(&server, "DELETE", &path(&first)?, None).await?;
    ensure!(after["status"] == "canceled" && !after["ended_at"].is_null(), "{after}");
    let (status, problem) = call(&server, "DELETE", &path(&first)?, None).await?;
    ensure!(status == 409, "{status} {problem}");
    let answer = checked(&server, &first, CODE).await?;
    ensure!(verdict("canceled", false, 0)(&answer), "{answer}");
    let second = of_code(&server, ANN).await?;
    ensure!(second["id"] != first["id"], "{second}");
    ensure!(checked(&server, &second, CODE).await?["valid"] == true);
    consistent(&server).await
}

async fn one_ends_when_its_time_is_over(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let server = ready(events::builder(layout).await?).await?;
    endpoint(&server, &receiver.url("/"), &["verification.*"]).await?;
    let short = made(&server, ANN, json!({"code": CODE, "ttl": "5s"})).await?;
    until("its end", async || Ok((shown(&server, &short).await?["status"] == "expired").then_some(()))).await?;
    let answer = checked(&server, &short, CODE).await?;
    ensure!(verdict("expired", false, 0)(&answer), "{answer}");
    until("nothing pending", async || {
        let left = server.rows("SELECT verification_id FROM sb_verification_pending").await?;
        Ok(left.is_empty().then_some(()))
    })
    .await?;
    receiver.wait(2).await?;
    let told: Vec<String> = receiver
        .posts()
        .iter()
        .map(|post| -> Result<String> { text(&serde_json::from_slice::<Value>(&post.body)?["type"]) })
        .collect::<Result<_>>()?;
    ensure!(told == ["verification.pending", "verification.expired"], "{told:?}");
    consistent(&server).await
}

async fn each_end_is_told_once_and_never_a_code(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let server = ready(events::builder(layout).await?).await?;
    endpoint(&server, &receiver.url("/"), &["verification.*"]).await?;
    let opened = of_code(&server, ANN).await?;
    for code in [WRONG, CODE, CODE, WRONG] {
        checked(&server, &opened, code).await?;
    }
    let canceled = of_code(&server, ANN).await?;
    well(&server, "DELETE", &path(&canceled)?, None).await?;
    checked(&server, &canceled, CODE).await?;
    let guessed = of_code(&server, BEN).await?;
    for _ in 0..7 {
        checked(&server, &guessed, WRONG).await?;
    }
    let mut told = Vec::new();
    for post in receiver.wait(6).await? {
        let event = post.json()?;
        ensure!(!event.to_string().contains(CODE), "{event}");
        let data = &event["data"];
        told.push((text(&data["id"])?, data["sequence"].clone(), text(&event["type"])?, data["attempts_left"].clone()));
    }
    let mut wanted = Vec::new();
    let ends = [(&opened, "approved", 3), (&canceled, "canceled", 5), (&guessed, "max_attempts_reached", 0)];
    for (one, end, left) in ends {
        wanted.push((text(&one["id"])?, json!(1), "verification.pending".to_owned(), json!(5)));
        wanted.push((text(&one["id"])?, json!(2), format!("verification.{end}"), json!(left)));
    }
    told.sort_by_key(|one| (one.0.clone(), one.2 != "verification.pending"));
    wanted.sort_by_key(|one| (one.0.clone(), one.2 != "verification.pending"));
    ensure!(told == wanted, "{told:?}, not {wanted:?}");
    consistent(&server).await
}

async fn with_little_time_left_there_is_a_new_one(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let first = made(&server, ANN, json!({"ttl": "90s"})).await?;
    let second = made(&server, ANN, json!({"ttl": "90s"})).await?;
    ensure!(second["id"] != first["id"], "{second}");
    ensure!(shown(&server, &first).await?["status"] == "deleted");
    consistent(&server).await
}

async fn a_service_has_settings_of_its_own(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let new = json!({"name": "Shop", "code_length": 8, "ttl": "5m", "max_checks": 2});
    let service = text(&well(&server, "POST", super::scene::SERVICES, Some(new)).await?["id"])?;
    let of = json!({"service": service});
    let verification = made(&server, BEN, of.clone()).await?;
    ensure!(verification["code_length"] == 8 && verification["name"] == "Shop", "{verification}");
    ensure!(verification["attempts_left"] == 2 && verification["service_id"] == service, "{verification}");
    let beside = made(&server, BEN, json!({})).await?;
    ensure!(beside["id"] != verification["id"], "one for each service");
    let (status, problem) = asked(&server, BEN, json!({"service": service, "code": CODE})).await?;
    ensure!(status == 400, "{status} {problem}");
    for left in [1, 0] {
        let answer = checked(&server, &verification, "00000000").await?;
        ensure!(verdict("pending", false, left)(&answer), "{answer}");
    }
    let answer = checked(&server, &verification, "00000000").await?;
    ensure!(verdict("max_attempts_reached", false, 0)(&answer), "{answer}");
    ensure!(
        call(&server, "GET", &format!("{VERIFICATIONS}?service={service}"), None).await?.1["data"][0]["id"]
            == verification["id"]
    );
    consistent(&server).await
}

async fn what_fails_at_its_carrier_goes_on_by_the_next_channel(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    // the loopback refuses every text there
    let verification = made(&server, "+15005550009", json!({"code": CODE, "fallback": ["call"]})).await?;
    ensure!(verification["fallback"] == json!(["call"]), "{verification}");
    let shown = until("a call", async || {
        let shown = shown(&server, &verification).await?;
        Ok((shown["channel"] == "call").then_some(shown))
    })
    .await?;
    ensure!(shown["status"] == "pending" && shown["fallback"] == json!([]), "{shown}");
    until("no job", async || {
        let left = server.rows("SELECT verification_id FROM sb_verification_fallback").await?;
        Ok(left.is_empty().then_some(()))
    })
    .await?;
    ensure!(checked(&server, &verification, CODE).await?["valid"] == true);
    consistent(&server).await
}

async fn wrong_codes_use_up_the_tries(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let verification = of_code(&server, ANN).await?;
    for left in (0..5).rev() {
        let answer = checked(&server, &verification, WRONG).await?;
        ensure!(verdict("pending", false, left)(&answer), "{left}: {answer}");
    }
    for code in [CODE, WRONG] {
        let answer = checked(&server, &verification, code).await?;
        ensure!(verdict("max_attempts_reached", false, 0)(&answer), "{answer}");
    }
    let next = of_code(&server, ANN).await?;
    ensure!(next["id"] != verification["id"] && checked(&server, &next, CODE).await?["valid"] == true, "{next}");
    consistent(&server).await
}

on_both_engines!(
    a_code_is_texted_and_opens_it_once,
    a_code_is_sent_again_the_same_and_not_too_often,
    one_that_is_canceled_opens_nothing_and_makes_way,
    one_ends_when_its_time_is_over,
    each_end_is_told_once_and_never_a_code,
    with_little_time_left_there_is_a_new_one,
    a_service_has_settings_of_its_own,
    what_fails_at_its_carrier_goes_on_by_the_next_channel,
    wrong_codes_use_up_the_tries,
);
