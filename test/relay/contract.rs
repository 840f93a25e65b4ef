//! The older relay's requests as their users send them, but for host and credential.

use anyhow::ensure;
use serde_json::{Value, json};

use super::client::{DEMO_SECRET, DEMO_SID, OLDER_SECRET};
use super::{Client, balance, client, loopback, post};
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::on_both_engines;

/// What is posted to `/relay/sms` in its documentation.
fn hello() -> Value {
    json!({"To": "+1234567890", "From": "+0987654321", "Body": "Hello World"})
}

/// The same, which can be called too.
fn said() -> Value {
    crate::messages::with(hello(), json!({"Twiml": "<Response><Say>Hello World</Say></Response>"}))
}

async fn ready(layout: Layout, balance: &str) -> Result<(Server, Client)> {
    let server = Server::start(layout).await?;
    loopback(&server).await?;
    let client = client(&server, balance).await?;
    Ok((server, client))
}

async fn texts_whatsapp_messages_and_calls_are_taken_and_charged(layout: Layout) -> Result {
    let (server, client) = ready(layout, "100").await?;
    let (status, sent) = post(&server, &client.key, "/relay/sms", &hello()).await?;
    ensure!(status == 200 && sent["status"] == "queued", "{status} {sent}");
    ensure!(sent["cost"] == "0.0075" && sent["remaining_balance"] == "99.9925", "{sent}");
    let sid = text(&sent["sid"])?;
    ensure!(sid.len() == 34 && sid.starts_with("SM"), "{sid}");
    let arrived = async || {
        let list = well(&server, "GET", "/v1/loopback/messages?to=%2B1234567890", None).await?;
        Ok(list["data"].as_array().and_then(|all| all.first()).cloned())
    };
    let arrived = until("the text to arrive", arrived).await?;
    ensure!(arrived["from"] == "+0987654321" && arrived["body"] == "Hello World", "{arrived}");
    let rest = json!({"StatusCallback": "https://example.com/told", "MediaUrl": "https://example.com/a.png"});
    let (status, sent) = post(&server, &client.key, "/relay/api/sms", &crate::messages::with(hello(), rest)).await?;
    ensure!(status == 200 && sent["status"] == "sent" && sent["cost"] == "0.0200", "{status} {sent}");
    // what has media is named so on Twilio's paths, and in callbacks
    ensure!(text(&sent["sid"])?.starts_with("MM"), "{sent}");
    let (status, sent) = post(&server, &client.key, "/relay/api/whatsapp", &hello()).await?;
    ensure!(status == 200 && sent["status"] == "sent" && sent["cost"] == "0.0050", "{status} {sent}");
    let call = json!({"To": "+1234567890", "From": "+0987654321", "Twiml": "<Response><Say>Hi</Say></Response>"});
    let (status, sent) = post(&server, &client.key, "/relay/api/call", &call).await?;
    ensure!(status == 200 && sent["status"] == "initiated" && sent["cost"] == "0.0150", "{status} {sent}");
    ensure!(text(&sent["sid"])?.starts_with("CA"), "{sent}");
    // 100 - 0.0075 - 0.0200 - 0.0050 - 0.0150
    ensure!(balance(&server, &client).await? == "99.9525", "{}", balance(&server, &client).await?);
    let health = server.http.get(server.url("/relay/api/health")).send().await?;
    ensure!(health.status() == 200, "{}", health.status());
    Ok(())
}

async fn a_key_may_come_in_three_ways(layout: Layout) -> Result {
    let (server, client) = ready(layout, "1").await?;
    let ask = || server.http.post(server.url("/relay/sms")).body(hello().to_string());
    let by_header = ask().header("x-proxy-auth", &client.key);
    let by_bearer = ask().bearer_auth(&client.key);
    let by_key = ask().basic_auth(&client.sid, Some(&client.key));
    let by_token = ask().basic_auth(&client.sid, Some(&client.token));
    for request in [by_header, by_bearer, by_key, by_token] {
        let response = request.send().await?;
        ensure!(response.status() == 200, "{}", response.text().await?);
    }
    ensure!(balance(&server, &client).await? == "0.9700", "{}", balance(&server, &client).await?);
    Ok(())
}

async fn every_refusal_can_be_provoked_and_charges_nothing(layout: Layout) -> Result {
    let (server, client) = ready(layout, "0.0001").await?;
    // who asks comes first: there is no body here
    let nobody = server.http.post(server.url("/relay/sms")).header("x-proxy-auth", "invalid_key").send().await?;
    ensure!(nobody.status() == 401, "{}", nobody.status());
    let missing = server.http.post(server.url("/relay/sms")).body(hello().to_string()).send().await?;
    ensure!(missing.status() == 401, "{}", missing.status());
    ensure!(missing.json::<Value>().await?["error"].is_string(), "no reason");
    let (status, told) = post(&server, &client.key, "/relay/sms", &hello()).await?;
    ensure!(status == 402 && told["error"] == "Insufficient balance", "{status} {told}");
    let pictures = vec!["https://example.com/a"; 11];
    for (path, body, field) in [
        ("/relay/sms", json!({"Body": "x"}), "To"),
        ("/relay/sms", json!({"To": "+1234567890"}), "Body"),
        ("/relay/api/sms", json!({"To": "nobody!", "Body": "x"}), "To"),
        ("/relay/api/sms", json!({"To": "+1234567890", "From": "?", "Body": "x"}), "From"),
        ("/relay/api/sms", json!({"To": "+1234567890", "Body": "x", "MediaUrl": "ftp://a"}), "MediaUrl"),
        ("/relay/api/whatsapp", json!({"To": "+1234567890"}), "Body"),
        ("/relay/api/call", json!({"To": "+1234567890"}), "Twiml"),
        ("/relay/api/call", json!({"To": "+1234567890", "Twiml": "x".repeat(4001)}), "Twiml"),
        ("/relay/api/call", crate::messages::with(said(), json!({"Url": "https://example.com/a"})), "twiml"),
        ("/relay/api/call", crate::messages::with(said(), json!({"MediaUrl": pictures})), "MediaUrl"),
        ("/relay/sms", json!({"To": "+1234567890", "From": "+0987654321", "Body": "x".repeat(1601)}), "Body"),
        ("/relay/sms", json!([]), "JSON"),
    ] {
        let (status, told) = post(&server, &client.key, path, &body).await?;
        ensure!(status == 400 && text(&told["error"])?.contains(field), "{path} {body}: {status} {told}");
    }
    let (status, _) = post(&server, &client.key, "/relay/api/fax", &hello()).await?;
    ensure!(status == 404, "{status}");
    // a key that may only read
    let path = format!("/v1/clients/{}/keys", client.id);
    let reader = well(&server, "POST", &path, Some(json!({"name": "reader", "scopes": ["read"]}))).await?;
    let reader = text(&reader["key"])?;
    for path in ["/relay/sms", "/relay/api/sms", "/relay/api/whatsapp", "/relay/api/call"] {
        let (status, told) = post(&server, &reader, path, &said()).await?;
        ensure!(status == 403 && told["error"].is_string(), "{path}: {status} {told}");
    }
    ensure!(balance(&server, &client).await? == "0.0001", "{}", balance(&server, &client).await?);
    ensure!(server.rows("SELECT id FROM sb_message").await?.is_empty(), "something was stored");
    Ok(())
}

async fn without_a_route_each_path_has_its_own_status(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = client(&server, "1").await?;
    let paths = [("/relay/sms", 500), ("/relay/api/sms", 503), ("/relay/api/whatsapp", 503), ("/relay/api/call", 503)];
    for (path, wanted) in paths {
        let (status, told) = post(&server, &client.key, path, &said()).await?;
        ensure!(status == wanted && told["error"] == "No Route Found", "{path}: {status} {told}");
    }
    ensure!(balance(&server, &client).await? == "1.0000");
    Ok(())
}

/// What `make run` offers to whoever tries the documented requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_takes_the_documented_request() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.dev().start().await?;
    let (status, sent) = post(&server, DEMO_SECRET, "/relay/sms", &hello()).await?;
    ensure!(status == 200 && sent["remaining_balance"] == "99.9925", "{status} {sent}");
    // the account's number is used where none is named
    let (status, sent) = post(&server, OLDER_SECRET, "/relay/sms", &json!({"To": "+1234567890", "Body": "x"})).await?;
    ensure!(status == 200 && sent["remaining_balance"] == "99.9850", "{status} {sent}");
    let basic = server.http.post(server.url("/relay/api/sms")).body(hello().to_string());
    let basic = basic.basic_auth(DEMO_SID, Some(DEMO_SECRET)).send().await?;
    ensure!(basic.status() == 200, "{}", basic.status());
    Ok(())
}

/// Its key stands in every readme: it opens nothing once the server is for others.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_client_is_not_served_by_a_server_for_others() -> Result {
    let dev = Builder::new(Layout::SqliteShared).await?.dev().start().await?;
    let (status, _) = post(&dev, DEMO_SECRET, "/relay/sms", &hello()).await?;
    ensure!(status == 200, "{status}");
    let home = dev.home();
    drop(dev);
    let server = Builder::at(home).start_unseeded().await?;
    for secret in [DEMO_SECRET, OLDER_SECRET] {
        let (status, told) = post(&server, secret, "/relay/sms", &hello()).await?;
        ensure!(status == 401, "{status} {told}");
        let basic = server.http.get(server.url("/v1/messages"));
        let basic = basic.basic_auth(DEMO_SID, Some(secret)).send().await?;
        ensure!(basic.status() == 401, "{}", basic.status());
    }
    Ok(())
}

async fn a_key_s_senders_decide_which_number_is_taken(layout: Layout) -> Result {
    let (server, client) = ready(layout, "1").await?;
    let account = text(&well(&server, "GET", "/v1/accounts", None).await?["data"][0]["id"])?;
    for number in ["+15005550101", "+15005550102"] {
        let new = json!({"number": number, "account_id": account, "capabilities": ["sms"]});
        well(&server, "POST", "/v1/numbers", Some(new)).await?;
    }
    let path = format!("/v1/clients/{}/keys", client.id);
    let key = well(&server, "POST", &path, Some(json!({"senders": "\\+15005550102$"}))).await?;
    let key = text(&key["key"])?;
    let (status, told) = post(&server, &key, "/relay/sms", &json!({"To": "+14155550100", "Body": "x"})).await?;
    ensure!(status == 200, "{status} {told}");
    let from = server.rows("SELECT from_address FROM sb_message").await?.concat();
    ensure!(from == ["+15005550102"], "{from:?}");
    let named = json!({"To": "+14155550100", "From": "+15005550101", "Body": "x"});
    let (status, told) = post(&server, &key, "/relay/sms", &named).await?;
    ensure!(status == 403, "{status} {told}");
    Ok(())
}

async fn whoever_may_send_on_a_channel_may_change_what_was_sent_there(layout: Layout) -> Result {
    let (server, client) = ready(layout, "1").await?;
    let path = format!("/v1/clients/{}/keys", client.id);
    let key = async |scopes: &[&str]| -> Result<String> {
        text(&well(&server, "POST", &path, Some(json!({"scopes": scopes}))).await?["key"])
    };
    let (texter, writer) = (key(&["sms"]).await?, key(&["whatsapp"]).await?);
    let at = crate::messages::schedule::in_time(std::time::Duration::from_secs(3600))?;
    let order =
        json!({"channel": "whatsapp", "to": "+14155550100", "from": "+15005550006", "body": "x", "send_at": at});
    let sent = server.http.post(server.url("/v1/messages")).bearer_auth(&writer).body(order.to_string()).send().await?;
    ensure!(sent.status() == 202, "{}", sent.text().await?);
    let path = format!("/v1/messages/{}", text(&sent.json::<Value>().await?["id"])?);
    for (key, wanted) in [(&texter, 403), (&writer, 200)] {
        let answer = server.http.delete(server.url(&path)).bearer_auth(key).send().await?;
        ensure!(answer.status() == wanted, "{}: {}", answer.status(), answer.text().await?);
    }
    Ok(())
}

async fn a_repeated_request_is_answered_as_it_was_though_its_route_is_gone(layout: Layout) -> Result {
    let (server, client) = ready(layout, "1").await?;
    let order = json!({"to": "+14155550100", "from": "+15005550006", "body": "x"}).to_string();
    let ask = async || {
        let request = server.http.post(server.url("/v1/messages")).bearer_auth(&client.key);
        Result::Ok(request.header("idempotency-key", "once").body(order.clone()).send().await?)
    };
    let first: Value = ask().await?.json().await?;
    for route in well(&server, "GET", "/v1/routes", None).await?["data"].as_array().cloned().unwrap_or_default() {
        well(&server, "DELETE", &format!("/v1/routes/{}", text(&route["id"])?), None).await?;
    }
    let again = ask().await?;
    ensure!(again.status() == 202, "{}", again.text().await?);
    ensure!(again.json::<Value>().await?["id"] == first["id"], "another message");
    ensure!(balance(&server, &client).await? == "0.9925", "charged again");
    Ok(())
}

on_both_engines!(
    a_key_s_senders_decide_which_number_is_taken,
    whoever_may_send_on_a_channel_may_change_what_was_sent_there,
    a_repeated_request_is_answered_as_it_was_though_its_route_is_gone,
    texts_whatsapp_messages_and_calls_are_taken_and_charged,
    a_key_may_come_in_three_ways,
    every_refusal_can_be_provoked_and_charges_nothing,
    without_a_route_each_path_has_its_own_status,
);
