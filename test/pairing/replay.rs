//! A password's ciphertext pairs one phone: whoever has listened to it cannot have it taken again.

use std::time::{Duration, Instant};

use serde_json::json;
use switchboard::crypto::{Aad, MasterKey};
use switchboard::model::{DigestAlgorithm, OaepDigests};
use switchboard::store::Change;

use super::held::{Held, patient, post, under_way};
use super::play::{self, Answer, Written, answer, edited, failures, lenient, verification};
use crate::harness::phone::session;
use crate::harness::{ADMIN, Builder, Digests, Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER};
use crate::{in_foreign_sessions, on_both_engines};

#[derive(Clone, Copy, Debug)]
pub(super) enum Steps {
    One,
    Two,
}

pub(super) const BOTH: [Steps; 2] = [Steps::One, Steps::Two];

/// A body of this phone's with another's ciphertext, which anybody can write.
fn body(server: &Server, phone: &Phone, ciphertext: &str, steps: Steps) -> Result<String> {
    let own = match steps {
        Steps::One => phone.one_step(server, "")?,
        Steps::Two => phone.two_step(server, "")?,
    };
    edited(&own, &json!({"password": ciphertext}))
}

async fn bring(server: &Server, phone: &Phone, sid: &str, ciphertext: &str, steps: Steps) -> Result<Answer> {
    if matches!(steps, Steps::Two) {
        play::offer(server, phone, USER, sid).await?;
    }
    answer(server, &verification(USER, sid), body(server, phone, ciphertext, steps)?).await
}

pub(super) async fn bring_anew(server: &Server, phone: &Phone, ciphertext: &str, steps: Steps) -> Result<Answer> {
    bring(server, phone, &server.sid(USER).await?, ciphertext, steps).await
}

pub(super) fn refusal(steps: Steps) -> (u16, &'static str) {
    match steps {
        Steps::One => (403, ""),
        Steps::Two => (401, "failed to authenticate"),
    }
}

async fn a_ciphertext_pairs_one_phone_in_both_flavours_and_all_digests(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let stranger = Phone::with_new_key()?;
    let mut wrong = Vec::new();
    for steps in BOTH {
        let refused = bring_anew(&server, &stranger, &stranger.encrypt(&server, "wrong")?, steps).await?;
        assert_eq!((refused.status, refused.body.as_str()), refusal(steps));
        wrong.push(refused);
    }
    for pair in OaepDigests::ALL {
        let digests = Digests { oaep: pair.oaep, password_mgf1: pair.mgf1, answer_mgf1: DigestAlgorithm::Sha1 };
        let phone = Phone { digests, ..Phone::new()? };
        let thief = Phone { digests, key: stranger.key, public_pem: stranger.public_pem.clone() };
        for first in BOTH {
            let ciphertext = phone.encrypt(&server, PASSWORD)?;
            let paired = bring_anew(&server, &phone, &ciphertext, first).await?;
            assert_eq!(paired.status, 200, "{paired:?}");
            let devices = server.fingerprints().await?;
            for (then, wrong) in BOTH.into_iter().zip(&wrong) {
                // the same phone on another session is no better
                for phone in [&thief, &phone] {
                    let replayed = bring_anew(&server, phone, &ciphertext, then).await?;
                    assert_eq!(replayed.looks(), wrong.looks(), "{first:?}, then {then:?}, {digests:?}");
                }
            }
            assert_eq!(failures(&server).await?, [4, 4], "each is counted");
            assert_eq!(server.fingerprints().await?, devices);
        }
    }
    Ok(())
}

async fn a_replay_is_counted_and_delayed_as_a_wrong_password(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("sync.lockouts", r#"[{failures=2,wait="1h"}]"#);
    let server = builder.set("sync.rotate_every", "60s").start().await?;
    let (phone, thief) = (Phone::new()?, Phone::with_new_key()?);
    let ciphertext = phone.encrypt(&server, PASSWORD)?;
    assert_eq!(bring_anew(&server, &phone, &ciphertext, Steps::One).await?.status, 200);
    let mut page = Socket::of(&server, USER, None).await?;
    let sid = page.code().await?;
    let stolen = body(&server, &thief, &ciphertext, Steps::One)?;
    for _ in 0..2 {
        let begun = Instant::now();
        assert_eq!(server.post(&session(USER, &sid), stolen.clone()).await?, (403, String::new()));
        assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    }
    assert_eq!(failures(&server).await?, [1, 1], "a repeat counts once");
    assert_eq!(page.hear().await?, Heard::Pause);
    assert_ne!(page.code().await?, sid);
    assert_eq!(bring_anew(&server, &thief, &ciphertext, Steps::Two).await?.status, 401);
    assert_eq!(failures(&server).await?, [2, 2]);
    let right = phone.encrypt(&server, PASSWORD)?;
    assert_eq!(bring_anew(&server, &phone, &right, Steps::One).await?.status, 429);
    Ok(())
}

async fn a_ciphertext_is_remembered_whatever_became_of_its_phone(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let (phone, thief) = (Phone::new()?, Phone::with_new_key()?);
    let ciphertext = phone.encrypt(&server, PASSWORD)?;
    assert_eq!(bring_anew(&server, &phone, &ciphertext, Steps::One).await?.status, 200);
    let id = server.rows("SELECT id FROM sb_device").await?.concat().concat();
    let revoked = server.http.delete(server.url(&format!("/v1/devices/dev_{id}"))).bearer_auth(ADMIN).send().await?;
    assert_eq!(revoked.status(), 204);
    let swept = Change::new().run("DELETE FROM sb_sync_session", Vec::new());
    server.home().databases.store()?.commit(swept).await?;
    let server = server.restart().await?;
    assert_eq!(bring_anew(&server, &thief, &ciphertext, Steps::One).await?.status, 403);
    // nor is it another user's, who has the same password
    play::add_usual_user(&server, "another").await?;
    let path = session("another", &server.sid("another").await?);
    assert_eq!(server.post(&path, body(&server, &thief, &ciphertext, Steps::One)?).await?.0, 403);
    assert!(server.fingerprints().await?.is_empty());
    let kept = server.rows("SELECT id, used_with FROM sb_sync_ciphertext").await?;
    assert_eq!(kept.len(), 1);
    assert!(kept[0].iter().all(|hash| hash.len() == 64), "{kept:?}");
    Ok(())
}

async fn the_development_session_takes_a_ciphertext_again_from_one_phone(layout: Layout) -> Result {
    let server = lenient(layout).await?.dev().start().await?;
    let (phone, thief) = (Phone::new()?, Phone::with_new_key()?);
    let ciphertext = phone.encrypt(&server, PASSWORD)?;
    for (steps, blank) in [(Steps::One, ""), (Steps::One, " "), (Steps::Two, ""), (Steps::Two, " ")] {
        // a blank, so that the body is another one
        let ciphertext = ciphertext.clone() + blank;
        let paired = bring(&server, &phone, "000", &ciphertext, steps).await?;
        assert_eq!(paired.status, 200, "{steps:?} {paired:?}");
        phone.open(&paired.body)?;
        let stolen = bring(&server, &thief, "000", &ciphertext, steps).await?;
        assert_eq!((stolen.status, stolen.body.as_str()), refusal(steps));
        let elsewhere = bring_anew(&server, &phone, &ciphertext, steps).await?;
        assert_eq!((elsewhere.status, elsewhere.body.as_str()), refusal(steps));
    }
    assert_eq!(server.fingerprints().await?.len(), 4);
    Ok(())
}

/// What an operator does who must change it: seals anew what lies sealed in the store.
async fn change_master_key(server: &Server) -> Result {
    let path = server.builder().path("keys/master.key");
    let (old, text) = (MasterKey::parse(&std::fs::read_to_string(&path)?)?, MasterKey::generate());
    let new = MasterKey::parse(text.expose())?;
    std::fs::write(&path, text.expose())?;
    let (store, known) = (server.home().databases.store()?, vec![new.fingerprint().into(), "master_key".into()]);
    let mut change = Change::new().one("UPDATE sb_meta SET value = ? WHERE name = ?", known);
    for row in store.query("SELECT name, sealed FROM sb_secret", Vec::new()).await? {
        let name = row.text(0)?;
        let place = Aad { table: "sb_secret", row: name, column: "sealed" };
        let sealed = new.seal(place, &old.open(place, row.bytes(1)?)?)?;
        change = change.one("UPDATE sb_secret SET sealed = ? WHERE name = ?", vec![sealed.into(), name.into()]);
    }
    Ok(store.commit(change).await?)
}

async fn a_ciphertext_is_remembered_past_a_change_of_the_master_key(layout: Layout) -> Result {
    let mut server = lenient(layout).await?.start().await?;
    let (phone, thief) = (Phone::new()?, Phone::with_new_key()?);
    let ciphertext = phone.encrypt(&server, PASSWORD)?;
    assert_eq!(bring_anew(&server, &phone, &ciphertext, Steps::One).await?.status, 200);
    server.kill()?;
    change_master_key(&server).await?;
    let server = server.restart().await?;
    for steps in BOTH {
        let replayed = bring_anew(&server, &thief, &ciphertext, steps).await?;
        assert_eq!((replayed.status, replayed.body.as_str()), refusal(steps));
    }
    let anew = phone.encrypt(&server, PASSWORD)?;
    assert_eq!(bring_anew(&server, &phone, &anew, Steps::One).await?.status, 200);
    assert_eq!(server.rows("SELECT id FROM sb_sync_ciphertext").await?.len(), 2);
    Ok(())
}

pub(super) async fn rename(server: &Server, sql: &'static str) -> Result {
    Ok(server.home().databases.store()?.commit(Change::new().run(sql, Vec::new())).await?)
}

async fn a_store_that_cannot_be_asked_takes_nothing(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let path = session(USER, &server.sid(USER).await?);
    let body = phone.one_step(&server, PASSWORD)?;
    rename(&server, "ALTER TABLE sb_sync_ciphertext RENAME TO sb_away").await?;
    assert!(server.post(&path, body.clone()).await?.0 >= 500);
    assert!(server.fingerprints().await?.is_empty());
    rename(&server, "ALTER TABLE sb_away RENAME TO sb_sync_ciphertext").await?;
    assert_eq!(server.post(&path, body).await?.0, 200, "it was no failure");
    Ok(())
}

/// Two nodes over one store, and the user table held: what is posted waits until it is let go.
async fn two_nodes() -> Result<([Server; 2], Held)> {
    let first = patient().await?.start().await?;
    let second = Builder::at(first.home());
    let second = second.set("store.timeout", "60s").set("sync.refusal_delay", "0ms").set("sync.lockouts", "[]");
    let second = second.start_unseeded().await?;
    let held = Held::by(&first).await?;
    Ok(([first, second], held))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_takes_a_ciphertext() -> Result {
    let ([first, second], held) = two_nodes().await?;
    let (phone, thief) = (Phone::new()?, Phone::with_new_key()?);
    let ciphertext = phone.encrypt(&first, PASSWORD)?;
    let mut posts = Vec::new();
    for (node, phone) in [(&first, &phone), (&second, &thief)] {
        let path = session(USER, &node.sid(USER).await?);
        posts.push(post(node, &path, &body(node, phone, &ciphertext, Steps::One)?));
    }
    under_way(&first, 2).await?;
    held.let_go().await?;
    let mut statuses = Vec::new();
    for post in posts {
        statuses.push(post.await??.0);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
    for (node, steps) in [(&first, Steps::One), (&second, Steps::Two)] {
        let replayed = bring_anew(node, &thief, &ciphertext, steps).await?;
        assert_eq!((replayed.status, replayed.body.as_str()), refusal(steps));
    }
    assert_eq!(first.fingerprints().await?.len(), 1);
    Ok(())
}

/// It was compared, and fits: whoever listened must not have it pair another phone.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_that_has_lost_its_session_is_taken_all_the_same() -> Result {
    let ([first, second], held) = two_nodes().await?;
    let (phone, thief) = (Phone::new()?, Phone::with_new_key()?);
    let path = session(USER, &first.sid(USER).await?);
    let mut posts = Vec::new();
    for node in [&first, &second] {
        let ciphertext = phone.encrypt(node, PASSWORD)?;
        let body = body(node, &phone, &ciphertext, Steps::One)?;
        posts.push((ciphertext, post(node, &path, &body)));
    }
    under_way(&first, 2).await?;
    held.let_go().await?;
    let mut statuses = Vec::new();
    for (ciphertext, post) in posts {
        statuses.push(post.await??.0);
        assert_eq!(bring_anew(&first, &thief, &ciphertext, Steps::One).await?.status, 403);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    Ok(())
}

/// A session that is lost meanwhile tells nobody that a ciphertext was right.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_has_lost_its_session_is_a_wrong_password_too() -> Result {
    let ([first, second], held) = two_nodes().await?;
    let (phone, thief) = (Phone::new()?, Phone::with_new_key()?);
    let taken = phone.encrypt(&first, PASSWORD)?;
    let once = post(&first, &session(USER, &first.sid(USER).await?), &body(&first, &phone, &taken, Steps::One)?);
    under_way(&first, 1).await?;
    held.let_go().await?;
    assert_eq!(once.await??.0, 200);
    let held = Held::by(&first).await?;
    let path = session(USER, &first.sid(USER).await?);
    let right = post(&first, &path, &phone.one_step(&first, PASSWORD)?);
    let stolen = post(&second, &path, &body(&second, &thief, &taken, Steps::One)?);
    under_way(&first, 2).await?;
    let before = Written::by(&first).await?;
    held.let_go().await?;
    assert_eq!(stolen.await??, (403, String::new()));
    assert_eq!(right.await??.0, 200);
    assert_eq!(Written::by(&first).await?.devices.len(), before.devices.len() + 1);
    Ok(())
}

on_both_engines!(
    a_ciphertext_pairs_one_phone_in_both_flavours_and_all_digests,
    a_replay_is_counted_and_delayed_as_a_wrong_password,
    a_ciphertext_is_remembered_whatever_became_of_its_phone,
    a_ciphertext_is_remembered_past_a_change_of_the_master_key,
    the_development_session_takes_a_ciphertext_again_from_one_phone,
    a_store_that_cannot_be_asked_takes_nothing,
);

in_foreign_sessions!(a_ciphertext_is_remembered_whatever_became_of_its_phone);
