//! Twilio's Verify: codes by services, in Twilio's words and codes. Every reply is held against Twilio's own
//! description.

use anyhow::ensure;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::twilio_door::{ANN, BOB, VerifyDoor, other};
use crate::events::text;
use crate::harness::{Layout, Result};
use crate::on_both_engines;

/// What a check comes to.
fn verdict((status, answer): &(u16, Value)) -> (u16, Value, Value) {
    (*status, answer["status"].clone(), answer["valid"].clone())
}

async fn a_code_opens_its_verification_once(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let made = door.send(ANN).await?;
    ensure!(made["status"] == "pending" && made["valid"] == false && made["to"] == ANN, "{made}");
    ensure!(made["send_code_attempts"].as_array().is_some_and(|sent| sent.len() == 1), "{made}");
    let code = door.code(ANN, 1).await?;
    ensure!(door.texts(ANN).await? == [format!("Your Acme verification code is: {code}")]);
    assert_eq!(verdict(&door.check(ANN, &other(&code)).await?), (201, json!("pending"), json!(false)));

    // once more: the same one, and the same code
    let again = door.send(ANN).await?;
    ensure!(again["sid"] == made["sid"] && again["date_created"] == made["date_created"], "{again}");
    ensure!(again["send_code_attempts"].as_array().is_some_and(|sent| sent.len() == 2), "{again}");
    ensure!(again["send_code_attempts"][0] == made["send_code_attempts"][0], "oldest first: {again}");
    assert_eq!(door.code(ANN, 2).await?, code);
    let url = text(&made["url"])?;
    ensure!(door.well("GET", &url, &[]).await? == again);
    ensure!(door.well("GET", &door.path(&format!("Verifications/{ANN}")), &[]).await? == again);

    assert_eq!(verdict(&door.check(ANN, &code).await?), (201, json!("approved"), json!(true)));
    for _ in 0..2 {
        ensure!(door.check(ANN, &code).await?.0 == 404, "it opens nothing any more");
    }
    door.refused("GET", &url, &[], (404, 20404)).await?;
    door.refused("POST", &url, &[("Status", "canceled")], (404, 20404)).await?;
    ensure!(door.send(ANN).await?["sid"] != made["sid"], "and another begins");
    door.close(8).await
}

async fn of_two_right_codes_at_once_one_opens_it(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    for round in 0..3 {
        door.send(ANN).await?;
        let code = door.code(ANN, round + 1).await?;
        let told = join_all((0..2).map(|_| door.check(ANN, &code))).await.into_iter().collect::<Result<Vec<_>>>()?;
        let mut statuses: Vec<u16> = told.iter().map(|(status, _)| *status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 404], "{told:?}");
    }
    door.close(3).await
}

async fn five_codes_may_be_tried_and_five_sent(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let made = door.send(ANN).await?;
    let code = door.code(ANN, 1).await?;
    for _ in 0..5 {
        assert_eq!(verdict(&door.check(ANN, &other(&code)).await?), (201, json!("pending"), json!(false)));
    }
    let by_sid = [("VerificationSid", made["sid"].as_str().unwrap_or_default()), ("Code", code.as_str())];
    let (check, url) = (door.path("VerificationCheck"), text(&made["url"])?);
    door.refused("POST", &check, &[("To", ANN), ("Code", &code)], (429, 60202)).await?;
    door.refused("POST", &check, &by_sid, (429, 60202)).await?;
    assert_eq!(door.well("GET", &url, &[]).await?["status"], "max_attempts_reached");

    let form = [("To", BOB), ("Channel", "sms")];
    for _ in 0..5 {
        door.send(BOB).await?;
    }
    let code = door.code(BOB, 5).await?;
    door.refused("POST", &door.path("Verifications"), &form, (429, 60203)).await?;
    // what was refused has changed nothing
    assert_eq!(verdict(&door.check(BOB, &code).await?), (201, json!("approved"), json!(true)));
    ensure!(door.texts(BOB).await?.len() == 5);
    door.close(12).await
}

async fn one_is_given_up_or_approved_elsewhere(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let made = door.send(ANN).await?;
    let code = door.code(ANN, 1).await?;
    let canceled = door.well("POST", &text(&made["url"])?, &[("Status", "canceled")]).await?;
    ensure!(canceled["status"] == "canceled" && canceled["sid"] == made["sid"], "{canceled}");
    ensure!(door.check(ANN, &code).await?.0 == 404);
    let anew = door.send(ANN).await?;
    ensure!(anew["sid"] != made["sid"], "right behind it another: {anew}");
    let path = door.path(&format!("Verifications/{ANN}"));
    let approved = door.well("POST", &path, &[("Status", "approved")]).await?;
    ensure!(approved["status"] == "approved" && approved["valid"] == true, "{approved}");
    for status in ["pending", "expired", ""] {
        door.send(BOB).await?;
        let path = door.path(&format!("Verifications/{BOB}"));
        door.refused("POST", &path, &[("Status", status)], (400, 60200)).await?;
    }
    door.close(8).await
}

async fn a_number_is_read_in_all_its_forms(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    for (nth, form) in ["12065550110", "tel:+12065550110", " 12065550110", "+1-206-555-0110"].into_iter().enumerate() {
        let made = door.send("+1 (206) 555-0110").await?;
        assert_eq!(made["to"], ANN);
        let code = door.code(ANN, nth + 1).await?;
        let spaced = format!(" {}\u{a0}{}\u{200e}", &code[..3], &code[3..]);
        assert_eq!(verdict(&door.check(form, &spaced).await?), (201, json!("approved"), json!(true)), "{form}");
    }
    door.close(8).await
}

on_both_engines!(
    a_code_opens_its_verification_once,
    of_two_right_codes_at_once_one_opens_it,
    five_codes_may_be_tried_and_five_sent,
    one_is_given_up_or_approved_elsewhere,
    a_number_is_read_in_all_its_forms,
);
