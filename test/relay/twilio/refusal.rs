//! Each refusal has the code by which Twilio's users know it.

use anyhow::ensure;
use serde_json::{Value, json};

use super::{Door, FROM, TO, key};
use crate::events::{call, text};
use crate::harness::{ADMIN, Layout, Result};
use crate::on_both_engines;

/// Posts a form and expects a refusal.
async fn refused(door: &Door, path: &str, form: &[(&str, &str)], status: u16, code: u32) -> Result {
    let (found, answer) = door.ask("POST", path, form).await?;
    ensure!(found == status && answer["code"] == code, "{form:?}: {found} {answer}, not {status} {code}");
    Ok(())
}

async fn what_cannot_be_sent_is_refused_as_at_twilio(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let messages = door.path("Messages.json");
    let (long, many) = ("x".repeat(1601), "\u{1f600}".repeat(801));
    let (to, from, body) = (("To", TO), ("From", FROM), ("Body", "x"));
    let with = |more: (&'static str, &'static str)| vec![to, from, body, more];
    let much = [vec![to, from, body], vec![("MediaUrl", "https://example.com/a"); 11]].concat();
    let pool = format!("MG{}", "0".repeat(32));
    for (form, code) in [
        (vec![from, body], 21604),
        (vec![("To", ""), from, body], 21604),
        (vec![("To", "a.b.c"), from, body], 21211),
        (vec![("To", FROM), from, body], 21211),
        (vec![("To", "Acme"), from, body], 21211),
        (vec![to, ("From", "a!b"), body], 21212),
        (vec![to, from], 21602),
        (vec![to, from, ("Body", "")], 21602),
        (vec![to, from, ("Body", &long)], 21617),
        (vec![to, from, ("Body", &many)], 21617),
        (vec![("To", "+33612345678"), from, body], 21612),
        (vec![to, ("MessagingServiceSid", "MG1"), body], 21701),
        (vec![to, ("MessagingServiceSid", &pool), body], 21703),
        (vec![("To", "whatsapp:+14155550100"), from, body], 21910),
        (with(("StatusCallback", "gopher://example.com")), 21609),
        (with(("MediaUrl", "ftp://example.com/a")), 21620),
        (much, 21623),
        (with(("ValidityPeriod", "0")), 30045),
        (with(("ValidityPeriod", "x")), 30045),
        (with(("SendAt", "tomorrow")), 35114),
        (with(("SendAt", "2020-01-01T00:00:00Z")), 35114),
        (with(("ScheduleType", "fixed")), 35111),
        (with(("ScheduleType", "never")), 35126),
    ] {
        refused(&door, &messages, &form, 400, code).await?;
    }
    let calls = door.path("Calls.json");
    let url = ("Url", "https://example.com/a.xml");
    let twiml = "x".repeat(4001);
    for (form, code) in [
        (vec![from, url], 21201),
        (vec![("To", "a.b.c"), from, url], 21211),
        (vec![("To", "Acme"), from, url], 21211),
        (vec![to, ("From", "a!b"), url], 21212),
        (vec![to, from], 21205),
        (vec![to, from, ("Url", "ftp://example.com")], 21205),
        (vec![to, from, ("Twiml", &twiml)], 21205),
        (vec![("To", "+33612345678"), from, url], 21214),
        (vec![to, from, url, ("StatusCallbackEvent", "sneezed")], 20001),
    ] {
        refused(&door, &calls, &form, 400, code).await?;
    }
    let (status, list) = door.ask("GET", &messages, &[]).await?;
    ensure!(status == 200 && list["messages"] == json!([]), "nothing was kept: {list}");
    ensure!(door.balance().await? == "1.0000", "nor charged");
    door.close(1).await
}

async fn nobody_sends_without_money_or_leave(layout: Layout) -> Result {
    let door = Door::open(layout, "0.0149").await?;
    let messages = door.path("Messages.json");
    let form = [("To", TO), ("From", FROM), ("Body", "x")];
    refused(&door, &messages, &[("To", TO), ("From", FROM), ("Body", &"x".repeat(161))], 402, 20005).await?;
    refused(&door, &door.path("Calls.json"), &[("To", TO), ("From", FROM), ("Twiml", "<Response/>")], 402, 20005)
        .await?;
    ensure!(door.balance().await? == "0.0149");
    let reading = key(&door, json!({"scopes": ["read"]})).await?;
    let sending = key(&door, json!({"scopes": ["sms"], "destinations": r"\+1212", "senders": r"\+1999"})).await?;
    let ask = async |key: &str, method: &str, form: &[(&str, &str)]| -> Result<(u16, Value)> {
        let (status, answer) = door.ask_as((&door.sid, key), method, &messages, form).await?;
        Ok((status, answer["code"].clone()))
    };
    assert_eq!(ask(&reading, "GET", &[]).await?, (200, Value::Null));
    assert_eq!(ask(&reading, "POST", &form).await?, (403, json!(20403)));
    assert_eq!(ask(&sending, "GET", &[]).await?, (403, json!(20403)));
    assert_eq!(ask(&sending, "POST", &form).await?, (403, json!(21408)));
    let elsewhere = [("To", "+12125550100"), ("From", FROM), ("Body", "x")];
    assert_eq!(ask(&sending, "POST", &elsewhere).await?, (400, json!(21606)));
    let whatsapp = [("To", "whatsapp:+12125550100"), ("From", "whatsapp:+15005550006"), ("Body", "x")];
    assert_eq!(ask(&sending, "POST", &whatsapp).await?, (403, json!(20403)));
    // the person says so themselves
    let said = json!({"from": TO, "to": FROM, "body": "STOP"});
    ensure!(call(&door.server, "POST", "/v1/loopback/inbound", Some(said)).await?.0 < 300);
    crate::harness::until("the opt-out", async || {
        let (status, answer) = door.ask("POST", &messages, &[("To", TO), ("From", FROM), ("Body", "x")]).await?;
        ensure!(status == 201 || answer["code"] == 21610 || answer["code"] == 20005, "{status} {answer}");
        Ok((answer["code"] == 21610).then_some(()))
    })
    .await?;
    door.close(1).await
}

async fn credentials_come_before_all_else(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let other = call(&door.server, "POST", "/v1/clients", Some(json!({"name": "Other", "balance": "1"}))).await?.1;
    let (other_sid, other_token) = (text(&other["sid"])?, text(&other["auth_token"])?);
    let message = door.text(TO, "mine").await?;
    let paths =
        ["Messages.json", "Messages", "Calls.json", "Calls/CA1.json", "Nothing.json", "Messages/SM1/Media.json"];
    let paths = paths.map(|path| door.path(path));
    for path in paths.iter().map(String::as_str).chain(["/2010-04-01/", "/2010-04-01/Accounts", "/relay/2010-04-01/x"])
    {
        for method in ["GET", "POST", "DELETE", "PUT"] {
            let bare = door.server.http.request(method.parse()?, door.server.url(path)).body("{");
            let response = bare.try_clone().map(reqwest::RequestBuilder::send);
            let response = response.ok_or_else(|| anyhow::anyhow!("no copy"))?.await?;
            let wants =
                response.headers().get("www-authenticate").and_then(|value| value.to_str().ok()).unwrap_or_default();
            ensure!(wants.starts_with("Basic "), "{method} {path}: {wants:?}");
            for request in [bare.try_clone(), bare.try_clone().map(|bare| bare.basic_auth(&door.sid, Some("wrong")))] {
                let request = request.ok_or_else(|| anyhow::anyhow!("no copy"))?;
                let (status, answer) = door.send(request).await?;
                ensure!(status == 401 && answer["code"] == 20003, "{method} {path}: {status} {answer}");
            }
        }
    }
    // good credentials, but of another account
    for (user, password) in [(&other_sid, &other_token), (&door.sid, &other_token), (&other_sid, &door.token)] {
        let (status, answer) = door.ask_as((user, password), "GET", &text(&message["uri"])?, &[]).await?;
        ensure!(status == 401 && answer["code"] == 20003, "{status} {answer}");
    }
    let theirs = text(&message["uri"])?.replace(&door.sid, &other_sid);
    let (status, answer) = door.ask_as((&other_sid, &other_token), "GET", &theirs, &[]).await?;
    ensure!(status == 404 && answer["code"] == 20404, "{status} {answer}");
    // each way of bringing a key
    let key = key(&door, json!({})).await?;
    let list = || door.server.http.get(door.server.url(&door.path("Messages.json")));
    let acting = format!("cli_{}", &door.sid[2..]);
    for request in [
        list().basic_auth(&door.sid, Some(&key)),
        list().bearer_auth(&key),
        list().header("X-Proxy-Auth", &key),
        list().bearer_auth(ADMIN).header("Switchboard-Client", acting),
    ] {
        let (status, answer) = door.send(request).await?;
        ensure!(status == 200 && answer["messages"].as_array().map(Vec::len) == Some(1), "{status} {answer}");
    }
    let (status, answer) = door.send(list().bearer_auth(ADMIN)).await?;
    ensure!(status == 401 && answer["code"] == 20003, "the operator is another account: {status} {answer}");
    door.close(5).await
}

async fn other_methods_and_bodies_are_refused(layout: Layout) -> Result {
    let door = Door::open(layout, "1").await?;
    let item = text(&door.text(TO, "x").await?["uri"])?;
    let account = format!("/2010-04-01/Accounts/{}.json", door.sid);
    for (method, path, allowed) in [
        ("DELETE", door.path("Messages.json"), "GET, POST"),
        ("PUT", door.path("Calls"), "GET, POST"),
        ("PATCH", item.clone(), "GET, POST, DELETE"),
        ("POST", account, "GET"),
    ] {
        let request = door.server.http.request(method.parse()?, door.server.url(&path));
        let request = request.basic_auth(&door.sid, Some(&door.token));
        let copy = request.try_clone().ok_or_else(|| anyhow::anyhow!("no copy"))?;
        let (status, answer) = door.send(request).await?;
        ensure!(status == 405 && answer["code"] == 20004, "{method} {path}: {status} {answer}");
        let response = copy.send().await?;
        ensure!(response.headers().get("allow").is_some_and(|value| value == allowed), "{:?}", response.headers());
    }
    let post = || door.server.http.post(door.server.url(&door.path("Messages.json")));
    let post = || post().basic_auth(&door.sid, Some(&door.token));
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    for (media, body, status, code) in [
        ("application/json", r#"{"To": "+14155550100"}"#.to_owned(), 415, 20415),
        (form, "To=%ff".to_owned(), 400, 20001),
        (form, "x".repeat(2_000_000), 413, 20413),
        (form, String::new(), 400, 21604),
    ] {
        let (found, answer) = door.send(post().header("content-type", media).body(body)).await?;
        ensure!(found == status && answer["code"] == code, "{found} {answer}, not {status} {code}");
    }
    let (status, answer) = door.ask("GET", &door.path("Recordings.json"), &[]).await?;
    ensure!(status == 404 && answer["code"] == 20404, "{status} {answer}");
    door.close(1).await
}

on_both_engines!(
    what_cannot_be_sent_is_refused_as_at_twilio,
    nobody_sends_without_money_or_leave,
    credentials_come_before_all_else,
    other_methods_and_bodies_are_refused,
);
