//! `switchboard sync`: the rotating code of a user, for a pipe and for a script.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::command::{Live, run};
use crate::harness::phone::session;
use crate::harness::port::free_port;
use crate::harness::{ADMIN, Builder, LONG, Layout, PASSWORD, Phone, Result, Server, USER};
use crate::on_both_engines;

fn start(server: &Server, user: &str, more: &[&str]) -> Result<Live> {
    let url = server.url("");
    Live::start(server.builder().command(&[&["sync", user, "--url", &url], more].concat()))
}

async fn next(sync: &mut Live) -> Result<String> {
    sync.line().await?.context("it ended")
}

fn sid_of(url: &str) -> Result<&str> {
    url.trim_end_matches('/').rsplit('/').next().context("no sid")
}

async fn piped_it_prints_a_url_a_line_and_ends_well_after_a_pairing(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?.set("sync.rotate_every", "1s").set("sync.rotations", 30);
    let server = builder.start().await?;
    let mut sync = start(&server, USER, &[])?;
    let (first, second) = (next(&mut sync).await?, next(&mut sync).await?);
    assert_ne!(first, second);
    for url in [&first, &second] {
        assert!(url.starts_with(&server.url(&format!("/v2/sync/users/{USER}/sessions/"))), "{url}");
    }
    Phone::new()?.pair(&server, USER, sid_of(&second)?).await?;
    let said = sync.ended().await?;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("paired"), "{said:?}");
    // no words between the URLs, whatever was still on its way
    assert!(said.out.lines().all(|line| line.starts_with("http://")), "{said:?}");
    assert!(!said.all().contains('\x1b'), "{said:?}");
    Ok(())
}

on_both_engines!(piped_it_prints_a_url_a_line_and_ends_well_after_a_pairing);

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_1_when_the_codes_are_used_up() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "200ms");
    let server = builder.start().await?;
    for user in [USER, "nobody-of-that-name"] {
        let said = start(&server, user, &[])?.ended().await?;
        assert_eq!(said.code, Some(1), "{said:?}");
        let mut urls: Vec<&str> = said.out.lines().collect();
        urls.dedup();
        assert_eq!(urls.len(), 3, "{said:?}");
        assert!(said.err.contains("no phone came"), "{said:?}");
    }
    let said = start(&server, USER, &["--json"])?.ended().await?;
    assert_eq!(said.code, Some(1), "{said:?}");
    let states: Vec<Value> = said.out.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    let words: Vec<&str> = states.iter().filter_map(|state| state["state"].as_str()).collect();
    assert_eq!(words, ["waiting", "waiting", "waiting", "expired"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reads_an_object_a_line() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let mut sync = start(&server, USER, &["--json"])?;
    let waiting: Value = serde_json::from_str(&next(&mut sync).await?)?;
    assert_eq!(waiting["state"], "waiting");
    let url = waiting["qr_url"].as_str().context("a URL")?;
    assert_eq!(waiting["mobile_url"].as_str(), Some(url.replacen("http", "app", 1).as_str()));
    let sid = sid_of(url)?;
    let phone = Phone::new()?;
    let offer = json!({"public_key": phone.public_pem}).to_string();
    assert_eq!(server.post(&format!("{}handshake", session(USER, sid)), offer).await?.0, 200);
    assert_eq!(next(&mut sync).await?, r#"{"state":"paused"}"#);
    // a wrong password brings the next code
    let wrong = phone.two_step(&server, "not-it")?;
    assert_eq!(server.post(&session(USER, sid), wrong).await?.0, 401);
    let again: Value = serde_json::from_str(&next(&mut sync).await?)?;
    let url = again["qr_url"].as_str().context("a URL")?;
    assert_ne!(sid_of(url)?, sid);
    phone.pair(&server, USER, sid_of(url)?).await?;
    let end = sync.ended().await?;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(end.out, "{\"state\":\"paused\"}\n{\"state\":\"paired\"}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_ends_it_with_the_reason() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let sid = server.sid(USER).await?;
    Phone::new()?.pair(&server, USER, &sid).await?;
    let mut sync = start(&server, USER, &[])?;
    next(&mut sync).await?;
    let id = server.rows("SELECT id FROM sb_device").await?.concat().concat();
    let revoked = server.http.delete(server.url(&format!("/v1/devices/dev_{id}"))).bearer_auth(ADMIN).send().await?;
    assert_eq!(revoked.status(), 204);
    let end = sync.ended().await?.refusal()?;
    assert!(end.contains("4410") && end.contains("revoked"), "{end}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_ends_it_with_1() -> Result {
    let mut server = Server::start(Layout::SqliteShared).await?;
    let mut told = start(&server, USER, &[])?;
    next(&mut told).await?;
    server.signal("TERM")?;
    let said = told.ended().await?.refusal()?;
    assert!(said.contains("1001"), "{said}");
    server.ended(LONG).await?;
    let mut server = server.restart().await?;
    let mut lost = start(&server, USER, &[])?;
    next(&mut lost).await?;
    server.kill()?;
    lost.ended().await?.refusal()?;
    let nobody = format!("http://127.0.0.1:{}", free_port()?);
    let said = run(server.builder(), &["sync", USER, "--url", &nobody]).await?.refusal()?;
    assert!(said.contains("is the server running there?"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_pairs_by_the_other_command() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let mut sync = start(&server, USER, &[])?;
    let url = next(&mut sync).await?;
    run(server.builder(), &["device", "pair", &url, "--password", PASSWORD]).await?.well()?;
    sync.ended().await?.well()?;
    Ok(())
}
