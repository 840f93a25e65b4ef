//! `switchboard opt-out`: who wants no texts from which number of a running server, and mending that.

use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::message::TextChannel;
use super::output::{self, field};
use super::remote::{RemoteCommand, RemoteCommandContext};
use super::{CommandResult, api};
use crate::config::Config;
use crate::model::ClientId;

/// See who wants no texts from which number, set it or lift it
#[derive(Args)]
pub(super) struct OptOutCommand {
    /// Whose numbers [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<OptOutAction>,
}

#[derive(Subcommand)]
enum OptOutAction {
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
        channel: Option<TextChannel>,
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Send a person nothing more from a number; what waits to go to them is canceled
    Add(OptOutPairArguments),
    /// Let a number text a person again; a carrier's own list is not changed
    Remove(OptOutPairArguments),
}

#[derive(Args)]
struct OptOutPairArguments {
    /// Ours
    number: String,
    person: String,
    /// Over what; each channel has an entry of its own
    #[arg(long, value_enum, default_value = "sms")]
    channel: TextChannel,
}

impl OptOutCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        match action {
            OptOutAction::List { number, person, channel, limit } => {
                let channel = channel.as_ref().and_then(api::word);
                let filters = [("number", number), ("person", person), ("channel", channel)];
                remote.list_first(limit, "/v1/opt-outs", &filters, "nobody has opted out", line).await
            }
            OptOutAction::Add(pair) => set(&remote, &pair, true).await,
            OptOutAction::Remove(pair) => set(&remote, &pair, false).await,
        }
    }
}

async fn set(remote: &RemoteCommandContext, pair: &OptOutPairArguments, is_out: bool) -> CommandResult {
    let [number, person] = [&pair.number, &pair.person].map(|one| utf8_percent_encode(one, NON_ALPHANUMERIC));
    let body = json!({ "is_out": is_out, "channel": api::name(&pair.channel) });
    remote.show(&remote.api.put(&format!("/v1/opt-outs/{number}/{person}"), &body).await?, line)
}

fn line(entry: &Value) -> String {
    let (number, person) = (field(entry, "number"), output::strong(format!("{:16}", field(entry, "person"))));
    let state = if entry["is_out"] == true { output::bad("out") } else { output::good("in ") };
    let (reason, at) = (field(entry, "reason"), field(entry, "changed_at"));
    format!("{person}  {state}  of {number:16}  {:8}  by {reason}  at {at}", field(entry, "channel"))
}
