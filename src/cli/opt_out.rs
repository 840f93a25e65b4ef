//! `switchboard opt-out`: who wants no texts from which number of a running server, and mending that.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Outcome;
use super::api::{Api, Remote};
use super::output::{self, field};
use crate::config::Config;
use crate::model::address::Address;

/// See who wants no texts from which number, set it or lift it
#[derive(Args)]
pub(super) struct OptOutCommand {
    #[command(flatten)]
    remote: Remote<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// List the ledger, by number and person
    List {
        /// Of this number of ours
        #[arg(long)]
        number: Option<Address>,
        /// Of this person
        #[arg(long, value_name = "NUMBER")]
        person: Option<Address>,
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Send a person nothing more from a number; what waits to go to them is canceled
    Add(Pair),
    /// Let a number text a person again; a carrier's own list is not changed
    Remove(Pair),
}

#[derive(Args)]
struct Pair {
    /// Ours
    number: Address,
    person: Address,
}

impl OptOutCommand {
    pub(super) async fn run(self, config: Config) -> Outcome {
        let (action, api, output) = self.remote.open(&config)?;
        match action {
            Action::List { number, person, limit } => {
                let filters: Vec<_> = [("number", number), ("person", person)]
                    .into_iter()
                    .filter_map(|(name, address)| Some((name, address?.as_str().to_owned())))
                    .collect();
                let entries = api.list("/v1/opt-outs", &filters, limit).await?;
                output.list(&entries, "nobody has opted out", line);
            }
            Action::Add(pair) => output.show(&set(&api, &pair, true).await?, line),
            Action::Remove(pair) => output.show(&set(&api, &pair, false).await?, line),
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn set(api: &Api, pair: &Pair, is_out: bool) -> anyhow::Result<Value> {
    let [number, person] = [&pair.number, &pair.person].map(|one| utf8_percent_encode(one.as_str(), NON_ALPHANUMERIC));
    api.put(&format!("/v1/opt-outs/{number}/{person}"), &json!({ "is_out": is_out })).await
}

fn line(entry: &Value) -> String {
    let (number, person) = (field(entry, "number"), output::strong(format!("{:16}", field(entry, "person"))));
    let state = if entry["is_out"] == true { output::bad("out") } else { output::good("in ") };
    let (reason, at) = (field(entry, "reason"), field(entry, "changed_at"));
    format!("{person}  {state}  of {number:16}  by {reason}  at {at}")
}
