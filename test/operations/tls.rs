//! TLS: https and wss, the identity in the certificate, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};
use switchboard::crypto::phone::PhonePrivateKey;
use switchboard::model::{DigestAlgorithm, OaepDigests};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_tungstenite::Connector;

use super::command::run;
use super::openssl::{self, Certificate, EC, RSA};
use crate::harness::phone::session;
use crate::harness::{Builder, Heard, Layout, PASSWORD, Phone, Result, Server, Socket, USER};

const LOCAL: &str = "DNS:localhost,IP:127.0.0.1";

/// A server under a certificate of its own, and a client that trusts that.
pub struct Secure {
    pub server: Server,
    pub certificate: Certificate,
    pub client: Client,
}

pub fn with_tls(builder: Builder, certificate: &Certificate) -> Builder {
    builder.set("tls.cert", certificate.cert.display()).set("tls.key", certificate.key.display())
}

impl Secure {
    pub async fn start(builder: Builder, kind: &[&str]) -> Result<Self> {
        let certificate = openssl::certificate(&builder.path(""), "server", kind, LOCAL)?;
        let server = with_tls(builder, &certificate).start().await?;
        let pem = std::fs::read(&certificate.cert)?;
        let client = Client::builder().add_root_certificate(reqwest::Certificate::from_pem(&pem)?);
        let client = client.timeout(Duration::from_secs(30)).build()?;
        Ok(Self { server, certificate, client })
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.server.port)
    }

    pub fn ca(&self) -> String {
        self.certificate.cert.display().to_string()
    }

    async fn link(&self) -> Result<Value> {
        let url = self.url(&format!("/v2/sync/users/{USER}?format=json"));
        Ok(serde_json::from_str(&self.client.get(url).send().await?.text().await?)?)
    }

    async fn is_up(&self) -> Result {
        let response = self.client.get(self.url("/")).send().await?;
        anyhow::ensure!(response.status() == 200, "{}", response.status());
        Ok(())
    }

    async fn socket(&self, url: &str) -> Result<Socket> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.certificate.cert)?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = Some(Connector::Rustls(Arc::new(config)));
        let opened = tokio_tungstenite::connect_async_tls_with_config(url, None, false, connector).await?;
        Ok(Socket(opened.0))
    }

    /// O over https, the password under this public key.
    async fn pair(&self, sid: &str, server_pem: &str) -> Result<String> {
        let phone = Phone::new()?;
        let pair = OaepDigests { oaep: DigestAlgorithm::Sha256, mgf1: DigestAlgorithm::Sha1 };
        let password = STANDARD.encode(PhonePrivateKey::encrypt(server_pem, pair, PASSWORD.as_bytes())?);
        let body = json!({"public_key": phone.public_pem, "password": password}).to_string();
        let response = self.client.post(self.url(&session(USER, sid))).body(body).send().await?;
        let (status, answer) = (response.status(), response.text().await?);
        anyhow::ensure!(status == 200, "{status}: {answer}");
        Ok(phone.open(&answer)?.fingerprint())
    }
}

/// The public key in a certificate, as PEM.
fn certified_key(certificate: &Certificate) -> Result<String> {
    let path = certificate.cert.display().to_string();
    Ok(String::from_utf8(openssl::run(&["x509", "-in", &path, "-noout", "-pubkey"], b"")?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn https_and_wss_serve_and_links_say_so() -> Result {
    let secure = Secure::start(Builder::new(Layout::SqliteShared).await?, RSA).await?;
    secure.is_up().await?;
    let port = secure.server.port;
    let link = secure.link().await?;
    for (name, start) in [("qr_url", "https"), ("mobile_url", "apps"), ("sync_url", "wss")] {
        let url = link[name].as_str().context("a URL")?;
        assert!(url.starts_with(&format!("{start}://127.0.0.1:{port}/v2/sync/")), "{link}");
    }
    let mut socket = secure.socket(link["sync_url"].as_str().context("a URL")?).await?;
    let frame: Value = serde_json::from_str(&socket.text().await?)?;
    assert_eq!(frame["qr_url"], link["qr_url"]);
    assert_eq!(frame["mobile_url"], link["mobile_url"]);
    let sid = link["qr_url"].as_str().and_then(|url| url.trim_end_matches('/').rsplit('/').next()).context("a sid")?;
    let fingerprint = secure.pair(sid, &certified_key(&secure.certificate)?).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    assert_eq!(socket.hear().await?, Heard::Ack);
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    assert_eq!(secure.server.fingerprints().await?, [fingerprint]);
    let builder = secure.server.builder();
    assert!(!builder.path("keys/identity.pem").exists(), "the certificate's key is the identity");
    let shown: Value = serde_json::from_str(&run(builder, &["keys", "show", "--json"]).await?.well()?)?;
    assert_eq!(shown["identity"]["public_key"], certified_key(&secure.certificate)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_reads_the_key_from_the_certificate() -> Result {
    let secure = Secure::start(Builder::new(Layout::SqliteShared).await?, RSA).await?;
    let (builder, ca) = (secure.server.builder(), secure.ca());
    for (flavour, name) in [("one", "mobile_url"), ("one", "qr_url"), ("two", "mobile_url"), ("two", "qr_url")] {
        let link = secure.link().await?;
        let url = link[name].as_str().context("a URL")?;
        let more = ["--password", PASSWORD, "--flavour", flavour];
        let pair = [&["device", "pair", url], &more[..]].concat();
        let untrusted = run(builder, &pair).await?.refusal()?;
        assert!(untrusted.contains("certificate"), "{untrusted}");
        let said = run(builder, &[&pair[..], &["--ca", &ca]].concat()).await?.well()?;
        let newest = secure.server.fingerprints().await?.pop().context("no device")?;
        assert!(said.contains(&newest), "{said}");
        // one-step asked for nothing first
        assert_eq!(secure.server.log()?.contains("/handshake"), flavour == "two");
    }
    assert_eq!(secure.server.fingerprints().await?.len(), 4);
    let url = secure.url("");
    let listed = run(builder, &["device", "list", USER, "--url", &url, "--ca", &ca]).await?.well()?;
    assert_eq!(listed.lines().count(), 4, "{listed}");
    run(builder, &["health", "--url", &url, "--ca", &ca]).await?.well()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_and_noise_on_the_tls_port_do_no_harm() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.connections", 3);
    let secure = Secure::start(builder, RSA).await?;
    let noise = [0x16, 0x03, 0x01, 0xff, 0xff, 0x01, 0x00, 0x00].repeat(64);
    for talk in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &noise, b"\r\n\r\n", b"\x00"].repeat(3) {
        let mut stream = TcpStream::connect(("127.0.0.1", secure.server.port)).await?;
        stream.write_all(talk).await?;
        stream.shutdown().await?;
        let mut answer = Vec::new();
        // an alert, or the end of it; a reset is as good
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    }
    let plain = secure.server.http.get(secure.server.url("/")).send().await;
    assert!(plain.is_err(), "{plain:?}");
    secure.is_up().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_never_begins_the_handshake_gives_up_its_place() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("http.connections", 1);
    let secure = Secure::start(builder, RSA).await?;
    let silent = TcpStream::connect(("127.0.0.1", secure.server.port)).await?;
    secure.is_up().await?;
    drop(silent);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn older_phones_may_speak_tls_1_2_but_nothing_older() -> Result {
    let secure = Secure::start(Builder::new(Layout::SqliteShared).await?, RSA).await?;
    let (address, ca) = (format!("127.0.0.1:{}", secure.server.port), secure.ca());
    let client = ["s_client", "-connect", &address, "-CAfile", &ca, "-verify_return_error", "-quiet"];
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments = [&client[..], &[version, "-verify_ip", "127.0.0.1"]].concat();
        let answer = String::from_utf8(openssl::run(&arguments, b"GET / HTTP/1.0\r\n\r\n")?)?;
        assert!(answer.contains("200 OK") && answer.contains("Switchboard"), "{version}: {answer}");
    }
    // at this level openssl itself would still speak it
    let old = openssl::run(&[&client[..], &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]].concat(), b"");
    assert!(old.is_err(), "{old:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_tls_setting_or_files_that_do_not_fit_are_refused() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?;
    let one = openssl::certificate(&builder.path(""), "one", RSA, LOCAL)?;
    let other = openssl::certificate(&builder.path(""), "other", RSA, LOCAL)?;
    let (cert, key) = (one.cert.display().to_string(), one.key.display().to_string());
    for (cert, key, said) in [
        (cert.as_str(), "", "tls.cert and tls.key belong together"),
        ("", key.as_str(), "tls.cert and tls.key belong together"),
        (&cert, &other.key.display().to_string(), "tls.cert and tls.key do not fit"),
        (&cert, "nowhere.pem", "tls.key = \"nowhere.pem\""),
        ("nowhere.pem", &key, "tls.cert = \"nowhere.pem\""),
        (&key, &key, "tls.cert"),
        (&cert, &cert, "tls.key"),
    ] {
        let builder = builder.clone().set("tls.cert", cert).set("tls.key", key);
        let refusal = run(&builder, &["serve", "--listen", "127.0.0.1:0"]).await?.refusal()?;
        assert!(refusal.contains(said), "{refusal}");
        let doctor = run(&builder, &["doctor"]).await?;
        assert!(doctor.code == Some(1) && doctor.out.contains("TLS"), "{doctor:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_rsa_needs_a_key_for_pairing() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?;
    let certificate = openssl::certificate(&builder.path(""), "curve", EC, LOCAL)?;
    let without = with_tls(builder.clone(), &certificate);
    let words = run(&without, &["serve", "--listen", "127.0.0.1:0"]).await?.refusal()?;
    assert!(words.contains("sync.private_key") && words.contains("curve.key.pem"), "{words}");
    let own = builder.path("pairing.pem");
    std::fs::write(&own, openssl::run(&["genrsa", "2048"], b"")?)?;
    let secure = Secure::start(builder.set("sync.private_key", own.display()), EC).await?;
    let link = secure.link().await?;
    let url = link["mobile_url"].as_str().context("a URL")?;
    let pair = ["device", "pair", url, "--password", PASSWORD, "--flavour", "two", "--ca", &secure.ca()];
    let words = run(secure.server.builder(), &pair).await?.well()?;
    let public_pem = openssl::run(&["rsa", "-in", &own.display().to_string(), "-pubout"], b"")?;
    let link = secure.link().await?;
    let sid = link["qr_url"].as_str().and_then(|url| url.trim_end_matches('/').rsplit('/').next()).context("a sid")?;
    let fingerprint = secure.pair(sid, std::str::from_utf8(&public_pem)?).await?;
    let all = secure.server.fingerprints().await?;
    assert!(all.len() == 2 && words.contains(&all[0]) && fingerprint == all[1], "{all:?} {words}");
    Ok(())
}
