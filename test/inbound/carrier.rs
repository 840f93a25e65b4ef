//! What carriers say besides, and their media: passed on in their own words, and gone when the message is redacted.

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::play::{
    OURS, PERSON, builder, call, flowroute, form, get, number, post_json, post_twilio, received, settled,
    with_loopback, with_twilio,
};
use crate::harness::carrier::TOKEN;
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

const SMS: &str = "/webhooks/twilio/sms";

/// Fields of a carrier that we do not read.
const PASSED: [(&str, &str); 19] = [
    ("ProfileName", "Zoë \"Z\" Ünal"),
    ("WaId", "14155550100"),
    ("Latitude", "37.7879"),
    ("Longitude", "-122.4075"),
    ("Address", "1 Example Street"),
    ("Label", "Home"),
    ("ButtonText", "Yes"),
    ("ButtonPayload", "{\"answer\": 1}"),
    ("ListId", "row-2"),
    ("OriginalRepliedMessageSid", "SM9"),
    ("OriginalRepliedMessageSender", "whatsapp:+14155550199"),
    ("ReferralBody", "an advertisement"),
    ("ReferralSourceUrl", "https://example.org/ad"),
    ("FromCity", "SAN FRANCISCO"),
    ("FromZip", ""),
    ("NumSegments", "1"),
    ("Forwarded", "true"),
    ("ChannelMetadata", "{}"),
    ("SomethingNew", "✓"),
];

/// What is the operator's, or proves something.
const OURS_ALONE: [(&str, &str); 8] = [
    ("SmsSid", "SM1"),
    ("SmsMessageSid", "SM1"),
    ("SmsStatus", "received"),
    ("ApiVersion", "2010-04-01"),
    ("MessagingServiceSid", "MG1"),
    ("ParentAccountSid", "AC9"),
    ("AuthToken", "hush"),
    ("X-Twilio-Signature", "hush"),
];

async fn listen(server: &Server) -> Result {
    let (status, answer) =
        call(server, Method::POST, "/v1/endpoints", Some(json!({"url": "https://example.com/"}))).await?;
    anyhow::ensure!(status == 201, "{answer}");
    Ok(())
}

/// What was told of the last message that came in, and how it is shown.
async fn last(server: &Server) -> Result<(Value, Value)> {
    settled(server).await?;
    let told = get(server, "/v1/events?type=message.received&limit=1").await?["data"][0]["data"].clone();
    let id = told["id"].as_str().context("nothing was told")?;
    Ok((told.clone(), get(server, &format!("/v1/messages/{id}")).await?))
}

async fn post(server: &Server, sid: &str, more: &[(&str, &str)]) -> Result<(Value, Value)> {
    let fields = [&form(sid, "hello")[..], more].concat();
    assert_eq!(post_twilio(server, SMS, &fields, TOKEN).await?.0, 200);
    last(server).await
}

async fn what_we_do_not_read_is_passed_on(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    listen(&server).await?;
    let expected: Value = PASSED.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let (told, shown) = post(&server, "SM1", &[&PASSED[..], &OURS_ALONE].concat()).await?;
    for one in [told, shown] {
        assert_eq!((&one["carrier"], &one["carrier_omitted"]), (&expected, &json!(0)));
    }
    let events = server.rows("SELECT payload FROM sb_event").await?.concat().concat();
    assert!(!events.contains("hush") && !events.contains("AccountSid") && !events.contains("MG1"), "{events}");
    // 64 fields, 16 KiB
    let many: Vec<(String, String)> = (0..70).map(|n| (format!("More{n:02}"), n.to_string())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (told, shown) = post(&server, "SM2", &many).await?;
    assert_eq!(
        (told["carrier"].as_object().map(serde_json::Map::len), &told["carrier_omitted"]),
        (Some(64), &json!(6))
    );
    assert_eq!((&shown["carrier"], &shown["carrier_omitted"]), (&told["carrier"], &json!(6)));
    let large = "\"".repeat(9_000);
    let (told, _) = post(&server, "SM3", &[("Large", &large), ("Small", "1")]).await?;
    assert_eq!((&told["carrier"], &told["carrier_omitted"]), (&json!({"Small": "1"}), &json!(1)));
    Ok(())
}

async fn media_are_what_is_there(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    listen(&server).await?;
    let twelve: Vec<(String, String)> = (0..12).map(|n| (format!("MediaUrl{n}"), format!("https://m/{n}"))).collect();
    let twelve: Vec<(&str, &str)> = twelve.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
    let all: Vec<&str> = twelve.iter().map(|(_, url)| *url).collect();
    let (png, gif) = ("image/png", "image/gif");
    for (n, (fields, urls, types)) in [
        (
            &[("NumMedia", "1"), ("MediaUrl0", "https://m/0"), ("MediaContentType0", png)][..],
            &["https://m/0"][..],
            json!([png]),
        ),
        (&[("MediaUrl0", "https://m/0")], &["https://m/0"], json!([])),
        (
            &[("NumMedia", "0"), ("MediaUrl0", "https://m/0"), ("MediaContentType0", gif)],
            &["https://m/0"],
            json!([gif]),
        ),
        (
            &[
                ("NumMedia", "3"),
                ("MediaUrl2", "https://m/2"),
                ("MediaUrl0", "https://m/0"),
                ("MediaContentType2", png),
            ],
            &["https://m/0", "https://m/2"],
            json!(["", png]),
        ),
        (&[("NumMedia", "2")], &[], json!([])),
        (&[("NumMedia", "many"), ("MediaUrl0", "")], &[], json!([])),
        (&twelve, &all, json!([])),
    ]
    .into_iter()
    .enumerate()
    {
        let (told, shown) = post(&server, &format!("SM{n}"), fields).await?;
        for one in [&told, &shown] {
            assert_eq!((&one["media_urls"], &one["media_types"]), (&json!(urls), &types), "{fields:?}");
        }
    }
    assert_eq!(get(&server, "/v1/messages?direction=inbound").await?["data"].as_array().map(Vec::len), Some(7));
    Ok(())
}

/// The most that fits into a post still fits into its columns.
async fn the_largest_post_is_a_message(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    listen(&server).await?;
    let urls: Vec<(String, String)> =
        (0..40).map(|n| (format!("MediaUrl{n}"), format!("https://m/{n}/{}", "\"\\".repeat(450)))).collect();
    let mut fields: Vec<(&str, &str)> = urls.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
    // a quote is two characters in JSON, three in a form
    fields.truncate(20);
    let (told, shown) = post(&server, "SM1", &fields).await?;
    assert_eq!(told["media_urls"], shown["media_urls"]);
    let kept = told["media_urls"].as_array().map_or(0, Vec::len);
    assert_eq!((kept < 20, &told["carrier_omitted"]), (true, &json!(20 - kept)));
    let body = "é".repeat(10_000);
    assert_eq!(post_twilio(&server, SMS, &form("SM2", &body), TOKEN).await?.0, 200);
    settled(&server).await?;
    assert_eq!(received(&server).await?[1], [PERSON, OURS, &body]);
    Ok(())
}

async fn it_goes_when_the_message_is_redacted(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    listen(&server).await?;
    let (told, _) = post(&server, "SM1", &[("ProfileName", "hush"), ("MediaUrl0", "https://m/hush")]).await?;
    let path = format!("/v1/messages/{}", told["id"].as_str().unwrap_or_default());
    let (status, shown) = call(&server, Method::PATCH, &path, Some(json!({"body": ""}))).await?;
    assert_eq!((status, &shown["carrier"], &shown["media_urls"]), (200, &json!({}), &json!([])));
    let (told, shown) = last(&server).await?;
    assert_eq!((&told["carrier"], &shown["carrier"], &told["body"]), (&json!({}), &json!({}), &json!("")));
    for sql in ["SELECT payload FROM sb_event", "SELECT body, extra FROM sb_message", "SELECT payload FROM sb_inbound"]
    {
        let left = server.rows(sql).await?.concat().concat();
        assert!(!left.contains("hush"), "{sql}: {left}");
    }
    Ok(())
}

async fn flowroute_s_attributes_are_passed_on_too(layout: Layout) -> Result {
    let server = builder(layout).await?.set("provider.flowroute_base_url", "http://127.0.0.1:9").start().await?;
    let account = flowroute(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    listen(&server).await?;
    let body = json!({"data": {"id": "mdr2-1", "type": "message", "attributes":
        {"to": &OURS[1..], "from": &PERSON[1..], "body": "hello", "is_mms": true, "timestamp": "2030-01-31T12:00:00.00Z",
         "amount_display": "$0.0040", "message_callback_url": "https://sms.example.org/webhooks/flowroute/secret/sms"}},
        "included": [{"attributes": {"url": "https://m/1", "mime_type": "image/png"}}]});
    let path = format!("/webhooks/flowroute/{}/sms", super::play::FLOWROUTE_TOKEN);
    assert_eq!(post_json(&server, &path, &body).await?, 200);
    let (told, shown) = last(&server).await?;
    for one in [told, shown] {
        assert_eq!(one["carrier"], json!({"is_mms": "true", "timestamp": "2030-01-31T12:00:00.00Z"}));
        assert_eq!((&one["media_urls"], &one["media_types"]), (&json!(["https://m/1"]), &json!(["image/png"])));
    }
    Ok(())
}

/// So that it can be tried with nobody but this server.
async fn a_played_phone_sends_all_of_it(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    listen(&server).await?;
    let play = async |more: Value| {
        let posted = crate::messages::with(json!({"from": PERSON, "to": OURS, "body": "hello"}), more);
        let (status, answer) = call(&server, Method::POST, "/v1/loopback/inbound", Some(posted)).await?;
        anyhow::ensure!(status == 202, "{status} {answer}");
        last(&server).await
    };
    let picture = json!({"media_urls": ["https://m/1"], "channel": "whatsapp", "carrier": {"ProfileName": "Ada", "AccountSid": "AC1", "AuthToken": "hush"}});
    let (told, shown) = play(picture).await?;
    for one in [told, shown] {
        assert_eq!((&one["channel"], &one["media_urls"]), (&json!("whatsapp"), &json!(["https://m/1"])));
        assert_eq!(one["carrier"], json!({"ProfileName": "Ada"}));
    }
    for from in ["Acme Bank of Somewhere", "messenger:123", "12", ""] {
        let (told, _) = play(json!({"from": from})).await?;
        assert_eq!((&told["from"], &told["carrier"]), (&json!(from), &json!({})));
    }
    let (told, _) = play(json!({"from": " 1 (415) 555-0100 "})).await?;
    assert_eq!(told["from"], PERSON, "as every carrier's sender is read");
    play(json!({"body": "PARAR", "carrier": {"OptOutType": "STOP"}})).await?;
    let ledger = server.rows("SELECT person, reason FROM sb_opt_out").await?;
    assert_eq!(ledger, [[PERSON, "carrier"]]);
    for bad in [json!({"channel": "voice"}), json!({"to": " "}), json!({"media_urls": "x"}), json!({"carrier": []})] {
        let posted = crate::messages::with(json!({"from": PERSON, "to": OURS}), bad);
        let (status, answer) = call(&server, Method::POST, "/v1/loopback/inbound", Some(posted)).await?;
        assert_eq!(status, 400, "{answer}");
    }
    Ok(())
}

on_both_engines!(
    what_we_do_not_read_is_passed_on,
    media_are_what_is_there,
    the_largest_post_is_a_message,
    it_goes_when_the_message_is_redacted,
    flowroute_s_attributes_are_passed_on_too,
    a_played_phone_sends_all_of_it,
);
