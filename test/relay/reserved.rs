//! Reserved numbers: never chosen, and as good as others to whoever names them.

use anyhow::ensure;
use serde_json::{Value, json};

use super::scene::{act, act_well, customer, everything, text_to};
use crate::events::{text, well};
use crate::harness::{Layout, Result, Server};
use crate::inbound::play;
use crate::messages::person;
use crate::on_both_engines;
use crate::operations::command::run;

/// From which number each of some people would be texted, where somebody names this sender or none.
async fn senders(server: &Server, client: &str, from: Option<&str>) -> Result<Vec<Value>> {
    let mut senders = Vec::new();
    for at in 0..12 {
        let from = from.map(|from| format!("&from={}", from.replace('+', "%2B"))).unwrap_or_default();
        let query = format!("/v1/routes/explain?to={}&client={client}{from}", person(at).replace('+', "%2B"));
        senders.push(well(server, "GET", &query, None).await?["from"].clone());
    }
    senders.dedup();
    Ok(senders)
}

async fn a_reserved_number_is_only_sent_from_by_name(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    let pool = text(&act_well(&server, &client, "POST", "/v1/pools", Some(json!({"name": "sales"}))).await?["id"])?;
    let mut numbers = Vec::new();
    for (address, is_reserved) in [("+14155550300", true), ("+12125550301", false)] {
        let body = json!({"number": address, "account_id": account, "reserved": is_reserved});
        let number = act_well(&server, &client, "POST", "/v1/numbers", Some(body)).await?;
        ensure!(number["reserved"] == is_reserved && number["area_code"] == address[2..5], "{number}");
        let path = format!("/v1/numbers/{}", text(&number["id"])?);
        act_well(&server, &client, "PUT", &format!("/v1/pools/{pool}{}", &path[3..]), None).await?;
        numbers.push(path);
    }
    for from in [Some(pool.as_str()), None] {
        let chosen = senders(&server, &client, from).await?;
        ensure!(chosen == ["+12125550301"], "{from:?}: {chosen:?}");
    }
    let changed = act_well(&server, &client, "PATCH", &numbers[1], Some(json!({"reserved": true}))).await?;
    ensure!(changed["reserved"] == true, "{changed}");
    ensure!(senders(&server, &client, Some(&pool)).await? == [Value::Null], "a pool of which none may be chosen");
    ensure!(senders(&server, &client, None).await? == ["+15005550100"], "what the operator lends");
    ensure!(senders(&server, &client, Some("+14155550300")).await? == ["+14155550300"]);
    text_to(&server, &client, "+14155550101", json!({"from": "+12125550301"})).await?;
    act_well(&server, &client, "PATCH", &numbers[0], Some(json!({"reserved": false}))).await?;
    ensure!(senders(&server, &client, Some(&pool)).await? == ["+14155550300"]);
    let (status, problem) = act(&server, &client, "PATCH", &numbers[0], Some(json!({"reserved": "no"}))).await?;
    ensure!(status == 400 && problem["field"] == "reserved", "{status} {problem}");
    Ok(())
}

async fn a_text_to_a_reserved_number_is_told(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    well(&server, "POST", "/v1/endpoints", Some(json!({"url": "https://example.com/"}))).await?;
    let number = text(&well(&server, "GET", "/v1/numbers", None).await?["data"][0]["id"])?;
    well(&server, "PATCH", &format!("/v1/numbers/{number}"), Some(json!({"reserved": true}))).await?;
    play::text(&server, "+14155550101", "+15005550100", "hello").await?;
    play::settled(&server).await?;
    let told = well(&server, "GET", "/v1/events?type=message.received", None).await?;
    ensure!(told["data"][0]["data"]["body"] == "hello", "{told}");
    Ok(())
}

async fn lists_of_numbers_are_narrowed(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    let pool = text(&act_well(&server, &client, "POST", "/v1/pools", Some(json!({"name": "sales"}))).await?["id"])?;
    for (address, is_reserved) in [("+14155550300", true), ("+12125550301", false), ("+33612345678", true)] {
        let body = json!({"number": address, "account_id": account, "reserved": is_reserved});
        let number = text(&act_well(&server, &client, "POST", "/v1/numbers", Some(body)).await?["id"])?;
        if is_reserved {
            act_well(&server, &client, "PUT", &format!("/v1/pools/{pool}/numbers/{number}"), None).await?;
        }
    }
    for (query, wanted) in [
        ("", &["+33612345678", "+12125550301", "+14155550300"][..]),
        ("?reserved=true", &["+33612345678", "+14155550300"]),
        ("?reserved=false", &["+12125550301"]),
        ("?country=us", &["+12125550301", "+14155550300"]),
        ("?country=US&reserved=true", &["+14155550300"]),
        ("?country=GB", &[]),
        ("?number=%2B1%20(212)%20555-0301", &["+12125550301"]),
        (&format!("?pool_id={pool}&country=FR"), &["+33612345678"]),
        (&format!("?pool_id={pool}&limit=1"), &["+33612345678"]),
    ] {
        let listed = act_well(&server, &client, "GET", &format!("/v1/numbers{query}"), None).await?;
        let shown: Vec<_> = listed["data"].as_array().into_iter().flatten().map(|one| one["number"].clone()).collect();
        ensure!(shown == wanted, "{query}: {listed}");
    }
    for (query, field) in [("country=UK", "country"), ("pool_id=1", "pool_id"), ("reserved=1", "reserved")] {
        let (status, problem) = act(&server, &client, "GET", &format!("/v1/numbers?{query}"), None).await?;
        ensure!(status == 400 && problem["field"] == field, "{query}: {status} {problem}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_reserved_and_pools_changed_by_commands() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let url = server.url("");
    let on = async |words: &[&str]| run(server.builder(), &[words, &["--url", &url]].concat()).await?.well();
    everything(&server).await?;
    let added = on(&["number", "add", "+14155550300", "--reserved", "--json"]).await?;
    let added: Value = serde_json::from_str(&added)?;
    ensure!(added["reserved"] == true, "{added}");
    let number = text(&added["id"])?;
    ensure!(on(&["number", "list", "--reserved"]).await?.contains("reserved"));
    ensure!(on(&["number", "list", "--number", "+1 415 555 0300"]).await?.lines().count() == 1);
    let changed = on(&["number", "change", &number, "--reserved=false"]).await?;
    ensure!(!changed.contains("reserved"), "{changed}");
    ensure!(!on(&["number", "list", "--reserved=true"]).await?.contains("+14155550300"));

    let made = ["pool", "create", "sales", "--choice", "avoid_sticky", "--ttl", "7d", "--end-text", "bye", "--json"];
    let made: Value = serde_json::from_str(&on(&made).await?)?;
    ensure!(made["choice"] == "avoid_sticky" && made["ttl"] == "7d" && made["end_text"] == "bye", "{made}");
    let pool = text(&made["id"])?;
    ensure!(on(&["pool", "change", &pool, "--exclusive"]).await?.contains("exclusive"));
    let change = ["pool", "change", &pool, "--exclusive=false", "--ttl", "", "--order", "any", "--name", "x", "--json"];
    let changed: Value = serde_json::from_str(&on(&change).await?)?;
    ensure!(changed["exclusive"] == false && changed["ttl"].is_null() && changed["order"] == "any", "{changed}");
    ensure!(changed["name"] == "x" && changed["end_text"] == "bye", "{changed}");
    Ok(())
}

on_both_engines!(
    a_reserved_number_is_only_sent_from_by_name,
    a_text_to_a_reserved_number_is_told,
    lists_of_numbers_are_narrowed,
);
