//! What a carrier says is passed on without the ids by which it knows the operator; our own doors' ids stay.

use anyhow::ensure;
use serde_json::{Value, json};
use switchboard::store::Change;
use warp::Filter as _;

use super::client::{By, ask};
use super::scene::act_well;
use super::{Client, client, route};
use crate::events::receiver::Receiver;
use crate::events::{text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Layout, Result, Server, stored, until};
use crate::inbound::play::{OURS, PERSON, PUBLIC, post_twilio};
use crate::on_both_engines;

/// Behind the first two letters of the operator's ids.
const DIGITS: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";
const SMS: &str = "/webhooks/twilio/sms";

/// A carrier that refuses everything, and names everybody; its URL.
async fn rude() -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let message = format!("no PN{DIGITS} nor MG{DIGITS} of /Accounts/AC{DIGITS}/ for the key SK{DIGITS}");
    let refusal = json!({"code": 21606, "message": message, "status": 400}).to_string();
    let route = warp::any().map(move || warp::http::Response::builder().status(400).body(refusal.clone()));
    tokio::spawn(warp::serve(route).incoming(listener).run());
    Ok(url)
}

fn is_bare(said: &Value) -> Result {
    let said = said.to_string();
    let ids = ["AC", "SK", "PN", "MG"].map(|prefix| format!("{prefix}{DIGITS}"));
    ensure!(!ids.iter().any(|id| said.contains(id.as_str())), "{said}");
    Ok(())
}

/// A receipt's own word, and why a call came to nothing.
async fn receipts_and_calls_name_nobody(server: &Server, ann: &Client, message: &str, bare: &str) -> Result {
    let word = format!("seen by MG{DIGITS}");
    let params = vec![stored(message), "?seen".into(), word.as_str().into(), 1.into()];
    let sql = "INSERT INTO sb_receipt (message_id, state, word, at_ms) VALUES (?, ?, ?, ?)";
    server.home().databases.store()?.commit(Change::new().run(sql, params)).await?;
    let by = || By::Bearer(&ann.key);
    let (_, _, shown) = ask(server, by(), "GET", &format!("/v1/messages/{message}"), None).await?;
    assert_eq!(shown["receipts"][0]["word"], "seen by MG…", "{shown}");
    let call = json!({"from": "+15005550009", "to": PERSON, "twiml": "<Response/>"});
    let (status, _, placed) = ask(server, by(), "POST", "/v1/calls", Some(call)).await?;
    ensure!(status == 202, "{status} {placed}");
    let path = format!("/v1/calls/{}", text(&placed["id"])?);
    let failed = until("a call that failed", async || {
        let (_, _, shown) = ask(server, by(), "GET", &path, None).await?;
        Ok((shown["status"] == "failed").then_some(shown))
    })
    .await?;
    assert_eq!((&failed["error"]["reason"], &failed["attempts"][0]["reason"]), (&json!(bare), &json!(bare)));
    Ok(())
}

async fn carriers_words_name_no_account(layout: Layout) -> Result {
    let receiver = Receiver::start().await?;
    let builder = Builder::new(layout).await?.set("provider.twilio_base_url", rude().await?);
    let builder = builder.set("http.public_url", PUBLIC).set("event.allow", "127.0.0.1");
    let server = builder.start().await?;
    let credentials = json!({"account_sid": ACCOUNT, "auth_token": TOKEN});
    let new = json!({"provider": "twilio", "credentials": credentials, "check": false, "any_sender": true});
    let account = text(&well(&server, "POST", "/v1/accounts", Some(new)).await?["id"])?;
    route(&server, &account).await?;
    let ann = client(&server, "10").await?;
    let new = json!({"number": OURS, "account_id": account, "capabilities": ["sms"]});
    act_well(&server, &ann.id, "POST", "/v1/numbers", Some(new)).await?;
    let types = ["message.failed", "message.received"];
    let listens = json!({"url": receiver.url("/"), "event_types": types});
    act_well(&server, &ann.id, "POST", "/v1/endpoints", Some(listens)).await?;

    // a refusal: where it is asked for, where it is told, at Twilio's door
    let body = json!({"from": OURS, "to": PERSON, "body": format!("of AC{DIGITS}"), "metadata": {"key": format!("SK{DIGITS}")}});
    let (status, _, sent) = ask(&server, By::Bearer(&ann.key), "POST", "/v1/messages", Some(body)).await?;
    ensure!(status == 202, "{status} {sent}");
    let path = format!("/v1/messages/{}", text(&sent["id"])?);
    let failed = until("a failure", async || {
        let (_, _, shown) = ask(&server, By::Bearer(&ann.key), "GET", &path, None).await?;
        Ok((shown["state"] == "failed").then_some(shown))
    })
    .await?;
    let bare = "no PN… nor MG… of /Accounts/AC…/ for the key SK…";
    assert_eq!((&failed["error"]["reason"], &failed["attempts"][0]["reason"]), (&json!(bare), &json!(bare)));
    assert_eq!(failed["body"], format!("of AC{DIGITS}"), "the client's own words");
    let told = receiver.wait(1).await?[0].json()?;
    assert_eq!((&told["data"]["error"]["reason"], &told["data"]["metadata"]), (&json!(bare), &failed["metadata"]));
    let sid = format!("SM{}", text(&sent["id"])?.trim_start_matches("msg_"));
    let door = format!("/2010-04-01/Accounts/{}/Messages/{sid}.json", ann.sid);
    let (status, _, shown) = ask(&server, By::Basic(&ann.sid, &ann.token), "GET", &door, None).await?;
    ensure!(status == 200 && shown["error_message"] == bare, "{status} {shown}");
    assert_eq!((&shown["account_sid"], &shown["sid"]), (&json!(ann.sid), &json!(sid)), "our own ids");
    // the operator reads all of it
    let whole = act_well(&server, &ann.id, "GET", &path, None).await?;
    ensure!(text(&whole["attempts"][0]["reason"])?.contains(ACCOUNT), "{whole}");

    receipts_and_calls_name_nobody(&server, &ann, &text(&sent["id"])?, bare).await?;

    // what comes in
    let note = format!("{{\"service\":\"MG{DIGITS}\",\"by\":\"PN{DIGITS}\"}}");
    let form = [("MessageSid", "SM1"), ("AccountSid", ACCOUNT), ("From", PERSON), ("To", OURS), ("Body", "hello")];
    let form = [&form[..], &[("ChannelMetadata", note.as_str()), ("Waited", "1")]].concat();
    ensure!(post_twilio(&server, SMS, &form, TOKEN).await?.0 == 200);
    let told = receiver.wait(2).await?[1].json()?;
    let wanted = json!({"ChannelMetadata": "{\"service\":\"MG…\",\"by\":\"PN…\"}", "Waited": "1"});
    assert_eq!(told["data"]["carrier"], wanted);
    let path = format!("/v1/messages/{}", text(&told["data"]["id"])?);
    let (_, _, shown) = ask(&server, By::Bearer(&ann.key), "GET", &path, None).await?;
    assert_eq!(shown["carrier"], wanted);

    // what was written down to be told by a version that passed it on as it came
    let old = Change::new().run(
        "UPDATE sb_event SET payload = REPLACE(REPLACE(REPLACE(payload, 'MG…', ?), 'PN…', ?), 'AC…', ?)",
        ["MG", "PN", "AC"].map(|prefix| format!("{prefix}{DIGITS}").into()).into(),
    );
    server.home().databases.store()?.commit(old).await?;
    let (_, _, events) = ask(&server, By::Bearer(&ann.key), "GET", "/v1/events", None).await?;
    assert_eq!(events["data"][0]["data"]["carrier"], wanted);
    assert_eq!(events["data"][1]["data"]["error"]["reason"], bare);
    assert_eq!(events["data"][1]["data"]["metadata"], failed["metadata"]);
    let path = format!("/v1/events/{}/replay", text(&events["data"][0]["id"])?);
    act_well(&server, &ann.id, "POST", &path, None).await?;
    is_bare(&receiver.wait(3).await?[2].json()?)
}

on_both_engines!(carriers_words_name_no_account);
