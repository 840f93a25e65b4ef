//! `switchboard rate`: what destinations cost, on a running server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::{self, field};
use super::remote::RemoteCommand;
use super::route::ChannelArgument;
use super::{CommandResult, api, escape};
use crate::config::Config;
use crate::model::{Money, RateId};

const RATES: &str = "/v1/rates";
const CARD: &str = "/v1/rates.csv";

/// Manage rates: what a segment, a text with pictures, or a call, to a destination costs
///
/// The longest prefix of the destination decides, and of one prefix the rate that began last among those in force.
#[derive(Args)]
pub(super) struct RateCommand {
    #[command(flatten)]
    remote: RemoteCommand<RateAction>,
}

#[derive(Subcommand)]
enum RateAction {
    /// Add a price of the destinations with a prefix
    Add {
        channel: ChannelArgument,
        /// Digits such as 237; '' for all destinations
        prefix: String,
        price: Money,
        /// When it comes into force: RFC 3339, or a day [default: now]
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// When it ends: RFC 3339, or a day [default: when a later one begins]
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// List rates, by channel, prefix and time
    List {
        /// Of this channel only
        #[arg(long)]
        channel: Option<ChannelArgument>,
        /// Of destinations that begin with these digits
        #[arg(long, default_value = "")]
        prefix: String,
        /// In force at this time: RFC 3339, or a day
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 200)]
        limit: usize,
    },
    /// Change a price, or when it ends
    Change {
        rate: RateId,
        /// What a segment, a text with pictures, or a call costs
        #[arg(long, value_name = "AMOUNT")]
        price: Option<Money>,
        /// When it ends: RFC 3339, or a day; empty: when a later one begins
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Take rates from a CSV file, all or none: channel,prefix,price,from,until
    Import {
        /// `-` for standard input
        file: PathBuf,
        /// Rates that are not in the file go
        #[arg(long)]
        replace: bool,
    },
    /// Write all rates as CSV, as import takes them
    Export,
    /// Take a rate away
    Delete { rate: RateId },
}

impl RateCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        match action {
            RateAction::Add { channel, prefix, price, from, until } => {
                let body = api::fields([
                    ("channel", api::name(&channel)),
                    ("prefix", Some(prefix.into())),
                    ("price", Some(price.to_string().into())),
                    ("from", from.map(Value::from)),
                    ("until", until.map(Value::from)),
                ]);
                remote.post("added", RATES, Some(&body), line).await
            }
            RateAction::List { channel, prefix, at, limit } => {
                let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
                let filters = [("channel", channel.as_ref().and_then(api::word)), ("prefix", prefix), ("at", at)];
                remote.list_first(limit, RATES, &filters, "no rates: the usual prices are asked", line).await
            }
            RateAction::Change { rate, price, until } => {
                let price = price.map(|price| price.to_string().into());
                let body = api::fields([("price", price), ("until", api::clearable(until.as_deref()))]);
                remote.patch("changed", &format!("{RATES}/{rate}"), &body, line).await
            }
            RateAction::Import { file, replace } => {
                let done = remote.api.post_csv(&format!("{CARD}?replace={replace}"), api::read_file(&file)?).await?;
                remote.done("imported", &done, imported)
            }
            RateAction::Export => {
                output::put(escape::lines(&remote.api.get(CARD).await?.text().await?));
                Ok(ExitCode::SUCCESS)
            }
            RateAction::Delete { rate } => remote.delete("deleted", RATES, rate).await,
        }
    }
}

fn imported(done: &Value) -> String {
    let lines = done["channels"].as_object().into_iter().flatten();
    let lines: Vec<_> = lines.map(|(channel, count)| format!("{channel} {count}")).collect();
    let (added, replaced, removed) = (&done["added"], &done["replaced"], &done["removed"]);
    format!("{added} added, {replaced} replaced, {removed} removed: {}", lines.join(", "))
}

fn line(rate: &Value) -> String {
    let (id, channel) = (field(rate, "id"), field(rate, "channel"));
    let (prefix, price) = (output::strong(format!("{:15}", field(rate, "prefix"))), field(rate, "price"));
    let until = rate["until"].as_str().map(|until| format!(" until {until}")).unwrap_or_default();
    format!("{id}  {channel:8}  {prefix}  {price:>12}  from {}{until}", field(rate, "from"))
}
