//! `switchboard serve`: runs a node until it is told to stop.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{CommandResult, LogReload, output, told};
use crate::config::{self, Config};
use crate::gateway::{DEV_TOKEN, Gateway};
use crate::model::{UserId, qr};
use crate::store::seed::{DEV_PASSWORD, DEV_USER};

/// Run the server
///
/// With --dev it listens on this machine only, fills its user database with the sample user 111
/// (password dummy_password), knows the session 000 for ever, and takes "dev-admin" as the
/// administrator's key.
#[derive(Args)]
pub(super) struct ServeCommand {
    /// Sample data and open doors, on loopback addresses only
    #[arg(long)]
    pub(super) dev: bool,
    /// Show the settings that would be used, where each came from, and stop
    #[arg(long)]
    pub(super) print_config: bool,
    /// Listen here instead of on http.listen, such as 127.0.0.1:7000
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Draw a code for this user when the server is up [default with --dev: 111]
    #[arg(long, value_name = "UID")]
    qr: Option<UserId>,
}

impl ServeCommand {
    /// The flags that stand for a setting.
    pub(super) fn flags(&self) -> Vec<(String, String)> {
        self.listen.iter().map(|address| ("http.listen".to_owned(), address.clone())).collect()
    }

    pub(super) async fn run(self, config: Config, mut reload: LogReload) -> CommandResult {
        let is_dev = config.is_dev;
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        // taken from here on, so that it ends nothing while the node starts either
        let mut hangup = signal(SignalKind::hangup())?;
        let gateway = Gateway::start(config).await?;
        for address in &gateway.addresses {
            tracing::info!(%address, public_url = %gateway.origin, "serving");
        }
        let dev_user = || DEV_USER.parse().ok().filter(|_| is_dev);
        if let Some(user) = self.qr.clone().or_else(dev_user) {
            welcome(&gateway, &user, is_dev);
        }
        let is_terminated = loop {
            tokio::select! {
                _ = terminate.recv() => break true,
                _ = interrupt.recv() => break false,
                _ = hangup.recv() => reload_all(&gateway, &mut reload).await,
            }
        };
        let signaled = Instant::now();
        if is_terminated {
            tracing::info!("stopping: /readyz says so");
            tokio::select! {
                () = gateway.drain() => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        tracing::info!("stopping: finishing what was accepted");
        // a second signal does not wait
        let finished = tokio::select! {
            finished = gateway.shut_down(signaled) => finished,
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
        };
        tracing::info!(finished, "stopped");
        Ok(if finished { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Reads again what can change while the node runs: certificate and identity, and the log's level. What cannot be
/// read stays as it was.
async fn reload_all(gateway: &Gateway, reload: &mut LogReload) {
    let level = config::load(&reload.sources).map_err(anyhow::Error::from);
    match level.and_then(|(config, _)| reload.log.set_level(&config.log.level).map(|is_new| (is_new, config))) {
        Ok((true, config)) => tracing::info!(level = config.log.level, "the log's level is another"),
        Ok((false, _)) => {}
        Err(error) => tracing::error!("the log's level stays: {}", told(&error)),
    }
    match gateway.reload().await {
        Ok(is_new) => tracing::info!(new_identity = is_new, "read certificate and identity again"),
        Err(error) => tracing::error!(%error, "certificate and identity stay as they were"),
    }
}

/// What a newcomer needs next.
fn welcome(gateway: &Gateway, user: &UserId, is_dev: bool) {
    let link = gateway.pairing_link(user);
    if std::io::stdout().is_terminal()
        && let Ok(code) = qr::terminal(&link.qr_url)
    {
        output::say(code);
    }
    let origin = &gateway.origin;
    output::say(format!("{} {}", output::strong("scan  "), link.qr_url));
    output::say(format!("{} {origin}/pair/{}", output::strong("or see"), user.segment()));
    let sid = if is_dev { "/000" } else { "" };
    let socket = format!("{}/v2/sync/init/{}{sid}", origin.socket(), user.segment());
    output::say(format!("{} {socket}", output::strong("socket")));
    if is_dev {
        let play = format!("switchboard device pair {} --password {DEV_PASSWORD}", link.qr_url);
        output::say(format!("{} {play}", output::strong("play  ")));
        output::say(format!("{} Authorization: Bearer {DEV_TOKEN}", output::strong("admin ")));
    }
}
