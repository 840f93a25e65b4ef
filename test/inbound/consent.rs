//! Whose word on consent counts: the carrier's, and people's in the languages that are configured. All of it is told.

use reqwest::Method;
use serde_json::{Value, json};

use super::play::{
    OURS, PERSON, builder, call, form, get, loopback, number, post_twilio, received, send, settled, text, twilio,
    with_loopback,
};
use crate::harness::carrier::TOKEN;
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;

const SMS: &str = "/webhooks/twilio/sms";

async fn listen(server: &Server) -> Result {
    let (status, answer) =
        call(server, Method::POST, "/v1/endpoints", Some(json!({"url": "https://example.com/"}))).await?;
    anyhow::ensure!(status == 201, "{answer}");
    Ok(())
}

/// What was told of a type, oldest first.
async fn told(server: &Server, kind: &str) -> Result<Vec<Value>> {
    let page = get(server, &format!("/v1/events?type={kind}&limit=200")).await?;
    Ok(page["data"].as_array().into_iter().flatten().rev().map(|event| event["data"].clone()).collect())
}

async fn replies(server: &Server) -> Result<usize> {
    Ok(server.rows("SELECT id FROM sb_message WHERE direction = 'outbound'").await?.len())
}

/// Whether the person is out, as texts to them show.
async fn is_out(server: &Server) -> Result<bool> {
    let entries = get(server, "/v1/opt-outs").await?;
    Ok(entries["data"][0]["is_out"] == true)
}

/// `OptOutType` decides, whatever the text says, and nobody is answered twice.
async fn the_carrier_s_word_counts(layout: Layout) -> Result {
    let server = builder(layout).await?.set("provider.twilio_base_url", "http://127.0.0.1:9").start().await?;
    let account = twilio(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    listen(&server).await?;
    let mut count = 0;
    for (n, (body, word, out)) in [
        ("PARAR", "STOP", true),
        ("please leave me alone", "STOP", true),
        ("HELP", "HELP", true),
        // what it calls help is none, whatever we read in it
        ("START", "HELP", true),
        ("hola", "START", false),
        ("STOP", "START", false),
        ("STOP", "HELP", false),
        ("basta", "stop", true),
        ("INICIAR", "Start", false),
        // no word of the carrier's: ours counts
        ("hello", "", false),
    ]
    .into_iter()
    .enumerate()
    {
        let before = is_out(&server).await?;
        let sid = format!("SM{n}");
        let fields = [&form(&sid, body)[..], &[("OptOutType", word)]].concat();
        assert_eq!(post_twilio(&server, SMS, &fields, TOKEN).await?.0, 200);
        settled(&server).await?;
        assert_eq!(is_out(&server).await?, out, "{body} {word}");
        count += usize::from(before != out);
        let changed = told(&server, "opt_out.changed").await?;
        assert_eq!(changed.len(), count, "{body} {word}");
        assert_eq!(told(&server, "message.received").await?.last().map(|data| &data["body"]), Some(&json!(body)));
        if out {
            assert_eq!(send(&server, PERSON, "may I?").await?.0, 403);
        }
        assert_eq!(replies(&server).await?, 0, "the carrier has answered");
    }
    let first = &told(&server, "opt_out.changed").await?[0];
    assert_eq!((&first["number"], &first["person"], &first["channel"]), (&json!(OURS), &json!(PERSON), &json!("sms")));
    assert_eq!((&first["is_out"], &first["reason"]), (&json!(true), &json!("carrier")));
    assert!(first["changed_at"].is_string(), "{first}");
    // without its word, ours
    assert_eq!(post_twilio(&server, SMS, &form("SMown", "Arrêt!"), TOKEN).await?.0, 200);
    settled(&server).await?;
    assert!(is_out(&server).await? && replies(&server).await? == 1);
    Ok(())
}

/// Words of every language at once, in any dress; what people answer with only from who is out.
#[expect(clippy::too_many_lines, reason = "one story")]
async fn words_count_in_all_languages(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    listen(&server).await?;
    let mut said = 0;
    for (body, out) in [
        // from who is in, these are answers
        ("YES", false),
        ("unstop", false),
        ("Sí", false),
        ("oui", false),
        ("info", false),
        ("STOP", true),
        ("yes!", false),
        ("\u{201c}Stop.\u{201d}", true),
        ("UNSTOP", false),
        ("ARRÊT", true),
        ("Oui.", false),
        ("parar", true),
        ("¡iniciar!", false),
        ("Abmelden", true),
        ("ja", false),
        ("SAIR", true),
        ("começar", false),
        ("opt out", false),
        ("optout", true),
        ("start", false),
        ("END 🛑", true),
        ("please start", true),
        ("no", true),
        ("unsubscribe", true),
        ("Sim", false),
        ("cancel my order", false),
        ("I said stop", false),
        ("revoke", true),
        ("START", false),
    ] {
        text(&server, PERSON, OURS, body).await?;
        said += 1;
        settled(&server).await?;
        assert_eq!(is_out(&server).await?, out, "{body}");
    }
    assert_eq!(received(&server).await?.len(), said);
    assert_eq!(told(&server, "message.received").await?.len(), said, "nothing that a person texts is invisible");
    let changed = told(&server, "opt_out.changed").await?;
    let outs: Vec<bool> = changed.iter().map(|data| data["is_out"] == true).collect();
    assert_eq!(outs, [true, false].repeat(9));
    assert!(changed.iter().all(|data| data["reason"] == "keyword"));
    let order: Vec<i64> = changed.iter().filter_map(|data| data["sequence"].as_i64()).collect();
    assert_eq!(order, (1..=18).collect::<Vec<_>>(), "the entry counts what is told of it");
    // what changes nothing is told as a text alone; help from who is in by HELP, by INFO only from who is out
    let before = replies(&server).await?;
    text(&server, PERSON, OURS, "info").await?;
    settled(&server).await?;
    assert_eq!(replies(&server).await?, before);
    for (body, more) in [("Aide", 1), ("STOP", 2), ("STOP", 2), ("Info", 3)] {
        text(&server, PERSON, OURS, body).await?;
        settled(&server).await?;
        assert_eq!(replies(&server).await?, before + more, "{body}");
    }
    assert_eq!(told(&server, "opt_out.changed").await?.len(), 19);
    // who sets it by hand is told as well, and what changes nothing is not
    let path = format!("/v1/opt-outs/{}/{}", OURS.replace('+', "%2B"), PERSON.replace('+', "%2B"));
    for is_out in [false, false, true] {
        assert_eq!(call(&server, Method::PUT, &path, Some(json!({"is_out": is_out}))).await?.0, 200);
    }
    let changed = told(&server, "opt_out.changed").await?;
    let last: Vec<&str> = changed[19..].iter().filter_map(|data| data["reason"].as_str()).collect();
    assert_eq!(last, ["administrator"; 2]);
    Ok(())
}

/// What the carrier's refusal says is told too.
async fn a_refusal_of_the_carrier_is_told(layout: Layout) -> Result {
    let server = with_loopback(layout).await?;
    listen(&server).await?;
    let (_, message) = send(&server, "+15005550004", "hello").await?;
    super::play::in_state(&server, message["id"].as_str().unwrap_or_default(), "failed").await?;
    let changed = crate::harness::until("the ledger", async || {
        let changed = told(&server, "opt_out.changed").await?;
        Ok((!changed.is_empty()).then_some(changed))
    })
    .await?;
    assert_eq!((&changed[0]["person"], &changed[0]["reason"]), (&json!("+15005550004"), &json!("carrier")));
    Ok(())
}

/// A language that is named takes the place of its own default; a word that means two things is none, and said at start.
async fn languages_are_settings(layout: Layout) -> Result {
    let words = r#"{ fr = { stop = ["Ça suffit"] }, nl = { start = ["Cancel"], help = ["hulp"] }, de = {} }"#;
    let server = builder(layout).await?.set("opt_out.words", words).start().await?;
    let account = loopback(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    for (body, out) in [
        ("ARRET", false),
        ("Abmelden", false),
        ("cancel", false),
        ("« ÇA  SUFFIT »", true),
        ("cancel", true),
        ("START", false),
        ("parar", true),
    ] {
        text(&server, PERSON, OURS, body).await?;
        settled(&server).await?;
        assert_eq!(is_out(&server).await?, out, "{body}");
    }
    let log = server.log()?;
    assert!(log.contains("means two things") && log.contains("cancel"), "{log}");
    Ok(())
}

on_both_engines!(
    the_carrier_s_word_counts,
    words_count_in_all_languages,
    a_refusal_of_the_carrier_is_told,
    languages_are_settings,
);
