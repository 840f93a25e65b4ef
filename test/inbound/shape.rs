//! Senders of any shape: kept as carriers give them, told, and left out only where a number is needed.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::store::Change;

use super::play::{
    OURS, PERSON, builder, call, end_leases, form, get, number, post_twilio, settled, twilio, with_twilio,
};
use crate::harness::carrier::TOKEN;
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

const SMS: &str = "/webhooks/twilio/sms";

/// As a carrier writes it, and as it is kept: the address, and its channel.
const SENDERS: [(&str, &str, &str); 29] = [
    ("Acme", "Acme", "sms"),
    ("acme inc", "acme inc", "sms"),
    ("AcmeAcmeAcmeAcme", "AcmeAcmeAcmeAcme", "sms"),
    (
        "A sender of more than sixteen characters, and of one accent: é",
        "A sender of more than sixteen characters, and of one accent: é",
        "sms",
    ),
    ("Acme & Söhne", "Acme & Söhne", "sms"),
    ("Мой банк", "Мой банк", "sms"),
    ("🛑", "🛑", "sms"),
    ("12", "12", "sms"),
    ("123", "123", "sms"),
    ("12345678", "12345678", "sms"),
    ("123456789", "123456789", "sms"),
    ("+1", "+1", "sms"),
    ("+123456", "+123456", "sms"),
    ("+1234567890123456", "+1234567890123456", "sms"),
    ("Anonymous", "Anonymous", "sms"),
    ("messenger:1234567890123456", "messenger:1234567890123456", "sms"),
    ("rcs:acme_support_x1y2z3_agent", "rcs:acme_support_x1y2z3_agent", "sms"),
    ("rcs:+14155550100", "rcs:+14155550100", "sms"),
    ("client:somebody@example.org", "client:somebody@example.org", "sms"),
    ("", "", "sms"),
    ("whatsapp:US.13491208655302741918", "US.13491208655302741918", "whatsapp"),
    (PERSON, PERSON, "sms"),
    ("14155550100", PERSON, "sms"),
    (" +1 (415) 555-0100", PERSON, "sms"),
    ("0014155550100", PERSON, "sms"),
    ("\u{202a}+14155550100\u{202c}", PERSON, "sms"),
    ("WhatsApp: +1 415 555 0100", PERSON, "whatsapp"),
    ("4155550100", "4155550100", "sms"),
    (" Acme", " Acme", "sms"),
];

async fn text_from(server: &Server, sid: &str, from: &str, to: &str, body: &str) -> Result {
    let fields = form(sid, body).into_iter().map(|(name, value)| match name {
        "From" => (name, from),
        "To" => (name, to),
        _ => (name, value),
    });
    let (status, answer) = post_twilio(server, SMS, &fields.collect::<Vec<_>>(), TOKEN).await?;
    ensure!(status == 200, "{from}: {status} {answer}");
    Ok(())
}

/// All messages that came in, by their bodies.
async fn by_body(server: &Server) -> Result<BTreeMap<String, Value>> {
    let page = get(server, "/v1/messages?direction=inbound&limit=200").await?;
    let messages = page["data"].as_array().context("no page")?.iter();
    Ok(messages.map(|message| (message["body"].as_str().unwrap_or_default().to_owned(), message.clone())).collect())
}

/// A 200 was given for each before the node died, and none had been handled.
async fn every_sender_is_kept_and_told_whoever_it_is_and_whatever_dies(layout: Layout) -> Result {
    let mut server = with_twilio(layout).await?;
    let (status, _) =
        call(&server, Method::POST, "/v1/endpoints", Some(json!({"url": "https://example.com/"}))).await?;
    assert_eq!(status, 201);
    let store = server.home().databases.store()?;
    let rename = |from: &str, to: &str| Change::new().run(format!("ALTER TABLE {from} RENAME TO {to}"), vec![]);
    store.commit(rename("sb_message", "sb_away")).await?;
    for (n, (from, ..)) in SENDERS.iter().enumerate() {
        text_from(&server, &format!("SM{n}"), from, OURS, &format!("text {n}")).await?;
    }
    let long = "x".repeat(300);
    text_from(&server, "SMlong", &long, OURS, "long").await?;
    server.kill()?;
    store.commit(rename("sb_away", "sb_message")).await?;
    let server = server.restart().await?;
    end_leases(&server).await?;
    settled(&server).await?;
    let messages = by_body(&server).await?;
    assert_eq!(messages.len(), SENDERS.len() + 1);
    let events = get(&server, "/v1/events?type=message.received&limit=200").await?;
    let told: Vec<&Value> = events["data"].as_array().into_iter().flatten().map(|event| &event["data"]).collect();
    assert_eq!(told.len(), messages.len());
    for (n, (given, kept, channel)) in SENDERS.iter().enumerate() {
        let message = &messages[&format!("text {n}")];
        assert_eq!(
            (&message["from"], &message["channel"], &message["state"]),
            (&json!(kept), &json!(channel), &json!("received")),
            "{given}"
        );
        let event = told.iter().find(|told| told["id"] == message["id"]).context("not told")?;
        assert_eq!((&event["from"], &event["channel"]), (&json!(kept), &json!(channel)), "{given}");
    }
    for sender in ["messenger:1234567890123456", "AcmeAcmeAcmeAcme", "Мой банк", PERSON] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("from", sender).finish();
        let found = get(&server, &format!("/v1/messages?{query}&channel=sms")).await?;
        let found: Vec<&Value> = found["data"].as_array().into_iter().flatten().map(|one| &one["from"]).collect();
        assert!(!found.is_empty() && found.iter().all(|from| **from == json!(sender)), "{sender}: {found:?}");
    }
    // what is longer than its column is whole beside it
    let long_one = &messages["long"];
    assert_eq!(long_one["from"], json!(&long[..255]));
    let shown = get(&server, &format!("/v1/messages/{}", long_one["id"].as_str().unwrap_or_default())).await?;
    assert_eq!(shown["carrier"]["From"], json!(long));
    Ok(())
}

/// What needs a number passes the others by: nobody's STOP is in the ledger, nobody is answered.
async fn only_numbers_have_a_word_on_consent(layout: Layout) -> Result {
    let server = builder(layout).await?.set("provider.twilio_base_url", "http://127.0.0.1:9").start().await?;
    let account = twilio(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    for (n, (from, ..)) in SENDERS.iter().enumerate() {
        text_from(&server, &format!("SM{n}"), from, OURS, "STOP").await?;
    }
    settled(&server).await?;
    let ledger = server.rows("SELECT person FROM sb_opt_out ORDER BY person").await?.concat();
    // texts, and chats
    assert_eq!(ledger, [PERSON, PERSON, "123", "12345678"]);
    let replies =
        server.rows("SELECT to_address FROM sb_message WHERE direction = 'outbound' ORDER BY to_address").await?;
    assert_eq!(replies.concat(), ledger);
    assert_eq!(server.rows("SELECT id FROM sb_message WHERE direction = 'inbound'").await?.len(), SENDERS.len());
    Ok(())
}

/// A chat's page, or an agent, can be nobody's number here: what comes there is the operator's.
async fn what_is_no_number_is_the_operator_s(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    for (n, to) in ["messenger:987654321", "rcs:acme_agent", "Acme"].into_iter().enumerate() {
        text_from(&server, &format!("SM{n}"), "messenger:1234567890123456", to, "STOP").await?;
        text_from(&server, &format!("SMp{n}"), PERSON, to, "STOP").await?;
    }
    settled(&server).await?;
    let page = get(&server, "/v1/messages?direction=inbound").await?;
    let to: Vec<&str> = page["data"].as_array().into_iter().flatten().filter_map(|one| one["to"].as_str()).collect();
    assert_eq!(to.len(), 6, "{page}");
    assert!(to.contains(&"messenger:987654321") && to.contains(&"rcs:acme_agent") && to.contains(&"Acme"));
    assert!(server.rows("SELECT id FROM sb_opt_out").await?.is_empty());
    Ok(())
}

/// What cannot be read is not taken, however well it is signed.
async fn what_says_nothing_usable_is_no_200(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    for missing in ["MessageSid", "From", "To"] {
        let fields: Vec<_> = form("SM1", "hello").into_iter().filter(|(name, _)| *name != missing).collect();
        let (status, answer) = post_twilio(&server, SMS, &fields, TOKEN).await?;
        assert!(status == 400 && answer.contains(missing), "{missing}: {status} {answer}");
    }
    assert!(server.rows("SELECT id FROM sb_inbound").await?.is_empty());
    Ok(())
}

on_both_engines!(
    every_sender_is_kept_and_told_whoever_it_is_and_whatever_dies,
    only_numbers_have_a_word_on_consent,
    what_is_no_number_is_the_operator_s,
    what_says_nothing_usable_is_no_200,
);
