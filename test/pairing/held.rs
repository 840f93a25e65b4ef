//! What happens while a password is being looked at: a locked user table holds the look for as
//! long as a test likes, so that nothing here depends on who is quicker.

use std::time::Duration;

use anyhow::ensure;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use switchboard::service::sync::body_hash;
use switchboard::store::Change;

use super::play::{self, NOBODY, Written, answer, lenient, verification};
use crate::harness::phone::session;
use crate::harness::server::Builder;
use crate::harness::time::now;
use crate::harness::{Layout, PASSWORD, Phone, Result, Server, USER, stored};
use crate::on_both_engines;

/// Holds every look into the user table until it is let go.
pub(super) struct Held(Conn);

impl Held {
    pub(super) async fn by(server: &Server) -> Result<Self> {
        let mut connection = Conn::from_url(&server.home().databases.store_url).await?;
        connection.query_drop("LOCK TABLES users WRITE, usersInfos WRITE").await?;
        Ok(Self(connection))
    }

    pub(super) async fn let_go(mut self) -> Result {
        self.0.query_drop("UNLOCK TABLES").await?;
        Ok(self.0.disconnect().await?)
    }
}

pub(super) async fn patient() -> Result<Builder> {
    Ok(lenient(Layout::MariadbShared).await?.set("store.timeout", "60s"))
}

/// Posts without waiting for the answer.
pub(super) fn post(server: &Server, path: &str, body: &str) -> tokio::task::JoinHandle<Result<(u16, String)>> {
    let request = server.http.post(server.url(path)).body(body.to_owned());
    tokio::spawn(async move {
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    })
}

/// The attempts of all sessions, once so many bodies are being looked at.
pub(super) async fn under_way(server: &Server, count: usize) -> Result<String> {
    for _ in 0..500 {
        let attempts = server.rows("SELECT attempts FROM sb_sync_session").await?.concat().join(" ");
        if attempts.matches("pending").count() == count {
            return Ok(attempts);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("no {count} bodies are under way")
}

/// What another node knows of a body, put among a session's attempts.
async fn told_by_another_node(server: &Server, sid: &str, body: &str, outcome: &str, at_ms: u128) -> Result {
    let hash = body_hash(body.as_bytes());
    let attempt = format!("{},{at_ms},{outcome}", &hash[..32]);
    let known = server.rows("SELECT id, attempts FROM sb_sync_session").await?;
    let known = known.iter().find(|row| row[0] == sid).map(|row| row[1].clone()).unwrap_or_default();
    let mut attempts: Vec<&str> = known.split_whitespace().filter(|known| !known.starts_with(&hash[..32])).collect();
    attempts.push(&attempt);
    let values = vec![attempts.join(" ").into(), stored(sid)];
    let sql = "UPDATE sb_sync_session SET attempts = ?, version = version + 1 WHERE id = ?";
    Ok(server.home().databases.store()?.commit(Change::new().one(sql, values)).await?)
}

async fn a_body_whose_check_died_with_its_node_counts_once(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let (phone, sid) = (Phone::new()?, server.sid(USER).await?);
    let path = session(USER, &sid);
    // four failures, then a right password whose node dies: as the fifth it would kill the session
    let wrong = phone.one_step(&server, "wrong")?;
    assert_eq!(server.post(&path, wrong).await?.0, 403);
    let right = phone.one_step(&server, PASSWORD)?;
    let long_ago = now()?.as_millis() - 50_000;
    told_by_another_node(&server, &sid, &right, "pending", long_ago).await?;
    let store = server.home().databases.store()?;
    let counted = Change::new()
        .one("UPDATE sb_sync_session SET failures = 5 WHERE id = ?", vec![stored(&sid)])
        .run("UPDATE sb_lockout SET failures = 3", Vec::new());
    store.commit(counted).await?;
    let (status, body) = server.post(&path, right).await?;
    assert_eq!(status, 200, "{body}");
    // all of this address is forgiven with it
    let left = server.rows("SELECT failures FROM sb_lockout WHERE failures > 0").await?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_node_records_meanwhile_stays() -> Result {
    let server = patient().await?.start().await?;
    let (phone, sid) = (Phone::new()?, server.sid(USER).await?);
    let path = session(USER, &sid);
    let held = Held::by(&server).await?;
    let right = post(&server, &path, &phone.one_step(&server, PASSWORD)?);
    under_way(&server, 1).await?;
    let wrong = phone.one_step(&server, "wrong")?;
    told_by_another_node(&server, &sid, &wrong, "failed", now()?.as_millis()).await?;
    held.let_go().await?;
    let (status, body) = right.await??;
    assert_eq!(status, 200, "{body}");
    assert_eq!(server.post(&path, wrong).await?, (403, String::new()), "a repeat of the other node's");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_two_nodes_accept_is_one_device() -> Result {
    let first = patient().await?.start().await?;
    let second = Builder::at(first.home()).set("store.timeout", "60s").start_unseeded().await?;
    let (phone, path) = (Phone::new()?, session(USER, &first.sid(USER).await?));
    let body = phone.one_step(&first, PASSWORD)?;
    let held = Held::by(&first).await?;
    let one = post(&first, &path, &body);
    let before = under_way(&first, 1).await?;
    // so slow that the other node takes it for dead
    play::age_attempts(&first, Duration::from_secs(50)).await?;
    let aged = under_way(&first, 1).await?;
    assert_ne!(aged, before);
    let other = post(&second, &path, &body);
    while under_way(&first, 1).await? == aged {
        ensure!(!other.is_finished(), "{:?}", other.await?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    held.let_go().await?;
    let (one, other) = (one.await??, other.await??);
    assert_eq!((one.0, other.0), (200, 200), "{} {}", one.1, other.1);
    assert!(phone.open(&one.1)? == phone.open(&other.1)?);
    assert_eq!(first.fingerprints().await?.len(), 1);
    Ok(())
}

/// What is given up is not looked at any more, and must not open what another has spent meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_given_up_leaves_a_spent_session_spent() -> Result {
    let server = patient().await?.start().await?;
    let sid = server.sid(USER).await?;
    let held = Held::by(&server).await?;
    let slow = post(&server, &session(USER, &sid), &Phone::new()?.one_step(&server, PASSWORD)?);
    under_way(&server, 1).await?;
    let spent = "UPDATE sb_sync_session SET state = 'redeemed', version = version + 1 WHERE id = ?";
    server.home().databases.store()?.commit(Change::new().one(spent, vec![stored(&sid)])).await?;
    assert_eq!(slow.await??.0, 503);
    under_way(&server, 0).await?;
    assert_eq!(server.rows("SELECT state FROM sb_sync_session").await?.concat(), ["redeemed"]);
    held.let_go().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_door_is_told_before_any_look_up() -> Result {
    let server = patient().await?.set("sync.handshakes_at_once", 2).start().await?;
    let phone = Phone::new()?;
    let mut inside = Vec::new();
    for user in ["first", "second", "third"] {
        play::add_usual_user(&server, user).await?;
    }
    let held = Held::by(&server).await?;
    for user in ["first", "second"] {
        let path = session(user, &server.sid(user).await?);
        inside.push(post(&server, &path, &phone.one_step(&server, PASSWORD)?));
    }
    under_way(&server, 2).await?;
    let before = Written::by(&server).await?;
    let mut looks = Vec::new();
    for user in ["third", NOBODY] {
        let path = session(user, &server.sid(user).await?);
        looks.push(answer(&server, &path, phone.one_step(&server, PASSWORD)?).await?);
    }
    for look in &looks {
        assert_eq!(look.status, 503, "{look:?}");
        assert!(look.header("retry-after").parse::<u64>()? > 0);
        assert_eq!(look.looks(), looks[0].looks());
    }
    assert_eq!(Written::by(&server).await?, before);
    held.let_go().await?;
    for post in inside {
        let (status, body) = post.await??;
        assert_eq!(status, 200, "{body}");
    }
    phone.pair(&server, "third", &server.sid("third").await?).await?;
    Ok(())
}

/// Only the one body waits for the node that has it; the user's others go on.
async fn a_body_on_another_node_holds_up_no_other(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let (phone, sid) = (Phone::new()?, server.sid(USER).await?);
    play::offer(&server, &phone, USER, &sid).await?;
    let wrong = phone.two_step(&server, "wrong")?;
    // looked at for ever, as far as this node can tell
    let ever = (now()? + Duration::from_secs(3_600)).as_millis();
    told_by_another_node(&server, &sid, &wrong, "pending", ever).await?;
    let waiting = post(&server, &verification(USER, &sid), &wrong);
    // were the turn held, these would not be over before it gives up
    for _ in 0..3 {
        phone.pair(&server, USER, &server.sid(USER).await?).await?;
    }
    assert!(!waiting.is_finished(), "{:?}", waiting.await?);
    told_by_another_node(&server, &sid, &wrong, "failed", ever).await?;
    let (status, body) = waiting.await??;
    assert_eq!(status, 401, "{body}");
    Ok(())
}

on_both_engines!(a_body_on_another_node_holds_up_no_other, a_body_whose_check_died_with_its_node_counts_once);
