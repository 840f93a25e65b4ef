//! `switchboard client`: consumers of a running server's API.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Outcome;
use super::api::{self, Remote};
use super::output::{self, field};
use crate::config::Config;
use crate::model::{ClientId, Money};

/// Manage clients: consumers of the API, with keys and balances
#[derive(Args)]
pub(super) struct ClientCommand {
    #[command(flatten)]
    remote: Remote<Action>,
}

#[derive(Subcommand)]
enum Action {
    Add(Add),
    /// List all clients, newest first
    List,
    /// Show a client with all that is known of it
    Show {
        client: ClientId,
    },
    Change(Change),
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
struct Add {
    name: String,
    #[command(flatten)]
    profile: Profile,
    /// What it has paid in already
    #[arg(long, value_name = "AMOUNT")]
    balance: Option<Money>,
    #[command(flatten)]
    terms: Terms,
}

/// Change what is given; empty takes a text away
#[derive(Args)]
struct Change {
    client: ClientId,
    /// What it is called
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    profile: Profile,
    #[command(flatten)]
    terms: Terms,
    /// Whether its keys and its token work
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
}

#[derive(Args)]
struct Terms {
    /// How far below zero its balance may fall
    #[arg(long, value_name = "AMOUNT")]
    credit_limit: Option<Money>,
    /// Below what balance a balance.low event is told
    #[arg(long, value_name = "AMOUNT")]
    low_at: Option<String>,
    /// Where numbers are that it writes without a country code, such as GB [default: number.country of the server]
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
}

#[derive(Args)]
struct Profile {
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

fn text(value: Option<String>) -> Option<Value> {
    value.map(|text| if text.is_empty() { Value::Null } else { text.into() })
}

fn amount(value: Option<Money>) -> Option<Value> {
    value.map(|amount| amount.to_string().into())
}

fn body(profile: Profile, terms: &Terms) -> Value {
    api::fields([
        ("email", text(profile.email)),
        ("company", text(profile.company)),
        ("phone", text(profile.phone)),
        ("address", text(profile.address)),
        ("site", text(profile.site)),
        ("notes", text(profile.notes)),
        ("credit_limit", amount(terms.credit_limit)),
        ("low_at", text(terms.low_at.clone())),
        ("country", text(terms.country.clone())),
    ])
}

impl ClientCommand {
    pub(super) async fn run(self, config: Config) -> Outcome {
        let (action, api, output) = self.remote.open(&config)?;
        match action {
            Action::Add(add) => {
                let mut body = body(add.profile, &add.terms);
                body["name"] = add.name.into();
                if let Some(balance) = amount(add.balance) {
                    body["balance"] = balance;
                }
                let client = api.post("/v1/clients", Some(&body)).await?;
                output.show_done("added", &client, with_token);
            }
            Action::List => {
                let clients = api.list("/v1/clients", &[], usize::MAX).await?;
                output.list(&clients, "no clients; `switchboard client add` adds one", line);
            }
            Action::Show { client } => {
                let client = api.read(&format!("/v1/clients/{client}")).await?;
                output.show(&client, all);
            }
            Action::Change(change) => {
                let mut body = body(change.profile, &change.terms);
                for (name, value) in
                    [("name", change.name.map(Value::from)), ("is_active", change.active.map(Value::from))]
                {
                    if let Some(value) = value {
                        body[name] = value;
                    }
                }
                let client = api.patch(&format!("/v1/clients/{}", change.client), &body).await?;
                output.show_done("changed", &client, line);
            }
            Action::Delete { client } => {
                api.delete(&format!("/v1/clients/{client}")).await?;
                output.tell_done("deactivated", client);
            }
            Action::Token { client } => {
                let client = api.post(&format!("/v1/clients/{client}/token"), None).await?;
                output.show_done("rotated", &client, with_token);
            }
        }
        Ok(ExitCode::SUCCESS)
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

fn all(client: &Value) -> String {
    let rest = [
        "sid",
        "email",
        "company",
        "phone",
        "address",
        "site",
        "notes",
        "country",
        "credit_limit",
        "low_at",
        "created_at",
    ];
    let rest = rest.iter().filter(|name| !client[**name].is_null());
    rest.fold(line(client), |all, name| format!("{all}\n{name:13} {}", field(client, name)))
}
