//! Known answers that other people's libraries made: ours decrypt theirs, openssl decrypts ours.

use std::path::PathBuf;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchboard::crypto::{EncryptedPayload, ServerPrivateKey, SharedKey, hash};
use switchboard::model::{DigestAlgorithm, OaepDigests};
use switchboard::store::Change;

use super::command::run;
use super::openssl;
use crate::harness::phone::session;
use crate::harness::{Builder, Digests, Layout, PASSWORD, Phone, Result, Server, USER};
use crate::{on_both_engines, on_every_layout};

/// One of the files of `test/vectors/`.
pub fn vectors(name: &str) -> Result<Value> {
    let path = crate::harness::server::root().join("test/vectors").join(name);
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name].as_str().with_context(|| format!("no {name}"))
}

fn cases(vectors: &Value) -> Result<&[Value]> {
    let cases = vectors["cases"].as_array().context("no cases")?;
    anyhow::ensure!(cases.len() >= 12, "every digest pair, three plaintexts each");
    Ok(cases)
}

/// The private key as a PEM file would hold it.
fn private_pem(vectors: &Value) -> Result<Vec<u8>> {
    let der = STANDARD.decode(text(vectors, "private_key_pkcs8_der_b64")?)?;
    openssl::run(&["pkey", "-inform", "DER"], &der)
}

fn digest(name: &str) -> DigestAlgorithm {
    if name == "sha1" { DigestAlgorithm::Sha1 } else { DigestAlgorithm::Sha256 }
}

#[test]
fn every_ciphertext_of_others_decrypts() -> Result {
    let vectors = vectors("rsa_oaep.json")?;
    let identity = ServerPrivateKey::from_pem(&private_pem(&vectors)?)?;
    assert_eq!(identity.public_pem().trim(), text(&vectors, "public_key_spki_pem")?.trim());
    for case in cases(&vectors)? {
        let (oaep, mgf1) = (digest(text(case, "hashingAlgorithm")?), digest(text(case, "mgf1ParameterSpec")?));
        let ciphertext = STANDARD.decode(text(case, "ciphertext_b64")?)?;
        let plain = identity.decrypt(OaepDigests { oaep, mgf1 }, &ciphertext)?;
        assert_eq!(std::str::from_utf8(&plain)?, text(case, "plaintext")?, "{case}");
        for other in OaepDigests::ALL.into_iter().filter(|other| *other != OaepDigests { oaep, mgf1 }) {
            assert!(identity.decrypt(other, &ciphertext).is_err(), "{other:?} must not decrypt {case}");
        }
    }
    Ok(())
}

/// A user for each plaintext, who has it for a password.
async fn users_of(builder: &Builder, cases: &[Value], salt: &str) -> Result {
    let mut change = Change::new();
    for (n, case) in (9_000_i64..).zip(cases) {
        let id = format!("vector-{n}");
        let hashed = hash::backend(salt, text(case, "plaintext")?);
        change =
            change.one("INSERT INTO users (id, password) VALUES (?, ?)", vec![id.as_str().into(), hashed.into()]).one(
                "INSERT INTO usersInfos (id, full_phone_number, status, userId) VALUES (?, 'a hash', 'verified', ?)",
                vec![n.into(), id.into()],
            );
    }
    Ok(builder.home().databases.backend()?.commit(change).await?)
}

async fn every_ciphertext_of_others_pairs(layout: Layout) -> Result {
    let vectors = vectors("rsa_oaep.json")?;
    let builder = Builder::new(layout).await?;
    run(&builder, &["seed"]).await?.well()?;
    let key: PathBuf = builder.path("theirs.pem");
    std::fs::write(&key, private_pem(&vectors)?)?;
    let rows = builder.home().databases.backend()?.query("SELECT hashing_salt FROM credentials", Vec::new()).await?;
    let salt = rows.first().context("no credentials")?.text(0)?.to_owned();
    let cases = cases(&vectors)?;
    users_of(&builder, cases, &salt).await?;
    let builder = builder.set("sync.private_key", key.display()).set("sync.lockouts", "[]");
    let server = builder.set("sync.refusal_delay", "0ms").start_unseeded().await?;
    for (n, case) in (9_000..).zip(cases) {
        let user = format!("vector-{n}");
        let phone = Phone::new()?;
        let body = json!({
            "public_key": phone.public_pem,
            "password": text(case, "ciphertext_b64")?,
            "hashingAlgorithm": text(case, "hashingAlgorithm")?,
            "mgf1ParameterSpec": text(case, "mgf1ParameterSpec")?,
        });
        let sid = server.sid(&user).await?;
        let (status, answer) = server.post(&session(&user, &sid), body.to_string()).await?;
        assert_eq!(status, 200, "{case}: {answer}");
        // the answer's own digests: MGF1 is SHA-1 unless asked for
        let oaep = digest(text(case, "hashingAlgorithm")?);
        let digests = Digests { oaep, ..Digests::default() };
        Phone { digests, ..phone }.open(&answer)?;
        // and pairs nobody else, who may have the same password
        let stranger = server.sid(USER).await?;
        let refused = server.post(&session(USER, &stranger), body.to_string()).await?;
        assert_eq!(refused, (403, String::new()), "{case}");
    }
    assert!(!server.builder().path("keys/identity.pem").exists(), "the key was given: none is made");
    Ok(())
}

on_every_layout!(every_ciphertext_of_others_pairs);

#[test]
fn the_backends_hashes_are_as_others_made_them() -> Result {
    let vectors = vectors("backend_hashes.json")?;
    let salt = text(&vectors, "hashing_salt")?;
    for name in ["password", "full_phone_number"] {
        assert_eq!(hash::backend(salt, text(&vectors[name], "plain")?), text(&vectors[name], "hash")?, "{name}");
    }
    Ok(())
}

#[test]
fn every_text_of_others_opens_wrapped_or_not() -> Result {
    let vectors = vectors("sms_payload_v2.json")?;
    let cases = vectors["cases"].as_array().context("no cases")?;
    assert!(cases.len() >= 4);
    for case in cases {
        let key = SharedKey::from_bytes(text(case, "shared_key_ascii")?.as_bytes())?;
        for name in ["sms_text_b64", "sms_text_b64_wrapped_76"] {
            let payload = EncryptedPayload::parse(text(case, name)?)?;
            assert_eq!(payload.parts()[0], text(case, "iv_ascii")?.as_bytes());
            let keys = [SharedKey::generate(), key.clone()];
            let (at, plain) = payload.open(&keys, |_| true)?.context("no key fits")?;
            assert_eq!((at, plain.expose()), (1, text(case, "plaintext")?), "{case}");
        }
    }
    Ok(())
}

async fn the_seeded_user_has_the_hashes_that_others_made(layout: Layout) -> Result {
    let vectors = vectors("backend_hashes.json")?;
    let builder = Builder::new(layout).await?;
    run(&builder, &["seed"]).await?.well()?;
    let sql = "SELECT u.password, i.full_phone_number FROM users u JOIN usersInfos i ON i.userId = u.id";
    let rows = builder.home().databases.backend()?.query(sql, Vec::new()).await?;
    assert_eq!(rows[0].text(0)?, text(&vectors["password"], "hash")?);
    assert_eq!(rows[0].text(1)?, text(&vectors["full_phone_number"], "hash")?);
    Ok(())
}

/// Pairs with a key that the `openssl` command made, and lets it decrypt the answer.
async fn openssl_reads(server: &Server, digests: Digests, is_one_step: bool) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("phone.pem").to_string_lossy().into_owned();
    openssl::run(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &key], b"")?;
    let public_pem = String::from_utf8(openssl::run(&["pkey", "-in", &key, "-pubout"], b"")?)?;
    let phone = Phone { public_pem, digests, ..Phone::new()? };
    let sid = server.sid(USER).await?;
    let path = session(USER, &sid);
    let body = if is_one_step {
        phone.one_step(server, PASSWORD)?
    } else {
        let offer = json!({"public_key": phone.public_pem}).to_string();
        let (status, answer) = server.post(&format!("{path}handshake"), offer).await?;
        anyhow::ensure!(status == 200, "{status}: {answer}");
        phone.two_step(server, PASSWORD)?
    };
    let (status, answer) = server.post(&path, body).await?;
    anyhow::ensure!(status == 200, "{status}: {answer}");
    let answer: Value = serde_json::from_str(&answer)?;
    let sealed = STANDARD.decode(text(&answer, "shared_key")?)?;
    let oaep = format!("rsa_oaep_md:{}", digests.oaep.name());
    let mgf1 = format!("rsa_mgf1_md:{}", digests.answer_mgf1.name());
    let options = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", &oaep, "-pkeyopt", &mgf1];
    openssl::run(&[&["pkeyutl", "-decrypt", "-inkey", &key], &options[..]].concat(), &sealed)
}

async fn openssl_decrypts_the_shared_key_under_every_pair(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    for pair in OaepDigests::ALL {
        for is_one_step in [true, false] {
            // the password under the other digest: the two ways are chosen apart
            let password_mgf1 =
                if pair.mgf1 == DigestAlgorithm::Sha1 { DigestAlgorithm::Sha256 } else { DigestAlgorithm::Sha1 };
            let digests = Digests { oaep: pair.oaep, password_mgf1, answer_mgf1: pair.mgf1 };
            let key = openssl_reads(&server, digests, is_one_step).await?;
            assert_eq!(key.len(), 32, "{pair:?}");
            assert!(key.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b)), "{pair:?}");
            let digest = openssl::run(&["dgst", "-sha256", "-r"], &key)?;
            let newest = server.fingerprints().await?.pop().context("no device")?;
            assert_eq!(newest, String::from_utf8_lossy(&digest[..16]), "{pair:?}");
        }
    }
    assert_eq!(server.fingerprints().await?.len(), 8);
    Ok(())
}

on_both_engines!(the_seeded_user_has_the_hashes_that_others_made, openssl_decrypts_the_shared_key_under_every_pair,);
