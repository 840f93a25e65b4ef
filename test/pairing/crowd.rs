//! All places of a user are taken: a page that comes then gets its code, at the cost of who has most of them.

use anyhow::Context as _;
use serde_json::json;

use super::play::{self, answer_from, handshake, lenient};
use super::socket::{revoke_newest, socket_from};
use crate::harness::{Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER};

async fn server() -> Result<Server> {
    let builder = lenient(Layout::SqliteShared).await?.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#);
    // no socket ends by itself meanwhile
    builder.set("sync.rotate_every", "4m").start().await
}

struct Idle {
    address: String,
    socket: Socket,
    sid: String,
}

/// Five sockets from each of ten addresses, one address after the other: all that the user has.
async fn flood(server: &Server) -> Result<Vec<Idle>> {
    let mut idle = Vec::new();
    for address in (1..=10).map(|n| format!("198.51.100.{n}")) {
        for _ in 0..5 {
            let mut socket = socket_from(server, USER, &address).await?;
            let sid = socket.code().await?;
            idle.push(Idle { address: address.clone(), socket, sid });
        }
    }
    Ok(idle)
}

/// The page of a person whose address is their own.
async fn page(server: &Server) -> Result<(Socket, String)> {
    let mut page = socket_from(server, USER, "203.0.113.9").await?;
    let sid = page.code().await.context("the page got no code")?;
    Ok((page, sid))
}

/// The tenth address came last; its oldest socket is this.
const LAST: usize = 45;

/// A revocation is told to every socket that is still there.
async fn assert_others_are_there(server: &Server, idle: Vec<Idle>, gone: usize) -> Result {
    revoke_newest(server).await?;
    for (at, mut one) in idle.into_iter().enumerate().filter(|(at, _)| *at != gone) {
        assert_eq!(one.socket.hear().await?, Heard::Closed(4410), "{at} of {}", one.address);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_idle_sockets_do_not_shut_a_page() -> Result {
    let server = server().await?;
    let mut idle = flood(&server).await?;
    // none makes room for an address that has five
    let mut sixth = socket_from(&server, USER, &idle[0].address).await?;
    assert_eq!(sixth.hear().await?, Heard::Closed(4429));
    let (mut page, sid) = page(&server).await?;
    assert_eq!(idle[LAST].socket.hear().await?, Heard::Closed(4429));
    Phone::new()?.pair(&server, USER, &sid).await?;
    for heard in [Heard::Pause, Heard::Ack, Heard::Closed(1000)] {
        assert_eq!(page.hear().await?, heard);
    }
    assert_others_are_there(&server, idle, LAST).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_whose_code_was_scanned_stays() -> Result {
    let server = server().await?;
    let mut idle = flood(&server).await?;
    play::offer(&server, &Phone::new()?, USER, &idle[LAST].sid).await?;
    assert_eq!(idle[LAST].socket.hear().await?, Heard::Pause);
    let _page = page(&server).await?;
    assert_eq!(idle[LAST + 1].socket.hear().await?, Heard::Closed(4429));
    assert_eq!(play::try_two_step(&server, USER, &idle[LAST].sid, PASSWORD).await?.0, 200);
    assert_eq!(idle[LAST].socket.hear().await?, Heard::Ack);
    Ok(())
}

/// A first step needs no password: whoever floods can scan their own codes.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_sockets_that_scanned_themselves_do_not_either() -> Result {
    let server = server().await?;
    let mut idle = flood(&server).await?;
    let body = json!({"public_key": Phone::new()?.public_pem}).to_string();
    for one in &mut idle {
        let offered = answer_from(&server, &one.address, &handshake(USER, &one.sid), body.clone()).await?;
        assert_eq!(offered.status, 200, "{}", offered.body);
        assert_eq!(one.socket.hear().await?, Heard::Pause);
    }
    let (_page, sid) = page(&server).await?;
    assert_eq!(idle[LAST].socket.hear().await?, Heard::Closed(4429));
    Phone::new()?.pair(&server, USER, &sid).await?;
    assert_others_are_there(&server, idle, LAST).await
}
