//! `switchboard key`: what clients of a running server show to be known.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{self, field};
use super::remote::{RemoteCommand, RemoteCommandContext};
use super::{CommandResult, api, escape};
use crate::config::Config;
use crate::model::{AccountId, ClientId, KeyId};
use crate::service::client::KeyScope;

/// Manage the keys of clients: what they show to be known, and what they may do with it
#[derive(Args)]
pub(super) struct KeyCommand {
    #[command(flatten)]
    remote: RemoteCommand<KeyAction>,
}

#[derive(Subcommand)]
enum KeyAction {
    /// Make a key, shown this once: the server keeps only its hash
    Add {
        client: ClientId,
        #[command(flatten)]
        terms: KeyAttributeArguments,
    },
    /// List a client's keys, newest first, revoked ones too
    List { client: ClientId },
    /// Take over keys that were made elsewhere, by their SHA-256: they go on working here
    Import {
        client: ClientId,
        /// The SHA-256 of a key, 64 hex digits; may be repeated
        #[arg(long, value_name = "HEX", required = true)]
        sha256: Vec<String>,
        #[command(flatten)]
        terms: KeyAttributeArguments,
    },
    /// Change what a key is called and may do; empty takes a bound away
    Change {
        client: ClientId,
        key: KeyId,
        #[command(flatten)]
        terms: KeyAttributeArguments,
    },
    /// Revoke a key, for good: at once on the server that is asked, within two seconds on others
    Revoke { client: ClientId, key: KeyId },
}

#[derive(Args)]
pub(super) struct KeyAttributeArguments {
    /// Whose it is, or what for
    #[arg(long)]
    name: Option<String>,
    /// What it may be used for; may be repeated [new keys: everything]
    #[arg(long = "scope", value_name = "SCOPE", value_parser = KeyScope::ALL.map(KeyScope::name))]
    scopes: Vec<String>,
    /// The only account that it sends through
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// A network that it may come from, such as 192.0.2.0/24; may be repeated; empty: all
    #[arg(long = "source", value_name = "CIDR")]
    sources: Vec<String>,
    /// A pattern of the senders that it may use
    #[arg(long, value_name = "PATTERN")]
    senders: Option<String>,
    /// A pattern of the destinations that it may send to
    #[arg(long, value_name = "PATTERN")]
    destinations: Option<String>,
    /// What its calls may say: any (whatever the carrier's account may do), or say (speak to who answers, no more)
    /// [default: say with senders or destinations, else call.twiml]
    #[arg(long, value_name = "any|say")]
    twiml: Option<String>,
    /// Requests a minute, on all nodes together where there is Redis; 0: no limit
    #[arg(long)]
    rate: Option<u32>,
    /// Until when it works, such as 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

impl KeyAttributeArguments {
    fn body(&self) -> anyhow::Result<Value> {
        let sources: Vec<&String> = self.sources.iter().filter(|source| !source.is_empty()).collect();
        let account = self.account.as_deref();
        if let Some(id) = account.filter(|id| !id.is_empty()) {
            id.parse::<AccountId>().map_err(|error| anyhow::anyhow!("{id}: {error}"))?;
        }
        Ok(api::fields([
            ("name", self.name.clone().map(Value::from)),
            ("scopes", (!self.scopes.is_empty()).then(|| json!(self.scopes))),
            ("account_id", api::clearable(account)),
            ("sources", (!self.sources.is_empty()).then(|| json!(sources))),
            ("senders", api::clearable(self.senders.as_deref())),
            ("destinations", api::clearable(self.destinations.as_deref())),
            ("twiml", api::clearable(self.twiml.as_deref())),
            ("rate", self.rate.map(Value::from)),
            ("expires_at", api::clearable(self.expires_at.as_deref())),
        ]))
    }
}

impl KeyCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        match action {
            KeyAction::Add { client, terms } => {
                let key = remote.api.post(&keys(client), Some(&terms.body()?)).await?;
                // alone on its line, so that it can be piped; the words go beside it
                if !remote.output.is_json() {
                    let id = escape::line(field(&key, "id"));
                    output::note(format!("{} {id}; this key is not shown again:", output::good("made")));
                }
                remote.show(&key, |key| field(key, "key").to_owned())
            }
            KeyAction::List { client } => {
                remote.list(&keys(client), "no keys; `switchboard key add` makes one", line).await
            }
            KeyAction::Import { client, sha256, terms } => import(&remote, client, sha256, &terms).await,
            KeyAction::Change { client, key, terms } => {
                remote.patch("changed", &format!("{}/{key}", keys(client)), &terms.body()?, line).await
            }
            KeyAction::Revoke { client, key } => remote.delete("revoked", &keys(client), key).await,
        }
    }
}

/// The path of a client's keys.
fn keys(client: ClientId) -> String {
    format!("/v1/clients/{client}/keys")
}

/// Takes over keys by their hashes.
pub(super) async fn import(
    remote: &RemoteCommandContext,
    client: ClientId,
    sha256: Vec<String>,
    terms: &KeyAttributeArguments,
) -> CommandResult {
    let mut body = terms.body()?;
    for digest in sha256 {
        body["sha256"] = digest.into();
        remote.post("imported", &keys(client), Some(&body), line).await?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(key: &Value) -> String {
    let shown = key["prefix"].as_str().map_or_else(|| "(imported)   ".to_owned(), |prefix| format!("{prefix}…"));
    let (id, scopes) = (field(key, "id"), output::joined(key, "scopes"));
    let used = key["last_used_at"].as_str().map_or_else(|| "never used".to_owned(), |at| format!("used {at}"));
    format!("{id}  {}  {}  {scopes}  {used}  {}", output::strong(shown), output::liveness(key), field(key, "name"))
}
