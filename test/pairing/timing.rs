//! Refusals leave at a fixed time after they came, so that no clock can tell users that exist
//! from others, and a crowd of slow passwords tells nothing either.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use argon2::password_hash::{PasswordHasher as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::json;
use switchboard::crypto::password::argon2id;

use super::play::{self, NOBODY, Written, answer, edited, failures, handshake, lenient, verification};
use crate::harness::phone::session;
use crate::harness::{Layout, PASSWORD, Phone, Result, Server, USER};

const DELAY: Duration = Duration::from_millis(300);
const SAMPLES: usize = 12;
const ROUNDS: u64 = 8;
/// How far medians may lie apart by the noise of a busy machine.
const NOISE: Duration = Duration::from_millis(6);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    UnknownUser,
    WrongPassword,
    Undecryptable,
    Argon2,
}

const KINDS: [Kind; 4] = [Kind::UnknownUser, Kind::WrongPassword, Kind::Undecryptable, Kind::Argon2];

/// How long one refusal takes; the session and the body are made beforehand.
async fn time(server: &Server, kind: Kind) -> Result<Duration> {
    let phone = Phone::new()?;
    let (user, expected) = match kind {
        Kind::UnknownUser => (NOBODY, 403),
        Kind::WrongPassword => (USER, 403),
        Kind::Undecryptable => (USER, 400),
        Kind::Argon2 => ("argon", 403),
    };
    let path = session(user, &server.sid(user).await?);
    let mut body = phone.one_step(server, "wrong")?;
    if kind == Kind::Undecryptable {
        body = edited(&body, &json!({"password": "B".repeat(342) + "=="}))?;
    }
    let begun = Instant::now();
    let (status, _) = server.post(&path, body).await?;
    assert_eq!(status, expected, "{kind:?}");
    Ok(begun.elapsed())
}

/// The median time of each kind, the kinds taking turns; no sample may be below `least`.
async fn medians(server: &Server, least: Duration) -> Result<[Duration; 4]> {
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..SAMPLES {
        for (kind, times) in KINDS.into_iter().zip(&mut times) {
            let time = time(server, kind).await?;
            assert!(time >= least, "{kind:?} left after {time:?}");
            times.push(time);
        }
    }
    Ok(times.map(|mut times| {
        times.sort();
        times[SAMPLES / 2]
    }))
}

fn spread(medians: [Duration; 4]) -> Duration {
    let longest = medians.iter().max().copied().unwrap_or_default();
    longest.saturating_sub(medians.iter().min().copied().unwrap_or_default())
}

async fn serve(delay: &str) -> Result<Server> {
    let server = lenient(Layout::SqliteShared).await?.set("sync.refusal_delay", delay).start().await?;
    play::add_user(&server, "argon", &argon2id(PASSWORD).context("no hash")?, &["verified"]).await?;
    Ok(server)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_clock_tells_one_refusal_from_another() -> Result {
    // first, that this measure would see a difference: without the delay, Argon2 stands out
    let server = serve("0ms").await?;
    quiet_round(&server, Duration::ZERO, |open| {
        let others = open[..3].iter().max().copied().unwrap_or_default();
        open[3] > others + 2 * NOISE
    })
    .await?;
    drop(server);
    quiet_round(&serve("300ms").await?, DELAY, |medians| spread(medians) <= NOISE).await
}

/// Noise comes and goes, a difference stays: one round that shows what it should is enough.
async fn quiet_round(server: &Server, least: Duration, is_as_it_should: fn([Duration; 4]) -> bool) -> Result {
    let mut seen = Vec::new();
    for round in 0..ROUNDS {
        let medians = medians(server, least).await?;
        if is_as_it_should(medians) {
            return Ok(());
        }
        seen.push(medians);
        // whatever disturbs it may be over by then
        tokio::time::sleep(Duration::from_secs(round)).await;
    }
    anyhow::bail!("{KINDS:?} take {seen:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_after_the_session_s_check_waits() -> Result {
    let builder = lenient(Layout::SqliteShared).await?.set("sync.refusal_delay", "300ms");
    let server = builder.set("sync.lockouts", r#"[{failures=1,wait="1h"}]"#).start().await?;
    let phone = Phone::new()?;
    for user in [USER, NOBODY] {
        let (sid, sound) = (server.sid(user).await?, phone.one_step(&server, "wrong")?);
        play::offer(&server, &phone, user, &sid).await?;
        let not_pem = json!({"public_key": "x"}).to_string();
        let posts = [
            ("O with a bad key", session(user, &sid), edited(&sound, &json!({"public_key": "x"}))?, 400),
            ("T1 with a bad key", handshake(user, &sid), not_pem, 400),
            ("T2 without T1", session(user, &server.sid(user).await?), phone.two_step(&server, "wrong")?, 400),
            ("a wrong T2", verification(user, &sid), phone.two_step(&server, "wrong")?, 401),
            ("locked out, O", session(user, &sid), sound, 429),
            ("locked out, T2", verification(user, &sid), phone.two_step(&server, PASSWORD)?, 429),
        ];
        for (name, path, body, expected) in posts {
            for repeat in ["", "again "] {
                let begun = Instant::now();
                assert_eq!(server.post(&path, body.clone()).await?.0, expected, "{repeat}{name} of {user}");
                assert!(begun.elapsed() >= DELAY, "{repeat}{name} of {user} left after {:?}", begun.elapsed());
            }
        }
    }
    Ok(())
}

/// An Argon2id hash that takes far longer to check than a handshake takes, and on a busy machine still less than the
/// ten seconds that a check may take.
fn slow_hash() -> Result<String> {
    let cost = Params::new(19_456, 40, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    let salt = SaltString::from_b64("c2FsdHNhbHQ").map_err(|error| anyhow::anyhow!("{error}"))?;
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost).hash_password(PASSWORD.as_bytes(), &salt);
    Ok(hash.map_err(|error| anyhow::anyhow!("{error}"))?.to_string())
}

/// A hash of nothing, which to find out takes minutes: no check ends while its queue is looked at.
fn endless_hash() -> Result<String> {
    Ok(argon2id(PASSWORD).context("no hash")?.replace(",t=2,", ",t=10000,"))
}

/// Killed with its many passwords unchecked when the test ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_argon2_queue_is_told_before_any_look_up() -> Result {
    let server = lenient(Layout::SqliteShared).await?.set("sync.handshakes_at_once", 64).start().await?;
    let (phone, hash) = (Phone::new()?, endless_hash()?);
    assert!(hash.contains(",t=10000,"), "{hash}");
    let users: Vec<String> = (0..90).map(|n| format!("slow-{n}")).collect();
    for user in &users {
        play::add_user(&server, user, &hash, &["verified"]).await?;
    }
    let mut crowd = tokio::task::JoinSet::new();
    for user in &users {
        let (url, body) = (server.url(&session(user, &server.sid(user).await?)), phone.one_step(&server, "wrong")?);
        crowd.spawn(server.http.post(url).body(body).send());
    }
    // those who do not fit are told at once: the first answer says that the queue is full
    let first = crowd.join_next().await.context("nobody")???;
    assert_eq!(first.status(), 503);
    let mut looks = Vec::new();
    for user in [USER, NOBODY, "slow-0"] {
        let path = session(user, &server.sid(user).await?);
        let full = answer(&server, &path, phone.one_step(&server, PASSWORD)?).await?;
        assert_eq!(full.status, 503, "{user}: {full:?}");
        assert!(full.header("retry-after").parse::<u64>()? > 0);
        looks.push(full);
    }
    assert!(looks.iter().all(|full| full.looks() == looks[0].looks()));
    let sessions = Written::by(&server).await?.sessions;
    assert!(sessions.iter().all(|row| row[1] != USER && row[1] != NOBODY), "{sessions:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_passwords_do_not_hold_up_others() -> Result {
    let server = lenient(Layout::SqliteShared).await?.start().await?;
    let phone = Phone::new()?;
    play::add_user(&server, "slow", &slow_hash()?, &["verified"]).await?;
    let path = session("slow", &server.sid("slow").await?);
    let slow = server.post(&path, phone.one_step(&server, PASSWORD)?);
    let quick = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        phone.pair(&server, USER, &server.sid(USER).await?).await?;
        anyhow::Ok(Instant::now())
    };
    let slow = async { anyhow::Ok((slow.await?.0, Instant::now())) };
    let (slow, quick) = tokio::try_join!(slow, quick)?;
    assert_eq!(slow.0, 200);
    assert!(quick < slow.1, "the one that came later did not finish first");
    assert_eq!(failures(&server).await?, [0, 0, 0, 0]);
    Ok(())
}
