//! Clients that would keep connections for themselves: too many of them, or by never reading.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::openmetrics;
use crate::harness::{Builder, Heard, LONG, Layout, Result, Server, Socket, USER, until};

/// A connection from an address of this machine that is none of those which are not counted.
pub(super) async fn stranger(server: &Server, from: [u8; 4]) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    Ok(socket.connect(SocketAddr::from(([127, 0, 0, 1], server.port))).await?)
}

/// Whether it is answered; closed without a word, it is not.
async fn is_served(stream: &mut TcpStream) -> Result<bool> {
    let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(b"\r\n\r\nok\n") {
            if stream.read_buf(&mut answer).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    };
    let read = tokio::time::timeout(LONG, read).await?;
    ensure!(answer.is_empty() || (asked.is_ok() && read.is_ok() && answer.starts_with(b"HTTP/1.1 200 ")), "{answer:?}");
    Ok(!answer.is_empty())
}

const ONE: [u8; 4] = [127, 0, 0, 2];
const OTHER: [u8; 4] = [127, 0, 0, 3];

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_so_many_connections_and_no_more() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.connections_per_address", 3);
    let server = builder.set("http.header_timeout", "5m").start().await?;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = stranger(&server, ONE).await?;
        assert!(is_served(&mut stream).await?);
        held.push(stream);
    }
    assert!(!is_served(&mut stranger(&server, ONE).await?).await?, "a fourth");
    assert!(is_served(&mut stranger(&server, OTHER).await?).await?, "another address");
    assert!(is_served(&mut held[0]).await?, "one that was there before");
    // its place is another's as soon as it has gone
    drop(held.pop());
    until("a place given back", async || Ok(is_served(&mut stranger(&server, ONE).await?).await?.then_some(())))
        .await?;
    // a local proxy speaks for many
    for _ in 0..10 {
        let mut stream = stranger(&server, [127, 0, 0, 1]).await?;
        assert!(is_served(&mut stream).await?);
        held.push(stream);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_s_connections_are_not_counted() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.connections_per_address", 1);
    let server = builder.set("http.trusted_proxies", r#"["127.0.0.2/32"]"#).start().await?;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(stranger(&server, ONE).await?);
    }
    for stream in &mut held {
        assert!(is_served(stream).await?);
    }
    Ok(())
}

/// Asks on and on and never reads, until the server takes no more of it.
async fn stuff(server: &Server) -> Result<TcpStream> {
    let mut stream = stranger(server, ONE).await?;
    let ask = "GET /assets/pair.js HTTP/1.1\r\nHost: test\r\n\r\n".repeat(64);
    while let Ok(sent) = tokio::time::timeout(Duration::from_millis(500), stream.write_all(ask.as_bytes())).await {
        if sent.is_err() {
            break;
        }
    }
    Ok(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_an_answer_is_cut_and_a_quiet_socket_is_not() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.write_timeout", "1s");
    let server = builder.set("http.header_timeout", "5m").set("sync.rotate_every", "4s").start().await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    socket.code().await?;
    // the socket, and the one that asks for this number
    let look = async || {
        let open = openmetrics::of(&server).await?.value("switchboard_http_connections", &[]);
        Ok((open == 2).then_some(()))
    };
    until("nobody else", look).await?;
    let hoarded = stuff(&server).await?;
    until("the end of who never reads", look).await?;
    drop(hoarded);
    // four seconds of silence each, four times what a stalled answer has
    for _ in 0..2 {
        socket.code().await?;
    }
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    Ok(())
}
