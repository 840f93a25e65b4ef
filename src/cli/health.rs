//! `switchboard health`: for a container's health check.

use std::process::ExitCode;

use clap::Args;

use super::{CommandResult, api, escape, output};
use crate::config::Config;

/// Ask a running server whether it is ready; exit 0 or 1
#[derive(Args)]
pub(super) struct HealthCommand {
    #[command(flatten)]
    server: api::ServerUrlArguments,
}

impl HealthCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let mut server = self.server;
        let is_own = server.url.is_none();
        if is_own {
            // itself, whatever the world calls it
            let mut address = config.http.listen.first().copied().unwrap_or_else(|| ([127, 0, 0, 1], 6996).into());
            if address.ip().is_unspecified() {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            let scheme = if config.tls.is_on() { "https" } else { "http" };
            server.url = Some(format!("{scheme}://{address}"));
        }
        let mut api = server.api(&config)?;
        if is_own {
            api.client = api::own_client()?;
        }
        output::say(escape::lines(&api.get("/readyz").await?.text().await?));
        Ok(ExitCode::SUCCESS)
    }
}
