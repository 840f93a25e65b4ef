//! What the page is made of: its icon, its assets, the pictures and states of single sessions.

use serde_json::Value;

use super::page::offer;
use super::tool::{rasterised, read_code};
use crate::harness::phone::session;
use crate::harness::time::outlive;
use crate::harness::{Builder, Layout, PASSWORD, Phone, Result, Server, USER};
use crate::on_both_engines;

async fn status_of(server: &Server, path: &str) -> Result<u16> {
    Ok(server.http.get(server.url(path)).send().await?.status().as_u16())
}

async fn state(server: &Server, user: &str, sid: &str) -> Result<String> {
    let answer = server.http.get(server.url(&format!("/pair/{user}/{sid}/status"))).send().await?;
    anyhow::ensure!(answer.status() == 200, "{}", answer.status());
    let answer: Value = answer.json().await?;
    Ok(answer["state"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_icon_is_not_missing_and_unknown_assets_are() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    assert_eq!(status_of(&server, "/favicon.ico").await?, 204);
    for missing in ["/assets/nothing", "/assets/", "/assets/..%2FCargo.toml", "/pair/", "/pair/a%2Fb", "/pair/%00"] {
        assert_eq!(status_of(&server, missing).await?, 404, "{missing}");
    }
    for (asset, content_type) in [("pair.js", "text/javascript"), ("pair.css", "text/css")] {
        let answer = server.http.get(server.url(&format!("/assets/{asset}"))).send().await?;
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str()?.starts_with(content_type));
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(status_of(&server, &format!("/assets/{asset}/more")).await?, 404);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_reading_is_allowed() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let sid = server.sid(USER).await?;
    for path in [format!("/pair/{USER}"), format!("/pair/{USER}/{sid}.svg"), format!("/pair/{USER}/{sid}/status")] {
        let answer = server.http.post(server.url(&path)).send().await?;
        assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str()?), (405, "GET"), "{path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_s_picture_is_its_url() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let sid = server.sid(USER).await?;
    let answer = server.http.get(server.url(&format!("/pair/{USER}/{sid}.svg"))).send().await?;
    assert_eq!(answer.headers()["content-type"], "image/svg+xml");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let picture = rasterised(&answer.text().await?).await?;
    assert_eq!(read_code(&picture, ".png").await?, server.url(&session(USER, &sid)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_the_user_s_has_no_picture() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let (own, another) = (server.sid(USER).await?, server.sid("somebody-else").await?);
    // one bit of its proof
    let last = if own.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &own[..31]);
    assert_eq!(status_of(&server, &format!("/pair/{USER}/{own}.svg")).await?, 200);
    for sid in [forged.as_str(), another.as_str(), &own.to_uppercase(), "000", "", "x", &"0".repeat(32)] {
        let path = format!("/pair/{USER}/{sid}.svg");
        // letters may all be digits, and then upper case is the same id
        if sid != own {
            assert_eq!(status_of(&server, &path).await?, 404, "{path}");
        }
    }
    assert_eq!(status_of(&server, &format!("/pair/{USER}/{own}.png")).await?, 404);
    assert_eq!(status_of(&server, &format!("/pair/somebody-else/{own}.svg")).await?, 404);
    Ok(())
}

async fn a_session_s_status_follows_its_phone(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("sync.session_ttl", "60s").start().await?;
    let (phone, sid) = (Phone::new()?, server.sid(USER).await?);
    assert_eq!(state(&server, USER, &sid).await?, "waiting");
    offer(&server, &phone, &sid).await?;
    assert_eq!(state(&server, USER, &sid).await?, "paused");
    let (status, _) = server.post(&session(USER, &sid), phone.two_step(&server, "not the password")?).await?;
    assert_eq!((status, state(&server, USER, &sid).await?.as_str()), (401, "waiting"));
    let (status, _) = server.post(&session(USER, &sid), phone.two_step(&server, PASSWORD)?).await?;
    assert_eq!((status, state(&server, USER, &sid).await?.as_str()), (200, "paired"));
    // to anybody else it tells nothing
    for (user, sid) in [("somebody-else", sid.as_str()), (USER, "x"), (USER, "000"), (USER, &"0".repeat(32))] {
        assert_eq!(state(&server, user, sid).await?, "expired", "{user} {sid}");
    }
    Ok(())
}

on_both_engines!(a_session_s_status_follows_its_phone);

#[tokio::test(flavor = "multi_thread")]
async fn picture_and_status_end_with_their_session() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.set("sync.session_ttl", "10s").start().await?;
    let (phone, sid) = (Phone::new()?, server.sid(USER).await?);
    let picture = format!("/pair/{USER}/{sid}.svg");
    assert_eq!(status_of(&server, &picture).await?, 200);
    phone.pair(&server, USER, &sid).await?;
    assert_eq!(state(&server, USER, &sid).await?, "paired");
    outlive(&sid).await?;
    assert_eq!(status_of(&server, &picture).await?, 404);
    assert_eq!(state(&server, USER, &sid).await?, "expired");
    Ok(())
}
