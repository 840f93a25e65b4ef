//! Page and script over TLS, where phones read the server's key from its certificate.

use std::path::PathBuf;
use std::process::Command;

use super::script::{script, told};
use super::tool::{self, read_code};
use super::view::View;
use crate::harness::phone::session;
use crate::harness::{Builder, Layout, Result, Server, USER};

/// A server with a certificate of its own for this machine, and that certificate.
async fn with_certificate() -> Result<(Server, PathBuf)> {
    let builder = Builder::new(Layout::SqliteShared).await?.dev().set("sync.rotate_every", "60s");
    let (certificate, key) = (builder.path("cert.pem"), builder.path("key.pem"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=switchboard-test"]);
    command.args([
        "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    command.arg("-out").arg(&certificate).arg("-keyout").arg(&key);
    tool::output(command).await?;
    let builder = builder.set("tls.cert", certificate.display()).set("tls.key", key.display());
    Ok((builder.start().await?, certificate))
}

fn secure(url: &str) -> String {
    url.replacen("http:", "https:", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_pairs_with_a_certificate_it_is_given() -> Result {
    let (server, certificate) = with_certificate().await?;
    let url = secure(&server.url(""));
    let mut command = script(&["--url", &url]);
    command.env("CURL_CA_BUNDLE", &certificate);
    let pairs = told(&tool::output(command).await?);
    assert_eq!(pairs.iter().map(|(flavour, _)| flavour.as_str()).collect::<Vec<_>>(), ["one-step", "two-step"]);

    let mut command = server.builder().command(&["device", "list", USER, "--json", "--url", &url]);
    command.arg("--ca").arg(&certificate);
    let listed = tool::output(command).await?;
    assert!(pairs.iter().all(|(_, fingerprint)| listed.contains(fingerprint)), "{listed}");

    let mut command = script(&["--url", &url]);
    command.env_remove("CURL_CA_BUNDLE");
    let distrustful = tool::run(command).await?;
    let complaint = String::from_utf8_lossy(&distrustful.stderr).into_owned();
    assert!(!distrustful.status.success() && complaint.contains("no trusted certificate"), "{complaint}");
    assert_eq!(server.fingerprints().await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_speaks_tls_throughout() -> Result {
    let (server, certificate) = with_certificate().await?;
    let view = View::new().await?;
    view.browser.go(&secure(&server.url(&format!("/pair/{USER}")))).await?;
    let waiting = view.is("waiting").await?;
    assert_eq!(waiting.code, secure(&server.url(&session(USER, &waiting.sid()?))));
    assert_eq!(waiting.link, waiting.code.replacen("https:", "apps:", 1));
    assert_eq!(read_code(&view.browser.screenshot().await?, ".png").await?, waiting.code);
    assert_eq!(view.breaches().await?, [""; 0]);

    // as a phone: the key is the certificate's
    let certificate = certificate.display().to_string();
    let pair = ["device", "pair", &waiting.code, "--password", "dummy_password", "--ca", &certificate];
    tool::output(server.builder().command(&pair)).await?;
    view.is("paired").await?;
    Ok(())
}
