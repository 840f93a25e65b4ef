//! Many posts at once: one phone pairs, a repeat is a repeat, nobody guesses faster, nobody waits for the slow.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use argon2::password_hash::{PasswordHasher as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::scene::{Answer, add_users, assert_whole, crowd, get, metric, number, post, tally};
use crate::harness::phone::session;
use crate::harness::{Builder, Layout, PASSWORD, Phone, Result, Server, USER};
use crate::{on_both_engines, on_every_layout};

/// Two nodes over the same databases and keys.
async fn two_nodes() -> Result<[Server; 2]> {
    let first = Builder::new(Layout::MariadbShared).await?.start().await?;
    let second = Builder::at(first.home()).start_unseeded().await?;
    Ok([first, second])
}

/// One 200, one device, and the server as good as before.
async fn assert_one_winner(servers: &[&Server], answers: &[Answer], phone: &Phone) -> Result {
    println!("{} posts: {:?}", answers.len(), tally(answers));
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 1, "{:?}", tally(answers));
    let key = phone.open(&winners[0].body)?;
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        match loser.status {
            400 => assert_eq!(loser.body, "invalid session requested"),
            429 | 503 => assert!(loser.retry_after.is_some(), "{loser:?}"),
            _ => anyhow::bail!("no refusal of the contract: {loser:?}"),
        }
    }
    assert_eq!(servers[0].fingerprints().await?, [key.fingerprint()]);
    assert_eq!(assert_whole(&servers[0].home()).await?, 1);
    for server in servers {
        assert_eq!(get(server, "/readyz").await?.status, 200);
        // neither locked out nor left behind by the crowd
        phone.pair(server, USER, &server.sid(USER).await?).await?;
    }
    Ok(())
}

/// So many bodies with the right password, each encrypted anew.
fn different_bodies(server: &Server, phone: &Phone, sid: &str, count: usize) -> Result<Vec<(String, String)>> {
    (0..count).map(|_| Ok((session(USER, sid), phone.one_step(server, PASSWORD)?))).collect()
}

async fn of_a_thousand_different_bodies_one_pairs(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let (phone, sid) = (Phone::new()?, server.sid(USER).await?);
    let posts = different_bodies(&server, &phone, &sid, 1000)?;
    let answers = crowd(&[&server], posts).await?;
    assert_one_winner(&[&server], &answers, &phone).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_different_bodies_on_two_nodes_one_pairs() -> Result {
    let [first, second] = two_nodes().await?;
    let (phone, sid) = (Phone::new()?, first.sid(USER).await?);
    let posts = different_bodies(&first, &phone, &sid, 1000)?;
    let answers = crowd(&[&first, &second], posts).await?;
    assert_one_winner(&[&first, &second], &answers, &phone).await
}

/// Every answer is 200 with the key of the one device.
async fn assert_all_equal(server: &Server, answers: &[Answer], phone: &Phone) -> Result {
    let mut keys = BTreeSet::new();
    for answer in answers {
        ensure!(answer.status == 200, "{:?}: {answer:?}", tally(answers));
        keys.insert(hex::encode(phone.open(&answer.body)?.as_bytes()));
    }
    println!("{} posts: {:?}, {} different keys", answers.len(), tally(answers), keys.len());
    assert_eq!(keys.len(), 1);
    assert_eq!(server.fingerprints().await?, [phone.open(&answers[0].body)?.fingerprint()]);
    assert_eq!(assert_whole(&server.home()).await?, 1);
    Ok(())
}

async fn the_same_body_a_hundred_times_is_one_phone(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let (phone, sid) = (Phone::new()?, server.sid(USER).await?);
    let body = phone.one_step(&server, PASSWORD)?;
    let answers = crowd(&[&server], vec![(session(USER, &sid), body); 100]).await?;
    assert_all_equal(&server, &answers, &phone).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_body_a_hundred_times_on_two_nodes_is_one_phone() -> Result {
    let [first, second] = two_nodes().await?;
    let (phone, sid) = (Phone::new()?, first.sid(USER).await?);
    let body = phone.one_step(&first, PASSWORD)?;
    let answers = crowd(&[&first, &second], vec![(session(USER, &sid), body); 100]).await?;
    assert_all_equal(&first, &answers, &phone).await
}

/// Wrong passwords, each on a session of its own, so that only the ladder can stop them.
async fn guess_in_parallel(servers: &[&Server], user: &str, guesses: usize) -> Result {
    let (phone, mut posts) = (Phone::new()?, Vec::new());
    for guess in 0..guesses {
        let sid = servers[0].sid(user).await?;
        posts.push((session(user, &sid), phone.one_step(servers[0], &format!("guess {guess}"))?));
    }
    let answers = crowd(servers, posts).await?;
    println!("{guesses} guesses at {user}: {:?}", tally(&answers));
    let compared = answers.iter().filter(|answer| answer.status != 429).count();
    assert_eq!(compared, 3, "the first wait comes after three failures: {:?}", tally(&answers));
    for answer in answers {
        match answer.status {
            403 => assert_eq!(answer.body, ""),
            _ => assert!(answer.retry_after.is_some_and(|wait| (60..=120).contains(&wait.parse().unwrap_or(0)))),
        }
    }
    Ok(())
}

async fn assert_guesses_were_counted(servers: &[&Server], known: f64) -> Result {
    let store = servers[0].home().databases.store()?;
    // two users, each with a counter for this address and one for all
    assert_eq!(number(&store, "SELECT COUNT(*) FROM sb_lockout").await?, 4);
    assert_eq!(number(&store, "SELECT COUNT(*) FROM sb_lockout WHERE failures <> 3").await?, 0);
    let mut checks = 0.0;
    for server in servers {
        checks += metric(server, "switchboard_sync_password_seconds_count").await?;
    }
    assert!((checks - known).abs() < 0.5, "{checks} passwords were compared");
    let phone = Phone::new()?;
    for server in servers {
        let path = session(USER, &server.sid(USER).await?);
        let answer = post(server, &path, phone.one_step(server, PASSWORD)?).await?;
        assert_eq!(answer.status, 429, "the right password has to wait too");
    }
    Ok(())
}

async fn parallel_guesses_stay_within_the_ladder(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    guess_in_parallel(&[&server], USER, 60).await?;
    guess_in_parallel(&[&server], "nobody", 60).await?;
    assert_guesses_were_counted(&[&server], 3.0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_guesses_on_two_nodes_stay_within_the_ladder() -> Result {
    let [first, second] = two_nodes().await?;
    guess_in_parallel(&[&first, &second], USER, 60).await?;
    guess_in_parallel(&[&first, &second], "nobody", 60).await?;
    assert_guesses_were_counted(&[&first, &second], 3.0).await
}

fn named(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n:03}")).collect()
}

/// A hash like the others of its kind, but a tenth of a second to check: many of them take far
/// longer than one quick handshake, and on a busy machine still less than a check may take.
fn slow_hash() -> Result<String> {
    let cost = Params::new(19_456, 6, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    let salt = SaltString::from_b64("c2FsdHNhbHQ").map_err(|error| anyhow::anyhow!("{error}"))?;
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost).hash_password(PASSWORD.as_bytes(), &salt);
    Ok(hash.map_err(|error| anyhow::anyhow!("{error}"))?.to_string())
}

/// A right password for each of these users, on a session each.
async fn posts_of(server: &Server, phone: &Phone, users: &[String]) -> Result<Vec<(String, String)>> {
    let mut posts = Vec::new();
    for user in users {
        let sid = server.sid(user).await?;
        posts.push((session(user, &sid), phone.one_step(server, PASSWORD)?));
    }
    Ok(posts)
}

/// Its password was right; a machine that is too busy to look at it within ten seconds says so.
fn assert_checked((status, took): (reqwest::Result<u16>, Duration)) -> Result {
    let status = status?;
    assert!(status == 200 || (status == 503 && took >= Duration::from_secs(10)), "{status} after {took:?}");
    Ok(())
}

async fn slow_passwords_do_not_hold_up_quick_ones(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let (phone, users) = (Phone::new()?, named("slow", 24));
    add_users(&server.home(), &users, &slow_hash()?).await?;
    let slow: Vec<_> = posts_of(&server, &phone, &users).await?;
    let quick = posts_of(&server, &phone, &[USER.to_owned()]).await?.remove(0);
    let begun = Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for (path, body) in slow {
        let request = server.http.post(server.url(&path)).body(body);
        let sent = async move { request.send().await.map(|response| response.status().as_u16()) };
        waiting.spawn(async move { (sent.await, begun.elapsed()) });
    }
    // the first has its answer: now the others stand in line
    let (first, _) = waiting.join_next().await.context("none")??;
    assert_eq!(first?, 200);
    let asked = Instant::now();
    assert_eq!(post(&server, &quick.0, quick.1).await?.status, 200);
    let quick_took = asked.elapsed();
    let mut overtaken = 0;
    while let Some(done) = waiting.try_join_next() {
        assert_checked(done?)?;
        overtaken += 1;
    }
    let left = waiting.len();
    while let Some(done) = waiting.join_next().await {
        assert_checked(done?)?;
    }
    let all_took = begun.elapsed();
    println!("quick in {quick_took:?}, {left} slow ones still waiting ({overtaken} done); all 24 in {all_took:?}");
    assert!(left >= 12, "only {left} were left");
    Ok(())
}

on_both_engines!(
    of_a_thousand_different_bodies_one_pairs,
    the_same_body_a_hundred_times_is_one_phone,
    parallel_guesses_stay_within_the_ladder,
);
on_every_layout!(slow_passwords_do_not_hold_up_quick_ones);
