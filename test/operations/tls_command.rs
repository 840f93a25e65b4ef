//! Commands against a server under TLS.

use super::command::{Live, run};
use super::openssl::{self, RSA};
use super::tls::{Secure, with_tls};
use crate::harness::port::free_port;
use crate::harness::{Builder, Layout, PASSWORD, Result, USER};

#[tokio::test(flavor = "multi_thread")]
async fn sync_trusts_the_certificate_that_it_is_given_on_its_socket_too() -> Result {
    let secure = Secure::start(Builder::new(Layout::SqliteShared).await?, RSA).await?;
    let (builder, url, ca) = (secure.server.builder(), secure.url(""), secure.ca());
    let mut sync = Live::start(builder.command(&["sync", USER, "--url", &url, "--ca", &ca]))?;
    let Some(code) = sync.line().await? else { anyhow::bail!("no code: {:?}", sync.ended().await?) };
    assert!(code.starts_with(&format!("https://127.0.0.1:{}/v2/sync/users/{USER}/", secure.server.port)), "{code}");
    run(builder, &["device", "pair", &code, "--password", PASSWORD, "--ca", &ca]).await?.well()?;
    sync.ended().await?.well()?;
    let untrusting = run(builder, &["sync", USER, "--url", &url]).await?.refusal()?;
    assert!(untrusting.contains("certificate"), "{untrusting}");
    Ok(())
}

/// In a container the server is asked at its own address, for which no certificate was made.
#[tokio::test(flavor = "multi_thread")]
async fn health_asks_its_own_server_whatever_name_its_certificate_has() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?;
    let certificate = openssl::certificate(&builder.path(""), "server", RSA, "DNS:sms.example.org")?;
    let builder = with_tls(builder, &certificate).set("http.public_url", "https://sms.example.org");
    let server = builder.start().await?;
    let listen = format!("127.0.0.1:{}", server.port);
    let here = server.builder().clone().set("http.listen", &listen);
    let said = run(&here, &["health"]).await?.well()?;
    assert!(said.contains("ready"), "{said}");
    let nobody = here.set("http.listen", format!("127.0.0.1:{}", free_port()?));
    run(&nobody, &["health"]).await?.refusal()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_no_key_of_a_server_under_tls() -> Result {
    let secure = Secure::start(Builder::new(Layout::SqliteShared).await?, RSA).await?;
    let (builder, ca) = (secure.server.builder(), secure.ca());
    let url = secure.client.get(secure.url(&format!("/v2/sync/users/{USER}?format=json"))).send().await?.text().await?;
    let link: serde_json::Value = serde_json::from_str(&url)?;
    let url = link["qr_url"].as_str().unwrap_or_default().to_owned();
    run(builder, &["device", "pair", &url, "--password", PASSWORD, "--ca", &ca]).await?.well()?;
    let log = secure.server.log()?;
    assert!(log.contains("paired a device"), "{log}");
    let key = std::fs::read_to_string(&secure.certificate.key)?;
    for line in key.lines().filter(|line| line.len() > 60) {
        assert!(!log.contains(line), "a line of the private key");
    }
    assert!(!log.contains(PASSWORD), "the password");
    Ok(())
}
