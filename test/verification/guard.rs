//! The guard against pumping, by its door: what it refuses, whom never, and what it says of each send.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::{Address, ClientId, VerificationId};
use switchboard::store::Change;
use switchboard::store::guard::{VerifiedFact, verified};

use crate::events::{call, text, well};
use crate::harness::time::now;
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::with;
use crate::on_both_engines;
use crate::relay::acts::Shown::{Asked, Changed, Gone, Made};
use crate::relay::acts::{Act, act, on};
use crate::relay::scene::everything;
use crate::snapshots::hold_inline;

const GUARD: &str = "/v1/guard";
const SAFE: &str = "/v1/guard/safe-list";
/// So many unverified sends a prefix may have, where nobody has verified.
pub const LEAST: usize = 5;

/// What is done to the guard.
pub async fn acts(server: &Server) -> Result<Vec<Act>> {
    let [entry, other] = ["FR", "DE"].map(|country| json!({"kind": "country", "value": country}));
    let entry = text(&well(server, "POST", SAFE, Some(entry)).await?["id"])?;
    let operator = ClientId::OPERATOR.to_string();
    let enforce = json!({"mode": "enforce"});
    Ok(vec![
        on(&operator, act("PATCH", "/v1/guard", &[], enforce, "guard.change", Changed)),
        act("POST", "/v1/guard/safe-list", &[], other, "guard.add_safe", Made),
        act("DELETE", "/v1/guard/safe-list/{id}", &[&entry], Value::Null, "guard.remove_safe", Gone),
        on(&operator, act("POST", "/v1/guard/reset", &[], json!({}), "guard.reset", Asked)),
    ])
}

/// A number of one prefix, and none near another.
pub fn number(nth: usize) -> String {
    format!("+12065550{:03}", nth * 20)
}

/// Asks for a code: the status, and the answer.
pub async fn ask(server: &Server, to: &str, set: Value) -> Result<(u16, Value)> {
    call(server, "POST", "/v1/verifications", Some(with(json!({ "to": to }), set))).await
}

/// Asks for a code that has to be sent; the verification's id.
async fn sent(server: &Server, to: &str, set: Value) -> Result<String> {
    let (status, answer) = ask(server, to, set).await?;
    ensure!(status == 201, "{to}: {status} {answer}");
    text(&answer["id"])
}

async fn refused(server: &Server, to: &str, set: Value) -> Result {
    let (status, answer) = ask(server, to, set).await?;
    ensure!(status == 403 && text(&answer["detail"])?.contains("guard"), "{to}: {status} {answer}");
    Ok(())
}

pub async fn enforce(server: &Server) -> Result {
    let set = well(server, "PATCH", GUARD, Some(json!({"mode": "enforce"}))).await?;
    ensure!(set["mode"] == "enforce", "{set}");
    Ok(())
}

/// The decisions, newest first, once there are so many.
pub async fn decided(server: &Server, count: usize) -> Result<Vec<Value>> {
    until("the decisions", async || {
        let page = well(server, "GET", "/v1/guard/decisions?limit=200", None).await?;
        let all = page["data"].as_array().cloned().unwrap_or_default();
        Ok((all.len() >= count).then_some(all))
    })
    .await
}

/// A server that can send, and enforces.
async fn enforcing(layout: Layout) -> Result<Server> {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    enforce(&server).await?;
    Ok(server)
}

/// Fills the prefix: one more is too much.
async fn fill(server: &Server) -> Result<Vec<String>> {
    let mut made = Vec::new();
    for nth in 0..LEAST {
        made.push(sent(server, &number(nth), json!({"code": "123456"})).await?);
    }
    Ok(made)
}

async fn a_prefix_that_is_pumped_is_refused_and_each_send_explained(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    let made = fill(&server).await?;
    refused(&server, &number(LEAST), json!({})).await?;
    // another prefix is another matter
    sent(&server, "+12065561000", json!({})).await?;
    let decisions = decided(&server, LEAST + 2).await?;
    ensure!(decisions.len() == LEAST + 2, "one of each send: {decisions:?}");
    let last = &decisions[1];
    ensure!(last["to"] == number(LEAST) && last["allowed"] == false && last["rule"] == "prefix_day", "{last}");
    ensure!(last["country"] == "US" && last["mode"] == "enforce" && last["degraded"] == false, "{last}");
    let figure = &last["figures"][0];
    let level = figure["level"].as_f64().context("no level")?;
    ensure!(figure["rule"] == "prefix_day" && figure["threshold"] == 5.0 && (5.9..=6.0).contains(&level), "{figure}");
    let mut shown = last.clone();
    shown["figures"] = json!([{"rule": figure["rule"], "level": 6.0, "threshold": figure["threshold"]}]);
    let wanted = json!({
        "id": "gdn_…", "at": "(time)", "client_id": "cli_…", "verification_id": "ver_…", "to": number(LEAST),
        "country": "US", "network": null, "channel": "sms", "mode": "enforce", "allowed": false, "rule": "prefix_day",
        "exemption": null, "refused_by": null, "degraded": false,
        "figures": [{"rule": "prefix_day", "level": 6.0, "threshold": 5.0}],
    });
    hold_inline(&["GuardDecision", "GuardFigure"], &shown, &wanted)?;
    let of_one = format!("{GUARD}/decisions?verification_id={}", made[0]);
    let of_one = well(&server, "GET", &of_one, None).await?;
    ensure!(of_one["data"].as_array().is_some_and(|all| all.len() == 1), "{of_one}");
    let broken = well(&server, "GET", &format!("{GUARD}/decisions?rule=prefix_day&allowed=false"), None).await?;
    ensure!(broken["data"].as_array().is_some_and(|all| all.len() == 1), "{broken}");
    Ok(())
}

async fn what_is_only_recorded_goes_out_and_is_told(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    fill(&server).await?;
    sent(&server, &number(LEAST), json!({})).await?;
    let decisions = decided(&server, LEAST + 1).await?;
    let last = &decisions[0];
    ensure!(last["allowed"] == true && last["rule"] == "prefix_day" && last["mode"] == "record_only", "{last}");
    // nobody waits for whether a number was verified before, and it is told
    let known = number(LEAST + 2);
    proved(&server, &known).await?;
    sent(&server, &known, json!({})).await?;
    let decisions = decided(&server, LEAST + 2).await?;
    let why = [&decisions[0]["exemption"], &decisions[1]["exemption"]];
    ensure!(why == [&json!("verified_before"), &Value::Null], "{why:?}");
    // from here on it is refused, as it would have been
    enforce(&server).await?;
    refused(&server, &number(LEAST + 1), json!({})).await
}

/// The number was verified before.
async fn proved(server: &Server, to: &str) -> Result {
    let (now_ms, to) = (i64::try_from(now()?.as_millis())?, Address::stored(to));
    let fact = VerifiedFact::new(ClientId::OPERATOR, VerificationId::new(now_ms), &to, None, now_ms - 1000);
    server.home().databases.store()?.commit(verified(Change::new(), &fact)).await?;
    Ok(())
}

async fn with_every_level_full_some_still_get_their_code(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    fill(&server).await?;
    let (known, safe) = (number(10), number(11));
    proved(&server, &known).await?;
    sent(&server, &known, json!({})).await?;
    refused(&server, &safe, json!({})).await?;
    let entry = json!({"kind": "number", "value": safe});
    let made = well(&server, "POST", SAFE, Some(entry.clone())).await?;
    sent(&server, &safe, json!({})).await?;
    let wanted = json!({"id": "gsl_…", "kind": "number", "value": safe, "created_at": "(time)"});
    hold_inline(&["SafeListEntry"], &made, &wanted)?;
    ensure!(call(&server, "POST", SAFE, Some(entry)).await?.0 == 409, "it is on the list already");
    let decisions = decided(&server, LEAST + 3).await?;
    let why: Vec<&Value> = decisions[..3].iter().map(|one| &one["exemption"]).collect();
    ensure!(why == [&json!("safe_list"), &Value::Null, &json!("verified_before")], "{why:?}");
    let path = format!("{SAFE}/{}", text(&made["id"])?);
    ensure!(well(&server, "GET", &path, None).await? == made, "{made}");
    ensure!(call(&server, "DELETE", &path, None).await?.0 == 204);
    ensure!(call(&server, "DELETE", &path, None).await?.0 == 404);
    refused(&server, &number(12), json!({})).await
}

async fn who_types_the_code_in_makes_room_for_others(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    let made = fill(&server).await?;
    for one in &made[..3] {
        well(&server, "POST", &format!("/v1/verifications/{one}/approve"), None).await?;
    }
    for nth in 0..3 {
        sent(&server, &number(20 + nth), json!({})).await?;
    }
    refused(&server, &number(30), json!({})).await
}

async fn a_cancellation_of_a_text_that_has_left_makes_no_room(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    let made = fill(&server).await?;
    until("the texts to leave", async || {
        let sql = "SELECT COUNT(*) FROM sb_message WHERE state IN ('sent', 'delivered')";
        Ok((server.rows(sql).await?.concat() == [LEAST.to_string()]).then_some(()))
    })
    .await?;
    for one in &made {
        let (status, answer) = call(&server, "DELETE", &format!("/v1/verifications/{one}"), None).await?;
        ensure!((200..300).contains(&status), "{status} {answer}");
    }
    refused(&server, &number(LEAST), json!({})).await
}

async fn an_address_that_nobody_verifies_from_reaches_three_countries(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    let from = json!({"device_ip": "2001:db8:1:2::7"});
    for to in ["+12065550100", "+33612345678", "+4915112345678"] {
        sent(&server, to, from.clone()).await?;
    }
    // another address of the same subscriber
    refused(&server, "+447400123456", json!({"device_ip": "2001:db8:1:2::8"})).await?;
    let last = &decided(&server, 4).await?[0];
    ensure!(last["rule"] == "address_countries" && last["network"] == "2001:db8:1:2::/64", "{last}");
    sent(&server, "+447400123456", json!({"device_ip": "2001:db8:1:3::8"})).await?;
    Ok(())
}

async fn a_kill_forgets_no_level_that_was_written(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    let made = fill(&server).await?;
    decided(&server, LEAST).await?;
    until("the level to be written", async || {
        let found = server.rows("SELECT body FROM sb_guard_level WHERE name = 'p:+12065550'").await?.concat();
        let level = found.first().and_then(|body| serde_json::from_str::<Value>(body).ok());
        Ok(level.filter(|level| level["day"][0].as_f64().is_some_and(|level| level > 4.9)).map(drop))
    })
    .await?;
    let server = server.restart().await?;
    refused(&server, &number(LEAST), json!({})).await?;
    // and it is known still whose sends it is made of
    for one in &made[..3] {
        well(&server, "POST", &format!("/v1/verifications/{one}/approve"), None).await?;
    }
    sent(&server, &number(20), json!({})).await?;
    // its levels can be emptied, too
    let (status, answer) = call(&server, "POST", "/v1/guard/reset", Some(json!({"to": number(0)}))).await?;
    ensure!(status == 204, "{status} {answer}");
    for nth in 30..30 + LEAST {
        sent(&server, &number(nth), json!({})).await?;
    }
    refused(&server, &number(40), json!({})).await
}

async fn the_guard_is_set_for_all_and_for_one(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("guard.mode", "enforce").start().await?;
    let standing = well(&server, "GET", &format!("{GUARD}/thresholds?to=%2B12065550100"), None).await?;
    let figures = [("prefix_day", 5.0), ("country_day", 20.0), ("country_hour", 10.0)];
    let figures = figures.map(|(rule, threshold)| json!({"rule": rule, "level": 1.0, "threshold": threshold}));
    let wanted = json!({
        "country": "US", "prefix": "+12065550", "network": null, "is_safe": false, "rule": null, "figures": figures,
        "degraded": false,
    });
    hold_inline(&["GuardThresholds"], &standing, &wanted)?;
    let found = well(&server, "GET", GUARD, None).await?;
    let wanted = json!({"mode": "enforce", "ratios": {"day": 0.3, "hour": 0.2}, "countries": {}});
    hold_inline(&["Guard", "GuardRatios"], &found, &wanted)?;
    let change = json!({"ratios": {"day": 0.5, "hour": 0.4}, "countries": {"FR": {"day": 1, "hour": 1}}});
    let changed = well(&server, "PATCH", GUARD, Some(change)).await?;
    ensure!(changed["mode"] == "enforce" && changed["countries"]["FR"]["day"] == 1.0, "{changed}");
    ensure!(well(&server, "GET", GUARD, None).await? == changed, "{changed}");
    for (field, body) in [
        ("mode", json!({"mode": "block"})),
        ("ratios", json!({"ratios": {"day": 11, "hour": 0.2}})),
        ("ratios", json!({"countries": {"FR": {"day": -1, "hour": 0.2}}})),
        ("countries", json!({"countries": {"fr": {"day": 1, "hour": 0.2}}})),
    ] {
        let (status, problem) = call(&server, "PATCH", GUARD, Some(body)).await?;
        ensure!(status == 400 && problem["field"] == field, "{field}: {status} {problem}");
    }
    for (kind, value) in [("number", "Acme"), ("prefix", "12a"), ("country", "UK"), ("network", "192.0.2.0/33")] {
        let (status, problem) = call(&server, "POST", SAFE, Some(json!({"kind": kind, "value": value}))).await?;
        ensure!(status == 400 && problem["field"] == "value", "{kind}: {status} {problem}");
    }
    let entry = well(&server, "POST", SAFE, Some(json!({"kind": "network", "value": "192.0.2.9/24"}))).await?;
    ensure!(entry["value"] == "192.0.2.0/24", "{entry}");
    let of_one = format!("{GUARD}/thresholds?to=%2B12065550100&device_ip=192.0.2.77");
    let standing = well(&server, "GET", &of_one, None).await?;
    ensure!(standing["is_safe"] == true && standing["network"] == "192.0.2.77", "{standing}");
    for path in ["thresholds", "thresholds?to=Acme", "thresholds?to=%2B12065550100&device_ip=here"] {
        ensure!(call(&server, "GET", &format!("{GUARD}/{path}"), None).await?.0 == 400, "{path}");
    }
    Ok(())
}

on_both_engines!(
    a_prefix_that_is_pumped_is_refused_and_each_send_explained,
    what_is_only_recorded_goes_out_and_is_told,
    with_every_level_full_some_still_get_their_code,
    who_types_the_code_in_makes_room_for_others,
    a_cancellation_of_a_text_that_has_left_makes_no_room,
    an_address_that_nobody_verifies_from_reaches_three_countries,
    a_kill_forgets_no_level_that_was_written,
    the_guard_is_set_for_all_and_for_one,
);
