//! `switchboard doctor`: what is sound, what is not, and how to mend it.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::Context as _;
use serde_json::Value;
use switchboard::store::Change;

use super::command::run;
use super::openssl;
use crate::harness::database::redis;
use crate::harness::port::free_port;
use crate::harness::{Builder, Layout, Result, Server};
use crate::{on_both_engines, on_every_layout};

/// How it ended, and every finding.
struct Found {
    code: Option<i32>,
    findings: Vec<Value>,
}

impl Found {
    /// The verdict on a thing, with what was found and the advice.
    fn on(&self, what: &str) -> Result<(&str, String)> {
        let finding = self.findings.iter().find(|finding| finding["what"] == what);
        let finding = finding.with_context(|| format!("nothing on {what}: {:?}", self.findings))?;
        let verdict = finding["verdict"].as_str().context("a verdict")?;
        Ok((verdict, format!("{} {}", finding["found"], finding["advice"])))
    }
}

async fn examine(builder: &Builder) -> Result<Found> {
    let said = run(builder, &["doctor", "--json"]).await?;
    let report: Value = serde_json::from_str(&said.out).with_context(|| format!("{said:?}"))?;
    let findings = report["findings"].as_array().context("no findings")?.clone();
    for finding in &findings {
        let is_good = finding["verdict"] == "good";
        anyhow::ensure!(is_good == finding["advice"].is_null(), "advice where it is wanted: {finding}");
    }
    Ok(Found { code: said.code, findings })
}

/// Small enough for any limit of open files.
async fn sound(layout: Layout) -> Result<Builder> {
    let builder = Builder::new(layout).await?.set("http.connections", 100);
    Ok(builder.set("http.public_url", "https://sms.example.org"))
}

/// Served once, so that the store belongs to its keys.
async fn served(layout: Layout) -> Result<Builder> {
    let server = sound(layout).await?.start().await?;
    Ok(server.builder().clone())
}

async fn a_sound_setup_is_good(layout: Layout) -> Result {
    let server: Server = sound(layout).await?.set("redis.url", redis()?).start().await?;
    let found = examine(server.builder()).await?;
    assert_eq!(found.code, Some(0));
    for finding in &found.findings {
        assert_eq!(finding["verdict"], "good", "{finding}");
    }
    for what in ["configuration", "public address", "administrator", "identity", "master key", "store", "store's keys"]
    {
        found.on(what)?;
    }
    for what in ["user database", "hashing salt", "clock", "redis", "open files"] {
        found.on(what)?;
    }
    let text = run(server.builder(), &["doctor"]).await?;
    assert!(!text.all().contains('\x1b'), "{text:?}");
    assert!(!text.all().contains(crate::harness::ADMIN), "{text:?}");
    let text = text.well()?;
    assert_eq!(text.lines().count(), found.findings.len());
    assert!(text.lines().all(|line| line.starts_with("good ")), "{text}");
    Ok(())
}

async fn missing_user_tables_are_bad(layout: Layout) -> Result {
    let builder = sound(layout).await?;
    run(&builder, &["migrate"]).await?.well()?;
    // there, and empty
    builder.home().databases.backend()?.ping().await?;
    let found = examine(&builder).await?;
    let (verdict, words) = found.on("user database")?;
    assert_eq!((found.code, verdict), (Some(1), "bad"));
    assert!(words.contains("no table users") && words.contains("backend.url") && words.contains("seed"), "{words}");
    Ok(())
}

async fn a_missing_salt_is_bad(layout: Layout) -> Result {
    let builder = served(layout).await?;
    builder.home().databases.backend()?.commit(Change::new().run("DELETE FROM credentials", Vec::new())).await?;
    let found = examine(&builder).await?;
    let (verdict, words) = found.on("hashing salt")?;
    assert_eq!((found.code, verdict), (Some(1), "bad"));
    assert!(words.contains("backend.hashing_salt_file"), "{words}");
    let found = examine(&builder.set("backend.hashing_salt", "salt")).await?;
    assert_eq!((found.code, found.on("hashing salt")?.0), (Some(0), "good"));
    Ok(())
}

on_every_layout!(a_sound_setup_is_good, missing_user_tables_are_bad, a_missing_salt_is_bad);

async fn other_keys_are_bad(layout: Layout) -> Result {
    let builder = served(layout).await?;
    let other = builder.clone().environment("SWITCHBOARD_MASTER_KEY", &"42".repeat(32));
    let found = examine(&other).await?;
    let (verdict, words) = found.on("store's keys")?;
    assert_eq!((found.code, verdict), (Some(1), "bad"));
    assert!(words.contains("another master key") && words.contains("copy keys/master.key"), "{words}");
    std::fs::write(builder.path("keys/identity.pem"), openssl::run(&["genrsa", "2048"], b"")?)?;
    let found = examine(&builder).await?;
    let (verdict, words) = found.on("store's keys")?;
    assert_eq!((found.code, verdict), (Some(1), "bad"));
    assert!(words.contains("another RSA identity") && words.contains("switchboard keys accept"), "{words}");
    Ok(())
}

/// A check that wrote would bind the store to whatever keys lie where it happens to run.
async fn it_only_looks(layout: Layout) -> Result {
    let builder = sound(layout).await?;
    let files = || -> Result<Vec<String>> {
        let entries = std::fs::read_dir(builder.path(""))?.flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        // SQLite's own come and go with whoever reads
        names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
        names.sort();
        Ok(names)
    };
    let found = examine(&builder).await?;
    assert_eq!(found.on("keys")?.0, "careful", "the first start makes them");
    assert_eq!(files()?, [""; 0], "made by a check");
    // the store is there, and nobody has served from it yet
    run(&builder, &["migrate"]).await?.well()?;
    run(&builder, &["keys", "generate"]).await?.well()?;
    std::fs::remove_file(builder.path("backend.db")).ok();
    let before = files()?;
    examine(&builder).await?;
    assert_eq!(files()?, before, "made by a check");
    let store = builder.home().databases.store()?;
    // the migrations' own rows say nothing of whose it is
    let claims =
        store.query("SELECT name FROM sb_meta WHERE name NOT IN ('book', 'clients', 'tariff')", Vec::new()).await?;
    assert!(claims.is_empty(), "whose the store is was decided by a check: {claims:?}");
    Ok(())
}

on_every_layout!(it_only_looks);
on_both_engines!(other_keys_are_bad);

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_setting_names_must_be_there() -> Result {
    let builder = served(Layout::SqliteShared).await?.set("sync.private_key", "nowhere.pem");
    let refusal = run(&builder, &["serve", "--listen", "127.0.0.1:0"]).await?.refusal()?;
    assert!(refusal.contains("nowhere.pem"), "{refusal}");
    let found = examine(&builder).await?;
    let (verdict, words) = found.on("keys")?;
    assert_eq!((found.code, verdict), (Some(1), "bad"), "{words}");
    assert!(words.contains("nowhere.pem"), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_bad() -> Result {
    let closed = format!("127.0.0.1:{}", free_port()?);
    let url = format!("mysql://user:hush@{closed}/store");
    let builder = served(Layout::SqliteShared).await?;
    for (setting, what) in [("store.url", "store"), ("backend.url", "user database")] {
        let builder = builder.clone().set(setting, &url);
        let found = examine(&builder).await?;
        let (verdict, words) = found.on(what)?;
        assert_eq!((found.code, verdict), (Some(1), "bad"));
        assert!(words.contains(setting) && words.contains("start the database"), "{words}");
        let text = run(&builder, &["doctor"]).await?;
        assert!(text.code == Some(1) && !text.all().contains("hush"), "{text:?}");
        assert!(text.out.lines().any(|line| line.starts_with("bad ") && line.contains(what)), "{text:?}");
    }
    let found = examine(&builder.set("store.url", "sqlite:/proc/none/store.db")).await?;
    assert_eq!((found.code, found.on("store")?.0), (Some(1), "bad"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn key_files_that_others_may_read_are_warned_of() -> Result {
    let builder = served(Layout::SqliteShared).await?;
    for name in ["identity.pem", "master.key"] {
        let path = builder.path("keys").join(name);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640))?;
        let found = examine(&builder).await?;
        let (verdict, words) = found.on("key files")?;
        assert_eq!((found.code, verdict), (Some(0), "careful"), "it serves all the same");
        assert!(words.contains(&format!("chmod 600 {}", path.display())), "{words}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        assert!(examine(&builder).await?.on("key files").is_err());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_salt_file_that_cannot_be_read_is_bad_as_it_stops_the_start() -> Result {
    let builder = served(Layout::SqliteShared).await?.set("backend.hashing_salt_file", "nowhere/salt");
    let said = run(&builder, &["serve", "--listen", "127.0.0.1:0"]).await?.refusal()?;
    assert!(said.contains("backend.hashing_salt_file") && said.contains("nowhere/salt"), "{said}");
    let found = examine(&builder).await?;
    assert_eq!((found.code, found.on("hashing salt")?.0), (Some(1), "bad"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_merely_wants_care_does_not_fail_it() -> Result {
    let builder = served(Layout::SqliteShared).await?;
    let closed = format!("127.0.0.1:{}", free_port()?);
    for (setting, value, what, advice) in [
        ("http.public_url", String::new(), "public address", "http.public_url"),
        ("admin.token", String::new(), "administrator", "openssl rand"),
        ("redis.url", format!("redis://{closed}"), "redis", "every 2 s"),
        ("http.connections", "99000000".to_owned(), "open files", "ulimit -n"),
    ] {
        let found = examine(&builder.clone().set(setting, value)).await?;
        let (verdict, words) = found.on(what)?;
        assert_eq!((found.code, verdict), (Some(0), "careful"), "{setting}: {words}");
        assert!(words.contains(advice), "{words}");
    }
    let fresh = sound(Layout::MariadbShared).await?;
    let found = examine(&fresh).await?;
    let (verdict, words) = found.on("schema")?;
    assert!(verdict == "careful" && words.contains("switchboard migrate"), "{words}");
    Ok(())
}
