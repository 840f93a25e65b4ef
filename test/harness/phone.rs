//! A phone: its key pair, what it posts, what it reads.

use std::sync::OnceLock;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchboard::crypto::SharedKey;
use switchboard::crypto::phone::PhonePrivateKey;
use switchboard::model::{DigestAlgorithm, OaepDigests};

use super::{PASSWORD, Result, Server};

/// The three digests of a handshake.
#[derive(Clone, Copy, Debug)]
pub struct Digests {
    pub oaep: DigestAlgorithm,
    pub password_mgf1: DigestAlgorithm,
    pub answer_mgf1: DigestAlgorithm,
}

impl Default for Digests {
    /// What Android sent in 2022, and what absent fields mean.
    fn default() -> Self {
        Self { oaep: DigestAlgorithm::Sha256, password_mgf1: DigestAlgorithm::Sha1, answer_mgf1: DigestAlgorithm::Sha1 }
    }
}

pub struct Phone {
    pub key: &'static PhonePrivateKey,
    pub public_pem: String,
    pub digests: Digests,
}

/// One key for all tests: making one takes a while, and nothing here depends on its novelty.
fn key() -> Result<&'static PhonePrivateKey> {
    static KEY: OnceLock<PhonePrivateKey> = OnceLock::new();
    if KEY.get().is_none() {
        let _ = KEY.set(PhonePrivateKey::generate()?);
    }
    KEY.get().context("no key")
}

impl Phone {
    pub fn new() -> Result<Self> {
        let key = key()?;
        Ok(Self { key, public_pem: key.public_pem()?, digests: Digests::default() })
    }

    /// A phone with a key of its own.
    pub fn with_new_key() -> Result<Self> {
        let key: &'static PhonePrivateKey = Box::leak(Box::new(PhonePrivateKey::generate()?));
        Ok(Self { key, public_pem: key.public_pem()?, digests: Digests::default() })
    }

    /// A password as it travels: base64 of its encryption.
    pub fn encrypt(&self, server: &Server, password: &str) -> Result<String> {
        let pair = OaepDigests { oaep: self.digests.oaep, mgf1: self.digests.password_mgf1 };
        Ok(STANDARD.encode(PhonePrivateKey::encrypt(&server.public_pem()?, pair, password.as_bytes())?))
    }

    /// The body of O.
    pub fn one_step(&self, server: &Server, password: &str) -> Result<String> {
        Ok(json!({
            "public_key": self.public_pem,
            "password": self.encrypt(server, password)?,
            "hashingAlgorithm": self.digests.oaep.name(),
            "mgf1ParameterSpec": self.digests.password_mgf1.name(),
            "mgf1ParameterSpec_dec": self.digests.answer_mgf1.name(),
        })
        .to_string())
    }

    /// The body of T2.
    pub fn two_step(&self, server: &Server, password: &str) -> Result<String> {
        Ok(json!({
            "password": self.encrypt(server, password)?,
            "hashingAlgorithm": self.digests.oaep.name(),
            "decryption_hash": self.digests.password_mgf1.name(),
            "encryption_hash": self.digests.answer_mgf1.name(),
        })
        .to_string())
    }

    /// The shared key in an answer.
    pub fn open(&self, answer: &str) -> Result<SharedKey> {
        let answer: Value = serde_json::from_str(answer).with_context(|| answer.to_owned())?;
        let sealed = STANDARD.decode(answer["shared_key"].as_str().context("no shared_key")?)?;
        let pair = OaepDigests { oaep: self.digests.oaep, mgf1: self.digests.answer_mgf1 };
        Ok(SharedKey::from_bytes(&self.key.decrypt(pair, &sealed)?)?)
    }

    /// O with the right password, to the end.
    pub async fn pair(&self, server: &Server, user: &str, sid: &str) -> Result<SharedKey> {
        let body = self.one_step(server, PASSWORD)?;
        let (status, answer) = server.post(&session(user, sid), body).await?;
        anyhow::ensure!(status == 200, "{status}: {answer}");
        self.open(&answer)
    }
}

/// Where a session's handshake is posted.
pub fn session(user: &str, sid: &str) -> String {
    format!("/v2/sync/users/{user}/sessions/{sid}/")
}
