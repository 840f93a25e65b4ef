//! `switchboard number`: senders of a running server, and what a text to them means.

mod import;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use self::import::ImportNumbers;
use super::output::{self, field};
use super::remote::RemoteCommand;
use super::{CommandResult, api};
use crate::config::Config;
use crate::model::{AccountId, ClientId, NumberId, PoolId};
use crate::service::number::NumberCapability;

const NUMBERS: &str = "/v1/numbers";

/// Manage numbers: what messages are sent from, and what a text to them means
#[derive(Args)]
pub(super) struct NumberCommand {
    /// Whose numbers [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<NumberAction>,
}

#[derive(Subcommand)]
enum NumberAction {
    Add(AddNumber),
    Import(ImportNumbers),
    /// List all numbers, newest first
    List {
        /// Only this one
        #[arg(long)]
        number: Option<String>,
        /// Only those of this country: two letters (ISO 3166-1), such as GB
        #[arg(long, value_name = "COUNTRY")]
        country: Option<String>,
        /// Only those in this pool
        #[arg(long, value_name = "ID")]
        pool: Option<PoolId>,
        /// Only those that are reserved, or are not
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        reserved: Option<bool>,
    },
    Change(ChangeNumberArguments),
    /// Ask a provider what it knows of a number, anybody's
    Lookup {
        number: String,
        /// The account whose provider is asked [default: the oldest that can be, loopback last]
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
    },
    /// Let a number go; its messages stay
    Delete {
        number: NumberId,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum InboundTextChoice {
    /// Texts to it become message.received events
    Forward,
    /// Texts to it come from paired phones, and go to a platform
    Encrypted,
}

/// Take a number into use: +14155550100, a short code, or a sender name
#[derive(Args)]
struct AddNumber {
    number: String,
    /// The account that it belongs to [default: the only one]
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    #[command(flatten)]
    uses: NumberArguments,
}

/// Change a number's account, rate, what a text to it means, or whether it is ever chosen
#[derive(Args)]
struct ChangeNumberArguments {
    number: NumberId,
    /// The account that it belongs to
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    #[command(flatten)]
    uses: NumberArguments,
}

#[derive(Args)]
struct NumberArguments {
    /// What it can do; may be repeated [new numbers: sms]
    #[arg(
        long = "capability",
        value_name = "CAPABILITY",
        value_parser = NumberCapability::ALL.map(NumberCapability::name)
    )]
    capabilities: Vec<String>,
    /// What a text to it means [new numbers: forward]
    #[arg(long, value_enum)]
    meaning: Option<InboundTextChoice>,
    /// The platform that encrypted texts go to; empty takes it away
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// Segments a second at most; 0: no limit
    #[arg(long)]
    rate: Option<u32>,
    /// Never choose it, so that it is drained: its open sessions go on, and who names it still sends from it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reserved: Option<bool>,
}

impl NumberArguments {
    fn body(&self, account: Option<AccountId>) -> Value {
        api::fields([
            ("account_id", account.map(|id| id.to_string().into())),
            ("capabilities", (!self.capabilities.is_empty()).then(|| self.capabilities.clone().into())),
            ("meaning", self.meaning.as_ref().and_then(api::name)),
            ("platform", api::clearable(self.platform.as_deref())),
            ("rate", self.rate.map(Value::from)),
            ("reserved", self.reserved.map(Value::from)),
        ])
    }
}

impl NumberCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        match action {
            NumberAction::Add(add) => {
                let account = match add.account {
                    Some(account) => account,
                    None => only_account(&remote.api).await?,
                };
                let mut body = add.uses.body(Some(account));
                body["number"] = add.number.as_str().into();
                remote.post("added", NUMBERS, Some(&body), line).await
            }
            NumberAction::Import(import) => import.run(&remote).await,
            NumberAction::List { number, country, pool, reserved } => {
                let filters = [
                    ("number", number),
                    ("country", country),
                    ("pool_id", pool.map(|id| id.to_string())),
                    ("reserved", reserved.map(|reserved| reserved.to_string())),
                ];
                let none = "no numbers; `switchboard number add` adds one";
                remote.list_first(usize::MAX, NUMBERS, &filters, none, line).await
            }
            NumberAction::Change(change) => {
                let body = change.uses.body(change.account);
                remote.patch("changed", &format!("{NUMBERS}/{}", change.number), &body, line).await
            }
            NumberAction::Lookup { number, account } => {
                let query = account.map(|id| format!("?account_id={id}")).unwrap_or_default();
                let number = utf8_percent_encode(&number, NON_ALPHANUMERIC);
                remote.read(&format!("/v1/lookup/{number}{query}"), known).await
            }
            NumberAction::Delete { number } => remote.delete("deleted", NUMBERS, number).await,
        }
    }
}

/// Where there is one account, nobody needs to name it.
async fn only_account(api: &api::ApiClient) -> anyhow::Result<AccountId> {
    let accounts = api.list("/v1/accounts", &[], usize::MAX).await?;
    let [account] = accounts.as_slice() else {
        anyhow::bail!("there are {} accounts: name one with --account (`switchboard account list`)", accounts.len());
    };
    field(account, "id").parse().context("the account's id")
}

fn known(said: &Value) -> String {
    let is_valid = if said["is_valid"] == true { output::good("valid") } else { output::bad("not valid") };
    let (number, country) = (output::strong(field(said, "number")), field(said, "country"));
    format!("{number}  {is_valid}  {country}  {}", field(said, "national_format"))
}

fn line(number: &Value) -> String {
    let (id, address, country) = (field(number, "id"), field(number, "number"), field(number, "country"));
    let meaning = match number["platform"].as_str() {
        Some(platform) => format!("{} for {platform}", field(number, "meaning")),
        None => field(number, "meaning").to_owned(),
    };
    let (address, capabilities) = (output::strong(format!("{address:16}")), output::joined(number, "capabilities"));
    let reserved = if number["reserved"] == true { "  reserved" } else { "" };
    format!("{id}  {address}  {country:2}  {capabilities}  {meaning}  on {}{reserved}", field(number, "account_id"))
}
