//! What Verify refuses, by which of Twilio's codes, and that it costs nothing.

use anyhow::ensure;
use serde_json::json;

use super::twilio_door::{ANN, BOB, OURS, VerifyDoor};
use crate::events::text;
use crate::harness::{Layout, Result};
use crate::on_both_engines;
use crate::relay::scene::act_well;
use crate::relay::{balance, client};

/// A mobile and a fixed line of Great Britain.
const ABROAD: &str = "+447400123456";
const FIXED: &str = "+442079460000";

async fn what_is_wrong_is_told_by_its_code(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let long = "a".repeat(129);
    let tag = json!({ "a": long }).to_string();
    for (form, with) in [
        (vec![("Channel", "sms")], (400, 60200)),
        (vec![("To", "nobody"), ("Channel", "sms")], (400, 60200)),
        (vec![("To", "ann@example.com"), ("Channel", "email")], (400, 60223)),
        (vec![("To", "ann@example.com"), ("Channel", "sms")], (400, 60200)),
        (vec![("To", ANN), ("Channel", "call"), ("SendDigits", "1 2")], (400, 60200)),
        (vec![("To", ANN)], (400, 60200)),
        (vec![("To", ANN), ("Channel", "pigeon")], (400, 60200)),
        (vec![("To", ANN), ("Channel", "email")], (400, 60223)),
        (vec![("To", ANN), ("Channel", "auto")], (400, 60223)),
        (vec![("To", ANN), ("Channel", "sna")], (400, 60223)),
        (vec![("To", ANN), ("Channel", "sms"), ("CustomCode", "123456")], (403, 60204)),
        (vec![("To", ANN), ("Channel", "sms"), ("Amount", "1"), ("Payee", "Acme")], (403, 60204)),
        (vec![("To", ANN), ("Channel", "sms"), ("RateLimits", "ip")], (400, 60200)),
        (vec![("To", ANN), ("Channel", "sms"), ("RateLimits", r#"{"ip": "192.0.2.1"}"#)], (400, 60200)),
        (vec![("To", ANN), ("Channel", "sms"), ("Tags", tag.as_str())], (400, 60200)),
        (vec![("To", ANN), ("Channel", "sms"), ("DeviceIp", "192.0.2")], (400, 60200)),
        (vec![("To", ANN), ("Channel", "sms"), ("RiskCheck", "maybe")], (400, 60200)),
        (vec![("To", ANN), ("Channel", "sms"), ("TemplateSid", "HJ1")], (400, 60200)),
        (vec![("To", ANN), ("To", BOB), ("Channel", "sms")], (400, 20001)),
        // calls and texts that cost whoever gets them
        (vec![("To", "+19002345678"), ("Channel", "sms")], (403, 60605)),
    ] {
        door.refused("POST", &door.path("Verifications"), &form, with).await?;
    }
    for (form, with) in [
        (vec![("Code", "123456")], (400, 60221)),
        (vec![("To", ANN)], (400, 60200)),
        (vec![("To", ANN), ("Code", "123")], (400, 60200)),
        (vec![("To", ANN), ("Code", "12345678901")], (400, 60200)),
        (vec![("To", ANN), ("Code", "abcdef")], (400, 60200)),
        (vec![("To", ANN), ("Code", "123456")], (404, 20404)),
        (vec![("VerificationSid", "VE1"), ("Code", "123456")], (404, 20404)),
    ] {
        let told = door.refused("POST", &door.path("VerificationCheck"), &form, with).await?;
        let message = text(&told["message"])?;
        ensure!(!message.contains("abcdef") && !message.contains("12345678901"), "what was typed is told: {message}");
    }
    ensure!(door.texts(ANN).await?.is_empty() && balance(&door.server, &door.client).await? == "100.0000");
    door.close(0).await
}

async fn services_are_refused_by_what_is_wrong(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    for form in [
        vec![],
        vec![("FriendlyName", "")],
        vec![("FriendlyName", "0123456789012345678901234567890")],
        vec![("FriendlyName", "Acme 12345")],
        vec![("FriendlyName", "Acme"), ("CodeLength", "3")],
        vec![("FriendlyName", "Acme"), ("CodeLength", "11")],
        vec![("FriendlyName", "Acme"), ("DefaultTemplateSid", "HJ")],
    ] {
        door.refused("POST", "/v2/Services", &form, (400, 60200)).await?;
    }
    let unsure = [("FriendlyName", "Acme"), ("LookupEnabled", "maybe")];
    door.refused("POST", "/v2/Services", &unsure, (400, 20001)).await?;
    let path = format!("/v2/Services/VA{}", "0".repeat(32));
    let account = door.service.replace("/VA", "/AC");
    for path in [path.as_str(), &format!("{path}/Verifications"), "/v2/Services/x", &account] {
        door.refused("GET", path, &[], (404, 20404)).await?;
    }
    for below in ["Webhooks", "Entities", "MessagingConfigurations", "AccessTokens", "Verification"] {
        door.refused("GET", &door.path(below), &[], (404, 20404)).await?;
    }
    for (method, path, allowed) in [
        ("PUT", "/v2/Services".to_owned(), "GET, POST"),
        ("PUT", door.service.clone(), "GET, POST, DELETE"),
        ("GET", door.path("Verifications"), "POST"),
        ("GET", door.path("VerificationCheck"), "POST"),
        ("DELETE", door.path(&format!("Verifications/{ANN}")), "GET, POST"),
        ("PUT", door.path("RateLimits"), "GET, POST"),
        ("GET", "/v2/SafeList/Numbers".to_owned(), "POST"),
        ("POST", format!("/v2/SafeList/Numbers/{ANN}"), "GET, DELETE"),
        ("POST", "/v2/Attempts".to_owned(), "GET"),
        ("DELETE", "/v2/Attempts/Summary".to_owned(), "GET"),
        ("POST", "/v2/Templates".to_owned(), "GET"),
    ] {
        let who = (door.client.sid.as_str(), door.client.token.as_str());
        let (status, headers, answer) = door.ask_as(who, (method, &path), &[], &[]).await?;
        ensure!(status == 405 && answer["code"] == 20004, "{method} {path}: {status} {answer}");
        ensure!(headers.get("allow").is_some_and(|allow| allow == allowed), "{method} {path}: {headers:?}");
    }
    door.close(0).await
}

async fn what_is_not_sent_costs_nothing(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let form = [("To", ANN), ("Channel", "sms")];
    let opt_out = format!("/v1/opt-outs/{OURS}/{ANN}");
    act_well(&door.server, &door.client.id, "PUT", &opt_out, Some(json!({"is_out": true}))).await?;
    door.refused("POST", &door.path("Verifications"), &form, (400, 21610)).await?;
    ensure!(balance(&door.server, &door.client).await? == "100.0000");
    door.refused("GET", &door.path(&format!("Verifications/{ANN}")), &[], (404, 20404)).await?;

    let poor = client(&door.server, "0").await?;
    door.number(&poor, "+12125550171").await?;
    let who = (poor.sid.as_str(), poor.token.as_str());
    let (_, _, service) = door.ask_as(who, ("POST", "/v2/Services"), &[("FriendlyName", "Poor")], &[]).await?;
    let path = format!("/v2/Services/{}/Verifications", text(&service["sid"])?);
    let (status, _, answer) = door.ask_as(who, ("POST", &path), &[("To", BOB), ("Channel", "sms")], &[]).await?;
    ensure!(status == 402 && answer["code"] == 20005, "{status} {answer}");
    ensure!(door.texts(ANN).await?.is_empty() && door.texts(BOB).await?.is_empty());
    let kept = door.server.rows("SELECT COUNT(*) FROM sb_verification").await?.concat();
    assert_eq!(kept, ["0"]);
    door.close(1).await
}

async fn codes_go_where_they_may(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    let only = Some(json!({"countries": ["US"]}));
    act_well(&door.server, &door.client.id, "PUT", "/v1/guard/countries", only).await?;
    let (path, form) = (door.path("Verifications"), [("To", ABROAD), ("Channel", "sms")]);
    let told = door.refused("POST", &path, &form, (403, 60605)).await?;
    ensure!(text(&told["message"])?.contains("GB"), "{told}");
    // who is on the safe list is sent to wherever they are
    let safe = door.well("POST", "/v2/SafeList/Numbers", &[("PhoneNumber", ABROAD)]).await?;
    ensure!(safe["phone_number"] == ABROAD && door.well("GET", &text(&safe["url"])?, &[]).await? == safe, "{safe}");
    door.refused("POST", "/v2/SafeList/Numbers", &[("PhoneNumber", ABROAD)], (409, 20409)).await?;
    door.well("POST", &path, &form).await?;
    door.well("DELETE", &format!("/v2/SafeList/Numbers/{}", ABROAD.replace('+', "%2B")), &[]).await?;
    door.refused("GET", &format!("/v2/SafeList/Numbers/{ABROAD}"), &[], (404, 20404)).await?;

    let all = Some(json!({"countries": null}));
    act_well(&door.server, &door.client.id, "PUT", "/v1/guard/countries", all).await?;
    let form = [("FriendlyName", "Strict"), ("SkipSmsToLandlines", "true"), ("LookupEnabled", "true")];
    let strict = format!("{}/Verifications", door.serve(&form).await?);
    door.refused("POST", &strict, &[("To", FIXED), ("Channel", "sms")], (403, 60205)).await?;
    let made = door.well("POST", &strict, &[("To", ABROAD), ("Channel", "sms")]).await?;
    ensure!(made["lookup"]["carrier"]["type"] == "mobile", "{made}");
    door.well("POST", &path, &[("To", FIXED), ("Channel", "sms")]).await?;
    door.close(8).await
}

async fn so_many_codes_go_to_a_number_within_an_hour(layout: Layout) -> Result {
    let door = VerifyDoor::open(layout).await?;
    for _ in 0..10 {
        let made = door.send(BOB).await?;
        door.well("POST", &text(&made["url"])?, &[("Status", "canceled")]).await?;
    }
    let who = (door.client.sid.as_str(), door.client.token.as_str());
    let (path, form) = (door.path("Verifications"), [("To", BOB), ("Channel", "sms")]);
    let (status, headers, answer) = door.ask_as(who, ("POST", &path), &form, &[]).await?;
    ensure!(status == 429 && answer["code"] == 60212, "{status} {answer}");
    let wait = headers.get("retry-after").and_then(|secs| secs.to_str().ok()?.parse::<u32>().ok());
    // a count lasts up to a minute longer than its hour
    ensure!(wait.is_some_and(|secs| (1..=3660).contains(&secs)), "{headers:?}");
    door.send(ANN).await?;
    door.close(20).await
}

on_both_engines!(
    what_is_wrong_is_told_by_its_code,
    services_are_refused_by_what_is_wrong,
    what_is_not_sent_costs_nothing,
    codes_go_where_they_may,
    so_many_codes_go_to_a_number_within_an_hour,
);
