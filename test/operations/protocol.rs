//! HTTP that is wrong at its own level: refused as it stands, and the log says what to do.

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::harness::{LONG, Layout, Result, Server, until};

/// All that is answered to these bytes, sent from 127.0.0.`from`.
async fn said(server: &Server, from: u8, bytes: &[u8]) -> Result<String> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, from], 0).into())?;
    let mut stream = socket.connect(([127, 0, 0, 1], server.port).into()).await?;
    stream.write_all(bytes).await?;
    let mut said = Vec::new();
    // a reset closes it as well
    let _ = timeout(LONG, stream.read_to_end(&mut said)).await.context("still open")?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// What the log says of that address.
fn told(server: &Server, from: u8) -> Result<Vec<String>> {
    let (sentence, address) = ("refused what is no HTTP request", format!("\"address\":\"127.0.0.{from}\""));
    let log = server.log()?;
    let lines = log.lines().filter(|line| line.contains(sentence) && line.contains(&address));
    Ok(lines.map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_line_is_refused_unread_and_the_log_says_why() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let head = |target: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hushhush\r\n\r\nhushhush body")
    };
    let rows = [
        (head("/v1/messages?created_from>=2020-01-01&to=hushhush"), "encode `>`", "/v1/messages"),
        (head("/2010-04-01/Accounts/hushhush/Messages.json?DateSent<2020"), "encode `<`", "/2010-04-01/Accounts/…"),
        (head("/webhooks/flowroute/hushhush/<sms>"), "encode `<`", "/webhooks/flowroute/…"),
        (head("/v1/messages?body=\"hushhush\""), "%22", "/v1/messages"),
        (head("/v1/messages?body=hushhush text"), "a blank in the URL as %20", "/v1/messages"),
        (head("/v1/calls /x"), "%20", "/v1/calls"),
        (head("/v1/calls?a=<b").replace("\r\n", "\n"), "%3C", "/v1/calls"),
        ("\u{16}\u{3}\u{1}\0\u{5}hello".to_owned(), "TLS", ""),
        ("GET / HTTP/1.1\r\nHost : hushhush\r\n\r\n".to_owned(), "header", ""),
        ("\r\nGET /v1/messages?a>b HTTP/1.1\r\n\r\n".to_owned(), "encode `>`", "/v1/messages"),
    ];
    for (row, (bytes, reason, path)) in rows.iter().enumerate() {
        let from = u8::try_from(row)? + 11;
        for _ in 0..3 {
            let said = said(&server, from, bytes.as_bytes()).await?;
            let (head, body) = said.split_once("\r\n\r\n").with_context(|| format!("{bytes:?}: {said:?}"))?;
            ensure!(head.starts_with("HTTP/1.1 400 ") && body.is_empty(), "{bytes:?}: {said:?}");
        }
        let lines = until("the log to tell", async || {
            let lines = told(&server, from)?;
            Ok((!lines.is_empty()).then_some(lines))
        })
        .await?;
        ensure!(lines.len() == 1 && lines[0].contains(reason) && lines[0].contains(path), "{bytes:?}: {lines:?}");
    }
    // nor has any of them been told twice since
    for (row, (bytes, ..)) in rows.iter().enumerate() {
        let lines = told(&server, u8::try_from(row)? + 11)?;
        ensure!(lines.len() == 1, "{bytes:?}: {lines:?}");
    }
    // a request that was read is forgotten: what follows it may be the rest of a body
    let second = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n{}", head("/<hushhush>"));
    let said = said(&server, 99, second.as_bytes()).await?;
    ensure!(said.contains(" 200 OK") && said.contains(" 400 "), "{said}");
    let lines = until("the log to tell", async || {
        let lines = told(&server, 99)?;
        Ok((!lines.is_empty()).then_some(lines))
    })
    .await?;
    ensure!(lines.len() == 1, "{lines:?}");
    let log = server.log()?;
    ensure!(!log.contains("hushhush"), "{log}");
    Ok(())
}
