//! What is explained is what is done: accounts that fail over, senders, prices.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::route::{loopback, route};
use super::scene::{act, act_well, customer, everything, text_to, unreachable};
use crate::events::{call, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::on_both_engines;

async fn explain(server: &Server, query: &str) -> Result<Value> {
    well(server, "GET", &format!("/v1/routes/explain?{query}"), None).await
}

fn verdicts(said: &Value) -> Vec<&str> {
    said["routes"].as_array().into_iter().flatten().filter_map(|one| one["verdict"].as_str()).collect()
}

/// Sends what was explained, and holds the one against the other.
async fn agree(server: &Server, client: &str, to: &str, from: Option<&str>) -> Result<Value> {
    let asked = from.map(|from| format!("&from={}", from.replace('+', "%2B"))).unwrap_or_default();
    let said = explain(server, &format!("to={}&client={client}{asked}", to.replace('+', "%2B"))).await?;
    let mut message = json!({"to": to, "body": "hello"});
    if let Some(from) = from {
        message["from"] = from.into();
    }
    let (status, sent) = act(server, client, "POST", "/v1/messages", Some(message)).await?;
    if said["from"].is_null() {
        ensure!(status >= 400, "{said} but {status} {sent}");
        ensure!(
            sent["detail"].as_str().is_some_and(|detail| said["reason"]
                .as_str()
                .is_some_and(|it| detail.contains(it) || it.contains(detail))),
            "{said} {sent}"
        );
        return Ok(said);
    }
    ensure!(status < 300 && sent["from"] == said["from"], "{said} but {status} {sent}");
    let rows = server
        .rows("SELECT account_id, cost FROM sb_message WHERE direction = 'outbound' ORDER BY id DESC LIMIT 1")
        .await?
        .concat();
    let account = said["account_id"].as_str().context("account")?;
    ensure!(account.ends_with(&rows[0]), "{said} but {rows:?}");
    let price: switchboard::model::Money = said["price"].as_str().context("price")?.parse()?;
    ensure!(rows[1] == price.micros().to_string(), "{said} but {rows:?}");
    Ok(said)
}

async fn what_is_explained_is_what_is_done(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = customer(&server, "10", json!({})).await?;
    let none = agree(&server, &client, "+14155550101", None).await?;
    ensure!(none["reason"] == "no route leads to this destination" && none["routes"] == json!([]), "{none}");
    let account = everything(&server).await?;
    let won = agree(&server, &client, "+14155550101", None).await?;
    ensure!(verdicts(&won) == ["wins"] && won["account_id"] == account.as_str() && won["price"] == "0.0075", "{won}");
    ensure!(won["rate_id"].is_null(), "{won}");
    // an account without a sender, one that is deleted, a rule that says the same again
    let empty = unreachable(&server, '1').await?;
    let gone = unreachable(&server, '2').await?;
    route(&server, 1, r"\+1415", &empty).await?;
    route(&server, 2, r"\+1", &gone).await?;
    route(&server, 2000, r"\+1415", &account).await?;
    ensure!(call(&server, "DELETE", &format!("/v1/accounts/{gone}"), None).await?.0 == 204);
    let rate = json!({"channel": "sms", "prefix": "1415", "price": "0.5"});
    let rate = well(&server, "POST", "/v1/rates", Some(rate)).await?;
    let won = agree(&server, &client, "+14155550101", None).await?;
    ensure!(verdicts(&won) == ["no_sender", "deleted", "wins", "again"], "{won}");
    ensure!(won["price"] == "0.5000" && won["rate_id"] == rate["id"], "{won}");
    let routes = well(&server, "GET", "/v1/routes", None).await?;
    ensure!(routes["data"][1]["has_account"] == false && routes["data"][0]["has_account"] == true, "{routes}");
    // any sender that the account takes, the client's own number, another's
    agree(&server, &client, "+14155550101", Some("+15005550777")).await?;
    let own = json!({"number": "+15005550111", "account_id": empty});
    act_well(&server, &client, "POST", "/v1/numbers", Some(own)).await?;
    let won = explain(&server, &format!("to=%2B14155550101&client={client}")).await?;
    ensure!(verdicts(&won) == ["wins", "deleted", "spare", "again"] && won["from"] == "+15005550111", "{won}");
    let other = customer(&server, "10", json!({})).await?;
    let refused = agree(&server, &other, "+14155550101", Some("+15005550111")).await?;
    ensure!(refused["route_id"].is_null(), "{refused}");
    agree(&server, &other, "+14155550101", Some("+15005550100")).await?;
    // without a client: one without numbers
    let anyone = explain(&server, "to=+14155550101").await?;
    ensure!(anyone["from"] == "+15005550100" && verdicts(&anyone)[0] == "no_sender", "{anyone}");
    // a key that may not
    let key = json!({"scopes": ["sms"], "destinations": r"\+237"});
    let key = well(&server, "POST", &format!("/v1/clients/{client}/keys"), Some(key)).await?;
    let id = key["id"].as_str().context("id")?;
    let said = explain(&server, &format!("to=+14155550101&key={id}")).await?;
    ensure!(said["from"].is_null() && said["reason"] == "this key may not send to this destination", "{said}");
    for (query, field) in [
        ("to=", "to"),
        ("channel=sms", "to"),
        ("to=%2B14155550101&channel=fax", "channel"),
        ("to=%2B14155550101&client=cli_1", "client"),
        ("to=%2B14155550101&key=x", "key"),
        ("to=%2B14155550101&from=%00", "from"),
    ] {
        let (status, problem) = call(&server, "GET", &format!("/v1/routes/explain?{query}"), None).await?;
        ensure!(status == 400 && problem["field"] == field, "{query}: {status} {problem}");
    }
    Ok(())
}

async fn a_client_s_own_number_needs_no_rule(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    well(&server, "POST", "/v1/numbers", Some(json!({"number": "+15005550100", "account_id": account}))).await?;
    let refused = agree(&server, &client, "+14155550101", None).await?;
    ensure!(refused["reason"] == "no route leads to this destination", "{refused}");
    let own = json!({"number": "+15005550111", "account_id": account, "capabilities": ["sms"]});
    act_well(&server, &client, "POST", "/v1/numbers", Some(own)).await?;
    for from in [None, Some("+15005550111")] {
        let won = agree(&server, &client, "+14155550101", from).await?;
        ensure!(verdicts(&won) == ["wins"] && won["from"] == "+15005550111" && won["route_id"].is_null(), "{won}");
    }
    // what the operator lends, or the account would take, goes where rules say
    for from in ["+15005550100", "+15005550777"] {
        let refused = agree(&server, &client, "+14155550101", Some(from)).await?;
        ensure!(refused["reason"] == "no route leads to this destination", "{from}: {refused}");
    }
    let voice = explain(&server, &format!("to=%2B14155550101&channel=voice&client={client}")).await?;
    ensure!(voice["reason"] == "no route leads to this destination", "not of the right kind: {voice}");
    Ok(())
}

async fn an_account_that_is_down_is_passed_over(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    let builder = builder.set("provider.twilio_base_url", "http://127.0.0.1:9").set("outbox.breaker_failures", "1");
    let server = builder.set("outbox.breaker_rest", "10m").start().await?;
    let client = customer(&server, "10", json!({})).await?;
    let down = unreachable(&server, '1').await?;
    let number = json!({"number": "+15005550200", "account_id": down});
    well(&server, "POST", "/v1/numbers", Some(number)).await?;
    route(&server, 1, ".*", &down).await?;
    let won = agree(&server, &client, "+14155550101", None).await?;
    ensure!(verdicts(&won) == ["wins"] && won["from"] == "+15005550200", "{won}");
    let query = format!("to=%2B14155550102&client={client}");
    until("its breaker", async || {
        let said = explain(&server, &query).await?;
        Ok((verdicts(&said) == ["waits"]).then_some(()))
    })
    .await?;
    let up = loopback(&server).await?;
    let number = json!({"number": "+15005550100", "account_id": up});
    well(&server, "POST", "/v1/numbers", Some(number)).await?;
    route(&server, 2, ".*", &up).await?;
    let won = agree(&server, &client, "+14155550102", None).await?;
    ensure!(verdicts(&won) == ["down", "wins"] && won["from"] == "+15005550100", "{won}");
    text_to(&server, &client, "+14155550103", json!({})).await?;
    Ok(())
}

on_both_engines!(
    what_is_explained_is_what_is_done,
    a_client_s_own_number_needs_no_rule,
    an_account_that_is_down_is_passed_over,
);
