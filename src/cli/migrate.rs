//! `switchboard migrate`: brings the store's tables up to date.

use std::process::ExitCode;

use clap::Args;

use super::{Outcome, output};
use crate::config::Config;
use crate::gateway;
use crate::store::Metrics;

/// Bring the store's tables up to date (serve does this too)
#[derive(Args)]
pub(super) struct Migrate {}

impl Migrate {
    pub(super) async fn run(self, config: Config) -> Outcome {
        let store = gateway::open_store(&config, &Metrics::default())?;
        let report = store.migrate().await?;
        for name in &report.applied {
            anstream::println!("{} {name}", output::good("applied"));
        }
        anstream::println!("{} is up to date", config.store.url);
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}
