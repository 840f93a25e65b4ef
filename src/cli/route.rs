//! `switchboard route`: which account destinations go to, on a running server.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::output::{self, field};
use super::remote::RemoteCommand;
use super::{CommandResult, api};
use crate::config::Config;
use crate::model::{AccountId, ClientId, KeyId, RouteId};

const ROUTES: &str = "/v1/routes";

/// Manage routes: which account a destination's messages go to
#[derive(Args)]
pub(super) struct RouteCommand {
    #[command(flatten)]
    remote: RemoteCommand<RouteCliAction>,
}

#[derive(Subcommand)]
enum RouteCliAction {
    /// Add a rule: destinations that match go to an account
    Add {
        /// A regular expression, anchored at its start, such as '\+237'
        pattern: String,
        /// Which account they go to
        #[arg(long, value_name = "ID")]
        account: AccountId,
        #[command(flatten)]
        terms: RouteArguments,
    },
    /// List all rules, in the order in which they are asked
    List,
    /// Say which rule would win for a destination, and why
    Explain(ExplainRoute),
    /// Change a rule
    Change {
        route: RouteId,
        /// A regular expression, anchored at its start, such as '\+237'
        #[arg(long)]
        pattern: Option<String>,
        /// Which account they go to
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
        #[command(flatten)]
        terms: RouteArguments,
    },
    /// Take a rule away
    Delete { route: RouteId },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ChannelArgument {
    Sms,
    /// Texts with pictures
    Mms,
    Whatsapp,
    Voice,
}

#[derive(Clone, Copy, ValueEnum)]
enum ChannelOrAll {
    Sms,
    Whatsapp,
    Voice,
    All,
}

#[derive(Args)]
struct RouteArguments {
    /// Lower ones are asked first [new rules: 100]
    #[arg(long, allow_hyphen_values = true)]
    priority: Option<i32>,
    /// The only channel that it is for [new rules: all]
    #[arg(long, value_enum)]
    channel: Option<ChannelOrAll>,
    /// What you call it
    #[arg(long)]
    name: Option<String>,
}

#[derive(Args)]
struct ExplainRoute {
    to: String,
    /// What would be sent
    #[arg(long, value_enum, default_value = "sms")]
    channel: ChannelArgument,
    /// The sender that is asked for: a number, or a pool's id
    #[arg(long)]
    from: Option<String>,
    /// Whose message it would be [default: the operator's]
    #[arg(long, value_name = "ID")]
    client: Option<ClientId>,
    /// The key that would ask for it: it may have an account of its own
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
}

impl RouteArguments {
    fn body(&self, pattern: Option<&str>, account: Option<AccountId>) -> Value {
        let channel = self.channel.map(|channel| match channel {
            ChannelOrAll::All => Value::Null,
            one => api::name(&one).unwrap_or_default(),
        });
        api::fields([
            ("pattern", pattern.map(Value::from)),
            ("account_id", account.map(|id| id.to_string().into())),
            ("priority", self.priority.map(Value::from)),
            ("channel", channel),
            ("name", self.name.as_deref().map(Value::from)),
        ])
    }
}

impl RouteCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        match action {
            RouteCliAction::Add { pattern, account, terms } => {
                let mut body = terms.body(Some(&pattern), Some(account));
                if body["priority"].is_null() {
                    body["priority"] = 100.into();
                }
                remote.post("added", ROUTES, Some(&body), line).await
            }
            RouteCliAction::List => remote.list(ROUTES, "no routes; `switchboard route add` adds one", line).await,
            RouteCliAction::Explain(explain) => {
                remote.read(&format!("{ROUTES}/explain?{}", query(&explain)), explained).await
            }
            RouteCliAction::Change { route, pattern, account, terms } => {
                let body = terms.body(pattern.as_deref(), account);
                remote.patch("changed", &format!("{ROUTES}/{route}"), &body, line).await
            }
            RouteCliAction::Delete { route } => remote.delete("deleted", ROUTES, route).await,
        }
    }
}

fn query(explain: &ExplainRoute) -> String {
    api::query([
        ("to", Some(explain.to.clone())),
        ("channel", api::word(&explain.channel)),
        ("from", explain.from.clone()),
        ("client", explain.client.map(|id| id.to_string())),
        ("key", explain.key.map(|id| id.to_string())),
    ])
}

fn explained(said: &Value) -> String {
    let mut lines: Vec<String> = said["routes"].as_array().into_iter().flatten().map(looked).collect();
    let from = match said["from"].as_str() {
        Some(from) => output::good(format!("from {from} through {}", field(said, "account_id"))),
        None => output::bad("not sent"),
    };
    let rate = said["rate_id"].as_str().unwrap_or("the usual price");
    lines.push(format!("{from}  at {} ({rate})  {}", field(said, "price"), field(said, "reason")));
    lines.join("\n")
}

fn looked(one: &Value) -> String {
    let verdict = match field(one, "verdict") {
        name @ "wins" => output::good(format!("{name:9}")),
        name @ ("down" | "deleted" | "waits") => output::bad(format!("{name:9}")),
        name => output::dim(format!("{name:9}")),
    };
    let (pattern, account) = (output::strong(field(one, "pattern")), field(one, "account_id"));
    format!("{verdict}  {:>6}  {pattern}  to {account}  {}", one["priority"], field(one, "reason"))
}

fn line(route: &Value) -> String {
    let (id, pattern) = (field(route, "id"), output::strong(field(route, "pattern")));
    let channel = route["channel"].as_str().unwrap_or("all");
    let account = field(route, "account_id");
    let account =
        if route["has_account"] == true { account.to_owned() } else { output::bad(format!("{account}, deleted")) };
    format!("{id}  {:>6}  {pattern}  {channel}  to {account}  {}", route["priority"], field(route, "name"))
}
