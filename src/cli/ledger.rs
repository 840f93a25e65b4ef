//! `switchboard ledger`: clients' money on a running server, and the ledger checked in its store.

mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::api::ServerUrlArguments;
use super::output::{self, OutputArguments, field};
use super::remote::RemoteCommandContext;
use super::{CommandResult, api, escape};
use crate::config::Config;
use crate::model::{ClientId, Money};

/// Look at clients' money, move it by hand, and check that all of it adds up
#[derive(Args)]
pub(super) struct LedgerCommand {
    #[command(subcommand)]
    action: LedgerAction,
    #[command(flatten)]
    server: ServerUrlArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Subcommand)]
enum LedgerAction {
    /// List what has moved a client's balance, newest first
    Show {
        client: ClientId,
        /// So many entries at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Enter what a client has paid in
    Add {
        client: ClientId,
        amount: Money,
        /// What the entry says of it
        #[arg(long)]
        reason: Option<String>,
    },
    /// Take an amount off a balance, and say why
    Deduct {
        client: ClientId,
        amount: Money,
        /// What the entry says of it
        #[arg(long)]
        reason: String,
    },
    /// Make a balance just this, and say why
    Set {
        client: ClientId,
        #[arg(allow_hyphen_values = true)]
        balance: Money,
        /// What the entry says of it
        #[arg(long)]
        reason: String,
    },
    /// Write a period's movements as CSV, with the balance after each
    Statement {
        client: ClientId,
        /// Its begin: RFC 3339, or a day
        #[arg(long, value_name = "TIME")]
        from: String,
        /// Its end: RFC 3339, or a day [default: now]
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
    },
    /// Check the store itself: balances, debits, refunds and their messages
    ///
    /// Needs no server, and changes nothing. Exits 1 when something is wrong.
    Verify,
}

impl LedgerCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        if matches!(self.action, LedgerAction::Verify) {
            return verify::run(&config, self.output).await;
        }
        let remote = RemoteCommandContext { api: self.server.api(&config)?, output: self.output };
        match self.action {
            LedgerAction::Verify => Ok(ExitCode::SUCCESS),
            LedgerAction::Show { client, limit } => {
                remote.list_first(limit, &ledger(client), &[], "nothing was ever moved", line).await
            }
            LedgerAction::Add { client, amount, reason } => {
                post(&remote, client, &json!({"kind": "credit", "amount": amount, "reason": reason})).await
            }
            LedgerAction::Deduct { client, amount, reason } => {
                anyhow::ensure!(amount > Money::ZERO, "the amount to deduct is not above zero");
                post(&remote, client, &json!({"kind": "adjustment", "amount": -amount, "reason": reason})).await
            }
            LedgerAction::Set { client, balance, reason } => {
                post(&remote, client, &json!({"set": balance, "reason": reason})).await
            }
            LedgerAction::Statement { client, from, to } => {
                let query = api::query([("from", Some(from)), ("to", to)]);
                let mut answer = remote.api.get(&format!("/v1/clients/{client}/statement.csv?{query}")).await?;
                let mut text = Vec::new();
                while let Some(part) = answer.chunk().await? {
                    text.extend_from_slice(&part);
                    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                    let rest = text.split_off(end);
                    output::put(escape::lines(&String::from_utf8_lossy(&text)));
                    text = rest;
                }
                output::put(escape::lines(&String::from_utf8_lossy(&text)));
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn ledger(client: ClientId) -> String {
    format!("/v1/clients/{client}/ledger")
}

async fn post(remote: &RemoteCommandContext, client: ClientId, body: &Value) -> CommandResult {
    let words = |entry: &Value| format!("{}  the balance is {}", line(entry), output::strong(field(entry, "balance")));
    remote.post("entered", &ledger(client), Some(body), words).await
}

fn line(entry: &Value) -> String {
    let amount = field(entry, "amount");
    let amount = format!("{amount:>14}");
    let amount = if amount.trim_start().starts_with('-') { output::careful(amount) } else { output::good(amount) };
    let about = entry["message_id"].as_str().or(entry["reason"].as_str()).unwrap_or_default();
    format!("{}  {:10}  {amount}  {about}", field(entry, "created_at"), field(entry, "kind"))
}
