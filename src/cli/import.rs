//! `switchboard import`: what older systems have, taken over by a running server.

mod answer;
mod number_list;
mod report;
mod sms_proxy;
mod target;
mod twilio_proxy;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use self::number_list::ImportNumberList;
use self::sms_proxy::ImportSmsProxy;
use self::target::ImportTarget;
use self::twilio_proxy::ImportTwilioProxy;
use super::CommandResult;
use super::api::ApiClient;
use super::output::field;
use super::remote::RemoteCommand;
use crate::config::Config;
use crate::model::{AccountId, ClientId};

/// Take over numbers and sessions of older systems; run again, it takes what is new there
#[derive(Args)]
pub(super) struct ImportCommand {
    /// Whose all of it is from then on [default: the operator's, and of a list of numbers the masked door's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<ImportAction>,
}

#[derive(Subcommand)]
enum ImportAction {
    SmsProxy(ImportSmsProxy),
    TwilioProxy(ImportTwilioProxy),
    Numbers(ImportNumberList),
}

/// What holds for every import.
#[derive(Args)]
struct ImportArguments {
    /// The account at a carrier of numbers that are not here yet
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl ImportCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let client = match &action {
            ImportAction::Numbers(_) if self.client.is_none() => masked(&remote.api, &config).await?,
            _ => self.client,
        };
        let mut target = ImportTarget::new(remote.acting_for(client), action.terms());
        let ended = match action {
            ImportAction::SmsProxy(import) => import.run(&mut target, client.unwrap_or(ClientId::OPERATOR)).await,
            ImportAction::TwilioProxy(import) => import.run(&mut target).await,
            ImportAction::Numbers(import) => import.run(&mut target, &config.compat.masked.pool).await,
        };
        target.report.finish(ended)
    }
}

/// The masked door's own client, where that door is in use: no other's pool is any good to it.
async fn masked(api: &ApiClient, config: &Config) -> anyhow::Result<Option<ClientId>> {
    let masked = &config.compat.masked;
    if !masked.is_on() {
        return Ok(None);
    }
    let clients = api.list("/v1/clients", &[], usize::MAX).await?;
    // the oldest, as the door has it
    let found = clients.iter().rfind(|client| client["name"] == masked.client).with_context(|| {
        let name = &masked.client;
        format!(
            "the server has no client {name}: it makes one when it starts with [compat.masked]; or name one (--client)"
        )
    })?;
    let id: ClientId = field(found, "id").parse().context("the client's id")?;
    Ok(Some(id))
}

impl ImportAction {
    fn terms(&self) -> &ImportArguments {
        match self {
            Self::SmsProxy(import) => &import.terms,
            Self::TwilioProxy(import) => &import.terms,
            Self::Numbers(import) => &import.terms,
        }
    }
}

/// A number as older systems have it, with its plus: `12062992129`, and of North America without its `1`.
fn with_plus(number: &str) -> String {
    let number = number.trim();
    let is_plain = number.bytes().all(|b| b.is_ascii_digit());
    match number.len() {
        10 if is_plain && !number.starts_with(['0', '1']) => format!("+1{number}"),
        11.. if is_plain && !number.starts_with('0') => format!("+{number}"),
        _ => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_their_plus_get_it() {
        for (given, wanted) in [
            ("12062992129", "+12062992129"),
            (" 2062992129 ", "+12062992129"),
            ("+12062992129", "+12062992129"),
            ("447700900123", "+447700900123"),
            ("40404", "40404"),
            ("0206299212", "0206299212"),
            ("07700900123", "07700900123"),
            ("+1 (206) 299-2129", "+1 (206) 299-2129"),
            ("", ""),
        ] {
            assert_eq!(with_plus(given), wanted, "{given}");
        }
    }
}
