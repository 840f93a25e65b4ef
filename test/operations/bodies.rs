//! `http.bodies_memory`: what bodies that have come in part may hold, by all together and by one address.

use anyhow::ensure;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::hoarder::stranger;
use super::wire::{Answer, Wire};
use crate::harness::{Builder, LONG, Layout, Result, Server, until};

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
    let is_full = async |from| {
        let answer = post(&server, from, 20_000).await?;
        ensure!(answer.status == 503 || is_taken(&answer), "{answer:?}");
        anyhow::Ok((answer.status == 503).then_some(answer))
    };
    let mut held = vec![half_sent(&server, address(1), PROMISED - 1).await?];
    assert_refused(&until("a full address", async || is_full(address(1)).await).await?);
    for n in 2..=8 {
        let answer = post(&server, address(n), 20_000).await?;
        assert!(is_taken(&answer), "{n}: {answer:?}");
        held.push(half_sent(&server, address(n), PROMISED - 1).await?);
    }
    assert_refused(&until("a full server", async || is_full(address(9)).await).await?);
    // short ones are not counted
    for n in [1, 9] {
        let answer = post(&server, address(n), 8192).await?;
        assert!(is_taken(&answer), "{answer:?}");
    }
    drop(held);
    let taken = async || Ok(is_taken(&post(&server, address(9), 20_000).await?).then_some(()));
    until("room again", taken).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_sent_bodies_hold_no_more() -> Result {
    let server = server("524288").await?;
    let before = resident_kib(&server)?;
    let (refused, mut answers) = mpsc::channel(1000);
    for _ in 0..1000 {
        let (mut wire, refused) = (half_sent(&server, HERE, PROMISED - 1).await?, refused.clone());
        tokio::spawn(async move {
            if let Ok(answer) = wire.answer().await {
                let _ = refused.send(answer.status).await;
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
