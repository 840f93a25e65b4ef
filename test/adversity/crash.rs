//! kill -9 at any moment: whoever was told that a phone is paired may rely on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;

use crate::harness::phone::session;
use crate::harness::{Builder, Heard, Layout, PASSWORD, Phone, Result, Server, Socket, until};
use crate::on_both_engines;
use crate::pairing::play;

const ROUNDS: usize = 10;
/// Kills that come too early or too late on this machine are followed by others.
const MOST_ROUNDS: usize = 40;
const PHONES: usize = 6;

/// What phones and pages were told before the kill.
#[derive(Default)]
struct Told {
    /// How many phones have begun to post.
    posting: usize,
    /// Fingerprints of the keys that answers carried, by session.
    keys: BTreeMap<String, String>,
    /// Sessions whose page saw `200- ack`.
    acks: Vec<String>,
}

/// A phone and its page, until the server dies under them.
async fn pair(server: Arc<Server>, user: String, told: Arc<Mutex<Told>>) -> Result<(String, String, String)> {
    let mut socket = Socket::of(&server, &user, None).await?;
    let sid = socket.code().await?;
    let phone = Phone::new()?;
    let body = phone.one_step(&server, PASSWORD)?;
    let page = tokio::spawn({
        let (told, sid) = (told.clone(), sid.clone());
        async move {
            while let Ok(heard) = socket.hear().await {
                match heard {
                    Heard::Ack => told.lock().map(|mut told| told.acks.push(sid.clone())).unwrap_or_default(),
                    Heard::Closed(_) | Heard::Lost => return,
                    Heard::Code(_) | Heard::Pause => {}
                }
            }
        }
    });
    if let Ok(mut told) = told.lock() {
        told.posting += 1;
    }
    if let Ok((200, answer)) = server.post(&session(&user, &sid), body.clone()).await {
        let key = phone.open(&answer)?;
        if let Ok(mut told) = told.lock() {
            told.keys.insert(sid.clone(), key.fingerprint());
        }
    }
    page.await?;
    Ok((user, sid, body))
}

/// When to kill: a little after the first post, some while after, or as soon as one was answered.
async fn moment(round: usize, told: &Mutex<Told>) -> Result {
    let wants_answer = round % 3 == 2;
    let look = async || {
        let told = told.lock().map_err(|_| anyhow::anyhow!("a phone panicked"))?;
        Ok((told.posting > 0 && !(wants_answer && told.keys.is_empty())).then_some(()))
    };
    until("the moment of a kill", look).await?;
    let most = [10, 45, 1][round % 3];
    tokio::time::sleep(Duration::from_millis(rand::random::<u64>() % most)).await;
    Ok(())
}

async fn what_was_told_survives_a_kill(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("sync.rotations", 1000).users(PHONES * MOST_ROUNDS);
    let mut server = Arc::new(builder.start().await?);
    let (mut answers, mut acks, mut unanswered) = (0, 0, 0);
    for round in 0..MOST_ROUNDS {
        if round >= ROUNDS && answers > 0 && unanswered > 0 {
            break;
        }
        let told = Arc::new(Mutex::new(Told::default()));
        let users = (0..PHONES).map(|n| format!("load-{:06}", round * PHONES + n + 1));
        let phones: Vec<_> = users.map(|user| tokio::spawn(pair(server.clone(), user, told.clone()))).collect();
        moment(round, &told).await?;
        server.signal("KILL")?;
        let mut posts = Vec::new();
        for phone in phones {
            // one that was killed before its socket opened has been told nothing
            if let Ok(post) = phone.await? {
                posts.push(post);
            }
        }
        let owned = Arc::try_unwrap(server).ok().context("a phone still holds the server")?;
        server = Arc::new(owned.restart().await?);
        let told = Arc::try_unwrap(told).ok().and_then(|told| told.into_inner().ok()).context("still told")?;
        answers += told.keys.len();
        acks += told.acks.len();
        unanswered += check_round(&server, &told, posts).await?;
    }
    println!("{answers} answers, {acks} acks, {unanswered} settled by repeating");
    assert!(answers > 0 && unanswered > 0, "the kills came too early or too late to show anything");
    Ok(())
}

/// Holds the store against what was told, then repeats what got no answer.
async fn check_round(server: &Server, told: &Told, posts: Vec<(String, String, String)>) -> Result<usize> {
    let rows = server.rows("SELECT sync_session_id, fingerprint FROM sb_device").await?;
    let mut stored: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        stored.entry(row[0].clone()).or_default().push(row[1].clone());
    }
    assert!(stored.values().all(|devices| devices.len() == 1), "a session has two devices: {stored:?}");
    for sid in &told.acks {
        assert!(stored.contains_key(sid), "{sid} was acknowledged and is not there");
    }
    for (sid, fingerprint) in &told.keys {
        assert_eq!(stored.get(sid), Some(&vec![fingerprint.clone()]), "{sid}");
    }
    // checks that died with their node are taken up after a while, which passes at once here
    if !server.rows("SELECT id FROM sb_sync_session").await?.is_empty() {
        play::age_attempts(server, Duration::from_secs(20)).await?;
    }
    let mut repeated = 0;
    for (user, sid, body) in posts.into_iter().filter(|(_, sid, _)| !told.keys.contains_key(sid)) {
        repeated += 1;
        let fingerprint = repeat(server, &user, &sid, body).await?;
        if let Some(committed) = stored.get(&sid) {
            assert_eq!(committed, &[fingerprint], "the repeat of a committed pairing has another key");
        }
    }
    Ok(repeated)
}

/// The same body again, as phones do.
async fn repeat(server: &Server, user: &str, sid: &str, body: String) -> Result<String> {
    for _ in 0..100 {
        let (status, answer) = server.post(&session(user, sid), body.clone()).await?;
        if status == 200 {
            return Ok(Phone::new()?.open(&answer)?.fingerprint());
        }
        anyhow::ensure!(status == 503, "{status}: {answer}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    anyhow::bail!("session {sid} was never taken up again")
}

on_both_engines!(what_was_told_survives_a_kill);
