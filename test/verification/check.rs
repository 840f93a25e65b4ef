//! Codes as people type them, and what is no code.

use anyhow::ensure;
use serde_json::{Value, json};

use super::scene::{
    ANN, BEN, CODE, WRONG, asked, checked, checked_of, consistent, made, of_code, path, ready, shown, verdict,
};
use crate::events::receiver::Receiver;
use crate::events::{self, call, endpoint};
use crate::harness::{Builder, Layout, Result};
use crate::messages::person;
use crate::on_both_engines;
use crate::relay::client::{By, ask};
use crate::relay::scene::customer;

async fn codes_are_read_as_people_type_them(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    for (nth, typed) in [
        "٠١٢٣٤٥",
        "۰۱۲۳۴۵",
        "०१२३४५",
        "０１２３４５",
        " 012 345",
        "012-345",
        "012.345",
        "\u{a0}012\u{a0}345",
        "\u{200b}012345\u{200b}",
        "\u{200e}012345\u{200e}",
    ]
    .into_iter()
    .enumerate()
    {
        let verification = made(&server, &person(nth), json!({"code": "012345"})).await?;
        let answer = checked(&server, &verification, typed).await?;
        ensure!(answer["valid"] == true, "{typed:?}: {answer}");
    }
    consistent(&server).await
}

async fn what_is_no_code_takes_no_try(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let verification = made(&server, ANN, json!({"code": "012345"})).await?;
    let path = format!("{}/check", path(&verification)?);
    for code in [
        json!(12_345),
        json!("12345"),
        json!("0123456"),
        json!("12345a"),
        json!(""),
        json!(" "),
        json!(null),
        json!(["012345"]),
        json!("012,345"),
    ] {
        let (status, problem) = call(&server, "POST", &path, Some(json!({ "code": code }))).await?;
        ensure!(status == 400, "{code}: {status} {problem}");
    }
    let tries = server.rows("SELECT tries FROM sb_verification").await?.concat();
    ensure!(tries == ["0"], "{tries:?}");
    ensure!(checked(&server, &verification, "012345").await?["valid"] == true);
    consistent(&server).await
}

async fn a_number_is_read_as_when_it_was_asked_for(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    for written in ["12065550110", " 12065550110", "tel:+1-206-555-0110", "+1 (206) 555-0110"] {
        made(&server, "+1 (206) 555-0110", json!({ "code": CODE })).await?;
        let (status, answer) = checked_of(&server, written, CODE).await?;
        ensure!(status == 200 && answer["valid"] == true && answer["to"] == ANN, "{written}: {status} {answer}");
    }
    // carriers write it in two ways
    made(&server, "+5215512345678", json!({ "code": CODE })).await?;
    let (status, answer) = checked_of(&server, "+525512345678", CODE).await?;
    ensure!(status == 200 && answer["valid"] == true && answer["to"] == "+5215512345678", "{status} {answer}");
    consistent(&server).await
}

async fn another_clients_is_as_unknown_as_one_that_is_not_there(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let (ann, ben) = (customer(&server, "10", json!({})).await?, customer(&server, "10", json!({})).await?);
    let order = |code: &str| json!({"to": ANN, "code": code});
    let made = async |client: &str, code: &str| -> Result<Value> {
        let (status, _, answer) =
            ask(&server, By::AdminFor(client), "POST", "/v1/verifications", Some(order(code))).await?;
        ensure!(status == 201, "{status} {answer}");
        Ok(answer)
    };
    let (of_ann, of_ben) = (made(&ann, "111111").await?, made(&ben, "222222").await?);
    let missing = json!({ "id": format!("ver_{}", "0".repeat(32)) });
    for way in ["check", "resend", "cancel", ""] {
        let mut answers = Vec::new();
        for of in [&of_ann, &missing] {
            let path = format!("{}/{way}", path(of)?);
            let (method, body) = if way.is_empty() { ("GET", None) } else { ("POST", Some(json!({}))) };
            let body = if way == "check" { Some(json!({"code": "111111"})) } else { body };
            let (status, _, answer) =
                ask(&server, By::AdminFor(&ben), method, path.trim_end_matches('/'), body).await?;
            answers.push((status, answer));
        }
        ensure!(answers[0].0 == 404 && answers[0] == answers[1], "{way}: {answers:?}");
    }
    // each text opens its own, and a code of the other's uses a try of its own
    for (client, of, code) in [(&ann, &of_ann, "111111"), (&ben, &of_ben, "222222")] {
        let path = format!("{}/check", path(of)?);
        let body = Some(json!({ "code": code }));
        let (_, _, answer) = ask(&server, By::AdminFor(client), "POST", &path, body).await?;
        ensure!(answer["valid"] == true, "{answer}");
    }
    consistent(&server).await
}

async fn a_number_swapped_at_the_check_uses_no_try(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let (of_ann, of_ben) = (of_code(&server, ANN).await?, made(&server, BEN, json!({"code": "8173640925"})).await?);
    let cleo = "+12065550112";
    let (status, problem) = checked_of(&server, cleo, CODE).await?;
    ensure!(status == 404, "nothing is pending there: {status} {problem}");
    for one in [&of_ann, &of_ben] {
        ensure!(shown(&server, one).await?["attempts_left"] == 5, "{one}");
    }
    // one that has a code of its own is not opened by another's, and that is a guess at its own
    let (status, answer) = checked_of(&server, BEN, CODE).await?;
    ensure!(status == 200 && verdict("pending", false, 4)(&answer), "{status} {answer}");
    ensure!(shown(&server, &of_ann).await?["attempts_left"] == 5);
    for (to, code) in [(ANN, CODE), (BEN, "8173640925")] {
        let (status, answer) = checked_of(&server, to, code).await?;
        ensure!(status == 200 && answer["valid"] == true, "{status} {answer}");
    }
    consistent(&server).await
}

async fn a_hundred_wrong_codes_a_day_are_enough(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let builder = events::builder(layout).await?.set("verification.max_checks", 60);
    let server = ready(builder.set("verification.limits.recipient_per_hour", 0)).await?;
    endpoint(&server, &receiver.url("/"), &["verification.checks_blocked"]).await?;
    let mut verification = of_code(&server, ANN).await?;
    for nth in 0..100 {
        if nth == 60 {
            verification = of_code(&server, ANN).await?;
        }
        let answer = checked(&server, &verification, WRONG).await?;
        ensure!(answer["status"] == "pending", "{nth}: {answer}");
    }
    let check = format!("{}/check", path(&verification)?);
    for code in [WRONG, CODE] {
        let (status, problem) = call(&server, "POST", &check, Some(json!({ "code": code }))).await?;
        ensure!(status == 429, "{status} {problem}");
    }
    // sends are not touched, nor is anybody else
    ensure!(asked(&server, ANN, json!({ "code": CODE })).await?.0 == 201);
    let beside = of_code(&server, BEN).await?;
    ensure!(checked(&server, &beside, CODE).await?["valid"] == true);
    let told = receiver.wait(1).await?;
    ensure!(told.len() == 1, "once: {} times", told.len());
    let event = told[0].json()?;
    ensure!(event["data"]["to"] == ANN && event["data"]["status"] == "pending", "{event}");
    let (status, problem) = call(&server, "POST", "/v1/guard/reset", Some(json!({ "to": ANN }))).await?;
    ensure!(status == 204, "{status} {problem}");
    let answer = checked(&server, &verification, WRONG).await?;
    ensure!(verdict("pending", false, 19)(&answer), "what was blocked took no try: {answer}");
    ensure!(checked(&server, &verification, CODE).await?["valid"] == true);
    consistent(&server).await
}

async fn an_approval_lets_wrong_codes_be_forgotten(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?.set("verification.max_checks", 99)).await?;
    let counted = "SELECT failures FROM sb_verification_failure";
    for _ in 0..2 {
        let verification = of_code(&server, ANN).await?;
        for _ in 0..60 {
            ensure!(checked(&server, &verification, WRONG).await?["status"] == "pending");
        }
        let failures = server.rows(counted).await?.concat();
        ensure!(failures == ["60"], "{failures:?}");
        ensure!(checked(&server, &verification, CODE).await?["valid"] == true);
        ensure!(server.rows(counted).await?.is_empty());
    }
    consistent(&server).await
}

on_both_engines!(
    codes_are_read_as_people_type_them,
    what_is_no_code_takes_no_try,
    a_number_is_read_as_when_it_was_asked_for,
    another_clients_is_as_unknown_as_one_that_is_not_there,
    a_number_swapped_at_the_check_uses_no_try,
    a_hundred_wrong_codes_a_day_are_enough,
    an_approval_lets_wrong_codes_be_forgotten,
);
