//! `switchboard opt-out`: who wants no texts from which number of a running server, and mending that.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Outcome;
use super::api::{self, Api, Remote};
use super::output::{self, field};
use crate::config::Config;
use crate::model::ClientId;

/// See who wants no texts from which number, set it or lift it
#[derive(Args)]
pub(super) struct OptOutCommand {
    /// Whose numbers [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: Remote<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// List the ledger, by number and person
    List {
        /// Of this number of ours
        #[arg(long)]
        number: Option<String>,
        /// Of this person
        #[arg(long, value_name = "NUMBER")]
        person: Option<String>,
        /// Of this channel
        #[arg(long, value_enum)]
        channel: Option<Channel>,
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
    number: String,
    person: String,
    /// Over what; each channel has an entry of its own
    #[arg(long, value_enum, default_value = "sms")]
    channel: Channel,
}

#[derive(Clone, Copy, ValueEnum)]
enum Channel {
    Sms,
    Whatsapp,
}

impl OptOutCommand {
    pub(super) async fn run(self, config: Config) -> Outcome {
        let (action, api, output) = self.remote.open(&config)?;
        let api = api.acting_for(self.client);
        match action {
            Action::List { number, person, channel, limit } => {
                let channel = channel.as_ref().and_then(api::name).and_then(|name| name.as_str().map(str::to_owned));
                let filters = [("number", number), ("person", person), ("channel", channel)];
                let filters: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
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
    let [number, person] = [&pair.number, &pair.person].map(|one| utf8_percent_encode(one, NON_ALPHANUMERIC));
    api.put(
        &format!("/v1/opt-outs/{number}/{person}"),
        &json!({ "is_out": is_out, "channel": api::name(&pair.channel) }),
    )
    .await
}

fn line(entry: &Value) -> String {
    let (number, person) = (field(entry, "number"), output::strong(format!("{:16}", field(entry, "person"))));
    let state = if entry["is_out"] == true { output::bad("out") } else { output::good("in ") };
    let (reason, at) = (field(entry, "reason"), field(entry, "changed_at"));
    format!("{person}  {state}  of {number:16}  {:8}  by {reason}  at {at}", field(entry, "channel"))
}
