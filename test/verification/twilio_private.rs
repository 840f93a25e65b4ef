//! Whose verifications are whose, what a key may do with them, and what is said once however often it is asked.

use anyhow::ensure;
use serde_json::{Value, json};

use super::twilio_door::{ANN, BOB, VerifyDoor, other};
use crate::events::{text, well};
use crate::harness::{Layout, Result};
use crate::on_both_engines;
use crate::relay::{Client, balance, client};

/// A key of the door's client with these scopes.
async fn key(door: &VerifyDoor, scopes: &[&str]) -> Result<String> {
    let path = format!("/v1/clients/{}/keys", door.client.id);
    let made = well(&door.server, "POST", &path, Some(json!({"name": "test", "scopes": scopes}))).await?;
    text(&made["key"])
}

fn who(client: &Client) -> (&str, &str) {
    (&client.sid, &client.token)
}

async fn a_code_opens_its_own_service_and_no_other(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let bank = door.serve(&[("FriendlyName", "Bank"), ("CodeLength", "8")]).await?;
    door.send(ANN).await?;
    let code = door.code(ANN, 1).await?;
    let made = door.well("POST", &format!("{bank}/Verifications"), &[("To", ANN), ("Channel", "sms")]).await?;
    let long = door.code(ANN, 2).await?;
    ensure!(code.len() == 6 && long.len() == 8, "{code} {long}");
    let sid = text(&made["sid"])?;
    let (ours, banks) = (door.path("VerificationCheck"), format!("{bank}/VerificationCheck"));
    // another's code is a wrong one, and another's verification is none
    let told = door.well("POST", &banks, &[("To", ANN), ("Code", &code)]).await?;
    ensure!(told["status"] == "pending" && told["valid"] == false, "{told}");
    door.refused("POST", &ours, &[("VerificationSid", &sid), ("Code", &long)], (404, 20404)).await?;
    door.refused("GET", &door.path(&format!("Verifications/{sid}")), &[], (404, 20404)).await?;
    for (path, code) in [(&banks, &long), (&ours, &code)] {
        ensure!(door.well("POST", path, &[("To", ANN), ("Code", code)]).await?["status"] == "approved");
    }
    door.close(7).await
}

async fn anothers_is_as_if_it_were_not_there(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let eve = client(&door.server, "100").await?;
    let made = door.send(ANN).await?;
    let code = door.code(ANN, 1).await?;
    let (sid, nothing) = (text(&made["sid"])?, "0".repeat(32));
    let unknown = format!("/v2/Services/VA{nothing}");
    for below in
        [String::new(), format!("/Verifications/{sid}"), format!("/Verifications/{ANN}"), "/RateLimits".to_owned()]
    {
        let theirs = door.ask_as(who(&eve), ("GET", &format!("{}{below}", door.service)), &[], &[]).await?;
        let none = door.ask_as(who(&eve), ("GET", &format!("{unknown}{below}")), &[], &[]).await?;
        ensure!(theirs.0 == 404 && theirs.2 == none.2, "{below}: {theirs:?} {none:?}");
    }
    let form = [("To", ANN), ("Code", code.as_str())];
    let (status, _, _) = door.ask_as(who(&eve), ("POST", &door.path("VerificationCheck")), &form, &[]).await?;
    ensure!(status == 404);
    let attempt = text(&made["send_code_attempts"][0]["attempt_sid"])?;
    let (status, _, _) = door.ask_as(who(&eve), ("GET", &format!("/v2/Attempts/{attempt}")), &[], &[]).await?;
    ensure!(status == 404);
    let (_, _, none) = door.ask_as(who(&eve), ("GET", "/v2/Attempts"), &[], &[]).await?;
    ensure!(none["attempts"] == json!([]), "{none}");
    // nor have any of these used up a try
    for _ in 0..4 {
        ensure!(door.check(ANN, &other(&code)).await?.0 == 201);
    }
    ensure!(door.check(ANN, &code).await?.1["status"] == "approved");
    door.close(8).await
}

async fn a_key_verifies_where_it_may(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let sid = door.client.sid.clone();
    let (verify, read, sms) =
        (key(&door, &["verify"]).await?, key(&door, &["read"]).await?, key(&door, &["sms"]).await?);
    let (sent, checked) = (door.path("Verifications"), door.path("VerificationCheck"));
    let form = [("To", ANN), ("Channel", "sms")];
    let by = async |key: &str, method: &str, path: &str, form: &[(&str, &str)]| {
        let (status, _, answer) = door.ask_as((&sid, key), (method, path), form, &[]).await?;
        anyhow::Ok((status, answer))
    };
    for key in [&read, &sms] {
        let (status, answer) = by(key, "POST", &sent, &form).await?;
        ensure!(status == 403 && answer["code"] == 20403, "{status} {answer}");
    }
    let (status, made) = by(&verify, "POST", &sent, &form).await?;
    ensure!(status == 201 && made["status"] == "pending", "{status} {made}");
    let code = door.code(ANN, 1).await?;
    let form = [("To", ANN), ("Code", code.as_str())];
    for key in [&read, &sms] {
        ensure!(by(key, "POST", &checked, &form).await?.0 == 403);
    }
    // what changes how all are served takes more than a key
    for (method, path) in [
        ("POST", "/v2/Services"),
        ("DELETE", door.service.as_str()),
        ("POST", door.path("RateLimits").as_str()),
        ("POST", "/v2/SafeList/Numbers"),
    ] {
        ensure!(by(&verify, method, path, &[]).await?.0 == 403, "{method} {path}");
    }
    for path in ["/v2/Attempts", "/v2/Attempts/Summary", "/v2/Templates", "/v2/Services"] {
        ensure!(by(&verify, "GET", path, &[]).await?.0 == 403, "{path}");
        ensure!(by(&read, "GET", path, &[]).await?.0 == 200, "{path}");
    }
    ensure!(by(&verify, "POST", &checked, &form).await?.1["valid"] == true);
    for (user, password) in [(sid.as_str(), "wrong"), ("AC00000000000000000000000000000000", verify.as_str())] {
        let (status, _, answer) = door.ask_as((user, password), ("GET", &door.service), &[], &[]).await?;
        ensure!(status == 401 && answer["code"] == 20003, "{status} {answer}");
    }
    door.close(6).await
}

async fn a_request_that_comes_again_sends_nothing_more(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let (form, path) = ([("To", ANN), ("Channel", "sms")], door.path("Verifications"));
    for name in ["Idempotency-Key", "I-Twilio-Idempotency-Token"] {
        let before = door.texts(ANN).await?.len();
        let mut told: Vec<Value> = Vec::new();
        for _ in 0..3 {
            let asked =
                door.ask_as(who(&door.client), ("POST", &path), &form, &[(name, &format!("once-{name}"))]).await?;
            ensure!(asked.0 == 201, "{asked:?}");
            ensure!(asked.1.contains_key("idempotent-replayed") != told.is_empty(), "{asked:?}");
            told.push(asked.2);
        }
        ensure!(told[0] == told[1] && told[1] == told[2], "{told:?}");
        door.code(ANN, before + 1).await?;
        ensure!(door.texts(ANN).await?.len() == before + 1, "each once");
    }
    let other = [("To", BOB), ("Channel", "sms")];
    let again = [("Idempotency-Key", "once-Idempotency-Key")];
    let (status, _, answer) = door.ask_as(who(&door.client), ("POST", &path), &other, &again).await?;
    ensure!(status == 409 && answer["code"] == 20409, "{status} {answer}");
    ensure!(balance(&door.server, &door.client).await? == "99.9850", "two texts");
    door.close(7).await
}

on_both_engines!(
    a_code_opens_its_own_service_and_no_other,
    anothers_is_as_if_it_were_not_there,
    a_key_verifies_where_it_may,
    a_request_that_comes_again_sends_nothing_more,
);
