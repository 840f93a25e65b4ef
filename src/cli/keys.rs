//! `switchboard keys`: the server's own keys; and, as an older relay calls it, taking over the keys of its clients.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::api::{ApiClient, ServerUrlArguments};
use super::key::{self, KeyAttributeArguments};
use super::output::{self, OutputArguments};
use super::remote::RemoteCommandContext;
use super::{CommandResult, escape};
use crate::config::Config;
use crate::gateway;
use crate::gateway::keyring::{self, ServerKeyring};
use crate::model::ClientId;
use crate::store::{Metrics, Store};

/// Make, show or replace the server's own keys (those of clients: `switchboard key`)
#[derive(Args)]
pub(super) struct ServerKeysCommand {
    #[command(subcommand)]
    action: ServerKeysAction,
}

#[derive(Subcommand)]
enum ServerKeysAction {
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
    Import(Box<ImportKeys>),
}

/// Take over keys of clients by their SHA-256, on a running server: the same as `switchboard key import`
#[derive(Args)]
struct ImportKeys {
    /// The SHA-256 of a key, 64 hex digits; may be repeated
    #[arg(long, value_name = "HEX", required = true)]
    sha256: Vec<String>,
    /// Whose keys [default: the only client's]
    #[arg(long, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    terms: KeyAttributeArguments,
    #[command(flatten)]
    server: ServerUrlArguments,
    #[command(flatten)]
    output: OutputArguments,
}

impl ServerKeysCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        match self.action {
            ServerKeysAction::Generate { replace_identity } => generate(&config, replace_identity).await?,
            ServerKeysAction::Show { json } => show(&ServerKeyring::open(&config)?, json),
            ServerKeysAction::Accept => accept(&ServerKeyring::open(&config)?, &migrated(&config).await?).await?,
            ServerKeysAction::Import(import) => return import.run(&config).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl ImportKeys {
    async fn run(self, config: &Config) -> CommandResult {
        let remote = RemoteCommandContext { api: self.server.api(config)?, output: self.output };
        let client = match self.client {
            Some(client) => client,
            None => only_client(&remote.api).await?,
        };
        key::import(&remote, client, self.sha256, &self.terms).await
    }
}

/// Where there is one client, nobody needs to name it.
async fn only_client(api: &ApiClient) -> anyhow::Result<ClientId> {
    let clients = api.list("/v1/clients", &[], 2).await?;
    match clients.as_slice() {
        [client] => output::field(client, "id").parse().context("the client's id"),
        [] => anyhow::bail!("there is no client: `switchboard client add` makes one"),
        _ => anyhow::bail!("there are several clients: name one with --client (`switchboard client list`)"),
    }
}

async fn generate(config: &Config, replace: bool) -> anyhow::Result<()> {
    let keyring = ServerKeyring::open(config)?;
    if !replace {
        show(&keyring, false);
        return Ok(());
    }
    anyhow::ensure!(
        keyring::uses_own_identity(config),
        "sync.private_key or tls.key names the identity: replace that file, then run `switchboard keys accept`"
    );
    // a store that would not take it is refused before the identity is another
    let store = migrated(config).await?;
    keyring::replace_identity(config)?;
    accept(&ServerKeyring::open(config)?, &store).await?;
    output::say(format!("restart every node with the new {}, or send it SIGHUP", path(&keyring)));
    Ok(())
}

async fn migrated(config: &Config) -> anyhow::Result<Store> {
    let store = gateway::open_store(config, &Metrics::default())?;
    store.migrate().await?;
    Ok(store)
}

/// Tells the store, which is closed then.
async fn accept(keyring: &ServerKeyring, store: &Store) -> anyhow::Result<()> {
    keyring.accept_identity(store).await?;
    output::say(format!("{} identity {}", output::good("accepted"), keyring.identities.current().fingerprint()));
    store.close().await;
    Ok(())
}

fn show(keyring: &ServerKeyring, as_json: bool) {
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
        return output::say_json(&out);
    }
    output::say(format!("{} {}", output::strong("identity  "), path(keyring)));
    output::say(format!("            {}", identity.fingerprint()));
    output::say(format!("{} {}", output::strong("master key"), escape::line(&keyring.master_origin)));
    output::say(format!("            {}", keyring.master.fingerprint()));
    output::put(identity.public_pem());
}

fn path(keyring: &ServerKeyring) -> String {
    escape::line(&keyring.identity_path.to_string_lossy())
}
