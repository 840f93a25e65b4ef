//! Texts at every door: what is none, how long they may be, and look-alikes.

use anyhow::ensure;
use serde_json::{Value, json};

use super::doors::{BRITISH, Doors, FORM, JSON, TO, said};
use crate::harness::{ADMIN, Layout, Result, until};
use crate::{in_foreign_sessions, on_both_engines};

#[expect(clippy::too_many_lines, reason = "one table")]
async fn what_is_no_text_is_refused_with_its_field_and_place(layout: Layout) -> Result {
    let doors = Doors::open(layout).await?;
    let messages = doors.twilio("Messages.json");
    let (half, nul) = ("half of a surrogate pair (U+D800)", "NUL (U+0000)");
    for (path, media, body, field, told) in [
        ("/v1/messages", JSON, &br#"{"to": "+14155550100", "body": "ab\ud800"}"#[..], "body", half),
        ("/v1/messages", JSON, br#"{"to": "+14155550100", "body": "a\uD83D\uDE00\ud800\u0041"}"#, "body", half),
        ("/v1/messages", JSON, br#"{"to": "+14155550100", "body": "ab\u0000"}"#, "body", nul),
        ("/v1/messages", JSON, b"{\"to\": \"+14155550100\", \"body\": \"ab\0\"}", "body", nul),
        ("/v1/messages", JSON, b"{\"to\": \"+14155550100\", \"body\": \"ab\xe9\"}", "body", "no UTF-8"),
        (
            "/v1/messages",
            JSON,
            br#"{"to": "x", "body": "x", "metadata": {"n": {"o": "ab\u0000"}}}"#,
            "metadata.n.o",
            nul,
        ),
        ("/v1/messages", JSON, br#"{"to": "x", "body": "x", "media_urls": ["x", "ab\ud800"]}"#, "media_urls[1]", half),
        ("/v1/calls", JSON, br#"{"to": "+14155550100", "twiml": "ab\u0000"}"#, "twiml", nul),
        ("/v1/endpoints", JSON, br#"{"url": "https://example.com", "description": "ab\u0000"}"#, "description", nul),
        ("/relay/sms", JSON, br#"{"To": "+14155550100", "Body": "ab\ud800"}"#, "Body", half),
        ("/relay/api/sms", JSON, br#"{"To": "+14155550100", "Body": "ab\u0000"}"#, "Body", nul),
        ("/relay/api/whatsapp", FORM, b"To=%2B14155550100&Body=ab%00c", "Body", nul),
        ("/relay/api/call", FORM, b"To=%2B14155550100&Twiml=ab%FFc", "Twiml", "no UTF-8"),
        (&messages, FORM, b"To=%2B14155550100&Body=ab%00", "Body", nul),
        (&messages, FORM, b"To=%2B14155550100&Body=ab%ED%A0%80", "Body", "no UTF-8"),
        (&messages, FORM, b"To=%2B14155550100&Body=ab\xff", "Body", "no UTF-8"),
        (&messages, FORM, b"To=ab%E9&Body=x", "To", "no UTF-8"),
        (&messages, FORM, b"To=x&ab%00=x", "ab\u{fffd}", nul),
    ] {
        let (status, answer) = doors.post(path, media, body).await?;
        let shown = String::from_utf8_lossy(body);
        ensure!(status == 400, "{path} {shown}: {status} {answer}");
        let said = said(&answer);
        ensure!(
            said.contains(field) && said.contains("character 3") && said.contains(told),
            "{path} {shown}: {answer}"
        );
        ensure!(!path.starts_with("/v1") || answer["field"] == field, "{path} {shown}: {answer}");
        ensure!(!path.starts_with("/2010") || answer["code"] == 20001, "{path} {shown}: {answer}");
    }
    // what only administrators write is read there too
    let named = doors.server.http.post(doors.server.url("/v1/clients")).bearer_auth(ADMIN);
    let answer: Value = named.body(r#"{"name": "\u0000"}"#).send().await?.json().await?;
    ensure!(answer["field"] == "name" && said(&answer).contains("character 1 is NUL"), "{answer}");
    let (status, answer) = doors.get(&format!("{messages}?To=%ff")).await?;
    ensure!(status == 400 && said(&answer).contains("To must be text"), "{status} {answer}");
    assert_eq!(doors.stored().await?, "0");
    // and what looks like them is text
    for (path, media, body, kept) in [
        (
            "/v1/messages",
            JSON,
            &br#"{"to": "+14155550100", "body": "\ud83d\ude00 \\ud800 \\u0000"}"#[..],
            "😀 \\ud800 \\u0000",
        ),
        ("/relay/sms", JSON, br#"{"To": "+14155550100", "Body": "\uD83D\uDE00"}"#, "😀"),
        (&messages, FORM, b"To=%2B14155550100&Body=%F0%9F%98%80+%EF%BF%BD+100%+%zz", "😀 \u{fffd} 100% %zz"),
        (&messages, FORM, b"To=%2B14155550100&Body=%0A%09%1B%EF%BB%BF", "\n\t\u{1b}\u{feff}"),
    ] {
        let (status, answer) = doors.post(path, media, body).await?;
        ensure!(status < 300, "{path}: {status} {answer}");
        let newest = doors.get("/v1/messages?limit=1").await?.1;
        ensure!(newest["data"][0]["body"] == kept, "{path}: {newest}");
    }
    Ok(())
}

async fn a_text_is_as_long_as_its_channel_and_its_account_take(layout: Layout) -> Result {
    let doors = Doors::open(layout).await?;
    for (to, channel, letter, count, longest) in [
        (TO, "sms", "a", 1600, 1600),
        (TO, "sms", "a", 1601, 1600),
        (TO, "sms", "ж", 1600, 1600),
        (TO, "sms", "€", 1600, 1600),
        (TO, "sms", "€", 1601, 1600),
        (TO, "sms", "😀", 800, 1600),
        (TO, "sms", "😀", 801, 1600),
        (TO, "sms", "e\u{301}", 801, 1600),
        (TO, "whatsapp", "a", 4096, 4096),
        (TO, "whatsapp", "a", 4097, 4096),
        (TO, "whatsapp", "😀", 2048, 4096),
        (TO, "whatsapp", "😀", 2049, 4096),
        // Twilio takes no more on any channel
        (BRITISH, "whatsapp", "a", 1600, 1600),
        (BRITISH, "whatsapp", "a", 1601, 1600),
        (BRITISH, "sms", "😀", 801, 1600),
    ] {
        let body = letter.repeat(count);
        let is_taken = body.encode_utf16().count() <= longest;
        let (older, prefix) =
            if channel == "sms" { ("/relay/api/sms", "") } else { ("/relay/api/whatsapp", "whatsapp:") };
        let addressed = format!("{prefix}{to}");
        let native = json!({"to": to, "channel": channel, "body": body});
        for (door, (status, answer)) in [
            ("native", doors.json("/v1/messages", &native).await?),
            ("older", doors.json(older, &json!({"To": to, "Body": body})).await?),
            ("Twilio's", doors.form(&doors.twilio("Messages.json"), &[("To", &addressed), ("Body", &body)]).await?),
        ] {
            let row = format!("{door}, {channel} to {to}: {count} of {letter}: {status} {answer}");
            if is_taken {
                ensure!(status < 300, "{row}");
                continue;
            }
            let units = body.encode_utf16().count();
            let told = format!("must be at most {longest} UTF-16 units long, and is {units}");
            ensure!(status == 400 && said(&answer).contains(&told), "{row}");
            ensure!(door != "native" || answer["field"] == "body", "{row}");
            ensure!(door != "Twilio's" || answer["code"] == 21617, "{row}");
        }
    }
    // segments are counted, and paid for
    let (status, long) = doors.json("/v1/messages", &json!({"to": TO, "body": "ж".repeat(1600)})).await?;
    ensure!(status == 202 && long["segments"] == 24 && long["cost"] == "0.1800", "{status} {long}");
    let said = doors.command(&["message", "send", TO, &"x".repeat(1601)]).await?.refusal()?;
    ensure!(said.contains("at most 1600 UTF-16 units"), "{said}");
    Ok(())
}

async fn look_alikes_are_replaced_where_that_saves(layout: Layout) -> Result {
    let doors = Doors::open(layout).await?;
    let (written, plain) = ("“Hello” — it’s me…", "\"Hello\" - it's me...");
    let long = "’".repeat(100);
    for (asked, channel, body, kept, encoding, segments) in [
        (true, "sms", written, plain, "gsm7", 1),
        (false, "sms", written, written, "ucs2", 1),
        (true, "sms", "“Hello” 😀", "“Hello” 😀", "ucs2", 1),
        (true, "sms", &long, &"'".repeat(100), "gsm7", 1),
        (false, "sms", &long, &long, "ucs2", 2),
        (true, "sms", "plain €", "plain €", "gsm7", 1),
        (true, "whatsapp", written, written, "utf8", 1),
    ] {
        let message = json!({"to": TO, "channel": channel, "body": body, "smart_encoded": asked});
        let (status, told) = doors.json("/v1/messages", &message).await?;
        ensure!(status == 202 && told["body"] == kept && told["encoding"] == encoding, "{message}: {status} {told}");
        ensure!(told["segments"] == segments, "{message}: {told}");
        let price = if channel == "whatsapp" { "0.0050" } else { ["0.0075", "0.0150"][segments - 1] };
        ensure!(told["cost"] == price, "{message}: {told}");
    }
    let messages = doors.twilio("Messages.json");
    for (value, status, kept) in
        [("True", 201, plain), ("true", 201, plain), ("FALSE", 201, written), ("", 201, written)]
    {
        let form = [("To", BRITISH), ("Body", written), ("SmartEncoded", value)];
        let (found, told) = doors.form(&messages, &form).await?;
        ensure!(found == status && told["body"] == kept, "{value}: {found} {told}");
    }
    let form = [("To", TO), ("Body", written), ("SmartEncoded", "maybe")];
    let (status, told) = doors.form(&messages, &form).await?;
    ensure!(status == 400 && told["code"] == 20001 && said(&told).contains("SmartEncoded must be"), "{status} {told}");
    // it is sent as it is stored
    let mut sent = until("four texts at the carrier", async || {
        let sent = doors.carrier.messages(Some(BRITISH)).await?;
        Ok((sent.len() == 4).then_some(sent))
    })
    .await?;
    sent.sort_by_key(|message| message.seq);
    assert_eq!(sent.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), [plain, plain, written, written]);
    let command = ["message", "send", TO, written, "--smart-encoded", "--json"];
    let told: Value = serde_json::from_str(&doors.command(&command).await?.well()?)?;
    ensure!(told["body"] == plain, "{told}");
    Ok(())
}

on_both_engines!(
    what_is_no_text_is_refused_with_its_field_and_place,
    a_text_is_as_long_as_its_channel_and_its_account_take,
    look_alikes_are_replaced_where_that_saves,
);
in_foreign_sessions!(what_is_no_text_is_refused_with_its_field_and_place);
