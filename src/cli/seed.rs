//! `switchboard seed`: a user database for development.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{CommandResult, escape, output};
use crate::config::Config;
use crate::gateway::{self, UserDatabaseAccess};
use crate::store::seed::{DEV_PASSWORD, DEV_PHONE, DEV_USER, seed};
use crate::store::{Metrics, StoreUrl, set_aside_too_old};

/// Fill the backend user database with sample users
///
/// Makes the user 111 (phone +237123456789, password dummy_password) and, with --users, users
/// load-000001 onwards with the same password. Running it again adds what is missing. A users
/// table that it did not make is never touched.
#[derive(Args)]
pub(super) struct SeedCommand {
    /// So many users for load tests, besides 111
    #[arg(long, default_value_t = 0, value_name = "N")]
    users: usize,

    /// Move an embedded store aside that a version before 0.1.0 made
    #[arg(long)]
    set_aside: bool,
}

impl SeedCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        if self.set_aside {
            set_aside(&config.store.url)?;
        }
        let databases = gateway::open(&config, UserDatabaseAccess::Fill, &Metrics::default())?;
        databases.store.migrate().await?;
        let begun = Instant::now();
        let bar = ProgressBar::new(self.users as u64 + 1);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} users, {per_sec}, {eta} left") {
            bar.set_style(style);
        }
        seed(&databases.backend, self.users, &|done| bar.set_position(done as u64)).await?;
        bar.finish_and_clear();
        let url = config.backend.url.expose().parse::<StoreUrl>().unwrap_or(config.store.url);
        output::say(format!(
            "{} {}: user {DEV_USER} ({DEV_PHONE}, password {DEV_PASSWORD}) and {} more, in {:.1?}",
            output::good("filled"),
            escape::line(&url.to_string()),
            self.users,
            begun.elapsed()
        ));
        databases.store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Before anything has the file open: whoever closes it would take the next one's journal away.
fn set_aside(url: &StoreUrl) -> anyhow::Result<()> {
    let StoreUrl::Sqlite(path) = url else { return Ok(()) };
    if let Some(aside) = set_aside_too_old(path)? {
        output::say(format!(
            "{} {}, which a version before 0.1.0 made, to {}",
            output::good("moved"),
            escape::line(&path.display().to_string()),
            escape::line(&aside.display().to_string()),
        ));
    }
    Ok(())
}
