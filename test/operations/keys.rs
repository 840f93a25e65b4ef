//! The server's own keys: made once, for their owner alone; a store belongs to its keys.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

use super::command::{Place, run};
use super::openssl;
use crate::harness::{Builder, Layout, Phone, Result, USER};
use crate::on_both_engines;

const MASTER: &str = "SWITCHBOARD_MASTER_KEY";

fn mode(path: &Path) -> Result<u32> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
}

async fn shown(place: &Place, environment: &[(&str, &str)]) -> Result<Value> {
    Ok(serde_json::from_str(&place.run_with(&["keys", "show", "--json"], environment).await?.well()?)?)
}

#[tokio::test]
async fn keys_are_made_once_and_for_their_owner_alone() -> Result {
    let place = Place::new()?;
    let (identity, master) = (place.path("keys/identity.pem"), place.path("keys/master.key"));
    let said = place.run(&["keys", "generate"]).await?.well()?;
    assert_eq!((mode(&identity)?, mode(&master)?), (0o600, 0o600));
    let first = (std::fs::read(&identity)?, std::fs::read(&master)?);
    assert!(first.0.starts_with(b"-----BEGIN PRIVATE KEY-----"), "PKCS#8");
    let text = std::str::from_utf8(&first.1)?.trim();
    assert_eq!(hex::decode(text)?.len(), 32);
    assert!(!said.contains(text) && !said.contains("PRIVATE"), "{said}");
    let before = shown(&place, &[]).await?;
    let again = place.run(&["keys", "generate"]).await?.well()?;
    assert_eq!(again, said);
    assert_eq!((std::fs::read(&identity)?, std::fs::read(&master)?), first);
    assert_eq!(shown(&place, &[]).await?, before);
    let mut files: Vec<_> = std::fs::read_dir(place.path("keys"))?.flatten().map(|entry| entry.file_name()).collect();
    files.sort();
    assert_eq!(files, ["identity.pem", "master.key"], "no drafts beside them");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_made_at_once_are_one_pair() -> Result {
    let place = Place::new()?;
    let make = || place.run(&["keys", "generate"]);
    let (a, b, c, d) = tokio::join!(make(), make(), make(), make());
    let said = [a?.well()?, b?.well()?, c?.well()?, d?.well()?];
    assert!(said.iter().all(|one| *one == said[0]), "{said:#?}");
    assert_eq!(std::fs::read_dir(place.path("keys"))?.count(), 2);
    Ok(())
}

#[tokio::test]
async fn what_is_shown_is_what_openssl_sees() -> Result {
    let place = Place::new()?;
    place.run(&["keys", "generate"]).await?.well()?;
    let identity = place.path("keys/identity.pem");
    let identity = identity.to_str().context("a path")?;
    let shown = shown(&place, &[]).await?;
    let pem = openssl::run(&["pkey", "-in", identity, "-pubout"], b"")?;
    assert_eq!(shown["identity"]["public_key"], String::from_utf8(pem)?);
    let der = openssl::run(&["pkey", "-in", identity, "-pubout", "-outform", "DER"], b"")?;
    let digest = openssl::run(&["dgst", "-sha256", "-r"], &der)?;
    assert_eq!(shown["identity"]["fingerprint"], String::from_utf8_lossy(&digest[..64]).into_owned());
    let text = openssl::run(&["pkey", "-in", identity, "-noout", "-text"], b"")?;
    assert!(String::from_utf8(text)?.contains("2048 bit"));
    let words = place.run(&["keys", "show"]).await?.well()?;
    for part in [&shown["identity"]["fingerprint"], &shown["master_key"]["fingerprint"]] {
        assert!(words.contains(part.as_str().context("a fingerprint")?), "{words}");
    }
    Ok(())
}

#[tokio::test]
async fn a_key_of_ones_own_is_used_and_never_replaced() -> Result {
    let place = Place::new()?;
    std::fs::create_dir(place.path("keys"))?;
    // the older form too
    let own = openssl::run(&["genrsa", "-traditional", "3072"], b"")?;
    std::fs::write(place.path("keys/identity.pem"), &own)?;
    std::fs::write(place.path("keys/master.key"), "42".repeat(32))?;
    place.run(&["keys", "generate"]).await?.well()?;
    assert_eq!(std::fs::read(place.path("keys/identity.pem"))?, own);
    assert_eq!(std::fs::read_to_string(place.path("keys/master.key"))?, "42".repeat(32));
    let missing = place.run(&["serve", "--listen", "127.0.0.1:0", "--set", "sync.private_key=own.pem"]).await?;
    let missing = missing.refusal()?;
    assert!(missing.contains("own.pem"), "{missing}");
    assert!(!place.path("own.pem").exists(), "a key that was named is not made");
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_none_stops_the_start() -> Result {
    let place = Place::new()?;
    std::fs::create_dir(place.path("keys"))?;
    for (name, text, said) in [
        ("identity.pem", "not a key\n".to_owned(), "not an RSA private key"),
        ("identity.pem", String::from_utf8(openssl::run(&["genrsa", "1024"], b"")?)?, "2048 to 4096 bits"),
        ("master.key", "abcd\n".to_owned(), "32 bytes in hex or base64"),
        ("master.key", String::new(), "32 bytes in hex or base64"),
    ] {
        let path = place.path("keys").join(name);
        std::fs::write(&path, &text)?;
        let refusal = place.run(&["serve", "--listen", "127.0.0.1:0"]).await?.refusal()?;
        assert!(refusal.contains(name) && refusal.contains(said), "{refusal}");
        assert_eq!(std::fs::read_to_string(&path)?, text);
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

#[tokio::test]
async fn the_master_key_may_come_from_the_environment_in_hex_or_base64() -> Result {
    let place = Place::new()?;
    let bytes: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 8 + 3).unwrap_or_default());
    let forms = [hex::encode(bytes), hex::encode_upper(bytes), STANDARD.encode(bytes), URL_SAFE.encode(bytes)];
    let mut seen = Vec::new();
    for form in &forms {
        let shown = shown(&place, &[(MASTER, form)]).await?;
        assert_eq!(shown["master_key"]["origin"], MASTER);
        seen.push(shown["master_key"]["fingerprint"].clone());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "one key, however it is written: {seen:?}");
    assert!(!place.path("keys/master.key").exists());
    let other = shown(&place, &[(MASTER, &hex::encode([7; 32]))]).await?;
    assert_ne!(other["master_key"]["fingerprint"], seen[0]);
    let bad = place.run_with(&["serve", "--listen", "127.0.0.1:0"], &[(MASTER, "c0ffee")]).await?;
    assert!(!bad.all().contains("c0ffee"), "{bad:?}");
    let bad = bad.refusal()?;
    assert!(bad.contains(MASTER) && bad.contains("hex or base64"), "{bad}");
    Ok(())
}

/// Starts a server once, so that its store belongs to its keys.
async fn served_once(layout: Layout) -> Result<Builder> {
    let server = Builder::new(layout).await?.start().await?;
    let sid = server.sid(USER).await?;
    Phone::new()?.pair(&server, USER, &sid).await?;
    Ok(server.builder().clone())
}

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

async fn a_store_is_refused_under_another_master_key(layout: Layout) -> Result {
    let builder = served_once(layout).await?;
    let (own, aside) = (builder.path("keys/master.key"), builder.path("aside.key"));
    let fingerprint = |said: &str| -> Result<String> {
        let shown: Value = serde_json::from_str(said)?;
        Ok(shown["master_key"]["fingerprint"].as_str().context("a fingerprint")?.to_owned())
    };
    let stored = fingerprint(&run(&builder, &["keys", "show", "--json"]).await?.well()?)?;
    std::fs::rename(&own, &aside)?;
    for _ in 0..2 {
        let said = run(&builder, &SERVE).await?.refusal()?;
        let here = fingerprint(&run(&builder, &["keys", "show", "--json"]).await?.well()?)?;
        assert!(said.contains(&stored) && said.contains(&here), "{said}");
        assert!(said.contains("copy keys/master.key") && said.contains(MASTER), "{said}");
    }
    // the first key again, this time by the environment and in base64
    let key = STANDARD.encode(hex::decode(std::fs::read_to_string(&aside)?.trim())?);
    let server = builder.environment(MASTER, &key).start_unseeded().await?;
    let sid = server.sid(USER).await?;
    Phone::new()?.pair(&server, USER, &sid).await?;
    assert_eq!(server.fingerprints().await?.len(), 2);
    Ok(())
}

async fn a_store_is_refused_under_another_identity_until_it_is_accepted(layout: Layout) -> Result {
    let builder = served_once(layout).await?;
    let own = builder.path("keys/identity.pem");
    let fingerprint = |said: &str| -> Result<String> {
        let shown: Value = serde_json::from_str(said)?;
        Ok(shown["identity"]["fingerprint"].as_str().context("a fingerprint")?.to_owned())
    };
    let stored = fingerprint(&run(&builder, &["keys", "show", "--json"]).await?.well()?)?;
    std::fs::write(&own, openssl::run(&["genrsa", "2048"], b"")?)?;
    let here = fingerprint(&run(&builder, &["keys", "show", "--json"]).await?.well()?)?;
    for _ in 0..2 {
        let said = run(&builder, &SERVE).await?.refusal()?;
        assert!(said.contains(&stored) && said.contains(&here), "{said}");
        assert!(said.contains("copy keys/identity.pem") && said.contains("switchboard keys accept"), "{said}");
    }
    let accepted = run(&builder, &["keys", "accept"]).await?.well()?;
    assert!(accepted.contains(&here), "{accepted}");
    let server = builder.start_unseeded().await?;
    let sid = server.sid(USER).await?;
    Phone::new()?.pair(&server, USER, &sid).await?;
    Ok(())
}

on_both_engines!(
    a_store_is_refused_under_another_master_key,
    a_store_is_refused_under_another_identity_until_it_is_accepted,
);
