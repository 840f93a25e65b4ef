//! What the codes of one purpose have in common.

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::output::{self, field};
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::VerificationServiceId;

const SERVICES: &str = "/v1/verification-services";

#[derive(Subcommand)]
pub(super) enum ServiceAction {
    /// Make a service
    Create {
        /// Whose codes they are, as the texts say
        name: String,
        #[command(flatten)]
        settings: ServiceSettingArguments,
    },
    /// List services, the newest first
    List,
    /// Show one service
    Show { service: VerificationServiceId },
    /// Change what its next codes have in common
    Change {
        service: VerificationServiceId,
        /// What it is called from then on
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        settings: ServiceSettingArguments,
    },
    /// Take a service away; what is pending may still be opened
    Delete { service: VerificationServiceId },
}

#[derive(Args)]
pub(super) struct ServiceSettingArguments {
    /// Digits of a code
    #[arg(long, value_name = "N")]
    code_length: Option<u8>,
    /// How long a code opens its verification, such as 10m
    #[arg(long, value_name = "SPAN")]
    ttl: Option<String>,
    /// Whether callers may choose the code
    #[arg(long, value_name = "BOOL")]
    custom_code: Option<bool>,
    /// The language of its texts
    #[arg(long)]
    locale: Option<String>,
}

impl ServiceAction {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        let to = |id: VerificationServiceId| format!("{SERVICES}/{id}");
        match self {
            Self::Create { name, settings } => {
                remote.post("created", SERVICES, Some(&settings.body(Some(name))), line).await
            }
            Self::List => {
                let none = "no services; `switchboard verify services create` makes one";
                remote.list(SERVICES, none, line).await
            }
            Self::Show { service } => remote.read(&to(service), line).await,
            Self::Change { service, name, settings } => {
                remote.patch("changed", &to(service), &settings.body(name), line).await
            }
            Self::Delete { service } => remote.delete("deleted", SERVICES, service).await,
        }
    }
}

impl ServiceSettingArguments {
    fn body(self, name: Option<String>) -> Value {
        api::fields([
            ("name", name.map(Value::from)),
            ("code_length", self.code_length.map(Value::from)),
            ("ttl", self.ttl.map(Value::from)),
            ("custom_code", self.custom_code.map(Value::from)),
            ("locale", self.locale.map(Value::from)),
        ])
    }
}

fn line(one: &Value) -> String {
    format!("{}  {}", field(one, "id"), output::strong(field(one, "name")))
}
