//! Users whose password is an Argon2id string must not hold up others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use switchboard::crypto::password;
use switchboard::store::Change;

use crate::handshake::latency_ms;
use crate::harness::{Builder, Layout, Phone, Result, Server};
use crate::table::Table;
use crate::wire::Wire;

const SLOW_USERS: usize = 60;

pub async fn measure(table: &mut Table) -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("log.level", "warn").set("sync.lockouts", "[]");
    let server = Arc::new(builder.users(1000).start().await?);
    slow_users(&server).await?;
    let alone = latency_ms(&server, 0..100).await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..8).map(|lane| tokio::spawn(press(server.clone(), lane, is_over.clone()))).collect();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let beside = latency_ms(&server, 100..200).await?;
    is_over.store(true, Ordering::Relaxed);
    for lane in load {
        lane.await??;
    }
    let ours = format!("{beside:.1} ms");
    // one of two cores is busy with Argon2: twice the time is its share, ten times would be a queue
    table.add("handshake beside 8 Argon2 logins", ours, format!("{alone:.1} ms alone"), beside < alone * 4.0);
    Ok(())
}

/// Gives some users an Argon2id password.
async fn slow_users(server: &Server) -> Result {
    let hash = password::argon2id("dummy_password").context("no hash")?;
    let backend = server.home().databases.backend()?;
    for n in 0..SLOW_USERS {
        let id = format!("slow-{n}");
        let info = i64::try_from(1_000_000 + n)?;
        let change = Change::new()
            .run("INSERT INTO users (id, password) VALUES (?, ?)", vec![id.as_str().into(), hash.as_str().into()])
            .run(
                "INSERT INTO usersInfos (id, full_phone_number, status, userId) VALUES (?, 'x', 'verified', ?)",
                vec![info.into(), id.as_str().into()],
            );
        backend.commit(change).await?;
    }
    Ok(())
}

/// Logs slow users in, one after the other, until it is over.
async fn press(server: Arc<Server>, lane: usize, is_over: Arc<AtomicBool>) -> Result {
    let phone = Phone::new()?;
    let mut wire = Wire::connect(server.port).await?;
    let mut n = lane;
    while !is_over.load(Ordering::Relaxed) {
        let user = format!("slow-{}", n % SLOW_USERS);
        n += 8;
        let (sid, body) = (server.sid(&user).await?, phone.one_step(&server, "dummy_password")?);
        wire.post(&format!("/v2/sync/users/{user}/sessions/{sid}/"), &body).await?;
    }
    Ok(())
}
