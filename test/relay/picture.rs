//! Texts with pictures: paid for by the message, at rates of their own.

use anyhow::ensure;
use serde_json::{Value, json};

use super::client::now_ms;
use super::{balance, client, loopback, post, verified};
use crate::events::{call, text, well};
use crate::harness::{ADMIN, Builder, Layout, Result, Server};
use crate::messages::{number, with};
use crate::on_both_engines;
use crate::operations::command::run;

const FROM: &str = "+15005550006";
const TO: &str = "+14155550100";

async fn scene(builder: Builder) -> Result<(Server, super::Client)> {
    let server = builder.start().await?;
    let account = loopback(&server).await?;
    number(&server, &account, FROM, json!({"capabilities": ["sms", "mms", "whatsapp"]})).await?;
    let client = client(&server, "10").await?;
    Ok((server, client))
}

/// Ten pictures, and three segments of words.
fn pictures() -> (Vec<String>, String) {
    let urls = (0..10).map(|count| format!("https://example.org/{count}.png")).collect();
    (urls, "x".repeat(400))
}

async fn costs(server: &Server, key: &str, fields: Value) -> Result<Value> {
    let (status, sent) = post(server, key, "/v1/messages", &with(json!({"to": TO, "from": FROM}), fields)).await?;
    ensure!(status == 202, "{status} {sent}");
    Ok(sent["cost"].clone())
}

async fn pictures_are_charged_at_every_door(layout: Layout) -> Result {
    let (server, client) = scene(Builder::new(layout).await?).await?;
    let (urls, words) = pictures();
    let native = json!({"media_urls": urls, "body": words});
    ensure!(costs(&server, &client.key, native).await? == "0.0200");
    ensure!(costs(&server, &client.key, json!({"media_urls": urls})).await? == "0.0200");
    ensure!(costs(&server, &client.key, json!({"body": words})).await? == "0.0225", "three segments");
    let chat = json!({"media_urls": urls, "channel": "whatsapp"});
    ensure!(costs(&server, &client.key, chat).await? == "0.0050");
    for path in ["/relay/sms", "/relay/api/sms"] {
        let body = json!({"To": TO, "From": FROM, "Body": words, "MediaUrl": urls});
        let (status, sent) = post(&server, &client.key, path, &body).await?;
        ensure!(status == 200 && sent["cost"] == "0.0200", "{path}: {status} {sent}");
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([("To", TO), ("From", FROM), ("Body", &words)])
        .extend_pairs(urls.iter().map(|u| ("MediaUrl", u)));
    let path = format!("/2010-04-01/Accounts/{}/Messages.json", client.sid);
    let request = server.http.post(server.url(&path)).basic_auth(&client.sid, Some(&client.token));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.finish());
    let sent: Value = request.send().await?.json().await?;
    ensure!(sent["price"] == "-0.02000" && sent["num_media"] == "10" && sent["num_segments"] == "3", "{sent}");
    // what is taken back is given back, whole
    let before = balance(&server, &client).await?;
    let later = json!({"to": TO, "media_urls": urls, "send_at": switchboard::model::rfc3339(now_ms() + 600_000)});
    let (_, sent) = post(&server, &client.key, "/v1/messages", &later).await?;
    let (status, canceled) = call_as(&server, &client.key, "DELETE", &text(&sent["id"])?).await?;
    ensure!(status == 200 && canceled["refunded_at"].is_string(), "{status} {canceled}");
    ensure!(balance(&server, &client).await? == before);
    let builder = server.builder().clone();
    verified(&builder).await
}

async fn call_as(server: &Server, key: &str, method: &str, id: &str) -> Result<(u16, Value)> {
    let request = server.http.request(method.parse()?, server.url(&format!("/v1/messages/{id}")));
    let response = request.header("x-proxy-auth", key).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

async fn a_card_has_rates_of_pictures(layout: Layout) -> Result {
    let (server, client) = scene(Builder::new(layout).await?.set("tariff.mms", "0.0300")).await?;
    let (urls, words) = pictures();
    let both = json!({"media_urls": urls, "body": words});
    ensure!(costs(&server, &client.key, both.clone()).await? == "0.0300", "where the card has none");
    let card = "channel,prefix,price\nsms,1415,0.01\nmms,1415,0.05\nmms,,0.04\nvoice,,1\n";
    let request = server.http.post(server.url("/v1/rates.csv")).bearer_auth(ADMIN).header("content-type", "text/csv");
    let done: Value = request.body(card).send().await?.json().await?;
    let counted = json!({"sms": 1, "mms": 2, "whatsapp": 0, "voice": 1});
    ensure!(done["added"] == 4 && done["channels"] == counted, "{done}");
    let audited = well(&server, "GET", "/v1/audit?object=rates", None).await?;
    ensure!(audited["data"][0]["after"]["channels"] == counted, "{audited}");
    ensure!(costs(&server, &client.key, both.clone()).await? == "0.0500", "by the message, by the longest prefix");
    ensure!(costs(&server, &client.key, json!({"body": words})).await? == "0.0300", "three segments at 0.01");
    ensure!(costs(&server, &client.key, with(both, json!({"to": "+12125550100"}))).await? == "0.0400");
    // one by one, and explained
    let listed = well(&server, "GET", "/v1/rates?channel=mms", None).await?;
    ensure!(listed["data"].as_array().map(Vec::len) == Some(2), "{listed}");
    let rate = json!({"channel": "mms", "prefix": "33", "price": "0.07"});
    let rate = well(&server, "POST", "/v1/rates", Some(rate)).await?;
    let said = well(&server, "GET", "/v1/routes/explain?to=%2B33612345678&channel=mms", None).await?;
    ensure!(said["price"] == "0.0700" && said["rate_id"] == rate["id"] && said["channel"] == "mms", "{said}");
    ensure!(said["from"] == FROM, "{said}");
    // it is no channel of routes, nor of messages
    let rule = json!({"priority": 1, "pattern": ".*", "account_id": said["account_id"], "channel": "mms"});
    ensure!(call(&server, "POST", "/v1/routes", Some(rule)).await?.0 == 400);
    let message = json!({"to": TO, "body": "x", "channel": "mms"});
    ensure!(call(&server, "POST", "/v1/messages", Some(message)).await?.0 == 400);
    let file = server.builder().path("card.csv");
    std::fs::write(&file, card)?;
    let words = ["rate", "import", &file.display().to_string(), "--replace", "--url", &server.url("")];
    let said = run(server.builder(), &words).await?.well()?;
    ensure!(said.contains("removed: mms 2, sms 1, voice 1, whatsapp 0"), "{said}");
    let words = ["route", "explain", TO, "--channel", "mms", "--url", &server.url("")];
    ensure!(run(server.builder(), &words).await?.well()?.contains("0.0500"));
    Ok(())
}

/// A card with texts alone: a picture of one pixel is no way to send what stands below it for less.
async fn pictures_without_a_rate_cost_no_less_than_their_words(layout: Layout) -> Result {
    let (server, client) = scene(Builder::new(layout).await?).await?;
    let explained = async |to: &str| {
        well(&server, "GET", &format!("/v1/routes/explain?to={}&channel=mms", to.replace('+', "%2B")), None).await
    };
    for (prefix, price) in [("1415", "0.08"), ("1212", "0.001")] {
        well(&server, "POST", "/v1/rates", Some(json!({"channel": "sms", "prefix": prefix, "price": price}))).await?;
    }
    let picture = ["https://example.org/1.png"];
    let (long, short) = ("x".repeat(1_500), "x".repeat(200));
    for (body, cost) in [(long.as_str(), "0.8000"), (short.as_str(), "0.1600"), ("x", "0.0800")] {
        ensure!(costs(&server, &client.key, json!({"body": body})).await? == cost, "{body}");
        ensure!(costs(&server, &client.key, json!({"body": body, "media_urls": picture})).await? == cost, "{body}");
    }
    ensure!(costs(&server, &client.key, json!({"media_urls": picture})).await? == "0.0800", "a picture alone");
    let said = explained(TO).await?;
    ensure!(said["price"] == "0.0800" && said["rate_id"].is_string(), "{said}");
    // what is cheaper as words costs what pictures do; and where the card has nothing at all
    for to in ["+12125550100", "+13125550100"] {
        let both = json!({"to": to, "body": "x", "media_urls": picture});
        ensure!(costs(&server, &client.key, both).await? == "0.0200", "{to}");
        let said = explained(to).await?;
        ensure!(said["price"] == "0.0200" && said["rate_id"].is_null(), "{said}");
    }
    // a rate of pictures counts, whatever texts cost
    well(&server, "POST", "/v1/rates", Some(json!({"channel": "mms", "prefix": "1", "price": "0.03"}))).await?;
    let both = json!({"body": long, "media_urls": picture});
    ensure!(costs(&server, &client.key, both).await? == "0.0300");
    verified(&server.builder().clone()).await
}

on_both_engines!(
    pictures_are_charged_at_every_door,
    a_card_has_rates_of_pictures,
    pictures_without_a_rate_cost_no_less_than_their_words,
);
