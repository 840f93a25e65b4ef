//! Numbers that an account has at its carrier: shown, and taken into use.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use warp::Filter as _;

use crate::events::{call, text, well};
use crate::harness::{Builder, Carrier, Layout, Result, Server, Telnyx};
use crate::messages;
use crate::on_both_engines;

async fn listed(server: &Server, account: &str) -> Result<Vec<Value>> {
    let shown = well(server, "GET", &format!("/v1/accounts/{account}/numbers"), None).await?;
    Ok(shown["data"].as_array().context("no list")?.clone())
}

async fn added(server: &Server, account: &str, body: Value) -> Result<Value> {
    Ok(well(server, "POST", &format!("/v1/accounts/{account}/numbers"), Some(body)).await?["added"].clone())
}

async fn account(server: &Server, provider: &str, credentials: Value) -> Result<String> {
    let body = json!({"provider": provider, "credentials": credentials, "check": false});
    text(&well(server, "POST", "/v1/accounts", Some(body)).await?["id"])
}

async fn what_twilio_has_is_taken_in_page_by_page(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = messages::builder(layout, &carrier).await?.start().await?;
    let account = messages::account(&server, json!({})).await?;
    messages::number(&server, &account, "+14155560007", json!({})).await?;
    let shown = listed(&server, &account).await?;
    ensure!(shown.len() == 230 && shown.iter().filter(|one| one["in_use"] == true).count() == 1, "{}", shown.len());
    let wanted = |at: usize, can: Value| {
        let number = format!("+1415556{at:04}");
        json!({"number": number, "country": "US", "capabilities": can, "in_use": false})
    };
    ensure!(shown[0] == wanted(0, json!(["sms", "mms", "voice"])), "{}", shown[0]);
    ensure!(shown[229] == wanted(229, json!(["sms", "voice"])), "{} and not one that faxes", shown[229]);
    let pool = text(&well(&server, "POST", "/v1/pools", Some(json!({"name": "all"}))).await?["id"])?;
    ensure!(added(&server, &account, json!({"pool_id": pool})).await? == 229);
    let shown = listed(&server, &account).await?;
    ensure!(shown.len() == 230 && shown.iter().all(|one| one["in_use"] == true), "{}", shown.len());
    ensure!(added(&server, &account, json!({})).await? == 0, "they are there");
    let filled = well(&server, "GET", &format!("/v1/pools/{pool}"), None).await?;
    ensure!(filled["numbers"].as_array().is_some_and(|all| all.len() == 229));
    let path = format!("/v1/accounts/{account}/numbers");
    for body in [json!({"pool_id": "x"}), json!({"pool_id": "pool_00000000000000000000000000000001"})] {
        let (status, problem) = call(&server, "POST", &path, Some(body)).await?;
        ensure!(status == 400 && problem["field"] == "pool_id", "{status} {problem}");
    }
    Ok(())
}

/// `GET /v2/numbers` of Flowroute: as many as are asked for of two hundred and one.
async fn flowroute() -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let numbers = warp::path!("v2" / "numbers").and(warp::get()).and(warp::query::raw()).map(|query: String| {
        let asked = |name: &str| {
            let found = form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
            found.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or_default()
        };
        let (from, limit) = (asked("offset"), asked("limit"));
        let data: Vec<Value> = (from..201_usize.min(from + limit))
            .map(|at| json!({"type": "number", "id": format!("1415558{at:04}"), "attributes": {"rate_center": "x"}}))
            .collect();
        warp::reply::json(&json!({ "data": data }))
    });
    tokio::spawn(warp::serve(numbers).incoming(listener).run());
    Ok(url)
}

async fn what_other_carriers_have_is_taken_in(layout: Layout) -> Result {
    let telnyx = Telnyx::start().await?;
    let builder = Builder::new(layout).await?.set("provider.base_urls", telnyx.base_urls());
    let server = builder.set("provider.flowroute_base_url", flowroute().await?).start().await?;
    let by_telnyx = account(&server, "telnyx", telnyx.credentials()?).await?;
    let shown = listed(&server, &by_telnyx).await?;
    let found: Vec<_> = shown.iter().filter_map(|one| one["number"].as_str()).collect();
    let wanted = ["+14155570000", "+14155570001", "+14155570002", "+14155570003", "+14155570004"];
    ensure!(found == wanted && shown[0]["capabilities"] == json!(["sms"]), "{shown:?}");
    ensure!(added(&server, &by_telnyx, json!({})).await? == 5);
    let credentials = json!({"access_key": "1", "secret_key": "2", "webhook_token": "a-secret-path-segment"});
    let by_flowroute = account(&server, "flowroute", credentials).await?;
    let shown = listed(&server, &by_flowroute).await?;
    ensure!(shown.len() == 201 && shown[200]["number"] == "+14155580200", "{:?}", shown.last());
    ensure!(added(&server, &by_flowroute, json!({})).await? == 201);
    // another customer, whose key is not good
    let other = Telnyx::start().await?.credentials()?["public_key"].clone();
    let bad = account(&server, "telnyx", json!({"api_key": "x", "public_key": other})).await?;
    let (status, problem) = call(&server, "GET", &format!("/v1/accounts/{bad}/numbers"), None).await?;
    ensure!(status == 409, "{status} {problem}");
    ensure!(call(&server, "GET", "/v1/accounts/acc_00000000000000000000000000000001/numbers", None).await?.0 == 404);
    Ok(())
}

on_both_engines!(what_twilio_has_is_taken_in_page_by_page, what_other_carriers_have_is_taken_in,);
