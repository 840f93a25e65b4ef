//! `switchboard keys`: the server's own keys.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Outcome, output};
use crate::config::Config;
use crate::gateway;
use crate::gateway::keyring::{self, Keyring};
use crate::store::Metrics;

/// Make, show or replace the server's own keys
#[derive(Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make the RSA identity and the master key where they are missing
    Generate {
        /// Replace the RSA identity; the old one still decrypts for sync.session_ttl after the restart
        #[arg(long)]
        replace_identity: bool,
    },
    /// Show where the keys are, their fingerprints and the public key
    Show {
        /// For a script
        #[arg(long)]
        json: bool,
    },
    /// Tell the store that the configured RSA identity was replaced on purpose
    Accept,
}

impl Keys {
    pub(super) async fn run(self, config: Config) -> Outcome {
        match self.action {
            Action::Generate { replace_identity } => generate(&config, replace_identity).await?,
            Action::Show { json } => show(&Keyring::open(&config)?, json),
            Action::Accept => accept(&config).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn generate(config: &Config, replace: bool) -> anyhow::Result<()> {
    let keyring = Keyring::open(config)?;
    if !replace {
        show(&keyring, false);
        return Ok(());
    }
    anyhow::ensure!(
        keyring::uses_own_identity(config),
        "sync.private_key or tls.key names the identity: replace that file, then run `switchboard keys accept`"
    );
    keyring::replace_identity(config)?;
    accept(config).await?;
    anstream::println!("restart every node with the new {}", keyring.identity_path.display());
    Ok(())
}

async fn accept(config: &Config) -> anyhow::Result<()> {
    let keyring = Keyring::open(config)?;
    let store = gateway::open_store(config, &Metrics::default())?;
    store.migrate().await?;
    keyring.accept_identity(&store).await?;
    anstream::println!("{} identity {}", output::good("accepted"), keyring.identities.current().fingerprint());
    store.close().await;
    Ok(())
}

fn show(keyring: &Keyring, as_json: bool) {
    let identity = keyring.identities.current();
    if as_json {
        let out = json!({
            "identity": {
                "path": keyring.identity_path,
                "fingerprint": identity.fingerprint(),
                "public_key": identity.public_pem(),
            },
            "master_key": {"origin": keyring.master_origin, "fingerprint": keyring.master.fingerprint()},
        });
        anstream::println!("{out:#}");
        return;
    }
    anstream::println!("{} {}", output::strong("identity  "), keyring.identity_path.display());
    anstream::println!("            {}", identity.fingerprint());
    anstream::println!("{} {}", output::strong("master key"), keyring.master_origin);
    anstream::println!("            {}", keyring.master.fingerprint());
    anstream::print!("{}", identity.public_pem());
}
