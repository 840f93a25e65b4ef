//! `switchboard verify templates`: how codes are told, by name and language.

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::output::{self, field};
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::VerificationTemplateId;

const TEMPLATES: &str = "/v1/verification-templates";

#[derive(Subcommand)]
pub(super) enum TemplateAction {
    /// List all templates: yours, the operator's, and those that come with the server
    List,
    /// Show a template
    Show { template: VerificationTemplateId },
    /// Make a template; those of one name are one text in several languages
    Add {
        name: String,
        /// What is sent, with {code} where the code stands; also {name}, {minutes}, and places of your own
        body: String,
        /// Its language, such as en or pt-BR
        #[arg(long, value_name = "LANGUAGE")]
        locale: String,
    },
    /// Change what is given
    Change(ChangeTemplate),
    /// Delete a template
    Delete { template: VerificationTemplateId },
}

#[derive(Args)]
pub(super) struct ChangeTemplate {
    template: VerificationTemplateId,
    /// What it is called
    #[arg(long)]
    name: Option<String>,
    /// Its language
    #[arg(long, value_name = "LANGUAGE")]
    locale: Option<String>,
    /// What is sent
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
}

fn body(name: Option<&str>, locale: Option<&str>, body: Option<&str>) -> Value {
    api::fields([("name", name.map(Value::from)), ("locale", locale.map(Value::from)), ("body", body.map(Value::from))])
}

impl TemplateAction {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        match self {
            Self::List => remote.list(TEMPLATES, "no templates", line).await,
            Self::Show { template } => remote.read(&format!("{TEMPLATES}/{template}"), lines).await,
            Self::Add { name, body: text, locale } => {
                let new = body(Some(&name), Some(&locale), Some(&text));
                remote.post("created", TEMPLATES, Some(&new), line).await
            }
            Self::Change(ChangeTemplate { template, name, locale, body: text }) => {
                let change = body(name.as_deref(), locale.as_deref(), text.as_deref());
                remote.patch("changed", &format!("{TEMPLATES}/{template}"), &change, line).await
            }
            Self::Delete { template } => remote.delete("deleted", TEMPLATES, template).await,
        }
    }
}

fn line(template: &Value) -> String {
    let text = field(template, "body").replace('\n', " / ");
    format!("{}  {}  {text}", field(template, "id"), head(template))
}

fn lines(template: &Value) -> String {
    format!("{}  {}\n\n{}", field(template, "id"), head(template), field(template, "body"))
}

/// What it is called, in which language, and whose it is where it is not one's own.
fn head(template: &Value) -> String {
    let owner = Some(field(template, "owner")).filter(|owner| *owner != "own");
    let owner = owner.map(|owner| format!("  {owner}")).unwrap_or_default();
    format!("{}  {}{owner}", output::strong(field(template, "name")), field(template, "locale"))
}
