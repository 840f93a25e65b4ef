//! SIGHUP: certificate and identity are read again, both or neither, and the log's level; it ends nothing.

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::command::run;
use super::openssl::{self, Certificate, EC, RSA};
use super::replaced_key::{pairs_with, told, try_with};
use super::tls::{Secure, with_tls};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::on_both_engines;

const LOCAL: &str = "DNS:localhost,IP:127.0.0.1";
const DONE: &str = "read certificate and identity again";
const KEPT: &str = "certificate and identity stay as they were";

/// How often the log says this, in any JSON line of it.
fn said(server: &Server, words: &str) -> Result<usize> {
    Ok(server.log()?.matches(words).count())
}

/// Sends SIGHUP and waits until the log says what came of it.
async fn reload(server: &Server, words: &str) -> Result {
    let before = [said(server, DONE)?, said(server, KEPT)?];
    server.signal("HUP")?;
    until("word of the reload", async || Ok(([said(server, DONE)?, said(server, KEPT)?] != before).then_some(())))
        .await?;
    let now = said(server, words)?;
    ensure!(now == before[usize::from(words == KEPT)] + 1, "not {words}: {}", server.log()?);
    Ok(())
}

/// Whether new connections are shown this certificate.
fn shows(server: &Server, certificate: &Path) -> Result<bool> {
    let address = format!("127.0.0.1:{}", server.port);
    let shown = openssl::run(&["s_client", "-connect", &address], b"")?;
    let pem = std::fs::read_to_string(certificate)?;
    Ok(String::from_utf8_lossy(&shown).contains(pem.trim()))
}

fn put(from: &Certificate, at: &Certificate) -> Result {
    std::fs::copy(&from.cert, &at.cert)?;
    if from.key != at.key {
        std::fs::copy(&from.key, &at.key)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_and_a_bad_one_is_not() -> Result {
    let secure = Secure::start(Builder::new(Layout::SqliteShared).await?, RSA).await?;
    let (server, current) = (&secure.server, &secure.certificate);
    let folder = server.builder().path("");
    // who is connected stays so
    ensure!(secure.client.get(secure.url("/")).send().await?.status() == 200);
    let renewed = openssl::renewed(current, folder.join("renewed.pem"), 30)?;
    put(&renewed, current)?;
    reload(server, DONE).await?;
    ensure!(shows(server, &renewed.cert)?, "the renewed certificate is not shown");

    let good = std::fs::read(&current.cert)?;
    let expired = openssl::renewed(current, folder.join("expired.pem"), -1)?;
    let other = openssl::certificate(&folder, "other", RSA, LOCAL)?;
    let bad: [(&str, Vec<u8>); 5] = [
        ("expired", std::fs::read(&expired.cert)?),
        ("do not fit", std::fs::read(&other.cert)?),
        ("nothing of that kind is in it", b"nothing of the kind".to_vec()),
        ("nothing of that kind is in it", Vec::new()),
        ("a PEM block in it has no end", good[..good.len() / 2].to_vec()),
    ];
    for (words, pem) in bad {
        std::fs::write(&current.cert, pem)?;
        reload(server, KEPT).await?;
        let log = server.log()?;
        let last = log.lines().rev().find(|line| line.contains(KEPT)).context("no line")?;
        ensure!(last.contains(words) && last.contains("ERROR"), "not {words}: {last}");
        ensure!(shows(server, &renewed.cert)?, "after one that was {words} another is shown");
    }
    std::fs::remove_file(&current.cert)?;
    reload(server, KEPT).await?;
    std::fs::write(&current.cert, good)?;
    reload(server, DONE).await?;
    ensure!(shows(server, &renewed.cert)?);
    Ok(())
}

/// The key of the certificate is what phones encrypt to.
async fn another_identity_is_taken_where_the_store_knows_it(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    let folder = builder.path("");
    let current = openssl::certificate(&folder, "server", RSA, LOCAL)?;
    // plain HTTP, so that the helpers of phones can be used: the key is read all the same
    let server = builder.set("sync.private_key", current.key.display()).start().await?;
    let old = told(&server).await?;
    let other = openssl::certificate(&folder, "other", RSA, LOCAL)?;
    put(&other, &current)?;
    reload(&server, KEPT).await?;
    ensure!(told(&server).await? == old, "the other key was taken");
    pairs_with(&server, &old).await?;

    run(server.builder(), &["keys", "accept"]).await?.well()?;
    reload(&server, DONE).await?;
    let new = told(&server).await?;
    ensure!(new != old, "the accepted key was not taken");
    for pem in [&new, &old] {
        pairs_with(&server, pem).await?;
    }
    // again: the key before it stays good, and one that is none changes nothing
    reload(&server, DONE).await?;
    pairs_with(&server, &old).await?;
    std::fs::write(&current.key, "no key")?;
    reload(&server, KEPT).await?;
    pairs_with(&server, &new).await?;
    Ok(())
}

async fn a_replaced_identity_decrypts_for_session_ttl_only(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.set("sync.session_ttl", "2s").start().await?;
    let old = told(&server).await?;
    run(server.builder(), &["keys", "generate", "--replace-identity"]).await?.well()?;
    reload(&server, DONE).await?;
    ensure!(told(&server).await? != old);
    let refusal = (400, "error with decryption".to_owned());
    until("end of the old key", async || Ok((try_with(&server, &old).await? == refusal).then_some(()))).await?;
    pairs_with(&server, &told(&server).await?).await
}

on_both_engines!(another_identity_is_taken_where_the_store_knows_it, a_replaced_identity_decrypts_for_session_ttl_only,);

/// Certificate and identity are one file: neither is taken without the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_whose_key_is_another_identity_is_not_taken() -> Result {
    let secure = Secure::start(Builder::new(Layout::SqliteShared).await?, RSA).await?;
    let (server, current) = (&secure.server, &secure.certificate);
    let before = server.builder().path("before.pem");
    std::fs::copy(&current.cert, &before)?;
    let other = openssl::certificate(&server.builder().path(""), "other", RSA, LOCAL)?;
    put(&other, current)?;
    reload(server, KEPT).await?;
    ensure!(server.log()?.contains("another RSA identity"), "{}", server.log()?);
    ensure!(shows(server, &before)?, "the certificate was taken without its identity");
    run(server.builder(), &["keys", "accept"]).await?.well()?;
    reload(server, DONE).await?;
    ensure!(shows(server, &other.cert)?);
    Ok(())
}

/// Where pairing has a key of its own, the certificate's may be any.
#[tokio::test(flavor = "multi_thread")]
async fn another_key_of_a_certificate_is_taken_where_it_is_no_identity() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?;
    let folder = builder.path("");
    let own = folder.join("pairing.pem");
    std::fs::write(&own, openssl::run(&["genrsa", "2048"], b"")?)?;
    let current = openssl::certificate(&folder, "server", EC, LOCAL)?;
    let server = with_tls(builder.set("sync.private_key", own.display()), &current).start().await?;
    let other = openssl::certificate(&folder, "other", EC, LOCAL)?;
    put(&other, &current)?;
    reload(&server, DONE).await?;
    ensure!(shows(&server, &other.cert)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_s_log_level_is_read_again() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.unset("log.level");
    let file = builder.path("switchboard.toml");
    std::fs::write(&file, "[log]\nlevel = \"info\"\n")?;
    let server = builder.start().await?;
    let is_detailed = async || {
        let before = said(&server, "answered")?;
        server.http.get(server.url("/healthz")).send().await?;
        anyhow::Ok(said(&server, "answered")? > before)
    };
    ensure!(!is_detailed().await?);
    std::fs::write(&file, "[log]\nlevel = \"debug\"\n")?;
    reload(&server, DONE).await?;
    ensure!(is_detailed().await?, "{}", server.log()?);
    // what is no level, and what is no file, change nothing and end nothing
    for text in ["[log]\nlevel = \"loud\"\n", "[log\n", "[log]\nvolume = 3\n"] {
        std::fs::write(&file, text)?;
        reload(&server, DONE).await?;
        ensure!(is_detailed().await?, "{text}");
    }
    ensure!(said(&server, "the log's level stays")? == 3, "{}", server.log()?);
    std::fs::write(&file, "[log]\nlevel = \"info\"\n")?;
    reload(&server, DONE).await?;
    ensure!(!is_detailed().await?);
    Ok(())
}
