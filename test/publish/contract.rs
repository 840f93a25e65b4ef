//! The SMS route as the contract says it: what is taken, what is refused, and how alike.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use switchboard::crypto::{EncryptedPayload, SharedKey, hash};
use switchboard::store::publication;

use super::altered::Seen;
use super::play::{self, DELAY, REFUSAL, ROUTE, SOON, Scene, age, body, post};
use crate::harness::{Layout, PHONE, Result, USER};
use crate::pairing::play::{SALT, answer};
use crate::{in_foreign_sessions, on_both_engines, on_every_layout};

async fn a_text_posted_three_times_is_published_once(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let plain = "g:someone@example.com:::Subject:a text é ✓";
    let text = EncryptedPayload::seal(&scene.key, plain)?;
    for spelling in [text.clone(), text.clone(), wrapped(&text), text.trim_end_matches('=').to_owned()] {
        assert_eq!(post(&scene.server, &spelling).await?, (200, "published!".into()));
    }
    let heard = scene.sink.await_heard(1, SOON).await?;
    scene.settle().await?;
    // and again when it has been erased
    assert_eq!(post(&scene.server, &text).await?.0, 200);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(scene.sink.texts()?, [plain]);
    let told = &heard[0].body;
    assert!(heard[0].id.starts_with("pub_"), "{told}");
    assert_eq!((&told["user_id"], &told["platform"]), (&json!(USER), &json!("gmail")));
    assert_eq!(told["phone_hash"], hash::backend(SALT, PHONE));
    assert!(told["received_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{told}");
    assert!(told.get("grant").is_none(), "nobody asked for grants: {told}");
    assert_eq!(scene.rows().await?, [["published", "0"]]);
    Ok(())
}

/// At 76 columns, as Android does.
fn wrapped(text: &str) -> String {
    let lines: Vec<_> = text.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
    lines.join(
        "
",
    ) + "
"
}

async fn a_sender_is_read_as_everywhere(layout: Layout) -> Result {
    let sink = super::sink::Sink::start().await?;
    let server = play::builder(layout, &sink).await?.set("number.country", "CM").start().await?;
    let scene = Scene::of(server, sink).await?;
    let text = EncryptedPayload::seal(&scene.key, "g:a@example.com:::b:c")?;
    let from = async |field: &str, phone: &str| {
        scene.server.post(ROUTE, json!({"text": text, field: phone}).to_string()).await
    };
    for phone in ["+237 123 456 789", "tel:+237-123-456-789", "00237123456789", "\u{202A}+237123456789\u{202C}"] {
        for field in ["MSISDN", "address"] {
            assert_eq!(from(field, phone).await?, (200, "published!".into()), "{phone}");
        }
    }
    let stranger = from("MSISDN", "+12025550150").await?;
    assert_eq!(stranger.1, REFUSAL);
    for phone in ["123456789", "+0237123456789", "+237123456789x1", "Acme", "40404"] {
        let begun = Instant::now();
        assert_eq!(from("MSISDN", phone).await?, stranger, "{phone}");
        assert!(begun.elapsed() >= DELAY, "{phone}: as late as any other");
    }
    Ok(())
}

async fn after_a_day_the_same_text_is_still_the_same(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let seen = Seen::new(&scene.key, "t:hello, and good morning")?;
    assert_eq!(post(&scene.server, &seen.text).await?.0, 200);
    scene.sink.await_heard(1, SOON).await?;
    scene.settle().await?;
    for hours in [25, 24 * 400] {
        age(&scene.server, Duration::from_secs(hours * 3600)).await?;
        let before_ms = i64::try_from(play::now_secs()?)? * 1000 - 24 * 3_600_000;
        publication::sweep(&scene.server.home().databases.store()?, before_ms, before_ms).await?;
        assert!(scene.rows().await?.is_empty(), "its row is gone");
        assert_eq!(post(&scene.server, &seen.text).await?, (200, "published!".into()));
        assert_eq!(post(&scene.server, &seen.saying(b"t:hello, and bad")).await?, (400, REFUSAL.into()));
        assert!(scene.rows().await?.is_empty(), "{hours} h later it is published again");
    }
    assert_eq!(scene.sink.texts()?, [seen.plain]);
    Ok(())
}

async fn every_refusal_looks_alike_and_leaves_late(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let sealed = |plain: &str| EncryptedPayload::seal(&scene.key, plain);
    let good = sealed("t:hello")?;
    let from = |phone: &str, text: &str| json!({"text": text, "MSISDN": phone}).to_string();
    let not_ours = EncryptedPayload::seal(&SharedKey::generate(), "t:hello")?;
    let bare = STANDARD.encode(format!("abcdefghijklmnop{}", STANDARD.encode([7_u8; 16])));
    let posts = [
        ("an unknown phone", ROUTE, from("+237999999999", &good)),
        ("no phone at all", ROUTE, from("somebody", &good)),
        ("a user without devices", ROUTE, from("+237600000001", &good)),
        ("another key", ROUTE, body(&not_ours)),
        ("bad padding", ROUTE, body(&bare)),
        ("not base64", ROUTE, body("a text!")),
        ("half a block", ROUTE, body(&STANDARD.encode("abcdefghijklmnopAAAA"))),
        ("an unknown letter", ROUTE, body(&sealed("x:hello")?)),
        ("no letter", ROUTE, body(&sealed("hello")?)),
        ("a letter that no platform has", ROUTE, body(&sealed(":hello")?)),
        ("a letter without colon", ROUTE, body(&sealed("t")?)),
        ("a platform without sink", ROUTE, body(&sealed("T:+237123456789:hello")?)),
        ("another platform's letter", "/sms/platform/gmail", body(&good)),
        ("a form that nobody signed", "/sms/platform/twilio", "From=%2B237123456789&Body=x".to_owned()),
    ];
    let mut looks = Vec::new();
    for (name, path, body) in &posts {
        let begun = Instant::now();
        let refused = answer(&scene.server, path, body.clone()).await?;
        assert!(begun.elapsed() >= DELAY, "{name} left after {:?}", begun.elapsed());
        assert_eq!((refused.status, refused.body.as_str()), (400, REFUSAL), "{name}");
        looks.push(refused);
    }
    assert!(looks.iter().all(|refused| refused.looks() == looks[0].looks()), "{looks:?}");
    assert!(scene.rows().await?.is_empty(), "nothing refused is stored");
    assert!(scene.server.log()?.contains("platforms.sink_url"), "the log names the missing setting");
    assert_eq!(post(&scene.server, &good).await?.0, 200, "the text itself is good");
    Ok(())
}

async fn what_is_missing_is_said_and_both_spellings_of_the_sender_are_read(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let text = EncryptedPayload::seal(&scene.key, "t:hello")?;
    let bad = [
        ("", "poorly formed json"),
        ("{", "poorly formed json"),
        ("[]", "poorly formed json"),
        ("From=a&Body=b", "poorly formed json"),
        (r#"{"text": 5, "MSISDN": "+237123456789"}"#, "poorly formed json"),
        ("{}", "missing text"),
        (r#"{"text": "", "MSISDN": ""}"#, "missing text"),
        (r#"{"text": "a"}"#, "missing MSISDN"),
        (r#"{"text": "a", "MSISDN": null, "address": ""}"#, "missing MSISDN"),
    ];
    for (body, expected) in bad {
        assert_eq!(scene.server.post(ROUTE, body).await?, (400, expected.into()), "{body}");
    }
    let forwarded = json!({"text": text, "address": PHONE, "date": 1, "date_sent": "x", "more": [1]}).to_string();
    assert_eq!(scene.server.post(ROUTE, forwarded).await?, (200, "published!".into()));
    let other = EncryptedPayload::seal(&scene.key, "t:raw newlines")?;
    let raw = format!("{{\"text\": \"{}\n\", \"MSISDN\": \" {PHONE}\"}}", wrapped(&other));
    assert_eq!(scene.server.post("/sms/platform/twitter", raw).await?.0, 200);
    scene.sink.await_heard(2, SOON).await?;
    scene.settle().await?;
    let long = "x".repeat(70_000);
    assert_eq!(scene.server.post(ROUTE, body(&long)).await?.0, 413);
    Ok(())
}

async fn pages_of_allowed_origins_may_post_and_other_methods_may_not(layout: Layout) -> Result {
    let sink = super::sink::Sink::start().await?;
    let builder = play::builder(layout, &sink).await?.set("sync.allowed_origins", r#"["https://a.example"]"#);
    let server = builder.start().await?;
    let url = server.url(ROUTE);
    let asked = server.http.request(reqwest::Method::OPTIONS, &url).header("origin", "https://a.example");
    let preflight = asked.send().await?;
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://a.example");
    assert_eq!(server.http.get(&url).send().await?.status(), 405);
    assert_eq!(server.http.post(server.url("/sms/platform")).send().await?.status(), 404);
    Ok(())
}

on_every_layout!(a_text_posted_three_times_is_published_once, every_refusal_looks_alike_and_leaves_late);
on_both_engines!(
    a_sender_is_read_as_everywhere,
    after_a_day_the_same_text_is_still_the_same,
    what_is_missing_is_said_and_both_spellings_of_the_sender_are_read,
    pages_of_allowed_origins_may_post_and_other_methods_may_not,
);
in_foreign_sessions!(a_text_posted_three_times_is_published_once);
