//! Failed passwords make one wait: known and unknown users alike, by user and address,
//! and at most a quarter of an hour across addresses.

use std::time::Duration;

use anyhow::Context as _;
use switchboard::store::Change;

use super::play::{
    self, Answer, NOBODY, Written, add_usual_user, answer, answer_from, failures, lenient, verification,
};
use crate::harness::database::mariadb;
use crate::harness::phone::session;
use crate::harness::proxy::Proxy;
use crate::harness::server::Builder;
use crate::harness::{Layout, PASSWORD, Phone, Result, Server, USER};
use crate::{on_both_engines, on_every_layout};

const HERE: &str = "198.51.100.1";
const THERE: &str = "203.0.113.1";

async fn with_ladder(layout: Layout, ladder: &str) -> Result<Builder> {
    Ok(lenient(layout).await?.set("sync.lockouts", ladder))
}

/// O on a fresh session, by way of a proxy that speaks for `address`.
async fn try_from(server: &Server, address: &str, user: &str, password: &str) -> Result<Answer> {
    let path = session(user, &server.sid(user).await?);
    answer_from(server, address, &path, Phone::new()?.one_step(server, password)?).await
}

fn wait(answer: &Answer) -> Result<u64> {
    assert_eq!(answer.status, 429, "{answer:?}");
    Ok(answer.header("retry-after").parse()?)
}

async fn known_and_unknown_users_are_locked_out_alike(layout: Layout) -> Result {
    let ladder = r#"[{failures=2,wait="60s"},{failures=3,wait="1h"}]"#;
    let server = with_ladder(layout, ladder).await?.start().await?;
    let phone = Phone::new()?;
    let mut looks = Vec::new();
    for (user, after) in [(USER, 200), (NOBODY, 403)] {
        for _ in 0..2 {
            play::fail_once(&server, user).await?;
        }
        let before = Written::by(&server).await?;
        // the right password is refused too, in either flavour, and does not count
        let sid = server.sid(user).await?;
        let one = answer(&server, &session(user, &sid), phone.one_step(&server, PASSWORD)?).await?;
        assert!((1..=60).contains(&wait(&one)?), "{one:?}");
        assert_eq!(Written::by(&server).await?, before);
        play::offer(&server, &phone, user, &sid).await?;
        let two = answer(&server, &verification(user, &sid), phone.two_step(&server, PASSWORD)?).await?;
        assert_eq!(one.looks().2, two.looks().2);
        assert!((1..=60).contains(&wait(&two)?), "{two:?}");
        assert_eq!(Written::by(&server).await?.lockouts, before.lockouts);
        looks.push((one.looks().2.to_owned(), play::keys_of(&one), two.looks().2.to_owned(), play::keys_of(&two)));

        play::age_lockouts(&server, Duration::from_secs(60)).await?;
        let (status, body) = play::try_one_step(&server, user, &sid, PASSWORD).await?;
        assert_eq!(status, after, "{user} after the wait: {body}");
    }
    assert_eq!(looks[0], looks[1]);
    Ok(())
}

async fn a_wait_is_the_ladder_s(layout: Layout) -> Result {
    // the default ladder, at an address of its own and at every other
    let builder = Builder::new(layout).await?.set("sync.refusal_delay", "0ms");
    let server = builder.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#).start().await?;
    let (minute, hour) = (60, 3_600);
    let rungs = [
        (1, 0),
        (2, 0),
        (3, 2 * minute),
        (4, 2 * minute),
        (5, 15 * minute),
        (6, 15 * minute),
        (7, hour),
        (8, hour),
        (9, 24 * hour),
        (10, 24 * hour),
    ];
    for (count, seconds) in rungs {
        assert_eq!(try_from(&server, HERE, USER, "wrong").await?.status, 403, "failure {count}");
        if seconds == 0 {
            continue;
        }
        let here = wait(&try_from(&server, HERE, USER, PASSWORD).await?)?;
        assert!((seconds - 30..=seconds).contains(&here), "{here} s after {count} failures");
        // a stranger must not lock a user out from afar for longer than this
        let across = seconds.min(15 * minute);
        let there = wait(&try_from(&server, THERE, USER, PASSWORD).await?)?;
        assert!((across - 30..=across).contains(&there), "{there} s elsewhere after {count} failures");
        // and not a second less than it says
        play::age_lockouts(&server, Duration::from_secs(here.saturating_sub(30))).await?;
        assert_eq!(try_from(&server, HERE, USER, PASSWORD).await?.status, 429, "{count} failures, too early");
        play::age_lockouts(&server, Duration::from_secs(30)).await?;
    }
    Ok(())
}

async fn a_stranger_cannot_lock_a_user_out_from_afar(layout: Layout) -> Result {
    let builder = with_ladder(layout, r#"[{failures=3,wait="24h"}]"#).await?;
    let server = builder.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#).start().await?;
    for _ in 0..3 {
        assert_eq!(try_from(&server, HERE, USER, "wrong").await?.status, 403);
    }
    assert!(wait(&try_from(&server, HERE, USER, PASSWORD).await?)? > 23 * 3_600);
    assert!(wait(&try_from(&server, THERE, USER, PASSWORD).await?)? <= 15 * 60);
    play::age_lockouts(&server, Duration::from_secs(15 * 60)).await?;
    let there = try_from(&server, THERE, USER, PASSWORD).await?;
    assert_eq!(there.status, 200, "{there:?}");
    // the user's success is no help to the stranger
    assert!(wait(&try_from(&server, HERE, USER, PASSWORD).await?)? > 23 * 3_600);
    assert_eq!(failures(&server).await?, [0, 3, 3], "there, here, and anywhere");
    Ok(())
}

/// Moves the user table out of the way, or back.
async fn rename(server: &Server, sql: &'static str) -> Result {
    Ok(server.home().databases.backend()?.commit(Change::new().run(sql, Vec::new())).await?)
}

async fn what_was_no_failure_starts_no_wait_again(layout: Layout) -> Result {
    let builder = with_ladder(layout, r#"[{failures=2,wait="1h"}]"#).await?;
    let server = builder.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#).start().await?;
    for _ in 0..2 {
        assert_eq!(try_from(&server, HERE, USER, "wrong").await?.status, 403);
    }
    play::age_lockouts(&server, Duration::from_secs(3_600)).await?;
    let counters = Written::by(&server).await?.lockouts;
    // a password that could not be compared
    rename(&server, "ALTER TABLE users RENAME TO users_away").await?;
    assert!(try_from(&server, HERE, USER, PASSWORD).await?.status >= 500);
    rename(&server, "ALTER TABLE users_away RENAME TO users").await?;
    assert_eq!(Written::by(&server).await?.lockouts, counters, "as if it had not been posted");
    // a password that fits, from elsewhere: what another address failed still counts, from when it failed
    assert_eq!(try_from(&server, THERE, USER, PASSWORD).await?.status, 200);
    assert_eq!(failures(&server).await?, [0, 2, 2]);
    assert_eq!(try_from(&server, "192.0.2.9", USER, PASSWORD).await?.status, 200);
    assert_eq!(try_from(&server, HERE, USER, PASSWORD).await?.status, 200);
    Ok(())
}

async fn a_success_forgives_its_own_address_s_failures(layout: Layout) -> Result {
    let builder = with_ladder(layout, r#"[{failures=3,wait="1h"}]"#).await?;
    let server = builder.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#).start().await?;
    assert_eq!(try_from(&server, THERE, USER, "wrong").await?.status, 403);
    assert_eq!(failures(&server).await?, [1, 1]);
    assert_eq!(try_from(&server, HERE, USER, "wrong").await?.status, 403);
    assert_eq!(failures(&server).await?, [1, 1, 2]);
    assert_eq!(try_from(&server, HERE, USER, PASSWORD).await?.status, 200);
    assert_eq!(failures(&server).await?, [0, 1, 1], "what another address failed still counts");
    // two more do not make three
    assert_eq!(try_from(&server, HERE, USER, "wrong").await?.status, 403);
    assert_eq!(try_from(&server, HERE, USER, PASSWORD).await?.status, 200);
    Ok(())
}

async fn a_repeat_is_answered_alike_whoever_is_locked_out_since(layout: Layout) -> Result {
    let server = with_ladder(layout, r#"[{failures=1,wait="1h"}]"#).await?.start().await?;
    let phone = Phone::new()?;
    let (paired, failed) = (session(USER, &server.sid(USER).await?), session(USER, &server.sid(USER).await?));
    let (right, wrong) = (phone.one_step(&server, PASSWORD)?, phone.one_step(&server, "wrong")?);
    let key = phone.open(&server.post(&paired, right.clone()).await?.1)?;
    for _ in 0..2 {
        assert_eq!(server.post(&failed, wrong.clone()).await?.0, 403);
        assert!(phone.open(&server.post(&paired, right.clone()).await?.1)? == key);
    }
    assert_eq!(failures(&server).await?, [1, 1]);
    // a wait is no answer to be repeated: the same body is looked at when it is over
    let again = phone.one_step(&server, PASSWORD)?;
    assert_eq!(server.post(&failed, again.clone()).await?.0, 429);
    play::age_lockouts(&server, Duration::from_secs(3_600)).await?;
    assert_eq!(server.post(&failed, again).await?.0, 200);
    assert_eq!(server.fingerprints().await?.len(), 2);
    Ok(())
}

async fn a_two_step_success_forgives_too(layout: Layout) -> Result {
    let server = with_ladder(layout, r#"[{failures=2,wait="1h"}]"#).await?.start().await?;
    for _ in 0..3 {
        let sid = server.sid(USER).await?;
        play::offer(&server, &Phone::new()?, USER, &sid).await?;
        assert_eq!(play::try_two_step(&server, USER, &sid, "wrong").await?.0, 401);
        assert_eq!(play::try_two_step(&server, USER, &sid, PASSWORD).await?.0, 200);
        assert_eq!(failures(&server).await?, [0, 0]);
    }
    Ok(())
}

async fn a_lock_out_survives_a_restart_and_is_its_user_s_alone(layout: Layout) -> Result {
    let server = with_ladder(layout, r#"[{failures=2,wait="1h"}]"#).await?.start().await?;
    add_usual_user(&server, "another").await?;
    for _ in 0..2 {
        play::fail_once(&server, USER).await?;
    }
    let server = server.restart().await?;
    assert_eq!(play::try_one_step(&server, USER, &server.sid(USER).await?, PASSWORD).await?.0, 429);
    let (status, body) = play::try_one_step(&server, "another", &server.sid("another").await?, PASSWORD).await?;
    assert_eq!(status, 200, "{body}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_trusted_proxy_cannot_play_other_addresses() -> Result {
    let server = with_ladder(Layout::SqliteShared, r#"[{failures=2,wait="1h"}]"#).await?.start().await?;
    for address in [HERE, THERE] {
        assert_eq!(try_from(&server, address, USER, "wrong").await?.status, 403);
    }
    assert_eq!(failures(&server).await?, [2, 2], "one address, whatever the header says");
    assert_eq!(try_from(&server, "192.0.2.9", USER, PASSWORD).await?.status, 429);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv6_subscriber_is_one_address() -> Result {
    let builder = with_ladder(Layout::SqliteShared, r#"[{failures=3,wait="24h"}]"#).await?;
    let server = builder.set("http.trusted_proxies", r#"["127.0.0.1/32"]"#).start().await?;
    for address in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2::2"] {
        assert_eq!(try_from(&server, address, USER, "wrong").await?.status, 403);
    }
    assert!(wait(&try_from(&server, "2001:db8:1:2::9", USER, PASSWORD).await?)? > 23 * 3_600);
    assert!(wait(&try_from(&server, "2001:db8:1:3::1", USER, PASSWORD).await?)? <= 15 * 60);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_counted_before_it_is_compared() -> Result {
    let server = with_ladder(Layout::SqliteShared, r#"[{failures=3,wait="1h"}]"#).await?.start().await?;
    let paths = futures_util::future::try_join_all((0..12).map(|_| server.sid(USER))).await?;
    let posts = paths.iter().map(|sid| play::try_one_step(&server, USER, sid, "wrong"));
    let statuses: Vec<u16> =
        futures_util::future::try_join_all(posts).await?.iter().map(|(status, _)| *status).collect();
    // however many come at once, no more are looked at than one after the other
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 3, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 9, "{statuses:?}");
    assert_eq!(failures(&server).await?, [3, 3]);
    Ok(())
}

/// A password that nobody compared is not a failure: a phone repeats itself while the user
/// database is away, and must not be locked out for that.
#[tokio::test(flavor = "multi_thread")]
async fn an_absent_user_database_counts_no_failures() -> Result {
    let builder = Builder::new(Layout::MariadbSeparate).await?;
    let (_, port) =
        mariadb()?.rsplit_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).context("port")?;
    let proxy = Proxy::to("127.0.0.1", port.parse()?).await?;
    let url = builder.home().databases.backend_url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port));
    let server = builder.set("backend.url", url).set("sync.refusal_delay", "0ms").start().await?;
    let phone = Phone::new()?;
    phone.pair(&server, USER, &server.sid(USER).await?).await?;
    proxy.cut().await;
    let path = session(USER, &server.sid(USER).await?);
    for _ in 0..5 {
        let away = answer(&server, &path, phone.one_step(&server, PASSWORD)?).await?;
        assert_eq!(away.status, 503, "{away:?}");
        assert!(away.header("retry-after").parse::<u64>()? > 0);
    }
    assert!(failures(&server).await?.iter().all(|count| *count == 0));
    proxy.mend();
    let (status, body) = server.post(&path, phone.one_step(&server, PASSWORD)?).await?;
    assert_eq!(status, 200, "{body}");
    Ok(())
}

on_every_layout!(known_and_unknown_users_are_locked_out_alike);
on_both_engines!(
    a_wait_is_the_ladder_s,
    a_stranger_cannot_lock_a_user_out_from_afar,
    what_was_no_failure_starts_no_wait_again,
    a_success_forgives_its_own_address_s_failures,
    a_repeat_is_answered_alike_whoever_is_locked_out_since,
    a_two_step_success_forgives_too,
    a_lock_out_survives_a_restart_and_is_its_user_s_alone,
);
