//! Calls: placed once whatever happens, reported step by step, ended when asked to.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::events::{call, text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::inbound::play::{PUBLIC, post_twilio, settled};
use crate::messages::{FROM, TO, account, drained, number, outcomes, person, quick, send, send_id, sms, with};
use crate::{in_foreign_sessions, on_both_engines};

const TWIML: &str = "<Response><Say>Your table is ready &amp; waiting.</Say></Response>";
const STEPS: [&str; 4] = ["initiated", "ringing", "in-progress", "completed"];

/// A server that carriers can reach, with a number at ours that calls and texts.
pub async fn scene(layout: Layout, carrier: &Carrier) -> Result<Server> {
    scene_of(quick(Builder::new(layout).await?, carrier)).await
}

pub async fn scene_of(builder: Builder) -> Result<Server> {
    let server = builder.set("http.public_url", PUBLIC).start().await?;
    let account = account(&server, json!({})).await?;
    number(&server, &account, FROM, json!({"capabilities": ["sms", "voice", "whatsapp"]})).await?;
    Ok(server)
}

async fn follow(carrier: &Carrier, server: &Server, states: &[&str]) -> Result {
    carrier.receipts(json!({"states": states, "via": server.url("")})).await
}

pub async fn dial(server: &Server, to: &str, more: Value) -> Result<Value> {
    well(server, "POST", "/v1/calls", Some(with(json!({"to": to, "twiml": TWIML}), more))).await
}

pub async fn fetch(server: &Server, id: &str) -> Result<Value> {
    well(server, "GET", &format!("/v1/calls/{id}"), None).await
}

/// The call, once it stands so.
pub async fn stands(server: &Server, id: &str, status: &str) -> Result<Value> {
    until(&format!("{id} {status}"), async || {
        let call = fetch(server, id).await?;
        Ok((call["status"] == status).then_some(call))
    })
    .await
}

async fn a_call_goes_its_way_and_keeps_it(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    follow(&carrier, &server, &STEPS).await?;
    let placed = dial(&server, TO, json!({"metadata": {"order": 7}})).await?;
    let id = text(&placed["id"])?;
    ensure!(placed["status"] == "queued" && placed["from"] == FROM && id.starts_with("call_"), "{placed}");
    let over = stands(&server, &id, "completed").await?;
    ensure!(over["duration"] == 7 && over["twiml"] == TWIML && over["metadata"]["order"] == 7, "{over}");
    ensure!(over["answered_at"].is_string() && over["ended_at"].is_string() && over["error"].is_null(), "{over}");
    assert_eq!(outcomes(&over), ["accepted"]);
    let recorded = carrier.messages(None).await?;
    ensure!(recorded.len() == 1 && recorded[0].body == TWIML && recorded[0].sid.starts_with("CA"), "{recorded:?}");
    assert_eq!(recorded[0].other["StatusCallbackEvent"], "initiated,ringing,answered,completed");
    // what comes late changes nothing
    for word in ["ringing", "busy", "completed"] {
        assert_eq!(carrier_says(&server, "/webhooks/twilio/status", &recorded[0].sid, word).await?.0, 204);
    }
    settled(&server).await?;
    let mut late = fetch(&server, &id).await?;
    ensure!(late["receipts"].as_array().is_some_and(|all| all.len() == STEPS.len() + 1), "it is kept: {late}");
    late["receipts"] = over["receipts"].clone();
    assert_eq!(late, over);
    // calls are no messages, and messages no calls
    let sent = send(&server, sms(TO, "a text", json!({}))).await?;
    let listed = async |path: &str| Ok::<_, anyhow::Error>(well(&server, "GET", path, None).await?["data"].clone());
    let (calls, messages) = (listed("/v1/calls").await?, listed("/v1/messages").await?);
    ensure!(calls.as_array().map(Vec::len) == Some(1) && calls[0]["id"] == id.as_str(), "{calls}");
    ensure!(messages.as_array().map(Vec::len) == Some(1) && messages[0]["id"] == sent["id"], "{messages}");
    assert_eq!(listed("/v1/calls?to=%2B14155550199").await?, json!([]));
    let (as_message, as_call) = (id.replace("call_", "msg_"), text(&sent["id"])?.replace("msg_", "call_"));
    for (method, path) in [
        ("GET", format!("/v1/messages/{as_message}")),
        ("DELETE", format!("/v1/messages/{as_message}")),
        ("GET", format!("/v1/calls/{as_call}")),
        ("DELETE", format!("/v1/calls/{as_call}")),
    ] {
        assert_eq!(call(&server, method, &path, None).await?.0, 404, "{method} {path}");
    }
    Ok(())
}

async fn carrier_says(server: &Server, path: &str, sid: &str, word: &str) -> Result<(u16, String)> {
    let form = [("CallSid", sid), ("CallStatus", word), ("AccountSid", ACCOUNT), ("To", TO), ("CallDuration", "9")];
    post_twilio(server, path, &form, TOKEN).await
}

async fn an_older_path_takes_the_same_receipts(layout: Layout) -> Result {
    const PATH: &str = "/relay/twilio/webhook";
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    let id = text(&dial(&server, TO, json!({})).await?["id"])?;
    let sid = until("the call at the carrier", async || {
        Ok(carrier.messages(None).await?.first().map(|call| call.sid.clone()))
    });
    let sid = sid.await?;
    let (status, answer) = carrier_says(&server, PATH, &sid, "in-progress").await?;
    ensure!(status == 200 && serde_json::from_str::<Value>(&answer)? == json!({"status": "received"}), "{answer}");
    stands(&server, &id, "in-progress").await?;
    let form = [("CallSid", sid.as_str()), ("CallStatus", "busy"), ("AccountSid", ACCOUNT)];
    assert_eq!(post_twilio(&server, PATH, &form, "another token").await?.0, 403);
    assert_eq!(carrier_says(&server, PATH, &sid, "completed").await?.0, 200);
    stands(&server, &id, "completed").await?;
    // messages too
    let message = send_id(&server, sms(TO, "a text", json!({}))).await?;
    crate::messages::in_state(&server, &message, "sent").await?;
    let sid = carrier.messages(None).await?[1].sid.clone();
    let form = [("MessageSid", sid.as_str()), ("MessageStatus", "delivered"), ("AccountSid", ACCOUNT)];
    assert_eq!(post_twilio(&server, PATH, &form, TOKEN).await?.0, 200);
    crate::messages::in_state(&server, &message, "delivered").await.map(drop)
}

/// The loopback's numbers do with calls what they do with texts.
async fn every_end_is_told(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let made = json!({"provider": "loopback", "name": "loopback", "credentials": {}, "check": false});
    let account = text(&well(&server, "POST", "/v1/accounts", Some(made)).await?["id"])?;
    number(&server, &account, FROM, json!({"capabilities": ["voice"]})).await?;
    for (to, status, state) in [
        (TO, "completed", "delivered"),
        ("+15005550011", "no-answer", "undelivered"),
        ("+15005550012", "failed", "failed"),
        ("+15005550020", "busy", "undelivered"),
        ("+15005550001", "failed", "failed"),
        ("+15005550018", "in-progress", "sent"),
    ] {
        let id = text(&dial(&server, to, json!({})).await?["id"])?;
        let call = stands(&server, &id, status).await?;
        let has_length = call["duration"] == 1 && call["ended_at"].is_string();
        ensure!(has_length == (status == "completed"), "{call}");
        ensure!((call["error"]["code"] == 21211) == (to == "+15005550001"), "{call}");
        let sql = "SELECT m.state FROM sb_message m JOIN sb_call c ON c.message_id = m.id ORDER BY m.id DESC LIMIT 1";
        assert_eq!(server.rows(sql).await?, [[state]], "{to}");
    }
    let shown = well(&server, "GET", "/v1/loopback/messages", None).await?;
    ensure!(shown["data"].as_array().is_some_and(|all| all.iter().all(|one| one["channel"] == "voice")), "{shown}");
    // what lasts is ended by whoever asks
    let lasting = text(&well(&server, "GET", "/v1/calls?to=%2B15005550018", None).await?["data"][0]["id"])?;
    let (status, told) = call(&server, "DELETE", &format!("/v1/calls/{lasting}"), None).await?;
    ensure!(status == 200, "{status} {told}");
    let over = stands(&server, &lasting, "completed").await?;
    ensure!(over["duration"] == 1, "{over}");
    assert_eq!(call(&server, "DELETE", &format!("/v1/calls/{lasting}"), None).await?.0, 409, "it is over");
    Ok(())
}

async fn nobody_is_called_twice(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    for (count, (fault, wanted)) in [
        (json!({"do": "cut"}), &["adopted"][..]),
        (json!({"do": "garbage"}), &["adopted"]),
        (json!({"do": "status", "status": 504, "recorded": true}), &["adopted"]),
        (json!({"do": "cut_before"}), &["uncertain", "accepted"]),
        (json!({"do": "status", "status": 503}), &["unreachable", "accepted"]),
        (json!({"do": "refuse", "code": 21219}), &["refused"]),
    ]
    .into_iter()
    .enumerate()
    {
        let to = person(count);
        carrier.behave(with(json!({"to": to, "times": 1}), fault.clone())).await?;
        let id = text(&dial(&server, &to, json!({})).await?["id"])?;
        let last = wanted.last().copied();
        let call = until("the last attempt", async || {
            let call = fetch(&server, &id).await?;
            Ok((outcomes(&call).last().copied() == last).then_some(call))
        });
        let call = call.await?;
        ensure!(outcomes(&call) == wanted, "{fault}: {call}");
        let times = usize::from(wanted != ["refused"]);
        assert_eq!(carrier.messages(Some(&to)).await?.len(), times, "{fault}");
    }
    drained(&server).await
}

async fn a_call_is_taken_back_or_hung_up(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    follow(&carrier, &server, &["initiated", "ringing", "in-progress"]).await?;
    carrier.behave(json!({"to": TO, "times": 1, "hold_ms": 1500, "do": "accept"})).await?;
    let first = text(&dial(&server, TO, json!({})).await?["id"])?;
    let second = text(&dial(&server, TO, json!({})).await?["id"])?;
    let end = async |id: &str| call(&server, "DELETE", &format!("/v1/calls/{id}"), None).await;
    let (status, canceled) = end(&second).await?;
    ensure!(status == 200 && canceled["status"] == "canceled", "{status} {canceled}");
    assert_eq!(end(&second).await?.0, 409, "it is over");
    assert_eq!(end(&first).await?.0, 409, "it is being placed");
    stands(&server, &first, "in-progress").await?;
    assert_eq!(end(&first).await?.0, 200);
    let over = stands(&server, &first, "completed").await?;
    ensure!(over["duration"] == 7, "{over}");
    assert_eq!(carrier.messages(None).await?.len(), 1);
    assert_eq!(carrier.stats().await?["counts"]["call_updates"], 1);
    drained(&server).await
}

/// Whoever wants no texts may still be called.
async fn an_opt_out_is_of_texts(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    carrier.behave(json!({"to": TO, "times": 1, "hold_ms": 1000, "do": "accept"})).await?;
    let (first, second) = (dial(&server, TO, json!({})).await?, dial(&server, TO, json!({})).await?);
    let form = [("MessageSid", "SM1"), ("AccountSid", ACCOUNT), ("From", TO), ("To", FROM), ("Body", "STOP")];
    assert_eq!(post_twilio(&server, "/webhooks/twilio/sms", &form, TOKEN).await?.0, 200);
    settled(&server).await?;
    let (status, refused) = call(&server, "POST", "/v1/messages", Some(sms(TO, "hello", json!({})))).await?;
    ensure!(status == 403, "{status} {refused}");
    for call in [&first, &second, &dial(&server, TO, json!({})).await?] {
        let id = text(&call["id"])?;
        let placed = until("a placed call", async || {
            let call = fetch(&server, &id).await?;
            Ok((outcomes(&call) == ["accepted"]).then_some(()))
        });
        placed.await?;
    }
    let calls = carrier.messages(Some(TO)).await?.into_iter().filter(|one| one.sid.starts_with("CA")).count();
    assert_eq!(calls, 3);
    drained(&server).await
}

async fn what_nobody_could_place_is_refused(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = quick(Builder::new(layout).await?, &carrier).start().await?;
    let (status, refused) = call(&server, "POST", "/v1/calls", Some(json!({"to": TO, "twiml": TWIML}))).await?;
    ensure!(status == 400 && refused["field"] == "from", "no number calls: {status} {refused}");
    let account = account(&server, json!({})).await?;
    number(&server, &account, "+15005550101", json!({"capabilities": ["sms"]})).await?;
    number(&server, &account, FROM, json!({"capabilities": ["voice"]})).await?;
    for (more, field) in [
        (json!({}), "url"),
        (json!({"url": "https://a.example/1", "twiml": TWIML}), "url"),
        (json!({"url": "ftp://a.example/1"}), "url"),
        (json!({"twiml": "  "}), "twiml"),
        (json!({"twiml": "x".repeat(4001)}), "twiml"),
        (json!({"twiml": TWIML, "to": "72772"}), "to"),
        (json!({"twiml": TWIML, "to": FROM}), "to"),
        (json!({"twiml": TWIML, "from": "+15005550101"}), "from"),
        (json!({"twiml": TWIML, "from": "+15005550199"}), "from"),
        (json!({"twiml": TWIML, "callback_events": ["hung-up"]}), "callback_events"),
        (json!({"twiml": TWIML, "callback_url": "ftp://a.example"}), "callback_url"),
    ] {
        let (status, problem) = call(&server, "POST", "/v1/calls", Some(with(json!({"to": TO}), more.clone()))).await?;
        ensure!(status == 400 && problem["field"] == field, "{more}: {status} {problem}");
    }
    assert_eq!(server.rows("SELECT COUNT(*) FROM sb_message").await?, [["0"]]);
    Ok(())
}

on_both_engines!(
    a_call_goes_its_way_and_keeps_it,
    an_older_path_takes_the_same_receipts,
    every_end_is_told,
    nobody_is_called_twice,
    a_call_is_taken_back_or_hung_up,
    an_opt_out_is_of_texts,
    what_nobody_could_place_is_refused,
);
in_foreign_sessions!(a_call_goes_its_way_and_keeps_it);
