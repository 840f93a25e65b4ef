//! Limits on what one client may send: how slowly, how much, how often.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::wire::{Answer, Wire};
use crate::harness::{ADMIN, Builder, LONG, Layout, Result, Server, until};

const SESSION: &str = "/v2/sync/users/111/sessions/0123456789abcdef0123456789abcdef/";

async fn server(settings: &[(&str, &str)]) -> Result<Server> {
    let mut builder = Builder::new(Layout::SqliteShared).await?;
    for (key, value) in settings {
        builder = builder.set(key, value);
    }
    builder.start().await
}

async fn is_up(server: &Server) -> Result {
    let answer = Wire::open(server).await?.get("/healthz").await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

/// Sends a character at a time until the server has had enough.
async fn drip(wire: &mut Wire) -> Result {
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        if wire.send("a").await.is_err() || !wire.is_silent(Duration::from_millis(100)).await {
            return Ok(());
        }
    }
    anyhow::bail!("still taking a slow request after {:?}", begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_is_cut_off() -> Result {
    let server = server(&[("http.header_timeout", "3s")]).await?;
    let mut slow = Wire::open(&server).await?;
    slow.send("GET / HTTP/1.1\r\nHost: test\r\nX-Slow: ").await?;
    drip(&mut slow).await?;
    let said = slow.closed().await?;
    assert!(!said.contains(" 200 "), "{said}");
    is_up(&server).await?;
    // nothing at all is no faster
    let said = Wire::open(&server).await?.closed().await?;
    assert!(!said.contains(" 200 "), "{said}");
    // nor is staying after an answer
    let mut idle = Wire::open(&server).await?;
    assert_eq!(idle.get("/healthz").await?.status, 200);
    idle.closed().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_in_pieces_is_served_while_it_keeps_within_the_time() -> Result {
    let server = server(&[("http.header_timeout", "15s")]).await?;
    let mut wire = Wire::open(&server).await?;
    for piece in ["GE", "T /healthz HTT", "P/1.1\r\nHo", "st: test\r\n", "\r\n"] {
        wire.send(piece).await?;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(wire.answer().await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_is_cut_off() -> Result {
    let server = server(&[("http.body_timeout", "700ms")]).await?;
    for path in [SESSION.to_owned(), format!("{SESSION}handshake")] {
        for is_dripping in [false, true] {
            let mut slow = Wire::open(&server).await?;
            slow.send(&format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n\r\n{{\"a\":\"")).await?;
            if is_dripping {
                drip(&mut slow).await?;
            }
            let answer = slow.answer().await?;
            assert_eq!((answer.status, answer.body.as_str()), (408, "the body did not arrive in time"));
        }
    }
    // one that ends in the middle is answered too, or dropped, and does no harm
    let mut broken = Wire::open(&server).await?;
    broken.send(&format!("POST {SESSION} HTTP/1.1\r\nHost: test\r\nContent-Length: 50\r\n\r\n{{")).await?;
    drop(broken);
    is_up(&server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_as_long_as_the_limit_and_no_longer() -> Result {
    let server = server(&[("http.body_limit", "8192")]).await?;
    let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    for path in [SESSION.to_owned(), format!("{SESSION}handshake")] {
        let (status, said) = server.post(&path, body(8192)).await?;
        assert!(status == 400 && said.starts_with("missing"), "{status}: {said}");
        let (status, said) = server.post(&path, body(8193)).await?;
        assert_eq!((status, said.as_str()), (413, "the body is longer than 8192 bytes"));
        // in chunks, its length not told beforehand
        let mut wire = Wire::open(&server).await?;
        wire.send(&format!("POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")).await?;
        for _ in 0..9 {
            wire.send(&format!("400\r\n{}\r\n", " ".repeat(0x400))).await?;
        }
        assert_eq!(wire.answer().await?.status, 413);
    }
    is_up(&server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_may_not_grow_without_end() -> Result {
    let server = server(&[]).await?;
    let mut wire = Wire::open(&server).await?;
    let line = format!("X-Padding: {}\r\n", "x".repeat(1000));
    wire.send("GET / HTTP/1.1\r\nHost: test\r\n").await?;
    for _ in 0..64 {
        // it may have hung up already
        let _ = wire.send(&line).await;
    }
    let said = wire.closed().await?;
    assert!(said.is_empty() || said.contains(" 431 "), "{said}");
    is_up(&server).await
}

fn is_limited(answer: &Answer) -> Result<u64> {
    ensure!(answer.status == 429, "{answer:?}");
    ensure!(answer.header("content-type") == Some("application/problem+json"), "{answer:?}");
    ensure!(answer.header("x-request-id").is_some_and(|id| id.len() == 16), "{answer:?}");
    let problem: Value = serde_json::from_str(&answer.body)?;
    ensure!(problem["status"] == 429 && problem["detail"] == "too many requests from this address", "{problem}");
    let wait = answer.header("retry-after").unwrap_or_default().parse()?;
    ensure!((1..=60).contains(&wait), "{wait} s");
    Ok(wait)
}

async fn forwarded(server: &Server, chain: &str) -> Result<Answer> {
    let mut wire = Wire::open(server).await?;
    wire.send(&format!("GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: {chain}\r\n\r\n")).await?;
    wire.answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_so_many_requests_a_minute() -> Result {
    // a new one comes every ten seconds
    let server = server(&[("http.requests_per_address", "6"), ("http.header_timeout", "5m")]).await?;
    let mut wire = Wire::open(&server).await?;
    for _ in 0..6 {
        assert_eq!(wire.get("/").await?.status, 200);
    }
    let wait = is_limited(&wire.get("/").await?)?;
    assert!(wait <= 11, "{wait} s");
    // whatever the path, and on another connection too
    let mut other = Wire::open(&server).await?;
    for path in ["/v2/sync/users/111", "/pair/111", "/nosuch"] {
        is_limited(&other.get(path).await?)?;
    }
    // balancers are not clients: however often they ask, they must not take the node for a dead one
    for _ in 0..20 {
        for probe in ["/healthz", "/readyz"] {
            assert_eq!(other.get(probe).await?.status, 200, "{probe}");
        }
    }
    is_limited(&other.get("/healthz/").await?)?;
    // who waits as told is served
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(wire.get("/").await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_forwarded_address_does_not_count() -> Result {
    for proxies in ["[]", "[\"10.0.0.0/8\"]"] {
        let server = server(&[("http.requests_per_address", "5"), ("http.trusted_proxies", proxies)]).await?;
        for n in 1..=5 {
            assert_eq!(forwarded(&server, &format!("198.51.100.{n}")).await?.status, 200);
        }
        is_limited(&forwarded(&server, "198.51.100.6").await?)?;
        // and no stranger uses up what is another's
        is_limited(&forwarded(&server, "10.1.1.1").await?)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() -> Result {
    let proxies = "[\"127.0.0.0/8\", \"10.0.0.0/8\"]";
    let server = server(&[("http.requests_per_address", "3"), ("http.trusted_proxies", proxies)]).await?;
    for client in ["198.51.100.1", "198.51.100.2"] {
        for _ in 0..3 {
            assert_eq!(forwarded(&server, client).await?.status, 200);
        }
        is_limited(&forwarded(&server, client).await?)?;
    }
    // what a client writes itself stands before what the proxies add
    is_limited(&forwarded(&server, "203.0.113.9, 198.51.100.1").await?)?;
    is_limited(&forwarded(&server, "203.0.113.9, 198.51.100.1, 10.1.1.1").await?)?;
    // an empty element is nobody
    is_limited(&forwarded(&server, "198.51.100.1,").await?)?;
    is_limited(&forwarded(&server, "203.0.113.9,, 198.51.100.1 , , 10.1.1.1,").await?)?;
    // a subscriber has a whole /64, and the next one has another
    for n in 1..=3 {
        assert_eq!(forwarded(&server, &format!("2001:db8:0:1::{n}")).await?.status, 200);
    }
    is_limited(&forwarded(&server, "2001:db8:0:1:ffff::4").await?)?;
    assert_eq!(forwarded(&server, "2001:db8:0:2::1").await?.status, 200);
    // however its proxy writes it, it is the same client
    for form in ["198.51.100.1:40001", "\"198.51.100.1:2\"", "[2001:db8:0:1::9]:40001", "\"[2001:db8:0:1::9]\""] {
        is_limited(&forwarded(&server, form).await?)?;
    }
    assert_eq!(forwarded(&server, "198.51.100.77:40001").await?.status, 200);
    // an IPv4 client in the clothes of IPv6 is the same client
    is_limited(&forwarded(&server, "::ffff:198.51.100.1").await?)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_limit_means_none() -> Result {
    let server = server(&[("http.requests_per_address", "0")]).await?;
    let mut wire = Wire::open(&server).await?;
    for _ in 0..700 {
        assert_eq!(wire.get("/").await?.status, 200);
    }
    Ok(())
}

/// The status of a request with this key.
async fn with_key(wire: &mut Wire, key: &str) -> Result<u16> {
    wire.send(&format!("GET /v1/messages HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {key}\r\n\r\n")).await?;
    Ok(wire.answer().await?.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_key_is_not_limited_and_a_wrong_one_is() -> Result {
    let server = server(&[("http.requests_per_address", "10")]).await?;
    let made = server.builder().run(&["admin", "key", "create", "tests"]).await?;
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    let key = said.split_whitespace().find(|word| word.starts_with("sbadm_")).context("no key")?;
    let mut wire = Wire::open(&server).await?;
    let known = async || Ok((with_key(&mut Wire::open(&server).await?, ADMIN).await? == 200).then_some(()));
    until("an answer", known).await?;
    // the server looks for new keys once a second
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for _ in 0..30 {
        assert_eq!((with_key(&mut wire, ADMIN).await?, with_key(&mut wire, key).await?), (200, 200));
    }
    for _ in 0..10 {
        assert_eq!(wire.get("/").await?.status, 200);
    }
    is_limited(&wire.get("/").await?)?;
    // programs go on, though a browser beside them may not
    assert_eq!(with_key(&mut wire, ADMIN).await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_keys_learns_nothing_beyond_the_limit() -> Result {
    let server = server(&[("http.requests_per_address", "10")]).await?;
    let mut wire = Wire::open(&server).await?;
    let mut statuses = Vec::new();
    for guess in 0..12 {
        statuses.push(with_key(&mut wire, &format!("sbadm_{guess}")).await?);
    }
    assert_eq!(statuses, [&[401; 10][..], &[429; 2]].concat());
    // the right guess looks no different then
    assert_eq!(with_key(&mut wire, ADMIN).await?, 429);
    Ok(())
}
