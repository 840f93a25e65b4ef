//! `switchboard import`: what older systems have, taken over by a running server.

mod number_list;
mod report;
mod sms_proxy;
mod target;
mod twilio_proxy;

use clap::{Args, Subcommand};

use self::number_list::ImportNumberList;
use self::sms_proxy::ImportSmsProxy;
use self::twilio_proxy::ImportTwilioProxy;
use super::CommandResult;
use super::remote::RemoteCommand;
use crate::config::Config;
use crate::model::{AccountId, ClientId};

/// Take over numbers and sessions of older systems; run again, it takes what is new there
#[derive(Args)]
pub(super) struct ImportCommand {
    /// Whose all of it is from then on [default: the operator's]
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
        let remote = remote.acting_for(self.client);
        let client = self.client.unwrap_or(ClientId::OPERATOR);
        let report = match action {
            ImportAction::SmsProxy(import) => import.run(remote, client).await?,
            ImportAction::TwilioProxy(import) => import.run(remote).await?,
            ImportAction::Numbers(import) => import.run(remote).await?,
        };
        Ok(report.finish())
    }
}

/// A number as older systems have it, with its plus: `12062992129`, and of North America without its `1`.
fn with_plus(number: &str) -> String {
    let number = number.trim();
    let is_plain = number.bytes().all(|b| b.is_ascii_digit());
    match number.len() {
        10 if is_plain && !number.starts_with(['0', '1']) => format!("+1{number}"),
        11.. if is_plain => format!("+{number}"),
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
            ("+1 (206) 299-2129", "+1 (206) 299-2129"),
            ("", ""),
        ] {
            assert_eq!(with_plus(given), wanted, "{given}");
        }
    }
}
