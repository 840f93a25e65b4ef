//! `switchboard verify`: codes that prove a phone, on a running server.

mod code;
mod country;
mod guard;
mod limit;
mod service;
mod template;

use clap::{Args, Subcommand};

use self::code::CodeAction;
use self::country::CountryAction;
use self::guard::GuardAction;
use self::limit::LimitAction;
use self::service::ServiceAction;
use self::template::TemplateAction;
use super::CommandResult;
use super::remote::RemoteCommand;
use crate::config::Config;
use crate::model::ClientId;

/// Prove phones by codes, and say how codes are told
#[derive(Args)]
pub(super) struct VerifyCommand {
    /// Whose codes [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<VerifyAction>,
}

#[derive(Subcommand)]
enum VerifyAction {
    #[command(flatten)]
    Code(CodeAction),
    /// What the codes of one purpose have in common
    #[command(subcommand)]
    Services(ServiceAction),
    /// How codes are told, by name and language
    #[command(subcommand)]
    Templates(TemplateAction),
    /// How often codes may be sent, by limits of a client's own
    #[command(subcommand)]
    Limits(LimitAction),
    /// The countries, prefixes and dear numbers that may be sent to
    #[command(subcommand)]
    Countries(CountryAction),
    /// The guard against pumping: what it decided, how a number stands, whom it never blocks
    #[command(subcommand)]
    Guard(GuardAction),
}

impl VerifyCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        match action {
            VerifyAction::Code(action) => action.run(&remote).await,
            VerifyAction::Services(action) => action.run(&remote).await,
            VerifyAction::Templates(action) => action.run(&remote).await,
            VerifyAction::Limits(action) => action.run(&remote).await,
            VerifyAction::Countries(action) => action.run(&remote).await,
            VerifyAction::Guard(action) => action.run(&remote).await,
        }
    }
}
