//! What a socket shows: codes in turn, `201- pause` and `200- ack` as the handshake goes on,
//! and when it ends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::play::{self, NOBODY, edited, lenient};
use crate::harness::phone::session;
use crate::harness::server::Builder;
use crate::harness::{Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER};
use crate::on_both_engines;

/// A server whose codes last so long, and so many of them.
async fn rotating(layout: Layout, every: &str, rotations: u32) -> Result<Builder> {
    Ok(lenient(layout).await?.set("sync.rotate_every", every).set("sync.rotations", rotations))
}

async fn ends_paired(socket: &mut Socket) -> Result {
    assert_eq!(socket.hear().await?, Heard::Ack);
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_holds_two_links_to_the_session_of_the_get() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let sid = server.sid(USER).await?;
    let mut socket = Socket::of(&server, USER, Some(&sid)).await?;
    let frame: Value = serde_json::from_str(&socket.text().await?)?;
    let host = format!("127.0.0.1:{}", server.port);
    let path = session(USER, &sid);
    assert_eq!(frame, json!({"qr_url": format!("http://{host}{path}"), "mobile_url": format!("app://{host}{path}")}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_socket_shows_the_bare_link() -> Result {
    let server = rotating(Layout::SqliteShared, "50ms", 2).await?.start().await?;
    for (query, is_plain) in [("?plain=1", true), ("?plain=0", false), ("?other=1", false), ("?a=b&plain=1", true)] {
        let mut socket = Socket::open(&server, &format!("/v2/sync/init/111{query}")).await?;
        for _ in 0..2 {
            let frame = socket.text().await?;
            assert_eq!(frame.starts_with(&server.url("/v2/sync/users/111/sessions/")), is_plain, "{query}: {frame}");
            assert_eq!(frame.starts_with('{'), !is_plain, "{query}: {frame}");
        }
    }
    // a code that is still there when the phone comes
    let server = rotating(Layout::SqliteShared, "15s", 2).await?.start().await?;
    let mut socket = Socket::open(&server, "/v2/sync/init/111?plain=1").await?;
    let link = socket.text().await?;
    let sid = link.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    Phone::new()?.pair(&server, USER, sid).await?;
    let mut last = Vec::new();
    while let Ok(text) = socket.text().await {
        last.push(text);
    }
    assert_eq!(last[last.len() - 2..], ["201- pause", "200- ack"], "signals are the same");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_codes_are_shown_and_each_can_be_redeemed() -> Result {
    let every = Duration::from_millis(200);
    for (rotations, user) in [(3, USER), (5, NOBODY), (1, USER)] {
        let server = rotating(Layout::SqliteShared, "200ms", rotations).await?.start().await?;
        // before the server's own clock starts, or a test held up would find it fast
        let begun = Instant::now();
        let mut socket = Socket::of(&server, user, None).await?;
        let mut codes = Vec::new();
        for _ in 0..rotations {
            codes.push(socket.code().await?);
        }
        assert_eq!(socket.hear().await?, Heard::Closed(1000));
        assert!(begun.elapsed() + Duration::from_millis(20) >= every * rotations, "{:?}", begun.elapsed());
        let mut distinct = codes.clone();
        distinct.dedup();
        assert_eq!(distinct, codes);
        if user == USER {
            for sid in &codes {
                Phone::new()?.pair(&server, USER, sid).await?;
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_codes_of_fifteen_seconds_are_the_default() -> Result {
    let shown = Builder::new(Layout::SqliteShared).await?.run(&["serve", "--print-config"]).await?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for line in [
        r#"rotate_every = "15s""#,
        "rotations = 3",
        r#"pause_for = "120s""#,
        r#"session_ttl = "300s""#,
        r#"refusal_delay = "300ms""#,
        "sockets_per_user = 50",
        "sockets_per_address = 5",
        "handshakes_at_once = 128",
        r#"seeds_url = """#,
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
    }
    Ok(())
}

async fn one_step_pauses_when_the_password_decrypts_and_acknowledges(layout: Layout) -> Result {
    let server = rotating(layout, "15s", 3).await?.start().await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    // what does not decrypt does not stop the rotation
    let phone = Phone::new()?;
    let garbage = edited(&phone.one_step(&server, PASSWORD)?, &json!({"password": "garbage"}))?;
    assert_eq!(server.post(&session(USER, &sid), garbage).await?.0, 400);
    // a wrong password did decrypt: a pause, then a new code at once
    assert_eq!(play::try_one_step(&server, USER, &sid, "wrong").await?.0, 403);
    assert_eq!(socket.hear().await?, Heard::Pause);
    let second = socket.code().await?;
    assert_ne!(second, sid);
    phone.pair(&server, USER, &second).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    ends_paired(&mut socket).await
}

async fn two_steps_pause_and_acknowledge(layout: Layout) -> Result {
    let server = rotating(layout, "15s", 3).await?.start().await?;
    let phone = Phone::new()?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    // what is no valid T1 does not stop the rotation
    assert_eq!(server.post(&play::handshake(USER, &sid), r#"{"public_key": "x"}"#).await?.0, 400);
    play::offer(&server, &phone, USER, &sid).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    // a second T1 is the same pause
    play::offer(&server, &phone, USER, &sid).await?;
    assert_eq!(play::try_two_step(&server, USER, &sid, "wrong").await?.0, 401);
    let second = socket.code().await?;
    assert_ne!(second, sid);
    // the first session is still good, though another code is shown now
    assert_eq!(play::try_two_step(&server, USER, &sid, PASSWORD).await?.0, 200);
    ends_paired(&mut socket).await?;
    // whoever hears the ack may rely on the device
    assert_eq!(server.fingerprints().await?.len(), 1);
    Ok(())
}

async fn a_failure_shows_one_more_code_when_they_are_used_up(layout: Layout) -> Result {
    let server = rotating(layout, "5s", 1).await?.start().await?;
    let phone = Phone::new()?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let mut sid = socket.code().await?;
    for _ in 0..3 {
        play::offer(&server, &phone, USER, &sid).await?;
        assert_eq!(socket.hear().await?, Heard::Pause);
        assert_eq!(play::try_two_step(&server, USER, &sid, "wrong").await?.0, 401);
        sid = socket.code().await?;
    }
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    Ok(())
}

async fn what_does_not_decrypt_shows_one_more_after_the_last(layout: Layout) -> Result {
    let server = rotating(layout, "10s", 1).await?.start().await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    let garbage = edited(&Phone::new()?.one_step(&server, PASSWORD)?, &json!({"password": "garbage"}))?;
    // the same body twice is one failure
    for _ in 0..2 {
        assert_eq!(server.post(&session(USER, &sid), garbage.clone()).await?.0, 400);
    }
    assert_ne!(socket.code().await?, sid);
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    Ok(())
}

async fn resumed_codes_count_towards_the_rotations(layout: Layout) -> Result {
    let server = rotating(layout, "5s", 3).await?.start().await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    assert_eq!(play::try_one_step(&server, USER, &sid, "wrong").await?.0, 403);
    assert_eq!(socket.hear().await?, Heard::Pause);
    socket.code().await?;
    socket.code().await?;
    assert_eq!(socket.hear().await?, Heard::Closed(1000), "three in all");
    Ok(())
}

async fn a_refusal_by_lock_out_resumes_too(layout: Layout) -> Result {
    let builder = rotating(layout, "15s", 3).await?;
    let server = builder.set("sync.lockouts", r#"[{failures=1,wait="1h"}]"#).start().await?;
    play::fail_once(&server, USER).await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    play::offer(&server, &Phone::new()?, USER, &sid).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    assert_eq!(play::try_two_step(&server, USER, &sid, PASSWORD).await?.0, 429);
    assert_ne!(socket.code().await?, sid);
    Ok(())
}

async fn a_pause_that_lasts_too_long_resumes_and_t2_stays_valid(layout: Layout) -> Result {
    let server = rotating(layout, "30s", 2).await?.set("sync.pause_for", "400ms").start().await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    let begun = Instant::now();
    play::offer(&server, &Phone::new()?, USER, &sid).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    assert_ne!(socket.code().await?, sid);
    assert!(begun.elapsed() >= Duration::from_millis(380), "{:?}", begun.elapsed());
    assert_eq!(play::try_two_step(&server, USER, &sid, PASSWORD).await?.0, 200);
    ends_paired(&mut socket).await
}

async fn a_long_pause_shows_no_more_than_the_rotations(layout: Layout) -> Result {
    let server = rotating(layout, "30s", 1).await?.set("sync.pause_for", "300ms").start().await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    play::offer(&server, &Phone::new()?, USER, &sid).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    assert_eq!(play::try_two_step(&server, USER, &sid, PASSWORD).await?.0, 200, "Android posts late");
    Ok(())
}

async fn no_socket_outlives_the_session_s_span(layout: Layout) -> Result {
    let server = rotating(layout, "700ms", 100).await?.set("sync.session_ttl", "5s").start().await?;
    let (phone, begun) = (Phone::new()?, Instant::now());
    let (mut idle, mut paused) = (Socket::of(&server, USER, None).await?, Socket::of(&server, USER, None).await?);
    idle.code().await?;
    let sid = paused.code().await?;
    play::offer(&server, &phone, USER, &sid).await?;
    assert_eq!(paused.hear_past_codes().await?, Heard::Pause);
    assert_eq!(paused.hear().await?, Heard::Closed(1000), "a pause does not prolong it");
    assert_eq!(idle.hear_past_codes().await?, Heard::Closed(1000));
    let lived = begun.elapsed();
    assert!(lived >= Duration::from_millis(4_900), "{lived:?}");
    // long before the hundred codes, or the pause of 120 s, are over
    assert!(lived < Duration::from_secs(60), "{lived:?}");
    Ok(())
}

on_both_engines!(
    one_step_pauses_when_the_password_decrypts_and_acknowledges,
    two_steps_pause_and_acknowledge,
    a_failure_shows_one_more_code_when_they_are_used_up,
    what_does_not_decrypt_shows_one_more_after_the_last,
    resumed_codes_count_towards_the_rotations,
    a_refusal_by_lock_out_resumes_too,
    a_pause_that_lasts_too_long_resumes_and_t2_stays_valid,
    a_long_pause_shows_no_more_than_the_rotations,
    no_socket_outlives_the_session_s_span,
);
