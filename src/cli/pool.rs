//! `switchboard pool`: a client's numbers that send together, and how they are chosen, on a running server.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{self, field};
use super::remote::RemoteCommand;
use super::{CommandResult, api};
use crate::config::Config;
use crate::model::{ClientId, DurationSetting, HookFormat, NumberId, PoolChoice, PoolId, PoolOrder};

const POOLS: &str = "/v1/pools";

/// Manage pools: numbers of a client that send together, the same number to the same recipient
#[derive(Args)]
pub(super) struct PoolCommand {
    /// Whose pools [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<PoolAction>,
}

#[derive(Subcommand)]
enum PoolAction {
    /// Make a pool without numbers
    Create {
        name: String,
        #[command(flatten)]
        settings: PoolArguments,
    },
    /// List all pools with their numbers, newest first
    List,
    /// Change what is given; empty takes a text, a time to live or a URL away
    Change {
        pool: PoolId,
        /// What it is called
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        settings: PoolArguments,
    },
    /// Give a pool another name
    Rename { pool: PoolId, name: String },
    /// Put a number into a pool, out of any other
    Put { pool: PoolId, number: NumberId },
    /// Take a number out of a pool
    Take { pool: PoolId, number: NumberId },
    /// Let a pool's numbers go; they stay the client's
    Delete { pool: PoolId },
}

#[derive(Args)]
struct PoolArguments {
    /// Which of the numbers that fit a person in a session comes first: one that they had before (sticky); or those
    /// that they had before come last (avoid_sticky) [new pools: sticky]
    #[arg(long, value_name = "CHOICE", value_parser = PoolChoice::ALL.map(PoolChoice::name))]
    choice: Option<String>,
    /// In which order numbers are looked at for a session: those near the person first, or any [new pools: near]
    #[arg(long, value_name = "ORDER", value_parser = PoolOrder::ALL.map(PoolOrder::name))]
    order: Option<String>,
    /// Have each number in one open session at most, in which everybody has the same one
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    exclusive: Option<bool>,
    /// How long ago a person's session on a number must have ended before it is as good as others for them [new pools:
    /// 1h]
    #[arg(long, value_name = "DURATION")]
    rest: Option<DurationSetting>,
    /// What everybody in a session is texted when it begins, for sessions that do not say otherwise
    #[arg(long, value_name = "TEXT")]
    start_text: Option<String>,
    /// What they are texted when it ends, likewise
    #[arg(long, value_name = "TEXT")]
    end_text: Option<String>,
    /// How long after the last text or call a session ends that does not say otherwise, such as 7d
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// Who is asked before a text is passed on in a session that names no URL itself
    #[arg(long, value_name = "URL")]
    intercept_url: Option<String>,
    /// Who is asked when somebody texts who is in no session at the number
    #[arg(long, value_name = "URL")]
    out_of_session_url: Option<String>,
    /// How they are asked: in JSON, or by a form, as Twilio Proxy asks [new pools: json]
    #[arg(long, value_name = "FORMAT", value_parser = HookFormat::ALL.map(HookFormat::name))]
    hook_format: Option<String>,
}

impl PoolArguments {
    fn body(&self, name: Option<&str>) -> Value {
        api::fields([
            ("name", name.map(Value::from)),
            ("choice", self.choice.as_deref().map(Value::from)),
            ("order", self.order.as_deref().map(Value::from)),
            ("exclusive", self.exclusive.map(Value::from)),
            ("rest", self.rest.map(|rest| rest.to_string().into())),
            ("start_text", api::clearable(self.start_text.as_deref())),
            ("end_text", api::clearable(self.end_text.as_deref())),
            ("ttl", api::clearable(self.ttl.as_deref())),
            ("intercept_url", api::clearable(self.intercept_url.as_deref())),
            ("out_of_session_url", api::clearable(self.out_of_session_url.as_deref())),
            ("hook_format", self.hook_format.as_deref().map(Value::from)),
        ])
    }
}

impl PoolCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        match action {
            PoolAction::Create { name, settings } => {
                remote.post("created", POOLS, Some(&settings.body(Some(&name))), line).await
            }
            PoolAction::List => remote.list(POOLS, "no pools; `switchboard pool create` makes one", line).await,
            PoolAction::Change { pool, name, settings } => {
                let body = settings.body(name.as_deref());
                remote.patch("changed", &format!("{POOLS}/{pool}"), &body, line).await
            }
            PoolAction::Rename { pool, name } => {
                remote.patch("changed", &format!("{POOLS}/{pool}"), &json!({ "name": name }), line).await
            }
            PoolAction::Put { pool, number } => {
                let pool = remote.api.put(&format!("{POOLS}/{pool}/numbers/{number}"), &json!({})).await?;
                remote.done("put", &pool, line)
            }
            PoolAction::Take { pool, number } => {
                remote.delete("taken", &format!("{POOLS}/{pool}/numbers"), number).await
            }
            PoolAction::Delete { pool } => remote.delete("deleted", POOLS, pool).await,
        }
    }
}

fn line(pool: &Value) -> String {
    let numbers: Vec<_> = pool["numbers"].as_array().into_iter().flatten().map(|one| field(one, "number")).collect();
    let exclusive = if pool["exclusive"] == true { "  exclusive" } else { "" };
    format!("{}  {}{exclusive}  {}", field(pool, "id"), output::strong(field(pool, "name")), numbers.join(" "))
}
