//! `switchboard verify guard`: the guard against pumping of a running server.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::cli::output::{self, field};
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::{SafeListEntryId, VerificationId};

const GUARD: &str = "/v1/guard";
const SAFE: &str = "/v1/guard/safe-list";

#[derive(Subcommand)]
pub(super) enum GuardAction {
    /// Show how it is set
    Show,
    /// Refuse what breaks a rule, or only write it down
    Mode { mode: GuardModeArgument },
    /// List what it made of each code, the newest first
    Decisions {
        /// Of this verification
        #[arg(long, value_name = "ID")]
        verification: Option<VerificationId>,
        /// Those that broke this rule, such as prefix_day
        #[arg(long)]
        rule: Option<String>,
        /// Those that were refused
        #[arg(long)]
        refused: bool,
        /// Decided at this time or later: RFC 3339, or a day
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show by what one more code to a number would be judged
    Thresholds {
        number: String,
        /// From where it would be asked for
        #[arg(long, value_name = "ADDRESS")]
        device_ip: Option<String>,
    },
    /// Empty all levels, or those that a number counts in
    Reset { number: Option<String> },
    /// List whom it never blocks
    SafeList {
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Never block a number, a prefix (+1206), a country (US) or a network (192.0.2.0/24)
    AddSafe { kind: SafeKindArgument, value: String },
    /// Take an entry off the safe list
    RemoveSafe { entry: SafeListEntryId },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum GuardModeArgument {
    #[value(name = "record_only")]
    RecordOnly,
    Enforce,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum SafeKindArgument {
    Number,
    Prefix,
    Country,
    Network,
}

impl GuardAction {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        match self {
            Self::Show => remote.read(GUARD, settings).await,
            Self::Mode { mode } => {
                remote.patch("set", GUARD, &api::fields([("mode", api::name(&mode))]), settings).await
            }
            Self::Decisions { verification, rule, refused, from, limit } => {
                let verification = verification.map(|id| id.to_string());
                let allowed = refused.then(|| "false".to_owned());
                let filters = [("verification_id", verification), ("rule", rule), ("allowed", allowed), ("from", from)];
                remote.list_first(limit, "/v1/guard/decisions", &filters, "nothing was decided", decision).await
            }
            Self::Thresholds { number, device_ip } => thresholds(remote, &number, device_ip).await,
            Self::Reset { number } => {
                let body = api::fields([("to", number.map(Value::from))]);
                remote.api.post("/v1/guard/reset", Some(&body)).await?;
                remote.output.tell_done("emptied", "levels");
                Ok(ExitCode::SUCCESS)
            }
            Self::SafeList { limit } => remote.list_first(limit, SAFE, &[], "nobody is on the safe list", entry).await,
            Self::AddSafe { kind, value } => {
                let body = api::fields([("kind", api::name(&kind)), ("value", Some(value.into()))]);
                remote.post("added", SAFE, Some(&body), entry).await
            }
            Self::RemoveSafe { entry } => remote.delete("removed", SAFE, entry).await,
        }
    }
}

async fn thresholds(remote: &RemoteCommandContext, number: &str, device_ip: Option<String>) -> CommandResult {
    let written = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let from = device_ip.map(|ip| format!("&device_ip={}", written(&ip))).unwrap_or_default();
    remote.read(&format!("/v1/guard/thresholds?to={}{from}", written(number)), standing).await
}

fn settings(guard: &Value) -> String {
    let ratios = &guard["ratios"];
    format!("{}  day {}  hour {}", output::strong(field(guard, "mode")), ratios["day"], ratios["hour"])
}

fn decision(decision: &Value) -> String {
    let verdict = if decision["allowed"] == true { output::good("sent   ") } else { output::bad("refused") };
    let (at, to) = (field(decision, "at"), output::strong(format!("{:16}", field(decision, "to"))));
    let why = ["rule", "exemption", "refused_by"].map(|name| field(decision, name));
    let why: Vec<&str> = why.into_iter().filter(|word| !word.is_empty()).collect();
    format!("{at}  {verdict}  {to}  {:4}  {}", field(decision, "country"), why.join(", "))
}

fn standing(standing: &Value) -> String {
    let figures = standing["figures"].as_array().into_iter().flatten();
    let lines: Vec<String> = figures
        .map(|figure| format!("\n  {:18} {} of {}", field(figure, "rule"), figure["level"], figure["threshold"]))
        .collect();
    let safe = if standing["is_safe"] == true { "  on the safe list" } else { "" };
    format!("{}  {}{safe}{}", field(standing, "country"), field(standing, "prefix"), lines.concat())
}

fn entry(entry: &Value) -> String {
    let value = output::strong(format!("{:20}", field(entry, "value")));
    format!("{}  {:8}  {value}  since {}", field(entry, "id"), field(entry, "kind"), field(entry, "created_at"))
}
