//! The pairing page when its server goes away, is slow, or has had enough of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::page::{offer, patient};
use super::tool::read_code;
use super::view::{Face, View};
use crate::harness::phone::session;
use crate::harness::time::outlive;
use crate::harness::{Builder, LONG, Layout, PASSWORD, Phone, Result, Server, USER, until};

/// The page's states have passed these, in this order.
async fn went_through(view: &View, states: &[&str]) -> Result {
    let seen = view.states().await?;
    let mut rest = seen.iter();
    for state in states {
        anyhow::ensure!(rest.any(|one| one == state), "no {state} where it belongs: {seen:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_back_with_its_killed_server() -> Result {
    let mut server = patient().await?;
    let view = View::of(&server, USER).await?;
    let before = view.is("waiting").await?;
    server.kill()?;
    let lost = view.is("reconnecting").await?;
    assert_eq!((lost.title.as_str(), lost.picture.as_str(), lost.link.as_str()), ("Reconnecting", "", ""));
    let server = server.restart().await?;
    let back = view.is("waiting").await?;
    assert_eq!(read_code(&view.browser.screenshot().await?, ".png").await?, back.code);
    went_through(&view, &["connecting", "waiting", "reconnecting", "waiting"]).await?;
    // the code that was on the screen is still good: a phone may have scanned it
    assert_eq!(back.code, before.code);
    Phone::new()?.pair(&server, USER, &back.sid()?).await?;
    view.is("paired").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_back_after_an_orderly_restart() -> Result {
    let mut server = patient().await?;
    let view = View::of(&server, USER).await?;
    view.is("waiting").await?;
    server.signal("TERM")?;
    view.is("reconnecting").await?;
    assert!(server.ended(LONG).await?.success());
    let _server = server.restart().await?;
    view.is("waiting").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_learns_what_it_missed() -> Result {
    let mut server = patient().await?;
    let view = View::of(&server, USER).await?;
    let waiting = view.is("waiting").await?;
    server.kill()?;
    view.is("reconnecting").await?;
    // the phone reaches another node over the same store
    let other = Builder::at(server.home()).start_unseeded().await?;
    Phone::new()?.pair(&other, USER, &waiting.sid()?).await?;
    drop(other);
    let _server = server.restart().await?;
    let paired = view.is("paired").await?;
    assert_eq!(paired.title, "Your phone is paired");
    let states = view.states().await?;
    assert_eq!(states, ["connecting", "waiting", "reconnecting", "paired"], "a spent code was shown again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_learns_of_a_phone_that_held_an_older_code() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "6s");
    let mut server = builder.start().await?;
    let view = View::of(&server, USER).await?;
    let first = view.is("waiting").await?;
    view.code_after(&first.code).await?;
    server.kill()?;
    view.is("reconnecting").await?;
    let other = Builder::at(server.home()).start_unseeded().await?;
    Phone::new()?.pair(&other, USER, &first.sid()?).await?;
    drop(other);
    let _server = server.restart().await?;
    view.is("paired").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_waits_for_its_phone_across_a_restart() -> Result {
    let mut server = patient().await?;
    let (view, phone) = (View::of(&server, USER).await?, Phone::new()?);
    let sid = view.is("waiting").await?.sid()?;
    offer(&server, &phone, &sid).await?;
    view.is("paused").await?;
    server.kill()?;
    view.is("reconnecting").await?;
    let server = server.restart().await?;
    view.is("paused").await?;
    let (status, answer) = server.post(&session(USER, &sid), phone.two_step(&server, PASSWORD)?).await?;
    assert_eq!(status, 200, "{answer}");
    view.is("paired").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_code_is_over_gets_another() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "60s");
    let mut server = builder.set("sync.session_ttl", "12s").start().await?;
    let view = View::of(&server, USER).await?;
    let before = view.is("waiting").await?;
    server.kill()?;
    view.is("reconnecting").await?;
    outlive(&before.sid()?).await?;
    let _server = server.restart().await?;
    view.code_after(&before.code).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_counts_as_loss() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "20s");
    let server = builder.start().await?;
    // 20 s to the next code and 15 s of patience, which pass in three
    let view = View::in_haste(&server, USER, 12).await?;
    view.is("waiting").await?;
    server.signal("STOP")?;
    let lost = view.is("reconnecting").await;
    server.signal("CONT")?;
    lost?;
    view.is("waiting").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_gives_up_in_the_end_and_starts_again_when_told() -> Result {
    let mut server = patient().await?;
    // its dozen tries take minutes; much more haste and none would last until a slow answer
    let view = View::in_haste(&server, USER, 12).await?;
    view.is("waiting").await?;
    server.kill()?;
    let failed = view.is("failed").await?;
    assert_eq!((failed.title.as_str(), failed.action.as_str()), ("The server cannot be reached", "Try again"));
    assert_eq!((failed.seconds.as_str(), failed.focus.as_str()), ("", "action"));
    went_through(&view, &["waiting", "reconnecting", "failed"]).await?;
    let _server = server.restart().await?;
    view.browser.click("#action").await?;
    view.is("waiting").await?;
    Ok(())
}

/// On a line so slow that every code is over before its socket opens.
#[tokio::test(flavor = "multi_thread")]
async fn codes_that_are_refused_twice_are_a_failure() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("sync.session_ttl", "1s").start().await?;
    let view = View::new().await?;
    view.browser.devtools("Network.enable", json!({})).await?;
    // a session of one second lives for up to two: ids hold whole seconds, rounded up
    let slow = json!({"offline": false, "latency": 4000, "downloadThroughput": -1, "uploadThroughput": -1});
    view.browser.devtools("Network.emulateNetworkConditions", slow).await?;
    view.open(&server, USER).await?;
    let failed = view.is("failed").await?;
    assert_eq!((failed.title.as_str(), failed.action.as_str()), ("Pairing is not working", "Try again"));
    assert_eq!(view.states().await?, ["connecting", "failed"]);
    Ok(())
}

/// Asks until told to stop asking, and goes on.
async fn nag(server: &Server, stop: Arc<AtomicBool>, is_full: Arc<AtomicBool>) -> Result {
    while !stop.load(Ordering::Relaxed) {
        let status = server.http.get(server.url("/")).send().await?.status();
        is_full.fetch_or(status == 429, Ordering::Relaxed);
    }
    Ok(())
}

/// Presses the button until the page is turned away: the one request that is free each second
/// may have been its own, and then it shows a code once more.
async fn turned_away(view: &View) -> Result<Face> {
    for _ in 0..10 {
        view.browser.click("#action").await?;
        let face = view.shows("the end of it", |face| ["busy", "expired"].contains(&face.state.as_str())).await?;
        if face.state == "busy" {
            return Ok(face);
        }
    }
    anyhow::bail!("never turned away: {:#?}", view.faces().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_told_to_wait_comes_back_by_itself() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.requests_per_address", 60);
    let server = builder.set("sync.rotate_every", "1s").set("sync.rotations", 1).start().await?;
    let view = View::of(&server, USER).await?;
    view.is("expired").await?;
    let (stop, is_full) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let press = async {
        while !is_full.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let busy = turned_away(&view).await;
        stop.store(true, Ordering::Relaxed);
        busy
    };
    let (nagged, busy) = tokio::join!(nag(&server, stop.clone(), is_full.clone()), press);
    nagged?;
    let busy = busy?;
    assert_eq!((busy.title.as_str(), busy.action.as_str()), ("Too many requests", ""));
    assert_ne!(busy.seconds, "", "nothing says how long to wait");
    // its codes last a second: what counts is that there was one
    let states = &["expired", "connecting", "busy", "waiting"];
    until("another code", async || Ok(went_through(&view, states).await.ok())).await
}
