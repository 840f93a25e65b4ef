//! The pairing page through the states that a server's word puts it into.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::tool::read_code;
use super::view::{Face, View};
use crate::harness::phone::session;
use crate::harness::{ADMIN, Builder, Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER};
use crate::on_both_engines;

/// A server whose codes stay long enough to be looked at, whatever else this machine is doing.
pub async fn patient() -> Result<Server> {
    Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "60s").start().await
}

/// The first step of the two-step flavour.
pub async fn offer(server: &Server, phone: &Phone, sid: &str) -> Result {
    let body = json!({"public_key": phone.public_pem}).to_string();
    let (status, answer) = server.post(&format!("{}handshake", session(USER, sid)), body).await?;
    anyhow::ensure!(status == 200, "{status}: {answer}");
    Ok(())
}

/// The second step, or the one step, with a password that need not be right.
async fn answer(server: &Server, sid: &str, body: String, expected: u16) -> Result {
    let (status, answer) = server.post(&session(USER, sid), body).await?;
    anyhow::ensure!(status == expected, "{status}: {answer}");
    Ok(())
}

async fn a_phone_pairs_before_the_eyes_of_its_page(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("sync.rotate_every", "60s").start().await?;
    let (view, phone) = (View::of(&server, USER).await?, Phone::new()?);

    let waiting = view.is("waiting").await?;
    assert_eq!((waiting.title.as_str(), waiting.action.as_str()), ("Ready to scan", ""));
    assert_eq!(waiting.code, server.url(&session(USER, &waiting.sid()?)));
    assert_eq!(waiting.link, waiting.code.replacen("http:", "app:", 1));
    assert_eq!(waiting.picture, format!("/pair/{USER}/{}.svg", waiting.sid()?));

    offer(&server, &phone, &waiting.sid()?).await?;
    let paused = view.is("paused").await?;
    assert_eq!(paused.title, "Continue on your phone");
    assert!(paused.text.contains("2 minutes"), "{paused:?}");
    assert_eq!((paused.picture.as_str(), paused.link.as_str()), ("", ""), "a code that is taken is still in view");
    assert!(paused.tab.contains(&paused.title), "{paused:?}");

    answer(&server, &waiting.sid()?, phone.two_step(&server, PASSWORD)?, 200).await?;
    let paired = view.is("paired").await?;
    assert_eq!((paired.title.as_str(), paired.action.as_str()), ("Your phone is paired", ""));
    assert_eq!((paired.picture.as_str(), paired.seconds.as_str()), ("", ""));
    assert!(paired.tab.contains(&paired.title), "{paired:?}");
    assert_eq!(view.states().await?, ["connecting", "waiting", "paused", "paired"]);
    assert_eq!(server.fingerprints().await?.len(), 1);
    Ok(())
}

on_both_engines!(a_phone_pairs_before_the_eyes_of_its_page);

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_pairs_in_one_step_is_told_on_its_page() -> Result {
    let server = patient().await?;
    let view = View::of(&server, USER).await?;
    let waiting = view.is("waiting").await?;
    Phone::new()?.pair(&server, USER, &waiting.sid()?).await?;
    view.is("paired").await?;
    assert_eq!(view.faces().await?.first().map(|face| face.title.clone()).as_deref(), Some("Getting a code"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_counts_down_and_gives_way_to_the_next() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "4s").set("sync.rotations", 60);
    let server = builder.start().await?;
    let view = View::of(&server, USER).await?;
    // a code that has time left to lose; one that is just ending shows none
    let left = |face: &Face| face.seconds.parse::<u32>().ok().filter(|_| face.state == "waiting");
    let first = view.shows("a fresh code", |face| left(face).is_some_and(|left| left >= 2)).await?;
    let seconds = left(&first).unwrap_or_default();
    assert!((1..=4).contains(&seconds), "{seconds} seconds of four");
    view.shows("less time", |face| left(face).is_some_and(|left| left < seconds)).await?;

    let second = view.code_after(&first.code).await?;
    assert_ne!(second.picture, first.picture);
    let mut code = second.code;
    // a slow machine may be photographed in the middle of a change; the next code gets another chance
    for _ in 0..30 {
        let read = read_code(&view.browser.screenshot().await?, ".png").await?;
        if read == code {
            // both were issued to this user by this server
            for sid in [first.sid()?, super::view::sid_in(&read)?.to_owned()] {
                let mut socket = Socket::of(&server, USER, Some(&sid)).await?;
                assert_eq!(socket.hear().await?, Heard::Code(sid));
            }
            assert_eq!(view.states().await?, ["connecting", "waiting"]);
            return Ok(());
        }
        code = view.code_after(&code).await?.code;
    }
    anyhow::bail!("thirty pictures, none of the code in force")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_attempt_shows_another_code() -> Result {
    let server = patient().await?;
    let (view, phone) = (View::of(&server, USER).await?, Phone::new()?);
    let first = view.is("waiting").await?;
    offer(&server, &phone, &first.sid()?).await?;
    view.is("paused").await?;
    answer(&server, &first.sid()?, phone.two_step(&server, "not the password")?, 401).await?;
    let second = view.code_after(&first.code).await?;
    assert_eq!((second.title.as_str(), second.tone.as_str()), ("That attempt did not succeed", "warn"));
    assert_eq!(read_code(&view.browser.screenshot().await?, ".png").await?, second.code);
    assert_eq!(view.states().await?, ["connecting", "waiting", "paused", "waiting"]);

    answer(&server, &second.sid()?, phone.one_step(&server, "not that either")?, 403).await?;
    let third = view.code_after(&second.code).await?;
    answer(&server, &third.sid()?, phone.one_step(&server, PASSWORD)?, 200).await?;
    view.is("paired").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_falls_silent_is_given_up() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "60s");
    let server = builder.set("sync.pause_for", "8s").start().await?;
    let (view, phone) = (View::of(&server, USER).await?, Phone::new()?);
    let first = view.is("waiting").await?;
    offer(&server, &phone, &first.sid()?).await?;
    let second = view.code_after(&first.code).await?;
    assert_eq!((second.title.as_str(), second.tone.as_str()), ("Your phone did not answer", "warn"));
    let faces = view.faces().await?;
    let paused = faces.iter().find(|face| face.state == "paused").context("never paused")?;
    assert!(paused.text.contains("8 seconds"), "{paused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_are_used_up_can_be_had_again() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "4s");
    let server = builder.set("sync.rotations", 2).start().await?;
    let view = View::of(&server, USER).await?;
    let expired = view.is("expired").await?;
    assert_eq!(expired.action, "Show a new code");
    assert_eq!(expired.focus, "action", "whoever uses a keyboard has to look for the button");
    assert_eq!((expired.picture.as_str(), expired.seconds.as_str(), expired.link.as_str()), ("", "", ""));
    assert_eq!(view.states().await?, ["connecting", "waiting", "expired"]);
    let codes = |faces: &[Face]| {
        let mut codes: Vec<String> =
            faces.iter().filter(|face| face.state == "waiting").map(|f| f.code.clone()).collect();
        codes.dedup();
        codes
    };
    let before = codes(&view.faces().await?);
    assert_eq!(before.len(), 2, "two rotations were asked for");

    view.browser.click("#action").await?;
    view.shows("a new code", |face| face.state != "expired").await?;
    view.is("expired").await?;
    assert_eq!(view.states().await?, ["connecting", "waiting", "expired", "connecting", "waiting", "expired"]);
    let after = codes(&view.faces().await?);
    assert_eq!(after.len(), 4);
    assert!(after[2..].iter().all(|code| !before.contains(code)), "an old code again: {after:?}");
    Ok(())
}

/// A page whose codes are used up, of a server whose sessions live on for so long.
async fn run_out(session_ttl: &str) -> Result<(Server, View)> {
    // long enough for a picture on a busy machine: a code that is over by then is not shown
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "3s");
    let server = builder.set("sync.rotations", 2).set("sync.session_ttl", session_ttl).start().await?;
    let view = View::of(&server, USER).await?;
    view.is("expired").await?;
    Ok((server, view))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_phone_is_noticed_by_an_expired_page() -> Result {
    let (server, view) = run_out("120s").await?;
    let phone = Phone::new()?;
    // the code before the last: it has been gone from the screen for longest
    let faces = view.faces().await?;
    let first = faces.iter().find(|face| face.state == "waiting").map(Face::sid).transpose()?;
    let first = first.unwrap_or_default();
    offer(&server, &phone, &first).await?;
    let paused = view.is("paused").await?;
    assert_eq!(paused.title, "Continue on your phone");
    assert_eq!(paused.action, "Show a new code", "a phone that was put away would hold the page up");
    answer(&server, &first, phone.two_step(&server, PASSWORD)?, 200).await?;
    let paired = view.is("paired").await?;
    assert_eq!(paired.action, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_phone_that_fails_is_noticed_too() -> Result {
    let (server, view) = run_out("120s").await?;
    let phone = Phone::new()?;
    let sid = view.face().await?.sid()?;
    offer(&server, &phone, &sid).await?;
    view.is("paused").await?;
    answer(&server, &sid, phone.two_step(&server, "not the password")?, 401).await?;
    let expired = view.is("expired").await?;
    assert_eq!(expired.title, "That attempt did not succeed");
    assert_eq!(expired.action, "Show a new code");
    // and the same code may still be the one that pairs
    answer(&server, &sid, phone.two_step(&server, PASSWORD)?, 200).await?;
    view.is("paired").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_page_says_when_no_phone_can_come_any_more() -> Result {
    let (_server, view) = run_out("8s").await?;
    let over = view.shows("the end of its codes", |face| face.text.contains("when your phone is at hand")).await?;
    assert_eq!((over.state.as_str(), over.action.as_str()), ("expired", "Show a new code"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_stops_its_user_s_page() -> Result {
    let server = patient().await?;
    Phone::new()?.pair(&server, USER, &server.sid(USER).await?).await?;
    let view = View::of(&server, USER).await?;
    view.is("waiting").await?;
    let listed = server.http.get(server.url(&format!("/v1/users/{USER}/devices"))).bearer_auth(ADMIN).send().await?;
    let listed: serde_json::Value = listed.json().await?;
    let id = listed["data"][0]["id"].as_str().unwrap_or_default();
    let revoked = server.http.delete(server.url(&format!("/v1/devices/{id}"))).bearer_auth(ADMIN).send().await?;
    assert_eq!(revoked.status(), 204);
    let stopped = view.is("revoked").await?;
    assert_eq!((stopped.title.as_str(), stopped.action.as_str()), ("Pairing was stopped", "Start again"));
    assert_eq!((stopped.picture.as_str(), stopped.seconds.as_str()), ("", ""));
    view.browser.click("#action").await?;
    let again = view.is("waiting").await?;
    assert_eq!(read_code(&view.browser.screenshot().await?, ".png").await?, again.code);
    assert_eq!(view.states().await?, ["connecting", "waiting", "revoked", "connecting", "waiting"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_too_many_says_so() -> Result {
    let server = patient().await?;
    let mut others = Vec::new();
    for _ in 0..5 {
        let mut socket = Socket::of(&server, USER, None).await?;
        socket.code().await?;
        others.push(socket);
    }
    let view = View::of(&server, USER).await?;
    let busy = view.is("busy").await?;
    assert_eq!((busy.title.as_str(), busy.action.as_str()), ("Too many pairing pages are open", "Try again"));
    assert_eq!(view.states().await?, ["connecting", "busy"]);
    view.browser.click("#action").await?;
    view.shows("busy again", |face| face.state == "busy").await?;

    drop(others);
    // the server has to notice that they have gone
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        view.browser.click("#action").await?;
        if view.shows("an answer", |face| face.state != "connecting").await?.state == "waiting" {
            return Ok(());
        }
    }
    anyhow::bail!("still busy: {:#?}", view.faces().await?)
}
