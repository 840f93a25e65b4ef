//! `switchboard ledger verify`: the store read from end to end.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::output::{self, OutputArguments};
use crate::cli::{CommandResult, escape};
use crate::config::Config;
use crate::gateway;
use crate::model::Clock;
use crate::service::ledger::verify::{RetentionWindow, verify};
use crate::store::Metrics;

/// Faults that JSON holds at most; all are counted.
const FAULTS: usize = 10_000;

pub(super) async fn run(config: &Config, output: OutputArguments) -> CommandResult {
    let store = gateway::open_store(config, &Metrics::default())?;
    store.check_age().await?;
    anyhow::ensure!(store.has_table("sb_ledger").await?, "the store has no ledger: `switchboard migrate` makes it");
    let keep_ms = config.retention.messages.as_ms();
    let keep = RetentionWindow { clock: Clock::default(), keep_ms: (keep_ms > 0).then_some(keep_ms) };
    let mut told = Vec::new();
    let seen = verify(&store, &keep, |fault| {
        if !output.is_json() {
            output::say(format!("{} {}", output::bad("wrong"), escape::line(&fault.to_string())));
        } else if told.len() < FAULTS {
            told.push(fault.to_string());
        }
    });
    let seen = seen.await?;
    store.close().await;
    let said = json!({
        "clients": seen.clients,
        "entries": seen.entries,
        "messages": seen.messages,
        "faults": seen.faults,
        "wrong": told,
    });
    output.show(&said, |_| {
        let looked = format!(
            "{} clients, {} debits and refunds, {} charged messages",
            seen.clients, seen.entries, seen.messages
        );
        match seen.faults {
            0 => format!("{} {looked}", output::good("clean")),
            count => format!("{} {count} faults in {looked}", output::bad("wrong")),
        }
    });
    Ok(if seen.faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
