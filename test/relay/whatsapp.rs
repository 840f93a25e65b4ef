//! WhatsApp messages: bare addresses in here, written with their prefix at the carrier's door alone.

use anyhow::ensure;
use serde_json::{Value, json};

use super::voice::scene;
use crate::events::{call, text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Layout, Result};
use crate::inbound::play;
use crate::messages::{FROM, TO, drained, in_state, number, outcomes, person, send, sms, with};
use crate::on_both_engines;

fn chat(to: &str, body: &str) -> Value {
    sms(to, body, json!({"channel": "whatsapp"}))
}

async fn it_goes_with_its_prefix_and_is_kept_without(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    carrier.receipts(json!({"states": ["sent", "delivered", "read"], "via": server.url("")})).await?;
    let told = send(&server, chat(TO, &"long ".repeat(100))).await?;
    ensure!(told["channel"] == "whatsapp" && told["to"] == TO && told["segments"] == 1, "{told}");
    in_state(&server, &text(&told["id"])?, "delivered").await?;
    let recorded = carrier.messages(None).await?;
    assert_eq!((recorded[0].to.as_str(), recorded[0].from.as_deref()), {
        ("whatsapp:+14155550100", Some("whatsapp:+15005550100"))
    });
    assert_eq!(server.rows("SELECT from_address, to_address FROM sb_message").await?, [[FROM, TO]]);
    send(&server, sms(TO, "a text", json!({}))).await?;
    for (query, count) in [("", 2), ("?channel=whatsapp", 1), ("?channel=sms", 1)] {
        let page = well(&server, "GET", &format!("/v1/messages{query}"), None).await?;
        ensure!(page["data"].as_array().map(Vec::len) == Some(count), "{query}: {page}");
    }
    for bad in ["voice", "fax"] {
        let asked = call(&server, "GET", &format!("/v1/messages?channel={bad}"), None).await?;
        let posted = call(&server, "POST", "/v1/messages", Some(sms(TO, "x", json!({"channel": bad})))).await?;
        for (status, problem) in [asked, posted] {
            ensure!(status == 400 && problem["field"] == "channel", "{bad}: {status} {problem}");
        }
    }
    Ok(())
}

async fn an_uncertain_one_is_found_under_its_written_addresses(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    for (count, (fault, wanted)) in
        [(json!({"do": "cut"}), &["adopted"][..]), (json!({"do": "cut_before"}), &["uncertain", "accepted"])]
            .into_iter()
            .enumerate()
    {
        let to = person(count);
        let rule = json!({"to": format!("whatsapp:{to}"), "times": 1});
        carrier.behave(with(rule, fault)).await?;
        let sent = send(&server, chat(&to, "did you get this?")).await?;
        let sent = in_state(&server, &text(&sent["id"])?, "sent").await?;
        ensure!(outcomes(&sent) == wanted, "{sent}");
        assert_eq!(carrier.messages(Some(&format!("whatsapp:{to}"))).await?.len(), 1);
    }
    drained(&server).await
}

/// What a person writes in a chat is theirs to their client; a keyword there says nothing of texts, and stops chats.
async fn a_chat_comes_in_as_one(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    well(&server, "POST", "/v1/endpoints", Some(json!({"url": "https://example.com/"}))).await?;
    let (from, to) = (format!("whatsapp:{TO}"), format!("whatsapp:{FROM}"));
    for (sid, body) in [("SM1", "hello"), ("SM2", "STOP")] {
        let form = [("MessageSid", sid), ("AccountSid", ACCOUNT), ("From", from.as_str()), ("To", &to), ("Body", body)];
        assert_eq!(play::post_twilio(&server, "/webhooks/twilio/sms", &form, TOKEN).await?.0, 200);
    }
    play::settled(&server).await?;
    let page = well(&server, "GET", "/v1/messages?channel=whatsapp&direction=inbound", None).await?;
    ensure!(page["data"].as_array().map(Vec::len) == Some(2), "{page}");
    ensure!(page["data"][0]["from"] == TO && page["data"][0]["to"] == FROM, "{page}");
    let told = well(&server, "GET", "/v1/events?type=message.received", None).await?;
    ensure!(told["data"].as_array().map(Vec::len) == Some(2), "{told}");
    let sent = send(&server, sms(TO, "a text", json!({}))).await?;
    in_state(&server, &text(&sent["id"])?, "sent").await.map(drop)
}

async fn who_stops_a_chat_gets_no_more_of_it(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    let (from, to) = (format!("whatsapp:{TO}"), format!("whatsapp:{FROM}"));
    let say = async |sid: &str, body: &str| {
        let form = [("MessageSid", sid), ("AccountSid", ACCOUNT), ("From", from.as_str()), ("To", &to), ("Body", body)];
        assert_eq!(play::post_twilio(&server, "/webhooks/twilio/sms", &form, TOKEN).await?.0, 200);
        play::settled(&server).await
    };
    let out = async |query: &str| -> Result<Value> {
        Ok(well(&server, "GET", &format!("/v1/opt-outs{query}"), None).await?["data"].clone())
    };
    // where nothing was stopped these are the chat's own words
    say("SM1", "start").await?;
    say("SM2", "HELP").await?;
    ensure!(out("").await? == json!([]) && carrier.messages(Some(&from)).await?.is_empty());
    let soon = switchboard::model::rfc3339(super::client::now_ms() + 600_000);
    let waiting = send(&server, sms(TO, "tomorrow", json!({"channel": "whatsapp", "send_at": soon}))).await?;
    let text_later = send(&server, sms(TO, "tomorrow", json!({"send_at": soon}))).await?;
    say("SM3", "Stop").await?;
    in_state(&server, &text(&waiting["id"])?, "canceled").await?;
    in_state(&server, &text(&text_later["id"])?, "scheduled").await?;
    let (status, problem) = call(&server, "POST", "/v1/messages", Some(chat(TO, "hello?"))).await?;
    ensure!(status == 403, "{status} {problem}");
    let texted = send(&server, sms(TO, "a text", json!({}))).await?;
    in_state(&server, &text(&texted["id"])?, "sent").await?;
    let stands = out("").await?;
    ensure!(stands[0]["channel"] == "whatsapp" && stands[0]["is_out"] == true && stands[1].is_null(), "{stands}");
    // it is confirmed where it was said
    crate::harness::until("the confirmation", async || {
        Ok((carrier.messages(Some(&from)).await?.len() == 1).then_some(()))
    })
    .await?;
    // a text's entry is another; both stand in one list, over pages too
    let path = format!("/v1/opt-outs/{}/{}", FROM.replace('+', "%2B"), TO.replace('+', "%2B"));
    well(&server, "PUT", &path, Some(json!({"is_out": true}))).await?;
    let first = well(&server, "GET", "/v1/opt-outs?limit=1", None).await?;
    let next = format!("?limit=1&cursor={}", text(&first["next_cursor"])?);
    let second = out(&next).await?;
    ensure!(first["data"][0]["channel"] == "sms" && second[0]["channel"] == "whatsapp", "{first} {second}");
    ensure!(out("?channel=whatsapp").await?[1].is_null() && out("?channel=sms").await?[0]["reason"] == "administrator");
    assert_eq!(call(&server, "PUT", &path, Some(json!({"is_out": true, "channel": "voice"}))).await?.0, 400);
    say("SM4", "START").await?;
    let sent = send(&server, chat(TO, "hello again")).await?;
    in_state(&server, &text(&sent["id"])?, "sent").await?;
    assert_eq!(
        call(&server, "POST", "/v1/messages", Some(sms(TO, "x", json!({})))).await?.0,
        403,
        "texts stay stopped"
    );
    Ok(())
}

/// A channel that a carrier does not have is refused once, and for good.
async fn flowroute_has_no_other_channels(layout: Layout) -> Result {
    let server = play::builder(layout).await?.set("provider.flowroute_base_url", "http://127.0.0.1:9").start().await?;
    let account = play::flowroute(&server).await?;
    number(&server, &account, FROM, json!({"capabilities": ["whatsapp", "voice"]})).await?;
    let sent = send(&server, chat(TO, "hello")).await?;
    let failed = play::in_state(&server, &text(&sent["id"])?, "failed").await?;
    ensure!(outcomes(&failed) == ["refused"], "{failed}");
    ensure!(failed["error"]["reason"].as_str().is_some_and(|reason| reason.contains("WhatsApp")), "{failed}");
    let placed = super::voice::dial(&server, TO, json!({})).await?;
    let failed = super::voice::stands(&server, &text(&placed["id"])?, "failed").await?;
    ensure!(failed["error"]["reason"].as_str().is_some_and(|reason| reason.contains("calls")), "{failed}");
    Ok(())
}

on_both_engines!(
    it_goes_with_its_prefix_and_is_kept_without,
    an_uncertain_one_is_found_under_its_written_addresses,
    a_chat_comes_in_as_one,
    who_stops_a_chat_gets_no_more_of_it,
    flowroute_has_no_other_channels,
);
