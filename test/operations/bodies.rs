//! `http.bodies_memory`: what bodies may hold until they are answered, all together and those of one address.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use super::hoarder::stranger;
use super::wire::{Answer, Wire};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{ADMIN, Builder, LONG, Layout, Result, Server, until};
use crate::inbound::play;

const SESSION: &str = "/v2/sync/users/111/sessions/0123456789abcdef0123456789abcdef/";
/// What a half-sent body promises.
const PROMISED: usize = 65_000;

async fn server(memory: &str) -> Result<Server> {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.bodies_memory", memory);
    builder.set("http.body_timeout", "5m").start().await
}

/// A body of which so much comes, from an address of this machine.
async fn half_sent(server: &Server, from: [u8; 4], sent: usize) -> Result<Wire> {
    let mut stream = stranger(server, from).await?;
    let head = format!("POST {SESSION} HTTP/1.1\r\nHost: test\r\nContent-Length: {PROMISED}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    // it may be refused before all of it was sent
    let _ = stream.write_all(&vec![b' '; sent]).await;
    Ok(Wire::over(stream))
}

/// What a whole one of this length is answered.
async fn post(server: &Server, from: [u8; 4], length: usize) -> Result<Answer> {
    let mut wire = Wire::over(stranger(server, from).await?);
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    wire.send(&format!("POST {SESSION} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}")).await?;
    wire.answer().await
}

/// It was read to its end.
fn is_taken(answer: &Answer) -> bool {
    answer.status == 400 && answer.body == "missing password"
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (503, "too many bodies are under way; try again"));
    assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("2"), Some("close")), "{answer:?}");
}

const HERE: [u8; 4] = [127, 0, 0, 1];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_promised_is_not_counted() -> Result {
    let server = server("67108864").await?;
    let mut held = Vec::new();
    // 130 MB, by their word
    for _ in 0..2000 {
        held.push(half_sent(&server, HERE, 1).await?);
    }
    let answer = post(&server, HERE, 20_000).await?;
    assert!(is_taken(&answer), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_holds_an_eighth_and_all_together_the_whole() -> Result {
    // the least that there may be: an eighth holds one of the longest
    let server = server("524288").await?;
    let address = |n: u8| [127, 0, 0, n];
    // what is asked too early takes the room itself: then once more
    let fill = async |from| {
        let filled = until("a full address", async || {
            let half = half_sent(&server, from, PROMISED - 1).await?;
            let answer = post(&server, from, 20_000).await?;
            ensure!(answer.status == 503 || is_taken(&answer), "{answer:?}");
            anyhow::Ok((answer.status == 503).then_some((half, answer)))
        });
        let (half, answer) = filled.await?;
        assert_refused(&answer);
        anyhow::Ok(half)
    };
    let mut held = vec![fill(address(1)).await?];
    for n in 2..=8 {
        let answer = post(&server, address(n), 20_000).await?;
        assert!(is_taken(&answer), "{n}: {answer:?}");
        held.push(fill(address(n)).await?);
    }
    // the last of them may not have been read to its end
    let refusal = async || Ok(Some(post(&server, address(9), 20_000).await?).filter(|answer| !is_taken(answer)));
    assert_refused(&until("no room for anybody", refusal).await?);
    // short ones are not counted
    for n in [1, 9] {
        let answer = post(&server, address(n), 8192).await?;
        assert!(is_taken(&answer), "{answer:?}");
    }
    drop(held);
    let taken = async || Ok(is_taken(&post(&server, address(9), 20_000).await?).then_some(()));
    until("room again", taken).await
}

/// Sends a whole body, and does not wait for the answer.
async fn whole(server: &Server, path: &str, body: &str) -> Result<Wire> {
    sent(server, path, "X-Twilio-Signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA=", body).await
}

/// The same with another header.
async fn sent(server: &Server, path: &str, header: &str, body: &str) -> Result<Wire> {
    let mut wire = Wire::over(stranger(server, HERE).await?);
    let head = format!("POST {path} HTTP/1.1\r\nHost: test\r\n{header}");
    // it may be refused before all of it was sent
    let _ = wire.send(&format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    Ok(wire)
}

/// A form of 62 KB that nobody has signed.
fn forged() -> String {
    let large: Vec<String> = (0..200).map(|n| format!("&Field{n}={}", "x".repeat(300))).collect();
    format!("AccountSid={ACCOUNT}&MessageSid=SM{:032x}&From=%2B1&To=%2B2{}", 7, large.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_body_counts_until_it_is_answered() -> Result {
    // an eighth holds two of the longest
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.bodies_memory", "1048576");
    let server = builder.set("sync.sms_refusal_delay", "5s").start().await?;
    // both are held for five seconds: where a busy machine lets these pass, it begins again
    let third = async || {
        let mut waiting = Vec::new();
        for _ in 0..2 {
            waiting.push(whole(&server, "/sms/platform/twilio", &forged()).await?);
        }
        for _ in 0..20 {
            let answer = post(&server, HERE, 20_000).await?;
            if answer.status == 503 {
                return Ok(Some((waiting, answer)));
            }
            ensure!(is_taken(&answer), "{answer:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // they are given back before it begins again
        for mut wire in waiting {
            wire.answer().await?;
        }
        anyhow::Ok(None)
    };
    let (waiting, answer) = until("a full address", third).await?;
    assert_refused(&answer);
    let answer = post(&server, HERE, 8192).await?;
    assert!(is_taken(&answer), "{answer:?}");
    for mut wire in waiting {
        assert_eq!(wire.answer().await?.status, 400);
    }
    let answer = post(&server, HERE, 20_000).await?;
    assert!(is_taken(&answer), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_read_counts_until_it_is_answered() -> Result {
    // it takes connections, and says nothing until it is gone
    let carrier = TcpListener::bind("127.0.0.1:0").await?;
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.bodies_memory", "1048576");
    let server = builder.set("provider.twilio_base_url", format!("http://{}", carrier.local_addr()?)).start().await?;
    let account = json!({"provider": "twilio", "credentials": {"account_sid": ACCOUNT, "auth_token": TOKEN}});
    let (account, header) = (account.to_string(), format!("Authorization: Bearer {ADMIN}"));
    let mut waiting = Vec::new();
    for _ in 0..2 {
        waiting.push(sent(&server, "/v1/accounts", &header, &format!("{account:62000}")).await?);
    }
    let is_full = async || Ok((post(&server, HERE, 20_000).await?.status == 503).then_some(()));
    until("a full address", is_full).await?;
    drop(carrier);
    for mut wire in waiting {
        let answer = wire.answer().await?;
        ensure!(answer.status >= 400 && answer.body.contains("credentials"), "{answer:?}");
    }
    let answer = post(&server, HERE, 20_000).await?;
    ensure!(is_taken(&answer), "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_webhooks_that_wait_for_their_turn_are_counted() -> Result {
    let builder = play::builder(Layout::SqliteShared).await?.set("http.bodies_memory", "1048576");
    let server = builder.set("http.requests_per_address", 5).set("log.level", "error").start().await?;
    let account = play::twilio(&server).await?;
    play::number(&server, &account, play::OURS, json!({})).await?;
    let (path, body) = ("/webhooks/twilio/sms", forged());
    let mut waiting = Vec::new();
    for _ in 0..400 {
        waiting.push(whole(&server, path, &body).await?);
    }
    // from the same address
    for n in 0..20 {
        let (sid, text) = (format!("SM{n}"), format!("text {n}"));
        let (status, answer) = play::post_twilio(&server, path, &play::form(&sid, &text), TOKEN).await?;
        ensure!(status == 200, "{status} {answer}");
    }
    let mut refused = 0;
    for mut wire in waiting {
        let answer = wire.answer().await?;
        ensure!([403, 429, 503].contains(&answer.status), "{answer:?}");
        ensure!(answer.status != 503 || answer.header("retry-after") == Some("2"), "{answer:?}");
        refused += usize::from(answer.status == 503);
    }
    println!("{refused} of 400 found their address's eighth taken");
    ensure!(refused > 0, "each was held");
    let answer = whole(&server, path, &body).await?.answer().await?;
    ensure!([403, 429].contains(&answer.status), "not given back: {answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_too_late_or_in_chunks_is_given_back() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.bodies_memory", "524288");
    let server = builder.set("http.body_timeout", "1s").start().await?;
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(60_000));
    let head = format!("POST {SESSION} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
    for _ in 0..3 {
        // each time all that an address may hold
        let mut late = half_sent(&server, HERE, PROMISED - 1).await?;
        assert_eq!(late.answer().await?.status, 408);
        let mut chunked = Wire::over(stranger(&server, HERE).await?);
        let chunks = [chunk(&body[..20_000]), chunk(&body[20_000..]), chunk("")].concat();
        chunked.send(&format!("{head}{chunks}")).await?;
        let answer = chunked.answer().await?;
        assert!(is_taken(&answer), "{answer:?}");
    }
    let mut broken = Wire::over(stranger(&server, HERE).await?);
    broken.send(&format!("{head}{}", chunk(&body[..40_000]))).await?;
    drop(broken);
    let taken = async || Ok(is_taken(&post(&server, HERE, 60_000).await?).then_some(()));
    until("room again", taken).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_sent_bodies_hold_no_more() -> Result {
    let server = server("524288").await?;
    let before = resident_kib(&server)?;
    let (refused, mut answers) = mpsc::channel(1000);
    // so many are unanswered at most: what counts is what stays, not how many a busy machine has yet to read
    let places = Arc::new(Semaphore::new(50));
    for _ in 0..1000 {
        let place = tokio::time::timeout(LONG, places.clone().acquire_owned()).await??;
        let (mut wire, refused) = (half_sent(&server, HERE, PROMISED - 1).await?, refused.clone());
        tokio::spawn(async move {
            if let Ok(answer) = wire.answer().await {
                // who is refused is heard out for a while: that is a connection's cost, and no body's
                drop(wire);
                drop(place);
                let _ = refused.send(answer.status).await;
                return;
            }
            // what is not refused is held until the test ends
            tokio::time::sleep(LONG).await;
        });
    }
    for _ in 0..999 {
        assert_eq!(tokio::time::timeout(LONG, answers.recv()).await?, Some(503));
    }
    let grown = resident_kib(&server)? - before;
    println!("1,000 half-sent bodies: {grown} KiB");
    assert!(grown < 32 * 1024, "{grown} KiB");
    Ok(())
}

fn resident_kib(server: &Server) -> Result<i64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse()?)
}
