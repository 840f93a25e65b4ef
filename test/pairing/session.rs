//! A session id: redeemable once until it expires, killed by five failures, and answering an
//! identical body alike for a minute.

use std::time::Duration;

use serde_json::json;

use super::play::{self, Written, edited, failures, handshake, lenient, verification};
use crate::harness::phone::session;
use crate::harness::server::Builder;
use crate::harness::time::outlive;
use crate::harness::{ADMIN, Layout, PASSWORD, Phone, Result, Server, Socket, USER};
use crate::{in_foreign_sessions, on_both_engines, on_every_layout};

fn invalid() -> (u16, String) {
    (400, "invalid session requested".into())
}

async fn is_spent(server: &Server, sid: &str) -> Result {
    let phone = Phone::new()?;
    let before = Written::by(server).await?;
    for password in [PASSWORD, "wrong"] {
        assert_eq!(play::try_one_step(server, USER, sid, password).await?, invalid(), "O");
        assert_eq!(play::try_two_step(server, USER, sid, password).await?, invalid(), "T2");
    }
    let offer = json!({"public_key": phone.public_pem}).to_string();
    assert_eq!(server.post(&handshake(USER, sid), offer).await?, invalid(), "T1");
    assert_eq!(&Written::by(server).await?, &before);
    Ok(())
}

async fn a_session_is_redeemed_once(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let phone = Phone::new()?;
    let (one, two) = (server.sid(USER).await?, server.sid(USER).await?);
    phone.pair(&server, USER, &one).await?;
    play::offer(&server, &phone, USER, &two).await?;
    assert_eq!(play::try_two_step(&server, USER, &two, PASSWORD).await?.0, 200);
    is_spent(&server, &one).await?;
    is_spent(&server, &two).await?;
    assert_eq!(server.fingerprints().await?.len(), 2);
    Ok(())
}

async fn a_row_is_written_at_the_first_valid_post(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let (offered, posted) = (server.sid(USER).await?, server.sid(USER).await?);
    assert!(Written::by(&server).await?.sessions.is_empty());
    play::offer(&server, &Phone::new()?, USER, &offered).await?;
    let row = |sid: &str, state: &str, failed: &str| vec![sid.to_owned(), USER.into(), state.into(), failed.into()];
    assert_eq!(Written::by(&server).await?.sessions, [row(&offered, "offered", "0")]);
    play::try_one_step(&server, USER, &posted, "wrong").await?;
    let mut rows = [row(&offered, "offered", "0"), row(&posted, "failed", "1")];
    rows.sort();
    assert_eq!(Written::by(&server).await?.sessions, rows);
    Ok(())
}

async fn a_session_outlives_its_socket(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("sync.rotations", 1).set("sync.rotate_every", "50ms").start().await?;
    let mut left = Socket::of(&server, USER, None).await?;
    let first = left.code().await?;
    drop(left);
    let mut ended = Socket::of(&server, USER, None).await?;
    let second = ended.code().await?;
    assert_eq!(ended.hear().await?, crate::harness::Heard::Closed(1000));
    for sid in [first, second] {
        Phone::new()?.pair(&server, USER, &sid).await?;
    }
    Ok(())
}

async fn a_session_expires(layout: Layout) -> Result {
    let server = lenient(layout).await?.set("sync.session_ttl", "6s").start().await?;
    let phone = Phone::new()?;
    let (one, two) = (server.sid(USER).await?, server.sid(USER).await?);
    play::offer(&server, &phone, USER, &two).await?;
    outlive(&two).await?;
    is_spent(&server, &one).await?;
    is_spent(&server, &two).await?;
    assert!(server.fingerprints().await?.is_empty());
    Ok(())
}

async fn a_failure_does_not_spend_a_session(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let (one, two) = (server.sid(USER).await?, server.sid(USER).await?);
    play::offer(&server, &phone, USER, &two).await?;
    for _ in 0..4 {
        assert_eq!(play::try_one_step(&server, USER, &one, "wrong").await?.0, 403);
        assert_eq!(play::try_two_step(&server, USER, &two, "wrong").await?.0, 401);
    }
    phone.pair(&server, USER, &one).await?;
    // no new T1 is wanted after a failed T2
    let (status, body) = play::try_two_step(&server, USER, &two, PASSWORD).await?;
    assert_eq!(status, 200, "{body}");
    Ok(())
}

async fn five_failures_kill_a_session(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    play::offer(&server, &phone, USER, &sid).await?;
    // of any kind, in either flavour
    let garbage = edited(&phone.one_step(&server, PASSWORD)?, &json!({"password": "garbage"}))?;
    assert_eq!(server.post(&session(USER, &sid), garbage).await?.0, 400);
    for _ in 0..2 {
        assert_eq!(play::try_one_step(&server, USER, &sid, "wrong").await?.0, 403);
        assert_eq!(play::try_two_step(&server, USER, &sid, "wrong").await?.0, 401);
    }
    is_spent(&server, &sid).await?;
    phone.pair(&server, USER, &server.sid(USER).await?).await?;
    Ok(())
}

async fn a_repeat_gets_the_same_key_encrypted_again(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let phone = Phone::new()?;
    let one = (session(USER, &server.sid(USER).await?), phone.one_step(&server, PASSWORD)?);
    let sid = server.sid(USER).await?;
    play::offer(&server, &phone, USER, &sid).await?;
    let two = (verification(USER, &sid), phone.two_step(&server, PASSWORD)?);
    for (path, body) in [one, two] {
        let mut answers = Vec::new();
        for _ in 0..4 {
            let (status, answer) = server.post(&path, body.clone()).await?;
            assert_eq!(status, 200, "{answer}");
            answers.push(answer);
        }
        let first = phone.open(&answers[0])?;
        for (at, answer) in answers.iter().enumerate() {
            assert!(phone.open(answer)? == first, "another key");
            assert!(!answers[..at].contains(answer), "the same ciphertext twice");
            let rest = |answer: &str| edited(answer, &json!({"shared_key": null}));
            assert_eq!(rest(answer)?, rest(&answers[0])?);
        }
        assert_eq!(server.fingerprints().await?.last(), Some(&first.fingerprint()));
    }
    assert_eq!(server.fingerprints().await?.len(), 2);
    assert!(failures(&server).await?.iter().all(|count| *count == 0));
    Ok(())
}

async fn a_repeated_failure_counts_once(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    play::offer(&server, &phone, USER, &sid).await?;
    let garbage = edited(&phone.one_step(&server, PASSWORD)?, &json!({"password": "garbage"}))?;
    let bodies = [
        (phone.one_step(&server, "wrong")?, 403, ""),
        (phone.two_step(&server, "wrong")?, 401, "failed to authenticate"),
        (garbage, 400, "error with decryption"),
    ];
    for (count, (body, status, text)) in (1..).zip(bodies) {
        for _ in 0..7 {
            assert_eq!(server.post(&session(USER, &sid), body.clone()).await?, (status, text.into()));
        }
        assert_eq!(failures(&server).await?, [count, count], "from here and from anywhere");
    }
    assert_eq!(server.rows("SELECT failures FROM sb_sync_session").await?.concat(), ["3"]);
    // twenty-one posts, three failures: the session lives
    phone.pair(&server, USER, &sid).await?;
    Ok(())
}

async fn repeats_are_known_among_other_bodies(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let path = session(USER, &server.sid(USER).await?);
    let (wrong, right) = (phone.one_step(&server, "wrong")?, phone.one_step(&server, PASSWORD)?);
    assert_eq!(server.post(&path, wrong.clone()).await?.0, 403);
    let (_, answer) = server.post(&path, right.clone()).await?;
    let key = phone.open(&answer)?;
    let before = Written::by(&server).await?;
    // the phone that failed repeats itself after the session was redeemed, and so does the other
    assert_eq!(server.post(&path, wrong).await?, (403, String::new()));
    assert!(phone.open(&server.post(&path, right.clone()).await?.1)? == key);
    // a body that differs by a space is not a repeat
    assert_eq!(server.post(&path, right + " ").await?, invalid());
    assert_eq!(Written::by(&server).await?, before);
    Ok(())
}

async fn a_repeat_is_one_for_a_minute(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let (failed, paired) = (session(USER, &server.sid(USER).await?), session(USER, &server.sid(USER).await?));
    let (wrong, right) = (phone.one_step(&server, "wrong")?, phone.one_step(&server, PASSWORD)?);
    assert_eq!(server.post(&failed, wrong.clone()).await?.0, 403);
    play::age_attempts(&server, Duration::from_secs(30)).await?;
    assert_eq!(server.post(&failed, wrong.clone()).await?.0, 403);
    assert_eq!(failures(&server).await?, [1, 1], "still a repeat");
    play::age_attempts(&server, Duration::from_secs(31)).await?;
    assert_eq!(server.post(&failed, wrong).await?.0, 403);
    assert_eq!(failures(&server).await?, [2, 2], "another try");

    assert_eq!(server.post(&paired, right.clone()).await?.0, 200);
    play::age_attempts(&server, Duration::from_secs(30)).await?;
    assert_eq!(server.post(&paired, right.clone()).await?.0, 200);
    play::age_attempts(&server, Duration::from_secs(31)).await?;
    assert_eq!(server.post(&paired, right).await?, invalid());
    assert_eq!(server.fingerprints().await?.len(), 1);
    Ok(())
}

async fn a_repeat_does_not_bring_a_revoked_device_back(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let phone = Phone::new()?;
    let path = session(USER, &server.sid(USER).await?);
    let body = phone.one_step(&server, PASSWORD)?;
    assert_eq!(server.post(&path, body.clone()).await?.0, 200);
    let id = server.rows("SELECT id FROM sb_device").await?.concat().concat();
    let revoked = server.http.delete(server.url(&format!("/v1/devices/dev_{id}"))).bearer_auth(ADMIN).send().await?;
    assert_eq!(revoked.status(), 204);
    let before = Written::by(&server).await?;
    assert_eq!(server.post(&path, body).await?, invalid());
    assert_eq!(Written::by(&server).await?, before);
    assert!(server.fingerprints().await?.is_empty());
    Ok(())
}

async fn of_many_bodies_at_once_one_is_paired(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let path = session(USER, &server.sid(USER).await?);
    let bodies = (0..12).map(|_| Phone::new()?.one_step(&server, PASSWORD)).collect::<Result<Vec<_>>>()?;
    let answers = futures_util::future::join_all(bodies.into_iter().map(|body| server.post(&path, body))).await;
    let answers = answers.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == invalid()).count(), 11);
    assert_eq!(server.fingerprints().await?.len(), 1);
    Ok(())
}

async fn the_development_session_is_redeemed_again_and_again(layout: Layout) -> Result {
    let server = lenient(layout).await?.dev().start().await?;
    let phone = Phone::new()?;
    let mut keys = Vec::new();
    for _ in 0..6 {
        // more failures than any other session survives
        assert_eq!(play::try_one_step(&server, USER, "000", "wrong").await?.0, 403);
        keys.push(phone.pair(&server, USER, "000").await?.fingerprint());
        play::offer(&server, &phone, USER, "000").await?;
        assert_eq!(play::try_two_step(&server, USER, "000", "wrong").await?.0, 401);
        let (status, body) = play::try_two_step(&server, USER, "000", PASSWORD).await?;
        assert_eq!(status, 200, "{body}");
        keys.push(phone.open(&body)?.fingerprint());
    }
    let mut written = server.fingerprints().await?;
    written.sort();
    keys.sort();
    assert_eq!(written, keys);
    // it is the development user's alone
    play::add_usual_user(&server, "another").await?;
    assert_eq!(play::try_one_step(&server, "another", "000", PASSWORD).await?, invalid());
    Ok(())
}

on_every_layout!(
    a_session_is_redeemed_once,
    a_repeat_gets_the_same_key_encrypted_again,
    a_repeated_failure_counts_once,
    a_repeat_does_not_bring_a_revoked_device_back,
    the_development_session_is_redeemed_again_and_again,
);
on_both_engines!(
    a_row_is_written_at_the_first_valid_post,
    a_session_outlives_its_socket,
    a_session_expires,
    a_failure_does_not_spend_a_session,
    five_failures_kill_a_session,
    repeats_are_known_among_other_bodies,
    a_repeat_is_one_for_a_minute,
    of_many_bodies_at_once_one_is_paired,
);
in_foreign_sessions!(a_session_is_redeemed_once, a_repeated_failure_counts_once);
