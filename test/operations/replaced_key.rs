//! `switchboard keys generate --replace-identity`: phones that hold the old public key still pair, for a while.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use switchboard::crypto::phone::PhonePrivateKey;
use switchboard::model::{DigestAlgorithm, OaepDigests};

use super::command::run;
use crate::harness::phone::session;
use crate::harness::{Layout, PASSWORD, Phone, Result, Server, USER};
use crate::on_both_engines;

/// What a phone gets that holds this public key of the server's.
pub async fn try_with(server: &Server, server_pem: &str) -> Result<(u16, String)> {
    let phone = Phone::new()?;
    let pair = OaepDigests { oaep: DigestAlgorithm::Sha256, mgf1: DigestAlgorithm::Sha1 };
    let password = STANDARD.encode(PhonePrivateKey::encrypt(server_pem, pair, PASSWORD.as_bytes())?);
    let body = json!({"public_key": phone.public_pem, "password": password}).to_string();
    let sid = server.sid(USER).await?;
    let (status, answer) = server.post(&session(USER, &sid), body).await?;
    if status == 200 {
        phone.open(&answer)?;
    }
    Ok((status, answer))
}

pub async fn pairs_with(server: &Server, server_pem: &str) -> Result {
    let (status, answer) = try_with(server, server_pem).await?;
    ensure!(status == 200, "{status}: {answer}");
    Ok(())
}

/// The public key that a two-step phone is told.
pub async fn told(server: &Server) -> Result<String> {
    let sid = server.sid(USER).await?;
    let body = json!({"public_key": Phone::new()?.public_pem}).to_string();
    let (status, answer) = server.post(&format!("{}handshake", session(USER, &sid)), body).await?;
    ensure!(status == 200, "{status}: {answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer)?;
    Ok(answer["public_key"].as_str().unwrap_or_default().to_owned())
}

/// As though the key had been replaced so long ago.
fn set_back(server: &Server, ago: &str) -> Result {
    let file = server.builder().path("keys/identity.previous.pem");
    let touched = Command::new("touch").args(["-d", ago]).arg(file).status()?;
    ensure!(touched.success(), "touch -d {ago}");
    Ok(())
}

async fn a_replaced_identity_still_decrypts_for_a_while(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let old = server.public_pem()?;
    let said = run(server.builder(), &["keys", "generate", "--replace-identity"]).await?.well()?;
    assert!(said.contains("restart every node"), "{said}");
    let new = server.public_pem()?;
    assert_ne!(new, old);
    for name in ["identity.pem", "identity.previous.pem"] {
        let path = server.builder().path("keys").join(name);
        assert_eq!(std::fs::metadata(path)?.permissions().mode() & 0o777, 0o600, "{name}");
    }
    // until its restart it goes on as it was
    assert_eq!(told(&server).await?, old);
    pairs_with(&server, &old).await?;

    let server = server.restart().await?;
    assert_eq!(told(&server).await?, new);
    pairs_with(&server, &old).await?;
    pairs_with(&server, &new).await?;

    // session_ttl is 300 s
    set_back(&server, "301 seconds ago")?;
    let server = server.restart().await?;
    let (status, answer) = try_with(&server, &old).await?;
    assert_eq!((status, answer.as_str()), (400, "error with decryption"));
    pairs_with(&server, &new).await
}

on_both_engines!(a_replaced_identity_still_decrypts_for_a_while);

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_identity_lapses_while_the_server_runs() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let old = server.public_pem()?;
    run(server.builder(), &["keys", "generate", "--replace-identity"]).await?.well()?;
    set_back(&server, "296 seconds ago")?;
    let server = server.restart().await?;
    tokio::time::sleep(Duration::from_millis(4500)).await;
    let (status, answer) = try_with(&server, &old).await?;
    assert_eq!((status, answer.as_str()), (400, "error with decryption"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_previous_key_may_lie_where_a_setting_says() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let old = server.public_pem()?;
    let builder = server.builder().clone();
    drop(server);
    let (own, elsewhere) = (builder.path("keys/identity.pem"), builder.path("old.pem"));
    std::fs::write(&elsewhere, std::fs::read(&own)?)?;
    std::fs::remove_file(&own)?;
    // a new key is made, and accepted on purpose
    run(&builder, &["keys", "accept"]).await?.well()?;
    let server = builder.clone().start_unseeded().await?;
    assert_eq!(try_with(&server, &old).await?.0, 400);
    drop(server);
    let server = builder.set("sync.previous_private_key", elsewhere.display()).start_unseeded().await?;
    pairs_with(&server, &old).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_a_setting_names_is_not_replaced() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let own = server.builder().path("keys/identity.pem");
    let before = std::fs::read(&own)?;
    let builder = server.builder().clone().set("sync.private_key", own.display());
    let said = run(&builder, &["keys", "generate", "--replace-identity"]).await?.refusal()?;
    assert!(said.contains("sync.private_key") && said.contains("switchboard keys accept"), "{said}");
    assert_eq!(std::fs::read(&own)?, before);
    Ok(())
}
