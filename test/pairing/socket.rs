//! Who gets a socket, on which session, how many, and which of them hear of what.

use anyhow::{Context as _, bail};
use reqwest::header::HeaderMap;
use switchboard::crypto::hash;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::play::{self, Answer, NOBODY, lenient};
use crate::harness::server::Builder;
use crate::harness::time::outlive;
use crate::harness::{ADMIN, Heard, LONG, Layout, PASSWORD, Phone, Result, Server, Socket, USER, until};
use crate::{on_both_engines, on_every_layout};

/// A socket by way of a proxy that speaks for `address`.
pub(super) async fn socket_from(server: &Server, user: &str, address: &str) -> Result<Socket> {
    let mut request = server.socket_url(&format!("/v2/sync/init/{user}")).into_client_request()?;
    request.headers_mut().insert("x-forwarded-for", address.parse()?);
    let (socket, _) = tokio_tungstenite::connect_async(request).await?;
    Ok(Socket(socket))
}

pub(super) async fn revoke_newest(server: &Server) -> Result {
    let ids = server.rows("SELECT id FROM sb_device ORDER BY id").await?.concat();
    let path = format!("/v1/devices/dev_{}", ids.last().context("no device")?);
    let revoked = server.http.delete(server.url(&path)).bearer_auth(ADMIN).send().await?;
    assert_eq!(revoked.status(), 204);
    Ok(())
}

async fn a_socket_on_a_redeemed_session_is_told(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let sid = server.sid(USER).await?;
    Phone::new()?.pair(&server, USER, &sid).await?;
    // any number of times: a page may reload
    for _ in 0..2 {
        let mut late = Socket::of(&server, USER, Some(&sid)).await?;
        assert_eq!(late.hear().await?, Heard::Ack);
        assert_eq!(late.hear().await?, Heard::Closed(1000));
    }
    Ok(())
}

async fn a_socket_on_an_offered_session_is_paused(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let sid = server.sid(USER).await?;
    play::offer(&server, &Phone::new()?, USER, &sid).await?;
    let mut reloaded = Socket::of(&server, USER, Some(&sid)).await?;
    assert_eq!(reloaded.hear().await?, Heard::Code(sid.clone()));
    assert_eq!(reloaded.hear().await?, Heard::Pause);
    assert_eq!(play::try_two_step(&server, USER, &sid, PASSWORD).await?.0, 200);
    assert_eq!(reloaded.hear().await?, Heard::Ack);
    Ok(())
}

async fn an_unknown_or_expired_session_has_no_socket(layout: Layout) -> Result {
    let server = lenient(layout).await?.set("sync.session_ttl", "6s").start().await?;
    let phone = Phone::new()?;
    let (expired, redeemed) = (server.sid(USER).await?, server.sid(USER).await?);
    phone.pair(&server, USER, &redeemed).await?;
    outlive(&redeemed).await?;
    let others = server.sid(NOBODY).await?;
    let fresh = server.sid(USER).await?;
    let upper = fresh.to_uppercase() + "A";
    let forged = "ffffffffdeadbeef0123456789abcdef";
    for sid in [&expired, &redeemed, &others, &upper, forged, "000", "zz", &fresh[1..]] {
        let mut socket = Socket::of(&server, USER, Some(sid)).await?;
        assert_eq!(socket.hear().await?, Heard::Closed(4404), "{sid}");
    }
    assert!(Socket::of(&server, USER, Some(&server.sid(USER).await?)).await?.code().await.is_ok());
    Ok(())
}

async fn every_socket_that_showed_a_session_is_told_and_no_other(layout: Layout) -> Result {
    let builder = lenient(layout).await?.set("sync.rotate_every", "2s").set("sync.rotations", 5);
    let server = builder.start().await?;
    let (phone, sid) = (Phone::new()?, server.sid(USER).await?);
    let mut showing = [Socket::of(&server, USER, Some(&sid)).await?, Socket::of(&server, USER, Some(&sid)).await?];
    let mut other_session = Socket::of(&server, USER, None).await?;
    let mut other_user = Socket::of(&server, "222", None).await?;
    for socket in &mut showing {
        assert_eq!(socket.code().await?, sid);
        // this code is no longer shown when the phone comes
        assert_ne!(socket.code().await?, sid);
    }
    play::offer(&server, &phone, USER, &sid).await?;
    for socket in &mut showing {
        // a busy machine may show the third first
        assert_eq!(socket.hear_past_codes().await?, Heard::Pause);
    }
    assert_eq!(play::try_two_step(&server, USER, &sid, PASSWORD).await?.0, 200);
    for socket in &mut showing {
        assert_eq!(socket.hear().await?, Heard::Ack);
        assert_eq!(socket.hear().await?, Heard::Closed(1000));
    }
    for socket in [&mut other_session, &mut other_user] {
        assert_eq!(socket.hear_past_codes().await?, Heard::Closed(1000), "codes, and nothing else");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_five_sockets_of_a_user() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#);
    let server = server.start().await?;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(socket_from(&server, USER, "198.51.100.1").await?);
    }
    for socket in &mut open {
        socket.code().await?;
    }
    let mut sixth = socket_from(&server, USER, "198.51.100.1").await?;
    assert_eq!(sixth.hear().await?, Heard::Closed(4429));
    socket_from(&server, USER, "198.51.100.2").await?.code().await.context("another address")?;
    socket_from(&server, NOBODY, "198.51.100.1").await?.code().await.context("another user")?;

    // a closed socket gives its place back, and so does one that was cut off
    let mut closed = open.remove(0);
    closed.0.close(None).await?;
    open.push(seated(&server).await?);
    drop(open.remove(0));
    open.push(seated(&server).await?);
    assert_eq!(socket_from(&server, USER, "198.51.100.1").await?.hear().await?, Heard::Closed(4429));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_s_close_is_answered() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    socket.code().await?;
    let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    socket.0.close(Some(frame)).await?;
    // RFC 6455, section 5.5.1; a browser calls it unclean otherwise
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    Ok(())
}

/// Frames as they are on the wire: proxies and phones see bytes.
async fn opened_raw(server: &Server) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await?;
    let head = format!(
        "GET /v2/sync/init/{USER} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        said.push(stream.read_u8().await?);
    }
    anyhow::ensure!(said.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&said));
    Ok(stream)
}

/// The next frame of a server (RFC 6455, 5.2): its opcode and payload.
async fn frame(stream: &mut TcpStream) -> Result<(u8, Vec<u8>)> {
    let read = async {
        let opcode = stream.read_u8().await? & 0x0f;
        let length = match stream.read_u8().await? {
            126 => usize::from(stream.read_u16().await?),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await?;
        anyhow::Ok((opcode, payload))
    };
    tokio::time::timeout(LONG, read).await.context("no frame")?
}

const TEXT: u8 = 1;
const PING: u8 = 9;

/// A pause is silent for two minutes, which proxies do not wait for; no page may see what keeps it up.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_pinged_while_it_waits() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.ping_every", "100ms");
    let server = builder.set("sync.rotate_every", "5m").set("sync.silent_for", "1h").start().await?;
    let mut stream = opened_raw(&server).await?;
    assert_eq!(frame(&mut stream).await?.0, TEXT, "the first code");
    // more than a client may send frames at once: answers to pings are none of those
    for _ in 0..80 {
        let (opcode, payload) = frame(&mut stream).await?;
        assert!(opcode == PING && payload.is_empty(), "{opcode} {payload:?}");
        // masked, as a client's frames are
        stream.write_all(&[0x8a, 0x80, 1, 2, 3, 4]).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_no_ping_is_gone() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.ping_every", "200ms");
    let server = builder.set("sync.rotate_every", "5m").set("sync.silent_for", "8s").start().await?;
    let (mut dead, mut living) = (opened_raw(&server).await?, opened_raw(&server).await?);
    let mut pings = 0;
    let gone = async {
        while let Ok((opcode, _)) = frame(&mut dead).await {
            pings += i32::from(opcode == PING);
        }
    };
    let lives = async {
        loop {
            match frame(&mut living).await {
                Ok((PING, _)) => living.write_all(&[0x8a, 0x80, 1, 2, 3, 4]).await?,
                Ok((TEXT, _)) => {}
                other => return other.map(drop),
            }
        }
    };
    tokio::select! {
        () = gone => {}
        ended = lives => bail!("the one that answers was closed first: {ended:?}"),
    }
    assert!(pings > 0, "it was never asked");
    // the other still is
    assert!(matches!(frame(&mut living).await?.0, PING | TEXT));
    Ok(())
}

/// A socket as soon as the server has seen that another has gone.
async fn seated(server: &Server) -> Result<Socket> {
    until("a place given back", async || {
        let mut socket = socket_from(server, USER, "198.51.100.1").await?;
        Ok(matches!(socket.hear().await?, Heard::Code(_)).then_some(socket))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_sockets_in_all() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#);
    let server = builder.set("sync.sockets_per_user", 3).start().await?;
    let mut open = Vec::new();
    for n in 1..=3 {
        let mut socket = socket_from(&server, USER, &format!("198.51.100.{n}")).await?;
        socket.code().await?;
        open.push(socket);
    }
    let mut fourth = socket_from(&server, USER, "198.51.100.4").await?;
    assert_eq!(fourth.hear().await?, Heard::Closed(4429));
    socket_from(&server, NOBODY, "198.51.100.4").await?.code().await.context("another user")?;
    // places that the server itself ended are free again
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    phone.pair(&server, USER, &sid).await?;
    revoke_newest(&server).await?;
    for socket in &mut open {
        assert_eq!(socket.hear().await?, Heard::Closed(4410));
    }
    assert!(seated(&server).await.is_ok());
    Ok(())
}

async fn revoking_a_device_closes_its_user_s_open_sockets(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("sync.rotate_every", "2s").set("sync.rotations", 5).start().await?;
    let phone = Phone::new()?;
    for _ in 0..2 {
        phone.pair(&server, USER, &server.sid(USER).await?).await?;
    }
    let mut theirs = [Socket::of(&server, USER, None).await?, Socket::of(&server, USER, None).await?];
    let mut other = Socket::of(&server, NOBODY, None).await?;
    for socket in theirs.iter_mut().chain([&mut other]) {
        socket.code().await?;
    }
    revoke_newest(&server).await?;
    for socket in &mut theirs {
        assert_eq!(socket.hear_past_codes().await?, Heard::Closed(4410));
    }
    // neither the same revocation again nor a look into the store closes a socket opened after it
    let mut later = Socket::of(&server, USER, None).await?;
    revoke_newest(&server).await?;
    assert_eq!(later.hear_past_codes().await?, Heard::Closed(1000));
    assert_eq!(other.hear_past_codes().await?, Heard::Closed(1000));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_ask_for_a_websocket_is_told_to() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let sid = server.sid(USER).await?;
    let whole = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for path in ["/v2/sync/init/111".to_owned(), format!("/v2/sync/init/111/{sid}")] {
        for missing in 0..=whole.len() {
            let mut headers = HeaderMap::new();
            // at last none at all
            for (at, (name, value)) in whole.into_iter().enumerate() {
                if at != missing && missing < whole.len() {
                    headers.insert(name, value.parse()?);
                }
            }
            let answer = Answer::to(server.http.get(server.url(&path)).headers(headers)).await?;
            assert_eq!((answer.status, answer.header("upgrade")), (426, "websocket"), "{path} without {missing}");
        }
        let posted = Answer::to(server.http.post(server.url(&path))).await?;
        assert_eq!((posted.status, posted.header("allow")), (405, "GET"));
    }
    let bad = Socket::open(&server, "/v2/sync/init/%20x").await;
    assert!(bad.is_err(), "no socket for what is no user id");
    Ok(())
}

async fn the_development_session_signals_its_sockets(layout: Layout) -> Result {
    let server = lenient(layout).await?.dev().start().await?;
    let phone = Phone::new()?;
    for _ in 0..2 {
        let mut named = Socket::of(&server, USER, Some("000")).await?;
        assert_eq!(named.code().await?, "000");
        let mut unnamed = Socket::of(&server, USER, None).await?;
        unnamed.code().await?;
        phone.pair(&server, USER, "000").await?;
        for socket in [&mut named, &mut unnamed] {
            assert_eq!(socket.hear_past_codes().await?, Heard::Pause);
            assert_eq!(socket.hear().await?, Heard::Ack);
            assert_eq!(socket.hear().await?, Heard::Closed(1000));
        }
    }
    let mut other = Socket::of(&server, NOBODY, Some("000")).await?;
    assert_eq!(other.hear().await?, Heard::Closed(4404), "it is the development user's alone");
    Ok(())
}

async fn a_development_session_of_before_does_not_disturb_a_new_socket(layout: Layout) -> Result {
    let builder = lenient(layout).await?.dev().set("sync.rotate_every", "1s").set("sync.rotations", 4);
    let server = builder.start().await?;
    play::offer(&server, &Phone::new()?, USER, "000").await?;
    assert_eq!(play::try_two_step(&server, USER, "000", PASSWORD).await?.0, 200);
    // longer than a node takes to look into the store for what others did
    let mut socket = Socket::of(&server, USER, Some("000")).await?;
    assert_eq!(socket.hear_past_codes().await?, Heard::Closed(1000), "codes, and nothing else");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_many_sockets_is_not_held_up_by_one_that_does_not_read() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    play::add_user(&server, "two", &hash::backend(play::SALT, PASSWORD), &["verified"]).await?;
    let sid = server.sid("two").await?;
    let _silent = Socket::of(&server, "two", Some(&sid)).await?;
    let mut reads = Socket::of(&server, "two", Some(&sid)).await?;
    reads.code().await?;
    Phone::new()?.pair(&server, "two", &sid).await?;
    assert_eq!(reads.hear().await?, Heard::Pause);
    assert_eq!(reads.hear().await?, Heard::Ack);
    Ok(())
}

on_every_layout!(the_development_session_signals_its_sockets);
on_both_engines!(
    a_socket_on_a_redeemed_session_is_told,
    a_socket_on_an_offered_session_is_paused,
    an_unknown_or_expired_session_has_no_socket,
    every_socket_that_showed_a_session_is_told_and_no_other,
    revoking_a_device_closes_its_user_s_open_sockets,
    a_development_session_of_before_does_not_disturb_a_new_socket,
);
