//! `switchboard admin`: administrators' keys, made in the store itself, as the first one opens the API.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CommandResult;
use super::output::{self, OutputArguments, field};
use crate::config::Config;
use crate::gateway;
use crate::model::{AdminKeyId, rfc3339};
use crate::service::admin::{AdminKey, Administrators};
use crate::service::audit::{Actor, AuditContext};

/// What the audit log calls whoever works on the store itself.
const CONSOLE: &str = "console";

/// Manage administrators: who may use the API
#[derive(Args)]
pub(super) struct AdminCommand {
    #[command(subcommand)]
    action: AdminAction,
}

#[derive(Subcommand)]
enum AdminAction {
    Key(AdminKeyCommand),
}

/// Make, list or revoke administrators' keys: "Authorization: Bearer <key>" on every /v1 path
///
/// Works on the store that the configuration names, whether or not a server runs on it. A running
/// server knows a new key, and refuses a revoked one, within two seconds.
#[derive(Args)]
struct AdminKeyCommand {
    #[command(subcommand)]
    action: AdminKeyAction,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Subcommand)]
enum AdminKeyAction {
    /// Make a key. It is shown this once: the store keeps only its hash
    Create {
        /// Whose it is, or what for
        name: String,
    },
    /// List all keys, oldest first, revoked ones too
    List,
    /// Revoke a key
    Revoke { key: AdminKeyId },
}

impl AdminCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let AdminAction::Key(command) = self.action;
        let (store, admins) = gateway::admin::open(&config).await?;
        let done = command.run(&admins).await;
        store.close().await;
        done
    }
}

impl AdminKeyCommand {
    async fn run(self, admins: &Administrators) -> CommandResult {
        match self.action {
            AdminKeyAction::Create { name } => {
                anyhow::ensure!(name.chars().count() <= 128, "the name is longer than 128 characters");
                let (key, secret) = admins.make(&name, &context("admin_key.create")).await?;
                let mut shown = out(&key);
                shown["key"] = secret.expose().into();
                // alone on its line, so that it can be piped; the words go beside it
                if !self.output.is_json() {
                    output::note(format!("{} {}; this key is not shown again:", output::good("made"), key.id));
                }
                self.output.show(&shown, |_| secret.expose().to_owned());
            }
            AdminKeyAction::List => {
                let keys: Vec<Value> = admins.list().await?.iter().map(out).collect();
                self.output.list(&keys, "no keys; `switchboard admin key create` makes one", line);
            }
            AdminKeyAction::Revoke { key } => {
                anyhow::ensure!(admins.revoke(key, &context("admin_key.revoke")).await?, "no such key in force");
                self.output.tell_done("revoked", key);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Done here and not through a server: by the user of the system, as far as that says who it is.
fn context(action: &'static str) -> AuditContext<'static, AdminKey> {
    let user = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    let who =
        user.filter(|user| !user.is_empty()).map_or_else(|| CONSOLE.to_owned(), |user| format!("{CONSOLE} {user}"));
    AuditContext::new(Some(Actor { who, address: None }), action, |key| Some(out(key).to_string()))
}

fn out(key: &AdminKey) -> Value {
    json!({
        "id": key.id.to_string(), "prefix": key.prefix, "name": key.name,
        "created_at": rfc3339(key.created_ms), "revoked_at": key.revoked_ms.map(rfc3339),
    })
}

fn line(key: &Value) -> String {
    let (id, prefix, at) = (field(key, "id"), output::strong(field(key, "prefix")), field(key, "created_at"));
    format!("{id}  {prefix}…  made {at}  {}  {}", output::liveness(key), field(key, "name"))
}
