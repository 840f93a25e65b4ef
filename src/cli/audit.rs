//! `switchboard audit`: what administrators of a running server did.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::CommandResult;
use super::api::ServerUrlArguments;
use super::output::{self, OutputArguments, field};
use crate::config::Config;

/// See what administrators did: who, what, when and from where
///
/// With --json, what it was done to is shown as it was before and as it was after.
#[derive(Args)]
pub(super) struct AuditCommand {
    /// Done to the thing with this id
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Done at this time or later, such as 2030-01-31 or 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Done before this time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// So many at most, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    server: ServerUrlArguments,
    #[command(flatten)]
    output: OutputArguments,
}

impl AuditCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let filters = [("object", self.object), ("from", self.from), ("before", self.before)];
        let entries = self.server.api(&config)?.list("/v1/audit", &filters, self.limit).await?;
        self.output.list(&entries, "nothing was done", line);
        Ok(ExitCode::SUCCESS)
    }
}

fn line(entry: &Value) -> String {
    let (at, action) = (field(entry, "at"), output::strong(format!("{:20}", field(entry, "action"))));
    let (object, who) = (field(entry, "object"), field(entry, "who"));
    format!("{at}  {action}  {object}  by {who}  from {}", field(entry, "address"))
}
