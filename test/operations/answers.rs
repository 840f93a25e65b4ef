//! Long answers that nobody reads: what they hold at most, and what the system holds of them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use switchboard::model::{ClientId, Clock, MessageId};
use switchboard::store::{Change, Value};
use tokio::net::TcpSocket;

use super::wire::{Answer, Wire};
use crate::harness::{ADMIN, Builder, LONG, Layout, Result, Server, until};

/// More than the buffers of both ends hold: 2 MB.
const LIST: &str = "/v1/messages?limit=200";

/// A server with that list, and the least that answers may hold.
async fn server() -> Result<Server> {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.bodies_memory", 524_288);
    let server = builder.set("http.write_timeout", "5m").start().await?;
    let at_ms = Clock::default().now_ms() - 86_400_000;
    let (account, body) = ([9_u8; 16], "x".repeat(10_000));
    let row = |_| {
        let mut row: Vec<Value> = vec![MessageId::new(at_ms).into(), ClientId::OPERATOR.into(), account.into()];
        let texts = ["outbound", "+15005550006", "+14155550100", body.as_str(), "delivered", "gsm7"];
        row.extend(texts.map(Value::from));
        row.extend([1.into(), at_ms.into(), at_ms.into()]);
        row
    };
    let rows: Vec<Vec<Value>> = (0..200).map(row).collect();
    let into = "INSERT INTO sb_message (id, client_id, account_id, direction, from_address, to_address, body, state, \
                encoding, segments, created_ms, changed_ms)";
    server.home().databases.store()?.commit(Change::new().insert(into, rows)).await?;
    Ok(server)
}

fn twilio_list() -> String {
    format!("/2010-04-01/Accounts/AC{}/Messages.json?PageSize=200", ClientId::OPERATOR.hex())
}

/// Asks as the administrator, from an address of this machine, and reads nothing.
async fn ask(server: &Server, from: [u8; 4], path: &str) -> Result<Wire> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(65_536)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut wire = Wire::over(socket.connect(SocketAddr::from(([127, 0, 0, 1], server.port))).await?);
    wire.send(&format!("GET {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {ADMIN}\r\n\r\n")).await?;
    Ok(wire)
}

/// The same, and its answer has begun.
async fn unread(server: &Server, from: [u8; 4], path: &str) -> Result<Wire> {
    let mut wire = ask(server, from, path).await?;
    ensure!(!wire.is_silent(LONG).await, "no answer");
    Ok(wire)
}

async fn get(server: &Server, from: [u8; 4], path: &str) -> Result<Answer> {
    ask(server, from, path).await?.answer().await
}

/// The list, once there is room for it.
async fn list(server: &Server, from: [u8; 4]) -> Result<String> {
    until("room", async || {
        let answer = get(server, from, LIST).await?;
        ensure!([200, 503].contains(&answer.status), "{answer:?}");
        Ok((answer.status == 200).then_some(answer.body))
    })
    .await
}

fn assert_refused(answer: &Answer, says: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{}", answer.head);
    assert!(answer.body.contains(says), "{answer:?}");
}

const DETAIL: &str = r#""detail":"too many answers wait to be read; try again""#;

fn address(n: u8) -> [u8; 4] {
    [127, 0, 0, n]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_a_long_answer_gets_no_second_one() -> Result {
    let server = server().await?;
    let mut first = unread(&server, address(2), LIST).await?;
    for _ in 0..3 {
        assert_refused(&get(&server, address(2), LIST).await?, DETAIL);
    }
    let refused = get(&server, address(2), &twilio_list()).await?;
    assert_refused(&refused, r#""code":20503"#);
    // what is short, and what is compiled in or written once
    for path in ["/v1/messages?limit=1", "/docs/swagger-ui-bundle.js", "/v1/openapi.json"] {
        let answer = get(&server, address(2), path).await?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.head);
    }
    // longer than an address's part, and yet read by others, and by who takes it late
    let whole = get(&server, address(3), LIST).await?;
    assert!(whole.status == 200 && whole.body.len() > 2_000_000, "{}", whole.head);
    let late = first.answer().await?;
    assert!(late.status == 200 && late.body == whole.body, "{}", late.head);
    assert_eq!(list(&server, address(2)).await?, whole.body);
    // and who has gone holds nothing
    drop(unread(&server, address(2), &twilio_list()).await?);
    assert_eq!(list(&server, address(2)).await?, whole.body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_addresses_together_hold_no_more_long_answers_than_eight() -> Result {
    let server = server().await?;
    let mut held = Vec::new();
    for n in 2..=9 {
        held.push(unread(&server, address(n), LIST).await?);
    }
    assert_refused(&get(&server, address(10), LIST).await?, DETAIL);
    assert_eq!(get(&server, address(10), "/v1/messages?limit=1").await?.status, 200);
    held.pop();
    assert!(list(&server, address(10)).await?.len() > 2_000_000);
    Ok(())
}

/// The most that the system holds for one connection to this port, by its table of them.
fn sent_and_not_taken(server: &Server) -> Result<u64> {
    let (table, port) = (std::fs::read_to_string("/proc/net/tcp")?, format!(":{:04X}", server.port));
    let queued = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let queue = fields.get(4)?.split(':').next()?;
        u64::from_str_radix(queue, 16).ok().filter(|_| fields[1].ends_with(&port))
    };
    Ok(table.lines().filter_map(queued).max().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_holds_little_of_what_is_not_read() -> Result {
    let server = server().await?;
    let _unread = unread(&server, address(2), LIST).await?;
    // it takes what it will
    tokio::time::sleep(Duration::from_millis(500)).await;
    let held = sent_and_not_taken(&server)?;
    println!("{held} bytes in the send buffer");
    ensure!((1..=524_288).contains(&held), "{held} bytes");
    Ok(())
}
