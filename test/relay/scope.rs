//! What a key sees and touches: the channels of its scopes, and nothing of the others of its client.

use anyhow::ensure;
use serde_json::json;
use switchboard::model::rfc3339;

use super::client::{By, ask, client, key_text, loopback, now_ms};
use crate::events::{text, well};
use crate::harness::{Layout, Result, Server};
use crate::messages::TO;
use crate::on_both_engines;

#[expect(clippy::too_many_lines, reason = "one story")]
async fn a_key_touches_only_the_channels_of_its_scopes(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    super::route(&server, &account).await?;
    let number = json!({"number": "+15005550123", "account_id": account, "capabilities": ["whatsapp", "voice"]});
    well(&server, "POST", "/v1/numbers", Some(number)).await?;
    let ann = client(&server, "Ann", json!({"balance": "1"})).await?;
    let all = key_text(&server, &ann, json!({})).await?;
    let sms = key_text(&server, &ann, json!({"scopes": ["sms"]})).await?;
    let order = json!({"to": TO, "body": "secret", "channel": "whatsapp", "send_at": rfc3339(now_ms() + 600_000)});
    let named = async |key: &str| -> Result<(u16, String)> {
        let request = server.http.post(server.url("/v1/messages")).header("x-proxy-auth", key);
        let request = request.header("idempotency-key", "once").header("content-type", "application/json");
        let response = request.body(order.to_string()).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    };
    let (status, chat) = named(&all).await?;
    ensure!(status == 202, "{status} {chat}");
    let chat: serde_json::Value = serde_json::from_str(&chat)?;
    let id = text(&chat["id"])?;
    let call = json!({"to": TO, "twiml": "<Response/>"});
    let (status, _, placed) = ask(&server, By::Proxy(&all), "POST", "/v1/calls", Some(call)).await?;
    ensure!(status == 202, "{status} {placed}");
    let owner = text(&ann["sid"])?;
    let below = |item: String| format!("/2010-04-01/Accounts/{owner}/{item}");
    let (message, call) = (format!("SM{}", &id[4..]), format!("CA{}", &text(&placed["id"])?[5..]));
    for (method, path) in [
        ("GET", format!("/v1/messages/{id}")),
        ("DELETE", format!("/v1/messages/{id}")),
        ("PATCH", format!("/v1/messages/{id}")),
        ("GET", "/v1/messages".to_owned()),
        ("DELETE", format!("/v1/calls/{}", text(&placed["id"])?)),
        ("GET", below("Messages.json".to_owned())),
        ("GET", below(format!("Messages/{message}.json"))),
        ("POST", below(format!("Messages/{message}.json"))),
        ("DELETE", below(format!("Messages/{message}.json"))),
        ("GET", below(format!("Messages/{message}/Media.json"))),
        ("GET", below(format!("Calls/{call}.json"))),
        ("POST", below(format!("Calls/{call}.json"))),
        ("DELETE", below(format!("Calls/{call}.json"))),
    ] {
        let request = server.http.request(method.parse()?, server.url(&path)).header("x-proxy-auth", &sms);
        let request = match (method, path.starts_with("/v1")) {
            ("POST", _) => {
                request.header("content-type", "application/x-www-form-urlencoded").body("Status=canceled&Body=")
            }
            ("PATCH", _) => request.header("content-type", "application/json").body(r#"{"body": ""}"#),
            _ => request,
        };
        let response = request.send().await?;
        let (status, heard) = (response.status().as_u16(), response.text().await?);
        ensure!(status == 403 && !heard.contains("secret") && !heard.contains(TO), "{method} {path}: {status} {heard}");
    }
    // nor does it hear of what another key has sent, by saying the same under the same name
    let elsewhere = key_text(&server, &ann, json!({"destinations": r"\+237"})).await?;
    for key in [&sms, &elsewhere] {
        let (status, heard) = named(key).await?;
        ensure!(status == 403 && !heard.contains(&id), "{status} {heard}");
    }
    let (status, again) = named(&all).await?;
    ensure!(status == 202 && again.contains(&id), "{status} {again}");
    let rows = server.rows("SELECT state, body FROM sb_message WHERE channel = 'whatsapp'").await?;
    assert_eq!(rows, [["scheduled", "secret"]]);
    // whoever reads, reads all
    let read = key_text(&server, &ann, json!({"scopes": ["read"]})).await?;
    let (status, _, listed) = ask(&server, By::Proxy(&read), "GET", "/v1/messages", None).await?;
    ensure!(status == 200 && listed["data"][0]["channel"] == "whatsapp", "{status} {listed}");
    Ok(())
}

on_both_engines!(a_key_touches_only_the_channels_of_its_scopes);
