//! Texts, and what else clients write, at every door: one server, each row a request.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::client;
use crate::events::{text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{ADMIN, Builder, Carrier, Layout, Result, Server};
use crate::messages::number;
use crate::on_both_engines;
use crate::operations::command::run;

const TO: &str = "+14155550100";
/// It is sent by an account at the carrier; all else at the loopback.
const BRITISH: &str = "+447700900123";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A server whose doors a client knows.
pub struct Doors {
    pub server: Server,
    _carrier: Carrier,
    client: super::Client,
}

impl Doors {
    pub async fn open(layout: Layout) -> Result<Self> {
        let carrier = Carrier::start().await?;
        let builder = Builder::new(layout).await?.set("provider.twilio_base_url", carrier.url());
        let server = builder.start().await?;
        let all = json!({"capabilities": ["sms", "mms", "voice", "whatsapp"]});
        let loopback = super::loopback(&server).await?;
        number(&server, &loopback, "+15005550006", all.clone()).await?;
        let credentials = json!({"account_sid": ACCOUNT, "auth_token": TOKEN});
        let twilio = json!({"provider": "twilio", "credentials": credentials, "check": false, "any_sender": true});
        let twilio = text(&well(&server, "POST", "/v1/accounts", Some(twilio)).await?["id"])?;
        number(&server, &twilio, "+15005550007", all).await?;
        let rule = json!({"priority": 1, "pattern": r"\+44", "account_id": twilio});
        well(&server, "POST", "/v1/routes", Some(rule)).await?;
        let client = client(&server, "1000").await?;
        Ok(Self { server, _carrier: carrier, client })
    }

    pub fn twilio(&self, below: &str) -> String {
        format!("/2010-04-01/Accounts/{}/{below}", self.client.sid)
    }

    /// Posts bytes as they are, as the client.
    pub async fn post(&self, path: &str, media: &str, body: &[u8]) -> Result<(u16, Value)> {
        let request = self.server.http.post(self.server.url(path)).header("content-type", media).body(body.to_vec());
        self.ask(request).await
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<(u16, Value)> {
        let response = request.basic_auth(&self.client.sid, Some(&self.client.token)).send().await?;
        let status = response.status().as_u16();
        let said = response.text().await?;
        Ok((status, serde_json::from_str(&said).context(said)?))
    }

    pub async fn get(&self, path: &str) -> Result<(u16, Value)> {
        self.ask(self.server.http.get(self.server.url(path))).await
    }

    pub async fn json(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        self.post(path, JSON, body.to_string().as_bytes()).await
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<(u16, Value)> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post(path, FORM, body.as_bytes()).await
    }

    /// How many messages there are, of any kind.
    async fn stored(&self) -> Result<String> {
        Ok(self.server.rows("SELECT COUNT(*) FROM sb_message").await?.concat().concat())
    }
}

/// What a refusal says, whatever its form.
pub fn said(answer: &Value) -> String {
    ["detail", "error", "message"].iter().filter_map(|name| answer[name].as_str()).collect()
}

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
        ("/v1/pools", JSON, br#"{"name": "ab\ud800"}"#, "name", half),
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
    let said = run(doors.server.builder(), &["message", "send", TO, &"x".repeat(1601)]).await?.refusal()?;
    ensure!(said.contains("at most 1600 UTF-16 units"), "{said}");
    Ok(())
}

on_both_engines!(
    what_is_no_text_is_refused_with_its_field_and_place,
    a_text_is_as_long_as_its_channel_and_its_account_take,
);
