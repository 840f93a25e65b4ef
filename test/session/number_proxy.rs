//! Every request of the older number proxy's contract, and each error that it names.

use anyhow::ensure;
use serde_json::{Value, json};

use super::proxied::{ANN, BOB, DOT, Door, END, NONE, START, ours};
use super::{all_told, consistent};
use crate::events::text;
use crate::harness::{Layout, Result, until};
use crate::messages::drained;
use crate::on_both_engines;
use crate::relay::scene::{act_well, customer, tamper};

async fn numbers_come_are_listed_and_go(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    let empty = json!({"virtual_tns": [], "pool_size": 0, "available": 0, "in_use": 0});
    assert_eq!(door.well("GET", "/tn", None).await?, empty);
    for address in ["+12125550100", "+12125550101", "+12125550102"] {
        door.own(address).await?;
    }
    let added = door.well("POST", "/tn", Some(json!({"value": "12125550100"}))).await?;
    ensure!(added["value"] == "12125550100" && added["message"].is_string(), "{added}");
    let added = door.well("POST", "/tn", Some(json!({"value": 12_125_550_101_u64}))).await?;
    assert_eq!(added["value"], "12125550101", "a number without quotes");
    door.well("POST", "/tn", Some(json!({"value": "+12125550102"}))).await?;
    for again in ["12125550100", "+12125550100", "12125550102", "+1 212 555 0102"] {
        let (status, answer) = door.ask("POST", "/tn", Some(json!({"value": again}))).await?;
        ensure!(status == 400 && answer["reason"] == "duplicate virtual TN", "{again}: {status} {answer}");
    }
    let free = |value: &str| json!({"value": value, "session_id": null});
    let all = json!({"virtual_tns": [free("12125550100"), free("12125550101"), free("+12125550102")],
        "pool_size": 3, "available": 3, "in_use": 0});
    assert_eq!(door.well("GET", "/tn", None).await?, all, "each as it was posted");
    // in either form
    let gone = door.well("DELETE", "/tn", Some(json!({"value": "+12125550100"}))).await?;
    ensure!(gone["status"] == "succeeded" && gone["value"] == "+12125550100", "{gone}");
    let (status, answer) = door.ask("DELETE", "/tn", Some(json!({"value": "12125550100"}))).await?;
    ensure!(status == 404 && answer["reason"] == "virtual TN not found", "{status} {answer}");
    // it is the client's still, and may come again
    door.well("POST", "/tn", Some(json!({"value": "12125550100"}))).await?;
    let pools = act_well(&door.server, &door.client, "GET", "/v1/pools", None).await?;
    let pool = &pools["data"][0];
    assert_eq!(
        (&pool["name"], &pool["exclusive"], &pool["rest"]),
        (&json!("number-proxy"), &json!(true), &json!("0s"))
    );
    let path = format!("/v1/pools/{}", text(&pool["id"])?);
    let shared = json!({"exclusive": false});
    let (status, answer) = crate::relay::scene::act(&door.server, &door.client, "PATCH", &path, Some(shared)).await?;
    ensure!(status == 400 && answer["field"] == "exclusive", "{status} {answer}");
    consistent(&door.server).await
}

async fn somebody_else_s_number_is_a_duplicate_and_no_more_is_said(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    let other = customer(&door.server, "1", json!({})).await?;
    let body = json!({"number": "+12125550100", "account_id": door.account});
    act_well(&door.server, &other, "POST", "/v1/numbers", Some(body)).await?;
    let (status, theirs) = door.ask("POST", "/tn", Some(json!({"value": "12125550100"}))).await?;
    door.numbers(1).await?;
    let (_, own) = door.ask("POST", "/tn", Some(json!({"value": ours(0)}))).await?;
    ensure!(status == 400 && theirs == own, "{status} {theirs} {own}");
    // there is no account for a number that is nobody's
    let (status, answer) = door.ask("POST", "/tn", Some(json!({"value": "12125550177"}))).await?;
    ensure!(status == 400 && answer["reason"] == "invalidAPIUsage", "{status} {answer}");
    Ok(())
}

async fn two_people_talk_by_one_number_until_it_is_ended(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    let number = format!("+{}", ours(0));
    let made = door.session().await?;
    let id = text(&made["session_id"])?;
    ensure!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
    let wanted = json!({"message": made["message"], "status": "succeeded", "session_id": id, "expiry_date": null,
        "virtual_tn": ours(0), "participant_a": ANN.0, "participant_b": BOB.0});
    assert_eq!(made, wanted);
    let told = |body: &str| (number.clone(), body.to_owned());
    for person in [ANN, BOB] {
        assert_eq!(door.heard(person.1).await?, [told(START)]);
    }
    let listed = door.well("GET", "/tn", None).await?;
    let wanted = json!({"virtual_tns": [{"value": ours(0), "session_id": id}], "pool_size": 1, "available": 0,
        "in_use": 1});
    assert_eq!(listed, wanted);
    // whatever its client says of it elsewhere
    let said = json!({"metadata": {"participant_a": "nobody"}});
    act_well(&door.server, &door.client, "PATCH", &format!("/v1/sessions/ses_{id}"), Some(said)).await?;
    let listed = door.well("GET", "/session", None).await?;
    let created = text(&listed["sessions"][0]["date_created"])?;
    ensure!(created.len() == 19 && created.as_bytes()[10] == b' ', "{created}");
    let one = json!({"id": id, "date_created": created, "virtual_tn": ours(0), "participant_a": ANN.0,
        "participant_b": BOB.0, "expiry_date": null});
    assert_eq!(listed, json!({"total_sessions": 1, "sessions": [one]}));

    door.text(ANN.0, &ours(0), "Are you there?", "mdr1").await?;
    door.text(ANN.0, &ours(0), "Are you there?", "mdr1").await?;
    door.text(BOB.0, &number, "Yes.", "mdr2").await?;
    let newer = json!({"data": {"id": "mdr3", "attributes": {"to": ours(0), "from": ANN.0, "body": "Good."}}});
    assert_eq!(door.ask("POST", "/", Some(newer)).await?.0, 200);
    crate::inbound::play::settled(&door.server).await?;
    assert_eq!(door.heard(BOB.1).await?, [told(START), told("Are you there?"), told("Good.")], "each once");
    assert_eq!(door.heard(ANN.1).await?, [told(START), told("Yes.")], "without a name before it");
    for id in ["mdr4", "mdr5"] {
        door.text(DOT.0, &ours(0), "Who is there?", id).await?;
    }
    assert_eq!(door.heard(DOT.1).await?, [told(NONE), told(NONE)], "each time");

    let (status, busy) = door.ask("DELETE", "/tn", Some(json!({"value": ours(0)}))).await?;
    ensure!(status == 400 && busy["status"] == "failed" && busy.get("reason").is_none(), "{status} {busy}");
    ensure!(text(&busy["message"])?.contains(&id), "{busy}");
    let ended = door.well("DELETE", "/session", Some(json!({"session_id": id}))).await?;
    ensure!(ended["status"] == "succeeded" && ended["session_id"] == id.as_str(), "{ended}");
    for person in [ANN, BOB] {
        until("the end", async || Ok(door.heard(person.1).await?.contains(&told(END)).then_some(()))).await?;
    }
    let (status, answer) = door.ask("DELETE", "/session", Some(json!({"session_id": id}))).await?;
    ensure!(status == 404 && answer["reason"] == "ProxySession not found", "{status} {answer}");
    assert_eq!(door.heard(ANN.1).await?.iter().filter(|said| **said == told(END)).count(), 1);
    assert_eq!(door.well("GET", "/session", None).await?["total_sessions"], 0);
    // who was in it is a stranger now
    door.text(ANN.0, &ours(0), "Still there?", "mdr6").await?;
    assert_eq!(door.heard(ANN.1).await?.last(), Some(&told(NONE)));
    door.well("DELETE", "/tn", Some(json!({"value": ours(0)}))).await?;
    consistent(&door.server).await
}

async fn each_error_of_the_contract_is_answered(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    let long = "1".repeat(19);
    let pair = |a: Value, b: Value| json!({"participant_a": a, "participant_b": b});
    let windowed = |window: Value| json!({"participant_a": ANN.0, "participant_b": BOB.0, "expiry_window": window});
    for (method, path, body) in [
        ("POST", "/tn", json!({})),
        ("POST", "/tn", json!({"value": long})),
        ("POST", "/tn", json!({"value": ""})),
        ("POST", "/tn", json!({"value": "front desk"})),
        ("POST", "/tn", json!([])),
        ("DELETE", "/tn", json!({})),
        ("POST", "/session", json!({"participant_a": ANN.0})),
        ("POST", "/session", pair(json!(ANN.0), json!(long))),
        ("POST", "/session", pair(json!(ANN.0), json!(ANN.1))),
        ("POST", "/session", pair(json!(ANN.0), json!(ours(0)))),
        ("POST", "/session", windowed(json!(-1))),
        ("POST", "/session", windowed(json!("10"))),
        ("DELETE", "/session", json!({})),
    ] {
        let (status, answer) = door.ask(method, path, Some(body.clone())).await?;
        let is_told = answer["message"].is_string() && answer["reason"] == "invalidAPIUsage";
        ensure!(status == 400 && is_told, "{method} {path} {body}: {status} {answer}");
    }
    for unknown in ["0".repeat(32), "none".to_owned()] {
        let (status, answer) = door.ask("DELETE", "/session", Some(json!({"session_id": unknown}))).await?;
        ensure!(status == 404 && answer["reason"] == "ProxySession not found", "{status} {answer}");
    }
    for bad in [
        json!({"to": ours(0), "from": ANN.0}),
        json!({"to": ours(0), "body": "x"}),
        json!({"from": ANN.0, "body": "x"}),
        json!({"to": long, "from": ANN.0, "body": "x"}),
    ] {
        let answered = door.ask("POST", "/", Some(bad.clone())).await?;
        assert_eq!(answered, (400, json!("There was an issue parsing your request.")), "{bad}");
    }
    assert_eq!(door.ask("POST", "/", Some(json!({"to": ours(0), "from": DOT.0, "body": ""}))).await?.0, 200);
    for path in ["/tn", "/session"] {
        let (status, answer) = door.ask("PUT", path, Some(json!({}))).await?;
        ensure!(status == 405 && answer["message"].is_string(), "{status} {answer}");
    }
    door.session().await?;
    let (status, full) = door.ask("POST", "/session", Some(pair(json!(DOT.0), json!(BOB.0)))).await?;
    ensure!(status == 400 && full["status"] == "failed" && full.get("reason").is_none(), "{status} {full}");
    crate::inbound::play::settled(&door.server).await?;
    drained(&door.server).await?;
    consistent(&door.server).await
}

async fn a_session_without_its_start_texts_is_none(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    let out = format!("/v1/opt-outs/+{}/{}", ours(0), BOB.1);
    act_well(&door.server, &door.client, "PUT", &out, Some(json!({"is_out": true}))).await?;
    let body = json!({"participant_a": ANN.0, "participant_b": BOB.0});
    let (status, answer) = door.ask("POST", "/session", Some(body)).await?;
    ensure!(status == 500 && answer["reason"] == "InternalSMSDispatcherError", "{status} {answer}");
    ensure!(answer["message"] == "An error occured when requesting against Flowroute's API.", "{answer}");
    ensure!(text(&answer["strerr"])?.contains("opted out"), "{answer}");
    assert!(door.heard(ANN.1).await?.is_empty() && door.heard(BOB.1).await?.is_empty(), "neither was told");
    assert_eq!(door.well("GET", "/tn", None).await?["available"], 1, "its number is free");
    assert_eq!(door.well("GET", "/session", None).await?["total_sessions"], 0);
    act_well(&door.server, &door.client, "PUT", &out, Some(json!({"is_out": false}))).await?;
    door.session().await?;
    drained(&door.server).await?;
    consistent(&door.server).await
}

async fn time_ends_a_session_and_both_are_told_once(layout: Layout) -> Result {
    let door = Door::open(layout).await?;
    door.numbers(1).await?;
    let body = json!({"participant_a": ANN.0, "participant_b": BOB.0, "expiry_window": 0.5});
    let made = door.well("POST", "/session", Some(body.clone())).await?;
    let expiry = text(&made["expiry_date"])?;
    ensure!(expiry.len() == 19, "{made}");
    let listed = door.well("GET", "/session", None).await?;
    ensure!(listed["sessions"][0]["expiry_date"] == expiry.as_str(), "{listed}");
    // the half minute goes by
    tamper(&door.server, "UPDATE sb_session SET expires_ms = 1").await?;
    assert_eq!(door.well("GET", "/session", None).await?["total_sessions"], 0, "before the tick too");
    let told = (format!("+{}", ours(0)), END.to_owned());
    for person in [ANN, BOB] {
        until("the end", async || Ok(door.heard(person.1).await?.contains(&told).then_some(()))).await?;
    }
    all_told(&door.server).await?;
    for person in [ANN, BOB] {
        assert_eq!(door.heard(person.1).await?.iter().filter(|said| **said == told).count(), 1);
    }
    assert_eq!(door.well("GET", "/tn", None).await?["available"], 1);
    door.well("POST", "/session", Some(body)).await?;
    drained(&door.server).await?;
    consistent(&door.server).await
}

on_both_engines!(
    numbers_come_are_listed_and_go,
    somebody_else_s_number_is_a_duplicate_and_no_more_is_said,
    two_people_talk_by_one_number_until_it_is_ended,
    each_error_of_the_contract_is_answered,
    a_session_without_its_start_texts_is_none,
    time_ends_a_session_and_both_are_told_once,
);
