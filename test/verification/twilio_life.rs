//! What becomes of verifications at Verify's door once their time, their tries or their person's are over, and payments.

use anyhow::ensure;
use serde_json::{Value, json};

use super::twilio_door::{ANN, BOB, VerifyDoor, other};
use crate::events::text;
use crate::harness::{Layout, Result, until};
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::balance;
use crate::relay::scene::{act_well, tamper};

const CANCEL: [(&str, &str); 1] = [("Status", "canceled")];
const GONE: (u16, u64) = (404, 20404);

async fn what_has_expired_is_forgotten(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let made = door.send(ANN).await?;
    let (sid, code, check) = (text(&made["sid"])?, door.code(ANN, 1).await?, door.path("VerificationCheck"));
    tamper(&door.server, "UPDATE sb_verification SET expires_ms = created_ms").await?;
    door.refused("POST", &check, &[("To", ANN), ("Code", &code)], GONE).await?;
    door.refused("POST", &check, &[("VerificationSid", &sid), ("Code", &code)], GONE).await?;
    for name in [sid.as_str(), ANN] {
        let path = door.path(&format!("Verifications/{name}"));
        door.refused("GET", &path, &[], GONE).await?;
        door.refused("POST", &path, &CANCEL, GONE).await?;
        door.refused("POST", &path, &[("Status", "approved")], GONE).await?;
    }
    let anew = door.send(ANN).await?;
    ensure!(anew["sid"] != made["sid"] && anew["status"] == "pending", "{anew}");
    ensure!(door.check(ANN, &door.code(ANN, 2).await?).await?.1["status"] == "approved");
    door.close(4).await
}

async fn what_was_guessed_at_is_shown_until_another_begins(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let made = door.send(ANN).await?;
    let code = door.code(ANN, 1).await?;
    for _ in 0..5 {
        ensure!(door.check(ANN, &other(&code)).await?.0 == 201);
    }
    let paths = [text(&made["url"])?, door.path(&format!("Verifications/{ANN}"))];
    for path in &paths {
        ensure!(door.well("GET", path, &[]).await?["status"] == "max_attempts_reached");
        ensure!(door.well("POST", path, &CANCEL).await?["status"] == "max_attempts_reached");
        door.refused("POST", path, &[("Status", "approved")], GONE).await?;
    }
    let anew = door.send(ANN).await?;
    ensure!(anew["sid"] != made["sid"], "{anew}");
    ensure!(door.well("GET", &paths[1], &[]).await?["sid"] == anew["sid"]);
    door.close(12).await
}

/// Asks with the payment in the form.
async fn pay(door: &VerifyDoor, path: &str, [first, second]: [(&str, &str); 2]) -> Result<(u16, Value)> {
    door.ask("POST", path, &[first, second, ("Amount", "€39.99"), ("Payee", "Acme")]).await
}

async fn a_payment_is_confirmed_by_its_own_check(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let bank = door.serve(&[("FriendlyName", "Bank"), ("Psd2Enabled", "true")]).await?;
    let (sent, check) = (format!("{bank}/Verifications"), format!("{bank}/VerificationCheck"));
    ensure!(pay(&door, &sent, [("To", ANN), ("Channel", "sms")]).await?.0 == 201);
    let code = door.code(ANN, 1).await?;
    let told = door.texts(ANN).await?;
    ensure!(told[0].contains("€39.99") && told[0].contains("Acme"), "{told:?}");
    // another payment uses no try, however often
    let another = [("To", ANN), ("Code", code.as_str()), ("Amount", "€3.99"), ("Payee", "Acme")];
    for _ in 0..6 {
        door.refused("POST", &check, &another, (400, 60200)).await?;
    }
    door.refused("POST", &check, &another[..2], (400, 60206)).await?;
    let (status, told) = pay(&door, &check, [("To", ANN), ("Code", &code)]).await?;
    ensure!(status == 201 && told["status"] == "approved" && told["amount"] == "€39.99", "{status} {told}");
    ensure!(pay(&door, &check, [("To", ANN), ("Code", &code)]).await?.0 == 404);

    ensure!(pay(&door, &sent, [("To", BOB), ("Channel", "sms")]).await?.0 == 201);
    let code = door.code(BOB, 1).await?;
    for _ in 0..5 {
        ensure!(pay(&door, &check, [("To", BOB), ("Code", &other(&code))]).await?.0 == 201);
    }
    let (status, told) = pay(&door, &check, [("To", BOB), ("Code", &code)]).await?;
    ensure!(status == 429 && told["code"] == 60202, "{status} {told}");
    door.close(8).await
}

async fn a_hundred_wrong_codes_are_enough_for_a_day(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    door.send(ANN).await?;
    let code = door.code(ANN, 1).await?;
    ensure!(door.check(ANN, &other(&code)).await?.0 == 201);
    tamper(&door.server, "UPDATE sb_verification_failure SET failures = 100").await?;
    let (check, form) = (door.path("VerificationCheck"), [("To", ANN), ("Code", code.as_str())]);
    door.refused("POST", &check, &form, (429, 60202)).await?;
    // sends are not touched, nor is anybody else
    ensure!(door.send(ANN).await?["status"] == "pending");
    door.send(BOB).await?;
    ensure!(door.check(BOB, &door.code(BOB, 1).await?).await?.1["status"] == "approved");
    act_well(&door.server, &door.client.id, "POST", "/v1/guard/reset", Some(json!({"to": ANN}))).await?;
    ensure!(door.check(ANN, &code).await?.1["status"] == "approved");
    door.close(5).await
}

async fn no_other_number_gets_round_an_opt_out(layout: Layout) -> Result {
    // the loopback carrier says of it that it has opted out
    const OUT: &str = "+15005550004";
    let door = VerifyDoor::open(layout).await?;
    door.send(OUT).await?;
    until("an opt-out", async || {
        let known = door.server.rows("SELECT COUNT(*) FROM sb_opt_out").await?.concat();
        Ok((known == ["1"]).then_some(()))
    })
    .await?;
    // the number that they know is chosen no more
    let numbers = act_well(&door.server, &door.client.id, "GET", "/v1/numbers", None).await?;
    let known = format!("/v1/numbers/{}", text(&numbers["data"][0]["id"])?);
    act_well(&door.server, &door.client.id, "PATCH", &known, Some(json!({"reserved": true}))).await?;
    door.number(&door.client, "+12125550179").await?;
    let form = [("To", OUT), ("Channel", "sms")];
    for _ in 0..2 {
        door.refused("POST", &door.path("Verifications"), &form, (400, 21610)).await?;
    }
    drained(&door.server).await?;
    assert_eq!(door.server.rows("SELECT COUNT(*) FROM sb_message").await?.concat(), ["1"]);
    ensure!(balance(&door.server, &door.client).await? == "100.0000", "what failed is refunded");
    door.close(2).await
}

/// The pages of a list, of two items each: they are the same on the way back.
async fn turned(door: &VerifyDoor, path: &str, key: &str, pages: usize) -> Result {
    let mut page = door.well("GET", &format!("{path}?PageSize=2"), &[]).await?;
    ensure!(page["meta"]["previous_page_url"].is_null(), "{page}");
    let mut seen: Vec<Value> = vec![page[key].clone()];
    while let Some(next) = page["meta"]["next_page_url"].as_str().map(str::to_owned) {
        page = door.well("GET", &next, &[]).await?;
        seen.push(page[key].clone());
    }
    ensure!(seen.len() == pages, "{path}: {} pages: {seen:?}", seen.len());
    for wanted in seen.iter().rev().skip(1) {
        let previous = text(&page["meta"]["previous_page_url"])?;
        page = door.well("GET", &previous, &[]).await?;
        ensure!(page[key] == *wanted, "{previous}: {page}, not {wanted}");
    }
    ensure!(page["meta"]["previous_page_url"].is_null() && page["meta"]["page"] == 0, "{page}");
    Ok(())
}

async fn lists_are_turned_back(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    for nth in 0..4 {
        door.serve(&[("FriendlyName", &format!("Other {nth}"))]).await?;
        door.well("POST", &door.path("RateLimits"), &[("UniqueName", &format!("limit-{nth}"))]).await?;
        door.send(&format!("+1206555014{nth}")).await?;
    }
    door.send("+447400123456").await?;
    let own = json!({"name": "own", "locale": "en", "body": "{code} opens it"});
    act_well(&door.server, &door.client.id, "POST", "/v1/verification-templates", Some(own)).await?;
    let templates = door.well("GET", "/v2/Templates?PageSize=1000", &[]).await?;
    let templates = templates["templates"].as_array().map_or(0, Vec::len);
    ensure!(templates > 8, "one's own, and those that come with the server");
    turned(&door, "/v2/Services", "services", 3).await?;
    turned(&door, &door.path("RateLimits"), "rate_limits", 2).await?;
    turned(&door, "/v2/Attempts", "attempts", 3).await?;
    turned(&door, "/v2/Templates", "templates", templates.div_ceil(2)).await?;

    for (prefix, total) in
        [("%2B1206", 4), ("+1206", 4), ("%2B12065550142", 1), ("%2B44", 1), ("%2B4", 1), ("%2B49", 0)]
    {
        let path = format!("/v2/Attempts/Summary?DestinationPrefix={prefix}");
        let told = door.well("GET", &path, &[]).await?;
        ensure!(told["total_attempts"] == total && told["total_unconverted"] == total, "{prefix}: {told}");
    }
    door.refused("GET", "/v2/Attempts/Summary?DestinationPrefix=1206", &[], (400, 60200)).await?;
    door.close(30).await
}

on_both_engines!(
    what_has_expired_is_forgotten,
    what_was_guessed_at_is_shown_until_another_begins,
    a_payment_is_confirmed_by_its_own_check,
    a_hundred_wrong_codes_are_enough_for_a_day,
    no_other_number_gets_round_an_opt_out,
    lists_are_turned_back,
);
