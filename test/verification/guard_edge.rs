//! What counts in the guard's levels, and what does not.

use anyhow::ensure;
use serde_json::{Value, json};

use super::guard::{LEAST, ask, decided, enforce, number};
use super::scene::CODE;
use crate::events::{call, text, well};
use crate::harness::{Carrier, Layout, Result, Server};
use crate::messages::{builder, ready, send_id, sms};
use crate::on_both_engines;
use crate::relay::scene::everything;

async fn enforcing(layout: Layout) -> Result<Server> {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    enforce(&server).await?;
    Ok(server)
}

/// The levels of the prefix are empty: as many codes are sent as may be, and no more.
async fn is_empty(server: &Server) -> Result {
    for nth in 20..20 + LEAST {
        let (status, answer) = ask(server, &number(nth), json!({})).await?;
        ensure!(status == 201, "{nth}: {status} {answer}");
    }
    is_blocked(&ask(server, &number(30), json!({})).await?)
}

fn is_blocked((status, answer): &(u16, Value)) -> Result {
    ensure!(*status == 403 && text(&answer["detail"])?.contains("guard"), "{status} {answer}");
    Ok(())
}

/// Each text waits behind another to the same phone, which its carrier is slow to take.
async fn a_cancellation_of_a_text_that_waits_makes_room(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let (server, _) = ready(builder(layout, &carrier).await?.set("guard.mode", "enforce")).await?;
    for nth in 0..LEAST {
        let to = number(nth);
        carrier.behave(json!({"to": to, "times": 1, "hold_ms": 3000, "do": "accept"})).await?;
        send_id(&server, sms(&to, "first", json!({}))).await?;
        let (status, made) = ask(&server, &to, json!({})).await?;
        ensure!(status == 201, "{status} {made}");
        well(&server, "POST", &format!("/v1/verifications/{}/cancel", text(&made["id"])?), None).await?;
    }
    is_empty(&server).await
}

async fn what_is_not_sent_for_an_opt_out_counts_nowhere(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    for nth in 0..LEAST {
        let out = format!("/v1/opt-outs/+15005550100/{}", number(nth));
        well(&server, "PUT", &out, Some(json!({"is_out": true}))).await?;
        let (status, answer) = ask(&server, &number(nth), json!({})).await?;
        ensure!(status == 403 && !text(&answer["detail"])?.contains("guard"), "{status} {answer}");
    }
    is_empty(&server).await
}

async fn what_permissions_refuse_counts_and_is_told(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    well(&server, "PUT", "/v1/guard/countries", Some(json!({"countries": ["FR"]}))).await?;
    for nth in 0..LEAST {
        let (status, answer) = ask(&server, &number(nth), json!({})).await?;
        ensure!(status == 403 && text(&answer["detail"])?.contains("countries"), "{status} {answer}");
    }
    let decisions = decided(&server, LEAST).await?;
    let is_told = |one: &Value| one["refused_by"] == "permission" && one["allowed"] == false && one["rule"].is_null();
    ensure!(decisions.len() == LEAST && decisions.iter().all(is_told), "{decisions:?}");
    // the safe list goes before countries
    let safe = json!({"kind": "number", "value": number(10)});
    well(&server, "POST", "/v1/guard/safe-list", Some(safe)).await?;
    let (status, answer) = ask(&server, &number(10), json!({})).await?;
    ensure!(status == 201, "{status} {answer}");
    well(&server, "PUT", "/v1/guard/countries", Some(json!({}))).await?;
    is_blocked(&ask(&server, &number(LEAST), json!({})).await?)?;
    // in its country none of them counts
    let standing = well(&server, "GET", "/v1/guard/thresholds?to=%2B14155550100", None).await?;
    let country = standing["figures"].as_array().into_iter().flatten().find(|figure| figure["rule"] == "country_day");
    ensure!(country.is_some_and(|figure| figure["level"] == 1.0), "{standing}");
    Ok(())
}

async fn a_call_counts_three_times(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    let called = json!({"channel": "call"});
    let (status, answer) = ask(&server, &number(0), called.clone()).await?;
    ensure!(status == 201, "{status} {answer}");
    is_blocked(&ask(&server, &number(1), called).await?)?;
    for nth in 2..4 {
        // what was refused counts there too: the level is full for texts as well
        is_blocked(&ask(&server, &number(nth), json!({})).await?)?;
    }
    let first = &decided(&server, 4).await?[2];
    let level = first["figures"][0]["level"].as_f64().unwrap_or_default();
    ensure!(first["channel"] == "call" && (5.9..=6.0).contains(&level), "{first}");
    Ok(())
}

/// Another send of the same code: it is refused as a first one is, and changes nothing.
async fn a_resend_that_is_refused_changes_nothing(layout: Layout) -> Result {
    let server = enforcing(layout).await?;
    let mut made = Vec::new();
    for nth in 0..LEAST {
        // codes of ours are typed in: who brings one may say that it was
        made.push(ask(&server, &number(nth), json!({"code": CODE})).await?.1);
    }
    let path = format!("/v1/verifications/{}", text(&made[0]["id"])?);
    let before = well(&server, "GET", &path, None).await?;
    is_blocked(&call(&server, "POST", &format!("{path}/resend"), Some(json!({}))).await?)?;
    let after = well(&server, "GET", &path, None).await?;
    ensure!(before == after, "{before} {after}");
    // it was refused in the same verification, whose approval takes out both
    well(&server, "POST", &format!("{path}/approve"), None).await?;
    let (status, answer) = ask(&server, &number(20), json!({})).await?;
    ensure!(status == 201, "{status} {answer}");
    Ok(())
}

on_both_engines!(
    a_cancellation_of_a_text_that_waits_makes_room,
    what_is_not_sent_for_an_opt_out_counts_nowhere,
    what_permissions_refuse_counts_and_is_told,
    a_call_counts_three_times,
    a_resend_that_is_refused_changes_nothing,
);
