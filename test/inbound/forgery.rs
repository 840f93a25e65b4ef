//! Webhooks that nobody has signed: they cost little, count as guesses, and keep nothing that is proved from being taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::play::{
    FLOWROUTE_TOKEN, OURS, PERSON, builder, flowroute, form, number, post_json, post_twilio, received, settled, twilio,
};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Layout, Result, Server, until};
use crate::on_both_engines;

const SMS: &str = "/webhooks/twilio/sms";
/// What could be a signature.
const SHAPED: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// What is let pass for a slow machine.
const QUICK: Duration = Duration::from_millis(20);
/// Connections of whoever floods, and how often each of them posts.
const FLOODERS: usize = 20;
const EVERY: Duration = Duration::from_millis(20);
/// Texts that come meanwhile, and how long each may take on a busy machine.
const TEXTS: usize = 60;
const PATIENT: Duration = Duration::from_secs(10);

async fn forged_posts_are_guesses_and_proved_ones_are_taken(layout: Layout) -> Result {
    let server = builder(layout).await?.set("http.requests_per_address", 5).start().await?;
    let account = twilio(&server).await?;
    flowroute(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    let text = async |n: usize, token: &str| {
        post_twilio(&server, SMS, &form(&format!("SM{n}"), &format!("text {n}")), token).await
    };
    let path = |token: &str| format!("/webhooks/flowroute/{token}/sms");
    let flow = json!({"to": &OURS[1..], "from": &PERSON[1..], "body": "hello", "id": "mdr1-1"});
    let many = async || {
        let post = server.http.post(server.url(SMS)).header("X-Twilio-Signature", SHAPED).body("a&".repeat(300));
        anyhow::Ok(post.send().await?.status())
    };
    // what nobody has signed counts, or what was cut from what somebody has
    assert_eq!(text(1, "guess").await?.0, 403);
    assert_eq!(post_json(&server, &path("another-path-segment"), &flow).await?, 403);
    assert_eq!(many().await?, 400);
    let misnamed = [&form("SM1", "hello")[..], &[("SmsSid", "SM2")]].concat();
    assert_eq!(post_twilio(&server, SMS, &misnamed, TOKEN).await?.0, 400);
    // what is right does not, nor what is their own and odd
    let odd = json!({"to": &OURS[1..], "body": "from nobody"});
    for n in 1..20 {
        assert_eq!(post_twilio(&server, SMS, &[("AccountSid", ACCOUNT), ("From", PERSON)], TOKEN).await?.0, 400);
        assert_eq!(post_json(&server, &path(FLOWROUTE_TOKEN), &odd).await?, 400);
        assert_eq!(text(n, TOKEN).await?.0, 200);
    }
    // without a signature nothing is looked at
    assert_eq!(server.post(SMS, "a&".repeat(300)).await?.0, 403);
    let spent = async || Ok((text(1, "guess").await?.0 == 429).then_some(()));
    until("the end of what one address may guess", spent).await?;
    let forged = server.http.post(server.url(SMS)).header("X-Twilio-Signature", "guess").body("AccountSid=x").send();
    let forged = forged.await?;
    ensure!(forged.status() == 429 && forged.headers().contains_key("retry-after"), "{forged:?}");
    assert_eq!(post_json(&server, &path("another-path-segment"), &flow).await?, 429);
    // a wrong key is a guess like these
    let key = server.http.get(server.url("/v1/messages")).bearer_auth("wrong").send().await?;
    assert_eq!(key.status(), 429);
    // what is too much to be looked at says so, however often
    assert_eq!(many().await?, 400);
    for n in 20..40 {
        assert_eq!(text(n, TOKEN).await?.0, 200, "{n}");
        // one more a while later
        ensure!(matches!(text(n, "guess").await?.0, 403 | 429));
    }
    assert_eq!(post_json(&server, &path(FLOWROUTE_TOKEN), &flow).await?, 200);
    settled(&server).await?;
    assert_eq!(server.rows("SELECT id FROM sb_inbound").await?.len(), 40);
    Ok(())
}

on_both_engines!(forged_posts_are_guesses_and_proved_ones_are_taken);

/// Posts that nobody has signed, as bytes. A third are dear: of many tiny fields, of few large ones, of JSON.
fn forgeries() -> Vec<Vec<u8>> {
    let start = format!("AccountSid={ACCOUNT}&MessageSid=SM{:032x}&From=%2B1&To=%2B2", 7);
    let small = format!("{start}&Body=hello");
    let tiny: Vec<String> = (0..60_000 / 7).map(|n| format!("&{n:05}=")).collect();
    let large: Vec<String> = (0..200).map(|n| format!("&Field{n}={}", "x".repeat(300))).collect();
    let nested = format!("{{\"AccountSid\":\"{ACCOUNT}\",\"x\":[{}0]}}", "0,".repeat(30_000));
    let digest = switchboard::crypto::hash::sha256_hex(nested.as_bytes());
    let post = |query: &str, body: String| {
        let head = format!(
            "POST {SMS}{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\n\
             X-Twilio-Signature: {SHAPED}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body.into_bytes()].concat()
    };
    let small = post("?a=%20b&c", small);
    let dear = [
        post("", format!("{start}{}", tiny.concat())),
        post("?a=%20b&c", format!("{start}{}", large.concat())),
        post(&format!("?bodySHA256={digest}"), nested),
    ];
    dear.into_iter().flat_map(|dear| [small.clone(), small.clone(), dear]).collect()
}

/// Posts on one connection, one after the other, until it is told to stop.
async fn flood(port: u16, posts: Arc<Vec<Vec<u8>>>, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> Result {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut pace = tokio::time::interval(EVERY);
    let mut buffer = vec![0; 4096];
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let nth = count.fetch_add(1, Ordering::Relaxed);
        stream.write_all(&posts[nth % posts.len()]).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"}\n") {
            let read = stream.read(&mut buffer).await?;
            ensure!(read > 0, "the connection was closed");
            answer.extend_from_slice(&buffer[..read]);
        }
        let status = answer.get(9..12).unwrap_or_default();
        ensure!([&b"403"[..], b"429", b"400"].contains(&status), "{}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

/// Texts one after the other; how long the slowest took.
async fn write(server: &Server) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    for n in 0..TEXTS {
        let (sid, body, begun) = (format!("SM{n}"), format!("text {n:02}"), Instant::now());
        let (status, answer) = post_twilio(server, SMS, &form(&sid, &body), TOKEN).await?;
        ensure!(status == 200, "{status} {answer}");
        longest = longest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(longest)
}

/// The middle of how long `/healthz` takes, asked until it is enough.
async fn median(server: &Server, is_enough: impl Fn() -> bool) -> Result<Duration> {
    let mut took = Vec::new();
    while took.len() < 50 || !is_enough() {
        let begun = Instant::now();
        ensure!(server.http.get(server.url("/healthz")).send().await?.status() == 200);
        took.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    took.sort_unstable();
    took.get(took.len() / 2).copied().context("nothing was asked")
}

/// From the very address from which the real ones come.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forged_posts_costs_the_real_ones_nothing() -> Result {
    let builder = builder(Layout::SqliteShared).await?.set("http.requests_per_address", 60).set("log.level", "error");
    let server = builder.start().await?;
    let account = twilio(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    let idle = median(&server, || true).await?;
    let (posts, stop, count) = (Arc::new(forgeries()), Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let flooders: Vec<_> =
        (0..FLOODERS).map(|_| tokio::spawn(flood(server.port, posts.clone(), stop.clone(), count.clone()))).collect();
    let begun = Instant::now();
    let texts = async {
        let written = write(&server).await;
        stop.store(true, Ordering::Relaxed);
        written
    };
    let (longest, flooded) = tokio::join!(texts, median(&server, || stop.load(Ordering::Relaxed)));
    let (longest, flooded, count, took) = (longest?, flooded?, count.load(Ordering::Relaxed), begun.elapsed());
    for flooder in flooders {
        flooder.await??;
    }
    println!(
        "{count} forged in {took:.1?}; /healthz {idle:?} idle, {flooded:?} beside them; a text at most {longest:?}"
    );
    ensure!(count > 1000, "only {count} were posted");
    ensure!(flooded <= (idle * 2).max(QUICK), "{idle:?} idle, {flooded:?} beside them");
    ensure!(longest <= PATIENT, "a text took {longest:?}");
    settled(&server).await?;
    let bodies: Vec<_> = received(&server).await?.into_iter().map(|mut row| row.remove(2)).collect();
    assert_eq!(bodies, (0..TEXTS).map(|n| format!("text {n:02}")).collect::<Vec<_>>());
    Ok(())
}
