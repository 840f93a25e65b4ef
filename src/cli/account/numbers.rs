//! `switchboard account numbers`: what an account has at its provider, taken into use where that is asked for.

use clap::Args;
use serde_json::Value;

use super::ACCOUNTS;
use crate::cli::output::{self, field};
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::{AccountId, ClientId, PoolId};

/// Ask the provider which numbers an account has; with --add those that nobody here has are taken into use
#[derive(Args)]
pub(super) struct AccountNumbers {
    account: AccountId,
    /// Take into use those that nobody here has
    #[arg(long)]
    add: bool,
    /// The pool that they go into
    #[arg(long, value_name = "ID", requires = "add")]
    pool: Option<PoolId>,
    /// Whose they are from then on [default: the operator's]
    #[arg(long, value_name = "ID", requires = "add")]
    client: Option<ClientId>,
}

impl AccountNumbers {
    pub(super) async fn run(self, remote: RemoteCommandContext) -> CommandResult {
        let path = format!("{ACCOUNTS}/{}/numbers", self.account);
        // a carrier lists them page by page
        let remote = remote.patient();
        if !self.add {
            return remote.list(&path, "no numbers: the provider says that the account has none", line).await;
        }
        let body = api::fields([("pool_id", self.pool.map(|id| id.to_string().into()))]);
        let remote = remote.acting_for(self.client);
        remote.post("added", &path, Some(&body), |done| output::numbers(&done["added"])).await
    }
}

fn line(number: &Value) -> String {
    let (address, country) = (output::strong(format!("{:16}", field(number, "number"))), field(number, "country"));
    let state = if number["in_use"] == true { output::good("in use") } else { output::careful("not in use") };
    format!("{address}  {country:2}  {:14}  {state}", output::joined(number, "capabilities"))
}
