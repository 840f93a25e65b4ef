//! What destinations cost: made, listed, changed, and a whole card at once.

use anyhow::ensure;
use serde_json::{Value, json};

use super::acts::Shown::{Changed, Gone, Made};
use super::acts::{Act, act, on};
use crate::events::{call, text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

/// What is done to rates, one by one and as a card.
pub async fn acts(server: &Server) -> Result<Vec<Act>> {
    const CARD: &str = "channel,prefix,price\nsms,990,0.5\n";
    let [rate, other] = ["99", "98"].map(|prefix| json!({"channel": "sms", "prefix": prefix, "price": "1"}));
    let rate = text(&well(server, "POST", "/v1/rates", Some(rate)).await?["id"])?;
    Ok(vec![
        act("POST", "/v1/rates", &[], other, "rate.create", Made),
        act("PATCH", "/v1/rates/{id}", &[&rate], json!({"price": "3"}), "rate.change", Changed),
        act("DELETE", "/v1/rates/{id}", &[&rate], Value::Null, "rate.delete", Gone),
        on("rates", act("POST", "/v1/rates.csv", &[], CARD.into(), "rate.import", Made)),
        on("rates", act("PUT", "/v1/rates.csv", &[], CARD.replace("990", "991").into(), "rate.import", Made)),
    ])
}

async fn listed(server: &Server, query: &str) -> Result<Vec<String>> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = well(server, "GET", &format!("/v1/rates?limit=2{query}{cursor}"), None).await?;
        for rate in page["data"].as_array().into_iter().flatten() {
            found.push(format!("{} {} {}", text(&rate["channel"])?, text(&rate["prefix"])?, text(&rate["price"])?));
        }
        let Some(next) = page["next_cursor"].as_str() else { return Ok(found) };
        cursor = format!("&cursor={next}");
    }
}

async fn rates_are_made_listed_changed_and_taken_away(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let add = async |body: Value| well(&server, "POST", "/v1/rates", Some(body)).await;
    add(json!({"channel": "voice", "prefix": "", "price": 1})).await?;
    add(json!({"channel": "sms", "prefix": "+2376", "price": "0.020000"})).await?;
    let old = json!({"channel": "sms", "prefix": "237", "price": "0.01", "from": "2020-01-01T00:00:00Z"});
    let kept = add(old.clone()).await?;
    add(json!({"channel": "sms", "prefix": "237", "price": "0.000001", "from": "2100-01-01T00:00:00+01:00"})).await?;
    add(json!({"channel": "sms", "prefix": "", "price": "0"})).await?;
    let all = ["sms  0.0000", "sms 237 0.0100", "sms 237 0.000001", "sms 2376 0.0200", "voice  1.0000"];
    ensure!(listed(&server, "").await? == all, "{:?}", listed(&server, "").await?);
    ensure!(listed(&server, "&channel=sms&prefix=%2B237").await? == all[1..4]);
    ensure!(listed(&server, "&prefix=2376").await? == all[3..4]);
    ensure!(listed(&server, "&prefix=237&at=2022-01-01T00:00:00Z").await? == all[1..2]);
    ensure!(listed(&server, "&at=2021-01-01T00:00:00+01:00").await? == all[1..2], "an unencoded plus");
    let (status, problem) = call(&server, "POST", "/v1/rates", Some(old)).await?;
    ensure!(status == 409, "{status} {problem}");
    let path = format!("/v1/rates/{}", text(&kept["id"])?);
    let change = json!({"price": "0.03", "until": "2021-01-01T00:00:00Z"});
    let changed = well(&server, "PATCH", &path, Some(change)).await?;
    ensure!(changed["price"] == "0.0300" && changed["until"] == "2021-01-01T00:00:00.000Z", "{changed}");
    let changed = well(&server, "PATCH", &path, Some(json!({"until": null}))).await?;
    ensure!(changed["until"].is_null() && changed == well(&server, "GET", &path, None).await?, "{changed}");
    ensure!(call(&server, "DELETE", &path, None).await?.0 == 204);
    ensure!(call(&server, "GET", &path, None).await?.0 == 404);
    ensure!(call(&server, "DELETE", &path, None).await?.0 == 404);
    ensure!(listed(&server, "").await?.len() == 4);
    Ok(())
}

async fn what_is_wrong_with_a_rate_is_named(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let cases = [
        ("channel", json!("fax")),
        ("prefix", json!("23 7")),
        ("prefix", json!("1234567890123456")),
        ("prefix", json!("++1")),
        ("price", json!("0.0000001")),
        ("price", json!("-0.01")),
        ("price", json!("1000000001")),
        ("price", json!("99999999999999999999999")),
        ("price", json!("1e3")),
        ("price", json!(true)),
        ("from", json!("monday")),
        ("until", json!("2020-01-01T00:00:00Z")),
    ];
    for (field, value) in cases {
        let mut body = json!({"channel": "sms", "prefix": "1", "price": "0.01", "from": "2020-01-01T00:00:00Z"});
        body[field] = value.clone();
        let (status, problem) = call(&server, "POST", "/v1/rates", Some(body)).await?;
        ensure!(status == 400 && problem["field"] == field, "{field} {value}: {status} {problem}");
    }
    for bad in ["channel=x", "prefix=abc", "at=now", "cursor=sms.1", "cursor=x.1.1", "limit=0"] {
        let (status, problem) = call(&server, "GET", &format!("/v1/rates?{bad}"), None).await?;
        let field = bad.split('=').next().unwrap_or_default();
        ensure!(status == 400 && problem["field"] == field, "{bad}: {status} {problem}");
    }
    ensure!(listed(&server, "").await?.is_empty());
    Ok(())
}

on_both_engines!(rates_are_made_listed_changed_and_taken_away, what_is_wrong_with_a_rate_is_named,);
