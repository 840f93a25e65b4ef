//! `switchboard pool`: a client's numbers that send together, on a running server.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Outcome;
use super::api::Remote;
use super::output::{self, field};
use crate::config::Config;
use crate::model::{ClientId, NumberId, PoolId};

/// Manage pools: numbers of a client that send together, the same number to the same recipient
#[derive(Args)]
pub(super) struct PoolCommand {
    /// Whose pools [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: Remote<Action>,
}

#[derive(Subcommand)]
enum Action {
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
    pub(super) async fn run(self, config: Config) -> Outcome {
        let (action, api, output) = self.remote.open(&config)?;
        let api = api.acting_for(self.client);
        match action {
            Action::Create { name } => {
                let pool = api.post("/v1/pools", Some(&json!({ "name": name }))).await?;
                output.show_done("created", &pool, line);
            }
            Action::List => {
                let pools = api.list("/v1/pools", &[], usize::MAX).await?;
                output.list(&pools, "no pools; `switchboard pool create` makes one", line);
            }
            Action::Rename { pool, name } => {
                let pool = api.patch(&format!("/v1/pools/{pool}"), &json!({ "name": name })).await?;
                output.show_done("changed", &pool, line);
            }
            Action::Put { pool, number } => {
                let pool = api.put(&format!("/v1/pools/{pool}/numbers/{number}"), &json!({})).await?;
                output.show_done("put", &pool, line);
            }
            Action::Take { pool, number } => {
                api.delete(&format!("/v1/pools/{pool}/numbers/{number}")).await?;
                output.tell_done("taken", number);
            }
            Action::Delete { pool } => {
                api.delete(&format!("/v1/pools/{pool}")).await?;
                output.tell_done("deleted", pool);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(pool: &Value) -> String {
    let numbers: Vec<_> = pool["numbers"].as_array().into_iter().flatten().map(|one| field(one, "number")).collect();
    format!("{}  {}  {}", field(pool, "id"), output::strong(field(pool, "name")), numbers.join(" "))
}
