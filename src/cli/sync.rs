//! `switchboard sync`: draws the live, rotating code of a user in the terminal.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::json;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::Connector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{CommandResult, api, escape, output};
use crate::config::Config;
use crate::model::{UserId, qr};

/// Draw a user's rotating code, until a phone is paired or the codes are used up
///
/// Piped, it prints one URL a line; with --json one object a line. Exits 0 when a phone was paired.
#[derive(Args)]
pub(super) struct SyncCommand {
    /// A user id of the backend database
    user: UserId,
    #[command(flatten)]
    server: api::ServerUrlArguments,
    /// For a script
    #[arg(long)]
    json: bool,
}

const PAUSE: &str = "201- pause";
const ACK: &str = "200- ack";

/// A rotation frame.
#[derive(Deserialize)]
struct SyncUrlFrame {
    qr_url: String,
    mobile_url: String,
}

impl SyncCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let api = self.server.api(&config)?;
        let url = api.get(&format!("/v2/sync/users/{}", self.user.segment())).await?.text().await?;
        let url = format!("{}{}", api.base.replacen("http", "ws", 1), path_of(url.trim())?);
        let connector = self.server.ca.as_ref().map(trusting).transpose()?;
        let (mut socket, _) = tokio_tungstenite::connect_async_tls_with_config(&url, None, false, connector)
            .await
            .with_context(|| format!("cannot open {url}"))?;
        let mut is_paired = false;
        while let Some(message) = socket.next().await {
            match message.context("the socket broke off")? {
                Message::Text(text) => {
                    is_paired |= text.as_str() == ACK;
                    self.show(&text)?;
                }
                Message::Close(_) if is_paired => return Ok(ExitCode::SUCCESS),
                Message::Close(frame) => return Ok(self.closed(frame.as_ref())),
                _ => {}
            }
        }
        anyhow::bail!("the server closed the connection")
    }

    fn show(&self, text: &str) -> anyhow::Result<()> {
        let is_drawn = std::io::stdout().is_terminal() && !self.json;
        match text {
            PAUSE => self.say("paused", &output::careful("scanned: type the password on the phone")),
            ACK => self.say("paired", &output::good("paired")),
            frame => {
                let frame: SyncUrlFrame = serde_json::from_str(frame).context("not a rotation frame")?;
                if self.json {
                    let line = json!({"state": "waiting", "qr_url": frame.qr_url, "mobile_url": frame.mobile_url});
                    output::say_json_line(&line);
                } else if is_drawn {
                    // home, and clear below: the new code takes the old one's place
                    output::put(format!("\x1b[H\x1b[J{}", qr::terminal(&frame.qr_url)?));
                    // no more lines: with its quiet zone it just fits a terminal of 24
                    output::say(format!("\n{}", escape::line(&frame.qr_url)));
                } else {
                    output::say(escape::line(&frame.qr_url));
                }
            }
        }
        Ok(())
    }

    fn say(&self, state: &str, words: &str) {
        if self.json {
            output::say_json_line(&json!({"state": state}));
        } else {
            output::note(words);
        }
    }

    /// What a close without an acknowledgement means.
    fn closed(&self, frame: Option<&CloseFrame>) -> ExitCode {
        let (code, reason) = frame.map_or((1006, ""), |frame| (frame.code.into(), frame.reason.as_str()));
        if code == 1000 {
            self.say("expired", &output::careful("no phone came; run it again for new codes"));
        } else {
            self.say("closed", &output::bad(format!("closed with {code}: {}", escape::line(reason))));
        }
        ExitCode::FAILURE
    }
}

/// TLS that trusts one certificate.
fn trusting(ca: &PathBuf) -> anyhow::Result<Connector> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).with_context(|| ca.display().to_string())? {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

fn path_of(url: &str) -> anyhow::Result<String> {
    let uri: ::http::Uri = url.parse().context("the server sent no URL")?;
    Ok(uri.path().to_owned())
}
