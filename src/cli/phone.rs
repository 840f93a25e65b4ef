//! A phone, played over HTTP: both flavours of the handshake, every digest pair.

use std::path::PathBuf;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::escape;
use crate::crypto::SharedKey;
use crate::crypto::phone::PhonePrivateKey;
use crate::model::{DigestAlgorithm, OaepDigests, Secret};
use crate::service::sync::HandshakeFlavour;

/// How the phone encrypts.
#[derive(Clone, Copy)]
pub(super) struct PhoneOaepDigests {
    pub(super) oaep: DigestAlgorithm,
    pub(super) password_mgf1: DigestAlgorithm,
    pub(super) answer_mgf1: DigestAlgorithm,
}

pub(super) struct SimulatedPhone {
    pub(super) client: Client,
    pub(super) ca: Option<PathBuf>,
    /// The session's URL, without the trailing slash.
    pub(super) session_url: String,
    pub(super) password: Secret,
    pub(super) digests: PhoneOaepDigests,
}

/// What the phone has after pairing.
pub(super) struct SimulatedPhonePairing {
    pub(super) shared_key: SharedKey,
    pub(super) answer: Value,
}

impl SimulatedPhone {
    pub(super) async fn pair(&self, flavour: HandshakeFlavour) -> anyhow::Result<SimulatedPhonePairing> {
        let key = PhonePrivateKey::generate()?;
        let public_pem = key.public_pem()?;
        let answer = match flavour {
            HandshakeFlavour::OneStep => self.one_step(&public_pem).await?,
            HandshakeFlavour::TwoStep => self.two_step(&public_pem).await?,
        };
        let sealed = answer["shared_key"].as_str().context("the answer holds no shared key")?;
        let pair = OaepDigests { oaep: self.digests.oaep, mgf1: self.digests.answer_mgf1 };
        let opened = key.decrypt(pair, &STANDARD.decode(sealed)?)?;
        Ok(SimulatedPhonePairing { shared_key: SharedKey::from_bytes(&opened)?, answer })
    }

    /// O: everything at once. The server's key comes from its certificate, as on phones;
    /// without TLS the first message of the other flavour tells it.
    async fn one_step(&self, public_pem: &str) -> anyhow::Result<Value> {
        let server_pem = if self.session_url.starts_with("https://") {
            let (url, ca) = (self.session_url.clone(), self.ca.clone());
            tokio::task::spawn_blocking(move || certificate_key(&url, ca.as_ref())).await??
        } else {
            self.offer(public_pem).await?.0
        };
        let body = json!({
            "public_key": public_pem,
            "password": self.password(&server_pem)?,
            "hashingAlgorithm": self.digests.oaep.name(),
            "mgf1ParameterSpec": self.digests.password_mgf1.name(),
            "mgf1ParameterSpec_dec": self.digests.answer_mgf1.name(),
        });
        self.post(&format!("{}/", self.session_url), &body).await
    }

    /// T1, then T2.
    async fn two_step(&self, public_pem: &str) -> anyhow::Result<Value> {
        let (server_pem, verification_url) = self.offer(public_pem).await?;
        let body = json!({
            "password": self.password(&server_pem)?,
            "hashingAlgorithm": self.digests.oaep.name(),
            "decryption_hash": self.digests.password_mgf1.name(),
            "encryption_hash": self.digests.answer_mgf1.name(),
        });
        let host = self.session_url.find("/v2/").map_or("", |at| &self.session_url[..at]);
        self.post(&format!("{host}{verification_url}"), &body).await
    }

    async fn offer(&self, public_pem: &str) -> anyhow::Result<(String, String)> {
        let answer = self.post(&format!("{}/handshake", self.session_url), &json!({"public_key": public_pem})).await?;
        let field =
            |name: &str| answer[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in the answer"));
        Ok((field("public_key")?, field("verification_url")?))
    }

    fn password(&self, server_pem: &str) -> anyhow::Result<String> {
        let pair = OaepDigests { oaep: self.digests.oaep, mgf1: self.digests.password_mgf1 };
        Ok(STANDARD.encode(PhonePrivateKey::encrypt(server_pem, pair, self.password.expose().as_bytes())?))
    }

    async fn post(&self, url: &str, body: &Value) -> anyhow::Result<Value> {
        let sent = self.client.post(url).json(body).send().await;
        let response = sent.with_context(|| format!("no answer from {}", escape::line(url)))?;
        let (status, text) = (response.status(), response.text().await.unwrap_or_default());
        match status {
            StatusCode::OK => Ok(serde_json::from_str(&text)?),
            StatusCode::FORBIDDEN => anyhow::bail!("403: unknown user or wrong password"),
            _ => anyhow::bail!("{status}: {}", escape::line(&text)),
        }
    }
}

/// The public key in the leaf certificate of an HTTPS address, as PEM.
fn certificate_key(url: &str, ca: Option<&PathBuf>) -> anyhow::Result<String> {
    use openssl::ssl::{SslConnector, SslMethod};
    let uri: ::http::Uri = url.parse()?;
    let host = uri.host().context("no host")?;
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    if let Some(ca) = ca {
        connector.set_ca_file(ca)?;
    }
    let stream = std::net::TcpStream::connect((host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(443)))?;
    let stream = connector.build().connect(host.trim_matches(['[', ']']), stream)?;
    let certificate = stream.ssl().peer_certificate().context("the server showed no certificate")?;
    Ok(String::from_utf8(certificate.public_key()?.public_key_to_pem()?)?)
}
