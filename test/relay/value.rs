//! URLs and times at every door, as clients write them.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::{parse_time, rfc3339};

use super::doors::{BRITISH, Doors, FORM, JSON, TO, said};
use crate::events::text;
use crate::harness::{Layout, Result, until};
use crate::on_both_engines;

/// A request: the field that it is about, its path, and its body as JSON or as a form.
type Asked = (&'static str, String, Option<Value>, Vec<(&'static str, String)>);

/// Each way to give a URL: where it is given, and the request.
fn with_url(doors: &Doors, url: &str) -> Vec<Asked> {
    let (messages, calls) = (doors.twilio("Messages.json"), doors.twilio("Calls.json"));
    let native = |path: &str, body: Value| (path.to_owned(), Some(body), Vec::new());
    let form = |path: &str, name: &'static str, more: [(&'static str, &str); 2]| {
        let more = more.map(|(name, value)| (name, value.to_owned()));
        (path.to_owned(), None, [more.to_vec(), vec![(name, url.to_owned())]].concat())
    };
    let all = [
        ("media_urls", native("/v1/messages", json!({"to": TO, "media_urls": [url]}))),
        ("callback_url", native("/v1/messages", json!({"to": TO, "body": "x", "callback_url": url}))),
        ("url", native("/v1/calls", json!({"to": TO, "url": url}))),
        ("callback_url", native("/v1/calls", json!({"to": TO, "twiml": "<Response/>", "callback_url": url}))),
        ("MediaUrl", native("/relay/sms", json!({"To": TO, "Body": "x", "MediaUrl": [url]}))),
        ("StatusCallback", native("/relay/api/sms", json!({"To": TO, "Body": "x", "StatusCallback": url}))),
        ("Url", native("/relay/api/call", json!({"To": TO, "Url": url}))),
        ("MediaUrl", form(&messages, "MediaUrl", [("To", BRITISH), ("Body", "x")])),
        ("StatusCallback", form(&messages, "StatusCallback", [("To", TO), ("Body", "x")])),
        ("Url", form(&calls, "Url", [("To", TO), ("Timeout", "30")])),
        ("FallbackUrl", form(&calls, "FallbackUrl", [("To", TO), ("Url", "https://example.com/")])),
    ];
    all.into_iter().map(|(field, (path, body, form))| (field, path, body, form)).collect()
}

async fn ask(doors: &Doors, path: &str, body: Option<&Value>, form: &[(&str, String)]) -> Result<(u16, Value)> {
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    match body {
        Some(body) => doors.json(path, body).await,
        None => doors.form(path, &form).await,
    }
}

async fn urls_are_kept_and_sent_as_they_go_over_the_wire(layout: Layout) -> Result {
    let doors = Doors::open(layout).await?;
    for (url, normal) in [
        ("https://example.com/a b.png", "https://example.com/a%20b.png"),
        ("https://b\u{fc}cher.example/\u{e9}?q=\u{fc} x", "https://xn--bcher-kva.example/%C3%A9?q=%C3%BC%20x"),
        ("HTTPS://Example.COM:443/%C3%a9", "https://example.com/%C3%a9"),
        (" https://example.com/\u{1f600}\n", "https://example.com/%F0%9F%98%80"),
    ] {
        for (field, path, body, form) in with_url(&doors, url) {
            let (status, answer) = ask(&doors, &path, body.as_ref(), &form).await?;
            ensure!(status < 300, "{path} {field}={url:?}: {status} {answer}");
            let newest = doors.server.rows("SELECT extra FROM sb_message ORDER BY id DESC LIMIT 1").await?.concat();
            ensure!(newest.concat().contains(&format!("\"{normal}\"")), "{path} {field}={url:?}: {newest:?}");
        }
        let media = until("the picture's URL", async || {
            let sent = doors.carrier.messages(Some(BRITISH)).await?;
            Ok(sent.into_iter().flat_map(|message| message.media_urls).find(|url| url == normal))
        });
        media.await?;
        let (status, made) = doors.json("/v1/endpoints", &json!({"url": url, "event_types": ["*"]})).await?;
        ensure!(status == 201 && made["url"] == normal, "{url}: {status} {made}");
        let path = format!("/v1/endpoints/{}", text(&made["id"])?);
        let request = doors.server.http.patch(doors.server.url(&path)).json(&json!({"url": format!("{url}#x")}));
        let (status, changed) = doors.ask(request).await?;
        ensure!(status == 200 && changed["url"] == normal, "{url}: {status} {changed}");
    }
    Ok(())
}

async fn what_is_no_url_is_told_which_part_is_wrong(layout: Layout) -> Result {
    let doors = Doors::open(layout).await?;
    let (long, wide) = (format!("https://example.com/{}", "a".repeat(2048)), "\u{e9}".repeat(400));
    let wide = format!("https://example.com/{wide}");
    for (url, part) in [
        ("example.com/a.png", "must be a whole URL"),
        ("//example.com/a.png", "must be a whole URL"),
        ("ftp://example.com/a", "must begin with https:// or http://, not with ftp:"),
        ("javascript:alert(1)", "not with javascript:"),
        ("https://exa mple.com/", "must have a host"),
        ("https://", "must have a host"),
        ("https://[::1/", "must have a host"),
        ("https://example.com:99999/", "must have a port"),
        (&long, "must be at most 2048 characters long"),
        (&wide, "must be at most 2048 characters long, and is 2420"),
    ] {
        for (field, path, body, form) in with_url(&doors, url) {
            let (status, answer) = ask(&doors, &path, body.as_ref(), &form).await?;
            ensure!(status == 400 && said(&answer).contains(part), "{path} {field}={url}: {status} {answer}");
            let is_named = said(&answer).to_lowercase().contains(&field.to_lowercase());
            ensure!(is_named, "{path} {field}={url} is not named: {answer}");
            ensure!(!path.starts_with("/v1") || answer["field"] == field, "{path} {field}={url}: {answer}");
            let code = match (path.starts_with("/2010"), field) {
                (true, "MediaUrl") => json!(21620),
                (true, "StatusCallback") => json!(21609),
                (true, "Url") => json!(21205),
                (true, _) => json!(20001),
                (false, _) => Value::Null,
            };
            assert_eq!(answer["code"], code, "{path} {field}={url}");
        }
        let (status, answer) = doors.json("/v1/endpoints", &json!({"url": url, "event_types": ["*"]})).await?;
        ensure!(status == 400 && answer["field"] == "url" && said(&answer).contains(part), "{url}: {status} {answer}");
    }
    let several = json!({"to": TO, "media_urls": ["https://example.com/a", "ftp://example.com/b"]});
    let (_, answer) = doors.json("/v1/messages", &several).await?;
    ensure!(said(&answer).contains("URL 2 must begin"), "{answer}");
    assert_eq!(doors.stored().await?, "0");
    Ok(())
}

/// Two days from now, to the minute, in the ways that clients write it.
fn ways() -> Result<(i64, Vec<String>)> {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let at_ms = (now_ms + 2 * 86_400_000).div_euclid(60_000) * 60_000;
    let minute = |at_ms: i64| rfc3339(at_ms)[..16].to_owned();
    let (utc, paris) = (minute(at_ms), minute(at_ms + 3_600_000));
    let basic = format!("{}00Z", utc.replace(['-', ':'], ""));
    let ways =
        ["Z", "z", ":00Z", ":00.000Z", ":00,5Z", ":00.1234567Z", "+00:00", "+0000", "+00", ":00-00:00", ":00 UTC"];
    let mut ways: Vec<String> = ways.into_iter().map(|rest| format!("{utc}{rest}")).collect();
    ways.extend(
        ["+01:00", ":00+0100", "+01", " 01:00", ":00 0100", ":00+01:00[Europe/Paris]"]
            .map(|rest| format!("{paris}{rest}")),
    );
    ways.extend([utc.to_lowercase() + ":00z", utc.replace('T', " ") + ":00Z", basic]);
    Ok((at_ms.div_euclid(1000), ways))
}

async fn times_are_read_as_clients_write_them(layout: Layout) -> Result {
    let doors = Doors::open(layout).await?;
    let (at, ways) = ways()?;
    let messages = doors.twilio("Messages.json");
    let newest = async || -> Result<i64> {
        let newest = doors.get("/v1/messages?limit=1").await?.1;
        let at = text(&newest["data"][0]["send_at"]).context(newest.to_string())?;
        Ok(parse_time(&at).context(at)?.div_euclid(1000))
    };
    for way in &ways {
        let (status, answer) = doors.json("/v1/messages", &json!({"to": TO, "body": "x", "send_at": way})).await?;
        ensure!(status == 202, "{way}: {status} {answer}");
        assert_eq!(newest().await?, at, "{way}");
        // as it is: its plus arrives as a blank
        let form = format!("To=%2B14155550100&Body=x&ScheduleType=fixed&SendAt={way}");
        let (status, answer) = doors.post(&messages, FORM, form.as_bytes()).await?;
        ensure!(status == 201, "{way}: {status} {answer}");
        assert_eq!(newest().await?, at, "{way}");
        let asked = way.replace(' ', "+");
        let (status, answer) = doors.get(&format!("/v1/messages?limit=1&created_before={asked}")).await?;
        ensure!(status == 200 && answer["data"] != json!([]), "{way}: {status} {answer}");
        let (status, answer) = doors.get(&format!("{messages}?PageSize=1&DateSent%3C={asked}")).await?;
        ensure!(status == 200 && answer["messages"] != json!([]), "{way}: {status} {answer}");
    }
    let said_at = &ways[6];
    doors.command(&["message", "send", TO, "x", "--at", said_at]).await?.well()?;
    doors.command(&["message", "list", "--since", "2026-01-31", "--before", said_at]).await?.well()?;
    Ok(())
}

async fn what_is_no_time_is_told_what_is_one(layout: Layout) -> Result {
    let doors = Doors::open(layout).await?;
    let messages = doors.twilio("Messages.json");
    let (time, day) = ("must be an RFC 3339 time, such as 2030-01-31T09:00:00Z", "or a day, such as");
    for wrong in ["tomorrow", "1893488400", "2030-01-31T09:00:00", "2030-01-31T25:00:00Z", "31/01/2030 09:00Z"] {
        let (status, answer) = doors.json("/v1/messages", &json!({"to": TO, "body": "x", "send_at": wrong})).await?;
        ensure!(status == 400 && answer["field"] == "send_at" && said(&answer).contains(time), "{status} {answer}");
        let form = [("To", TO), ("Body", "x"), ("ScheduleType", "fixed"), ("SendAt", wrong)];
        let (status, answer) = doors.form(&messages, &form).await?;
        ensure!(status == 400 && answer["code"] == 35114 && said(&answer).contains(time), "{status} {answer}");
        for path in ["/v1/messages?created_from=", "/v1/calls?created_before="] {
            let (status, answer) = doors.get(&format!("{path}{}", wrong.replace(' ', "%20"))).await?;
            ensure!(status == 400 && said(&answer).contains(day), "{path}{wrong}: {status} {answer}");
        }
        let said = doors.command(&["message", "send", TO, "x", "--at", wrong]).await?.refusal()?;
        ensure!(said.contains(time), "{said}");
    }
    // a day is no time to send at, and a good one to look from
    let (status, answer) = doors.json("/v1/messages", &json!({"to": TO, "body": "x", "send_at": "2030-01-31"})).await?;
    ensure!(status == 400 && said(&answer).contains(time), "{status} {answer}");
    for path in ["/v1/messages?created_from=2026-01-31", "/v1/calls?created_before=20260131"] {
        let (status, answer) = doors.get(path).await?;
        ensure!(status == 200, "{path}: {status} {answer}");
    }
    Ok(())
}

on_both_engines!(
    urls_are_kept_and_sent_as_they_go_over_the_wire,
    what_is_no_url_is_told_which_part_is_wrong,
    times_are_read_as_clients_write_them,
    what_is_no_time_is_told_what_is_one,
);

/// Posted under one name: the second is a repeat, the third another request.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_the_same_however_its_urls_are_written() -> Result {
    let doors = Doors::open(Layout::SqliteShared).await?;
    let native = |media: &str, callback: &str| {
        let asked = json!({"to": TO, "media_urls": [media], "callback_url": callback});
        ("/v1/messages".to_owned(), JSON, asked.to_string())
    };
    let call = |url: &str, events: &str| {
        let form = format!("To=%2B14155550100&StatusCallback=https://a.example/&Url={url}&{events}");
        (doors.twilio("Calls.json"), FORM, form)
    };
    let (both, one) = ("StatusCallbackEvent=initiated&StatusCallbackEvent=answered", "StatusCallbackEvent=answered");
    for [first, same, other] in [
        [
            native("https://a.example/a b", "https://a.example"),
            native("https://A.example:443/a%20b", "https://a.example/"),
            native("https://a.example/a+b", "https://a.example/"),
        ],
        [
            call("https://a.example/a%20b", both),
            call("https://a.example/./a%2520b", "StatusCallbackEvent=answered+initiated"),
            call("https://a.example/a%20b", one),
        ],
    ] {
        let post = |(path, media, body): (String, &str, String)| {
            let request = doors.server.http.post(doors.server.url(&path)).header("idempotency-key", "u");
            doors.ask(request.header("content-type", media).body(body))
        };
        let (status, sent) = post(first).await?;
        ensure!(status < 300, "{status} {sent}");
        let again = post(same).await?;
        ensure!(again == (status, sent), "{again:?}");
        let (status, refused) = post(other).await?;
        ensure!(status == 409, "{status} {refused}");
    }
    Ok(())
}
