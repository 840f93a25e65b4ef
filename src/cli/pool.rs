//! `switchboard pool`: a client's numbers that send together, on a running server.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CommandResult;
use super::output::{self, field};
use super::remote::RemoteCommand;
use crate::config::Config;
use crate::model::{ClientId, NumberId, PoolId};

const POOLS: &str = "/v1/pools";

/// Manage pools: numbers of a client that send together, the same number to the same recipient
#[derive(Args)]
pub(super) struct PoolCommand {
    /// Whose pools [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<PoolAction>,
}

#[derive(Subcommand)]
enum PoolAction {
    /// Make a pool without numbers
    Create { name: String },
    /// List all pools with their numbers, newest first
    List,
    /// Give a pool another name
    Rename { pool: PoolId, name: String },
    /// Put a number into a pool, out of any other
    Put { pool: PoolId, number: NumberId },
    /// Take a number out of a pool
    Take { pool: PoolId, number: NumberId },
    /// Let a pool's numbers go; they stay the client's
    Delete { pool: PoolId },
}

impl PoolCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        match action {
            PoolAction::Create { name } => remote.post("created", POOLS, Some(&json!({ "name": name })), line).await,
            PoolAction::List => remote.list(POOLS, "no pools; `switchboard pool create` makes one", line).await,
            PoolAction::Rename { pool, name } => {
                remote.patch("changed", &format!("{POOLS}/{pool}"), &json!({ "name": name }), line).await
            }
            PoolAction::Put { pool, number } => {
                let pool = remote.api.put(&format!("{POOLS}/{pool}/numbers/{number}"), &json!({})).await?;
                remote.done("put", &pool, line)
            }
            PoolAction::Take { pool, number } => {
                remote.delete("taken", &format!("{POOLS}/{pool}/numbers"), number).await
            }
            PoolAction::Delete { pool } => remote.delete("deleted", POOLS, pool).await,
        }
    }
}

fn line(pool: &Value) -> String {
    let numbers: Vec<_> = pool["numbers"].as_array().into_iter().flatten().map(|one| field(one, "number")).collect();
    format!("{}  {}  {}", field(pool, "id"), output::strong(field(pool, "name")), numbers.join(" "))
}
