//! Socket clients that only a fault or an attack sends: each is cut off and costs others nothing.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Builder, Heard, LONG, Layout, Result, Server, Socket, USER};

async fn server(ttl: &str) -> Result<Server> {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotations", 100_000);
    builder.set("sync.rotate_every", "100ms").set("sync.session_ttl", ttl).start().await
}

/// An upgraded connection without a library between.
async fn raw(server: &Server, user: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await?;
    let head = format!(
        "GET /v2/sync/init/{user} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    ensure!(&answer == b"HTTP/1.1 101", "no upgrade");
    Ok(stream)
}

fn resident_kib(server: &Server) -> Result<i64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse()?)
}

/// Reads until the server ends the connection; the close code, where one came.
async fn ending(mut stream: impl AsyncRead + Unpin, within: Duration) -> Result<Option<u16>> {
    let mut seen = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            seen.extend_from_slice(&buffer[..read]);
        }
    };
    ensure!(tokio::time::timeout(within, read).await.is_ok(), "still open after {within:?}");
    // a close frame is 0x88, its length, its code; ours are short and the last thing sent
    let at = seen.windows(2).rposition(|two| two[0] == 0x88 && two[1] < 126);
    Ok(at.and_then(|at| Some(u16::from_be_bytes([*seen.get(at + 2)?, *seen.get(at + 3)?]))))
}

/// A frame as a client masks it (with zeros, so that the payload stands as it is).
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode, 0x80 | u8::try_from(payload.len().min(125)).unwrap_or(125), 0, 0, 0, 0];
    frame.extend_from_slice(&payload[..payload.len().min(125)]);
    frame
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_page_sends_ends_the_socket() -> Result {
    let server = server("20s").await?;
    let bomb = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    let huge = [&[0x81, 0xff][..], &10_000_000_u64.to_be_bytes(), &[0; 4], &[b'x'; 5000]].concat();
    let cases: [(&str, Vec<u8>, &[u16]); 6] = [
        ("binary", masked(2, b"hello"), &[1003]),
        ("ten megabytes", huge, &[1009]),
        ("a length bomb", bomb, &[1002, 1009]),
        ("no mask", vec![0x81, 1, b'x'], &[1002]),
        ("no UTF-8", masked(1, &[0xff, 0xfe]), &[1002, 1007]),
        ("an unknown opcode", masked(7, b""), &[1002]),
    ];
    for (what, frame, codes) in cases {
        let mut stream = raw(&server, "hostile").await?;
        stream.write_all(&frame).await?;
        let code = ending(stream, LONG).await?;
        assert!(code.is_some_and(|code| codes.contains(&code)), "{what}: {code:?} instead of {codes:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_without_end_are_cut_off_and_a_few_are_answered() -> Result {
    let server = server("20s").await?;
    let mut polite = Socket::of(&server, USER, None).await?;
    polite.send(Message::Ping(b"hello".to_vec().into())).await?;
    polite.code().await?;
    let mut stream = raw(&server, "hostile").await?;
    let ping = masked(9, b"x");
    for _ in 0..2000 {
        if stream.write_all(&ping).await.is_err() {
            break;
        }
    }
    let code = ending(stream, LONG).await?;
    assert_eq!(code, Some(1008));
    polite.code().await?;
    Ok(())
}

/// A text that never ends, in fragments that hold nothing: the library makes no message of them.
#[tokio::test(flavor = "multi_thread")]
async fn empty_fragments_are_counted() -> Result {
    let server = server("40s").await?;
    let (reading, mut writing) = raw(&server, "hostile").await?.into_split();
    let flood = tokio::spawn(async move {
        let begin = [0x01, 0x80, 0, 0, 0, 0];
        let fragments = [0x00, 0x80, 0, 0, 0, 0].repeat(10_000);
        let mut sent = writing.write_all(&begin).await;
        while sent.is_ok() {
            sent = writing.write_all(&fragments).await;
        }
    });
    assert_eq!(ending(reading, LONG).await?, Some(1008));
    // it was not listened to any longer
    tokio::time::timeout(LONG, flood).await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_four_kibibytes_at_once() -> Result {
    let server = server("40s").await?;
    let (mut quiet, mut loud) = (Socket::of(&server, USER, None).await?, raw(&server, "loud").await?);
    let said = [b'x'; 120];
    let ping = masked(9, &said);
    assert!(ping.len() * 32 <= 4096);
    for _ in 0..32 {
        quiet.send(Message::Ping(said.to_vec().into())).await?;
    }
    // what it may send in forty seconds
    loud.write_all(&ping.repeat(120)).await?;
    assert_eq!(ending(loud, LONG).await?, Some(1008));
    for _ in 0..20 {
        quiet.code().await?;
    }
    Ok(())
}

/// Fifty codes take five seconds by the clock; twice that is a server that is held up, or a
/// machine: the latter for a while only.
async fn assert_shows_in_time(server: &Server) -> Result {
    let mut took = Vec::new();
    for _ in 0..3 {
        let mut other = Socket::of(server, USER, None).await?;
        let begun = Instant::now();
        for _ in 0..50 {
            other.code().await?;
        }
        took.push(begun.elapsed());
        if begun.elapsed() < Duration::from_secs(10) {
            return Ok(());
        }
    }
    anyhow::bail!("fifty codes took {took:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_or_stops_half_way_costs_others_nothing() -> Result {
    let server = server("40s").await?;
    let mut held = Vec::new();
    let mut before = 0;
    for n in 0..=40 {
        if n == 1 {
            // code that has run once is there for all; those behind are counted
            assert_shows_in_time(&server).await?;
            before = resident_kib(&server)?;
        }
        held.push(raw(&server, &format!("deaf-{n}")).await?);
        let mut half = raw(&server, &format!("half-{n}")).await?;
        half.write_all(&[0x81, 0xfe, 0x0f]).await?;
        held.push(half);
        let mut silent = TcpStream::connect(("127.0.0.1", server.port)).await?;
        silent.write_all(b"GET /v2/sy").await?;
        held.push(silent);
        let mut garbage = TcpStream::connect(("127.0.0.1", server.port)).await?;
        garbage.write_all(&[0xff; 300]).await?;
        held.push(garbage);
    }
    assert_shows_in_time(&server).await?;
    let grown = resident_kib(&server)? - before;
    println!("160 hostile connections: {grown} KiB");
    assert!(grown < 3 * 1024, "{grown} KiB for 160 connections");
    // none outlives the session
    for stream in held {
        ending(stream, LONG).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_in_pieces_is_cut_off_too() -> Result {
    let server = server("120s").await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let begun = Instant::now();
    let sent = socket.send(Message::text("x".repeat(10_000_000))).await;
    let heard = loop {
        match socket.hear().await? {
            Heard::Code(_) if begun.elapsed() < LONG => {}
            other => break other,
        }
    };
    // the server may have gone before all of it was sent
    assert!(sent.is_err() || matches!(heard, Heard::Closed(1009) | Heard::Lost), "{heard:?}");
    let mut other = Socket::of(&server, USER, None).await?;
    other.code().await?;
    Ok(())
}
