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

/// What a person writes in a chat is theirs to their client; a keyword there says nothing of texts.
async fn a_chat_comes_in_as_one(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = scene(layout, &carrier).await?;
    let (from, to) = (format!("whatsapp:{TO}"), format!("whatsapp:{FROM}"));
    for (sid, body) in [("SM1", "hello"), ("SM2", "STOP")] {
        let form = [("MessageSid", sid), ("AccountSid", ACCOUNT), ("From", from.as_str()), ("To", &to), ("Body", body)];
        assert_eq!(play::post_twilio(&server, "/webhooks/twilio/sms", &form, TOKEN).await?.0, 200);
    }
    play::settled(&server).await?;
    let page = well(&server, "GET", "/v1/messages?channel=whatsapp&direction=inbound", None).await?;
    ensure!(page["data"].as_array().map(Vec::len) == Some(2), "{page}");
    ensure!(page["data"][0]["from"] == TO && page["data"][0]["to"] == FROM, "{page}");
    assert_eq!(server.rows("SELECT COUNT(*) FROM sb_opt_out").await?, [["0"]]);
    let sent = send(&server, sms(TO, "a text", json!({}))).await?;
    in_state(&server, &text(&sent["id"])?, "sent").await.map(drop)
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
    flowroute_has_no_other_channels,
);
