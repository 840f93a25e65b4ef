//! `switchboard account`: credentials at providers, on a running server.

mod change;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use self::change::Change;
use super::api::{self, Remote};
use super::output::{self, field};
use super::{Outcome, secret};
use crate::config::Config;
use crate::model::{AccountId, bom};

/// Manage accounts: credentials at providers, which numbers send through
///
/// Secrets are asked for, or come from the environment or a file; never from the command line,
/// which others on this machine can see. The server seals them and does not show them again.
#[derive(Args)]
pub(super) struct AccountCommand {
    #[command(flatten)]
    remote: Remote<Action>,
}

#[derive(Subcommand)]
enum Action {
    Add(Add),
    /// List all accounts, oldest first
    List,
    /// Ask the provider whether it still knows an account's credentials; if so, an account that rests is used again
    Check {
        account: AccountId,
    },
    Change(Change),
    /// Forget an account and its credentials; it must have no numbers. Its messages stay
    Delete {
        account: AccountId,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Provider {
    Twilio,
    Flowroute,
    Loopback,
}

#[derive(Clone, Copy, ValueEnum)]
enum Uncertain {
    /// Look the message up at the provider
    Reconcile,
    /// Send again: a person may be texted twice
    Resend,
    /// Give up: a person may not be texted
    Fail,
}

/// Add an account, after asking the provider whether it knows the credentials
///
/// Twilio wants an account SID and an auth token, and can have an API key with its secret. Flowroute
/// wants an access key, a secret key, and a webhook token of your own (16 characters or more), which
/// stands in the path of the webhooks that you set there. Loopback wants nothing: it sends to
/// nobody, for development.
///
/// What is not in --file is asked for, unless the environment has it:
/// SWITCHBOARD_TWILIO_ACCOUNT_SID, SWITCHBOARD_TWILIO_AUTH_TOKEN, SWITCHBOARD_FLOWROUTE_ACCESS_KEY,
/// SWITCHBOARD_FLOWROUTE_SECRET_KEY, SWITCHBOARD_FLOWROUTE_WEBHOOK_TOKEN.
#[derive(Args)]
struct Add {
    provider: Provider,
    /// What you call it
    #[arg(long, default_value = "")]
    name: String,
    /// Credentials as a JSON object, such as {"account_sid": "AC…", "auth_token": "…"}
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Segments a second at most, of each node; 0: no limit [default: 5 for Flowroute, else 0]
    #[arg(long)]
    rate: Option<u32>,
    /// What to do when a send got no answer [default: what the provider allows]
    #[arg(long, value_enum)]
    uncertain: Option<Uncertain>,
    /// The provider answers STOP and HELP itself
    #[arg(long)]
    replies_to_keywords: bool,
    /// Clients may send from what is no number of yours: the provider says what it takes
    #[arg(long)]
    any_sender: bool,
    /// Do not ask the provider first
    #[arg(long)]
    unchecked: bool,
}

impl AccountCommand {
    pub(super) async fn run(self, config: Config) -> Outcome {
        let (action, api, output) = self.remote.open(&config)?;
        match action {
            Action::Add(add) => {
                let body = add.body()?;
                let account = api.post("/v1/accounts", Some(&body)).await?;
                output.show_done("added", &account, line);
            }
            Action::List => {
                let accounts = api.list("/v1/accounts", &[], usize::MAX).await?;
                output.list(&accounts, "no accounts; `switchboard account add` adds one", line);
            }
            Action::Check { account } => {
                api.post(&format!("/v1/accounts/{account}/check"), None).await?;
                let known = json!({"id": account.to_string(), "is_valid": true});
                output.show_done("good", &known, |_| format!("the provider knows {account}"));
            }
            Action::Change(change) => {
                let account = change.run(&api).await?;
                output.show_done("changed", &account, line);
            }
            Action::Delete { account } => {
                api.delete(&format!("/v1/accounts/{account}")).await?;
                output.tell_done("deleted", account);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(account: &Value) -> String {
    let rate = match account["rate"].as_i64() {
        None | Some(0) => "no limit".to_owned(),
        Some(rate) => format!("{rate} segments/s"),
    };
    let (id, provider, name) = (field(account, "id"), field(account, "provider"), field(account, "name"));
    let line =
        format!("{id}  {}  {rate}  {}  {name}", output::strong(format!("{provider:9}")), field(account, "uncertain"));
    let rests = account["resting"]
        .as_object()
        .map(|_| format!("  {} {}", output::bad("rests:"), field(&account["resting"], "reason")));
    let until = |what: &str, token: &Value| format!("  {what} until {}", field(token, "until"));
    let next = account["next_token"].as_object().map(|_| until("next", &account["next_token"]));
    let earlier = account["earlier_tokens"].as_array().into_iter().flatten().map(|token| until("earlier", token));
    [line].into_iter().chain(rests).chain(next).chain(earlier).collect()
}

impl Add {
    fn body(&self) -> anyhow::Result<Value> {
        let mut body = json!({
            "provider": api::name(&self.provider), "name": self.name, "check": !self.unchecked,
            "replies_to_keywords": self.replies_to_keywords, "any_sender": self.any_sender,
            "credentials": credentials(self.provider, self.file.as_deref())?,
        });
        if let Some(rate) = self.rate {
            body["rate"] = json!(rate);
        }
        if let Some(uncertain) = &self.uncertain {
            body["uncertain"] = json!(api::name(uncertain));
        }
        Ok(body)
    }
}

/// What is in the file; the rest is asked for.
fn credentials(provider: Provider, file: Option<&Path>) -> anyhow::Result<Value> {
    let mut credentials = file.map(read).transpose()?.unwrap_or_default();
    let wanted: &[(&str, &str, &str)] = match provider {
        Provider::Twilio => &[
            ("account_sid", "SWITCHBOARD_TWILIO_ACCOUNT_SID", "account SID"),
            ("auth_token", "SWITCHBOARD_TWILIO_AUTH_TOKEN", "auth token"),
        ],
        Provider::Flowroute => &[
            ("access_key", "SWITCHBOARD_FLOWROUTE_ACCESS_KEY", "access key"),
            ("secret_key", "SWITCHBOARD_FLOWROUTE_SECRET_KEY", "secret key"),
            ("webhook_token", "SWITCHBOARD_FLOWROUTE_WEBHOOK_TOKEN", "webhook token"),
        ],
        Provider::Loopback => &[],
    };
    for (name, variable, question) in wanted {
        if !credentials.contains_key(*name) {
            let given = secret::ask(variable, question)?;
            credentials.insert((*name).to_owned(), given.expose().into());
        }
    }
    Ok(credentials.into())
}

fn read(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(shown)?;
    // the reader's own words may quote a secret
    serde_json::from_slice(bom::skip(text.as_bytes())).ok().with_context(|| format!("{} holds no JSON object", shown()))
}
