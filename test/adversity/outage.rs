//! Stores that go away for a while, and Redis: refusals are clear, sockets stay, service resumes by itself.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::harness::database::{mariadb, redis};
use crate::harness::phone::session;
use crate::harness::proxy::Proxy;
use crate::harness::{Builder, Heard, LONG, Layout, PASSWORD, Phone, Result, Server, Socket, USER, until};

/// How long a store stays away.
const AWAY: Duration = Duration::from_secs(10);

fn port_of(url: &str) -> Result<u16> {
    let after = url.rsplit(':').next().context("no port")?;
    Ok(after.split('/').next().unwrap_or(after).parse()?)
}

/// A handshake while the store is away: 503, and when to come again.
async fn refused(server: &Server, body: &str) -> Result {
    let sid = server.sid(USER).await?;
    let request = server.http.post(server.url(&session(USER, &sid))).body(body.to_owned());
    let response = request.send().await?;
    ensure!(response.status() == 503, "{}", response.status());
    ensure!(response.headers().contains_key("retry-after"), "no Retry-After");
    Ok(())
}

/// Pairs as soon as the server can again.
async fn resumes(server: &Server) -> Result {
    let look = async || {
        let sid = server.sid(USER).await?;
        Ok(Phone::new()?.pair(server, USER, &sid).await.ok().map(drop))
    };
    until("a pairing after the outage", look).await
}

/// The middle of every outage: codes go on, handshakes are refused clearly, nothing is written.
async fn serves_without_a_store(server: &Server, body: &str, socket: &mut Socket) -> Result {
    let begun = Instant::now();
    let mut codes = 0;
    while begun.elapsed() < AWAY {
        refused(server, body).await?;
        socket.code().await?;
        codes += 1;
    }
    let ready = server.http.get(server.url("/readyz")).send().await?;
    ensure!(ready.status() == 503, "ready without a store");
    ensure!(codes > 3, "the socket showed {codes} codes only");
    Ok(())
}

fn patient(builder: Builder) -> Builder {
    builder
        .set("sync.rotations", 1000)
        .set("sync.rotate_every", "200ms")
        .set("store.timeout", "1s")
        .set("sync.refusal_delay", "50ms")
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_goes_away_and_comes_back() -> Result {
    let proxy = Proxy::to("127.0.0.1", port_of(&mariadb()?)?).await?;
    let builder = Builder::new(Layout::MariadbShared).await?;
    let seeded = builder.run(&["seed"]).await?;
    ensure!(seeded.status.success());
    let real = builder.home().databases.store_url.clone();
    let through = real.replace(&format!(":{}/", port_of(&mariadb()?)?), &format!(":{}/", proxy.port));
    let server = patient(builder).set("store.url", through).start_unseeded().await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let body = Phone::new()?.one_step(&server, PASSWORD)?;
    proxy.cut().await;
    serves_without_a_store(&server, &body, &mut socket).await?;
    proxy.mend();
    resumes(&server).await?;
    assert_eq!(server.fingerprints().await?.len(), 1, "one device, from after the outage");
    assert!(matches!(socket.hear().await?, Heard::Code(_)), "the socket has outlived it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_locks_the_embedded_store() -> Result {
    let server = patient(Builder::new(Layout::SqliteShared).await?).start().await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let body = Phone::new()?.one_step(&server, PASSWORD)?;
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let path = server.builder().path("store.db");
    let holder = tokio::task::spawn_blocking(move || -> Result {
        let other = rusqlite::Connection::open(path)?;
        other.busy_timeout(Duration::from_secs(5))?;
        // in WAL mode this keeps writers out; readers go on
        other.execute_batch("BEGIN EXCLUSIVE")?;
        let _ = locked.send(());
        let _ = held.recv_timeout(LONG);
        Ok(other.execute_batch("ROLLBACK")?)
    });
    is_locked.await?;
    let begun = Instant::now();
    while begun.elapsed() < AWAY {
        refused(&server, &body).await?;
        socket.code().await?;
    }
    release.send(())?;
    holder.await??;
    resumes(&server).await?;
    assert_eq!(server.fingerprints().await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_database_that_is_away_costs_the_user_nothing_lasting() -> Result {
    let proxy = Proxy::to("127.0.0.1", port_of(&mariadb()?)?).await?;
    let builder = Builder::new(Layout::MariadbSeparate).await?;
    let seeded = builder.run(&["seed"]).await?;
    ensure!(seeded.status.success());
    let real = builder.home().databases.backend_url.clone();
    let through = real.replace(&format!(":{}/", port_of(&mariadb()?)?), &format!(":{}/", proxy.port));
    let server = patient(builder).set("backend.url", through).start_unseeded().await?;
    let body = Phone::new()?.one_step(&server, PASSWORD)?;
    proxy.cut().await;
    refused(&server, &body).await?;
    refused(&server, &body).await?;
    proxy.mend();
    resumes(&server).await?;
    let failures = server.rows("SELECT MAX(failures) FROM sb_lockout").await?;
    assert_eq!(failures, [["0"]], "success has forgiven what the outage counted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_goes_away_and_comes_back() -> Result {
    let proxy = Proxy::to("127.0.0.1", port_of(&redis()?)?).await?;
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    proxy.cut().await;
    let server = Builder::new(Layout::MariadbShared).await?.set("redis.url", url).start().await?;
    for (is_whole, word) in [(false, "down"), (true, "up"), (false, "down")] {
        if is_whole {
            proxy.mend();
        } else {
            proxy.cut().await;
        }
        redis_is(&server, word).await?;
        let mut socket = Socket::of(&server, USER, None).await?;
        let sid = socket.code().await?;
        Phone::new()?.pair(&server, USER, &sid).await?;
        assert_eq!(socket.hear_past_codes().await?, Heard::Pause);
        assert_eq!(socket.hear_past_codes().await?, Heard::Ack, "Redis {word}");
    }
    Ok(())
}

async fn redis_is(server: &Server, word: &str) -> Result {
    let look = async || {
        let response = server.http.get(server.url("/readyz")).send().await?;
        ensure!(response.status() == 200, "a node without Redis still serves");
        Ok(response.text().await?.contains(&format!("\"redis\":\"{word}\"")).then_some(()))
    };
    until(&format!("Redis {word}"), look).await
}
