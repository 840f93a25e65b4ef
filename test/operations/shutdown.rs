//! Signals to stop: sockets are told, what was accepted is finished, a second signal does not wait.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::wire::Wire;
use crate::harness::phone::session;
use crate::harness::{Builder, Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER, until};
use crate::on_both_engines;

/// Far above what an end takes, far below the long times that a test sets.
const SOON: Duration = Duration::from_secs(55);

async fn sockets_are_told_and_it_ends_well(layout: Layout) -> Result {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(layout).await?;
        let mut sockets = Vec::new();
        for user in [USER, USER, "stranger"] {
            let mut socket = Socket::of(&server, user, None).await?;
            socket.code().await?;
            sockets.push(socket);
        }
        server.signal(signal)?;
        for socket in &mut sockets {
            assert_eq!(socket.hear_past_codes().await?, Heard::Closed(1001));
        }
        drop(sockets);
        assert_eq!(server.ended(SOON).await?.code(), Some(0));
        assert!(Wire::open(&server).await.is_err(), "somebody still listens");
        let log = server.log()?;
        assert!(log.contains("stopping") && log.contains(r#""finished":true"#), "{log}");
    }
    Ok(())
}

async fn a_handshake_under_way_is_finished(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("sync.refusal_delay", "6s");
    let mut server = builder.start().await?;
    let phone = Phone::new()?;
    let (wrong, right) = (server.sid(USER).await?, server.sid("stranger").await?);
    let body = phone.one_step(&server, "not-it")?;
    let mut refused = Wire::open(&server).await?;
    refused.send(&post(&session(USER, &wrong), &body)).await?;
    let mut unknown = Wire::open(&server).await?;
    unknown.send(&post(&session("stranger", &right), &phone.one_step(&server, PASSWORD)?)).await?;
    // its answer is a while away when the signal comes
    assert!(refused.is_silent(Duration::from_millis(500)).await);
    server.signal("TERM")?;
    assert_eq!(refused.answer().await?.status, 403);
    let last = unknown.answer().await?;
    assert_eq!(last.status, 403);
    assert_eq!(last.header("connection"), Some("close"), "it takes no more: {last:?}");
    assert_eq!(server.ended(SOON).await?.code(), Some(0));
    Ok(())
}

async fn a_device_that_was_told_is_there_after_a_restart(layout: Layout) -> Result {
    let mut server = Server::start(layout).await?;
    let phone = Phone::new()?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    let body = phone.one_step(&server, PASSWORD)?;
    let mut posting = Wire::open(&server).await?;
    posting.send(&post(&session(USER, &sid), &body)).await?;
    // while it is being worked on
    server.signal("TERM")?;
    let answered = posting.answer().await.ok().filter(|answer| answer.status == 200);
    assert_eq!(server.ended(SOON).await?.code(), Some(0));
    let server = server.restart().await?;
    if let Some(answer) = answered {
        let key = phone.open(&answer.body)?;
        assert_eq!(server.fingerprints().await?, [key.fingerprint()]);
    }
    // and whoever got no answer may send it again
    let (status, again) = server.post(&session(USER, &sid), body).await?;
    assert_eq!(status, 200, "{again}");
    let key = phone.open(&again)?;
    assert_eq!(server.fingerprints().await?, [key.fingerprint()], "one phone is one device");
    Ok(())
}

on_both_engines!(
    sockets_are_told_and_it_ends_well,
    a_handshake_under_way_is_finished,
    a_device_that_was_told_is_there_after_a_restart,
);

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A server with a refusal under way that takes a minute, and as long to finish it.
async fn busy() -> Result<(Server, Wire)> {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.refusal_delay", "60s");
    let server = builder.set("http.shutdown_grace", "120s").start().await?;
    let sid = server.sid(USER).await?;
    let body = Phone::new()?.one_step(&server, "not-it")?;
    let mut refused = Wire::open(&server).await?;
    refused.send(&post(&session(USER, &sid), &body)).await?;
    assert!(refused.is_silent(Duration::from_millis(500)).await);
    Ok((server, refused))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() -> Result {
    for second in ["TERM", "INT"] {
        let (mut server, _refused) = busy().await?;
        server.signal("TERM")?;
        // signals that come too soon after one another are one
        until("word of the first", async || Ok(server.log()?.contains("stopping").then_some(()))).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(server.ended(Duration::ZERO).await.is_err(), "one signal waits for what is under way");
        server.signal(second)?;
        let status = server.ended(SOON).await?;
        assert_eq!(status.code(), Some(1), "not everything was finished: {status}");
        assert!(server.log()?.contains(r#""finished":false"#), "{}", server.log()?);
    }
    Ok(())
}

/// A balancer sees that the node goes before it can no longer connect.
#[tokio::test(flavor = "multi_thread")]
async fn readiness_ends_before_the_listener_closes() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.drain_delay", "60s");
    let builder = builder.set("http.shutdown_grace", "70s");
    for second in ["TERM", "INT"] {
        let mut server = builder.clone().start().await?;
        let ready = async |server: &Server| {
            let response = server.http.get(server.url("/readyz")).send().await?;
            anyhow::Ok((response.status().as_u16(), response.text().await?))
        };
        assert_eq!(ready(&server).await?.0, 200);
        server.signal("TERM")?;
        until("not ready", async || Ok((ready(&server).await?.0 == 503).then_some(()))).await?;
        assert!(ready(&server).await?.1.contains("stopping"));
        // it serves as before, whatever asks for a new connection
        assert_eq!(Wire::open(&server).await?.get("/healthz").await?.status, 200);
        assert!(server.ended(Duration::ZERO).await.is_err());
        server.signal(second)?;
        assert_eq!(server.ended(SOON).await?.code(), Some(0), "a second signal does not wait");
    }
    let mut server = builder.clone().start().await?;
    server.signal("INT")?;
    assert_eq!(server.ended(SOON).await?.code(), Some(0), "nor does SIGINT");
    let mut server = builder.set("http.drain_delay", "1s").start().await?;
    let begun = Instant::now();
    server.signal("TERM")?;
    assert_eq!(server.ended(SOON).await?.code(), Some(0));
    assert!(begun.elapsed() >= Duration::from_secs(1), "it did not wait: {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_no_longer_than_its_grace() -> Result {
    let (server, _refused) = busy().await?;
    let builder = server.builder().clone().set("http.shutdown_grace", "1s");
    drop(server);
    let mut server = builder.start_unseeded().await?;
    let sid = server.sid("stranger").await?;
    let body = Phone::new()?.one_step(&server, "not-it")?;
    let mut refused = Wire::open(&server).await?;
    refused.send(&post(&session("stranger", &sid), &body)).await?;
    assert!(refused.is_silent(Duration::from_millis(500)).await);
    server.signal("TERM")?;
    assert_eq!(server.ended(SOON).await?.code(), Some(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_do_nothing_hold_up_nothing() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.shutdown_grace", "120s");
    let mut server = builder.set("http.header_timeout", "5m").start().await?;
    // connected and silent; answered and staying; a socket that never reads nor answers a close
    let _silent = Wire::open(&server).await?;
    let mut idle = Wire::open(&server).await?;
    assert_eq!(idle.get("/healthz").await?.status, 200);
    let mut socket = Socket::of(&server, USER, None).await?;
    socket.code().await?;
    let begun = Instant::now();
    server.signal("TERM")?;
    let status = server.ended(SOON).await.with_context(|| format!("after {:?}", begun.elapsed()))?;
    assert_eq!(status.code(), Some(0));
    drop(socket);
    Ok(())
}

/// What has not been sent whole was not accepted.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_holds_up_nothing() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.shutdown_grace", "120s");
    let mut server = builder.set("http.header_timeout", "5m").start().await?;
    let mut half = Wire::open(&server).await?;
    half.send("GET / HTTP/1.1\r\nHost: te").await?;
    assert!(half.is_silent(Duration::from_millis(300)).await);
    server.signal("TERM")?;
    let status = server.ended(SOON).await?;
    assert_eq!(status.code(), Some(0));
    Ok(())
}
