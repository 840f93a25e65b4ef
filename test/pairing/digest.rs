//! The digests of RSA-OAEP: every pair in both flavours, and what absent and odd names mean.

use anyhow::Context as _;
use serde_json::{Value, json};
use switchboard::model::{DigestAlgorithm, OaepDigests};

use super::play::{self, edited, verification};
use crate::harness::phone::session;
use crate::harness::{Digests, Layout, PASSWORD, Phone, Result, Server, USER};

fn all() -> impl Iterator<Item = Digests> {
    OaepDigests::ALL.into_iter().flat_map(|pair| {
        [DigestAlgorithm::Sha1, DigestAlgorithm::Sha256].map(|answer_mgf1| Digests {
            oaep: pair.oaep,
            password_mgf1: pair.mgf1,
            answer_mgf1,
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_speaks_every_pair_of_digests_each_way() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for digests in all() {
        let phone = Phone { digests, ..Phone::new()? };
        let sid = server.sid(USER).await?;
        let key = phone.pair(&server, USER, &sid).await.with_context(|| format!("{digests:?}"))?;
        assert_eq!(server.fingerprints().await?.last(), Some(&key.fingerprint()), "{digests:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_steps_speak_every_pair_of_digests_each_way() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for digests in all() {
        let phone = Phone { digests, ..Phone::new()? };
        let sid = server.sid(USER).await?;
        play::offer(&server, &phone, USER, &sid).await?;
        let (status, body) = server.post(&verification(USER, &sid), phone.two_step(&server, PASSWORD)?).await?;
        assert_eq!(status, 200, "{digests:?}: {body}");
        let key = phone.open(&body).with_context(|| format!("{digests:?}"))?;
        assert_eq!(server.fingerprints().await?.last(), Some(&key.fingerprint()), "{digests:?}");
    }
    Ok(())
}

/// Posts O and T2 as a phone of these digests that names them so; both keys must open.
async fn pairs_as(server: &Server, digests: Digests, one: &Value, two: &Value) -> Result {
    let phone = Phone { digests, ..Phone::new()? };
    let body = edited(&phone.one_step(server, PASSWORD)?, one)?;
    let (status, answer) = server.post(&session(USER, &server.sid(USER).await?), body).await?;
    assert_eq!(status, 200, "O {one}: {answer}");
    phone.open(&answer).with_context(|| format!("O {one}"))?;
    let sid = server.sid(USER).await?;
    play::offer(server, &phone, USER, &sid).await?;
    let body = edited(&phone.two_step(server, PASSWORD)?, two)?;
    let (status, answer) = server.post(&verification(USER, &sid), body).await?;
    assert_eq!(status, 200, "T {two}: {answer}");
    phone.open(&answer).with_context(|| format!("T {two}"))?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_names_mean_sha256_with_sha1_inside() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let defaults = Digests {
        oaep: DigestAlgorithm::Sha256,
        password_mgf1: DigestAlgorithm::Sha1,
        answer_mgf1: DigestAlgorithm::Sha1,
    };
    let one = json!({"hashingAlgorithm": null, "mgf1ParameterSpec": null, "mgf1ParameterSpec_dec": null});
    let two = json!({"hashingAlgorithm": null, "decryption_hash": null, "encryption_hash": null});
    pairs_as(&server, defaults, &one, &two).await?;
    // each alone: what the others say does not spill over
    for digests in all() {
        let default = |digest: DigestAlgorithm, value| if digest == value { Value::Null } else { json!(digest.name()) };
        let names = |mgf1: &str, answer: &str| {
            json!({
                "hashingAlgorithm": default(digests.oaep, defaults.oaep),
                mgf1: default(digests.password_mgf1, defaults.password_mgf1),
                answer: default(digests.answer_mgf1, defaults.answer_mgf1),
            })
        };
        let (one, two) =
            (names("mgf1ParameterSpec", "mgf1ParameterSpec_dec"), names("decryption_hash", "encryption_hash"));
        pairs_as(&server, digests, &one, &two).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_but_sha1_means_sha256() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let digests = Digests {
        oaep: DigestAlgorithm::Sha256,
        password_mgf1: DigestAlgorithm::Sha256,
        answer_mgf1: DigestAlgorithm::Sha256,
    };
    for name in ["whirlpool", "", "SHA-256", "sha512", "MGF1-SHA256"] {
        let one = json!({"hashingAlgorithm": name, "mgf1ParameterSpec": name, "mgf1ParameterSpec_dec": name});
        let two = json!({"hashingAlgorithm": name, "decryption_hash": name, "encryption_hash": name});
        pairs_as(&server, digests, &one, &two).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_exact_name_means_sha1_inside() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let digests = Digests {
        oaep: DigestAlgorithm::Sha256,
        password_mgf1: DigestAlgorithm::Sha256,
        answer_mgf1: DigestAlgorithm::Sha256,
    };
    for name in ["SHA1", "sha-1", "sha1 "] {
        let one = json!({"mgf1ParameterSpec": name, "mgf1ParameterSpec_dec": name});
        pairs_as(&server, digests, &one, &json!({"decryption_hash": name, "encryption_hash": name})).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flavour_heeds_its_own_names() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let digests = Digests {
        oaep: DigestAlgorithm::Sha256,
        password_mgf1: DigestAlgorithm::Sha256,
        answer_mgf1: DigestAlgorithm::Sha1,
    };
    let one = json!({"decryption_hash": "sha1", "encryption_hash": "sha256"});
    let two = json!({"mgf1ParameterSpec": "sha1", "mgf1ParameterSpec_dec": "sha256"});
    pairs_as(&server, digests, &one, &two).await
}
