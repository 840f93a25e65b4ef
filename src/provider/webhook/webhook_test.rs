//! Deliveries to a server of ours, and to places that must not be reached.

use std::time::Instant;

use super::*;
use crate::provider::mock::{Act, Mock, Result, install_tls, reply};

fn webhooks(allow: &[&str]) -> Result<WebhookClient> {
    install_tls();
    let allow = PrivateAddressExceptions::parse(&allow.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())?;
    Ok(WebhookClient::new(&Settings { allow, timeout: DurationSetting::from_millis(800) })?)
}

fn event() -> SignedEvent {
    SignedEvent {
        id: "msg_1".into(),
        timestamp_secs: 1_700_000_000,
        signature: "v1,abc v1,def".into(),
        body: Bytes::from_static(b"{\"type\":\"message.delivered\"}"),
    }
}

#[tokio::test]
async fn an_event_is_posted_as_the_standard_says() -> Result {
    let mock = Mock::start(vec![reply("204 No Content", "", "")]).await?;
    let webhooks = webhooks(&["127.0.0.0/8"])?;
    let delivery = webhooks.deliver(&format!("{}/hook?x=1#y", mock.url), &event()).await;
    assert_eq!(delivery, WebhookPostOutcome::Delivered { status: 204 });
    let asked = mock.asked().remove(0);
    assert!(asked.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{asked}");
    for header in [
        "content-type: application/json\r\n",
        "webhook-id: msg_1\r\n",
        "webhook-timestamp: 1700000000\r\n",
        "webhook-signature: v1,abc v1,def\r\n",
    ] {
        assert!(asked.contains(header), "{header}: {asked}");
    }
    assert!(asked.ends_with("\r\n\r\n{\"type\":\"message.delivered\"}"), "{asked}");
    Ok(())
}

#[tokio::test]
async fn answers_are_told_apart_by_status_alone() -> Result {
    let webhooks = webhooks(&["127.0.0.1"])?;
    let failed = |status, secs: Option<u64>| WebhookPostOutcome::Failed {
        status: Some(status),
        retry_after: secs.map(Duration::from_secs),
        reason: format!("HTTP {status}"),
    };
    let endless = format!("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n{}", "x".repeat(5_000));
    for (act, expected) in [
        (reply("410 Gone", "", ""), WebhookPostOutcome::Gone),
        (reply("503 Unavailable", "Retry-After: 9\r\n", "later"), failed(503, Some(9))),
        (reply("302 Found", "Location: http://127.0.0.1:1/\r\n", ""), failed(302, None)),
        (reply("404 Not Found", "", &"x".repeat(100_000)), failed(404, None)),
        (Act::Say(endless), WebhookPostOutcome::Delivered { status: 200 }),
    ] {
        let mock = Mock::start(vec![act]).await?;
        assert_eq!(webhooks.deliver(&mock.url, &event()).await, expected);
        assert_eq!(mock.asked().len(), 1);
    }
    for act in [Act::Hang, Act::SayAndClose(String::new())] {
        let mock = Mock::start(vec![act]).await?;
        let delivery = webhooks.deliver(&mock.url, &event()).await;
        assert!(matches!(delivery, WebhookPostOutcome::Failed { status: None, .. }), "{delivery:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called() -> Result {
    let mock = Mock::start(vec![reply("200 OK", "", "")]).await?;
    // the edge refuses `localhost` by its name; the resolver must refuse it by its address
    let guard = GuardedResolver(Arc::new(PrivateAddressExceptions::default()));
    assert!(guard.resolve("localhost".parse()?).await.is_err());
    let guard = GuardedResolver(Arc::new(PrivateAddressExceptions::parse(&["localhost".into()])?));
    assert!(guard.resolve("localhost".parse()?).await.is_ok_and(|found| found.count() > 0));
    let by_name = mock.url.replace("127.0.0.1", "localhost");
    for (url, list, is_good) in [
        (&mock.url, &[][..], false),
        (&mock.url, &["127.0.0.1"], true),
        (&by_name, &["10.0.0.0/8"], false),
        (&by_name, &["localhost"], true),
    ] {
        let delivery = webhooks(list)?.deliver(url, &event()).await;
        assert_eq!(delivery == WebhookPostOutcome::Delivered { status: 200 }, is_good, "{url} {list:?}: {delivery:?}");
    }
    assert_eq!(mock.connections(), 2, "what was refused was not even connected to");
    let delivery = webhooks(&[])?.deliver("http://nobody.invalid/", &event()).await;
    assert!(matches!(delivery, WebhookPostOutcome::Failed { status: None, .. }), "{delivery:?}");
    Ok(())
}

/// The whole way, past the check of the URL: a name whose address is private is refused at connect.
#[tokio::test]
async fn the_resolver_stands_between_a_name_and_the_connection() -> Result {
    let mock = Mock::start(vec![reply("200 OK", "", "")]).await?;
    install_tls();
    let http = reqwest::Client::builder().no_proxy().dns_resolver(GuardedResolver(Arc::default())).build()?;
    let sent = http.get(mock.url.replace("127.0.0.1", "localhost")).send().await;
    let reason = sent.err().map(|error| chain(&error)).unwrap_or_default();
    assert!(reason.contains("no public address"), "{reason}");
    assert_eq!(mock.connections(), 0);
    Ok(())
}

/// What comes of a question, and how often it was asked.
async fn asked(acts: Vec<Act>, within_ms: u64) -> Result<(Option<WebhookResponse>, usize)> {
    let mock = Mock::start(acts).await?;
    let (webhooks, question) = (webhooks(&["127.0.0.0/8"])?, WebhookRequest::Event(event()));
    let answer = webhooks.ask(&format!("{}/hook", mock.url), &question, Duration::from_millis(within_ms)).await;
    Ok((answer.ok(), mock.asked().len()))
}

#[tokio::test]
async fn a_question_is_answered_or_asked_once_more() -> Result {
    let answer =
        |status, body: &'static str| Some(WebhookResponse { status, body: Bytes::from_static(body.as_bytes()) });
    let elsewhere = || reply("302 Found", "Location: http://127.0.0.1:9/\r\n", "");
    for (acts, wanted) in [
        (vec![reply("200 OK", "", "yes")], (answer(200, "yes"), 1)),
        (vec![reply("403 Forbidden", "", "")], (answer(403, ""), 1)),
        (vec![elsewhere()], (answer(302, ""), 1)),
        (vec![reply("500 Oh", "", ""), reply("200 OK", "", "yes")], (answer(200, "yes"), 2)),
        (vec![reply("500 Oh", "", "")], (answer(500, ""), 2)),
        (vec![Act::SayAndClose(String::new()), reply("200 OK", "", "yes")], (answer(200, "yes"), 2)),
        (vec![reply("200 OK", "", &"x".repeat(65 * 1024))], (None, 2)),
    ] {
        assert_eq!(asked(acts, 5_000).await?, wanted);
    }
    let begun = Instant::now();
    assert_eq!(asked(vec![Act::Hang], 300).await?, (None, 1), "its time is over");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let refused = webhooks(&[])?.ask("http://127.0.0.1/", &WebhookRequest::Event(event()), IDLE_FOR).await;
    assert!(refused.is_err_and(|reason| reason.contains("not a public address")));
    Ok(())
}

#[tokio::test]
async fn media_are_fetched_with_a_login_that_stays_at_its_host() -> Result {
    let other = Mock::start(vec![reply("200 OK", "Content-Type: image/png\r\n", "png")]).await?;
    let on = format!("Location: {}/1.png\r\n", other.url);
    let mock = Mock::start(vec![reply("307 Temporary Redirect", &on, "")]).await?;
    let (webhooks, secret) = (webhooks(&["127.0.0.0/8"])?, Secret::new("hush".into()));
    let url = format!("{}/1", mock.url);
    let fetched = webhooks.fetch(&url, Some(("AC1", &secret)), IDLE_FOR).await?;
    assert_eq!((fetched.content_type.as_deref(), &*fetched.body), (Some("image/png"), b"png".as_slice()));
    let has_login = |asked: Vec<String>| asked.iter().any(|one| one.to_lowercase().contains("authorization: basic"));
    assert!(has_login(mock.asked()) && !has_login(other.asked()));
    let wide = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 6 * 1024 * 1024);
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(5 * 1024 * 1024 + 1));
    for (bad, why) in [
        (reply("404 Not Found", "", ""), "HTTP 404"),
        (Act::Say(wide), "it is larger than"),
        (Act::SayAndClose(endless), "it is larger than"),
        (reply("302 Found", "Location: http://10.0.0.1/\r\n", ""), "not a public address"),
        (reply("302 Found", "Location: /\r\n", ""), "again and again"),
        (reply("302 Found", "", ""), "to nowhere"),
    ] {
        let mock = Mock::start(vec![bad]).await?;
        let refused = webhooks.fetch(&mock.url, None, IDLE_FOR).await.err().unwrap_or_default();
        assert!(refused.contains(why), "{refused:?} for {why}");
    }
    Ok(())
}
