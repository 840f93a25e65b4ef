//! `switchboard account`: credentials at providers, on a running server.

mod change;
mod numbers;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use self::change::ChangeAccountArguments;
use self::numbers::AccountNumbers;
use super::output::{self, field};
use super::remote::RemoteCommand;
use super::{CommandResult, api, secret};
use crate::config::Config;
use crate::model::AccountId;
use crate::model::json::twice;
use crate::provider::CarrierKind;

const ACCOUNTS: &str = "/v1/accounts";
/// The field of credentials that says how a carrier's API is to be spoken.
const DESCRIPTION: &str = "description";

/// Manage accounts: credentials at providers, which numbers send through
///
/// Secrets are asked for, or come from the environment or a file; never from the command line,
/// which others on this machine can see. The server seals them and does not show them again.
#[derive(Args)]
pub(super) struct AccountCommand {
    #[command(flatten)]
    remote: RemoteCommand<AccountAction>,
}

#[derive(Subcommand)]
enum AccountAction {
    Add(AddAccount),
    /// List all accounts, oldest first
    List,
    /// Ask the provider whether it still knows an account's credentials; if so, an account that rests is used again
    Check {
        account: AccountId,
    },
    Change(ChangeAccountArguments),
    Numbers(AccountNumbers),
    /// Forget an account and its credentials; it must have no numbers. Its messages stay
    Delete {
        account: AccountId,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum UncertainChoice {
    /// Look the message up at the provider
    Reconcile,
    /// Send again: a person may be texted twice
    Resend,
    /// Give up: a person may not be texted
    Fail,
}

/// Add an account, after asking the provider whether it knows the credentials
///
/// What is not in --file is asked for, unless the environment has it; the names are below. A webhook
/// token is one of your own (16 characters or more): it stands in the path of the webhooks that you
/// set at the provider. Loopback wants nothing: it sends to nobody, for development.
#[derive(Args)]
#[command(after_long_help = wanted())]
struct AddAccount {
    #[arg(value_parser = providers())]
    provider: CarrierKind,
    /// What you call it
    #[arg(long, default_value = "")]
    name: String,
    /// Credentials as a JSON object, such as {"account_sid": "AC…", "auth_token": "…"}
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// For a provider that is described: the name of a description that comes with the server, or a JSON file
    #[arg(long, value_name = "NAME|FILE.json")]
    description: Option<String>,
    /// Segments a second at most, of each node; 0: no limit [default: what the provider allows, where it says so]
    #[arg(long)]
    rate: Option<u32>,
    /// What to do when a send got no answer [default: what the provider allows]
    #[arg(long, value_enum)]
    uncertain: Option<UncertainChoice>,
    /// The provider answers STOP and HELP itself
    #[arg(long)]
    replies_to_keywords: bool,
    /// Clients may send from what is no number of yours: the provider says what it takes
    #[arg(long)]
    any_sender: bool,
    /// The template by which codes go out over WhatsApp in a language, such as fr=HX…; once for each language
    #[arg(long = "whatsapp-template", value_name = "LANGUAGE=SID", value_parser = template)]
    whatsapp_templates: Vec<(String, String)>,
    /// Do not ask the provider first
    #[arg(long)]
    unchecked: bool,
}

impl AccountCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        match action {
            AccountAction::Add(add) => remote.post("added", ACCOUNTS, Some(&add.body()?), line).await,
            AccountAction::List => remote.list(ACCOUNTS, "no accounts; `switchboard account add` adds one", line).await,
            AccountAction::Check { account } => {
                remote.api.post(&format!("{ACCOUNTS}/{account}/check"), None).await?;
                let known = json!({"id": account.to_string(), "is_valid": true});
                remote.done("good", &known, |_| format!("the provider knows {account}"))
            }
            AccountAction::Change(change) => change.run(&remote).await,
            AccountAction::Numbers(numbers) => numbers.run(remote).await,
            AccountAction::Delete { account } => remote.delete("deleted", ACCOUNTS, account).await,
        }
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

impl AddAccount {
    fn body(&self) -> anyhow::Result<Value> {
        let mut body = json!({
            "provider": self.provider.name(), "name": self.name, "check": !self.unchecked,
            "replies_to_keywords": self.replies_to_keywords, "any_sender": self.any_sender,
            "whatsapp_templates": by_language(&self.whatsapp_templates),
            "credentials": credentials(self.provider, self.file.as_deref(), self.description.as_deref())?,
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

fn template(text: &str) -> Result<(String, String), String> {
    let (language, sid) = text.split_once('=').ok_or("write it as language=SID, such as fr=HX…")?;
    Ok((language.to_owned(), sid.to_owned()))
}

/// As the API has them.
fn by_language(templates: &[(String, String)]) -> Value {
    templates.iter().map(|(language, sid)| (language.clone(), Value::from(sid.as_str()))).collect()
}

/// The providers by their names.
fn providers() -> impl TypedValueParser<Value = CarrierKind> {
    let names = PossibleValuesParser::new(CarrierKind::ALL.map(CarrierKind::name));
    names.try_map(|name| CarrierKind::parse(&name).ok_or("no such provider"))
}

/// The variable of the environment that a field of the credentials is taken from.
fn variable(provider: CarrierKind, field: &str) -> String {
    format!("SWITCHBOARD_{}_{field}", provider.name()).to_uppercase()
}

/// What each provider wants, and where it is looked for.
fn wanted() -> String {
    let mut lines = vec!["What providers want, and the variables that it is taken from:".to_owned()];
    for kind in CarrierKind::ALL {
        for field in kind.profile().credentials {
            let from = if field.is_required { variable(kind, field.name) } else { "only in --file".to_owned() };
            lines.push(format!("  {:10} {:14} {from}", kind.name(), field.name));
        }
    }
    lines.join("\n")
}

/// What is in the file and the description; the rest is asked for.
fn credentials(provider: CarrierKind, file: Option<&Path>, description: Option<&str>) -> anyhow::Result<Value> {
    let mut credentials = file.map(read).transpose()?.unwrap_or_default();
    if let Some(given) = description {
        let is_told = provider.profile().credentials.iter().any(|field| field.name == DESCRIPTION);
        anyhow::ensure!(is_told, "{} needs no --description: this program knows its API", provider.name());
        credentials.insert(DESCRIPTION.to_owned(), described(given)?);
    }
    for field in provider.profile().credentials.iter().filter(|field| field.is_required) {
        if !credentials.contains_key(field.name) {
            let given = secret::ask(&variable(provider, field.name), field.title)?;
            credentials.insert(field.name.to_owned(), given.expose().into());
        }
    }
    Ok(credentials.into())
}

/// A description as the server takes it: the text that is in a file, or a name.
fn described(given: &str) -> anyhow::Result<Value> {
    let path = Path::new(given);
    let is_file = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if is_file { Ok(text(path)?.into()) } else { Ok(given.into()) }
}

/// What is in a file, without the mark that some editors write before it.
fn text(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

fn read(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let (shown, text) = (path.display(), text(path)?);
    // the last would be taken, whichever was meant
    if let Some(name) = twice(text.as_bytes()) {
        anyhow::bail!("{shown} says {name} twice");
    }
    // the reader's own words may quote a secret
    serde_json::from_str(&text).ok().with_context(|| format!("{shown} holds no JSON object"))
}
