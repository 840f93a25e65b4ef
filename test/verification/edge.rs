//! Orders that are none, keys that may not, numbers of testers, and requests that come again.

use anyhow::ensure;
use serde_json::{Value, json};

use super::scene::{
    ANN, BEN, CODE, SERVICES, VERIFICATIONS, asked, checked, consistent, made, of_code, path, ready, shown, texts,
};
use crate::events::{call, text, well};
use crate::harness::{ADMIN, Builder, Layout, Result, until};
use crate::on_both_engines;
use crate::relay::client::{By, ask, client, key_text};
use crate::relay::scene::{at_rest, balance, customer, everything};
use crate::snapshots::hold_inline;

async fn what_is_wrong_is_told_by_its_name(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    for (to, set, field) in [
        ("12", json!({}), "to"),
        ("Acme", json!({}), "to"),
        (ANN, json!({"channel": "pigeon"}), "channel"),
        ("whatsapp:+12065550110", json!({"channel": "sms"}), "to"),
        ("sms:+12065550110", json!({"channel": "call"}), "to"),
        (ANN, json!({"code": "123"}), "code"),
        (ANN, json!({"code": "12345678901"}), "code"),
        (ANN, json!({"code": "12a456"}), "code"),
        (ANN, json!({"code_length": 3}), "code_length"),
        (ANN, json!({"ttl": "1s"}), "ttl"),
        (ANN, json!({"ttl": "25h"}), "ttl"),
        (ANN, json!({"service": "vsv_x"}), "service"),
        (ANN, json!({"service": format!("vsv_{}", "0".repeat(32))}), "service"),
        (ANN, json!({"template": "x"}), "template"),
        (ANN, json!({"fallback": ["sms"]}), "fallback"),
        (ANN, json!({"name": ""}), "name"),
        (ANN, json!({"locale": "English"}), "locale"),
        (ANN, json!({"app_hash": "short"}), "app_hash"),
        (ANN, json!({"web_otp_host": "https://shop.example"}), "web_otp_host"),
        (ANN, json!({"substitutions": {"code": "1"}}), "substitutions"),
    ] {
        let (status, problem) = asked(&server, to, set.clone()).await?;
        ensure!(status == 400 && problem["field"] == field, "{set}: {status} {problem}");
    }
    for set in [json!({"device_ip": "here"}), json!({"code": 123_456}), json!({"other": 1})] {
        let (status, problem) = asked(&server, ANN, set.clone()).await?;
        ensure!(status == 400, "{set}: {status} {problem}");
    }
    ensure!(server.rows("SELECT id FROM sb_verification").await?.is_empty());
    // none of them has used up anything, nor was it judged
    made(&server, ANN, json!({})).await?;
    let decisions = until("the last decision", async || {
        let decisions = server.rows("SELECT id FROM sb_guard_decision").await?;
        Ok((!decisions.is_empty()).then_some(decisions))
    })
    .await?;
    ensure!(decisions.len() == 1, "{decisions:?}");
    consistent(&server).await
}

async fn a_service_is_refused_what_no_verification_could_have(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let made = well(&server, "POST", SERVICES, Some(json!({"name": "Shop"}))).await?;
    let wanted = json!({"id": "vsv_…", "name": "Shop", "code_length": null, "ttl": null, "max_checks": null,
        "max_sends": null, "template": null, "do_not_share_warning": false, "custom_code": false,
        "skip_sms_to_landlines": false, "key_press": true, "app_hash": null, "web_otp_host": null, "locale": null,
        "created_at": "(time)", "updated_at": "(time)"});
    hold_inline(&["VerificationService"], &made, &wanted)?;
    let one = format!("{SERVICES}/{}", text(&made["id"])?);
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("a\nb")),
        ("code_length", json!(3)),
        ("ttl", json!("1s")),
        ("max_checks", json!(0)),
        ("max_sends", json!(101)),
        ("template", json!("x")),
        ("web_otp_host", json!("https://shop.example")),
        ("app_hash", json!("short")),
        ("locale", json!("English")),
    ] {
        let mut new = json!({"name": "Bank"});
        new[field] = value;
        for (method, path) in [("POST", SERVICES), ("PATCH", one.as_str())] {
            let (status, problem) = call(&server, method, path, Some(new.clone())).await?;
            ensure!(status == 400 && problem["field"] == field, "{method} {new}: {status} {problem}");
        }
    }
    ensure!(well(&server, "GET", &one, None).await? == made, "nothing was done by halves");
    ensure!(well(&server, "GET", SERVICES, None).await?["data"] == json!([made]));
    Ok(())
}

async fn a_key_needs_its_scope(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let ann = client(&server, "Ann", json!({"balance": "10"})).await?;
    let verifier = key_text(&server, &ann, json!({"name": "codes", "scopes": ["verify"]})).await?;
    let texter = key_text(&server, &ann, json!({"name": "texts", "scopes": ["sms", "read"]})).await?;
    let order = json!({"to": ANN, "code": CODE});
    let (status, _, answer) = ask(&server, By::Bearer(&texter), "POST", VERIFICATIONS, Some(order.clone())).await?;
    ensure!(status == 403, "{status} {answer}");
    let (status, _, answer) = ask(&server, By::Bearer(&verifier), "POST", VERIFICATIONS, Some(order)).await?;
    ensure!(status == 201, "{status} {answer}");
    let unguarded = json!({"to": ANN, "risk_check": false});
    let (status, _, problem) = ask(&server, By::Bearer(&verifier), "POST", VERIFICATIONS, Some(unguarded)).await?;
    ensure!(status == 403, "{status} {problem}");
    let check = format!("{}/check", path(&answer)?);
    let code = json!({ "code": CODE });
    ensure!(ask(&server, By::Bearer(&texter), "POST", &check, Some(code.clone())).await?.0 == 403);
    ensure!(ask(&server, By::Nobody, "POST", &check, Some(code.clone())).await?.0 == 401);
    let (status, _, answer) = ask(&server, By::Bearer(&verifier), "POST", &check, Some(code)).await?;
    ensure!(status == 200 && answer["valid"] == true, "{status} {answer}");
    consistent(&server).await
}

async fn a_test_number_has_its_code_and_costs_nothing(layout: Layout) -> Result {
    let numbers = format!("{{ \"{ANN}\" = \"123456\" }}");
    let server = ready(Builder::new(layout).await?.set("verification.test_numbers", numbers)).await?;
    let ann = customer(&server, "10", json!({})).await?;
    for _ in 0..12 {
        let body = Some(json!({ "to": ANN }));
        let (status, _, made) = ask(&server, By::AdminFor(&ann), "POST", VERIFICATIONS, body).await?;
        ensure!(status == 201, "{status} {made}");
        let check = format!("{}/check", path(&made)?);
        let body = Some(json!({"code": "123456"}));
        let (_, _, answer) = ask(&server, By::AdminFor(&ann), "POST", &check, body).await?;
        ensure!(answer["valid"] == true, "{answer}");
    }
    ensure!(texts(&server, ANN).await?.is_empty() && balance(&server, &ann).await? == "10.0000");
    ensure!(server.rows("SELECT id FROM sb_message").await?.is_empty());
    consistent(&server).await
}

async fn a_request_that_comes_again_sends_nothing_more(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let post = async |order: Value| {
        let request = server.http.post(server.url(VERIFICATIONS)).bearer_auth(ADMIN).header("idempotency-key", "a");
        let sent = request.header("content-type", "application/json").body(order.to_string()).send().await?;
        anyhow::Ok((sent.status().as_u16(), sent.text().await?))
    };
    // what its text warns of is part of the answer
    let order = json!({"to": ANN, "code": CODE, "locale": "is"});
    let first = post(order.clone()).await?;
    ensure!(first.0 == 201 && first.1.contains("there are no words in is"), "{first:?}");
    ensure!(post(order).await? == first);
    ensure!(post(json!({"to": ANN, "code": "123456"})).await?.0 == 409);
    ensure!(texts(&server, ANN).await?.len() == 1);
    consistent(&server).await
}

async fn whoever_opted_out_gets_no_code_and_nothing_is_counted(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let ann = customer(&server, "10", json!({})).await?;
    let entry = format!("/v1/opt-outs/%2B15005550100/{}", ANN.replace('+', "%2B"));
    well(&server, "PUT", &entry, Some(json!({"is_out": true}))).await?;
    for _ in 0..12 {
        let body = Some(json!({ "to": ANN }));
        let (status, _, problem) = ask(&server, By::AdminFor(&ann), "POST", VERIFICATIONS, body).await?;
        ensure!(status == 403, "{status} {problem}");
    }
    at_rest(&server, 0).await?;
    ensure!(balance(&server, &ann).await? == "10.0000");
    ensure!(server.rows("SELECT id FROM sb_verification").await?.is_empty());
    consistent(&server).await
}

async fn no_other_number_of_ours_gets_round_an_opt_out(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let (account, other) = (everything(&server).await?, "+15005550101");
    let number = json!({"number": other, "account_id": account, "capabilities": ["sms", "voice"]});
    well(&server, "POST", "/v1/numbers", Some(number)).await?;
    well(&server, "PUT", &format!("/v1/opt-outs/+15005550100/{ANN}"), Some(json!({"is_out": true}))).await?;
    for set in [json!({}), json!({ "from": other })] {
        let (status, problem) = asked(&server, ANN, set.clone()).await?;
        ensure!(status == 403, "{set}: {status} {problem}");
    }
    ensure!(server.rows("SELECT id FROM sb_verification").await?.is_empty());
    // it is about her, and about texts
    made(&server, BEN, json!({ "from": other })).await?;
    ensure!(texts(&server, ANN).await?.is_empty() && texts(&server, BEN).await?.len() == 1);
    let called = made(&server, ANN, json!({"channel": "call"})).await?;
    let by_text = Some(json!({"channel": "sms"}));
    let (status, problem) = call(&server, "POST", &format!("{}/resend", path(&called)?), by_text).await?;
    ensure!(status == 403, "{status} {problem}");
    ensure!(shown(&server, &called).await?["sends"] == 1, "what is refused changes nothing");
    consistent(&server).await
}

async fn a_code_of_the_callers_is_approved_by_the_caller(layout: Layout) -> Result {
    let server = ready(Builder::new(layout).await?).await?;
    let own = of_code(&server, ANN).await?;
    let approved = well(&server, "POST", &format!("{}/approve", path(&own)?), None).await?;
    ensure!(approved["status"] == "approved", "{approved}");
    ensure!(checked(&server, &own, CODE).await?["valid"] == false);
    let ours = made(&server, ANN, json!({})).await?;
    let (status, problem) = call(&server, "POST", &format!("{}/approve", path(&ours)?), None).await?;
    ensure!(status == 409, "{status} {problem}");
    ensure!(text(&ours["id"])? != text(&own["id"])?);
    consistent(&server).await
}

on_both_engines!(
    what_is_wrong_is_told_by_its_name,
    a_service_is_refused_what_no_verification_could_have,
    a_key_needs_its_scope,
    a_test_number_has_its_code_and_costs_nothing,
    a_request_that_comes_again_sends_nothing_more,
    whoever_opted_out_gets_no_code_and_nothing_is_counted,
    no_other_number_of_ours_gets_round_an_opt_out,
    a_code_of_the_callers_is_approved_by_the_caller,
);
