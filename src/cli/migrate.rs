//! `switchboard migrate`: brings the store's tables up to date.

use std::process::ExitCode;

use clap::Args;

use super::{CommandResult, escape, output};
use crate::config::Config;
use crate::gateway;
use crate::store::Metrics;

/// Bring the store's tables up to date (serve does this too)
#[derive(Args)]
pub(super) struct MigrateCommand {}

impl MigrateCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let store = gateway::open_store(&config, &Metrics::default())?;
        let report = store.migrate().await?;
        for name in &report.applied {
            output::say(format!("{} {name}", output::good("applied")));
        }
        output::say(format!("{} is up to date", escape::line(&config.store.url.to_string())));
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}
