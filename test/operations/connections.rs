//! `http.connections`: so many at once, sockets among them; those beyond wait and are not lost.

use std::time::Duration;

use anyhow::ensure;
use tokio::sync::Mutex;

use super::command::{Live, Place};
use super::wire::Wire;
use crate::harness::port::free_port;
use crate::harness::{Builder, Layout, Result, Server, Socket, USER, until};

/// How long nothing must come: many times what an answer takes.
const WAITING: Duration = Duration::from_millis(800);

async fn of_three() -> Result<Server> {
    let builder = Builder::new(Layout::SqliteShared).await?;
    // held connections must not end by themselves meanwhile
    builder.set("http.connections", 3).set("http.header_timeout", "5m").start().await
}

/// A connection that has its place: it was answered.
async fn held(server: &Server) -> Result<Wire> {
    let mut wire = Wire::open(server).await?;
    ensure!(wire.get("/healthz").await?.status == 200);
    Ok(wire)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_of_three_waits_and_is_served_when_one_ends() -> Result {
    let server = of_three().await?;
    let (first, mut second, _third) = (held(&server).await?, held(&server).await?, held(&server).await?);
    let mut fourth = Wire::open(&server).await?;
    fourth.ask("/healthz").await?;
    assert!(fourth.is_silent(WAITING).await, "a fourth connection was served");
    assert_eq!(second.get("/healthz").await?.status, 200, "those inside are");
    drop(first);
    assert_eq!(fourth.answer().await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_count_among_connections() -> Result {
    let server = of_three().await?;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::of(&server, USER, None).await?;
        socket.code().await?;
        sockets.push(socket);
    }
    let mut fourth = Wire::open(&server).await?;
    fourth.ask("/healthz").await?;
    assert!(fourth.is_silent(WAITING).await, "a fourth connection was served");
    drop(sockets.pop());
    assert_eq!(fourth.answer().await?.status, 200);
    // and what a socket gave back is not given twice
    let mut fifth = Wire::open(&server).await?;
    fifth.ask("/healthz").await?;
    assert!(fifth.is_silent(WAITING).await, "the fourth is still here");
    drop(fourth);
    assert_eq!(fifth.answer().await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_is_open() -> Result {
    let server = of_three().await?;
    let asking = held(&server).await?;
    let _socket = Socket::of(&server, USER, None).await?;
    let metrics = "GET /metrics HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer test-admin-token\r\n\r\n";
    let asking = Mutex::new(asking);
    // this one and the socket, as soon as it has seen that the one which tried the port has gone
    until("a count of two", async || {
        let mut asking = asking.lock().await;
        asking.send(metrics).await?;
        let text = asking.answer().await?.body;
        Ok(text.contains("\nswitchboard_http_connections 2\n").then_some(()))
    })
    .await
}

/// A place that one listener holds while nobody calls it must not be missing at the other.
#[tokio::test(flavor = "multi_thread")]
async fn one_place_serves_every_address() -> Result {
    let place = Place::new()?;
    let ports = [free_port()?, free_port()?];
    let listen = format!("http.listen=127.0.0.1:{},127.0.0.1:{}", ports[0], ports[1]);
    let serving = Live::start(place.command(&["serve", "--set", &listen, "--set", "http.connections=1"]))?;
    until("a server", async || {
        let up = Wire::to(ports[0]).await.is_ok() && Wire::to(ports[1]).await.is_ok();
        Ok(up.then_some(()))
    })
    .await?;
    for port in [ports[1], ports[0], ports[1], ports[0]] {
        assert_eq!(Wire::to(port).await?.get("/healthz").await?.status, 200);
    }
    drop(serving);
    Ok(())
}
