//! `switchboard client`: consumers of a running server's API.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::{self, field};
use super::remote::RemoteCommand;
use super::{CommandResult, api};
use crate::config::Config;
use crate::model::{ClientId, Money};

const CLIENTS: &str = "/v1/clients";

/// Manage clients: consumers of the API, with keys and balances
#[derive(Args)]
pub(super) struct ClientCommand {
    #[command(flatten)]
    remote: RemoteCommand<ClientAction>,
}

#[derive(Subcommand)]
enum ClientAction {
    Add(AddClient),
    /// List all clients, newest first
    List,
    /// Show a client with all that is known of it
    Show {
        client: ClientId,
    },
    Change(ChangeClientArguments),
    /// Deactivate a client: its keys and its token no longer work, messages under way finish
    Delete {
        client: ClientId,
    },
    /// Make a new auth token, shown this once; the old one ends at once
    Token {
        client: ClientId,
    },
}

/// Add a client; its auth token is shown this once
#[derive(Args)]
struct AddClient {
    name: String,
    #[command(flatten)]
    profile: ProfileArguments,
    /// What it has paid in already
    #[arg(long, value_name = "AMOUNT")]
    balance: Option<Money>,
    #[command(flatten)]
    terms: ClientAttributeArguments,
}

/// Change what is given; empty takes a text away
#[derive(Args)]
struct ChangeClientArguments {
    client: ClientId,
    /// What it is called
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    profile: ProfileArguments,
    #[command(flatten)]
    terms: ClientAttributeArguments,
    /// Whether its keys and its token work
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
}

#[derive(Args)]
struct ClientAttributeArguments {
    /// How far below zero its balance may fall
    #[arg(long, value_name = "AMOUNT")]
    credit_limit: Option<Money>,
    /// Below what balance a balance.low event is told
    #[arg(long, value_name = "AMOUNT")]
    low_at: Option<String>,
    /// The country in which this client's numbers without a country code are read: two letters (ISO 3166-1), such as GB
    /// [default: number.country of the server]
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
}

#[derive(Args)]
struct ProfileArguments {
    /// Where to write to them
    #[arg(long)]
    email: Option<String>,
    /// Whom they work for
    #[arg(long)]
    company: Option<String>,
    /// Where to call them
    #[arg(long)]
    phone: Option<String>,
    /// Where they are
    #[arg(long)]
    address: Option<String>,
    /// Their web site
    #[arg(long)]
    site: Option<String>,
    /// What else you want to remember
    #[arg(long)]
    notes: Option<String>,
}

fn amount(value: Option<Money>) -> Option<Value> {
    value.map(|amount| amount.to_string().into())
}

fn body(profile: &ProfileArguments, terms: &ClientAttributeArguments) -> Value {
    let text = |given: &Option<String>| api::clearable(given.as_deref());
    api::fields([
        ("email", text(&profile.email)),
        ("company", text(&profile.company)),
        ("phone", text(&profile.phone)),
        ("address", text(&profile.address)),
        ("site", text(&profile.site)),
        ("notes", text(&profile.notes)),
        ("credit_limit", amount(terms.credit_limit)),
        ("low_at", text(&terms.low_at)),
        ("country", text(&terms.country)),
    ])
}

impl ClientCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        match action {
            ClientAction::Add(add) => {
                let mut body = body(&add.profile, &add.terms);
                body["name"] = add.name.into();
                if let Some(balance) = amount(add.balance) {
                    body["balance"] = balance;
                }
                remote.post("added", CLIENTS, Some(&body), with_token).await
            }
            ClientAction::List => remote.list(CLIENTS, "no clients; `switchboard client add` adds one", line).await,
            ClientAction::Show { client } => remote.read(&format!("{CLIENTS}/{client}"), all).await,
            ClientAction::Change(change) => {
                let mut body = body(&change.profile, &change.terms);
                if let Some(name) = change.name {
                    body["name"] = name.into();
                }
                if let Some(is_active) = change.active {
                    body["is_active"] = is_active.into();
                }
                remote.patch("changed", &format!("{CLIENTS}/{}", change.client), &body, line).await
            }
            ClientAction::Delete { client } => remote.delete("deactivated", CLIENTS, client).await,
            ClientAction::Token { client } => {
                remote.post("rotated", &format!("{CLIENTS}/{client}/token"), None, with_token).await
            }
        }
    }
}

fn line(client: &Value) -> String {
    let state = if client["is_active"] == true { output::good("active") } else { output::careful("inactive") };
    let (id, balance) = (field(client, "id"), output::strong(format!("{:>14}", field(client, "balance"))));
    format!("{id}  {balance}  {state}  {}", field(client, "name"))
}

fn with_token(client: &Value) -> String {
    let (sid, token) = (field(client, "sid"), output::strong(field(client, "auth_token")));
    format!("{}\naccount SID  {sid}\nauth token   {token}  (not shown again)", line(client))
}

/// What is shown of it besides, where it is known.
const REST: &str = "sid email company phone address site notes country credit_limit low_at created_at";

fn all(client: &Value) -> String {
    let rest = REST.split(' ').filter(|name| !client[*name].is_null());
    rest.fold(line(client), |all, name| format!("{all}\n{name:13} {}", field(client, name)))
}
