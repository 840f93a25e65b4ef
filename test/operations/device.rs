//! `switchboard device pair`: a phone that anybody can play.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::Context as _;
use serde_json::Value;
use switchboard::crypto::SharedKey;

use super::command::{Said, finish_with, run};
use crate::harness::port::free_port;
use crate::harness::{Builder, Layout, PASSWORD, Result, Server, USER, until};

/// The links of a fresh code.
async fn link(server: &Server, name: &str) -> Result<String> {
    let url = server.url(&format!("/v2/sync/users/{USER}?format=json"));
    let link: Value = serde_json::from_str(&server.http.get(url).send().await?.text().await?)?;
    Ok(link[name].as_str().context("a URL")?.to_owned())
}

async fn pair(server: &Server, more: &[&str]) -> Result<Said> {
    let url = link(server, "qr_url").await?;
    run(server.builder(), &[&["device", "pair", &url, "--password", PASSWORD], more].concat()).await
}

async fn newest(server: &Server) -> Result<String> {
    server.fingerprints().await?.pop().context("no device")
}

async fn every_digest_pairs(flavour: &str) -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for oaep in ["sha1", "sha256"] {
        for mgf1 in ["sha1", "sha256"] {
            for answer in ["sha1", "sha256"] {
                let more = ["--flavour", flavour, "--oaep", oaep, "--mgf1", mgf1, "--mgf1-answer", answer];
                let said = pair(&server, &more).await?.well()?;
                assert_eq!(said, format!("paired fingerprint: {}\n", newest(&server).await?), "{more:?}");
            }
        }
    }
    let flavours = server.rows("SELECT DISTINCT flavour FROM sb_device").await?;
    assert_eq!(flavours, [[flavour.to_owned()]]);
    assert_eq!(server.fingerprints().await?.len(), 8);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_pairs_under_every_digest() -> Result {
    every_digest_pairs("one").await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_step_pairs_under_every_digest() -> Result {
    every_digest_pairs("two").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_of_a_code_pairs() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for flavour in ["one", "two"] {
        let app = link(&server, "mobile_url").await?;
        assert!(app.starts_with("app://127.0.0.1:"), "{app}");
        let bare = link(&server, "qr_url").await?.trim_end_matches('/').to_owned();
        for url in [app, bare] {
            let pair = ["device", "pair", &url, "--password", PASSWORD, "--flavour", flavour];
            let said = run(server.builder(), &pair).await?.well()?;
            assert!(said.contains(&newest(&server).await?), "{said}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reads_fingerprint_and_platforms() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let one: Value = serde_json::from_str(&pair(&server, &["--json"]).await?.well()?)?;
    assert_eq!(one["fingerprint"], newest(&server).await?);
    let names = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|platform| platform["name"].to_string()).collect()
    };
    assert_eq!(names(&one["user_platforms"]["saved_platforms"]), ["\"gmail\"", "\"twitter\""]);
    assert_eq!(names(&one["user_platforms"]["unsaved_platforms"]), ["\"telegram\""]);
    let two: Value = serde_json::from_str(&pair(&server, &["--json", "--flavour", "two"]).await?.well()?)?;
    assert_eq!(two["fingerprint"], newest(&server).await?);
    assert_eq!(names(&two["user_platforms"]), ["\"gmail\"", "\"twitter\""]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_key_is_the_phones_and_its_owners_alone() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let file = server.builder().path("shared.key");
    let path = file.display().to_string();
    let said = pair(&server, &["--save", &path]).await?.well()?;
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let saved = std::fs::read(&file)?;
    assert_eq!(SharedKey::from_bytes(&saved)?.fingerprint(), newest(&server).await?);
    assert!(!said.contains(std::str::from_utf8(&saved)?), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_exists_is_not_overwritten_and_stops_it_before_it_pairs() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let file = server.builder().path("mine.txt");
    std::fs::write(&file, "mine")?;
    for path in [file.display().to_string(), server.builder().path("nowhere/shared.key").display().to_string()] {
        let said = pair(&server, &["--save", &path]).await?.refusal()?;
        assert!(said.contains(&path), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&file)?, "mine");
    assert_eq!(server.fingerprints().await?, [""; 0], "a device whose key nobody has");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_pairing_leaves_no_file() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let file = server.builder().path("shared.key");
    let path = file.display().to_string();
    let url = link(&server, "qr_url").await?;
    let pair = ["device", "pair", &url, "--password", "not-it", "--save", &path];
    let said = run(server.builder(), &pair).await?.refusal()?;
    assert!(said.contains("wrong password"), "{said}");
    assert!(!file.exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_ends_with_1_and_says_so() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for (flavour, words) in [("one", "unknown user or wrong password"), ("two", "failed to authenticate")] {
        let url = link(&server, "qr_url").await?;
        let pair = ["device", "pair", &url, "--password", "not-it", "--flavour", flavour];
        let said = run(server.builder(), &pair).await?;
        assert!(said.out.is_empty() && !said.all().contains("not-it"), "{said:?}");
        assert!(said.err.contains(words), "{said:?}");
        said.refusal()?;
    }
    assert_eq!(server.fingerprints().await?, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_may_come_from_the_input_or_the_environment() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for input in [format!("{PASSWORD}\n"), format!("{PASSWORD}\r\n"), PASSWORD.to_owned()] {
        let url = link(&server, "qr_url").await?;
        let said = finish_with(server.builder().command(&["device", "pair", &url]), input.as_bytes()).await?;
        assert!(said.well()?.contains(&newest(&server).await?));
    }
    let url = link(&server, "qr_url").await?;
    let builder = server.builder().clone().environment("SWITCHBOARD_DEVICE_PASSWORD", PASSWORD);
    run(&builder, &["device", "pair", &url]).await?.well()?;
    let help = run(&builder, &["device", "pair", "--help"]).await?.well()?;
    assert!(!help.contains(PASSWORD), "{help}");
    assert_eq!(server.fingerprints().await?.len(), 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_code_or_no_server_is_told() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let pair =
        async |url: &str| run(server.builder(), &["device", "pair", url, "--password", PASSWORD]).await?.refusal();
    let page = server.url("/pair/111");
    assert!(pair(&page).await?.contains("not the URL of a code"));
    let nobody = format!("http://127.0.0.1:{}/v2/sync/users/111/sessions/x/", free_port()?);
    assert!(pair(&nobody).await?.contains("no answer from"));
    let unknown = server.url("/v2/sync/users/111/sessions/0123456789abcdef0123456789abcdef/");
    assert!(pair(&unknown).await?.contains("invalid session requested"));
    let url = link(&server, "qr_url").await?;
    pair_once(&server, &url).await?;
    assert!(pair(&url).await?.contains("invalid session requested"), "a code is good once");
    Ok(())
}

async fn pair_once(server: &Server, url: &str) -> Result {
    run(server.builder(), &["device", "pair", url, "--password", PASSWORD]).await?.well()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_names_what_to_type() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.dev();
    let server = builder.start_unseeded().await?;
    // it is printed a moment after the port is open
    let typed = until("a command to type", async || {
        let said = server.log()?;
        let typed = said.lines().find_map(|line| Some(line.split_once("switchboard device pair ")?.1.to_owned()));
        Ok(typed.filter(|_| said.contains("Authorization: Bearer")))
    });
    let typed = typed.await?;
    let words: Vec<&str> = ["device", "pair"].into_iter().chain(typed.split_whitespace()).collect();
    for _ in 0..2 {
        let said = run(server.builder(), &words).await?.well()?;
        assert!(said.contains(&newest(&server).await?), "{said}");
    }
    assert!(!server.log()?.contains('\x1b'), "colours in a file");
    Ok(())
}
