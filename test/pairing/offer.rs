//! The first of two steps: its key stands, and nothing else of it is kept; how many may be unfinished.

use std::time::Duration;

use anyhow::bail;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use switchboard::store::Change;

use super::play::{self, Answer, Written, answer_from, edited, handshake, lenient, verification};
use super::replay::rename;
use crate::harness::phone::session;
use crate::harness::server::Builder;
use crate::harness::{Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER};
use crate::on_both_engines;

const HERE: &str = "198.51.100.1";
const THERE: &str = "203.0.113.1";

fn invalid() -> (u16, String) {
    (400, "invalid session requested".into())
}

fn step(pem: &str) -> String {
    json!({"public_key": pem}).to_string()
}

async fn offer(server: &Server, sid: &str, pem: &str) -> Result<(u16, String)> {
    server.post(&handshake(USER, sid), step(pem)).await
}

/// The next code, past a pause.
async fn next_code(socket: &mut Socket) -> Result<String> {
    loop {
        match socket.hear().await? {
            Heard::Pause => {}
            Heard::Code(sid) => return Ok(sid),
            other => bail!("{other:?} instead of a code"),
        }
    }
}

async fn is_over(server: &Server, sid: &str, phones: [&Phone; 2]) -> Result {
    let before = Written::by(server).await?;
    for phone in phones {
        assert_eq!(offer(server, sid, &phone.public_pem).await?, invalid(), "T1");
        let two = phone.two_step(server, PASSWORD)?;
        assert_eq!(server.post(&verification(USER, sid), two).await?, invalid(), "T2");
        assert_eq!(server.post(&session(USER, sid), phone.one_step(server, PASSWORD)?).await?, invalid(), "O");
    }
    assert_eq!(Written::by(server).await?, before);
    Ok(())
}

async fn a_second_phone_ends_the_session(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let (first, second) = (Phone::new()?, Phone::with_new_key()?);
    let mut page = Socket::of(&server, USER, None).await?;
    let sid = page.code().await?;
    assert_eq!(offer(&server, &sid, &first.public_pem).await?.0, 200);
    assert_eq!(page.hear().await?, Heard::Pause);
    assert_eq!(offer(&server, &sid, &second.public_pem).await?, invalid());
    let next = page.code().await?;
    assert_ne!(next, sid);
    is_over(&server, &sid, [&first, &second]).await?;
    first.pair(&server, USER, &next).await?;
    Ok(())
}

async fn the_same_key_is_the_same_phone_however_it_is_written(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let (sid, pem) = (server.sid(USER).await?, phone.public_pem.trim());
    let wrapped = pem.replace('\n', "\r\n  ");
    for pem in [pem, &wrapped, &format!("\n{pem}\n\n"), pem] {
        let (status, answer) = offer(&server, &sid, pem).await?;
        assert_eq!(status, 200, "{answer}");
    }
    let (status, answer) = server.post(&verification(USER, &sid), phone.two_step(&server, PASSWORD)?).await?;
    assert_eq!(status, 200, "{answer}");
    phone.open(&answer)?;
    Ok(())
}

async fn under_dev_the_last_phone_counts(layout: Layout) -> Result {
    let server = lenient(layout).await?.dev().start().await?;
    let (first, second) = (Phone::new()?, Phone::with_new_key()?);
    for phone in [&first, &second, &first, &second] {
        assert_eq!(offer(&server, "000", &phone.public_pem).await?.0, 200);
    }
    let (status, answer) = server.post(&verification(USER, "000"), second.two_step(&server, PASSWORD)?).await?;
    assert_eq!(status, 200, "{answer}");
    second.open(&answer)?;
    assert!(first.open(&answer).is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_phones_on_two_nodes_one_is_taken_and_none_paired() -> Result {
    let node = |builder: Builder| builder.set("sync.rotations", 1).set("sync.rotate_every", "60s");
    let here = node(lenient(Layout::MariadbShared).await?).start().await?;
    let there = node(Builder::at(here.home())).start_unseeded().await?;
    let (first, second) = (Phone::new()?, Phone::with_new_key()?);
    for _ in 0..5 {
        let sid = here.sid(USER).await?;
        let both = tokio::join!(offer(&here, &sid, &first.public_pem), offer(&there, &sid, &second.public_pem));
        let mut statuses = [both.0?.0, both.1?.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
        for node in [&here, &there] {
            is_over(node, &sid, [&first, &second]).await?;
        }
    }
    // a page hears of it from the store
    let mut page = Socket::of(&here, USER, None).await?;
    let sid = page.code().await?;
    assert_eq!(offer(&there, &sid, &first.public_pem).await?.0, 200);
    assert_eq!(offer(&there, &sid, &second.public_pem).await?, invalid());
    assert_ne!(next_code(&mut page).await?, sid);
    Ok(())
}

async fn the_key_alone_is_kept(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let filled = |length: usize| {
        let blanks = " ".repeat(length - phone.public_pem.len());
        phone.public_pem.replacen('\n', &format!("\n{blanks}"), 1)
    };
    let sid = server.sid(USER).await?;
    assert_eq!(offer(&server, &sid, &filled(4096)).await?.0, 200);
    let kept = server.rows("SELECT public_key FROM sb_sync_session").await?.concat();
    assert_eq!(kept, [phone.public_pem.as_str()]);
    for length in [4097, 60_000] {
        let bad = (400, "invalid public key".to_owned());
        let sid = server.sid(USER).await?;
        assert_eq!(offer(&server, &sid, &filled(length)).await?, bad);
        let one = edited(&phone.one_step(&server, PASSWORD)?, &json!({"public_key": filled(length)}))?;
        assert_eq!(server.post(&session(USER, &sid), one).await?, bad);
    }
    assert_eq!(Written::by(&server).await?.sessions.len(), 1);
    Ok(())
}

async fn behind_a_proxy(layout: Layout) -> Result<Server> {
    lenient(layout).await?.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#).start().await
}

/// The first step on a new session.
async fn begin(server: &Server, address: &str, user: &str) -> Result<(String, Answer)> {
    let sid = server.sid(user).await?;
    let begun = answer_from(server, address, &handshake(user, &sid), step(&Phone::new()?.public_pem)).await?;
    Ok((sid, begun))
}

fn is_too_many(answer: &Answer) -> Result {
    assert_eq!((answer.status, answer.body.as_str()), (429, "too many unfinished handshakes"));
    assert!((1..=300).contains(&answer.header("retry-after").parse::<u64>()?), "{answer:?}");
    Ok(())
}

async fn twenty_of_a_user_may_be_unfinished_at_an_address(layout: Layout) -> Result {
    let server = behind_a_proxy(layout).await?;
    let crowd = futures_util::future::try_join_all((0..50).map(|_| begin(&server, HERE, USER))).await?;
    let (begun, refused): (Vec<_>, Vec<_>) = crowd.into_iter().partition(|(_, answer)| answer.status == 200);
    assert_eq!(begun.len(), 20, "however many come at once");
    for (_, answer) in &refused {
        is_too_many(answer)?;
    }
    assert_eq!(Written::by(&server).await?.sessions.len(), 20, "nothing is kept of the others");
    // neither the user nor the address alone is held up
    assert_eq!(begin(&server, THERE, USER).await?.1.status, 200);
    assert_eq!(begin(&server, HERE, play::NOBODY).await?.1.status, 200);
    // what has begun goes on, and a repeat is none more
    let sid = &begun[0].0;
    let again = answer_from(&server, HERE, &handshake(USER, sid), step(&Phone::new()?.public_pem)).await?;
    assert_eq!(again.status, 200);
    is_too_many(&begin(&server, HERE, USER).await?.1)?;
    // a failure finishes none
    assert_eq!(play::try_two_step(&server, USER, sid, "wrong").await?.0, 401);
    is_too_many(&begin(&server, HERE, USER).await?.1)?;
    // finished, or ended by a second phone, there is room for another
    assert_eq!(play::try_two_step(&server, USER, sid, PASSWORD).await?.0, 200);
    assert_eq!(begin(&server, HERE, USER).await?.1.status, 200);
    is_too_many(&begin(&server, HERE, USER).await?.1)?;
    assert_eq!(offer(&server, &begun[1].0, &Phone::with_new_key()?.public_pem).await?, invalid());
    assert_eq!(begin(&server, HERE, USER).await?.1.status, 200);
    is_too_many(&begin(&server, HERE, USER).await?.1)?;
    let by = i64::try_from(Duration::from_secs(300).as_millis())?;
    let older = Change::new().run("UPDATE sb_sync_session SET changed_ms = changed_ms - ?", vec![by.into()]);
    server.home().databases.store()?.commit(older).await?;
    assert_eq!(begin(&server, HERE, USER).await?.1.status, 200, "those have expired");
    Ok(())
}

async fn six_hundred_may_be_unfinished_at_an_address(layout: Layout) -> Result {
    let server = behind_a_proxy(layout).await?;
    let users: Vec<String> = (0..600).map(|n| format!("user-{}", n / 20)).collect();
    let begun = futures_util::stream::iter(&users).map(|user| begin(&server, HERE, user)).buffer_unordered(8);
    let begun: Vec<_> = begun.try_collect().await?;
    assert!(begun.iter().all(|(_, answer)| answer.status == 200));
    for user in [USER, play::NOBODY, "user-0"] {
        is_too_many(&begin(&server, HERE, user).await?.1)?;
        assert_eq!(begin(&server, THERE, user).await?.1.status, 200);
    }
    Ok(())
}

async fn six_hundred_are_taken_however_many_come_at_once(layout: Layout) -> Result {
    let server = behind_a_proxy(layout).await?;
    let users: Vec<String> = (0..700).map(|n| format!("user-{}", n % 40)).collect();
    let crowd = futures_util::stream::iter(&users).map(|user| begin(&server, HERE, user)).buffer_unordered(200);
    let crowd: Vec<_> = crowd.try_collect().await?;
    let (begun, refused): (Vec<_>, Vec<_>) = crowd.into_iter().partition(|(_, answer)| answer.status == 200);
    assert_eq!((begun.len(), refused.len()), (600, 100));
    for (_, answer) in &refused {
        is_too_many(answer)?;
    }
    assert_eq!(Written::by(&server).await?.sessions.len(), 600);
    Ok(())
}

async fn a_store_that_cannot_be_asked_takes_no_first_step(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let (first, second) = (Phone::new()?, Phone::with_new_key()?);
    let [begun, fresh] = [server.sid(USER).await?, server.sid(USER).await?];
    assert_eq!(offer(&server, &begun, &first.public_pem).await?.0, 200);
    let before = Written::by(&server).await?;
    rename(&server, "ALTER TABLE sb_sync_session RENAME TO sb_away").await?;
    for sid in [&begun, &fresh] {
        for phone in [&first, &second] {
            assert!(offer(&server, sid, &phone.public_pem).await?.0 >= 500);
        }
    }
    rename(&server, "ALTER TABLE sb_away RENAME TO sb_sync_session").await?;
    assert_eq!(Written::by(&server).await?, before);
    assert_eq!(offer(&server, &begun, &first.public_pem).await?.0, 200, "it stands");
    assert_eq!(offer(&server, &begun, &second.public_pem).await?, invalid());
    assert_eq!(offer(&server, &fresh, &second.public_pem).await?.0, 200);
    Ok(())
}

on_both_engines!(
    a_second_phone_ends_the_session,
    the_same_key_is_the_same_phone_however_it_is_written,
    under_dev_the_last_phone_counts,
    the_key_alone_is_kept,
    twenty_of_a_user_may_be_unfinished_at_an_address,
    six_hundred_may_be_unfinished_at_an_address,
    six_hundred_are_taken_however_many_come_at_once,
    a_store_that_cannot_be_asked_takes_no_first_step,
);
